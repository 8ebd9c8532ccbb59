//! The nodes of a program.

use crate::ops::Operation;
use resurge_tensor::{Shape, Tensor};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// A line of source code.
///
/// ```
/// use resurge_program::Frame;
///
/// let frame = Frame { file: "net.py".into(), line: 7, function: "forward".into(), source: String::new() };
/// assert_eq!(frame.to_string(), "net.py:7");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The function that it is in.
    #[serde(default)]
    pub function: String,
    /// The text of the line.
    #[serde(default)]
    pub source: String,
}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or_default();
        write!(f, "{name}:{}", self.line)
    }
}

/// Where a node comes from: its line, and the lines that called it, the innermost first.
pub(crate) type Site = Vec<Frame>;

/// A node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) inputs: Vec<usize>,
    pub(crate) shape: Shape,
    pub(crate) site: Option<usize>,
    /// The recorded value.
    pub(crate) value: Option<Tensor<f64>>,
    /// The recorded cotangent; of a leaf, its gradient.
    pub(crate) cotangent: Option<Tensor<f64>>,
    /// Half a unit in the last place of its recorded value's type.
    pub(crate) unit: Option<f64>,
    /// Whether a gradient flows through it: it depends on a leaf through no stop and no decision.
    pub(crate) carries: bool,
    /// Whether the loss, or a definition, is computed from it.
    pub(crate) needed: bool,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Leaf(Leaf),
    Constant,
    /// A result that is constant between jumps.
    Decide(Decide),
    /// The input, through which no gradient flows.
    Stop(Stop),
    /// A function of whose gradient nothing is known but its slopes.
    Surrogate(Surrogate),
    /// One result of a function of whose gradient nothing is known but what it was at this run.
    Opaque(Opaque),
    Operation(Operation),
}

/// Something that gradients are taken by.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Leaf {
    pub(crate) name: String,
    /// The framework's hooks on its gradient.
    #[serde(default)]
    pub(crate) hooks: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constant {
    #[serde(default)]
    pub(crate) scalar: Option<f64>,
    /// Whether it is the result of an earlier call, to which the framework's gradient flows on. The recorder's note says so.
    #[serde(default)]
    pub(crate) carried: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    pub(crate) kind: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    pub(crate) kind: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Surrogate {
    pub(crate) function: String,
    /// The comparison of the first input that its value is, and the threshold.
    #[serde(default)]
    pub(crate) step: Option<(String, f64)>,
    /// The surrogate that it is meant to be, in Resurge's words.
    #[serde(default, deserialize_with = "surrogate")]
    pub(crate) declared: Option<resurge_snn::Surrogate>,
    /// One for each input.
    #[serde(skip)]
    pub(crate) slopes: Vec<Tensor<f64>>,
}

/// Reads a surrogate's short form.
fn surrogate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<resurge_snn::Surrogate>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opaque {
    pub(crate) function: String,
    /// The call that it is a result of.
    pub(crate) call: usize,
    /// The node that defines its value.
    #[serde(default)]
    pub(crate) definition: Option<usize>,
    /// Whether the definition also defines its gradient. Otherwise its forward pass was only seen.
    #[serde(default)]
    pub(crate) certain: bool,
    /// What its backward does that no derivative does.
    #[serde(default)]
    pub(crate) problems: Vec<String>,
    /// What the call adds to the cotangent of each input; none where it adds nothing.
    #[serde(skip)]
    pub(crate) contributions: Vec<Option<Tensor<f64>>>,
}

impl Opaque {
    /// The node that is taken in its place.
    pub(crate) fn defined(&self) -> Option<usize> {
        self.definition.filter(|_| self.certain)
    }
}

impl Kind {
    /// The name in files.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Leaf(_) => "leaf",
            Self::Constant => "constant",
            Self::Decide(_) => "decide",
            Self::Stop(_) => "stop",
            Self::Surrogate(_) => "surrogate",
            Self::Opaque(_) => "opaque",
            Self::Operation(op) => op.name(),
        }
    }

    /// Whether a gradient flows through, where one flows into an input.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Surrogate(_) | Self::Opaque(_) | Self::Operation(_))
    }
}
