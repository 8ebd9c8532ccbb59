//! Values by name: what a user may write, and how it is read and written.
//!
//! Each vocabulary has one table `ALL` of [`Entry`]. Settings, files, registries and tests read it;
//! nobody keeps a list of their own.

use crate::error::check;
use crate::{Result, SnnError};
use std::fmt;

/// A named form of a value: what a user writes, which numbers it takes, and one of it for tests.
///
/// ```
/// use resurge_snn::Reset;
///
/// let value = Reset::ALL.iter().find(|entry| entry.name == "value").expect("in the table");
/// assert_eq!(value.form(), "value VALUE");
/// assert_eq!(value.of(&[-0.5])?, Reset::to_value(-0.5));
/// assert_eq!(value.of(value.sample)?.name(), "value");
/// assert!(value.of(&[]).unwrap_err().to_string().contains("it must be \"value VALUE\""));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Entry<T: 'static> {
    /// What it is a form of, as errors say it: "surrogate".
    pub what: &'static str,
    /// The name; no other entry of the table has it.
    pub name: &'static str,
    /// The numbers, in the order in which they are written.
    pub parameters: &'static [Parameter],
    /// Valid numbers, one for each parameter.
    pub sample: &'static [f64],
    /// What stands before each number.
    pub(crate) mark: char,
    /// Called with as many numbers as there are parameters; it refuses those out of range.
    pub(crate) make: fn(&[f64]) -> Result<T>,
}

/// A number of a form.
///
/// ```
/// use resurge_snn::{Range, Surrogate};
///
/// let sigmoid = &Surrogate::ALL[0].entry;
/// let width = sigmoid.parameters[0];
/// assert_eq!((width.name, width.range, width.default), ("width", Range::Positive, None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// The name: the key in JSON.
    pub name: &'static str,
    /// Where it may lie.
    pub range: Range,
    /// The number where none is written; only the last parameters have one.
    pub default: Option<f64>,
}

/// Where a number may lie. None holds a number that is not finite.
///
/// ```
/// use resurge_snn::Range;
///
/// assert!(Range::UnitInterval.contains(1.0) && !Range::BelowOne.contains(1.0));
/// assert_eq!(Range::Positive.words(), "positive and finite");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Range {
    /// Any finite number.
    Finite,
    /// Greater than 0.
    Positive,
    /// At least 0.
    NotNegative,
    /// In `0..=1`.
    UnitInterval,
    /// In `0..1`.
    BelowOne,
    /// In `0..0.5`.
    BelowHalf,
}

impl Range {
    /// Whether `x` lies in it.
    ///
    /// ```
    /// assert!(resurge_snn::Range::BelowHalf.contains(0.25));
    /// ```
    pub fn contains(self, x: f64) -> bool {
        x.is_finite()
            && match self {
                Self::Finite => true,
                Self::Positive => x > 0.0,
                Self::NotNegative => x >= 0.0,
                Self::UnitInterval => (0.0..=1.0).contains(&x),
                Self::BelowOne => (0.0..1.0).contains(&x),
                Self::BelowHalf => (0.0..0.5).contains(&x),
            }
    }

    /// What a number must be to lie in it, as errors say it.
    ///
    /// ```
    /// assert_eq!(resurge_snn::Range::UnitInterval.words(), "between 0 and 1");
    /// ```
    pub fn words(self) -> &'static str {
        match self {
            Self::Finite => "finite",
            Self::Positive => "positive and finite",
            Self::NotNegative => "at least 0 and finite",
            Self::UnitInterval => "between 0 and 1",
            Self::BelowOne => "at least 0 and less than 1",
            Self::BelowHalf => "at least 0 and less than 0.5",
        }
    }

    /// The number, if it lies in it.
    pub(crate) fn check(self, parameter: &'static str, x: f64) -> Result<f64> {
        check(parameter, x, self.words(), self.contains(x))
    }
}

impl Parameter {
    pub(crate) const fn new(name: &'static str, range: Range) -> Self {
        Self { name, range, default: None }
    }

    pub(crate) const fn or(self, default: f64) -> Self {
        Self { default: Some(default), ..self }
    }
}

impl<T> Entry<T> {
    /// The value of these numbers. The last may be left out where they have a default.
    ///
    /// # Errors
    /// [`SnnError::Form`] for too few or too many numbers, [`SnnError::Parameter`] for one out of
    /// its range.
    ///
    /// ```
    /// use resurge_snn::{ResetGradient, SnnError};
    ///
    /// let scaled = &ResetGradient::ALL[2];
    /// assert_eq!(scaled.of(&[0.25])?, ResetGradient::Scaled(0.25));
    /// assert!(matches!(scaled.of(&[2.0]), Err(SnnError::Parameter { parameter: "alpha", .. })));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn of(&self, numbers: &[f64]) -> Result<T> {
        let defaults = self.parameters.iter().skip(numbers.len()).map_while(|missing| missing.default);
        let all: Vec<f64> = numbers.iter().copied().chain(defaults).collect();
        if all.len() == self.parameters.len() {
            return (self.make)(&all);
        }
        Err(self.refuse(&self.written(numbers)))
    }

    /// The name with numbers, as they are written.
    pub(crate) fn written(&self, numbers: &[f64]) -> String {
        let numbers = numbers.iter().map(|&x| format!("{}{}", self.mark, Number(x)));
        numbers.fold(self.name.to_owned(), |text, number| text + &number)
    }

    /// The name with its parameters in capitals; those with a default stand in brackets: what a
    /// user may write.
    ///
    /// ```
    /// assert_eq!(resurge_snn::ResetGradient::ALL[2].form(), "scaled:ALPHA");
    /// ```
    pub fn form(&self) -> String {
        let mut form = self.name.to_owned();
        for parameter in self.parameters {
            let (mark, name) = (self.mark, parameter.name.to_uppercase());
            form += &match parameter.default {
                Some(_) => format!("{mark}[{name}]"),
                None => format!("{mark}{name}"),
            };
        }
        form
    }

    /// That a text is not of this form.
    fn refuse(&self, text: &str) -> SnnError {
        let mut expected = format!("\"{}\"", self.form());
        if !self.sample.is_empty() {
            expected += &format!(", such as \"{}\"", self.written(self.sample));
        }
        SnnError::Form { what: self.what, text: text.to_owned(), expected }
    }
}

/// Reads the words of `text`: a name of the table and its numbers.
pub(crate) fn parse<T>(entries: &[&Entry<T>], text: &str, words: &[&str]) -> Result<T> {
    let named = words.first().and_then(|name| entries.iter().find(|entry| entry.name == *name));
    let Some(entry) = named else {
        let forms = entries.iter().map(|entry| entry.form());
        return Err(unknown(entries.first().map_or("value", |entry| entry.what), text, forms));
    };
    let numbers: Option<Vec<f64>> = words[1..].iter().map(|word| word.parse().ok()).collect();
    match numbers {
        Some(numbers) if numbers.len() <= entry.parameters.len() => entry.of(&numbers),
        _ => Err(entry.refuse(text)),
    }
}

/// That `text` is of none of the forms.
pub(crate) fn unknown<F: AsRef<str>>(
    what: &'static str,
    text: &str,
    forms: impl IntoIterator<Item = F>,
) -> SnnError {
    let forms: Vec<F> = forms.into_iter().collect();
    let forms = forms.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
    SnnError::Form { what, text: text.to_owned(), expected: format!("one of: {forms}") }
}

/// A number with the fewest digits that read back to it, and without long runs of zeros.
pub(crate) struct Number(pub(crate) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size == 0.0 || (1e-5..1e16).contains(&size) || !size.is_finite() {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{:e}", self.0)
        }
    }
}

/// The names of an enum without numbers: `ALL`, `name`, `Display` and `FromStr`. A variant left out
/// does not compile.
macro_rules! words {
    ($what:literal, $type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every one, in the order of the declaration.
            ///
            /// ```
            /// let names: Vec<&str> = resurge_snn::Firing::ALL.iter().map(|one| one.name()).collect();
            /// assert_eq!(names, ["above", "at-or-above", "repeatedly"]);
            /// ```
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name: what settings and files say.
            ///
            /// ```
            /// assert_eq!(resurge_snn::Firing::AtOrAbove.name(), "at-or-above");
            /// ```
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::SnnError;

            fn from_str(text: &str) -> $crate::Result<Self> {
                let named = Self::ALL.iter().copied().find(|one| one.name() == text);
                let names = || Self::ALL.iter().map(|one| one.name());
                named.ok_or_else(|| $crate::table::unknown($what, text, names()))
            }
        }
    };
}
pub(crate) use words;

/// A module for `#[serde(with = "..")]`: a number that is neither read nor written out of its range.
macro_rules! checked {
    ($name:ident, $parameter:literal, $range:ident) => {
        mod $name {
            use $crate::table::Range;

            pub(super) fn serialize<S: serde::Serializer>(x: &f64, to: S) -> Result<S::Ok, S::Error> {
                let x = Range::$range.check($parameter, *x).map_err(serde::ser::Error::custom)?;
                to.serialize_f64(x)
            }

            pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
                let x = serde::Deserialize::deserialize(from)?;
                Range::$range.check($parameter, x).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use checked;

#[cfg(test)]
pub(crate) mod tests;
