//! What of a cell can be learned, besides its weights and biases.

use super::{Cell, CellParameters};
use crate::table::words;
use crate::{ResetKind, Result};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Scalar;

/// A time constant of 10,000 steps.
const MOST_DECAY: f64 = 0.9999;
const LEAST_THRESHOLD: f64 = 1e-3;

/// A constant of a cell, or its recurrent weights, as something that is learned: a variable in the place of a number.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Cell, Learnable, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?); // decay 0.8
/// let mut tape = Tape::<f64>::new();
/// let decay = tape.leaf(Tensor::scalar(Learnable::Decay.value(&cell)));
/// let mut parameters = cell.parameters(&mut tape);
/// Learnable::Decay.learn(&mut tape, &mut parameters, decay)?;
/// let current = tape.constant(Tensor::from_vec([2, 1, 1], vec![0.5, 0.0])?);
/// let run = cell.run_with(&mut tape, current, &parameters)?;
/// let potential = tape.sum(run.potentials[1])?;
/// assert_eq!(tape.backward(potential)?.wrt(decay)?.item(), Some(0.5)); // u[1] = decay u[0]
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Learnable {
    /// Recurrent weights `[N, N]`.
    Recurrent,
    /// The membrane decay `lambda`.
    Decay,
    /// `w` of the parametric LIF cell, `lambda = 1 - logistic(w)`.
    DecayLogit,
    /// The threshold.
    Threshold,
    /// The factor on the input.
    InputGain,
    /// The constant added in each step.
    Drive,
    /// The value of a reset to a value.
    VReset,
    /// The trace decay.
    TraceDecay,
    /// The decay of the synapse.
    SynapseDecay,
    /// The gain of the synapse.
    SynapseGain,
    /// The decay of the threshold's adaptation.
    AdaptationDecay,
    /// The scale of the threshold's adaptation.
    AdaptationScale,
}

words!("learned constant", Learnable {
    Recurrent = "recurrent weight",
    Decay = "decay",
    DecayLogit = "decay logit",
    Threshold = "threshold",
    InputGain = "input gain",
    Drive = "drive",
    VReset = "v_reset",
    TraceDecay = "trace decay",
    SynapseDecay = "synapse decay",
    SynapseGain = "synapse gain",
    AdaptationDecay = "adaptation decay",
    AdaptationScale = "adaptation scale",
});

impl Learnable {
    /// Whether a cell has such a thing: a reset to zero has no value to learn.
    ///
    /// ```
    /// use resurge_snn::{Cell, Learnable, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert!(Learnable::Decay.applies(&cell) && !Learnable::VReset.applies(&cell));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn applies(self, cell: &Cell) -> bool {
        match self {
            Self::VReset => matches!(cell.reset.kind, ResetKind::ToValue(_) | ResetKind::ToZeroThenAdd(_)),
            Self::SynapseDecay | Self::SynapseGain => cell.synapse.is_some(),
            Self::AdaptationDecay | Self::AdaptationScale => cell.adaptation.is_some(),
            // The logit of 0 or 1 is infinite.
            Self::DecayLogit => cell.decay > 0.0 && cell.decay < 1.0,
            _ => true,
        }
    }

    /// The cell's own value; for the logit that of its decay, for weights 0.
    ///
    /// ```
    /// use resurge_snn::{Cell, Learnable, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?).with_decay(0.5)?;
    /// assert_eq!([Learnable::Decay, Learnable::DecayLogit].map(|of| of.value(&cell)), [0.5, 0.0]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn value(self, cell: &Cell) -> f64 {
        match self {
            Self::Recurrent => 0.0,
            Self::Decay => cell.decay,
            Self::DecayLogit => (1.0 / cell.decay - 1.0).ln(),
            Self::Threshold => cell.threshold,
            Self::InputGain => cell.input_gain,
            Self::Drive => cell.drive,
            Self::VReset => match cell.reset.kind {
                ResetKind::ToValue(v) | ResetKind::ToZeroThenAdd(v) => v,
                _ => 0.0,
            },
            Self::TraceDecay => cell.trace_decay,
            Self::SynapseDecay => cell.synapse.map_or(0.0, |s| s.decay),
            Self::SynapseGain => cell.synapse.map_or(1.0, |s| s.gain),
            Self::AdaptationDecay => cell.adaptation.map_or(0.0, |a| a.decay),
            Self::AdaptationScale => cell.adaptation.map_or(0.0, |a| a.scale),
        }
    }

    /// The nearest value that a cell can have: an update may leave a decay's `[0, 1)`, or take a threshold below 0.
    /// A threshold stays at 1e-3 or above, where its quotients are numbers still.
    ///
    /// ```
    /// use resurge_snn::Learnable;
    ///
    /// assert_eq!(Learnable::Decay.nearest(1.25), 0.9999);
    /// assert_eq!([Learnable::Threshold, Learnable::Drive].map(|of| of.nearest(-1.0)), [1e-3, -1.0]);
    /// ```
    pub fn nearest(self, x: f64) -> f64 {
        match self {
            Self::Decay | Self::TraceDecay | Self::SynapseDecay | Self::AdaptationDecay => {
                x.clamp(0.0, MOST_DECAY)
            }
            Self::Threshold => x.max(LEAST_THRESHOLD),
            _ => x,
        }
    }

    /// Puts a variable in the place of the cell's constant.
    ///
    /// # Errors
    /// Those of the tape, for a variable that is not its own.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, Learnable, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let mut parameters = Cell::lif(Surrogate::atan(2.0)?).parameters(&mut tape);
    /// let logit = tape.leaf(Tensor::scalar(0.0));
    /// Learnable::DecayLogit.learn(&mut tape, &mut parameters, logit)?;
    /// assert_eq!(tape.value(parameters.decay)?.item(), Some(0.5));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn learn<S: Scalar>(
        self,
        tape: &mut Tape<S>,
        parameters: &mut CellParameters,
        var: Var,
    ) -> Result<()> {
        match self {
            Self::Recurrent => parameters.recurrent = Some(var),
            Self::Decay => parameters.decay = var,
            Self::DecayLogit => {
                let inverse_tau = tape.logistic(var)?;
                let negative = tape.neg(inverse_tau)?;
                parameters.decay = tape.shift(negative, 1.0)?;
            }
            Self::Threshold => parameters.threshold = var,
            Self::InputGain => parameters.input_gain = Some(var),
            Self::Drive => parameters.drive = Some(var),
            Self::VReset => parameters.v_reset = Some(var),
            Self::TraceDecay => parameters.trace_decay = Some(var),
            Self::SynapseDecay => parameters.synapse_decay = Some(var),
            Self::SynapseGain => parameters.synapse_gain = Some(var),
            Self::AdaptationDecay => parameters.adaptation_decay = Some(var),
            Self::AdaptationScale => parameters.adaptation_scale = Some(var),
        }
        Ok(())
    }
}
