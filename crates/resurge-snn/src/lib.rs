//! Spiking cells on the tape: surrogates, resets, the leaky integrate-and-fire cell with trace, layers, losses,
//! encoders and optimisers.
//!
//! Equation numbers refer to `docs/derivation.md`. Everything is generic over the scalar, and the three spike
//! modes ([`SpikeMode`]) are chosen by the tape, so a network is written once.
//!
//! ```
//! use resurge_autodiff::Tape;
//! use resurge_snn::{Cell, Reset, ResetGradient, Surrogate};
//! use resurge_tensor::Tensor;
//!
//! let cell = Cell::lif(Surrogate::atan(2.0)?)
//!     .with_reset(Reset::TO_ZERO)?
//!     .with_reset_gradient(ResetGradient::Full);
//! let mut tape = Tape::new();
//! let current = tape.leaf(Tensor::full([4, 1, 1], 0.7)?); // [T, B, N]
//! let run = cell.run(&mut tape, current)?;
//! let spikes = tape.stack(&run.spikes)?;
//! assert_eq!(tape.value(spikes)?.as_slice(), &[0.0, 1.0, 0.0, 1.0]);
//! # Ok::<(), resurge_snn::SnnError>(())
//! ```
#![forbid(unsafe_code)]

mod cell;
pub mod convention;
mod encode;
mod error;
mod filter;
mod fused;
mod layers;
mod loss;
mod network;
mod optim;
mod refractory;
mod registry;
mod reset;
mod sequence;
mod spike;
mod surrogate;
mod table;
pub mod text;

pub use cell::{Adaptation, Cell, CellParameters, CellRun, Learnable, Synapse, ThresholdInSpike};
pub use convention::Convention;
pub use encode::{DeltaPolarity, Latency, bernoulli, delta, direct, latency};
pub use error::SnnError;
pub use filter::trace_filter;
pub use fused::{CellOutput, EventPath, FusedLayer, FusedNetwork, NetworkOutput, SpikeTrain};
pub use layers::{
    BatchNormRun, RunningStatistics, avg_pool2d, batch_norm, batch_norm_inference, batch_norm_per_step,
    batch_norm_per_step_inference, conv2d, dropout, flatten, linear, max_pool2d, residual, sum_pool2d,
};
pub use loss::{
    CLASS_PATTERN, CountTarget, Loss, LossEntry, Readout, Reduction, Target, class_spikes, cross_entropy,
    kernel_loss, readout, readout_cross_entropy, spike_count_cross_entropy, spike_count_loss, trace_loss,
};
pub use network::{Network, NetworkRun};
pub use optim::{Adam, AdamW, Moments, Optimiser, Schedule, Sgd, clamp_parameters, clip_by_global_norm};
pub use registry::registry;
pub use reset::{Reset, ResetGradient, ResetKind, ResetTiming};
pub use resurge_autodiff::SpikeMode;
pub use spike::{Firing, spike};
pub use surrogate::{CustomSurrogate, Surrogate, SurrogateEntry, SurrogateKind, SurrogateScale};
pub use table::{Entry, Parameter, Range};

/// The result of building or running a spiking network.
///
/// ```
/// use resurge_snn::{Cell, Surrogate};
///
/// fn cell() -> resurge_snn::Result<Cell> {
///     Cell::lif(Surrogate::sigmoid(0.2)?).with_decay(0.9)
/// }
/// assert_eq!(cell()?.decay(), 0.9);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub type Result<T> = std::result::Result<T, SnnError>;
