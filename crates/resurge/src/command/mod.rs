//! The subcommands.

pub(crate) mod audit;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod diagnose;
pub(crate) mod man;
mod markdown;
pub(crate) mod merge;
mod options;
mod outcome;
mod progress;
pub(crate) mod reference;
mod render;
mod table;
pub(crate) mod toy;
pub(crate) mod train;
mod training;
pub(crate) mod verify;
#[cfg(test)]
mod vocabulary;

use anyhow::{Context, Result, anyhow, bail};
use resurge::{Claim, write_atomically};
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Makes the directory that a command writes into, where there is none.
fn make_directory(path: &Path) -> Result<()> {
    resurge_report::make_directory(path).map_err(|error| {
        anyhow!("cannot make the directory {}: {error}; name a place that can be written", path.display())
    })
}

/// Writes a file of a directory that the user named.
fn write_into(directory: &Path, name: &str, contents: &[u8]) -> Result<()> {
    write_file(&directory.join(name), contents)
}

/// Writes a file that the user named.
fn write_file(path: &Path, contents: &[u8]) -> Result<()> {
    write_atomically(path, contents).map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::StorageFull => "make room, or name a file elsewhere",
            _ => "name a file in a directory that is there and can be written",
        };
        anyhow!("cannot write {}: {error}; {remedy}", path.display())
    })
}

/// Makes sure that a directory can be read; it is to hold what the words say.
fn is_directory(path: &Path, of: &str) -> Result<()> {
    let shown = path.display();
    match std::fs::read_dir(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("there is no directory {shown}: name one with {of}")
        }
        Err(_) if path.is_file() => bail!("{shown} is a file: name a directory with {of}"),
        Err(error) => bail!("the directory {shown} cannot be read: {error}; name one with {of}"),
    }
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
            Err(anyhow!("cannot write to standard output: {error}; make room, or send it elsewhere"))
        }
        _ => Ok(()),
    }
}

/// Says something on standard error. Where that cannot be written, there is nobody to be told.
pub(crate) fn say(text: impl Display) {
    let text = table::fold(&format!("resurge: {text}"), table::error_width());
    let _ = writeln!(anstream::stderr().lock(), "{text}");
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

/// Where results were written: a line a file or directory. A device or a pipe is no place.
fn places(paths: &[&Path]) -> String {
    let is_place =
        |path: &&&Path| std::fs::metadata(path).is_ok_and(|found| found.is_file() || found.is_dir());
    paths.iter().filter(is_place).map(|path| format!("Written to {}\n", path.display())).collect()
}

/// An error with its causes, each once: many errors say in words of their own what their cause says.
pub(crate) fn words(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        let cause = cause.trim_end();
        if !words.contains(cause) {
            words.push_str(if words.is_empty() { "" } else { ": " });
            words.push_str(cause);
        }
    }
    words
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
