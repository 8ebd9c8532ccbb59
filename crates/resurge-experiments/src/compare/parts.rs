//! Joining what was run in several directories.

use super::plan::{common, write};
use super::{CompareError, Cost, Plan, Record, Summary, TrialId, csv, figure, markdown};
use crate::Rule;
use resurge_report::Claim;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// The files that [`Comparison::write`] makes besides the plan.
///
/// ```
/// assert!(resurge_experiments::compare::REPORTS.iter().all(|name| name.starts_with("comparison.")));
/// ```
pub const REPORTS: [&str; 4] = ["comparison.json", "comparison.csv", "comparison.md", "comparison.svg"];

/// All trials of a plan.
///
/// ```
/// use resurge_experiments::compare::Comparison;
///
/// let comparison = Comparison::read(&["../resurge/examples/results/compare"])?;
/// let ids: Vec<String> = comparison.trials.iter().map(|trial| trial.id.to_string()).collect();
/// assert_eq!(ids, ["full-seed1", "detached-seed1", "full-seed2", "detached-seed2"]);
/// assert_eq!(comparison.plan.config.epochs, 2);
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The plan.
    pub plan: Plan,
    /// Its trials, in the order of the list, each done.
    pub trials: Vec<Record>,
    /// What a step costs, if that was measured.
    pub cost: Option<Cost>,
    /// Where each trial was found.
    sources: Vec<PathBuf>,
}

impl Comparison {
    /// Joins the trials in directories of one comparison. Where no directory has a plan, the list is each rule with
    /// each seed that have a directory.
    ///
    /// # Errors
    /// [`CompareError::Mismatch`] names the first part that has other settings, data or version, a trial that is in two
    /// directories and not the same, or one that is not on the list; [`CompareError::Incomplete`] the trials that are
    /// not done; [`CompareError::File`] a file that is damaged.
    ///
    /// ```
    /// let empty = tempfile::tempdir()?;
    /// let error = resurge_experiments::compare::Comparison::read(&[empty.path()]).unwrap_err();
    /// assert!(error.to_string().ends_with("no trials/RULE-seedN/log.json is in it"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read(directories: &[impl AsRef<Path>]) -> Result<Self, CompareError> {
        let mut found: Vec<(PathBuf, Record)> = Vec::new();
        let mut begun: Vec<TrialId> = Vec::new();
        let mut plan: Option<(PathBuf, Plan)> = None;
        let mut cost: Option<(PathBuf, Cost)> = None;
        for directory in directories.iter().map(AsRef::as_ref) {
            join(&mut plan, directory.join(Plan::FILE), Plan::read(directory)?, |a, b| {
                let lists =
                    (a.rules != b.rules || a.seeds != b.seeds).then(|| "another list of trials".into());
                a.difference(b).or(lists)
            })?;
            join(&mut cost, directory.join(Cost::FILE), Cost::read(directory)?, |_, _| {
                Some("the cost was measured twice; keep one of these files".into())
            })?;
            for (path, id) in trials_in(directory)? {
                begun.push(id);
                let Some(record) = Record::read(&path, id)? else { continue };
                match found.iter().find(|(_, other)| other.id == record.id) {
                    Some((other, there)) if there.log != record.log || there.diverged != record.diverged => {
                        let (other, difference) =
                            (other.clone(), "the same trial, but not the same log; keep one");
                        return Err(CompareError::Mismatch { path, other, difference: difference.into() });
                    }
                    Some(_) => {}
                    None => found.push((path, record)),
                }
            }
        }
        let (of, plan) = match plan {
            Some((of, plan)) => (of, plan),
            None => inferred(&found, &begun).ok_or_else(|| {
                let path = directories.first().map(|path| path.as_ref().to_owned()).unwrap_or_default();
                CompareError::file(path, "no trials/RULE-seedN/log.json is in it")
            })?,
        };
        let list = plan.trials();
        for (path, record) in &found {
            let stray =
                || format!("{} is not on its list; take it away, or add its rule and seed", record.id);
            let stray = (!list.contains(&record.id)).then(stray);
            if let Some(difference) = record.difference(&plan).or(stray) {
                return Err(CompareError::Mismatch { path: path.clone(), other: of, difference });
            }
        }
        let cost = cost.map(|(path, cost)| cost.checked(&plan, &path)).transpose()?;
        let mut missing = Vec::new();
        let (mut trials, mut sources) = (Vec::new(), Vec::new());
        for id in &list {
            match found.iter().find(|(_, record)| record.id == *id) {
                Some((path, record)) if record.is_done() => {
                    trials.push(record.clone());
                    sources.push(path.clone());
                }
                Some((_, record)) => {
                    let (done, all) = (record.log.epochs.len(), plan.config.epochs);
                    missing.push(format!("{id} ({done} of {})", resurge_report::counted(all, "epoch")));
                }
                None => missing.push(id.to_string()),
            }
        }
        if !missing.is_empty() {
            return Err(CompareError::Incomplete { missing, of: list.len() });
        }
        Ok(Self { plan, trials, cost, sources })
    }

    /// Writes [`REPORTS`], and all that they are made of where it is not there yet: the plan, what was measured of
    /// costs, and each trial's logs.
    ///
    /// # Errors
    /// [`CompareError::File`], [`CompareError::Plot`].
    ///
    /// ```
    /// use resurge_experiments::compare::{Comparison, REPORTS};
    ///
    /// let directory = tempfile::tempdir()?;
    /// Comparison::read(&["../resurge/examples/results/compare"])?.write(directory.path())?;
    /// assert!(REPORTS.iter().all(|name| directory.path().join(name).exists()));
    /// // All that they are made of is there, too.
    /// assert_eq!(Comparison::read(&[directory.path()])?.trials.len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, out: &Path) -> Result<Summary, CompareError> {
        let summary = Summary::of(self);
        let json = json(&summary).map_err(|error| CompareError::file(out, error))?;
        // Nothing can be drawn of trials that all diverged in their first epoch.
        let drawn = self.trials.iter().any(|trial| !trial.log.epochs.is_empty());
        let figure = if drawn { figure(self)? } else { String::new() };
        let reports = [json, csv(self), markdown(&summary), figure];
        self.copy_logs(out)?;
        write_json(&out.join(Plan::FILE), &self.plan)?;
        if let Some(cost) = &self.cost {
            cost.write(out)?;
        }
        for (name, text) in REPORTS.iter().zip(&reports).filter(|(_, text)| !text.is_empty()) {
            write(&out.join(name), text)?;
        }
        Ok(summary)
    }
}

impl Comparison {
    fn copy_logs(&self, out: &Path) -> Result<(), CompareError> {
        for (record, source) in self.trials.iter().zip(&self.sources) {
            let target = Plan::directory(out, record.id);
            let failed = |error: std::io::Error| CompareError::file(&target, error);
            resurge_report::make_directory(&target).map_err(failed)?;
            if target.canonicalize().map_err(failed)? == source.canonicalize().map_err(failed)? {
                continue;
            }
            // A run may be there, too.
            let _claim = Claim::of(&target)?;
            for name in Record::FILES {
                let path = source.join(name);
                if path.exists() {
                    let text = resurge_report::text::read(&path).map_err(|e| CompareError::file(&path, e))?;
                    write(&target.join(name), &text)?;
                }
            }
        }
        Ok(())
    }
}

/// Takes what a directory has, where none before had it or the same.
fn join<T: PartialEq>(
    whole: &mut Option<(PathBuf, T)>,
    path: PathBuf,
    part: Option<T>,
    difference: impl Fn(&T, &T) -> Option<String>,
) -> Result<(), CompareError> {
    match (&whole, part) {
        (_, None) => {}
        (Some((other, there)), Some(part)) if part != *there => {
            let difference = difference(&part, there).unwrap_or_else(|| "not the same".into());
            return Err(CompareError::Mismatch { path, other: other.clone(), difference });
        }
        (Some(_), Some(_)) => {}
        (None, Some(part)) => *whole = Some((path, part)),
    }
    Ok(())
}

/// The directories of trials in a directory, by name.
fn trials_in(directory: &Path) -> Result<Vec<(PathBuf, TrialId)>, CompareError> {
    let trials = directory.join("trials");
    if !directory.is_dir() {
        return Err(CompareError::file(directory, "no such directory"));
    }
    if !trials.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |error: std::io::Error| CompareError::file(&trials, error);
    let entries = std::fs::read_dir(&trials).map_err(failed)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let id = name.parse().map_err(|error: String| CompareError::file(&path, error))?;
        Ok((path, id))
    };
    paths.into_iter().filter(|path| path.is_dir()).map(named).collect()
}

/// The plan of trials that have none: that of the first, with all rules, full and detached first, and all seeds of those
/// that were begun.
fn inferred(found: &[(PathBuf, Record)], begun: &[TrialId]) -> Option<(PathBuf, Plan)> {
    let (path, first) = found.first()?;
    let (mut rules, mut seeds) = (Vec::<Rule>::new(), Vec::new());
    for id in begun {
        if !rules.contains(&id.rule) {
            rules.push(id.rule);
        }
        seeds.push(id.seed);
    }
    let last = |rule: &Rule| (*rule != Rule::FULL, *rule != Rule::DETACHED);
    rules.sort_by_key(|rule| (last(rule), rule.name()));
    seeds.sort_unstable();
    seeds.dedup();
    let log = &first.log;
    let (version, origin, config) = (log.version.clone(), log.origin(), common(&log.config));
    Some((path.clone(), Plan { version, origin, data_sha256: None, rules, seeds, config }))
}

fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CompareError> {
    write(path, &json(value).map_err(|error| CompareError::file(path, error))?)
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CompareError> {
    let text = resurge_report::text::read(path).map_err(|error| CompareError::file(path, error))?;
    serde_json::from_str(&text)
        .map_err(|error| CompareError::file(path, format!("{error}; restore the file, or run anew")))
}
