//! Options that several commands have.

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::RangedU64ValueParser;

/// A number of something, of which there is at least one.
pub(super) fn from_one_to(largest: u64) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=largest)
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
