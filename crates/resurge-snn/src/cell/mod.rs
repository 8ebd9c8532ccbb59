//! The spiking cell: one recurrence that covers integrate-and-fire, leaky, current-based, parametric, adaptive and
//! recurrent neurons under every reset.

mod constants;
mod learnable;
mod options;
mod parameters;
mod run;
#[cfg(test)]
mod tests;
mod text;

use crate::table::{Range, words};
use crate::{Firing, Reset, ResetGradient, Result, SnnError, Surrogate};
pub use learnable::Learnable;
pub use parameters::CellParameters;
pub use run::CellRun;
use serde::{Deserialize, Serialize};

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
///
/// The fields are open: every combination of them that [`check`](Self::check) accepts has a meaning, and a run checks
/// them first. As text a cell is `lif` and what differs from [`Cell::lif`]; as JSON it is the table of a neuron in
/// `docs/audit-format.md`.
///
/// ```
/// use resurge_snn::{Cell, Reset, Surrogate};
///
/// let cell = Cell { reset: Reset::SUBTRACT, refractory_steps: 2, ..Cell::lif(Surrogate::atan(2.0)?) };
/// assert_eq!(cell.to_string(), "lif reset subtract refractory 2 surrogate atan 2");
/// assert_eq!(cell.to_string().parse::<Cell>()?, cell);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Cell {
    /// The membrane decay `lambda`, in `0..=1`.
    pub decay: f64,
    /// The factor on the input.
    #[serde(default = "one")]
    pub input_gain: f64,
    /// The constant added in each step.
    #[serde(default)]
    pub drive: f64,
    /// The potential before the first step.
    #[serde(default)]
    pub initial_potential: f64,
    /// The threshold `theta`, in units of the potential: positive.
    #[serde(default = "one")]
    pub threshold: f64,
    /// The trace decay `beta_s`, in `0..1`; 0 makes the trace the spike.
    #[serde(default)]
    pub trace_decay: f64,
    /// A synapse in front of the membrane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synapse: Option<Synapse>,
    /// An adaptive threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<Adaptation>,
    /// What stands for the derivative of the spike.
    pub surrogate: Surrogate,
    /// What a spike does to the potential.
    pub reset: Reset,
    /// Which part of the reset the gradient sees.
    pub reset_gradient: ResetGradient,
    /// When, and how often, it fires.
    #[serde(default)]
    pub firing: Firing,
    /// How the threshold enters the spike.
    #[serde(default)]
    pub threshold_in_spike: ThresholdInSpike,
    /// For how many steps it is silent after a spike.
    #[serde(default, rename = "refractory")]
    pub refractory_steps: usize,
    /// Whether it hands on the spikes of the step before.
    #[serde(default)]
    pub output_delay: bool,
    /// Whether the reset of a potential that stays above the threshold is put off to the next step; with
    /// [`Reset::SUBTRACT_THEN_DECAY`] alone.
    #[serde(default)]
    pub residual_reset: bool,
}

const fn one() -> f64 {
    1.0
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synapse {
    /// The decay per step, in `0..1`.
    pub decay: f64,
    /// The gain on the input current.
    #[serde(default = "one")]
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
            initial_potential: 0.0,
            threshold: 1.0,
            trace_decay: 0.5,
            synapse: None,
            adaptation: None,
            surrogate,
            reset: Reset::TO_ZERO,
            reset_gradient: ResetGradient::Full,
            firing: Firing::Above,
            threshold_in_spike: ThresholdInSpike::Attached,
            refractory_steps: 0,
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

    /// Whether every number lies in its range, and the options go together.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] with the number's name, and [`SnnError::ResidualReset`] for a residual reset with
    /// another reset than subtract-then-decay.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell { threshold: 0.0, ..Cell::lif(Surrogate::atan(2.0)?) };
    /// assert_eq!(cell.check().unwrap_err().to_string(), "threshold is 0, but must be positive and finite");
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn check(&self) -> Result<()> {
        self.in_range()?;
        self.surrogate.check()?;
        self.reset.check()?;
        self.reset_gradient.check()?;
        if self.residual_reset && self.reset != Reset::SUBTRACT_THEN_DECAY {
            return Err(SnnError::ResidualReset { reset: self.reset.name() });
        }
        Ok(())
    }

    /// The cell, if each of its own numbers lies in its range.
    fn in_range(self) -> Result<Self> {
        let synapse = self.synapse.unwrap_or(Synapse { decay: 0.0, gain: 1.0 });
        let adaptation = self.adaptation.unwrap_or(Adaptation { decay: 0.0, scale: 0.0 });
        for (name, number, range) in [
            ("membrane decay", self.decay, Range::UnitInterval),
            ("input gain", self.input_gain, Range::Finite),
            ("drive", self.drive, Range::Finite),
            ("initial potential", self.initial_potential, Range::Finite),
            ("threshold", self.threshold, Range::Positive),
            ("trace decay", self.trace_decay, Range::BelowOne),
            ("synapse decay", synapse.decay, Range::BelowOne),
            ("synapse gain", synapse.gain, Range::Finite),
            ("adaptation decay", adaptation.decay, Range::BelowOne),
            ("adaptation scale", adaptation.scale, Range::Finite),
        ] {
            range.check(name, number)?;
        }
        Ok(self)
    }
}
