//! The description of the network, as in docs/audit-format.md. Every key that it does not name is an error.

use super::error::{AuditError, Result};
use super::json;
pub(super) use super::neuron::*;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The version of the format that is read.
pub(super) const FORMAT: u64 = 1;

/// A network, how it was run, and what its gradients are claimed to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Description {
    /// Who computed the gradients.
    pub(super) framework: Framework,
    /// The layers in the order of the forward pass.
    pub(super) layers: Vec<Layer>,
    /// The loss.
    pub(super) loss: Loss,
    /// Parameters without a gradient in the file.
    pub(super) ungraded: Vec<String>,
    /// Prose.
    pub(super) notes: Vec<String>,
}

/// A framework by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Framework {
    /// Its name.
    pub(super) name: String,
    /// Its version.
    pub(super) version: String,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Layer {
    /// `W x + b`.
    Linear(Linear),
    /// Cross-correlation.
    Conv2d(Conv),
    /// The mean over windows.
    AvgPool2d(Pool),
    /// The sum over windows.
    SumPool2d(Pool),
    /// The maximum over windows.
    MaxPool2d(Pool),
    /// Images as vectors.
    Flatten(Plain),
    /// Spiking neurons.
    Neuron(Box<Neuron>),
    /// A leaky readout that never fires.
    Integrator(Box<Integrator>),
}

/// See [`Layer::Linear`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Linear {
    /// Whether there is a bias.
    pub(super) bias: bool,
    /// The framework's class.
    pub(super) class: Option<String>,
}

/// See [`Layer::Conv2d`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conv {
    /// Whether there is a bias.
    pub(super) bias: bool,
    /// The steps between positions.
    #[serde(default = "ones")]
    pub(super) stride: [usize; 2],
    /// Rows and columns of zeros on each side.
    #[serde(default)]
    pub(super) padding: [usize; 2],
    /// Groups of channels.
    #[serde(default = "one_group")]
    pub(super) groups: usize,
    /// The framework's class.
    pub(super) class: Option<String>,
}

/// A pooling layer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pool {
    /// The window.
    pub(super) kernel: [usize; 2],
    /// The steps between positions; the kernel where there is none.
    pub(super) stride: Option<[usize; 2]>,
    /// Rows and columns of zeros on each side.
    #[serde(default)]
    pub(super) padding: [usize; 2],
    /// The framework's class.
    pub(super) class: Option<String>,
}

/// A layer without settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    /// The framework's class.
    pub(super) class: Option<String>,
}

/// The loss.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Loss {
    CrossEntropy(Terms),
    Mse(Terms),
    WeightedSum(Weighted),
}

/// A loss of terms.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terms {
    pub(super) readout: Readout,
    #[serde(default)]
    pub(super) reduction: Reduction,
    #[serde(default = "one")]
    pub(super) scale: f64,
}

/// See [`Loss::WeightedSum`].
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weighted {
    #[serde(default = "one")]
    pub(super) scale: f64,
}

/// What the loss sees of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Readout {
    Sum,
    Mean,
    Last,
    Max,
    All,
}

/// How terms are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reduction {
    #[default]
    Mean,
    BatchMean,
    Sum,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u64,
    framework: Framework,
    layers: Vec<serde_json::Value>,
    loss: Loss,
    #[serde(default)]
    ungraded: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
}

impl Description {
    /// Reads the description in the metadata.
    ///
    /// # Errors
    /// [`AuditError::Description`] with the place.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = |place: &str, error: serde_json::Error| AuditError::description(place, error.to_string());
        let value = json::parse(text.as_bytes()).map_err(|error| bad("the description", error))?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(FORMAT) => {}
            found => {
                let found = found.map_or("none".to_owned(), |version| version.to_string());
                let problem = format!("the format's version is {found}, but {FORMAT} is read");
                return Err(AuditError::description("the description", problem));
            }
        }
        let raw: Raw = serde_json::from_value(value).map_err(|error| bad("the description", error))?;
        debug_assert_eq!(raw.version, FORMAT);
        let layer = |(k, value)| {
            serde_json::from_value::<Layer>(value).map_err(|error| bad(&format!("layer {k}"), error))
        };
        let layers = raw.layers.into_iter().enumerate().map(layer).collect::<Result<Vec<_>>>()?;
        if layers.is_empty() {
            return Err(AuditError::description("layers", "there is none, but at least one is needed"));
        }
        Ok(Self {
            framework: raw.framework,
            layers,
            loss: raw.loss,
            ungraded: raw.ungraded,
            notes: raw.notes,
        })
    }
}

impl Layer {
    /// The framework's class, if named.
    pub(super) fn class(&self) -> Option<&str> {
        match self {
            Self::Linear(layer) => layer.class.as_deref(),
            Self::Conv2d(layer) => layer.class.as_deref(),
            Self::AvgPool2d(layer) | Self::SumPool2d(layer) | Self::MaxPool2d(layer) => {
                layer.class.as_deref()
            }
            Self::Flatten(layer) => layer.class.as_deref(),
            Self::Neuron(layer) => layer.class.as_deref(),
            Self::Integrator(layer) => layer.class.as_deref(),
        }
    }

    /// The learned constants.
    pub(super) fn learned(&self) -> Option<&BTreeMap<String, BTreeMap<Constant, f64>>> {
        match self {
            Self::Neuron(layer) => Some(&layer.learned),
            Self::Integrator(layer) => Some(&layer.learned),
            _ => None,
        }
    }
}

pub(super) fn one() -> f64 {
    1.0
}

fn ones() -> [usize; 2] {
    [1, 1]
}

fn one_group() -> usize {
    1
}
