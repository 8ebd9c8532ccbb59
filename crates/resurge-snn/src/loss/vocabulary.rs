//! The losses as data: which there are, and how one is read and written.

use super::{CLASS_PATTERN, CountTarget, Readout};
use crate::error::check;
use crate::table::{self, Number, Range, checked, words};
use crate::{Result, SnnError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::fmt;
use std::str::FromStr;

/// How the terms of a loss are added.
///
/// ```
/// use resurge_snn::Reduction;
///
/// assert_eq!("batch-mean".parse(), Ok(Reduction::BatchMean));
/// assert_eq!(Reduction::default().to_string(), "mean");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Divided by their number.
    #[default]
    Mean,
    /// Divided by the size of the batch.
    BatchMean,
    /// As they are.
    Sum,
}

words!("reduction", Reduction { Mean = "mean", BatchMean = "batch-mean", Sum = "sum" });

/// A loss: what is wanted of the output of a network.
///
/// ```
/// use resurge_snn::Loss;
///
/// let loss: Loss = "count 15 3".parse()?;
/// assert_eq!(loss, Loss::Count { desired: 15.0, undesired: 3.0, one_sided: false });
/// assert_eq!(loss.to_string(), "count 15 3");
/// let json = r#"{"kind":"count","desired":15.0,"undesired":3.0,"one_sided":false}"#;
/// assert_eq!(serde_json::to_string(&loss).unwrap(), json);
/// assert!(loss.check_steps(10).is_err()); // no neuron spikes 15 times in 10 steps
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Loss {
    /// [`kernel_loss`](crate::kernel_loss) of traces, with [`class_spikes`](crate::class_spikes)
    /// for a target.
    Kernel {
        /// When the neuron of the class spikes; it repeats along time.
        #[serde(with = "pattern")]
        pattern: Vec<bool>,
    },
    /// [`spike_count_loss`](crate::spike_count_loss), of a [`CountTarget`].
    Count {
        /// Spikes of the neuron of the class.
        #[serde(with = "desired")]
        desired: f64,
        /// Spikes of every other.
        #[serde(with = "undesired")]
        undesired: f64,
        /// Whether more of the one and fewer of the others are no error.
        #[serde(default)]
        one_sided: bool,
    },
    /// The cross-entropy of the softmax of a readout.
    CrossEntropy {
        /// What it sees of the output.
        readout: Readout,
        /// How terms are added.
        #[serde(default)]
        reduction: Reduction,
        /// A factor on all.
        #[serde(default = "one", with = "scale")]
        scale: f64,
    },
    /// The squared error of a readout.
    Mse {
        /// What it sees of the output.
        readout: Readout,
        /// How terms are added.
        #[serde(default)]
        reduction: Reduction,
        /// A factor on all.
        #[serde(default = "one", with = "scale")]
        scale: f64,
    },
    /// The sum of the outputs times given weights.
    WeightedSum {
        /// A factor on all.
        #[serde(default = "one", with = "scale")]
        scale: f64,
    },
}

checked!(desired, "desired spike count", NotNegative);
checked!(undesired, "undesired spike count", NotNegative);
checked!(scale, "loss scale", Finite);

fn one() -> f64 {
    1.0
}

/// A loss by name.
///
/// ```
/// use resurge_snn::Loss;
///
/// let names: Vec<&str> = Loss::ALL.iter().map(|entry| entry.name).collect();
/// assert_eq!(names, ["kernel", "count", "cross-entropy", "mse", "weighted-sum"]);
/// for entry in Loss::ALL {
///     assert_eq!(entry.sample.parse::<Loss>()?.name(), entry.name);
/// }
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossEntry {
    /// The name.
    pub name: &'static str,
    /// What may be written, with what may be left out in brackets.
    pub form: &'static str,
    /// A valid text.
    pub sample: &'static str,
}

impl Loss {
    /// Every loss.
    ///
    /// ```
    /// use resurge_snn::Loss;
    ///
    /// assert_eq!(Loss::ALL[1].form, "count DESIRED UNDESIRED [one-sided]");
    /// ```
    pub const ALL: &'static [LossEntry] = &[
        LossEntry { name: "kernel", form: "kernel [PATTERN]", sample: "kernel 01111" },
        LossEntry { name: "count", form: "count DESIRED UNDESIRED [one-sided]", sample: "count 15 3" },
        LossEntry {
            name: "cross-entropy",
            form: "cross-entropy READOUT [REDUCTION] [scale NUMBER]",
            sample: "cross-entropy sum",
        },
        LossEntry {
            name: "mse",
            form: "mse READOUT [REDUCTION] [scale NUMBER]",
            sample: "mse last batch-mean",
        },
        LossEntry {
            name: "weighted-sum",
            form: "weighted-sum [scale NUMBER]",
            sample: "weighted-sum scale 0.5",
        },
    ];

    /// The name: the first word of the text, and the kind in JSON.
    ///
    /// ```
    /// assert_eq!("mse last".parse::<resurge_snn::Loss>()?.name(), "mse");
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kernel { .. } => "kernel",
            Self::Count { .. } => "count",
            Self::CrossEntropy { .. } => "cross-entropy",
            Self::Mse { .. } => "mse",
            Self::WeightedSum { .. } => "weighted-sum",
        }
    }

    /// Whether its numbers lie in their ranges.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] for one that does not: a pattern without a step, a count below 0, a
    /// scale that is not finite.
    ///
    /// ```
    /// use resurge_snn::Loss;
    ///
    /// let error = Loss::WeightedSum { scale: f64::INFINITY }.check().unwrap_err();
    /// assert_eq!(error.to_string(), "loss scale is inf, but must be finite");
    /// ```
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Kernel { pattern } => check_pattern(pattern),
            Self::Count { desired, undesired, .. } => CountTarget::new(*desired, *undesired).map(drop),
            Self::CrossEntropy { scale, .. } | Self::Mse { scale, .. } | Self::WeightedSum { scale } => {
                Range::Finite.check("loss scale", *scale).map(drop)
            }
        }
    }

    /// [`check`](Self::check), and whether a network can learn from it in sequences of so many
    /// steps.
    ///
    /// # Errors
    /// As [`check`](Self::check), and [`SnnError::Form`] for a pattern without a spike in these
    /// steps, a class that is to spike no more than the others, and a count beyond the steps.
    ///
    /// ```
    /// let loss: resurge_snn::Loss = "kernel 00001".parse()?;
    /// assert!(loss.check_steps(5).is_ok() && loss.check_steps(4).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn check_steps(&self, steps: usize) -> Result<()> {
        self.check()?;
        let refuse =
            |expected: String| Err(SnnError::Form { what: "loss", text: self.to_string(), expected });
        match self {
            Self::Kernel { pattern } if !pattern.iter().take(steps).any(|&spike| spike) => refuse(format!(
                "of a pattern with a 1 in the first {steps} steps, or silence is right for every class"
            )),
            Self::Count { desired, undesired, .. } if undesired >= desired => refuse(
                "of more spikes for the class than for the others: write the larger number first".into(),
            ),
            Self::Count { desired, .. } if *desired > steps as f64 => refuse(format!(
                "of at most {steps} spikes, for there are {steps} steps: ask for fewer, or take more"
            )),
            _ => Ok(()),
        }
    }
}

/// The text; what is as it would be without a word is not written.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Kernel { pattern } => write!(f, " {}", pattern::digits(pattern)),
            Self::Count { desired, undesired, one_sided } => {
                write!(f, " {} {}", Number(*desired), Number(*undesired))?;
                f.write_str(if *one_sided { " one-sided" } else { "" })
            }
            Self::CrossEntropy { readout, reduction, scale } | Self::Mse { readout, reduction, scale } => {
                write!(f, " {readout}")?;
                if *reduction != Reduction::default() {
                    write!(f, " {reduction}")?;
                }
                write_scale(f, *scale)
            }
            Self::WeightedSum { scale } => write_scale(f, *scale),
        }
    }
}

fn write_scale(f: &mut fmt::Formatter<'_>, scale: f64) -> fmt::Result {
    if scale == 1.0 { Ok(()) } else { write!(f, " scale {}", Number(scale)) }
}

impl FromStr for Loss {
    type Err = SnnError;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let entry = words.first().and_then(|name| Self::ALL.iter().find(|entry| entry.name == *name));
        let Some(entry) = entry else {
            return Err(table::unknown("loss", text, Self::ALL.iter().map(|entry| entry.form)));
        };
        let Some(loss) = of_words(&words)? else {
            let expected = format!("\"{}\", such as \"{}\"", entry.form, entry.sample);
            return Err(SnnError::Form { what: "loss", text: text.to_owned(), expected });
        };
        loss.check()?;
        Ok(loss)
    }
}

/// The loss of these words; none where they are of no form.
fn of_words(words: &[&str]) -> Result<Option<Loss>> {
    Ok(match *words {
        ["kernel"] => Some(Loss::Kernel { pattern: CLASS_PATTERN.to_vec() }),
        ["kernel", digits] => pattern::read(digits).map(|pattern| Loss::Kernel { pattern }),
        ["count", desired, undesired, ref side @ ..] if matches!(side, [] | ["one-sided"]) => {
            let counts = desired.parse().ok().zip(undesired.parse().ok());
            let one_sided = !side.is_empty();
            counts.map(|(desired, undesired)| Loss::Count { desired, undesired, one_sided })
        }
        [name @ ("cross-entropy" | "mse"), readout, ref rest @ ..] => {
            let (reduction, rest) = match rest {
                [] | ["scale", ..] => (Reduction::default(), rest),
                [reduction, rest @ ..] => (reduction.parse()?, rest),
            };
            let readout = readout.parse()?;
            read_scale(rest).map(|scale| match name {
                "mse" => Loss::Mse { readout, reduction, scale },
                _ => Loss::CrossEntropy { readout, reduction, scale },
            })
        }
        ["weighted-sum", ref rest @ ..] => read_scale(rest).map(|scale| Loss::WeightedSum { scale }),
        _ => None,
    })
}

fn read_scale(words: &[&str]) -> Option<f64> {
    match words {
        [] => Some(1.0),
        ["scale", scale] => scale.parse().ok(),
        _ => None,
    }
}

fn check_pattern(pattern: &[bool]) -> Result<()> {
    check("pattern length", pattern.len() as f64, "at least 1", !pattern.is_empty()).map(drop)
}

/// A pattern of spikes as digits: `01111`.
mod pattern {
    use super::*;

    pub(super) fn digits(pattern: &[bool]) -> String {
        pattern.iter().map(|&spike| if spike { '1' } else { '0' }).collect()
    }

    pub(super) fn read(digits: &str) -> Option<Vec<bool>> {
        let step = |digit| match digit {
            '0' => Some(false),
            '1' => Some(true),
            _ => None,
        };
        digits.chars().map(step).collect()
    }

    pub(super) fn serialize<S: Serializer>(
        pattern: &[bool],
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        check_pattern(pattern).map_err(ser::Error::custom)?;
        serializer.serialize_str(&digits(pattern))
    }

    pub(super) fn deserialize<'de, D>(deserializer: D) -> std::result::Result<Vec<bool>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        let refuse = || de::Error::custom(format!("the pattern is \"{text}\"; it must be of 0 and 1"));
        let pattern = read(&text).ok_or_else(refuse)?;
        check_pattern(&pattern).map_err(de::Error::custom)?;
        Ok(pattern)
    }
}

#[cfg(test)]
mod tests;
