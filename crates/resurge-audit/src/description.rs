//! The description of the network, as in docs/audit-format.md. Every key that it does not name is an error.

use super::each::Each;
use super::error::{AuditError, Result};
pub(super) use super::neuron::*;
use resurge_snn::{Loss, Readout, Reduction, ResetKind, ResetTiming};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// The versions of the format that are read. The first took a reset without a timing for one before the decay, which
/// the same word does not mean elsewhere; the second asks for it.
pub(super) const FORMATS: [u64; 2] = [1, 2];

/// A network, how it was run, and what its gradients are claimed to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Description {
    /// The version of the format.
    pub(super) version: u64,
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
#[derive(Debug, Clone, PartialEq)]
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
    /// Batch normalisation by the statistics of the run itself.
    BatchNorm(Norm),
    /// Each number times one that was recorded and is not learned.
    Mask(Plain),
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

/// See [`Layer::BatchNorm`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Norm {
    /// Whether there is a bias.
    pub(super) bias: bool,
    /// Over what mean and variance are taken.
    pub(super) over: Over,
    /// What is added to the variance.
    #[serde(default = "torchs_epsilon")]
    pub(super) epsilon: f64,
    /// The framework's class.
    pub(super) class: Option<String>,
}

/// Over what a channel has its statistics, besides its places in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Over {
    /// The samples of each step.
    Step,
    /// All samples of all steps.
    Run,
}

/// A layer without settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plain {
    /// The framework's class.
    pub(super) class: Option<String>,
}

/// A loss of terms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    readout: Readout,
    #[serde(default)]
    reduction: Reduction,
    #[serde(default = "one")]
    scale: f64,
}

/// A sum of outputs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weighted {
    #[serde(default = "one")]
    scale: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u64,
    framework: Framework,
    layers: Vec<Value>,
    loss: Value,
    #[serde(default)]
    ungraded: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
}

/// Reads a part of the description; an error names the key by its whole path.
fn read<T: DeserializeOwned>(path: &str, value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let whole = match (path, inner.as_str()) {
            (_, ".") => path.to_owned(),
            ("", _) => inner,
            _ => format!("{path}.{inner}"),
        };
        let place = if whole.is_empty() { "the description".to_owned() } else { at(&whole) };
        AuditError::description(place, plain(&error.into_inner().to_string()))
    })
}

/// A message of the deserialiser without the types of this program: what the value is, and what to write.
fn plain(message: &str) -> String {
    let rest = ["invalid type: ", "invalid value: "].iter().find_map(|start| message.strip_prefix(start));
    let Some((found, expected)) = rest.and_then(|rest| rest.split_once(", expected ")) else {
        return message.to_owned();
    };
    let found = match found {
        "map" => "an object",
        "sequence" => "a list",
        "unit" => "null",
        other => ["boolean ", "integer ", "floating point ", "string "]
            .iter()
            .find_map(|kind| other.strip_prefix(kind))
            .unwrap_or(other),
    };
    let expected = match expected {
        "usize" | "u64" | "u32" => "a whole number from 0 on",
        "f64" => "a number",
        "string or map" => "a word, or an object with one key",
        "a map" => "an object, {...}",
        "a sequence" => "a list, [...]",
        "a boolean" => "true or false",
        "a string" => "a text, \"...\"",
        other if other.starts_with("struct ") => "an object, {...}, with the keys of docs/audit-format.md",
        other if other.starts_with("enum ") || other.starts_with("variant ") => {
            "a word of docs/audit-format.md"
        }
        other => match other.strip_prefix("an array of length ") {
            Some(length) => &format!("a list of {length}"),
            None => other,
        },
    };
    format!("it is {found}, but must be {expected}")
}

/// A place by the path of its key, and for a layer's by its number besides: "layer 1, `layers[1].decay`".
pub(super) fn at(path: &str) -> String {
    let number = path.strip_prefix("layers[").and_then(|rest| rest.split_once(']'));
    match number {
        Some((number, _)) => format!("layer {number}, `{path}`"),
        None => format!("`{path}`"),
    }
}

/// Takes the key `kind` out of a part of the description.
fn kind_of(path: &str, value: &mut Value) -> Result<String> {
    let problem = |place: String, problem: String| Err(AuditError::description(place, problem));
    let Value::Object(keys) = value else {
        return problem(at(path), format!("it is {value}, but a table with the key `kind` is expected"));
    };
    match keys.remove("kind") {
        Some(Value::String(kind)) => Ok(kind),
        Some(other) => problem(at(&format!("{path}.kind")), format!("it is {other}, but a word is expected")),
        None => problem(at(path), "missing field `kind`".into()),
    }
}

fn unknown(path: &str, kind: &str, known: &str) -> AuditError {
    AuditError::description(
        at(&format!("{path}.kind")),
        format!("`{kind}` is not known; take one of {known}"),
    )
}

impl Description {
    /// Reads the description in the metadata.
    ///
    /// # Errors
    /// [`AuditError::Description`] with the path of the key.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = |error: serde_json::Error| AuditError::description("the description", error.to_string());
        let value = resurge_program::parse_json(text.as_bytes()).map_err(bad)?;
        match value.get("version") {
            Some(found) if found.as_u64().is_some_and(|found| FORMATS.contains(&found)) => {}
            found => {
                let [first, last] = FORMATS;
                let problem = match found {
                    None => format!("the format's version is missing; write {last}"),
                    Some(Value::Number(found)) => {
                        format!("the format's version is {found}, but {first} and {last} are read")
                    }
                    Some(found) => {
                        format!("the format's version is {found}, but must be the number {first} or {last}")
                    }
                };
                return Err(AuditError::description("`version`", problem));
            }
        }
        let raw: Raw = read("", value)?;
        let layer = |(k, value)| {
            let path = format!("layers[{k}]");
            let layer = Layer::read(&path, value)?;
            layer.check_timing(&path, raw.version).map(|()| layer)
        };
        let layers = raw.layers.into_iter().enumerate().map(layer).collect::<Result<Vec<_>>>()?;
        if layers.is_empty() {
            return Err(AuditError::description("`layers`", "there is none, but at least one is needed"));
        }
        Ok(Self {
            version: raw.version,
            framework: raw.framework,
            layers,
            loss: loss("loss", raw.loss)?,
            ungraded: raw.ungraded,
            notes: raw.notes,
        })
    }
}

/// Those of the losses that the format has; each key with its path.
fn loss(path: &str, mut value: Value) -> Result<Loss> {
    let kind = kind_of(path, &mut value)?;
    match kind.as_str() {
        "cross-entropy" => {
            let Terms { readout, reduction, scale } = read(path, value)?;
            Ok(Loss::CrossEntropy { readout, reduction, scale })
        }
        "mse" => {
            let Terms { readout, reduction, scale } = read(path, value)?;
            Ok(Loss::Mse { readout, reduction, scale })
        }
        "weighted-sum" => {
            let Weighted { scale } = read(path, value)?;
            Ok(Loss::WeightedSum { scale })
        }
        other => Err(unknown(path, other, "cross-entropy, mse, weighted-sum")),
    }
}

impl Layer {
    fn read(path: &str, mut value: Value) -> Result<Self> {
        Ok(match kind_of(path, &mut value)?.as_str() {
            "linear" => Self::Linear(read(path, value)?),
            "conv2d" => Self::Conv2d(read(path, value)?),
            "avg-pool2d" => Self::AvgPool2d(read(path, value)?),
            "sum-pool2d" => Self::SumPool2d(read(path, value)?),
            "max-pool2d" => Self::MaxPool2d(read(path, value)?),
            "flatten" => Self::Flatten(read(path, value)?),
            "batch-norm" => Self::BatchNorm(read(path, value)?),
            "mask" => Self::Mask(read(path, value)?),
            "neuron" => Self::Neuron(Box::new(read(path, value)?)),
            "integrator" => Self::Integrator(Box::new(read(path, value)?)),
            other => {
                let known = "linear, conv2d, avg-pool2d, sum-pool2d, max-pool2d, flatten, batch-norm, mask, neuron, \
                             integrator";
                return Err(unknown(path, other, known));
            }
        })
    }
}

impl Layer {
    /// From version 2 on, a reset says where in the step it acts.
    fn check_timing(&self, path: &str, version: u64) -> Result<()> {
        match self {
            Self::Neuron(n) if version > 1 && n.reset.timing.is_none() && n.reset.kind != ResetKind::None => {
                let timings = ResetTiming::ALL.iter().map(|timing| timing.name()).collect::<Vec<_>>();
                let problem = format!(
                    "it is missing; version {version} has no default: write one of {}",
                    timings.join(", ")
                );
                Err(AuditError::description(at(&format!("{path}.reset.timing")), problem))
            }
            _ => Ok(()),
        }
    }

    /// The framework's class, if named.
    pub(super) fn class(&self) -> Option<&str> {
        match self {
            Self::Linear(layer) => layer.class.as_deref(),
            Self::Conv2d(layer) => layer.class.as_deref(),
            Self::AvgPool2d(layer) | Self::SumPool2d(layer) | Self::MaxPool2d(layer) => {
                layer.class.as_deref()
            }
            Self::Flatten(layer) | Self::Mask(layer) => layer.class.as_deref(),
            Self::BatchNorm(layer) => layer.class.as_deref(),
            Self::Neuron(layer) => layer.class.as_deref(),
            Self::Integrator(layer) => layer.class.as_deref(),
        }
    }

    /// The learned constants.
    pub(super) fn learned(&self) -> Option<&BTreeMap<String, BTreeMap<Constant, Each>>> {
        match self {
            Self::Neuron(layer) => Some(&layer.learned),
            Self::Integrator(layer) => Some(&layer.learned),
            _ => None,
        }
    }
}

fn one() -> f64 {
    1.0
}

fn ones() -> [usize; 2] {
    [1, 1]
}

fn torchs_epsilon() -> f64 {
    1e-5
}

fn one_group() -> usize {
    1
}

#[cfg(test)]
mod tests;
