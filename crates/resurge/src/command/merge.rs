//! `resurge merge`: joining what shards have run.

use super::{compare, toy};
use crate::Verdict;
use anyhow::{Context, Result, bail};
use clap::Args;
use resurge::compare::{Comparison, Plan};
use std::path::{Path, PathBuf};

/// Join the parts of a comparison or of a toy sweep that shards have run
///
/// Checks that settings, data and version of all parts agree and that no trial is missing, and writes the same tables and
/// figures as a run in one piece. Of a comparison, the logs of the trials are enough: `trials/RULE-seedN/log.json`. They
/// are copied to the output directory, with times and costs where there are any, so that it can be merged again.
///
/// Exit status: 0 when the result is written, 2 when parts are missing, damaged or do not belong together.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge merge runs/compare-mnist
  resurge merge node1/out node2/out --out all
  resurge merge docs/results/mnist")]
pub(crate) struct Arguments {
    /// The directories that shards have written to
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// The directory to write into, made if there is none; where there is but one DIR, that one by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    let directories = &arguments.directories;
    let out = match (&arguments.out, &directories[..]) {
        (Some(out), _) => out,
        (None, [one]) => one,
        (None, _) => bail!("several directories are joined in another: name it with --out"),
    };
    let mut journals = Vec::new();
    let mut with_trials = Vec::new();
    for directory in directories {
        super::is_directory(directory, "what a shard of `resurge compare` or `resurge toy` has written")?;
        let found = journals_in(directory)?;
        let trials = directory.join("trials").is_dir() || directory.join(Plan::FILE).exists();
        if !trials && found.is_empty() {
            bail!(
                "{} has neither trials of a comparison (trials/RULE-seedN/log.json) nor journals of a toy sweep \
                 (journal-I-of-N.jsonl): name a directory that a shard has written to",
                directory.display()
            );
        }
        journals.extend(found);
        with_trials.extend(trials.then(|| directory.clone()));
    }
    if let (Some(journal), Some(trials)) = (journals.first(), with_trials.first()) {
        bail!(
            "{} is of a toy sweep and {} of a comparison: merge them one after the other",
            journal.display(),
            trials.display()
        );
    }
    if with_trials.is_empty() {
        toy::merge(&journals, out)?;
        return Ok(Verdict::Holds);
    }
    // What was merged there before is a part, too: it may not be of something else.
    let is_part = |directory: &PathBuf| directory.canonicalize().ok() == out.canonicalize().ok();
    if out.exists() && !with_trials.iter().any(is_part) {
        with_trials.push(out.clone());
    }
    let comparison = Comparison::read(&with_trials)?;
    super::make_directory(out)?;
    compare::report(&comparison, out)?;
    Ok(Verdict::Holds)
}

/// The journals in a directory, by name.
fn journals_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read the directory {}", directory.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        if toy::is_journal(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
