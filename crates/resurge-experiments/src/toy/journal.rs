//! The journal of a sweep: what is finished, so that an interrupted run can go on.
//!
//! Lines of JSON: the settings, then one unit of work each, appended when it is finished. A last line without an end
//! was being written when the run stopped, and is cut off.

use super::{Settings, ToyError, Trial};
use resurge_report::Appended;
use serde::{Deserialize, Serialize};
use std::fs::TryLockError;
use std::path::{Path, PathBuf};

/// The first line. The version is that of Resurge: another one may compute other bits.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    resurge: String,
    settings: Settings,
}

/// The trials of one seed and one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Unit {
    /// Its place in the sweep.
    pub(super) unit: usize,
    pub(super) trials: Vec<Trial>,
}

/// An open journal, locked.
#[derive(Debug)]
pub(super) struct Journal {
    file: Appended,
    path: PathBuf,
}

fn refused(path: &Path) -> impl Fn(TryLockError) -> ToyError {
    |error| match error {
        TryLockError::WouldBlock => ToyError::InUse { path: path.to_owned() },
        TryLockError::Error(source) => ToyError::File { path: path.to_owned(), source },
    }
}

impl Journal {
    /// Opens or begins a journal, and reads what is finished.
    pub(super) fn open(path: &Path, settings: &Settings) -> Result<(Self, Vec<Unit>), ToyError> {
        let (file, lines) = Appended::open(path).map_err(refused(path))?;
        let mut journal = Self { file, path: path.to_owned() };
        let header = Header { resurge: env!("CARGO_PKG_VERSION").to_owned(), settings: settings.clone() };
        let units = if lines.is_empty() {
            journal.append(&header)?;
            Vec::new()
        } else {
            read(&lines, &header, path)?
        };
        Ok((journal, units))
    }

    /// The settings and the finished units of a journal that no run is writing, which stays as it is. One without a
    /// whole first line has neither.
    pub(super) fn part(path: &Path) -> Result<Option<(Settings, Vec<Unit>)>, ToyError> {
        let lines = Appended::read(path).map_err(refused(path))?;
        let Some(end) = lines.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
        let first: Header = serde_json::from_slice(&lines[..end]).map_err(|error| ToyError::Damaged {
            path: path.to_owned(),
            line: 1,
            problem: error.to_string(),
        })?;
        first.settings.check()?;
        let header = Header { resurge: env!("CARGO_PKG_VERSION").to_owned(), settings: first.settings };
        let units = read(&lines, &header, path)?;
        Ok(Some((header.settings, units)))
    }

    /// How the settings of two parts differ, in words.
    pub(super) fn settings_difference(there: &Settings, here: &Settings) -> String {
        let header = |settings: &Settings| Header { resurge: String::new(), settings: settings.clone() };
        difference(&header(there), &header(here))
    }

    /// Appends a line.
    pub(super) fn append(&mut self, entry: &impl Serialize) -> Result<(), ToyError> {
        let failed = |source| ToyError::File { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(entry).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.append(&line).map_err(failed)
    }
}

fn read(lines: &[u8], header: &Header, path: &Path) -> Result<Vec<Unit>, ToyError> {
    let mut lines = lines.split_inclusive(|&byte| byte == b'\n').zip(1..);
    let damaged = |line: usize, problem: String| ToyError::Damaged { path: path.to_owned(), line, problem };
    let parse_failed = |line| move |error: serde_json::Error| damaged(line, error.to_string());
    if let Some((first, line)) = lines.next() {
        let found: Header = serde_json::from_slice(first).map_err(parse_failed(line))?;
        if found != *header {
            let difference = difference(&found, header);
            return Err(ToyError::OtherSettings { path: path.to_owned(), difference });
        }
    }
    let count = header.settings.units();
    let mut units = Vec::new();
    for (text, line) in lines {
        let unit: Unit = serde_json::from_slice(text).map_err(parse_failed(line))?;
        let fits = unit.unit < count && unit.trials.len() == header.settings.trials_of(unit.unit);
        let recorded = header.settings.recorded().len();
        if !fits || unit.trials.iter().any(|trial| trial.losses.len() != recorded) {
            return Err(damaged(line, "trials that these settings do not have".into()));
        }
        units.push(unit);
    }
    Ok(units)
}

/// The settings that differ, as `name: there, here`.
fn difference(there: &Header, here: &Header) -> String {
    let fields = |header: &Header| match serde_json::to_value(&header.settings) {
        Ok(serde_json::Value::Object(mut fields)) => {
            fields.insert("version".into(), header.resurge.clone().into());
            fields
        }
        _ => serde_json::Map::new(),
    };
    let (there, here) = (fields(there), fields(here));
    let differ = here.iter().filter(|(name, value)| there.get(*name) != Some(value));
    let text = |(name, value): (&String, &serde_json::Value)| match there.get(name) {
        Some(other) => format!("{name}: {value}, {other}"),
        None => format!("{name}: {value}, nothing"),
    };
    differ.map(text).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seeds;

    fn settings() -> Settings {
        Settings { updates: 1, seeds: Seeds::first(2), rate_min: 0.1, per_decade: 1, ..Settings::default() }
    }

    fn unit(unit: usize) -> Unit {
        let trial = Trial { losses: vec![Some(1.5), None], spikes: vec![3, 99] };
        Unit { unit, trials: vec![trial; settings().trials_of(unit)] }
    }

    #[test]
    fn what_is_finished_is_read_again_and_a_torn_line_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let (mut journal, units) = Journal::open(&path, &settings()).unwrap();
        assert_eq!(units, []);
        journal.append(&unit(4)).unwrap();
        assert!(matches!(Journal::open(&path, &settings()), Err(ToyError::InUse { .. })));
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for torn in [1, 10, 60] {
            std::fs::write(&path, [&whole[..], &whole[whole.len() - 70..][..torn]].concat()).unwrap();
            assert_eq!(Journal::open(&path, &settings()).unwrap().1, [unit(4)]);
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
        // Torn in the very first line: nothing is finished, and the header is written anew.
        std::fs::write(&path, &whole[..20]).unwrap();
        let (mut journal, units) = Journal::open(&path, &settings()).unwrap();
        assert_eq!(units, []);
        journal.append(&unit(4)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn other_settings_and_damage_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let (mut journal, _) = Journal::open(&path, &settings()).unwrap();
        journal.append(&unit(0)).unwrap();
        drop(journal);
        let other = Settings { updates: 2, inputs: 50, ..settings() };
        let error = Journal::open(&path, &other).unwrap_err().to_string();
        assert!(error.contains("inputs: 50, 100; updates: 2, 1;"), "{error}");
        let good = std::fs::read_to_string(&path).unwrap();
        for (bad, problem) in [("{}\n", "missing field"), ("{\"unit\":0,\"trials\":[]}\n", "do not have")] {
            std::fs::write(&path, good.clone() + bad).unwrap();
            let error = Journal::open(&path, &settings()).unwrap_err().to_string();
            assert!(error.contains("line 3: ") && error.contains(problem), "{error}");
        }
    }
}
