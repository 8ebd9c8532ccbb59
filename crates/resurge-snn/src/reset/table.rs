//! The tables of resets and of their gradients, and how they are read and written.

use super::{Reset, ResetGradient, ResetKind, ResetTiming};
use crate::table::{self, Entry, Parameter, Range, words};
use crate::{Result, SnnError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::fmt;
use std::mem::discriminant;
use std::str::FromStr;

const VALUE: &[Parameter] = &[Parameter::new("value", Range::Finite)];

const fn entry<T>(
    what: &'static str,
    name: &'static str,
    parameters: &'static [Parameter],
    sample: &'static [f64],
    make: fn(&[f64]) -> Result<T>,
) -> Entry<T> {
    Entry { what, name, parameters, sample, mark: ' ', make }
}

/// A reset without a number.
const fn plain(name: &'static str, make: fn(&[f64]) -> Result<Reset>) -> Entry<Reset> {
    entry("reset", name, &[], &[], make)
}

/// A reset with its value.
const fn valued(
    name: &'static str,
    sample: &'static [f64],
    make: fn(&[f64]) -> Result<Reset>,
) -> Entry<Reset> {
    entry("reset", name, VALUE, sample, make)
}

fn finite(numbers: &[f64]) -> Result<f64> {
    Range::Finite.check("reset value", numbers[0])
}

/// To a value, at a place in the step.
fn to(numbers: &[f64], timing: ResetTiming) -> Result<Reset> {
    Ok(Reset { kind: ResetKind::ToValue(finite(numbers)?), timing })
}

/// To zero, then a value added, at a place in the step.
fn add(numbers: &[f64], timing: ResetTiming) -> Result<Reset> {
    Ok(Reset { kind: ResetKind::ToZeroThenAdd(finite(numbers)?), timing })
}

const fn none(timing: ResetTiming) -> Result<Reset> {
    Ok(Reset { kind: ResetKind::None, timing })
}

impl ResetKind {
    /// Every kind. A reset is one of them at a place in the step; in a file they are apart.
    ///
    /// ```
    /// use resurge_snn::ResetKind;
    ///
    /// let names: Vec<&str> = ResetKind::ALL.iter().map(|entry| entry.name).collect();
    /// assert_eq!(names, ["none", "zero", "value", "subtract", "zero-then-add"]);
    /// ```
    pub const ALL: &'static [Entry<Self>] = &[
        entry("reset kind", "none", &[], &[], |_| Ok(Self::None)),
        entry("reset kind", "zero", &[], &[], |_| Ok(Self::ToZero)),
        entry("reset kind", "value", VALUE, &[-0.3125], |n| Ok(Self::ToValue(finite(n)?))),
        entry("reset kind", "subtract", &[], &[], |_| Ok(Self::Subtract)),
        entry("reset kind", "zero-then-add", VALUE, &[0.1875], |n| Ok(Self::ToZeroThenAdd(finite(n)?))),
    ];

    /// The name of the kind, without its value.
    ///
    /// ```
    /// use resurge_snn::ResetKind;
    ///
    /// assert_eq!(ResetKind::ToValue(-0.5).name(), "value");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ToZero => "zero",
            Self::ToValue(_) => "value",
            Self::Subtract => "subtract",
            Self::ToZeroThenAdd(_) => "zero-then-add",
        }
    }

    /// The value, for those that have one.
    ///
    /// ```
    /// use resurge_snn::ResetKind;
    ///
    /// assert_eq!(ResetKind::ToValue(-0.5).value(), Some(-0.5));
    /// assert_eq!(ResetKind::Subtract.value(), None);
    /// ```
    pub fn value(self) -> Option<f64> {
        match self {
            Self::ToValue(value) | Self::ToZeroThenAdd(value) => Some(value),
            Self::None | Self::ToZero | Self::Subtract => None,
        }
    }
}

words!("reset timing", ResetTiming {
    BeforeDecay = "before-decay",
    AfterDecay = "after-decay",
    AfterInput = "after-input",
});

/// Where it is without a meaning, the place in the step has a name all the same, so that what is
/// written reads back.
const NONE_ELSEWHERE: &[Entry<Reset>] = &[
    plain("none-after-decay", |_| none(ResetTiming::AfterDecay)),
    plain("none-gated", |_| none(ResetTiming::AfterInput)),
];

impl Reset {
    /// Every kind of reset at every place in the step. Without a reset the place does not matter,
    /// and there is one.
    ///
    /// The order and the samples decide which numbers the registry of cells proves.
    ///
    /// ```
    /// use resurge_snn::Reset;
    ///
    /// assert_eq!(Reset::ALL.len(), 13);
    /// assert_eq!(Reset::ALL[4].of(&[])?, Reset::SUBTRACT);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub const ALL: &'static [Entry<Self>] = &[
        plain("none", |_| Ok(Self::NONE)),
        plain("zero", |_| Ok(Self::TO_ZERO)),
        plain("zero-after-decay", |_| Ok(Self { kind: ResetKind::ToZero, timing: ResetTiming::AfterDecay })),
        plain("gated", |_| Ok(Self::GATED_INPUT)),
        plain("subtract", |_| Ok(Self::SUBTRACT)),
        plain("subtract-then-decay", |_| Ok(Self::SUBTRACT_THEN_DECAY)),
        plain("subtract-after-input", |_| {
            Ok(Self { kind: ResetKind::Subtract, timing: ResetTiming::AfterInput })
        }),
        valued("value", &[-0.3125], |n| to(n, ResetTiming::BeforeDecay)),
        valued("value-after-decay", &[-0.3125], |n| to(n, ResetTiming::AfterDecay)),
        valued("value-gated", &[-0.3125], |n| to(n, ResetTiming::AfterInput)),
        valued("zero-then-add", &[0.1875], |n| add(n, ResetTiming::BeforeDecay)),
        valued("zero-then-add-after-decay", &[0.1875], |n| add(n, ResetTiming::AfterDecay)),
        valued("zero-then-add-gated", &[0.1875], |n| add(n, ResetTiming::AfterInput)),
    ];

    /// The name that no other kind of reset at no other place in the step has: the one in
    /// [`Reset::ALL`], and the first word of the text. [`name`](Self::name) tells fewer apart.
    ///
    /// ```
    /// use resurge_snn::{Reset, ResetTiming};
    ///
    /// let late = Reset { timing: ResetTiming::AfterDecay, ..Reset::TO_ZERO };
    /// assert_eq!((late.label(), late.name()), ("zero-after-decay", "zero"));
    /// ```
    pub fn label(&self) -> &'static str {
        // Every combination has its entry, says a test.
        self.entry().map_or_else(|| self.name(), |entry| entry.name)
    }

    /// Whether its value is finite.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] when it is not.
    ///
    /// ```
    /// use resurge_snn::Reset;
    ///
    /// let error = Reset::to_value(f64::NAN).check().unwrap_err();
    /// assert_eq!(error.to_string(), "reset value is NaN, but must be finite");
    /// ```
    pub fn check(&self) -> Result<()> {
        self.kind.value().map_or(Ok(()), |value| finite(&[value]).map(drop))
    }

    fn entry(&self) -> Option<&'static Entry<Self>> {
        let same = |entry: &&Entry<Self>| {
            entry.of(entry.sample).is_ok_and(|sample| {
                discriminant(&sample.kind) == discriminant(&self.kind) && sample.timing == self.timing
            })
        };
        Self::ALL.iter().chain(NONE_ELSEWHERE).find(same)
    }
}

/// The label, and the value if there is one: `zero`, `value-gated -0.5`.
impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())?;
        self.kind.value().map_or(Ok(()), |value| write!(f, " {}", table::Number(value)))
    }
}

impl FromStr for Reset {
    type Err = SnnError;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let elsewhere = NONE_ELSEWHERE.iter().find(|entry| words == [entry.name]);
        match elsewhere {
            Some(entry) => entry.of(&[]),
            None => table::parse(&Self::ALL.iter().collect::<Vec<_>>(), text, &words),
        }
    }
}

/// `{"kind": KIND, "timing": TIMING, "value": NUMBER}`, the value for the kinds that have one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: String,
    timing: ResetTiming,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
}

impl Serialize for Reset {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.check().map_err(ser::Error::custom)?;
        let kind = self.kind.name().to_owned();
        Written { kind, timing: self.timing, value: self.kind.value() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let Written { kind, timing, value } = Written::deserialize(deserializer)?;
        let named = ResetKind::ALL.iter().find(|entry| entry.name == kind);
        let entry = named.ok_or_else(|| {
            let names = ResetKind::ALL.iter().map(|entry| entry.name);
            de::Error::custom(table::unknown("reset kind", &kind, names))
        })?;
        match (entry.parameters.is_empty(), value) {
            (true, Some(_)) => {
                Err(de::Error::custom(format!("the reset {kind} has no `value`; leave it out")))
            }
            (false, None) => Err(de::Error::custom(format!("`value` is missing, but {kind} needs it"))),
            (_, value) => {
                let kind = entry.of(value.as_slice()).map_err(de::Error::custom)?;
                Ok(Self { kind, timing })
            }
        }
    }
}

const fn rule(
    name: &'static str,
    parameters: &'static [Parameter],
    sample: &'static [f64],
    make: fn(&[f64]) -> Result<ResetGradient>,
) -> Entry<ResetGradient> {
    Entry { what: "reset gradient", name, parameters, sample, mark: ':', make }
}

impl ResetGradient {
    /// Every gradient of a reset. The order and the samples decide which numbers the registry of
    /// cells proves.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    ///
    /// let forms: Vec<String> = ResetGradient::ALL.iter().map(|entry| entry.form()).collect();
    /// assert_eq!(forms, ["full", "detached", "scaled:ALPHA", "spatial-only"]);
    /// ```
    pub const ALL: &'static [Entry<Self>] = &[
        rule("full", &[], &[], |_| Ok(Self::Full)),
        rule("detached", &[], &[], |_| Ok(Self::Detached)),
        rule("scaled", &[Parameter::new("alpha", Range::UnitInterval)], &[0.5], |n| Self::scaled(n[0])),
        rule("spatial-only", &[], &[], |_| Ok(Self::SpatialOnly)),
    ];

    /// Whether its factor lies in `0..=1`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] when it does not.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    ///
    /// let error = ResetGradient::Scaled(1.5).check().unwrap_err();
    /// assert_eq!(error.to_string(), "alpha is 1.5, but must be between 0 and 1");
    /// ```
    pub fn check(self) -> Result<()> {
        match self {
            Self::Scaled(alpha) => Self::scaled(alpha).map(drop),
            Self::Full | Self::Detached | Self::SpatialOnly => Ok(()),
        }
    }
}

/// `full`, `detached`, `scaled:0.5`, `spatial-only`.
impl fmt::Display for ResetGradient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scaled(alpha) => write!(f, "scaled:{}", table::Number(*alpha)),
            other => f.write_str(&other.name()),
        }
    }
}

/// Reads the text, and `scaled-0.5`, which [`ResetGradient::name`] still says.
impl FromStr for ResetGradient {
    type Err = SnnError;

    fn from_str(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let words = match trimmed.strip_prefix("scaled-") {
            Some(alpha) => vec!["scaled", alpha],
            None => trimmed.split(':').collect(),
        };
        table::parse(&Self::ALL.iter().collect::<Vec<_>>(), text, &words)
    }
}

#[cfg(test)]
mod tests;
