//! Reading an audit file: bounded by the file's size, and strict.

use super::cell::Constants;
use super::description::{Description, Layer, Loss, Output, Readout};
use super::error::{AuditError, FileError, Result};
use super::shapes::{layer_shapes, product};
use crate::tensor::{Shape, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeSet;
use std::path::Path;

/// The type of the file's numbers, which decides the tolerances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

impl Precision {
    /// The relative error that is allowed: of a gradient's norm, of a layer's greatest potential, of the loss.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::F32 => 1e-4,
            Self::F64 => 1e-10,
        }
    }

    /// The unit roundoff.
    pub(super) fn roundoff(self) -> f64 {
        match self {
            Self::F32 => f64::from(f32::EPSILON) / 2.0,
            Self::F64 => f64::EPSILON / 2.0,
        }
    }
}

/// What the loss compares the output with.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Classes(Vec<usize>),
    Values(Tensor<f64>),
    Weights { output: Tensor<f64>, potentials: Option<Tensor<f64>> },
}

/// The tensors of a layer.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerData {
    pub(super) weight: Option<Tensor<f64>>,
    pub(super) bias: Option<Tensor<f64>>,
    pub(super) recurrent: Option<Tensor<f64>>,
    pub(super) spikes: Option<Tensor<f64>>,
    pub(super) potentials: Option<Tensor<f64>>,
    pub(super) constants: Option<Constants>,
}

/// What a gradient in the file belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    Weight(usize),
    Bias(usize),
    Recurrent(usize),
    Learned(usize, String),
    Input,
    Currents(usize),
}

/// A gradient as the framework computed it.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) name: String,
    pub(super) of: Of,
    pub(super) value: Tensor<f64>,
}

/// An audit file that is as the format page says.
#[derive(Debug, Clone)]
pub struct AuditFile {
    pub(super) description: Description,
    pub(super) precision: Precision,
    pub(super) input: Tensor<f64>,
    pub(super) layers: Vec<LayerData>,
    /// The shape of each layer's output.
    pub(super) shapes: Vec<Shape>,
    pub(super) target: Target,
    pub(super) loss: f64,
    pub(super) gradients: Vec<Recorded>,
}

impl AuditFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`]: the file and what is wrong with it.
    pub fn open(path: &Path) -> std::result::Result<Self, FileError> {
        let at = |error| FileError { path: path.to_owned(), error };
        let read = |error: std::io::Error| at(AuditError::Read(error.to_string()));
        // A device or a pipe has no size that would bound what is read.
        if !std::fs::metadata(path).map_err(read)?.is_file() {
            return Err(at(AuditError::Read("it is not a regular file; name one".into())));
        }
        Self::parse(&std::fs::read(path).map_err(read)?).map_err(at)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// [`AuditError`] for whatever docs/audit-format.md does not allow.
    ///
    /// ```
    /// use resurge::audit::AuditFile;
    ///
    /// let error = AuditFile::parse(b"no safetensors").unwrap_err().to_string();
    /// assert!(error.contains("not a whole safetensors file"));
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let container = |error: safetensors::SafeTensorError| AuditError::Container(error.to_string());
        let file = SafeTensors::deserialize(bytes).map_err(container)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(container)?;
        let text = header.metadata().as_ref().and_then(|all| all.get("resurge_audit")).ok_or_else(|| {
            AuditError::description("the metadata", "there is no key `resurge_audit` with the description")
        })?;
        let description = Description::parse(text)?;
        let mut reader = Reader::new(file, bytes.len());
        reader.read(description)
    }

    /// The number of steps and the size of the batch.
    pub(super) fn extent(&self) -> (usize, usize) {
        (self.input.shape()[0], self.input.shape()[1])
    }

    /// The same file with the first steps and samples alone, without what was recorded of the run.
    pub(super) fn cropped(&self, steps: usize, samples: usize) -> Result<Self> {
        let (all_steps, all_samples) = self.extent();
        let crop = |tensor: &Tensor<f64>| -> Result<Tensor<f64>> {
            let width: usize = tensor.shape()[2..].iter().product();
            let mut shape = tensor.shape().to_vec();
            (shape[0], shape[1]) = (steps, samples);
            let row = |t: usize| &tensor.as_slice()[t * all_samples * width..][..samples * width];
            let values = (0..steps).flat_map(row).copied().collect();
            Ok(Tensor::from_vec(&shape[..], values)?)
        };
        if (steps, samples) == (all_steps, all_samples) {
            return Ok(self.clone());
        }
        let target = match &self.target {
            Target::Classes(classes) => Target::Classes(classes.iter().take(samples).copied().collect()),
            Target::Values(values) if values.shape().rank() == 3 => Target::Values(crop(values)?),
            Target::Values(values) => {
                let width = values.shape()[1];
                let kept = values.as_slice()[..samples * width].to_vec();
                Target::Values(Tensor::from_vec([samples, width], kept)?)
            }
            Target::Weights { output, potentials } => Target::Weights {
                output: crop(output)?,
                potentials: potentials.as_ref().map(crop).transpose()?,
            },
        };
        let mut this = self.clone();
        (this.input, this.target) = (crop(&self.input)?, target);
        for layer in &mut this.layers {
            (layer.spikes, layer.potentials) = (None, None);
        }
        Ok(this)
    }
}

struct Reader<'a> {
    file: SafeTensors<'a>,
    precision: Option<Precision>,
    unread: BTreeSet<String>,
    bytes: usize,
}

impl<'a> Reader<'a> {
    fn new(file: SafeTensors<'a>, bytes: usize) -> Self {
        let unread = file.names().into_iter().map(str::to_owned).collect();
        Self { file, precision: None, unread, bytes }
    }

    fn read(&mut self, description: Description) -> Result<AuditFile> {
        self.find_precision()?;
        let precision = self.precision.unwrap_or(Precision::F64);
        let input = self.needed("input", None)?;
        if !matches!(input.shape().rank(), 3 | 5) || input.is_empty() {
            let found = format!("its shape is {}", input.shape());
            let remedy = "give it the axes [T, B, N] or [T, B, C, H, W], none of them empty";
            return Err(AuditError::tensor("input", found, remedy));
        }
        let mut layers = Vec::new();
        for (k, layer) in description.layers.iter().enumerate() {
            layers.push(self.parameters(k, layer)?);
        }
        let shapes = layer_shapes(&description, &layers, input.shape(), self.bytes)?;
        let mut before = input.shape().clone();
        for (k, (data, shape)) in layers.iter_mut().zip(&shapes).enumerate() {
            if data.constants.is_some() {
                self.states(k, &description.layers[k], data, shape)?;
            }
            before.clone_from(shape);
        }
        let loss = self.scalar("loss")?;
        let target = self.target(&description, &layers, &before)?;
        let gradients = self.gradients(&description, &layers, &input, &shapes)?;
        if let Some(name) = self.unread.first() {
            let problem = "docs/audit-format.md has no tensor of this name in such a network";
            return Err(AuditError::tensor(name, problem, "remove it, or correct its name"));
        }
        Ok(AuditFile { description, precision, input, layers, shapes, target, loss, gradients })
    }

    /// The one type of all floating-point tensors.
    fn find_precision(&mut self) -> Result<()> {
        let mut names: Vec<String> = self.unread.iter().cloned().collect();
        // The loss has no exception, so that it says what the others must be.
        names.sort_by_key(|name| name != "loss");
        for name in names {
            let found = self.file.tensor(&name).map_err(|e| AuditError::Container(e.to_string()))?.dtype();
            let precision = match found {
                Dtype::F32 => Precision::F32,
                Dtype::F64 => Precision::F64,
                _ => continue,
            };
            if *self.precision.get_or_insert(precision) != precision {
                let remedy = "write all of F32, or all of F64";
                return Err(AuditError::tensor(name, format!("{found:?}, but others differ"), remedy));
            }
        }
        Ok(())
    }

    fn view(&mut self, name: &str) -> Option<TensorView<'a>> {
        self.unread.remove(name).then(|| self.file.tensor(name).ok()).flatten()
    }

    /// A tensor of finite numbers; `None` where there is none of this name.
    fn optional(&mut self, name: &str, shape: Option<&Shape>) -> Result<Option<Tensor<f64>>> {
        let Some(view) = self.view(name) else { return Ok(None) };
        if let Some(shape) = shape.filter(|shape| shape[..] != *view.shape()) {
            let found = format!("its shape is {}, but {shape} fits the description", Shape::from(view.shape()));
            return Err(AuditError::tensor(name, found, "correct the description or the tensor"));
        }
        let counts = name == "input" || name.starts_with("spikes.");
        let data = view.data();
        let values: Vec<f64> = match view.dtype() {
            Dtype::F32 => data.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect(),
            Dtype::F64 => data.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
            Dtype::U8 if counts => data.iter().map(|&x| f64::from(x)).collect(),
            other => {
                let allowed = if counts { "F32, F64 or U8" } else { "F32 or F64" };
                let problem = format!("its numbers are of type {other:?}");
                return Err(AuditError::tensor(name, problem, format!("write {allowed}")));
            }
        };
        if let Some(at) = values.iter().position(|x| !x.is_finite()) {
            let problem = format!("its number {at} is {}", values[at]);
            return Err(AuditError::tensor(name, problem, "record a run whose numbers are all finite"));
        }
        Ok(Some(Tensor::from_vec(Shape::from(view.shape()), values)?))
    }

    fn needed(&mut self, name: &str, shape: Option<&Shape>) -> Result<Tensor<f64>> {
        let missing = || AuditError::tensor(name, "it is missing", "add it, or correct the description");
        self.optional(name, shape)?.ok_or_else(missing)
    }

    fn scalar(&mut self, name: &str) -> Result<f64> {
        let value = self.needed(name, None)?;
        let found = format!("its shape is {}, but it is one number", value.shape());
        value.item().ok_or_else(|| AuditError::tensor(name, found, "give it the shape [] or [1]"))
    }

    fn parameters(&mut self, k: usize, layer: &Layer) -> Result<LayerData> {
        let mut data = LayerData { constants: Constants::of(k, layer)?, ..LayerData::default() };
        let bias = match layer {
            Layer::Linear(linear) => linear.bias,
            Layer::Conv2d(conv) => conv.bias,
            Layer::Neuron(neuron) if neuron.recurrent => {
                data.recurrent = Some(self.needed(&format!("layers.{k}.recurrent"), None)?);
                return Ok(data);
            }
            _ => return Ok(data),
        };
        let rank = if matches!(layer, Layer::Linear(_)) { 2 } else { 4 };
        let name = format!("layers.{k}.weight");
        let weight = self.needed(&name, None)?;
        if weight.shape().rank() != rank || weight.is_empty() {
            let problem = format!("its shape is {}, but it must have {rank} axes", weight.shape());
            return Err(AuditError::tensor(name, problem, "none of them empty; see docs/audit-format.md"));
        }
        if bias {
            data.bias = Some(self.needed(&format!("layers.{k}.bias"), Some(&[weight.shape()[0]].into()))?);
        }
        data.weight = Some(weight);
        Ok(data)
    }

    fn states(&mut self, k: usize, layer: &Layer, data: &mut LayerData, shape: &Shape) -> Result<()> {
        data.potentials = self.optional(&format!("potentials.{k}"), Some(shape))?;
        let Layer::Neuron(neuron) = layer else { return Ok(()) };
        let name = format!("spikes.{k}");
        data.spikes = self.optional(&name, Some(shape))?;
        let whole = neuron.output != Output::Trace || neuron.trace_decay == 0.0;
        let is_count = |x: &f64| *x >= 0.0 && x.fract() == 0.0;
        match data.spikes.as_ref().and_then(|all| all.as_slice().iter().position(|x| !is_count(x))) {
            Some(at) if whole => {
                let problem = format!("its number {at} is no count of spikes");
                Err(AuditError::tensor(name, problem, "record spikes, 0 or 1 or more"))
            }
            _ => Ok(()),
        }
    }

    fn target(&mut self, description: &Description, layers: &[LayerData], output: &Shape) -> Result<Target> {
        let (batch, neurons) = (output[1], product(&output[2..]));
        match &description.loss {
            Loss::CrossEntropy(_) => self.classes(batch, neurons).map(Target::Classes),
            Loss::Mse(terms) => {
                let shape: Shape = match terms.readout {
                    Readout::All => [output[0], batch, neurons].into(),
                    _ => [batch, neurons].into(),
                };
                Ok(Target::Values(self.needed("target", Some(&shape))?))
            }
            Loss::WeightedSum(_) => {
                let weights = self.needed("loss.weight", Some(output))?;
                // Of a layer without potentials, the tensor is unknown.
                let has = layers.last().is_some_and(|layer| layer.constants.is_some());
                let potentials =
                    if has { self.optional("loss.potential_weight", Some(output))? } else { None };
                Ok(Target::Weights { output: weights, potentials })
            }
        }
    }

    fn classes(&mut self, batch: usize, neurons: usize) -> Result<Vec<usize>> {
        let bad = |problem: String| {
            let remedy = format!("write I64 classes of {batch} samples, from 0 to {}", neurons - 1);
            AuditError::tensor("target", problem, remedy)
        };
        let view = self.view("target").ok_or_else(|| bad("it is missing".into()))?;
        if view.dtype() != Dtype::I64 || *view.shape() != [batch] {
            return Err(bad(format!("it is {:?} of shape {}", view.dtype(), Shape::from(view.shape()))));
        }
        let classes = view.data().as_chunks().0.iter().map(|&bytes| {
            let class = i64::from_le_bytes(bytes);
            let known = usize::try_from(class).ok().filter(|&class| class < neurons);
            known.ok_or_else(|| bad(format!("it has the class {class}, of {neurons}")))
        });
        classes.collect()
    }

    fn gradients(
        &mut self,
        description: &Description,
        layers: &[LayerData],
        input: &Tensor<f64>,
        shapes: &[Shape],
    ) -> Result<Vec<Recorded>> {
        let mut found = Vec::new();
        let mut ungraded: BTreeSet<&String> = description.ungraded.iter().collect();
        let mut before = input.shape();
        for (k, data) in layers.iter().enumerate() {
            let prefix = format!("layers.{k}.");
            let parameters = [
                ("weight", &data.weight, Of::Weight(k)),
                ("bias", &data.bias, Of::Bias(k)),
                ("recurrent", &data.recurrent, Of::Recurrent(k)),
            ];
            for (what, parameter, of) in parameters {
                let Some(parameter) = parameter else { continue };
                let name = format!("{prefix}{what}");
                if !ungraded.remove(&name) {
                    let value = self.needed(&format!("gradients.{name}"), Some(parameter.shape()))?;
                    found.push(Recorded { name, of, value });
                }
            }
            for learned in description.layers[k].learned().into_iter().flat_map(|learned| learned.keys()) {
                let name = format!("{prefix}{learned}");
                let value = Tensor::scalar(self.scalar(&format!("gradients.{name}"))?);
                found.push(Recorded { name, of: Of::Learned(k, learned.clone()), value });
            }
            if data.constants.is_some() {
                let name = format!("currents.{k}");
                if let Some(value) = self.optional(&format!("gradients.{name}"), Some(before))? {
                    found.push(Recorded { name, of: Of::Currents(k), value });
                }
            }
            before = &shapes[k];
        }
        if let Some(name) = ungraded.first() {
            let problem = format!("`{name}` is no parameter of the network, or is there twice");
            return Err(AuditError::description("ungraded", problem));
        }
        if let Some(value) = self.optional("gradients.input", Some(input.shape()))? {
            found.push(Recorded { name: "input".into(), of: Of::Input, value });
        }
        if found.is_empty() {
            let problem = "there is no gradient in the file, so that nothing can be audited";
            return Err(AuditError::description("gradients", problem));
        }
        Ok(found)
    }
}
