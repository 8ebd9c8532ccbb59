//! Neurons and integrators in a description: the tables of docs/audit-format.md.

use super::description::one;
use serde::Deserialize;
use std::collections::BTreeMap;

/// See [`Layer::Neuron`]; the fields are those of the format page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Neuron {
    pub decay: f64,
    #[serde(default = "one")]
    pub input_gain: f64,
    #[serde(default)]
    pub drive: f64,
    #[serde(default)]
    pub initial_potential: f64,
    #[serde(default = "one")]
    pub threshold: f64,
    #[serde(default)]
    pub firing: Firing,
    #[serde(default)]
    pub threshold_in_spike: ThresholdInSpike,
    pub synapse: Option<Synapse>,
    pub adaptation: Option<Adaptation>,
    pub reset: Reset,
    pub reset_gradient: ResetGradient,
    #[serde(default)]
    pub residual_reset: bool,
    #[serde(default)]
    pub refractory: usize,
    #[serde(default)]
    pub output_delay: bool,
    #[serde(default)]
    pub recurrent: bool,
    #[serde(default)]
    pub trace_decay: f64,
    #[serde(default)]
    pub output: Output,
    pub surrogate: Surrogate,
    #[serde(default)]
    pub learned: BTreeMap<String, BTreeMap<Constant, f64>>,
    pub class: Option<String>,
}

/// See [`Layer::Integrator`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Integrator {
    pub decay: f64,
    #[serde(default = "one")]
    pub input_gain: f64,
    #[serde(default)]
    pub drive: f64,
    #[serde(default)]
    pub initial_potential: f64,
    pub synapse: Option<Synapse>,
    #[serde(default)]
    pub learned: BTreeMap<String, BTreeMap<Constant, f64>>,
    pub class: Option<String>,
}

/// When a neuron fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Firing {
    #[default]
    Above,
    AtOrAbove,
    Repeatedly,
}

/// How the threshold enters the spike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ThresholdInSpike {
    #[default]
    Attached,
    Detached,
    Relative,
}

/// A first-order synapse.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Synapse {
    pub decay: f64,
    #[serde(default = "one")]
    pub gain: f64,
}

/// A threshold that rises with each spike.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Adaptation {
    pub decay: f64,
    pub scale: f64,
}

/// What a spike does to the potential.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Reset {
    pub kind: ResetKind,
    #[serde(default)]
    pub timing: Timing,
    #[serde(default)]
    pub value: f64,
}

/// The kind of a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ResetKind {
    None,
    Zero,
    Value,
    Subtract,
    ZeroThenAdd,
}

/// Where in the step a reset acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Timing {
    #[default]
    BeforeDecay,
    AfterDecay,
    AfterInput,
}

/// The claim about the reset's gradient.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ResetGradient {
    Full,
    Detached,
    SpatialOnly,
    Scaled(f64),
}

/// What a neuron layer hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Output {
    #[default]
    Spikes,
    Trace,
    Potential,
}

/// A constant of a cell that a framework can learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Constant {
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

/// How many constants there are.
pub(super) const CONSTANTS: usize = 9;

/// A surrogate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Surrogate {
    pub kind: String,
    pub width: Option<f64>,
    pub slope: Option<f64>,
    pub wings: Option<f64>,
    pub ratio: Option<f64>,
    pub scale: Option<Scale>,
}

/// A surrogate's normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Scale {
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
