//! What a fused network is told: how it multiplies, what it hands on, where its parameters are.

use crate::CellOutput;
use resurge_autodiff::Var;

/// How a linear layer multiplies its weights with spikes.
///
/// ```
/// use resurge_snn::{Cell, EventPath, FusedNetwork, Surrogate};
///
/// let network = FusedNetwork::new([Cell::lif(Surrogate::atan(2.0)?)])?;
/// assert_eq!(network.clone().with_path(EventPath::Auto), network); // the default
/// assert_ne!(network.clone().with_path(EventPath::Dense), network);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EventPath {
    /// Whichever is faster at the density of the spikes at hand: [`EventPath::CROSSOVER`].
    #[default]
    Auto,
    /// A sum of weight rows at the positions of the spikes.
    Events,
    /// A matrix product with the spikes as numbers.
    Dense,
}

impl EventPath {
    /// The density of spikes above which the matrix product is taken. On a layer 784-512, forward and backward, events
    /// were the faster up to 60 % spikes and the product at 80 % (2 cores of an AMD EPYC with AVX-512, 2026-11-24); `cargo
    /// bench -p resurge-benches --bench kernels -- events` shows where the two cross on a machine.
    ///
    /// ```
    /// assert!((0.0..1.0).contains(&resurge_snn::EventPath::CROSSOVER)); // a share of the inputs
    /// ```
    pub const CROSSOVER: f64 = 0.65;

    pub(super) fn is_dense(self, density: f64) -> bool {
        match self {
            Self::Auto => density > Self::CROSSOVER,
            Self::Events => false,
            Self::Dense => true,
        }
    }
}

/// What the network hands on of its last layer.
///
/// ```
/// use resurge_snn::{CellOutput, NetworkOutput};
///
/// assert_ne!(NetworkOutput::Sum(CellOutput::Spikes), NetworkOutput::Sequence(CellOutput::Spikes));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkOutput {
    /// A sequence `[T, B, N]`.
    Sequence(CellOutput),
    /// The sum over time `[B, N]`: of the spikes, their counts.
    Sum(CellOutput),
}

impl NetworkOutput {
    pub(super) fn of(self) -> CellOutput {
        match self {
            Self::Sequence(output) | Self::Sum(output) => output,
        }
    }
}

/// The parameters of a linear layer on the tape.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::FusedLayer;
/// use resurge_tensor::Tensor;
///
/// let weight = Tape::<f32>::new().leaf(Tensor::zeros([4, 3])?);
/// assert_eq!(FusedLayer::from(weight), FusedLayer { weight, bias: None });
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FusedLayer {
    /// The weight `[out, in]`.
    pub weight: Var,
    /// The bias `[out]`, if any.
    pub bias: Option<Var>,
}

impl From<Var> for FusedLayer {
    fn from(weight: Var) -> Self {
        Self { weight, bias: None }
    }
}
