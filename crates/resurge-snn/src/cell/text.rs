//! A cell in one line: `lif` and what differs from [`Cell::lif`], each by its key.

use super::{Adaptation, Cell, Synapse};
use crate::table::{Number, unknown};
use crate::{Result, SnnError, Surrogate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::fmt;
use std::str::FromStr;

/// One of the things that a line may say.
struct Key {
    name: &'static str,
    /// What stands behind the name, as errors show it.
    form: &'static str,
    /// How many words these are; as many as there are up to the next key where it is none.
    words: Option<usize>,
    /// The words of a cell that differs from the plain one in it.
    write: fn(&Cell, &Cell) -> Option<String>,
    /// The same cell with it.
    read: fn(Cell, &[&str]) -> Result<Cell>,
}

/// The number of a word.
fn number(words: &[&str]) -> Result<f64> {
    words.first().and_then(|word| word.parse().ok()).ok_or_else(|| no_form(words, "a number"))
}

fn no_form(words: &[&str], expected: &str) -> SnnError {
    SnnError::Form { what: "cell", text: words.join(" "), expected: expected.to_owned() }
}

/// A number that a line may set, and its key.
macro_rules! number {
    ($name:literal, $field:ident) => {
        Key {
            name: $name,
            form: "NUMBER",
            words: Some(1),
            write: |cell, plain| {
                // By its bits: -0 is not 0.
                let same = cell.$field.to_bits() == plain.$field.to_bits();
                (!same).then(|| Number(cell.$field).to_string())
            },
            read: |cell, words| Ok(Cell { $field: number(words)?, ..cell }),
        }
    };
}

/// A value with a text of its own, and its key.
macro_rules! value {
    ($name:literal, $form:literal, $field:ident) => {
        Key {
            name: $name,
            form: $form,
            words: None,
            write: |cell, plain| (cell.$field != plain.$field).then(|| cell.$field.to_string()),
            read: |cell, words| Ok(Cell { $field: words.join(" ").parse()?, ..cell }),
        }
    };
}

/// A choice that a line makes by its key alone.
macro_rules! choice {
    ($name:literal, $field:ident) => {
        Key {
            name: $name,
            form: "",
            words: Some(0),
            write: |cell, _| cell.$field.then(String::new),
            read: |cell, _| Ok(Cell { $field: true, ..cell }),
        }
    };
}

/// What a line may say, in the order in which it is written. The surrogate always is.
const KEYS: &[Key] = &[
    number!("decay", decay),
    Key {
        name: "tau",
        form: "STEPS",
        words: Some(1),
        write: |_, _| None,
        read: |cell, words| Ok(Cell { decay: 1.0 - 1.0 / number(words)?, ..cell }),
    },
    number!("gain", input_gain),
    number!("drive", drive),
    number!("initial", initial_potential),
    number!("threshold", threshold),
    number!("trace", trace_decay),
    Key {
        name: "synapse",
        form: "DECAY GAIN",
        words: Some(2),
        write: |cell, _| cell.synapse.map(|s| format!("{} {}", Number(s.decay), Number(s.gain))),
        read: |cell, words| {
            let (decay, gain) = (number(words)?, number(&words[1..])?);
            Ok(Cell { synapse: Some(Synapse { decay, gain }), ..cell })
        },
    },
    Key {
        name: "adaptation",
        form: "DECAY SCALE",
        words: Some(2),
        write: |cell, _| cell.adaptation.map(|a| format!("{} {}", Number(a.decay), Number(a.scale))),
        read: |cell, words| {
            let (decay, scale) = (number(words)?, number(&words[1..])?);
            Ok(Cell { adaptation: Some(Adaptation { decay, scale }), ..cell })
        },
    },
    value!("reset", "RESET", reset),
    value!("gradient", "RULE", reset_gradient),
    value!("firing", "FIRING", firing),
    value!("threshold-in-spike", "HOW", threshold_in_spike),
    Key {
        name: "refractory",
        form: "STEPS",
        words: Some(1),
        write: |cell, _| (cell.refractory_steps > 0).then(|| cell.refractory_steps.to_string()),
        read: |cell, words| {
            let steps = words.first().and_then(|word| word.parse().ok());
            let refractory_steps = steps.ok_or_else(|| no_form(words, "a whole number of steps"))?;
            Ok(Cell { refractory_steps, ..cell })
        },
    },
    choice!("output-delay", output_delay),
    choice!("residual-reset", residual_reset),
    Key {
        name: "surrogate",
        form: "SURROGATE",
        words: None,
        write: |cell, _| Some(cell.surrogate.to_string()),
        read: |cell, words| Ok(Cell { surrogate: words.join(" ").parse()?, ..cell }),
    },
];

/// All that a line may hold.
fn forms() -> impl Iterator<Item = String> {
    KEYS.iter().map(|key| format!("{} {}", key.name, key.form).trim_end().to_owned())
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Self::lif(self.surrogate);
        f.write_str("lif")?;
        for key in KEYS {
            match (key.write)(self, &plain) {
                Some(words) if words.is_empty() => write!(f, " {}", key.name)?,
                Some(words) => write!(f, " {} {words}", key.name)?,
                None => {}
            }
        }
        Ok(())
    }
}

/// Reads the text. `tau 5` is a decay of `1 - 1/5`, and `gradient` may be left out before a rule: `detached`.
impl FromStr for Cell {
    type Err = SnnError;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let Some((&"lif", mut rest)) = words.split_first() else {
            return Err(no_form(
                &[text],
                "\"lif\" and what differs from it, such as \"lif tau 5 reset subtract \
                detached surrogate sigmoid 0.2\"",
            ));
        };
        let mut cell = Self::lif(Surrogate::straight_through());
        let mut found: Vec<&str> = Vec::new();
        let is_key = |word: &&str| KEYS.iter().any(|key| key.name == *word) || is_rule(word);
        while let Some((&word, behind)) = rest.split_first() {
            let (name, behind) = if is_rule(word) { ("gradient", rest) } else { (word, behind) };
            let Some(key) = KEYS.iter().find(|key| key.name == name) else {
                return Err(unknown("key of a cell", word, forms()));
            };
            if found.contains(&name) || (found.contains(&"decay") && name == "tau") {
                return Err(no_form(&[text], &format!("without a second `{name}`")));
            }
            found.push(if name == "tau" { "decay" } else { name });
            // The first word belongs to the key in any case: a rule behind `gradient` is one.
            let to_next = behind.iter().skip(1).position(is_key).map_or(behind.len(), |at| at + 1);
            let length = key.words.unwrap_or(to_next);
            let Some((words, after)) = behind
                .split_at_checked(length)
                .filter(|(words, _)| !words.is_empty() || key.words == Some(0))
            else {
                return Err(no_form(&[text], &format!("`{name} {}`", key.form)));
            };
            cell = (key.read)(cell, words)?;
            rest = after;
        }
        if !found.contains(&"surrogate") {
            return Err(no_form(&[text], "with a surrogate, such as \"surrogate sigmoid 0.2\""));
        }
        cell.check()?;
        Ok(cell)
    }
}

/// Whether a word is a reset gradient.
fn is_rule(word: &str) -> bool {
    word.parse::<crate::ResetGradient>().is_ok()
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.check().map_err(ser::Error::custom)?;
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let cell = Self::deserialize(deserializer)?;
        cell.check().map_err(de::Error::custom)?;
        Ok(cell)
    }
}

#[cfg(test)]
mod tests;
