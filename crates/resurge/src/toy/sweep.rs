//! All trials, on all threads.

use super::journal::{Journal, Unit};
use super::{Data, Settings, Task, ToyError, train};
use rayon::prelude::*;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// How much of a sweep is done.
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
/// of work is all trials of one seed and one rule, and depends on no other.
///
/// # Errors
/// [`ToyError`] for settings that make no sense, a journal that cannot be written or read, is in use, is damaged, or
/// is of other settings.
///
/// ```
/// use resurge::toy::{Settings, sweep};
///
/// let directory = tempfile::tempdir()?;
/// let settings = Settings { inputs: 20, updates: 2, seeds: 2, per_decade: 1, ..Settings::default() };
/// let data = sweep(&settings, &directory.path().join("journal"), |_| {})?;
/// assert_eq!((data.starts.len(), data.ends.len()), (2, 11));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sweep(
    settings: &Settings,
    journal: &Path,
    progress: impl Fn(Progress) + Sync,
) -> Result<Data, ToyError> {
    settings.check()?;
    let (journal, finished) = Journal::open(journal, settings)?;
    let count = settings.units();
    let mut units: Vec<Option<Unit>> = vec![None; count];
    for unit in finished {
        let place = unit.unit;
        units[place] = Some(unit);
    }
    let all: usize = (0..count).map(|unit| settings.trials_of(unit)).sum();
    let done = units.iter().flatten().map(|unit| unit.trials.len()).sum();
    progress(Progress { done, all });
    let shared = Mutex::new((journal, done));
    let missing: Vec<usize> = (0..count).filter(|&unit| units[unit].is_none()).collect();
    let run = |&place: &usize| -> Result<Unit, ToyError> {
        let (seed, rule) = settings.unit(place);
        let unit = Unit { unit: place, trials: train(&Task::new(settings.inputs, seed)?, settings, &rule)? };
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.0.append(&unit)?;
        shared.1 += unit.trials.len();
        progress(Progress { done: shared.1, all });
        Ok(unit)
    };
    let new: Vec<Unit> = missing.par_iter().with_max_len(1).map(run).collect::<Result<_, _>>()?;
    for unit in new {
        let place = unit.unit;
        units[place] = Some(unit);
    }
    let units: Vec<Unit> = units.into_iter().flatten().collect();
    Data::gather(settings, &units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn an_interrupted_run_goes_on_and_ends_with_the_same_bits_on_any_number_of_threads() {
        let settings = Settings { inputs: 30, updates: 25, seeds: 3, per_decade: 1, ..Settings::default() };
        let directory = tempfile::tempdir().unwrap();
        let run = |name: &str, threads: usize| {
            let calls = AtomicUsize::new(0);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let count = |progress: Progress| {
                calls.fetch_add(1, Ordering::Relaxed);
                assert_eq!(progress.all, 3 * 11 * 6);
            };
            let data = pool.install(|| sweep(&settings, &directory.path().join(name), count)).unwrap();
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
        assert_eq!(run("torn", 1), (whole, 1));
    }
}
