//! Neurons and integrators in a description: the tables of docs/audit-format.md.

use super::each::Each;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// See [`Layer::Neuron`]; the fields are those of the format page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Neuron {
    pub(super) decay: Each,
    #[serde(default = "Each::one")]
    pub(super) input_gain: Each,
    #[serde(default = "Each::zero")]
    pub(super) drive: Each,
    #[serde(default = "Each::zero")]
    pub(super) initial_potential: Each,
    #[serde(default = "Each::one")]
    pub(super) threshold: Each,
    #[serde(default)]
    pub(super) firing: Firing,
    #[serde(default)]
    pub(super) threshold_in_spike: ThresholdInSpike,
    pub(super) synapse: Option<Synapse>,
    pub(super) adaptation: Option<Adaptation>,
    pub(super) reset: DescribedReset,
    pub(super) reset_gradient: ResetGradient,
    #[serde(default)]
    pub(super) residual_reset: bool,
    #[serde(default)]
    pub(super) refractory: usize,
    #[serde(default)]
    pub(super) output_delay: bool,
    #[serde(default)]
    pub(super) recurrent: bool,
    #[serde(default)]
    pub(super) trace_decay: f64,
    #[serde(default)]
    pub(super) output: Output,
    pub(super) surrogate: Surrogate,
    #[serde(default)]
    pub(super) learned: BTreeMap<String, BTreeMap<Constant, Each>>,
    pub(super) class: Option<String>,
}

/// See [`Layer::Integrator`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Integrator {
    pub(super) decay: Each,
    #[serde(default = "Each::one")]
    pub(super) input_gain: Each,
    #[serde(default = "Each::zero")]
    pub(super) drive: Each,
    #[serde(default = "Each::zero")]
    pub(super) initial_potential: Each,
    pub(super) synapse: Option<Synapse>,
    #[serde(default)]
    pub(super) learned: BTreeMap<String, BTreeMap<Constant, Each>>,
    pub(super) class: Option<String>,
}

/// When a neuron fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Firing {
    #[default]
    Above,
    AtOrAbove,
    Repeatedly,
}

/// How the threshold enters the spike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ThresholdInSpike {
    #[default]
    Attached,
    Detached,
    Relative,
}

/// A first-order synapse.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Synapse {
    pub(super) decay: Each,
    #[serde(default = "Each::one")]
    pub(super) gain: Each,
}

/// A threshold that rises with each spike.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Adaptation {
    pub(super) decay: Each,
    pub(super) scale: Each,
}

/// What a spike does to the potentials of a layer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribedReset {
    pub(super) kind: ResetKind,
    #[serde(default)]
    pub(super) timing: Timing,
    #[serde(default = "Each::zero")]
    pub(super) value: Each,
}

/// What a spike does to the potential of one neuron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reset {
    pub(super) kind: ResetKind,
    pub(super) timing: Timing,
    pub(super) value: f64,
}

/// The kind of a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ResetKind {
    None,
    Zero,
    Value,
    Subtract,
    ZeroThenAdd,
}

/// Where in the step a reset acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Timing {
    #[default]
    BeforeDecay,
    AfterDecay,
    AfterInput,
}

/// The claim about the reset's gradient.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ResetGradient {
    Full,
    Detached,
    SpatialOnly,
    Scaled(f64),
}

impl ResetGradient {
    /// What the path through the reset is multiplied by.
    pub(super) fn alpha(self) -> f64 {
        match self {
            Self::Full => 1.0,
            Self::Scaled(alpha) => alpha,
            Self::Detached | Self::SpatialOnly => 0.0,
        }
    }
}

/// What a neuron layer hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Output {
    #[default]
    Spikes,
    Trace,
    Potential,
}

/// A constant of a cell that a framework can learn.
///
/// It is read by way of a text, so that as a key it stands in the path of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub(super) enum Constant {
    Decay,
    Threshold,
    InputGain,
    Drive,
    ResetValue,
    SynapseDecay,
    SynapseGain,
    AdaptationDecay,
    AdaptationScale,
}

impl TryFrom<String> for Constant {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let all = super::run::ALL;
        all.into_iter().find(|constant| constant.to_string() == name).ok_or_else(|| {
            let names = all.map(|constant| format!("`{constant}`")).join(", ");
            format!("unknown variant `{name}`, expected one of {names}")
        })
    }
}

impl std::fmt::Display for Constant {
    /// As in the audit file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// How many constants there are.
pub(super) const CONSTANTS: usize = 9;

/// A surrogate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Surrogate {
    pub(super) kind: String,
    pub(super) width: Option<f64>,
    pub(super) slope: Option<f64>,
    pub(super) wings: Option<f64>,
    pub(super) ratio: Option<f64>,
    pub(super) period: Option<f64>,
    pub(super) scale: Option<Scale>,
}

/// A surrogate's normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scale {
    UnitArea,
    PeakOne,
    Peak(f64),
}

impl ResetKind {
    /// The format's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zero => "zero",
            Self::Value => "value",
            Self::Subtract => "subtract",
            Self::ZeroThenAdd => "zero-then-add",
        }
    }
}

impl Timing {
    /// The format's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BeforeDecay => "before-decay",
            Self::AfterDecay => "after-decay",
            Self::AfterInput => "after-input",
        }
    }
}
