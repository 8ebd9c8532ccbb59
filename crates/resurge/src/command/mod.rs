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
use resurge::write_atomically;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Runs on so many threads, or on one a core.
fn on_threads<T: Send>(threads: Option<u64>, run: impl FnOnce() -> T + Send) -> Result<T> {
    let Some(threads) = threads else { return Ok(run()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::try_from(threads)?);
    Ok(pool.build().context("cannot start the threads")?.install(run))
}

/// Makes the directory that a command writes into, where there is none.
fn make_directory(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path)
        .with_context(|| format!("cannot make the directory {}: name a writable place", path.display()))
}

/// Writes a file of a directory that the user named.
fn write_into(directory: &Path, name: &str, contents: &[u8]) -> Result<()> {
    let path = directory.join(name);
    write_atomically(&path, contents)
        .with_context(|| format!("cannot write {}: name a writable directory", path.display()))
}

/// Writes a file that the user named.
fn write_file(path: &Path, contents: &[u8]) -> Result<()> {
    write_atomically(path, contents)
        .with_context(|| format!("cannot write {}: name a file in a writable directory", path.display()))
}

/// Writes to standard output. A reader that closes it early, such as `head`, is no error.
fn print(text: &str) -> Result<()> {
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write the result"),
        _ => Ok(()),
    }
}
