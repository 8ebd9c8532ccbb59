//! A cell with other constants, and with what a leaky integrate-and-fire cell does not have.

use super::{Adaptation, Cell, Synapse, ThresholdInSpike};
use crate::{Firing, Reset, ResetGradient, Result, Surrogate};

impl Cell {
    /// The same cell with another membrane decay, `lambda = 1 - 1/tau_m` (per step).
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it lies in `0..=1`.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert_eq!(cell.with_decay(0.9)?.decay(), 0.9);
    /// assert!(cell.with_decay(1.1).unwrap_err().to_string().contains("membrane decay"));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_decay(self, decay: f64) -> Result<Self> {
        Self { decay, ..self }.in_range()
    }

    /// The same cell with another factor on its input.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is finite.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_input_gain(0.2)?; // u[t] = 0.8 u[t-1] + 0.2 J[t]
    /// assert_eq!(cell.input_gain(), 0.2);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_input_gain(self, input_gain: f64) -> Result<Self> {
        Self { input_gain, ..self }.in_range()
    }

    /// The same cell with a constant added to the potential in each step, such as `(1 - lambda) v_leak`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is finite.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).with_drive(0.1)?.drive(), 0.1);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_drive(self, drive: f64) -> Result<Self> {
        Self { drive, ..self }.in_range()
    }

    /// The same cell starting from another potential `u[-1]`, without a spike.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is finite.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_initial_potential(0.5)?;
    /// assert_eq!(cell.initial_potential(), 0.5);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_initial_potential(self, initial_potential: f64) -> Result<Self> {
        Self { initial_potential, ..self }.in_range()
    }

    /// The same cell with another trace decay, `beta_s = 1 - 1/tau_s` (per step); 0 makes the trace the spike.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it lies in `0..1`.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert_eq!(cell.with_trace_decay(0.0)?.trace_decay(), 0.0); // hands on bare spikes
    /// assert!(cell.with_trace_decay(1.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_trace_decay(self, trace_decay: f64) -> Result<Self> {
        Self { trace_decay, ..self }.in_range()
    }

    /// The same cell with another threshold, in units of the potential.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is positive and finite.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert_eq!(cell.with_threshold(0.5)?.threshold(), 0.5);
    /// assert!(cell.with_threshold(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_threshold(self, threshold: f64) -> Result<Self> {
        Self { threshold, ..self }.in_range()
    }

    /// The same cell with a synapse in front: a second-order, current-based cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the decay lies in `0..1` and the gain is finite.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert_eq!(cell.with_synapse(0.7, 0.3)?.synapse().map(|synapse| synapse.decay), Some(0.7));
    /// assert!(cell.with_synapse(1.0, 0.3).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_synapse(self, decay: f64, gain: f64) -> Result<Self> {
        Self { synapse: Some(Synapse { decay, gain }), ..self }.in_range()
    }

    /// The same cell with an adaptive threshold.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the decay lies in `0..1` and the scale is finite.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert_eq!(cell.with_adaptation(0.9, 0.5)?.adaptation().map(|adaptation| adaptation.scale), Some(0.5));
    /// assert!(cell.with_adaptation(0.9, f64::NAN).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_adaptation(self, decay: f64, scale: f64) -> Result<Self> {
        Self { adaptation: Some(Adaptation { decay, scale }), ..self }.in_range()
    }

    /// The same cell with another surrogate.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_surrogate(Surrogate::triangle(1.0)?);
    /// assert_eq!(cell.surrogate(), Surrogate::triangle(1.0)?);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_surrogate(self, surrogate: Surrogate) -> Self {
        Self { surrogate, ..self }
    }

    /// The same cell with another reset.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) for a reset value that is not finite.
    ///
    /// ```
    /// use resurge_snn::{Cell, Reset, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).with_reset(Reset::SUBTRACT)?.reset(), Reset::SUBTRACT);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_reset(self, reset: Reset) -> Result<Self> {
        reset.check()?;
        Ok(Self { reset, ..self })
    }

    /// The same cell with another gradient of the reset.
    ///
    /// ```
    /// use resurge_snn::{Cell, ResetGradient, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_reset_gradient(ResetGradient::Detached);
    /// assert_eq!(cell.reset_gradient(), ResetGradient::Detached);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_reset_gradient(self, reset_gradient: ResetGradient) -> Self {
        Self { reset_gradient, ..self }
    }

    /// The same cell firing by another rule.
    ///
    /// ```
    /// use resurge_snn::{Cell, Firing, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_firing(Firing::AtOrAbove);
    /// assert_eq!(cell.firing(), Firing::AtOrAbove); // a potential equal to the threshold fires
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_firing(self, firing: Firing) -> Self {
        Self { firing, ..self }
    }

    /// The same cell with the threshold entering the spike in another way.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate, ThresholdInSpike};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_threshold_in_spike(ThresholdInSpike::Detached);
    /// assert_eq!(cell.threshold_in_spike(), ThresholdInSpike::Detached);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_threshold_in_spike(self, threshold_in_spike: ThresholdInSpike) -> Self {
        Self { threshold_in_spike, ..self }
    }

    /// The same cell unable to fire for so many steps after a spike. Its potential goes on meanwhile; the
    /// gradient takes the silence for given.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_trace_decay(0.0)?.with_refractory_steps(2);
    /// let mut tape = Tape::<f64>::new();
    /// let current = tape.leaf(Tensor::full([5, 1], 2.0)?);
    /// let run = cell.run(&mut tape, current)?;
    /// let spikes = tape.stack(&run.traces)?;
    /// assert_eq!(tape.value(spikes)?.as_slice(), [1.0, 0.0, 0.0, 1.0, 0.0]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_refractory_steps(self, refractory_steps: usize) -> Self {
        Self { refractory_steps, ..self }
    }

    /// The same cell handing on the spike of the step before, as Spyx's cells do; nothing in the first step.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_trace_decay(0.0)?.with_output_delay(true);
    /// let mut tape = Tape::<f64>::new();
    /// let current = tape.leaf(Tensor::from_vec([3, 1], vec![2.0, 0.0, 0.0])?);
    /// let run = cell.run(&mut tape, current)?;
    /// let spikes = tape.stack(&run.traces)?;
    /// assert_eq!(tape.value(spikes)?.as_slice(), [0.0, 1.0, 0.0]); // one step later
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_output_delay(self, output_delay: bool) -> Self {
        Self { output_delay, ..self }
    }

    /// The same cell whose reset of a potential that stays above the threshold is put off to the next step, by a
    /// second comparison without a gradient: snnTorch's `reset_delay=False` with "subtract". It goes with
    /// [`Reset::SUBTRACT_THEN_DECAY`] alone: a run with another reset is refused.
    ///
    /// ```
    /// use resurge_snn::{Cell, Reset, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_reset(Reset::SUBTRACT_THEN_DECAY)?;
    /// assert!(cell.with_residual_reset(true).residual_reset());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_residual_reset(self, residual_reset: bool) -> Self {
        Self { residual_reset, ..self }
    }
}
