//! The subcommands.

pub(crate) mod audit;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod diagnose;
pub(crate) mod man;
pub(crate) mod merge;
mod options;
mod outcome;
pub(crate) mod reference;
mod render;
mod table;
pub(crate) mod toy;
pub(crate) mod train;
mod training;
pub(crate) mod verify;

use anyhow::{Context, Result};
use resurge::write_atomically;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// A flag that Ctrl-C and a request to terminate set. A second one ends the process.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(crate::STOPPED));
        }
        anstream::eprintln!(
            "resurge: stopping as soon as what is under way is saved; once more ends at once"
        );
    };
    ctrlc::set_handler(handler).context("cannot listen to Ctrl-C")?;
    Ok(stop)
}
