//! A feed-forward network of LIF layers that exchange traces.

use crate::{Cell, CellRun, Result, SnnError, linear};
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// A multilayer network: linear, LIF, linear, LIF, ...; each layer receives the traces of the one before.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Cell, Network, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
/// let mut tape = Tape::new();
/// let parameters: Vec<_> = network.init(1.5, 0.5, 1)?.into_iter().map(|p| tape.leaf(p)).collect();
/// let input = tape.constant(Tensor::full([4, 1, 3], 1.0)?); // [T, B, N]
/// let run = network.run(&mut tape, &parameters, input)?;
/// assert_eq!(tape.value(run.output)?.shape(), &[4, 1, 2].into());
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    sizes: Vec<usize>,
    cell: Cell,
}

/// What a network did with a sequence.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Cell, Network, NetworkRun, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
/// let mut tape = Tape::new();
/// let parameters: Vec<_> = network.init(1.5, 0.5, 1)?.into_iter().map(|p| tape.leaf(p)).collect();
/// let input = tape.constant(Tensor::full([4, 1, 3], 1.0)?); // [T, B, N]
/// let run: NetworkRun = network.run(&mut tape, &parameters, input)?;
/// assert_eq!((run.layers.len(), run.layers[0].spikes.len()), (1, 4));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone)]
pub struct NetworkRun {
    /// The cells of each layer, step by step.
    pub layers: Vec<CellRun>,
    /// The traces of the last layer, `[T, B, N_out]`.
    pub output: Var,
}

impl Network {
    /// A network of the given sizes, input first, with the same cell in every layer.
    ///
    /// # Errors
    /// [`SnnError::TooFewSizes`] for fewer than two sizes.
    ///
    /// ```
    /// use resurge_snn::{Cell, Network, Surrogate};
    ///
    /// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
    /// assert_eq!(network.sizes(), &[3, 2]);
    /// assert!(Network::new(&[3], network.cell()).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn new(sizes: &[usize], cell: Cell) -> Result<Self> {
        if sizes.len() < 2 {
            return Err(SnnError::TooFewSizes(sizes.len()));
        }
        Ok(Self { sizes: sizes.to_vec(), cell })
    }

    /// The sizes, input first.
    ///
    /// ```
    /// use resurge_snn::{Cell, Network, Surrogate};
    ///
    /// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
    /// assert_eq!(network.sizes(), &[3, 2]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The cell of every layer.
    ///
    /// ```
    /// use resurge_snn::{Cell, Network, Surrogate};
    ///
    /// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
    /// assert_eq!(network.cell().threshold(), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Cell {
        self.cell
    }

    /// The same network with another cell.
    ///
    /// ```
    /// use resurge_snn::{Cell, Network, ResetGradient, Surrogate};
    ///
    /// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
    /// let detached = network.cell().with_reset_gradient(ResetGradient::Detached);
    /// assert_eq!(network.with_cell(detached).cell(), detached);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_cell(&self, cell: Cell) -> Self {
        Self { sizes: self.sizes.clone(), cell }
    }

    /// Seeded parameters: weight `[N_out, N_in]` and bias `[N_out]` of each layer, in order.
    ///
    /// Weights are uniform in `mean / N_in +- spread / sqrt(N_in)`, biases uniform in `0..0.1`: the drive of a
    /// neuron whose inputs have activity `a` is then about `mean * a`, whatever the width of the layer. Every
    /// value is a multiple of 2^-24: a finite difference that moves it by a power of two moves it exactly.
    ///
    /// # Errors
    /// A shape error for sizes that cannot be addressed.
    ///
    /// ```
    /// use resurge_snn::{Cell, Network, Surrogate};
    ///
    /// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
    /// let parameters = network.init(1.5, 0.5, 1)?;
    /// assert_eq!((parameters[0].shape(), parameters[1].shape()), (&[2, 3].into(), &[2].into()));
    /// assert_eq!(parameters, network.init(1.5, 0.5, 1)?);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn init(&self, mean: f64, spread: f64, seed: u64) -> Result<Vec<Tensor<f64>>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Streams of their own for weights, spikes and directions: the same seed must not tie them together.
        rng.set_stream(1);
        let mut parameters = Vec::new();
        for pair in self.sizes.windows(2) {
            let (n_in, n_out) = (pair[0], pair[1]);
            let centre = mean / n_in.max(1) as f64;
            let half = spread / (n_in.max(1) as f64).sqrt();
            let mut draw = |low: f64, high: f64| on_grid(low + (high - low) * rng.random::<f64>());
            parameters.push(Tensor::from_fn([n_out, n_in], |_| draw(centre - half, centre + half))?);
            parameters.push(Tensor::from_fn([n_out], |_| draw(0.0, 0.1))?);
        }
        Ok(parameters)
    }

    /// Runs the network on traces `[T, B, N_in]` with parameters in the order of [`init`](Network::init).
    ///
    /// # Errors
    /// [`SnnError::ParameterCount`] for another number of parameters, and shape errors where they do not fit.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, Network, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
    /// let mut tape = Tape::new();
    /// let parameters: Vec<_> = network.init(1.5, 0.5, 1)?.into_iter().map(|p| tape.leaf(p)).collect();
    /// let input = tape.constant(Tensor::full([4, 1, 3], 1.0)?); // [T, B, N]
    /// let run = network.run(&mut tape, &parameters, input)?;
    /// let loss = tape.sum(run.output)?;
    /// assert!(tape.backward(loss)?.wrt(parameters[0])?.is_finite());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn run<S: Scalar>(&self, tape: &mut Tape<S>, parameters: &[Var], input: Var) -> Result<NetworkRun> {
        let expected = 2 * (self.sizes.len() - 1);
        if parameters.len() != expected {
            return Err(SnnError::ParameterCount { expected, actual: parameters.len() });
        }
        let mut layers = Vec::new();
        let mut output = input;
        for pair in parameters.chunks_exact(2) {
            let current = linear(tape, output, pair[0], Some(pair[1]))?;
            let run = self.cell.run(tape, current)?;
            output = tape.stack(&run.traces)?;
            layers.push(run);
        }
        Ok(NetworkRun { layers, output })
    }
}

/// The nearest multiple of 2^-24.
fn on_grid(x: f64) -> f64 {
    (x * f64::from(1 << 24)).round() / f64::from(1 << 24)
}
