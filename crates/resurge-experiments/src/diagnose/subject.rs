//! What is diagnosed: a network with its weights and some samples.

use super::DiagnoseError;
use crate::train::{Batch, Config, Network};
use resurge_snn::{bernoulli, trace_filter};
use resurge_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// In words, where a network and its input come from.
///
/// ```
/// use resurge_experiments::diagnose::Diagnosis;
///
/// let source = Diagnosis::read("../resurge/examples/results/diagnose".as_ref())?.source;
/// assert!(source.network.contains("fresh weights") && source.input.contains("4 synthetic samples"));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The network and its weights.
    pub network: String,
    /// The input.
    pub input: String,
}

/// A network with its weights and the samples that it sees.
///
/// ```
/// use resurge_experiments::diagnose::{Subject, synthetic};
/// use resurge_experiments::train::{Config, Preset};
///
/// let config = Config::preset(Preset::Small);
/// let batch = synthetic(&config, [1, 28, 28], 10, 4, 0.2, 1)?;
/// let subject = Subject::fresh(config, batch, false, 10)?;
/// assert_eq!(subject.weights()[0].shape(), &[4, 1, 5, 5].into());
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Subject {
    pub(super) config: Config,
    pub(super) batch: Batch,
    pub(super) still: bool,
    pub(super) classes: usize,
    pub(super) weights: Vec<Tensor<f64>>,
    pub(super) source: Source,
}

impl Subject {
    /// A network with the weights that the settings' seed draws. The samples are images `[1, B, C, H, W]` that stand
    /// `still`, or traces `[T, B, C, H, W]`; `classes` is the number of classes that there are.
    ///
    /// # Errors
    /// [`DiagnoseError::Setting`] for samples of another shape, [`DiagnoseError::Train`] for settings that do not fit one
    /// another or the samples.
    ///
    /// ```
    /// use resurge_experiments::diagnose::{Subject, synthetic};
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let config = Config::preset(Preset::Small);
    /// let batch = synthetic(&config, [1, 28, 28], 10, 2, 0.2, 1)?;
    /// let error = Subject::fresh(config, batch, true, 10).unwrap_err(); // they do not stand still
    /// assert!(error.to_string().starts_with("samples have shape [5, 2, 1, 28, 28]"));
    /// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
    /// ```
    pub fn fresh(config: Config, batch: Batch, still: bool, classes: usize) -> Result<Self, DiagnoseError> {
        let expected = if still { 1 } else { config.steps };
        let bad = |value: String, expected| Err(DiagnoseError::Setting { name: "samples", value, expected });
        match batch.input.shape().to_vec()[..] {
            [steps, samples, ..] if samples != batch.classes.len() || steps != expected || samples == 0 => {
                let shape =
                    format!("have shape {}, and {} classes", batch.input.shape(), batch.classes.len());
                bad(shape, "there must be some, with a class each, over all steps (1 if they stand still)")
            }
            [_, _, channels, height, width] => {
                let image = [channels, height, width];
                let weights = Network::new(&config, image, classes)?.init(config.seed)?;
                let source =
                    Source { network: format!("fresh weights, seed {}", config.seed), ..Source::default() };
                Ok(Self { config, batch, still, classes, weights, source })
            }
            _ => bad(format!("have shape {}", batch.input.shape()), "images [T, B, C, H, W] are needed"),
        }
    }

    /// The same network with other weights, such as those of a checkpoint, in the order of the layers.
    ///
    /// # Errors
    /// [`DiagnoseError::Weight`] names the first that does not fit.
    ///
    /// ```
    /// use resurge_experiments::diagnose::{Subject, synthetic};
    /// use resurge_tensor::Tensor;
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let config = Config::preset(Preset::Small);
    /// let batch = synthetic(&config, [1, 28, 28], 10, 2, 0.2, 1)?;
    /// let subject = Subject::fresh(config, batch, false, 10)?;
    /// let error = subject.with_weights([("conv1", &Tensor::zeros([4, 1, 3, 3])?)]).unwrap_err();
    /// assert!(error.to_string().starts_with("weight conv1 has shape [4, 1, 3, 3]"));
    /// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
    /// ```
    pub fn with_weights<'a>(
        self,
        weights: impl IntoIterator<Item = (&'a str, &'a Tensor<f32>)>,
    ) -> Result<Self, DiagnoseError> {
        let mut given = weights.into_iter();
        let weight = |(index, expected): (usize, &Tensor<f64>)| {
            let of = |name: String, actual: String| DiagnoseError::Weight {
                name,
                actual,
                expected: expected.shape().to_string(),
            };
            match given.next() {
                Some((_, weight)) if weight.shape() == expected.shape() => Ok(weight.cast()),
                Some((name, weight)) => Err(of(name.to_owned(), weight.shape().to_string())),
                None => Err(of(format!("of layer {}", index + 1), "nothing".to_owned())),
            }
        };
        let weights = self.weights.iter().enumerate().map(weight).collect::<Result<_, _>>()?;
        if let Some((name, weight)) = given.next() {
            let (actual, expected) = (weight.shape().to_string(), "no such layer".to_owned());
            return Err(DiagnoseError::Weight { name: name.to_owned(), actual, expected });
        }
        Ok(Self { weights, ..self })
    }

    /// The same with words that say where it comes from.
    ///
    /// ```
    /// use resurge_experiments::diagnose::{Source, Subject, diagnose, synthetic};
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
    /// let batch = synthetic(&config, [1, 2, 2], 2, 1, 0.5, 1)?;
    /// let source = Source { network: "mine".into(), input: "noise".into() };
    /// let subject = Subject::fresh(config, batch, false, 2)?.described(source.clone());
    /// assert_eq!(diagnose(&subject)?.source, source);
    /// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
    /// ```
    #[must_use]
    pub fn described(self, source: Source) -> Self {
        Self { source, ..self }
    }

    /// The weights, in the order of the layers.
    ///
    /// ```
    /// use resurge_experiments::diagnose::{Subject, synthetic};
    /// use resurge_experiments::train::{Config, Network, Preset};
    ///
    /// let config = Config::preset(Preset::Small);
    /// let batch = synthetic(&config, [1, 28, 28], 10, 2, 0.2, 1)?;
    /// let drawn = Network::new(&config, [1, 28, 28], 10)?.init(config.seed)?;
    /// assert_eq!(Subject::fresh(config, batch, false, 10)?.weights(), drawn);
    /// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
    /// ```
    pub fn weights(&self) -> &[Tensor<f64>] {
        &self.weights
    }

    /// Samples `from .. to`.
    pub(super) fn part(&self, from: usize, to: usize) -> Result<(Tensor<f64>, &[usize]), DiagnoseError> {
        let mut shape = self.batch.input.shape().to_vec();
        let samples = self.batch.classes.len();
        let sample = self.batch.input.len() / (shape[0] * samples).max(1);
        shape[1] = to - from;
        let steps = self.batch.input.as_slice().chunks_exact((samples * sample).max(1));
        let values = steps.flat_map(|step| &step[from * sample..to * sample]).map(|&x| f64::from(x));
        let input = Tensor::from_vec(shape.as_slice(), values.collect())?;
        Ok((input, &self.batch.classes[from..to]))
    }
}

/// Samples that need no data: in each step each input spikes with probability `rate`, and the spikes pass the trace
/// filter, equation (3). Traces `[T, B, C, H, W]`; the classes are 0, 1, 2, ... in turn.
///
/// # Errors
/// [`DiagnoseError::Train`] for a rate that is no probability.
///
/// ```
/// use resurge_experiments::diagnose::synthetic;
/// use resurge_experiments::train::{Config, Preset};
///
/// let batch = synthetic(&Config::preset(Preset::Small), [1, 28, 28], 10, 12, 1.0, 1)?;
/// assert_eq!(batch.input.shape(), &[5, 12, 1, 28, 28].into());
/// assert_eq!((batch.input.as_slice()[0], batch.classes[11]), (0.5, 1)); // (1 - beta_s) o
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
pub fn synthetic(
    config: &Config,
    image: [usize; 3],
    classes: usize,
    samples: usize,
    rate: f64,
    seed: u64,
) -> Result<Batch, DiagnoseError> {
    let [channels, height, width] = image;
    let intensities = Tensor::full([samples, channels, height, width], rate)?;
    let spikes = bernoulli::<f32>(&intensities, config.steps, seed)?;
    let input = trace_filter(&spikes, config.input_trace_decay()?)?;
    Ok(Batch { input, classes: (0..samples).map(|sample| sample % classes.max(1)).collect() })
}
