//! The subcommands.

pub(crate) mod audit;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod diagnose;
pub(crate) mod man;
pub(crate) mod merge;
mod options;
pub(crate) mod reference;
mod render;
mod table;
pub(crate) mod toy;
pub(crate) mod train;
mod training;
pub(crate) mod verify;

use anyhow::{Context, Result};
use resurge::{Claim, write_atomically};
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
    let mut out = anstream::stdout().lock();
    // What stays in the buffer would be lost without a word.
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// How a write to standard output ended.
pub(crate) fn written(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output: make room, or send it elsewhere")
        }
        _ => Ok(()),
    }
}

/// Says something on standard error. Where that cannot be written, there is nobody to be told.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "resurge: {text}");
}

/// Claims the directory that a command writes into for a while, and makes it where there is none.
fn claim(directory: &Path) -> Result<Claim> {
    let claim = Claim::of(directory)?;
    if !claim.is_locked() {
        say(format_args!(
            "the file system of {} has no locks: see to it that no other run writes there",
            directory.display()
        ));
    }
    Ok(claim)
}

/// A flag that Ctrl-C and a request to terminate set. A second one ends the process.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let mut signals = Signals::default();
    let handler = move || match signals.next(Instant::now()) {
        Answer::Stop => {
            flag.store(true, Ordering::Relaxed);
            say("stopping as soon as what is under way is saved; once more, after a second, ends at once");
        }
        Answer::Nothing => {}
        Answer::End => std::process::exit(i32::from(crate::STOPPED)),
    };
    ctrlc::set_handler(handler).context("cannot listen to Ctrl-C")?;
    Ok(stop)
}

/// The signals so far.
#[derive(Default)]
struct Signals {
    first: Option<Instant>,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Stop,
    Nothing,
    End,
}

impl Signals {
    /// A second one that comes this soon is the same: `timeout` signals a process and then its
    /// group, and so do wrappers that hand on what the terminal sent.
    const SAME: Duration = Duration::from_secs(1);

    fn next(&mut self, now: Instant) -> Answer {
        match self.first {
            None => {
                self.first = Some(now);
                Answer::Stop
            }
            Some(first) if now.duration_since(first) < Self::SAME => Answer::Nothing,
            Some(_) => Answer::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_signal_within_a_second_is_the_first_and_a_later_one_ends() {
        let (mut signals, start) = (Signals::default(), Instant::now());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let answers = [0, 1, 999, 1000].map(|at| signals.next(after(at)));
        assert_eq!(answers, [Answer::Stop, Answer::Nothing, Answer::Nothing, Answer::End]);
    }
}
