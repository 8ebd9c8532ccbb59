//! The network of a training: built from the settings, written once for every scalar.

mod build;
mod loss;

pub use build::Parameter;

use super::TrainError;
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Cell, CellOutput, CellRun, Learnable, Loss, avg_pool2d, conv2d, dropout, flatten, linear};
use resurge_tensor::{Conv2d, Scalar, Tensor, Window2d};

/// A spiking network on images: convolutions and linear layers without bias, cells after each, which exchange traces or
/// spikes and may see their own of the step before.
///
/// Cells of one recurrence run fused; those with more options, with recurrent weights or with learned constants run step
/// by step on the tape.
///
/// An image that stands still is given once, `[1, B, C, H, W]`. The network sees it in every step through the trace
/// filter, equation (3), from a trace of 0 on: `(1 - beta_s^(t + 1)) x`. That factor and the first weight commute, so
/// the first layer is computed once. Events come as traces `[T, B, C, H, W]`: see [`of_traces`](Network::of_traces).
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_tensor::Tensor;
/// use resurge_experiments::train::{Config, Network, Preset};
///
/// let network = Network::new(&Config::preset(Preset::Mnist), [1, 28, 28], 10)?;
/// assert_eq!(network.names(), ["conv1", "conv2", "linear3", "linear4"]);
/// let mut tape = Tape::<f32>::new();
/// let parameters: Vec<_> = network.init(1)?.into_iter().map(|w| tape.leaf(w)).collect();
/// let images = tape.constant(Tensor::full([1, 2, 1, 28, 28], 0.5)?);
/// let pass = network.forward(&mut tape, &parameters, images, None)?;
/// assert_eq!(tape.value(pass.output)?.shape(), &[5, 2, 10].into());
/// let loss = network.loss(&mut tape, pass.output, &[3, 7])?;
/// assert_eq!(tape.backward(loss)?.wrt(parameters[0])?.shape(), &[15, 1, 5, 5].into());
/// # Ok::<(), resurge_experiments::train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    cell: Cell,
    steps: usize,
    loss: Loss,
    /// Of the filter through which the input comes in.
    input_trace_decay: f64,
    /// What layers hand on to the next, and the last to the loss.
    outputs: [CellOutput; 2],
    learned: Vec<Learnable>,
    layers: Vec<Layer>,
    names: Vec<String>,
    parameters: Vec<Parameter>,
    /// Neurons of each layer of cells, for one sample.
    neurons: Vec<usize>,
    gain: f64,
    still: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Layer {
    Conv(Conv2d),
    Linear,
    Pool(Window2d),
    Dropout(f64),
}

/// What a network did with a batch.
///
/// ```
/// # use resurge_autodiff::Tape;
/// # use resurge_tensor::Tensor;
/// # use resurge_experiments::train::{Config, Network, Preset};
/// let network = Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?;
/// let mut tape = Tape::<f32>::new();
/// let weights: Vec<_> = network.init(1)?.into_iter().map(|w| tape.leaf(w)).collect();
/// let image = tape.constant(Tensor::full([1, 1, 1, 28, 28], 1.0)?);
/// let pass = network.forward(&mut tape, &weights, image, None)?;
/// assert_eq!((pass.currents.len(), pass.outputs.len()), (2, 2)); // a convolution and a linear layer
/// assert_eq!(pass.outputs.last(), Some(&pass.output));
/// # Ok::<(), resurge_experiments::train::TrainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pass {
    /// The input current of each layer of cells; that of the first is `[1, B, ...]` where the image stands still.
    pub currents: Vec<Var>,
    /// What each layer of cells hands on, `[T, B, ...]`: traces, or spikes from the last where the loss counts them.
    pub outputs: Vec<Var>,
    /// What the last layer hands on, `[T, B, classes]`.
    pub output: Var,
    /// The spikes of each layer of cells, `[T, B, ...]`, where they were computed step by step; those of a fused layer
    /// are in what it hands on.
    pub spikes: Vec<Option<Var>>,
}

/// A layer of cells about to run.
struct Cells<'a> {
    /// The image stands still: the current is `[B, ...]`.
    still: bool,
    output: CellOutput,
    /// What they learn.
    own: &'a [(Learnable, Var)],
}

impl Network {
    /// The same network on traces `[T, B, C, H, W]` instead of still images.
    ///
    /// ```
    /// # use resurge_autodiff::Tape;
    /// # use resurge_tensor::Tensor;
    /// # use resurge_experiments::train::{Config, Network, Preset};
    /// let network = Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?.of_traces();
    /// let mut tape = Tape::<f32>::new();
    /// let weights: Vec<_> = network.init(1)?.into_iter().map(|w| tape.leaf(w)).collect();
    /// let traces = tape.constant(Tensor::zeros([5, 2, 1, 28, 28])?); // of each step its own
    /// let pass = network.forward(&mut tape, &weights, traces, None)?;
    /// assert_eq!(tape.value(pass.currents[0])?.shape()[0], 5);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    #[must_use]
    pub fn of_traces(self) -> Self {
        Self { still: false, ..self }
    }

    /// The names of the layers with cells, such as `conv1`, in order.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Network, Preset};
    ///
    /// let network = Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?;
    /// assert_eq!(network.names(), ["conv1", "linear2"]);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What is learned: of each layer its weight, then what its cells learn.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Network, Preset};
    ///
    /// let network = Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?;
    /// let shapes: Vec<_> = network.parameters().iter().map(|parameter| parameter.shape.clone()).collect();
    /// assert_eq!(shapes, [[4, 1, 5, 5].into(), [10, 144].into()]);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The number of neurons of each layer, for one sample.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Network, Preset};
    ///
    /// let network = Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?;
    /// assert_eq!(network.neurons(), [4 * 24 * 24, 10]);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn neurons(&self) -> &[usize] {
        &self.neurons
    }

    /// The number of time steps.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Network, Preset};
    ///
    /// assert_eq!(Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?.steps(), 5);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The trace decay `beta_s`.
    pub(crate) fn trace_decay(&self) -> f64 {
        self.cell.trace_decay()
    }

    /// What layer `index` hands on.
    pub(crate) fn output_of(&self, index: usize) -> CellOutput {
        let [between, last] = self.outputs;
        if index + 1 == self.names.len() { last } else { between }
    }

    /// Why its cells do not run fused, if they do not: an option of the cell, or something that they learn.
    pub(crate) fn step_by_step(&self) -> Option<String> {
        if let Some(option) = self.cell.beyond_one_recurrence() {
            return Some(format!("its cells have {option}"));
        }
        let learned = self.parameters.iter().find(|parameter| parameter.of_cells.is_some());
        learned.map(|parameter| format!("{} is learned", parameter.name))
    }

    /// Runs the network on images `[1, B, C, H, W]` that stand still (or on traces, if it is one of these). With a seed it
    /// runs for training: dropout is drawn from it. Without, dropout is left out.
    ///
    /// # Errors
    /// [`TrainError::Network`] where the input or the parameters do not fit.
    ///
    /// ```
    /// # use resurge_autodiff::Tape;
    /// # use resurge_tensor::Tensor;
    /// # use resurge_experiments::train::{Config, Network, Preset};
    /// let network = Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?;
    /// let mut tape = Tape::<f32>::new();
    /// let weights: Vec<_> = network.init(1)?.into_iter().map(|w| tape.leaf(w)).collect();
    /// let images = tape.constant(Tensor::full([1, 3, 1, 28, 28], 1.0)?);
    /// let output = network.forward(&mut tape, &weights, images, None)?.output;
    /// assert_eq!(tape.value(output)?.shape(), &[5, 3, 10].into());
    /// assert!(network.forward(&mut tape, &weights[1..], images, None).is_err()); // a weight is missing
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn forward<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        parameters: &[Var],
        input: Var,
        seed: Option<u64>,
    ) -> Result<Pass, TrainError> {
        let fused = self.cell.beyond_one_recurrence().is_none();
        self.walk(tape, parameters, input, seed, |tape, current, cells| {
            let Cells { still, output, own } = cells;
            if fused && own.is_empty() {
                return Ok(match still {
                    true => (self.cell.run_still(tape, current, &self.shown(), output)?, None),
                    false => (self.cell.run_fused(tape, current, output)?, None),
                });
            }
            let current = if still { self.in_every_step(tape, current)? } else { current };
            let mut constants = self.cell.parameters(tape);
            for &(learned, var) in own {
                learned.learn(tape, &mut constants, var)?;
            }
            let CellRun { spikes, outputs, traces, .. } = self.cell.run_with(tape, current, &constants)?;
            let handed_on = match output {
                CellOutput::Spikes => outputs,
                CellOutput::Traces => traces,
            };
            Ok((tape.stack(&handed_on)?, Some(tape.stack(&spikes)?)))
        })
    }

    /// As [`forward`](Self::forward), with another form of the cells: `cells` takes the current `[T, B, ...]` of each
    /// layer in turn and gives what the layer hands on, so that it can keep what it wants to look at.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and those of `cells`; [`TrainError::Config`] where cells learn something of their
    /// own, of which `cells` would not know.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    /// use resurge_experiments::train::{Config, Network, Preset};
    ///
    /// let config = Config::preset(Preset::Small);
    /// let (network, cell) = (Network::new(&config, [1, 28, 28], 10)?, config.cell()?);
    /// let mut tape = Tape::<f64>::new();
    /// let parameters: Vec<_> = network.init(1)?.into_iter().map(|w| tape.leaf(w)).collect();
    /// let images = tape.constant(Tensor::full([1, 2, 1, 28, 28], 0.5)?);
    /// let mut potentials = Vec::new();
    /// let pass = network.forward_through(&mut tape, &parameters, images, None, |tape, current, _| {
    ///     let run = cell.run(tape, current)?;
    ///     potentials.push(run.potentials);
    ///     Ok(tape.stack(&run.traces)?)
    /// })?;
    /// assert_eq!((potentials.len(), potentials[0].len()), (2, 5)); // layers, steps
    /// # let fused = network.forward(&mut tape, &parameters, images, None)?;
    /// # assert_eq!(tape.value(fused.output)?, tape.value(pass.output)?);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn forward_through<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        parameters: &[Var],
        input: Var,
        seed: Option<u64>,
        mut cells: impl FnMut(&mut Tape<S>, Var, CellOutput) -> Result<Var, TrainError>,
    ) -> Result<Pass, TrainError> {
        if let Some(own) = self.parameters.iter().find(|parameter| parameter.of_cells.is_some()) {
            let name = &own.name;
            return Err(TrainError::Config(format!(
                "learned: {name} is learned, which another form of the cells does not see; take a network of weights alone"
            )));
        }
        self.walk(tape, parameters, input, seed, |tape, current, of| {
            let current = if of.still { self.in_every_step(tape, current)? } else { current };
            Ok((cells(tape, current, of.output)?, None))
        })
    }

    /// Goes through the layers; `cells` takes the current of each, `[T, B, ...]` or, where it stands still, `[B, ...]`,
    /// and gives what the layer hands on, and its spikes where it has them.
    fn walk<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        parameters: &[Var],
        input: Var,
        seed: Option<u64>,
        mut cells: impl FnMut(&mut Tape<S>, Var, Cells<'_>) -> Result<(Var, Option<Var>), TrainError>,
    ) -> Result<Pass, TrainError> {
        let (expected, actual) = (self.parameters.len(), parameters.len());
        if expected != actual {
            return Err(resurge_snn::SnnError::ParameterCount { expected, actual }.into());
        }
        let (mut currents, mut outputs, mut spikes) = (Vec::new(), Vec::new(), Vec::new());
        let mut named = self.parameters.iter().zip(parameters).peekable();
        let mut signal = input;
        for (position, layer) in self.layers.iter().enumerate() {
            let weight = match layer {
                Layer::Conv(_) | Layer::Linear => named.next().map(|(_, &weight)| weight),
                Layer::Pool(_) | Layer::Dropout(_) => None,
            };
            let current = match (*layer, weight) {
                (Layer::Conv(conv), Some(weight)) => conv2d(tape, signal, weight, None, conv)?,
                (Layer::Linear, Some(weight)) => {
                    let flat =
                        if tape.value(signal)?.shape().rank() > 3 { flatten(tape, signal)? } else { signal };
                    linear(tape, flat, weight, None)?
                }
                (Layer::Pool(window), _) => {
                    signal = avg_pool2d(tape, signal, window)?;
                    continue;
                }
                (Layer::Dropout(p), _) => {
                    if let Some(seed) = seed {
                        signal = dropout(tape, signal, p, seed.wrapping_add(position as u64))?;
                    }
                    continue;
                }
                (Layer::Conv(_) | Layer::Linear, None) => break,
            };
            let mut own = Vec::new();
            while let Some((Parameter { of_cells: Some(learned), .. }, &var)) =
                named.next_if(|(parameter, _)| parameter.of_cells.is_some())
            {
                own.push((*learned, var));
            }
            currents.push(current);
            let first = currents.len() == 1;
            let still = first && self.still;
            let current = if still {
                // Without the axis of the one step.
                let shape = tape.value(current)?.shape().clone();
                tape.reshape(current, &shape[1..])?
            } else {
                current
            };
            let of = Cells { still, output: self.output_of(outputs.len()), own: &own };
            let fired;
            (signal, fired) = cells(tape, current, of)?;
            outputs.push(signal);
            spikes.push(fired);
        }
        Ok(Pass { currents, outputs, output: signal, spikes })
    }

    /// The current of a still image `[B, ...]` in every step, `[T, B, ...]`.
    fn in_every_step<S: Scalar>(&self, tape: &mut Tape<S>, current: Var) -> Result<Var, TrainError> {
        let shape = tape.value(current)?.shape().clone();
        let every: Vec<usize> = std::iter::once(self.steps).chain(shape.iter().copied()).collect();
        let factors = self.shown();
        let factors = tape.constant(Tensor::from_fn([self.steps, 1], |t| S::from_f64(factors[t]))?);
        let row = tape.reshape(current, [1, shape.checked_len()?])?;
        let product = tape.matmul(factors, row)?;
        Ok(tape.reshape(product, every.as_slice())?)
    }

    /// How much of an image that stands still each step sees: through the trace filter, as layers see each other, or all
    /// of it.
    fn shown(&self) -> Vec<f64> {
        (0..self.steps).map(|t| 1.0 - self.input_trace_decay.powi(t as i32 + 1)).collect()
    }
}
