//! What a cell is made of.

use super::{Adaptation, Cell, Synapse, ThresholdInSpike};
use crate::{Firing, Reset, ResetGradient, Surrogate};

impl Cell {
    /// The membrane decay `lambda`.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).decay(), 1.0 - 1.0 / 5.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn decay(&self) -> f64 {
        self.decay
    }

    /// The factor on the input.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).input_gain(), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn input_gain(&self) -> f64 {
        self.input_gain
    }

    /// The constant added in each step.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).drive(), 0.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn drive(&self) -> f64 {
        self.drive
    }

    /// The potential before the first step.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).initial_potential(), 0.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn initial_potential(&self) -> f64 {
        self.initial_potential
    }

    /// The trace decay `beta_s`.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).trace_decay(), 1.0 - 1.0 / 2.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn trace_decay(&self) -> f64 {
        self.trace_decay
    }

    /// The threshold `theta`.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).threshold(), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The synapse, if any.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert!(Cell::lif(Surrogate::atan(2.0)?).synapse().is_none());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn synapse(&self) -> Option<Synapse> {
        self.synapse
    }

    /// The adaptation of the threshold, if any.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert!(Cell::lif(Surrogate::atan(2.0)?).adaptation().is_none());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn adaptation(&self) -> Option<Adaptation> {
        self.adaptation
    }

    /// The surrogate.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let surrogate = Surrogate::atan(2.0)?;
    /// assert_eq!(Cell::lif(surrogate).surrogate(), surrogate);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn surrogate(&self) -> Surrogate {
        self.surrogate
    }

    /// The reset.
    ///
    /// ```
    /// use resurge_snn::{Cell, Reset, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).reset(), Reset::TO_ZERO);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn reset(&self) -> Reset {
        self.reset
    }

    /// The gradient of the reset.
    ///
    /// ```
    /// use resurge_snn::{Cell, ResetGradient, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).reset_gradient(), ResetGradient::Full);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn reset_gradient(&self) -> ResetGradient {
        self.reset_gradient
    }

    /// The rule of firing.
    ///
    /// ```
    /// use resurge_snn::{Cell, Firing, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).firing(), Firing::Above);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn firing(&self) -> Firing {
        self.firing
    }

    /// How the threshold enters the spike.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate, ThresholdInSpike};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).threshold_in_spike(), ThresholdInSpike::Attached);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn threshold_in_spike(&self) -> ThresholdInSpike {
        self.threshold_in_spike
    }

    /// The steps of silence after a spike.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert_eq!(Cell::lif(Surrogate::atan(2.0)?).with_refractory_steps(3).refractory_steps(), 3);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn refractory_steps(&self) -> usize {
        self.refractory_steps
    }

    /// Whether the output is the spike of the step before.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert!(!Cell::lif(Surrogate::atan(2.0)?).output_delay());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn output_delay(&self) -> bool {
        self.output_delay
    }

    /// Whether a potential that stays above the threshold is reset one step later.
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// assert!(!Cell::lif(Surrogate::atan(2.0)?).residual_reset());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn residual_reset(&self) -> bool {
        self.residual_reset
    }

    /// An option that one recurrence of potentials, as the fused cells have it, does not cover: such a cell runs step by
    /// step, [`Cell::run`].
    ///
    /// ```
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert_eq!(cell.beyond_one_recurrence(), None);
    /// assert_eq!(cell.with_refractory_steps(2).beyond_one_recurrence(), Some("a refractory period"));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    // Every field is named, so that a new one is asked for here and none is ignored in silence.
    pub fn beyond_one_recurrence(&self) -> Option<&'static str> {
        let Self {
            synapse,
            adaptation,
            refractory_steps,
            output_delay,
            residual_reset,
            decay: _,
            input_gain: _,
            drive: _,
            initial_potential: _,
            threshold: _,
            trace_decay: _,
            surrogate: _,
            reset: _,
            reset_gradient: _,
            firing: _,
            threshold_in_spike: _,
        } = *self;
        let options = [
            (synapse.is_some(), "a synapse"),
            (adaptation.is_some(), "an adaptive threshold"),
            (refractory_steps > 0, "a refractory period"),
            (output_delay, "a delayed output"),
            (residual_reset, "a residual reset"),
        ];
        options.iter().find(|(present, _)| *present).map(|&(_, option)| option)
    }
}
