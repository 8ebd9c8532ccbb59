//! The spiking cell: one recurrence that covers integrate-and-fire, leaky, current-based, parametric, adaptive and
//! recurrent neurons under every reset.

mod constants;
mod options;
mod parameters;
mod run;
#[cfg(test)]
mod tests;

use crate::table::words;
use crate::{Firing, Reset, ResetGradient, Surrogate};
pub use parameters::CellParameters;
pub use run::CellRun;

/// A spiking cell: what it computes in each step, and which gradient it has.
///
/// ```text
/// i[t] = alpha_s i[t-1] + gain_s J[t]                   synapse, if any; else i = J
/// u[t] = lambda R(u[t-1], o[t-1]) + gain i[t] + drive   or the reset elsewhere in the step: `ResetTiming`
/// o[t] = H(u[t] - theta[t])                             `Firing`; 0 while refractory
/// a[t] = beta_s a[t-1] + (1 - beta_s) o[t]              equation (3)
/// theta[t] = theta + A[t],  A[t] = rho A[t-1] + scale (1 - rho) o[t-1]      adaptation, if any
/// ```
///
/// `J[t]` is the input current, with `W_rec o[t-1]` added for a recurrent cell. This is the definition: plain
/// operations on the tape, one step after the other, with the reset gradient visible as a `detach` or a
/// `scale_grad` node on the reset edge. Every constant can be made learnable: see [`CellParameters`].
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Cell, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?).with_decay(0.5)?;
/// let mut tape = Tape::<f64>::new();
/// let current = tape.leaf(Tensor::full([3, 1], 0.75)?); // [T, N]
/// let run = cell.run(&mut tape, current)?;
/// let potentials = tape.stack(&run.potentials)?;
/// assert_eq!(tape.value(potentials)?.as_slice(), [0.75, 1.125, 0.75]); // a spike at 1.125, and a reset
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    decay: f64,
    input_gain: f64,
    drive: f64,
    initial: f64,
    threshold: f64,
    trace_decay: f64,
    synapse: Option<Synapse>,
    adaptation: Option<Adaptation>,
    surrogate: Surrogate,
    reset: Reset,
    reset_gradient: ResetGradient,
    firing: Firing,
    threshold_in_spike: ThresholdInSpike,
    refractory: usize,
    output_delay: bool,
    residual_reset: bool,
}

/// A first-order synapse in front of the membrane: `i[t] = decay i[t-1] + gain J[t]`.
///
/// ```
/// use resurge_snn::{Cell, Surrogate, Synapse};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?).with_synapse(0.5, 2.0)?;
/// assert_eq!(cell.synapse(), Some(Synapse { decay: 0.5, gain: 2.0 }));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synapse {
    /// The decay per step, in `0..1`.
    pub decay: f64,
    /// The gain on the input current.
    pub gain: f64,
}

/// A threshold that rises with each spike and decays back: `A[t] = decay A[t-1] + scale (1 - decay) o[t-1]`
/// (Bellec et al. 2018).
///
/// ```
/// use resurge_snn::{Adaptation, Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?).with_adaptation(0.9, 0.2)?;
/// assert_eq!(cell.adaptation(), Some(Adaptation { decay: 0.9, scale: 0.2 }));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptation {
    /// The decay per step, in `0..1`.
    pub decay: f64,
    /// The rise of the threshold at a constant rate of one spike a step.
    pub scale: f64,
}

/// How the threshold enters the spike `o = H(u - theta)`.
///
/// ```
/// use resurge_snn::{Cell, Surrogate, ThresholdInSpike};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// assert_eq!(cell.threshold_in_spike(), ThresholdInSpike::Attached);
/// let sinabs = cell.with_threshold_in_spike(ThresholdInSpike::Relative);
/// assert_eq!(sinabs.threshold_in_spike(), ThresholdInSpike::Relative);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdInSpike {
    /// As written, with a gradient.
    #[default]
    Attached,
    /// As written, without a gradient.
    Detached,
    /// `o = H((u - theta) / theta)`, so that the surrogate's width is in units of the threshold, without a
    /// gradient to it: Sinabs.
    Relative,
}

words!("threshold in spike", ThresholdInSpike {
    Attached = "attached",
    Detached = "detached",
    Relative = "relative",
});

impl Cell {
    /// A leaky integrate-and-fire cell with a trace, with the constants of the paper's toy task: threshold 1,
    /// membrane decay `1 - 1/5`, trace decay `1 - 1/2`, reset to zero, full gradient.
    ///
    /// ```
    /// use resurge_snn::{Cell, Reset, ResetGradient, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::sigmoid(0.2)?);
    /// assert_eq!((cell.threshold(), cell.decay(), cell.trace_decay()), (1.0, 0.8, 0.5));
    /// assert_eq!((cell.reset(), cell.reset_gradient()), (Reset::TO_ZERO, ResetGradient::Full));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn lif(surrogate: Surrogate) -> Self {
        Self {
            decay: 0.8,
            input_gain: 1.0,
            drive: 0.0,
            initial: 0.0,
            threshold: 1.0,
            trace_decay: 0.5,
            synapse: None,
            adaptation: None,
            surrogate,
            reset: Reset::TO_ZERO,
            reset_gradient: ResetGradient::Full,
            firing: Firing::Above,
            threshold_in_spike: ThresholdInSpike::Attached,
            refractory: 0,
            output_delay: false,
            residual_reset: false,
        }
    }

    /// An integrate-and-fire cell: no leak, and the trace is the spike.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::integrate_and_fire(Surrogate::sigmoid(0.2)?);
    /// assert_eq!((cell.decay(), cell.trace_decay()), (1.0, 0.0));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn integrate_and_fire(surrogate: Surrogate) -> Self {
        Self { decay: 1.0, trace_decay: 0.0, ..Self::lif(surrogate) }
    }
}
