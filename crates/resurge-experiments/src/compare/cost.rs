//! What a step of learning costs with each rule.
//!
//! The term costs a percent or two, less than a machine varies from minute to minute, so that the wall times of whole
//! trials cannot show it. Here the rules take turns, within one process, on the same weights and the same batch: for
//! rules A and B in the order A, B, B, A, in which a steady drift falls out. The ratio of a batch is that of both times
//! of one rule to both of another; a median of such ratios does not mind a few disturbed batches.
//!
//! A step is what [`Training::rehearse`] does: the batch from the data, forward, backward, and clipping. AdamW's update,
//! the same for all rules, is left out. The weights are the initial ones of the first seed.
//!
//! Memory is measured in a process of its own for each rule, since an allocator keeps what it once had: the peak of
//! resident memory (`VmHWM`), set back to what the process holds with its data loaded (by `/proc/self/clear_refs`) before
//! some steps are taken. It is that of the whole process, data included, with what the allocator keeps in reserve, such
//! as part of what the loading took: peaks of rules can be compared, the growth from before to peak says little. Linux
//! only. To count live bytes instead, every allocation of every command would have to go through counters.

use super::files::{read_json, write_json};
use super::{CompareError, Load, Plan, TrialId};
use crate::Rule;
use crate::train::{TrainError, Training};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Resident memory of a process, in bytes.
///
/// ```
/// use resurge_experiments::compare::Cost;
///
/// let cost = Cost::read("../resurge/examples/results/compare".as_ref())?.ok_or("no cost was measured")?;
/// let full = cost.memory[0].as_ref().ok_or("not measured on this system")?;
/// assert!(full.peak >= full.before && full.before > 1_000_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Before the first step, with the data and the network in memory.
    pub before: u64,
    /// The peak during some steps.
    pub peak: u64,
}

/// What was measured of steps: all times, so that every summary can be made again.
///
/// ```
/// use resurge_experiments::compare::Cost;
///
/// let cost = Cost::read("../resurge/examples/results/compare".as_ref())?.ok_or("no cost was measured")?;
/// assert_eq!((cost.rules.len(), cost.seconds.len()), (2, 2));
/// assert!(cost.seconds[0].iter().flatten().all(|&seconds| seconds > 0.0)); // two steps on each batch
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Threads.
    pub threads: usize,
    /// The rules.
    #[serde(rename = "reset_gradients", alias = "rules")]
    pub rules: Vec<Rule>,
    /// Seconds of the two steps of each rule on each batch.
    pub seconds: Vec<Vec<[f64; 2]>>,
    /// Of each rule; none where it could not be measured.
    pub memory: Vec<Option<Memory>>,
}

impl Cost {
    /// The name of its file.
    ///
    /// ```
    /// use resurge_experiments::compare::Cost;
    ///
    /// assert!(std::path::Path::new("../resurge/examples/results/compare").join(Cost::FILE).exists());
    /// ```
    pub const FILE: &str = "cost.json";

    /// Times the rules of a plan on so many batches, after one that does not count; nothing if it was stopped, or there
    /// is nothing to measure. `memory` measures that of a rule.
    ///
    /// # Errors
    /// [`CompareError::Train`] for data that cannot be loaded, and where the first step is not finite.
    ///
    /// ```
    /// # use resurge_experiments::compare::{Cost, Plan};
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::Rule;
    /// # use resurge_experiments::train::{Config, Examples, Origin, Preset, TrainError};
    /// # let dataset = "dark-and-light".to_owned();
    /// # let origin = Origin { dataset, limit: None, verified: true, train_samples: 2, test_samples: 2 };
    /// let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
    /// let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// let load = |config: &Config| -> Result<_, TrainError> {
    ///     Ok((Examples::of_images(set.clone(), config)?, Examples::of_images(set.clone(), config)?))
    /// };
    /// let plan = Plan::new(&config, origin, vec![Rule::FULL, Rule::DETACHED], vec![1])?;
    /// let stop = std::sync::atomic::AtomicBool::new(false);
    /// let cost = Cost::measure(&plan, 3, &load, &|_| None, &stop, &mut |_| {})?.ok_or("nothing to measure")?;
    /// assert_eq!(cost.seconds.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn measure(
        plan: &Plan,
        batches: usize,
        load: Load<'_>,
        memory: &dyn Fn(Rule) -> Option<Memory>,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Option<Self>, CompareError> {
        let Some(&seed) = plan.seeds.first().filter(|_| batches > 0) else { return Ok(None) };
        let training = |&rule: &Rule| {
            let config = plan.settings_of(TrialId { rule, seed });
            Training::new(&config, &plan.origin.dataset, load(&config)?)
        };
        let trainings = plan.rules.iter().map(training).collect::<Result<Vec<_>, TrainError>>()?;
        let mut seconds = vec![Vec::with_capacity(batches); trainings.len()];
        for batch in 0..=batches {
            let mut times = vec![[0.0; 2]; trainings.len()];
            let forth = (0..trainings.len()).map(|rule| (rule, 0));
            for (rule, turn) in forth.chain((0..trainings.len()).rev().map(|rule| (rule, 1))) {
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let start = Instant::now();
                trainings[rule].rehearse(batch)?;
                times[rule][turn] = start.elapsed().as_secs_f64();
            }
            // The first batch finds caches, pages and threads cold.
            if batch > 0 {
                seconds.iter_mut().zip(times).for_each(|(all, times)| all.push(times));
            }
            progress(batch);
        }
        let memory = plan.rules.iter().map(|&rule| memory(rule)).collect();
        Ok(Some(Self { threads: rayon::current_num_threads(), rules: plan.rules.clone(), seconds, memory }))
    }

    /// Reads a directory's measurement, if it has one.
    ///
    /// # Errors
    /// [`CompareError::File`].
    ///
    /// ```
    /// use resurge_experiments::compare::Cost;
    ///
    /// assert!(Cost::read("../resurge/examples/results/compare".as_ref())?.is_some());
    /// assert!(Cost::read("../resurge/examples/results/toy".as_ref())?.is_none());
    /// # Ok::<(), resurge_experiments::compare::CompareError>(())
    /// ```
    pub fn read(directory: &Path) -> Result<Option<Self>, CompareError> {
        let path = directory.join(Self::FILE);
        if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
    }

    /// Writes the measurement into a directory.
    ///
    /// # Errors
    /// [`CompareError::File`].
    ///
    /// ```
    /// use resurge_experiments::compare::Cost;
    ///
    /// let cost = Cost::read("../resurge/examples/results/compare".as_ref())?.ok_or("no cost was measured")?;
    /// let directory = tempfile::tempdir()?;
    /// cost.write(directory.path())?;
    /// assert_eq!(Cost::read(directory.path())?, Some(cost));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, directory: &Path) -> Result<(), CompareError> {
        write_json(&directory.join(Self::FILE), self)
    }

    /// The measurement, if it is one of the plan's rules.
    pub(super) fn checked(self, plan: &Plan, path: &Path) -> Result<Self, CompareError> {
        let batches = self.seconds.first().map_or(0, Vec::len);
        let lengths = [self.rules.len(), self.seconds.len(), self.memory.len()];
        let whole = lengths == [plan.rules.len(); 3] && batches > 0;
        let same = self.seconds.iter().all(|times| times.len() == batches);
        let positive = self.seconds.iter().flatten().flatten().all(|&s| s > 0.0 && s.is_finite());
        if self.rules != plan.rules || !whole || !same || !positive {
            let problem = "not a measurement of the rules compared here; delete it to have it made anew";
            return Err(CompareError::file(path, problem));
        }
        Ok(self)
    }
}

/// The memory that steps of a training take, in a process that has done nothing else; none where the system does not
/// tell.
///
/// # Errors
/// [`TrainError`] where a step fails.
///
/// ```
/// # use resurge_experiments::compare::step_memory;
/// # use resurge_data::ImageDataset;
/// # use resurge_experiments::train::{Config, Examples, Preset, Training};
/// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
/// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
/// # let data = || Examples::of_images(set.clone(), &config);
/// let training = Training::new(&config, "dark-and-light", (data()?, data()?))?;
/// assert!(step_memory(&training)?.is_none_or(|memory| memory.peak > 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn step_memory(training: &Training) -> Result<Option<Memory>, TrainError> {
    let status = |field: &str| -> Option<u64> {
        let text = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        let kib: u64 = line.strip_prefix(':')?.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    };
    // Sets VmHWM to VmRSS (proc(5)): no file of ours.
    #[allow(clippy::disallowed_methods)]
    let reset = std::fs::write("/proc/self/clear_refs", "5");
    let before = status("VmRSS");
    for batch in 0..3 {
        training.rehearse(batch)?;
    }
    let peak = status("VmHWM");
    Ok(before.zip(peak).filter(|_| reset.is_ok()).map(|(before, peak)| Memory { before, peak }))
}
