//! What of a cell can be learned, besides its weights and biases.

use resurge_autodiff::{Tape, Var};
use resurge_snn::{Cell, CellParameters, ResetKind};
use resurge_tensor::Scalar;
use std::fmt;

/// A constant of a cell, or its recurrent weights, as a learnable input of a [`CellNetwork`](crate::CellNetwork).
///
/// Weights and biases are always learnable and are not listed.
///
/// ```
/// use resurge_gradcheck::{CellExtents, CellNetwork, Learnable};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let network = CellNetwork::new(cell, &[Learnable::Threshold], CellExtents::REGISTRY, 1)?;
/// assert!(network.names().iter().any(|name| name.contains("threshold")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
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

impl Learnable {
    /// Everything that can be learned.
    ///
    /// ```
    /// use resurge_gradcheck::Learnable;
    ///
    /// assert_eq!(Learnable::ALL.len(), 12);
    /// ```
    pub const ALL: [Self; 12] = [
        Self::Recurrent,
        Self::Decay,
        Self::DecayLogit,
        Self::Threshold,
        Self::InputGain,
        Self::Drive,
        Self::VReset,
        Self::TraceDecay,
        Self::SynapseDecay,
        Self::SynapseGain,
        Self::AdaptationDecay,
        Self::AdaptationScale,
    ];

    /// The name used in reports.
    ///
    /// ```
    /// use resurge_gradcheck::Learnable;
    ///
    /// assert_eq!(Learnable::ALL.map(Learnable::name)[1], Learnable::Decay.to_string());
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Recurrent => "recurrent weight",
            Self::Decay => "decay",
            Self::DecayLogit => "decay logit",
            Self::Threshold => "threshold",
            Self::InputGain => "input gain",
            Self::Drive => "drive",
            Self::VReset => "v_reset",
            Self::TraceDecay => "trace decay",
            Self::SynapseDecay => "synapse decay",
            Self::SynapseGain => "synapse gain",
            Self::AdaptationDecay => "adaptation decay",
            Self::AdaptationScale => "adaptation scale",
        }
    }

    /// Whether a cell has such a thing: a reset to zero has no value to learn.
    ///
    /// ```
    /// use resurge_gradcheck::Learnable;
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert!(Learnable::Decay.applies(&cell) && !Learnable::VReset.applies(&cell));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn applies(self, cell: &Cell) -> bool {
        match self {
            Self::VReset => matches!(cell.reset().kind, ResetKind::ToValue(_) | ResetKind::ToZeroThenAdd(_)),
            Self::SynapseDecay | Self::SynapseGain => cell.synapse().is_some(),
            Self::AdaptationDecay | Self::AdaptationScale => cell.adaptation().is_some(),
            // The logit of 0 or 1 is infinite.
            Self::DecayLogit => cell.decay() > 0.0 && cell.decay() < 1.0,
            _ => true,
        }
    }

    /// The cell's own value; for the logit that of its decay, for weights 0.
    pub(super) fn value(self, cell: &Cell) -> f64 {
        match self {
            Self::Recurrent => 0.0,
            Self::Decay => cell.decay(),
            Self::DecayLogit => (1.0 / cell.decay() - 1.0).ln(),
            Self::Threshold => cell.threshold(),
            Self::InputGain => cell.input_gain(),
            Self::Drive => cell.drive(),
            Self::VReset => match cell.reset().kind {
                ResetKind::ToValue(v) | ResetKind::ToZeroThenAdd(v) => v,
                _ => 0.0,
            },
            Self::TraceDecay => cell.trace_decay(),
            Self::SynapseDecay => cell.synapse().map_or(0.0, |s| s.decay),
            Self::SynapseGain => cell.synapse().map_or(1.0, |s| s.gain),
            Self::AdaptationDecay => cell.adaptation().map_or(0.0, |a| a.decay),
            Self::AdaptationScale => cell.adaptation().map_or(0.0, |a| a.scale),
        }
    }

    /// Puts a variable in the place of the cell's constant.
    pub(super) fn learn<S: Scalar>(
        self,
        tape: &mut Tape<S>,
        parameters: &mut CellParameters,
        var: Var,
    ) -> resurge_snn::Result<()> {
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

impl fmt::Display for Learnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
