//! The subcommands.

pub(crate) mod audit;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod diagnose;
pub(crate) mod man;
pub(crate) mod merge;
pub(crate) mod reference;
mod render;
pub(crate) mod toy;
pub(crate) mod train;
pub(crate) mod verify;

use anyhow::{Context, Result};
use std::io::{ErrorKind, Write};

/// Runs on so many threads, or on one a core.
fn on_threads<T: Send>(threads: Option<u64>, run: impl FnOnce() -> T + Send) -> Result<T> {
    let Some(threads) = threads else { return Ok(run()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::try_from(threads)?);
    Ok(pool.build().context("cannot start the threads")?.install(run))
}

/// Writes to standard output. A reader that closes it early, such as `head`, is no error.
fn print(text: &str) -> Result<()> {
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write the result"),
        _ => Ok(()),
    }
}
