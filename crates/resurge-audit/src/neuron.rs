//! Neurons and integrators in a description: the tables of docs/audit-format.md.

use super::each::Each;
use resurge_snn::{
    Firing, Learnable, Reset, ResetGradient, ResetKind, ResetTiming, SurrogateScale, ThresholdInSpike,
};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
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
    #[serde(default = "yes")]
    pub(super) autapses: bool,
    #[serde(default, deserialize_with = "there")]
    pub(super) min_potential: Option<f64>,
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
    #[serde(default, deserialize_with = "there")]
    pub(super) min_potential: Option<f64>,
    pub(super) synapse: Option<Synapse>,
    #[serde(default)]
    pub(super) learned: BTreeMap<String, BTreeMap<Constant, Each>>,
    pub(super) class: Option<String>,
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
    #[serde(default)]
    pub(super) detached: bool,
}

/// What a spike does to the potentials of a layer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribedReset {
    /// Without its value.
    #[serde(deserialize_with = "kind_of_reset")]
    pub(super) kind: ResetKind,
    /// Version 1 of the format takes `before-decay` where there is none.
    #[serde(default, deserialize_with = "there")]
    pub(super) timing: Option<ResetTiming>,
    #[serde(default = "Each::zero")]
    pub(super) value: Each,
}

impl DescribedReset {
    /// The reset of a neuron with this value.
    pub(super) fn of(&self, value: f64) -> Reset {
        let kind = match self.kind {
            ResetKind::ToValue(_) => ResetKind::ToValue(value),
            ResetKind::ToZeroThenAdd(_) => ResetKind::ToZeroThenAdd(value),
            other => other,
        };
        Reset { kind, timing: self.timing.unwrap_or(ResetTiming::BeforeDecay) }
    }
}

/// A key that may be left out, but is not null.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn yes() -> bool {
    true
}

fn kind_of_reset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ResetKind, D::Error> {
    let name = String::deserialize(deserializer)?;
    let named = ResetKind::ALL.iter().find(|entry| entry.name == name);
    named.and_then(|entry| entry.of(entry.sample).ok()).ok_or_else(|| {
        let names = ResetKind::ALL.iter().map(|entry| format!("`{}`", entry.name));
        let names = names.collect::<Vec<_>>().join(", ");
        D::Error::custom(format!("unknown variant `{name}`, expected one of {names}"))
    })
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

impl Constant {
    /// The same of a [`Cell`](resurge_snn::Cell).
    pub(super) fn learnable(self) -> Learnable {
        match self {
            Self::Decay => Learnable::Decay,
            Self::Threshold => Learnable::Threshold,
            Self::InputGain => Learnable::InputGain,
            Self::Drive => Learnable::Drive,
            Self::ResetValue => Learnable::VReset,
            Self::SynapseDecay => Learnable::SynapseDecay,
            Self::SynapseGain => Learnable::SynapseGain,
            Self::AdaptationDecay => Learnable::AdaptationDecay,
            Self::AdaptationScale => Learnable::AdaptationScale,
        }
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
    pub(super) scale: Option<SurrogateScale>,
}
