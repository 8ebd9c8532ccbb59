//! Options that several commands have.

use anyhow::Context;
use clap::Args;

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
    pub(super) fn install<T: Send>(self, run: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let Some(threads) = self.threads else { return Ok(run()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::try_from(threads)?);
        Ok(pool.build().context("cannot start the threads")?.install(run))
    }
}
