//! The subcommands.

pub(crate) mod audit;
pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod diagnose;
pub(crate) mod merge;
mod render;
pub(crate) mod toy;
pub(crate) mod train;
pub(crate) mod verify;

use anyhow::{Context, Result};
use std::io::{ErrorKind, Write};

/// Writes to standard output. A reader that closes it early, such as `head`, is no error.
fn print(text: &str) -> Result<()> {
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write the result"),
        _ => Ok(()),
    }
}
