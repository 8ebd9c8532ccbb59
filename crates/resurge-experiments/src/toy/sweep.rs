//! All trials, on all threads.

use super::journal::{Journal, Unit};
use super::{Data, Settings, Task, ToyError, train};
use crate::Shard;
use rayon::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// How much of a sweep is done.
///
/// ```
/// use resurge_experiments::Seeds;
/// use resurge_experiments::toy::{Progress, Settings, sweep};
///
/// let (directory, stop) = (tempfile::tempdir()?, std::sync::atomic::AtomicBool::new(false));
/// let (seeds, rate_min) = (Seeds::first(2), 0.1);
/// let small = Settings { inputs: 5, updates: 1, seeds, rate_min, per_decade: 1, ..Settings::default() };
/// let seen = std::sync::Mutex::new(Vec::new());
/// let journal = directory.path().join("journal");
/// sweep(&small, &journal, &stop, |Progress { done, all }| seen.lock().unwrap().push((done, all)))?;
/// assert_eq!(seen.into_inner()?.last(), Some(&(44, 44))); // 11 arms, 2 rates, 2 seeds
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Trials finished, those of an earlier run among them.
    pub done: usize,
    /// Trials in all.
    pub all: usize,
}

/// Runs all trials on the threads of the current rayon pool, and goes on where an earlier run with the same settings
/// and the same journal stopped. The journal stays; who has written the result somewhere else may delete it.
///
/// The result is the same, to the bit, for any number of threads and however often the run was interrupted: a unit
/// of work is all trials of one seed and one rule, and depends on no other. Once `stop` is set, units that are being
/// run are finished, and no other is begun.
///
/// # Errors
/// [`ToyError::Stopped`] when units are left because of `stop`; and for settings that make no sense, a journal that cannot
/// be written or read, is in use, is damaged, or is of other settings.
///
/// ```
/// use resurge_experiments::Seeds;
/// use resurge_experiments::toy::{Settings, sweep};
///
/// let directory = tempfile::tempdir()?;
/// let seeds = Seeds::first(2);
/// let settings = Settings { inputs: 20, updates: 2, seeds, per_decade: 1, ..Settings::default() };
/// let stop = std::sync::atomic::AtomicBool::new(false);
/// let data = sweep(&settings, &directory.path().join("journal"), &stop, |_| {})?;
/// assert_eq!((data.starts.len(), data.ends.len()), (2, 11));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sweep(
    settings: &Settings,
    journal: &Path,
    stop: &AtomicBool,
    progress: impl Fn(Progress) + Sync,
) -> Result<Data, ToyError> {
    let units = run(settings, journal, Shard::WHOLE, stop, &progress)?;
    gather(settings, units)
}

/// Runs the units of a shard alone, each seed's units of all rules in turn, into a journal of its own; resumed as
/// [`sweep`] is. [`merge`] joins the journals.
///
/// # Errors
/// As [`sweep`].
///
/// ```
/// use resurge_experiments::Seeds;
/// use resurge_experiments::toy::{Settings, merge, sweep, sweep_shard};
///
/// let directory = tempfile::tempdir()?;
/// let seeds = Seeds::first(2);
/// let settings = Settings { inputs: 20, updates: 2, seeds, per_decade: 1, ..Settings::default() };
/// let stop = std::sync::atomic::AtomicBool::new(false);
/// let journals = ["1/2", "2/2"].map(|shard| directory.path().join(shard.replace('/', "-of-")));
/// for (shard, journal) in ["1/2", "2/2"].iter().zip(&journals) {
///     sweep_shard(&settings, journal, shard.parse()?, &stop, |_| {})?;
/// }
/// assert_eq!(merge(&journals)?, sweep(&settings, &directory.path().join("whole"), &stop, |_| {})?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sweep_shard(
    settings: &Settings,
    journal: &Path,
    shard: Shard,
    stop: &AtomicBool,
    progress: impl Fn(Progress) + Sync,
) -> Result<(), ToyError> {
    run(settings, journal, shard, stop, &progress).map(|_| ())
}

/// Joins the journals of the shards of a sweep: the same data, to the bit, as of a sweep in one piece.
///
/// # Errors
/// [`ToyError::Mismatch`] for parts with other settings or other results for the same unit, [`ToyError::OtherSettings`]
/// for a part by another version, [`ToyError::Incomplete`] where units are missing, and what is wrong with a file.
///
/// ```
/// use resurge_experiments::Seeds;
/// use resurge_experiments::toy::{Settings, merge, sweep_shard};
///
/// let (directory, stop) = (tempfile::tempdir()?, std::sync::atomic::AtomicBool::new(false));
/// let (seeds, rate_min) = (Seeds::first(2), 0.1);
/// let small = Settings { inputs: 5, updates: 1, seeds, rate_min, per_decade: 1, ..Settings::default() };
/// let journal = directory.path().join("1-of-2");
/// sweep_shard(&small, &journal, "1/2".parse()?, &stop, |_| {})?;
/// let error = merge(&[journal]).unwrap_err();
/// assert!(error.to_string().starts_with("4 of 8 units of the sweep are missing"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn merge(journals: &[impl AsRef<Path>]) -> Result<Data, ToyError> {
    let mut whole: Option<(&Path, Settings)> = None;
    let mut units: Vec<Option<(&Path, Unit)>> = Vec::new();
    for path in journals.iter().map(AsRef::as_ref) {
        let Some((settings, part)) = Journal::part(path)? else { continue };
        let mismatch = |other: &Path, difference: String| {
            Err(ToyError::Mismatch { path: path.to_owned(), other: other.to_owned(), difference })
        };
        match &whole {
            Some((other, there)) if *there != settings => {
                return mismatch(other, Journal::settings_difference(there, &settings));
            }
            Some(_) => {}
            None => {
                units.resize(settings.units(), None);
                whole = Some((path, settings));
            }
        }
        for unit in part {
            let place = unit.unit;
            match &units[place] {
                Some((other, there)) if *there != unit => {
                    return mismatch(other, format!("line \"unit\":{place} is another result"));
                }
                _ => units[place] = Some((path, unit)),
            }
        }
    }
    let settings = whole.map(|(_, settings)| settings).unwrap_or_default();
    gather(&settings, units.into_iter().map(|unit| unit.map(|(_, unit)| unit)).collect())
}

/// The units of a shard that were done before or are done now, each at its place in the whole.
fn run(
    settings: &Settings,
    journal: &Path,
    shard: Shard,
    stop: &AtomicBool,
    progress: &(impl Fn(Progress) + Sync),
) -> Result<Vec<Option<Unit>>, ToyError> {
    settings.check()?;
    let (journal, finished) = Journal::open(journal, settings)?;
    let count = settings.units();
    let mut units: Vec<Option<Unit>> = vec![None; count];
    for unit in finished {
        let place = unit.unit;
        units[place] = Some(unit);
    }
    let of_shard = || (0..count).filter(|&unit| shard.takes(unit));
    let all: usize = of_shard().map(|unit| settings.trials_of(unit)).sum();
    let done = of_shard().filter_map(|unit| units[unit].as_ref()).map(|unit| unit.trials.len()).sum();
    progress(Progress { done, all });
    let shared = Mutex::new((journal, done));
    let missing: Vec<usize> = of_shard().filter(|&unit| units[unit].is_none()).collect();
    let run = |&place: &usize| -> Result<Option<Unit>, ToyError> {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (seed, rule) = settings.unit(place);
        let unit = Unit { unit: place, trials: train(&Task::new(settings.inputs, seed)?, settings, &rule)? };
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.0.append(&unit)?;
        shared.1 += unit.trials.len();
        progress(Progress { done: shared.1, all });
        Ok(Some(unit))
    };
    let new: Vec<Option<Unit>> = missing.par_iter().with_max_len(1).map(run).collect::<Result<_, _>>()?;
    if new.iter().any(Option::is_none) {
        let done = shared.into_inner().unwrap_or_else(PoisonError::into_inner).1;
        return Err(ToyError::Stopped { done, all });
    }
    for unit in new.into_iter().flatten() {
        let place = unit.unit;
        units[place] = Some(unit);
    }
    Ok(units)
}

fn gather(settings: &Settings, units: Vec<Option<Unit>>) -> Result<Data, ToyError> {
    let all = settings.units();
    let missing: Vec<usize> = (0..all).filter(|&unit| units.get(unit).is_none_or(Option::is_none)).collect();
    if let Some(&first) = missing.first() {
        let (seed, rule) = settings.unit(first);
        let such = format!("seed {seed} by rule {rule}");
        return Err(ToyError::Incomplete { missing: missing.len(), all, such });
    }
    Data::gather(settings, &units.into_iter().flatten().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seeds;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn an_interrupted_run_goes_on_and_ends_with_the_same_bits_on_any_number_of_threads() {
        let settings = Settings {
            inputs: 30,
            updates: 25,
            seeds: Seeds::first(3),
            per_decade: 1,
            ..Settings::default()
        };
        let directory = tempfile::tempdir().unwrap();
        let run = |name: &str, threads: usize| {
            let calls = AtomicUsize::new(0);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let count = |progress: Progress| {
                calls.fetch_add(1, Ordering::Relaxed);
                assert_eq!(progress.all, 3 * 11 * 6);
            };
            let journal = directory.path().join(name);
            let data = pool.install(|| sweep(&settings, &journal, &AtomicBool::new(false), count)).unwrap();
            (data, calls.into_inner())
        };
        let (whole, calls) = run("whole", 1);
        assert_eq!(calls, 1 + 12);
        assert_eq!(run("two threads", 2), (whole.clone(), calls));
        // The header, five units, and half of the sixth.
        let journal = std::fs::read_to_string(directory.path().join("whole")).unwrap();
        let lines: Vec<&str> = journal.split_inclusive('\n').collect();
        let torn = lines[..6].concat() + &lines[6][..lines[6].len() / 2];
        std::fs::write(directory.path().join("torn"), torn).unwrap();
        assert_eq!(run("torn", 2), (whole.clone(), 1 + 7));
        assert_eq!(run("torn", 1), (whole.clone(), 1));

        let stop = AtomicBool::new(false);
        let until = |progress: Progress| stop.store(progress.done >= 2 * 11 * 2, Ordering::Relaxed);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let stopped = pool.install(|| sweep(&settings, &directory.path().join("stopped"), &stop, until));
        let Err(ToyError::Stopped { done, all: 198 }) = stopped else { panic!("{stopped:?}") };
        assert!((44..198).contains(&done), "{done} trials are done");
        assert_eq!(run("stopped", 2).0, whole);
    }
}
