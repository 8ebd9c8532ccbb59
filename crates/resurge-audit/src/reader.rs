//! The tensors of a file, each checked against the description.

use super::cell::LayerConstants;
use super::description::{Description, Layer, Output};
use super::error::{AuditError, Result};
use super::file::{AuditFile, LayerData, Of, Precision, Recorded};
use super::shapes::{layer_shapes, product};
use resurge_snn::{Loss, Readout, Target};
use resurge_tensor::{Shape, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Reader<'a> {
    file: SafeTensors<'a>,
    precision: Option<Precision>,
    unread: BTreeSet<String>,
    bytes: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: SafeTensors<'a>, bytes: usize) -> Self {
        let unread = file.names().into_iter().map(str::to_owned).collect();
        Self { file, precision: None, unread, bytes }
    }

    pub(super) fn read(&mut self, description: Description) -> Result<AuditFile> {
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
        let sum = matches!(description.loss, Loss::WeightedSum { .. });
        for (k, (data, shape)) in layers.iter_mut().zip(&shapes).enumerate() {
            if sum && k + 1 < shapes.len() {
                data.loss_weight = self.optional(&format!("loss.weight.{k}"), Some(shape))?;
            }
            data.constants = LayerConstants::new(k, &description.layers[k], shape)?;
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
        let bytes = self.bytes;
        Ok(AuditFile { description, precision, input, layers, shapes, target, loss, gradients, bytes })
    }

    /// The one type of all floating-point tensors; but in a file of F64, gradients may be of F32, in which they were
    /// computed.
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
            let file = *self.precision.get_or_insert(precision);
            let computed =
                name.starts_with("gradients.") && (file, precision) == (Precision::F64, Precision::F32);
            if file != precision && !computed {
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
            let found =
                format!("its shape is {}, but {shape} fits the description", Shape::from(view.shape()));
            return Err(AuditError::tensor(name, found, "correct the description or the tensor"));
        }
        let counts = name == "input" || name.starts_with("spikes.") || name.ends_with(".mask");
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
        let one = if value.shape().rank() <= 1 { value.item() } else { None };
        one.ok_or_else(|| AuditError::tensor(name, found, "give it the shape [] or [1]"))
    }

    fn parameters(&mut self, k: usize, layer: &Layer) -> Result<LayerData> {
        let mut data = LayerData::default();
        let (bias, rank) = match layer {
            Layer::Linear(linear) => (linear.bias, 2),
            Layer::Conv2d(conv) => (conv.bias, 4),
            Layer::BatchNorm(norm) => (norm.bias, 1),
            Layer::Mask(_) => {
                data.mask = Some(self.needed(&format!("layers.{k}.mask"), None)?);
                return Ok(data);
            }
            Layer::Neuron(neuron) if neuron.recurrent => {
                data.recurrent = Some(self.needed(&format!("layers.{k}.recurrent"), None)?);
                return Ok(data);
            }
            _ => return Ok(data),
        };
        let name = format!("layers.{k}.weight");
        let weight = self.needed(&name, None)?;
        if weight.shape().rank() != rank || weight.is_empty() {
            let problem = format!("its shape is {}, but it must have {rank} axes", weight.shape());
            return Err(AuditError::tensor(name, problem, "none of them empty; see docs/audit-format.md"));
        }
        if bias {
            data.bias = Some(self.needed(&format!("layers.{k}.bias"), None)?);
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
        match data.spikes.as_ref().and_then(|all| all.as_slice().iter().find(|x| !is_count(x))) {
            Some(x) if whole => {
                let problem = format!("it holds {x}, which is no count of spikes");
                Err(AuditError::tensor(name, problem, "record spikes, 0 or 1 or more"))
            }
            _ => Ok(()),
        }
    }

    fn target(&mut self, description: &Description, layers: &[LayerData], output: &Shape) -> Result<Target> {
        let (batch, neurons) = (output[1], product(&output[2..]));
        match &description.loss {
            Loss::CrossEntropy { .. } => self.classes(batch, neurons).map(Target::Classes),
            Loss::Mse { readout, .. } => {
                let shape: Shape = match readout {
                    Readout::All => [output[0], batch, neurons].into(),
                    _ => [batch, neurons].into(),
                };
                Ok(Target::Values(self.needed("target", Some(&shape))?))
            }
            // No other is read.
            _ => {
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

    /// The gradient of a learned constant: one number, or one a neuron or channel.
    fn of_learned(&mut self, name: &str, features: &[usize]) -> Result<Tensor<f64>> {
        let value = self.needed(name, None)?;
        let shape = value.shape();
        let neurons = product(features);
        let one = shape.rank() <= 1 && value.len() == 1;
        // Of an input without channels, the first feature is the neurons.
        if one || shape[..] == [features[0]] || shape[..] == [neurons] || shape[..] == *features {
            return Ok(value);
        }
        let problem = format!("its shape is {shape}, but the layer's features are {}", Shape::from(features));
        let remedy = "give it the shape [] or [1] of a constant of all neurons, [N] of one a neuron, [C] of one a \
                      channel, or [C, H, W]";
        Err(AuditError::tensor(name, problem, remedy))
    }

    /// A gradient with the type in which it was computed.
    fn recorded(&self, name: String, of: Of, value: Tensor<f64>) -> Recorded {
        let dtype = self.file.tensor(&format!("gradients.{name}")).map(|view| view.dtype());
        let precision = match dtype {
            Ok(Dtype::F32) => Precision::F32,
            _ => self.precision.unwrap_or(Precision::F64),
        };
        Recorded { name, of, value, precision }
    }

    fn gradients(
        &mut self,
        description: &Description,
        layers: &[LayerData],
        input: &Tensor<f64>,
        shapes: &[Shape],
    ) -> Result<Vec<Recorded>> {
        let mut found = Vec::new();
        let mut ungraded: BTreeMap<&String, usize> =
            description.ungraded.iter().enumerate().map(|(i, name)| (name, i)).collect();
        if ungraded.len() < description.ungraded.len() {
            return Err(AuditError::description("`ungraded`", "a name is there twice"));
        }
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
                if ungraded.remove(&name).is_none() {
                    let value = self.needed(&format!("gradients.{name}"), Some(parameter.shape()))?;
                    found.push(self.recorded(name, of, value));
                }
            }
            for learned in description.layers[k].learned().into_iter().flat_map(|learned| learned.keys()) {
                let name = format!("{prefix}{learned}");
                let value = self.of_learned(&format!("gradients.{name}"), &shapes[k][2..])?;
                found.push(self.recorded(name, Of::Learned(k, learned.clone()), value));
            }
            if data.constants.is_some() {
                let name = format!("currents.{k}");
                if let Some(value) = self.optional(&format!("gradients.{name}"), Some(before))? {
                    found.push(self.recorded(name, Of::Currents(k), value));
                }
            }
            before = &shapes[k];
        }
        if let Some((name, i)) = ungraded.first_key_value() {
            let problem = format!("`{name}` is no parameter of the network");
            return Err(AuditError::description(format!("`ungraded[{i}]`"), problem));
        }
        if let Some(value) = self.optional("gradients.input", Some(input.shape()))? {
            found.push(self.recorded("input".into(), Of::Input, value));
        }
        if found.is_empty() {
            let problem = "there is no gradient in the file, so that nothing can be audited";
            return Err(AuditError::description("gradients", problem));
        }
        Ok(found)
    }
}

#[cfg(test)]
pub(crate) mod tests;
