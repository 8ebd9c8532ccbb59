//! Reading an audit file: bounded by the file's size, and strict.

use super::cell::LayerConstants;
use super::container::{check_header, refused};
use super::description::{Description, Layer};
use super::error::{AuditError, FileError, Result};
use super::reader::Reader;
use resurge_snn::{Loss, Target};
use resurge_tensor::{Bounded, Shape, Tensor};
use safetensors::tensor::SafeTensors;
use std::path::Path;

/// The type of the file's numbers, in whose unit roundoff errors are bounded: 2^-24 of F32, 2^-53 of F64.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, Precision, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// assert_eq!(audit(&file, &AuditOptions::default())?.precision, Precision::F32);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

impl Precision {
    /// The unit roundoff.
    pub(super) fn roundoff(self) -> f64 {
        match self {
            Self::F32 => f64::from(f32::EPSILON) / 2.0,
            Self::F64 => f64::EPSILON / 2.0,
        }
    }

    /// What may be lost of a number where it underflows: in the file's type, or in a bound, which has its square.
    pub(super) fn smallest(self) -> f64 {
        match self {
            Self::F32 => f32::MIN_POSITIVE.into(),
            Self::F64 => 1e-150,
        }
    }

    /// How far a number of this type may be from one computed in `f64`, which is rounded itself.
    pub(super) fn slack(self, x: Bounded) -> f64 {
        (self.roundoff() + Self::F64.roundoff()) * (x.error() + x.value.abs()) + self.smallest()
    }

    /// Whether a number in the file can be the one that was computed.
    pub(super) fn allows(self, recorded: f64, computed: Bounded) -> bool {
        (recorded - computed.value).abs() <= self.slack(computed)
    }
}

/// The tensors of a layer.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerData {
    pub(super) weight: Option<Tensor<f64>>,
    pub(super) bias: Option<Tensor<f64>>,
    pub(super) recurrent: Option<Tensor<f64>>,
    /// What each number of the input is multiplied by.
    pub(super) mask: Option<Tensor<f64>>,
    /// What a weighted sum has of this layer's output, where it is not the last.
    pub(super) loss_weight: Option<Tensor<f64>>,
    pub(super) spikes: Option<Tensor<f64>>,
    pub(super) potentials: Option<Tensor<f64>>,
    pub(super) constants: Option<LayerConstants>,
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
    /// The type in which it was computed, which may be less precise than the file's.
    pub(super) precision: Precision,
}

/// An audit file that is as the format page says.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/goldens/spikingjelly-lif-zero.safetensors".as_ref())?;
/// assert!(audit(&file, &AuditOptions::default())?.matches);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The size of the file, in proportion to which an audit may take time and memory.
    pub(super) bytes: usize,
}

impl AuditFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`]: the file and what is wrong with it.
    ///
    /// ```
    /// use resurge_audit::AuditFile;
    ///
    /// assert!(AuditFile::open("../resurge/tests/audit/goldens/spikingjelly-lif-zero.safetensors".as_ref()).is_ok());
    /// let error = AuditFile::open("/no/such/file".as_ref()).unwrap_err().to_string();
    /// assert!(error.starts_with("/no/such/file: cannot be read: "));
    /// ```
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
    /// use resurge_audit::AuditFile;
    ///
    /// let error = AuditFile::parse(b"no safetensors").unwrap_err().to_string();
    /// assert!(error.contains("not a whole safetensors file"));
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        check_header(bytes)?;
        let container = |error: safetensors::SafeTensorError| refused(bytes, &error.to_string());
        let file = SafeTensors::deserialize(bytes).map_err(container)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(container)?;
        let text = header.metadata().as_ref().and_then(|all| all.get("resurge_audit")).ok_or_else(|| {
            AuditError::description("the metadata", "there is no key `resurge_audit` with the description")
        })?;
        let description = Description::parse(text)?;
        let mut reader = Reader::new(file, bytes.len());
        reader.read(description)
    }

    /// Whether the neurons of a layer have constants of their own, or gradients at them.
    pub(super) fn per_neuron(&self, k: usize) -> bool {
        let own = |g: &Recorded| matches!(&g.of, Of::Learned(layer, _) if *layer == k) && g.value.len() > 1;
        self.layers[k].constants.as_ref().is_some_and(LayerConstants::vary) || self.gradients.iter().any(own)
    }

    /// What multiplies a weighted sum; it alone has parts of layers that are not the last.
    pub(super) fn sum_scale(&self) -> f64 {
        match self.description.loss {
            Loss::WeightedSum { scale } => scale,
            _ => 1.0,
        }
    }

    /// Whether layer `k` is before batch normalisation, which takes away whatever its bias adds: the gradient of that is 0,
    /// and what frameworks have is the rounding of it.
    pub(super) fn bias_vanishes(&self, k: usize) -> bool {
        matches!(self.description.layers.get(k + 1), Some(Layer::BatchNorm(_)))
    }

    /// The number of steps and the size of the batch.
    pub(super) fn extent(&self) -> (usize, usize) {
        (self.input.shape()[0], self.input.shape()[1])
    }

    /// The same file with the first steps and samples alone, without what was recorded of the run.
    pub(super) fn cropped(&self, steps: usize, samples: usize) -> Result<Self> {
        let (_, all_samples) = self.extent();
        let crop = |tensor: &Tensor<f64>| -> Result<Tensor<f64>> {
            let width: usize = tensor.shape()[2..].iter().product();
            let mut shape = tensor.shape().to_vec();
            (shape[0], shape[1]) = (steps, samples);
            let row = |t: usize| &tensor.as_slice()[t * all_samples * width..][..samples * width];
            let values = (0..steps).flat_map(row).copied().collect();
            Ok(Tensor::from_vec(&shape[..], values)?)
        };
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
            for of_the_run in [&mut layer.mask, &mut layer.loss_weight] {
                *of_the_run = of_the_run.as_ref().map(crop).transpose()?;
            }
        }
        Ok(this)
    }
}

#[cfg(test)]
pub(crate) mod tests;
