//! The spiking cell: one recurrence that covers integrate-and-fire, leaky, current-based, parametric, adaptive and
//! recurrent neurons under every reset.

mod parameters;
mod run;
#[cfg(test)]
mod tests;

use crate::error::check;
use crate::{Firing, Reset, ResetGradient, ResetKind, Result, Surrogate};
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synapse {
    /// The decay per step, in `0..1`.
    pub decay: f64,
    /// The gain on the input current.
    pub gain: f64,
}

/// A threshold that rises with each spike and decays back: `A[t] = decay A[t-1] + scale (1 - decay) o[t-1]`
/// (Bellec et al. 2018).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptation {
    /// The decay per step, in `0..1`.
    pub decay: f64,
    /// The rise of the threshold at a constant rate of one spike a step.
    pub scale: f64,
}

/// How the threshold enters the spike `o = H(u - theta)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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

impl Cell {
    /// A leaky integrate-and-fire cell with a trace, with the constants of the paper's toy task: threshold 1,
    /// membrane decay `1 - 1/5`, trace decay `1 - 1/2`, reset to zero, full gradient.
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
    pub fn integrate_and_fire(surrogate: Surrogate) -> Self {
        Self { decay: 1.0, trace_decay: 0.0, ..Self::lif(surrogate) }
    }

    /// The same cell with another membrane decay, `lambda = 1 - 1/tau_m` (per step).
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it lies in `0..=1`.
    pub fn with_decay(self, decay: f64) -> Result<Self> {
        let decay = check("membrane decay", decay, "between 0 and 1", (0.0..=1.0).contains(&decay))?;
        Ok(Self { decay, ..self })
    }

    /// The same cell with another factor on its input.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is finite.
    pub fn with_input_gain(self, input_gain: f64) -> Result<Self> {
        Ok(Self { input_gain: check("input gain", input_gain, "finite", true)?, ..self })
    }

    /// The same cell with a constant added to the potential in each step, such as `(1 - lambda) v_leak`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is finite.
    pub fn with_drive(self, drive: f64) -> Result<Self> {
        Ok(Self { drive: check("drive", drive, "finite", true)?, ..self })
    }

    /// The same cell starting from another potential `u[-1]`, without a spike.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is finite.
    pub fn with_initial_potential(self, initial: f64) -> Result<Self> {
        Ok(Self { initial: check("initial potential", initial, "finite", true)?, ..self })
    }

    /// The same cell with another trace decay, `beta_s = 1 - 1/tau_s` (per step); 0 makes the trace the spike.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it lies in `0..1`.
    pub fn with_trace_decay(self, trace_decay: f64) -> Result<Self> {
        Ok(Self { trace_decay: decay_below_one("trace decay", trace_decay)?, ..self })
    }

    /// The same cell with another threshold, in units of the potential.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is positive and finite.
    pub fn with_threshold(self, threshold: f64) -> Result<Self> {
        let threshold = check("threshold", threshold, "positive and finite", threshold > 0.0)?;
        Ok(Self { threshold, ..self })
    }

    /// The same cell with a synapse in front: a second-order, current-based cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the decay lies in `0..1` and the gain is finite.
    pub fn with_synapse(self, decay: f64, gain: f64) -> Result<Self> {
        let decay = decay_below_one("synapse decay", decay)?;
        let gain = check("synapse gain", gain, "finite", true)?;
        Ok(Self { synapse: Some(Synapse { decay, gain }), ..self })
    }

    /// The same cell with an adaptive threshold.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the decay lies in `0..1` and the scale is finite.
    pub fn with_adaptation(self, decay: f64, scale: f64) -> Result<Self> {
        let decay = decay_below_one("adaptation decay", decay)?;
        let scale = check("adaptation scale", scale, "finite", true)?;
        Ok(Self { adaptation: Some(Adaptation { decay, scale }), ..self })
    }

    /// The same cell with another surrogate.
    #[must_use]
    pub fn with_surrogate(self, surrogate: Surrogate) -> Self {
        Self { surrogate, ..self }
    }

    /// The same cell with another reset.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) for a reset value that is not finite.
    pub fn with_reset(self, reset: Reset) -> Result<Self> {
        if let ResetKind::ToValue(v) | ResetKind::ToZeroThenAdd(v) = reset.kind {
            check("reset value", v, "finite", true)?;
        }
        Ok(Self { reset, ..self })
    }

    /// The same cell with another gradient of the reset.
    #[must_use]
    pub fn with_reset_gradient(self, reset_gradient: ResetGradient) -> Self {
        Self { reset_gradient, ..self }
    }

    /// The same cell firing by another rule.
    #[must_use]
    pub fn with_firing(self, firing: Firing) -> Self {
        Self { firing, ..self }
    }

    /// The same cell with the threshold entering the spike in another way.
    #[must_use]
    pub fn with_threshold_in_spike(self, threshold_in_spike: ThresholdInSpike) -> Self {
        Self { threshold_in_spike, ..self }
    }

    /// The same cell unable to fire for so many steps after a spike. Its potential goes on meanwhile; the
    /// gradient takes the silence for given.
    #[must_use]
    pub fn with_refractory_steps(self, refractory: usize) -> Self {
        Self { refractory, ..self }
    }

    /// The same cell handing on the spike of the step before, as Spyx's cells do; nothing in the first step.
    #[must_use]
    pub fn with_output_delay(self, output_delay: bool) -> Self {
        Self { output_delay, ..self }
    }

    /// The same cell whose reset of a potential that stays above the threshold is put off to the next step, by a
    /// second comparison without a gradient: snnTorch's `reset_delay=False` with "subtract". It goes with
    /// [`Reset::SUBTRACT_THEN_DECAY`] alone: a run with another reset is refused.
    #[must_use]
    pub fn with_residual_reset(self, residual_reset: bool) -> Self {
        Self { residual_reset, ..self }
    }

    /// The membrane decay `lambda`.
    pub fn decay(&self) -> f64 {
        self.decay
    }

    /// The factor on the input.
    pub fn input_gain(&self) -> f64 {
        self.input_gain
    }

    /// The constant added in each step.
    pub fn drive(&self) -> f64 {
        self.drive
    }

    /// The potential before the first step.
    pub fn initial_potential(&self) -> f64 {
        self.initial
    }

    /// The trace decay `beta_s`.
    pub fn trace_decay(&self) -> f64 {
        self.trace_decay
    }

    /// The threshold `theta`.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The synapse, if any.
    pub fn synapse(&self) -> Option<Synapse> {
        self.synapse
    }

    /// The adaptation of the threshold, if any.
    pub fn adaptation(&self) -> Option<Adaptation> {
        self.adaptation
    }

    /// The surrogate.
    pub fn surrogate(&self) -> Surrogate {
        self.surrogate
    }

    /// The reset.
    pub fn reset(&self) -> Reset {
        self.reset
    }

    /// The gradient of the reset.
    pub fn reset_gradient(&self) -> ResetGradient {
        self.reset_gradient
    }

    /// The rule of firing.
    pub fn firing(&self) -> Firing {
        self.firing
    }

    /// How the threshold enters the spike.
    pub fn threshold_in_spike(&self) -> ThresholdInSpike {
        self.threshold_in_spike
    }

    /// The steps of silence after a spike.
    pub fn refractory_steps(&self) -> usize {
        self.refractory
    }

    /// Whether the output is the spike of the step before.
    pub fn output_delay(&self) -> bool {
        self.output_delay
    }

    /// Whether a potential that stays above the threshold is reset one step later.
    pub fn residual_reset(&self) -> bool {
        self.residual_reset
    }
}

fn decay_below_one(parameter: &'static str, decay: f64) -> Result<f64> {
    check(parameter, decay, "at least 0 and less than 1", (0.0..1.0).contains(&decay))
}
