//! Options that several commands have.

use anyhow::{Context, Result, anyhow};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use resurge::{Rule, Seeds};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A number of something, of which there is at least one.
pub(super) fn from_one_to(largest: u64) -> impl Fn(&str) -> Result<u64, String> + Clone {
    between(1, largest)
}

/// A whole number from one to another, both included.
pub(super) fn between(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |text| {
        let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("give a whole number from {least} to {most}"))
    }
}

/// A whole number; how large it may be is known where it is used.
pub(super) fn whole<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let number = text.trim().parse::<u64>().ok().and_then(|number| N::try_from(number).ok());
    number.ok_or_else(|| format!("give a whole number from 0 to {}", u64::MAX))
}

/// A number; what it may be is known where it is used.
pub(super) fn real(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "give a number, such as 0.05 or 1e-3".to_owned())
}

/// How many threads to run on.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Threads {
    /// Threads, one a core by default; the result does not depend on their number
    #[arg(long, value_parser = from_one_to(1024))]
    threads: Option<u64>,
}

impl Threads {
    /// Runs on so many threads, or on one a core.
    pub(super) fn install<T: Send>(self, run: impl FnOnce() -> T + Send) -> Result<T> {
        let Some(threads) = self.threads else { return Ok(run()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::try_from(threads)?);
        Ok(pool.build().context("cannot start the threads")?.install(run))
    }
}

/// Seeds as they were written: of a lone number it is known that it is one.
#[derive(Debug, Clone)]
pub(super) struct WrittenSeeds {
    pub(super) seeds: Seeds,
    pub(super) lone: bool,
}

impl FromStr for WrittenSeeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { seeds: text.parse()?, lone: text.trim().parse::<u64>().is_ok() })
    }
}

/// One of these gradients of the reset, in either spelling.
pub(super) fn one_of(rules: Vec<Rule>) -> impl TypedValueParser<Value = Rule> {
    let value = |rule: &Rule| {
        let (name, old) = (rule.name(), rule.name_in_paths());
        let value = PossibleValue::new(name.clone());
        if old == name { value } else { value.alias(old) }
    };
    let values: Vec<_> = rules.iter().map(value).collect();
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Rule>().map_err(|error| anyhow!(error)))
}

/// What standard output is called where a file is expected.
const STANDARD_OUTPUT: &str = "-";

/// Where a report goes: into a file, or to standard output.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Destination {
    StandardOutput,
    File(PathBuf),
}

impl From<std::ffi::OsString> for Destination {
    fn from(name: std::ffi::OsString) -> Self {
        if name == STANDARD_OUTPUT { Self::StandardOutput } else { Self::File(name.into()) }
    }
}

impl Destination {
    /// The file, where it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::StandardOutput => None,
            Self::File(path) => Some(path),
        }
    }

    pub(super) fn write(&self, text: &str) -> Result<()> {
        match self {
            Self::StandardOutput => super::print(text),
            Self::File(path) => super::write_file(path, text.as_bytes()),
        }
    }
}
