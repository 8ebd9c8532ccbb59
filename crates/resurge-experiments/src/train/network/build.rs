//! A network as the settings describe it, and its first weights.

use super::{Layer, Network};
use crate::train::{Config, LayerSpec, TrainError};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_snn::Learnable;
use resurge_tensor::{Conv2d, Scalar, Shape, Tensor, Window2d};

/// The most weights of a layer, and the most potentials of a layer for one sample: 4 GiB in single precision.
const MOST: u64 = 1 << 30;

/// What is learned.
///
/// ```
/// use resurge_experiments::train::{Config, Network, Preset};
///
/// let settings = ["layers=[\"linear 20 recurrent\", \"linear 10\"]", "learned=[\"threshold\"]"];
/// let network = Network::new(&Config::preset(Preset::Small).with(&settings)?, [1, 28, 28], 10)?;
/// let names: Vec<&str> = network.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
/// let expected = ["linear1", "linear1.recurrent weight", "linear1.threshold", "linear2", "linear2.threshold"];
/// assert_eq!(names, expected);
/// # Ok::<(), resurge_experiments::train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// A layer's weight has the layer's name; what its cells learn has that and its own.
    pub name: String,
    /// Its shape; of a constant `[]`.
    pub shape: Shape,
    /// The number of its layer of cells, from 0.
    pub layer: usize,
    /// What of the cells it is; `None` for the weight before them.
    pub of_cells: Option<Learnable>,
}

impl Parameter {
    /// The constant of the cells that it is, if it is one.
    pub(crate) fn constant(&self) -> Option<Learnable> {
        self.of_cells.filter(|of| *of != Learnable::Recurrent)
    }
}

impl Network {
    /// The network of the settings on images `[C, H, W]`.
    ///
    /// # Errors
    /// [`TrainError::Layer`] names the layer that does not fit those before it, [`TrainError::Config`] a setting.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Network, Preset};
    ///
    /// let config = Config::preset(Preset::Small).with(&["layers=[\"conv 4 29\", \"linear 10\"]"])?;
    /// let error = Network::new(&config, [1, 28, 28], 10).unwrap_err();
    /// assert!(error.to_string().starts_with("layer 1, \"conv 4 29\": "));
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn new(config: &Config, image: [usize; 3], classes: usize) -> Result<Self, TrainError> {
        let mut network = Self {
            cell: config.cell()?,
            steps: config.steps,
            loss: config.loss()?,
            input_trace_decay: config.input_trace_decay()?,
            outputs: [config.between, config.output()?],
            learned: config.learned()?,
            layers: Vec::new(),
            names: Vec::new(),
            parameters: Vec::new(),
            neurons: Vec::new(),
            gain: config.gain,
            still: true,
        };
        let mut signal: Vec<usize> = image.to_vec();
        for (index, &spec) in config.layers.iter().enumerate() {
            network.push(spec, &mut signal).map_err(|problem| TrainError::Layer {
                position: index + 1,
                layer: spec.to_string(),
                problem,
            })?;
        }
        let Some(last) = config.layers.last() else {
            return Err(TrainError::Config(format!(
                "layers is empty, but a network has at least one layer, the last of them \"linear {classes}\", a neuron for \
                 each class"
            )));
        };
        if !matches!(last, LayerSpec::Linear { neurons, .. } if *neurons == classes) {
            return Err(TrainError::Layer {
                position: config.layers.len(),
                layer: last.to_string(),
                problem: format!("the last layer must be \"linear {classes}\", a neuron for each class"),
            });
        }
        Ok(network)
    }

    /// Appends a layer and gives its output's shape.
    fn push(&mut self, spec: LayerSpec, signal: &mut Vec<usize>) -> Result<(), String> {
        let number = self.names.len() + 1;
        let window_error = |error: resurge_tensor::TensorError| error.to_string();
        let image = |signal: &[usize]| match *signal {
            [c, h, w] => Ok([c, h, w]),
            _ => Err("it needs an image, but a linear layer is before it; move it there".to_owned()),
        };
        match spec {
            LayerSpec::Conv { filters, kernel, padding, stride } => {
                let [channels, height, width] = image(signal)?;
                let window = Window2d::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
                let [h, w] = window.positions("conv", [height, width]).map_err(window_error)?;
                let conv = Conv2d::new().with_stride([stride; 2]).with_padding([padding; 2]);
                self.layers.push(Layer::Conv(conv));
                self.learn(format!("conv{number}"), [filters, channels, kernel, kernel].into(), None);
                *signal = vec![filters, h, w];
            }
            LayerSpec::Linear { neurons, recurrent } => {
                self.layers.push(Layer::Linear);
                let own = recurrent.then_some(Learnable::Recurrent);
                self.learn(format!("linear{number}"), [neurons, signal.iter().product()].into(), own);
                *signal = vec![neurons];
            }
            LayerSpec::Pool { size } => {
                let [channels, height, width] = image(signal)?;
                let window = Window2d::new([size; 2]);
                let [h, w] = window.positions("pool", [height, width]).map_err(window_error)?;
                self.layers.push(Layer::Pool(window));
                *signal = vec![channels, h, w];
            }
            LayerSpec::Dropout { probability } => self.layers.push(Layer::Dropout(probability)),
        }
        if number == self.names.len() {
            self.neurons.push(self.count(signal)?);
        }
        Ok(())
    }

    /// Takes in a layer's weight, and what its cells learn: recurrent weights if it has them, and the constants.
    fn learn(&mut self, name: String, weight: Shape, recurrent: Option<Learnable>) {
        let (layer, neurons) = (self.names.len(), weight[0]);
        let own: Vec<Learnable> = recurrent.into_iter().chain(self.learned.iter().copied()).collect();
        self.parameters.push(Parameter { name: name.clone(), shape: weight, layer, of_cells: None });
        self.parameters.extend(own.into_iter().map(|learned| Parameter {
            name: format!("{name}.{learned}"),
            shape: match learned {
                Learnable::Recurrent => [neurons, neurons].into(),
                _ => Shape::default(),
            },
            layer,
            of_cells: Some(learned),
        }));
        self.names.push(name);
    }

    /// The neurons of a new layer, if they and its weights are few enough for any machine.
    fn count(&self, signal: &[usize]) -> Result<usize, String> {
        let product = |extents: &[usize]| extents.iter().try_fold(1_usize, |n, &x| n.checked_mul(x));
        let limited = |extents: &[usize], times: usize, what: &str| {
            let most = usize::try_from(MOST).unwrap_or(usize::MAX);
            match product(extents).filter(|n| n.checked_mul(times).is_some_and(|all| all <= most)) {
                Some(count) => Ok(count),
                None => Err(format!("{what} are more than {MOST}; make it smaller")),
            }
        };
        let layer = self.names.len().saturating_sub(1);
        for parameter in self.parameters.iter().filter(|parameter| parameter.layer == layer) {
            limited(&parameter.shape, 1, "its weights")?;
        }
        limited(signal, self.steps, "its neurons in all time steps")
    }

    /// Seeded weights: uniform in `+- gain * sqrt(6 / inputs of a neuron)` (He et al. 2015), and of recurrent ones
    /// likewise; constants begin with the cell's.
    ///
    /// # Errors
    /// A shape error for weights that cannot be addressed.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Network, Preset};
    ///
    /// let network = Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?;
    /// assert_eq!(network.init::<f32>(1)?, network.init(1)?);
    /// assert_ne!(network.init::<f32>(1)?, network.init(2)?);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn init<S: Scalar>(&self, seed: u64) -> Result<Vec<Tensor<S>>, TrainError> {
        let weights = self.parameters.iter().map(|Parameter { shape, layer, of_cells, .. }| {
            let stream = match of_cells {
                None => *layer as u64,
                // Apart from those of all weights, so that these do not change when a layer becomes recurrent.
                Some(Learnable::Recurrent) => (1 << 32) + *layer as u64,
                Some(constant) => return Ok(Tensor::scalar(S::from_f64(constant.value(&self.cell)))),
            };
            // Keyed by the seed, a stream a layer, and numbers made here: they must not change with a library.
            let mut key = [0; 32];
            key[..8].copy_from_slice(&seed.to_le_bytes());
            key[8] = 1;
            let mut rng = ChaCha8Rng::from_seed(key);
            rng.set_stream(stream);
            let inputs: usize = shape[1..].iter().product();
            let bound = self.gain * (6.0 / inputs.max(1) as f64).sqrt();
            let unit = 1.0 / (1_u64 << 53) as f64;
            Ok(Tensor::from_fn(shape, |_| {
                S::from_f64(bound * (2.0 * (rng.next_u64() >> 11) as f64 * unit - 1.0))
            })?)
        });
        weights.collect()
    }
}
