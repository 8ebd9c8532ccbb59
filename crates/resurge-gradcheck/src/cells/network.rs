//! A small network of one cell, everything in it learnable, as a program to check.

use crate::{GradcheckError, Program, ProgramResult, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Cell, Learnable, bernoulli, linear, trace_loss};
use resurge_tensor::{Scalar, Tensor};

/// The extents of a [`CellNetwork`].
///
/// ```
/// use resurge_gradcheck::CellExtents;
///
/// let small = CellExtents { steps: 3, ..CellExtents::REGISTRY };
/// assert_eq!((small.sizes, small.steps), ([4, 3, 2], 3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellExtents {
    /// Input, hidden and output neurons.
    pub sizes: [usize; 3],
    /// Time steps.
    pub steps: usize,
    /// Sequences.
    pub batch: usize,
}

impl CellExtents {
    /// Those of the registry: no two sizes alike, so that a transposed product does not fit, and the shortest
    /// sequence in which a neuron fires, rests for two steps and fires again.
    ///
    /// ```
    /// use resurge_gradcheck::CellExtents;
    ///
    /// assert_eq!(CellExtents::REGISTRY.sizes, [4, 3, 2]);
    /// ```
    pub const REGISTRY: Self = Self { sizes: [4, 3, 2], steps: 6, batch: 2 };
}

/// Two layers of one cell between seeded spikes and a loss that reads traces and potentials, as a program whose
/// inputs are all that can be learned.
///
/// The inputs of each layer are its weight `[N, N_in]`, its bias `[N]` and its [`Learnable`]s in the order of
/// that type: one value a neuron, `[N]`, in the first layer, and one value for all, `[]`, in the second, so that
/// both ways of broadcasting are met. The layers exchange traces; with the output's `a` and `u` the loss is
///
/// ```text
/// L = 0.5 sum (a - a*)^2 + sum r u
/// ```
///
/// with a seeded target `a*` and seeded weights `r`.
///
/// ```
/// use resurge_gradcheck::{AnchoredProgram, CellExtents, CellNetwork, rtrl};
/// use resurge_snn::{Cell, Learnable, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let learnables = [Learnable::Decay, Learnable::Recurrent];
/// let network = CellNetwork::new(cell, &learnables, CellExtents::REGISTRY, 1)?;
/// let by_tape = AnchoredProgram::new(&network, network.parameters().to_vec())?;
/// let forwards = rtrl(&network, network.parameters())?;
/// for (a, b) in by_tape.gradient().iter().zip(&forwards.gradient) {
///     assert!((a - b).abs() < 1e-12);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CellNetwork {
    cell: Cell,
    learnables: Vec<Learnable>,
    extents: CellExtents,
    parameters: Vec<Tensor<f64>>,
    input: Tensor<f64>,
    target: Tensor<f64>,
    readout: Tensor<f64>,
}

/// The mean and the half-width of the weights' distribution, times and over the square root of the number of
/// inputs. Inputs that spike in four steps of ten then drive a cell to about its threshold.
const WEIGHTS: (f64, f64) = (2.5, 1.5);

/// Constants differ from the cell's own by up to this, so that no two neurons are alike.
const SPREAD: f64 = 1.0 / 16.0;

impl CellNetwork {
    /// A network with parameters, input and loss drawn by `seed`. Every drawn number is a multiple of 2^-24:
    /// finite differences move it exactly.
    ///
    /// # Errors
    /// [`GradcheckError::NotLearnable`] for something that the cell does not have, or a decay that is to be
    /// learned in two ways; shape errors for extents that cannot be addressed.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert_eq!(network.parameters().len(), 4); // weights and biases of two layers
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(cell: Cell, learnables: &[Learnable], extents: CellExtents, seed: u64) -> Result<Self> {
        let mut learnables = learnables.to_vec();
        learnables.sort_unstable();
        learnables.dedup();
        if let Some(&other) = learnables.iter().find(|l| !l.applies(&cell)) {
            return Err(GradcheckError::NotLearnable { learnable: other });
        }
        if learnables.contains(&Learnable::Decay) && learnables.contains(&Learnable::DecayLogit) {
            return Err(GradcheckError::NotLearnable { learnable: Learnable::DecayLogit });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |low: f64, high: f64| on_grid(low + (high - low) * rng.random::<f64>());
        let mut parameters = Vec::new();
        let [n_in, n_mid, n_out] = extents.sizes;
        for (layer, [n_in, n]) in [[n_in, n_mid], [n_mid, n_out]].into_iter().enumerate() {
            let (mean, half) = WEIGHTS;
            let (mean, half) = (mean / n_in.max(1) as f64, half / (n_in.max(1) as f64).sqrt());
            parameters.push(Tensor::from_fn([n, n_in], |_| draw(mean - half, mean + half))?);
            parameters.push(Tensor::from_fn([n], |_| draw(0.0, 0.125))?);
            for &learnable in &learnables {
                let value = learnable.value(&cell);
                parameters.push(match (learnable, layer) {
                    (Learnable::Recurrent, _) => Tensor::from_fn([n, n], |_| draw(-0.5, 0.5))?,
                    (_, 0) => Tensor::from_fn([n], |_| draw(value - SPREAD, value + SPREAD))?,
                    _ => Tensor::scalar(draw(value - SPREAD, value + SPREAD)),
                });
            }
        }
        let CellExtents { steps, batch, .. } = extents;
        let readout = Tensor::from_fn([steps, batch, n_out], |_| draw(-0.25, 0.25))?;
        let target = Tensor::from_fn([steps, batch, n_out], |_| draw(0.0, 0.75))?;
        let input = bernoulli(&Tensor::full([batch, n_in], 0.4)?, steps, seed)?;
        Ok(Self { cell, learnables, extents, parameters, input, target, readout })
    }

    /// The same network with other parameters drawn into the same places.
    ///
    /// # Errors
    /// As [`check_parameters`](Self::check_parameters).
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// let parameters = network.parameters().to_vec();
    /// assert!(network.clone().with_parameters(parameters).is_ok());
    /// assert!(network.with_parameters(vec![]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_parameters(self, parameters: Vec<Tensor<f64>>) -> Result<Self> {
        self.check_parameters(&parameters)?;
        Ok(Self { parameters, ..self })
    }

    /// The cell of both layers.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert_eq!(network.cell(), &cell);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cell(&self) -> &Cell {
        &self.cell
    }

    /// What each layer learns besides weight and bias, in the order of the inputs.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert!(network.learnables().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn learnables(&self) -> &[Learnable] {
        &self.learnables
    }

    /// The extents.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert_eq!(network.extents(), CellExtents::REGISTRY);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extents(&self) -> CellExtents {
        self.extents
    }

    /// The point at which to check: every input of the program, the first layer's first.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert_eq!(network.parameters()[0].shape(), &[3, 4].into());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parameters(&self) -> &[Tensor<f64>] {
        &self.parameters
    }

    /// The spikes that the first layer receives, `[T, B, N_in]`.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert_eq!(network.input().shape(), &[6, 2, 4].into()); // [T, B, inputs]
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn input(&self) -> &Tensor<f64> {
        &self.input
    }

    /// The target traces `a*`, `[T, B, N_out]`.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert_eq!(network.target().shape(), &[6, 2, 2].into()); // [T, B, outputs]
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn target(&self) -> &Tensor<f64> {
        &self.target
    }

    /// The weights `r` of the potentials in the loss, `[T, B, N_out]`.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert_eq!(network.readout().shape(), network.target().shape());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn readout(&self) -> &Tensor<f64> {
        &self.readout
    }

    /// The name of each input of the program, such as "layer 1 threshold".
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert_eq!(network.names().len(), network.parameters().len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn names(&self) -> Vec<String> {
        let of_layer = |layer: usize| {
            let own = self.learnables.iter().map(|l| l.name());
            ["weight", "bias"].into_iter().chain(own).map(move |name| format!("layer {layer} {name}"))
        };
        (0..2).flat_map(of_layer).collect()
    }

    /// The number of inputs that each layer has.
    pub(crate) fn per_layer(&self) -> usize {
        2 + self.learnables.len()
    }

    /// Whether `parameters` have the network's number and shapes.
    ///
    /// # Errors
    /// [`GradcheckError::Inputs`] for another number, a shape error for another shape.
    ///
    /// ```
    /// use resurge_gradcheck::{CellExtents, CellNetwork};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// assert!(network.check_parameters(network.parameters()).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_parameters(&self, parameters: &[Tensor<f64>]) -> Result<()> {
        self.check_count(parameters.len())?;
        for (own, given) in self.parameters.iter().zip(parameters) {
            if own.shape() != given.shape() {
                let (expected, actual) = (own.shape().clone(), given.shape().clone());
                let op = "cell network parameter";
                return Err(resurge_tensor::TensorError::Shape { op, expected, actual }.into());
            }
        }
        Ok(())
    }

    fn check_count(&self, actual: usize) -> Result<()> {
        let expected = 2 * self.per_layer();
        if actual == expected { Ok(()) } else { Err(GradcheckError::Inputs { expected, actual }) }
    }
}

impl Program for CellNetwork {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        self.check_count(inputs.len())?;
        let mut received = tape.constant(self.input.cast());
        let mut potentials = received;
        for own in inputs.chunks_exact(self.per_layer()) {
            let mut parameters = self.cell.parameters(tape);
            for (learnable, &var) in self.learnables.iter().zip(&own[2..]) {
                learnable.learn(tape, &mut parameters, var)?;
            }
            let current = linear(tape, received, own[0], Some(own[1]))?;
            let run = self.cell.run_with(tape, current, &parameters)?;
            received = tape.stack(&run.traces)?;
            potentials = tape.stack(&run.potentials)?;
        }
        let of_traces = trace_loss(tape, received, &self.target.cast())?;
        let readout = tape.constant(self.readout.cast());
        let of_potentials = tape.mul(potentials, readout)?;
        let of_potentials = tape.sum(of_potentials)?;
        Ok(tape.add(of_traces, of_potentials)?)
    }
}

/// The nearest multiple of 2^-24.
fn on_grid(x: f64) -> f64 {
    (x * f64::from(1 << 24)).round() / f64::from(1 << 24)
}
