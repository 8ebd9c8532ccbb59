//! One trial: running it, and what is in its directory.

use super::parts::{read_json, write_json};
use super::plan::settings_difference;
use super::{CompareError, Plan, TrialId};
use crate::train::{Checkpoint, Config, End, Event, Examples, Progress, TrainError, Training, TrainingLog};
use resurge_report::Claim;
use resurge_report::{MOMENT, remove_left_behind};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

const LOG: &str = "log.json";
const TIME: &str = "time.json";
const DIVERGED: &str = "diverged.json";

/// Where a trial stopped that did not stay finite.
///
/// ```
/// use resurge_experiments::compare::Diverged;
///
/// let file = r#"{"epoch": 1, "batch": 2, "update": 2, "value": "the loss is not finite"}"#;
/// let diverged: Diverged = serde_json::from_str(file)?;
/// assert_eq!((diverged.epoch, diverged.batch), (1, 2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diverged {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The batch of the epoch, from 1.
    pub batch: u64,
    /// The update, from 1.
    pub update: u64,
    /// What was not finite.
    pub value: String,
}

/// The wall time that was spent on a trial with so many threads, of which a run that was killed leaves out what it had
/// not saved. Learning and the measurements on the test set; not the loading of data.
///
/// ```
/// use resurge_experiments::compare::Comparison;
///
/// let comparison = Comparison::read(&["../resurge/examples/results/compare"])?;
/// let spent = &comparison.trials[0].time[0];
/// assert_eq!((spent.threads, spent.samples), (1, 40)); // two epochs of 20 samples
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSpent {
    /// Threads.
    pub threads: usize,
    /// Seconds.
    pub seconds: f64,
    /// Samples learnt from in them.
    pub samples: u64,
}

/// What a trial's directory holds.
///
/// ```
/// use resurge_experiments::compare::Comparison;
///
/// let comparison = Comparison::read(&["../resurge/examples/results/compare"])?;
/// let record = &comparison.trials[1];
/// assert_eq!((record.id.to_string(), record.log.epochs.len()), ("detached-seed1".into(), 2));
/// assert!(record.diverged.is_none());
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which trial.
    pub id: TrialId,
    /// Its log.
    pub log: TrainingLog,
    /// Where it diverged, if it did.
    pub diverged: Option<Diverged>,
    /// Its wall time for each number of threads; none of a trial that was not run by a comparison.
    pub time: Vec<TimeSpent>,
}

impl Record {
    /// The files that it is read from.
    pub(super) const FILES: [&str; 3] = [LOG, TIME, DIVERGED];

    /// Reads a directory; none if no log is in it.
    ///
    /// # Errors
    /// [`CompareError::File`] for files that no trial of this name has.
    pub(super) fn read(directory: &Path, id: TrialId) -> Result<Option<Self>, CompareError> {
        let path = directory.join(LOG);
        if !path.exists() {
            return Ok(None);
        }
        let text = resurge_report::text::read(&path).map_err(|error| CompareError::file(&path, error))?;
        let bad = |problem: String| CompareError::file(&path, problem);
        let log = TrainingLog::from_json(&text).map_err(|error| bad(error.to_string()))?;
        let (rule, seed) = (&log.config.reset_gradient, log.config.seed);
        if *rule != id.rule.name() || seed != id.seed {
            return Err(bad(format!(
                "of {rule} and seed {seed}, but its directory is named {id}; rename it"
            )));
        }
        let expected = 1..=log.epochs.len() as u64;
        let whole = !log.finished || log.epochs.len() as u64 >= log.config.epochs.max(1);
        if !log.epochs.iter().map(|row| row.epoch).eq(expected) || !whole {
            return Err(bad("epochs are missing; restore it, or run the trial anew".into()));
        }
        let optional = |name: &str| Some(directory.join(name)).filter(|path| path.exists());
        let diverged = optional(DIVERGED).map(|path| read_json(&path)).transpose()?;
        let time = optional(TIME).map(|path| read_json(&path)).transpose()?.unwrap_or_default();
        Ok(Some(Self { id, log, diverged, time }))
    }

    /// Whether nothing of it is left to be run.
    pub(super) fn is_done(&self) -> bool {
        self.log.finished || self.diverged.is_some()
    }

    /// What of it is not as the plan says, in words.
    pub(super) fn difference(&self, plan: &Plan) -> Option<String> {
        let (version, origin) = (&self.log.version, self.log.origin());
        if *version != plan.version {
            return Some(format!("version {version}, not {}", plan.version));
        }
        origin.difference(&plan.origin).or_else(|| settings_difference(&self.log.config, &plan.config))
    }
}

/// How the run of a trial ended.
///
/// ```
/// use resurge_experiments::compare::{Plan, TrialEnd, Trials};
/// # use resurge_experiments::train::TrainError;
///
/// let out = "../resurge/examples/results/compare".as_ref();
/// let plan = &Plan::read(out)?.ok_or("no plan")?;
/// let trials = Trials { plan, out, load: &|_| Err(TrainError::Config("no data".into())), checkpoint_every: None };
/// let stop = std::sync::atomic::AtomicBool::new(false);
/// let end = trials.run("detached-seed1".parse()?, &stop, &mut |_| {}, &mut |_| {})?;
/// assert_eq!(end, TrialEnd::WasDone); // it needs no data
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum TrialEnd {
    /// It was done before.
    WasDone,
    /// All epochs are done.
    Finished,
    /// It did not stay finite; noted in its directory.
    Diverged(Diverged),
    /// The stop flag was set. All that was done is saved.
    Stopped,
}

/// Loads, for some settings, the samples to learn from and those to measure on.
///
/// ```
/// use resurge_experiments::compare::Load;
/// use resurge_experiments::train::{Config, Preset, TrainError};
///
/// let load: Load = &|config| Err(TrainError::Config(format!("no data of {} steps", config.steps)));
/// assert_eq!(load(&Config::preset(Preset::Small)).unwrap_err().to_string(), "setting no data of 5 steps");
/// ```
pub type Load<'a> = &'a dyn Fn(&Config) -> Result<(Examples, Examples), TrainError>;

/// Where and how trials are run.
///
/// ```
/// use resurge_experiments::compare::{Plan, Trials};
/// use resurge_experiments::train::TrainError;
///
/// let plan = &Plan::read("../resurge/examples/results/compare".as_ref())?.ok_or("no plan")?;
/// let (directory, stop) = (tempfile::tempdir()?, std::sync::atomic::AtomicBool::new(false));
/// let load = &|_: &_| Err(TrainError::Config("no data".into()));
/// let trials = Trials { plan, out: directory.path(), load, checkpoint_every: None };
/// let error = trials.run(plan.trials()[0], &stop, &mut |_| {}, &mut |_| {}).unwrap_err();
/// assert_eq!(error.to_string(), "setting no data");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trials<'a> {
    /// The list.
    pub plan: &'a Plan,
    /// The directory of the comparison.
    pub out: &'a Path,
    /// Loads the data.
    pub load: Load<'a>,
    /// Write a checkpoint after every so many batches, too.
    pub checkpoint_every: Option<u64>,
}

impl Trials<'_> {
    /// Runs a trial, or what of it is left. `begin` is told how far it is.
    ///
    /// # Errors
    /// [`CompareError`] for a directory with another training, a trial in use, and what [`Training::run`] reports but
    /// for numbers that are not finite.
    ///
    /// ```
    /// # use resurge_experiments::compare::{Plan, TrialEnd, Trials};
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::Rule;
    /// # use resurge_experiments::train::{Config, Examples, Origin, Preset, TrainError};
    /// # let dataset = "dark-and-light".to_owned();
    /// # let origin = Origin { dataset, limit: None, verified: true, train_samples: 2, test_samples: 2 };
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let load = |config: &Config| -> Result<_, TrainError> {
    /// #     Ok((Examples::of_images(set.clone(), config)?, Examples::of_images(set.clone(), config)?))
    /// # };
    /// # let (directory, stop) = (tempfile::tempdir()?, std::sync::atomic::AtomicBool::new(false));
    /// let plan = &Plan::new(&config, origin, vec![Rule::FULL, Rule::DETACHED], vec![1])?;
    /// let trials = Trials { plan, out: directory.path(), load: &load, checkpoint_every: None };
    /// for id in plan.trials() {
    ///     assert_eq!(trials.run(id, &stop, &mut |_| {}, &mut |_| {})?, TrialEnd::Finished);
    ///     assert!(Plan::directory(directory.path(), id).join("log.json").exists());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(
        &self,
        id: TrialId,
        stop: &AtomicBool,
        begin: &mut dyn FnMut(&Training),
        observe: &mut dyn FnMut(&Event<'_>),
    ) -> Result<TrialEnd, CompareError> {
        let directory = Plan::directory(self.out, id);
        remove_left_behind(&directory, MOMENT);
        // One that is done is only read; for any other nobody else may write, and then it is looked
        // at anew.
        if self.look(&directory, id)?.done {
            return Ok(TrialEnd::WasDone);
        }
        let claim = Claim::of(&directory)?;
        let path = Training::checkpoint_path(&directory);
        let State { record, checkpoint, done } = self.look(&directory, id)?;
        if done {
            return Ok(TrialEnd::WasDone);
        }
        if checkpoint.is_none() {
            Training::vacant(&directory)?;
        }
        let config = self.plan.settings_of(id);
        let origin = &self.plan.origin;
        let mut training = Training::new(&config, &origin.dataset, (self.load)(&config)?)?
            .marked(origin.limit, origin.verified)
            .in_claimed(claim, self.checkpoint_every);
        if let Some(checkpoint) = checkpoint {
            training = training.resumed(checkpoint, &path)?;
        }
        begin(&training);
        let mut clock = Clock::new(record.map(|record| record.time).unwrap_or_default(), training.progress());
        let mut written = Ok(());
        let end = training.run(stop, &mut |event| {
            if let Event::Batch { totals, .. } = &event {
                clock.learnt(totals.samples);
            }
            observe(&event);
            if let Event::Epoch(_) = event {
                let result = clock.write(&directory);
                clock.seen = 0;
                written = std::mem::replace(&mut written, Ok(())).and(result);
            }
        });
        written?;
        match end {
            Ok(End::Finished) => Ok(TrialEnd::Finished),
            Ok(End::Stopped) => clock.write(&directory).map(|()| TrialEnd::Stopped),
            Err(TrainError::NotFinite { epoch, batch, update, value, .. }) => {
                let diverged = Diverged { epoch, batch, update, value: value.to_string() };
                clock.write(&directory)?;
                write_json(&directory.join(DIVERGED), &diverged)?;
                Ok(TrialEnd::Diverged(diverged))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn look(&self, directory: &Path, id: TrialId) -> Result<State, CompareError> {
        let path = Training::checkpoint_path(directory);
        let record = Record::read(directory, id)?;
        if let Some(difference) = record.as_ref().and_then(|record| record.difference(self.plan)) {
            let (path, other) = (directory.to_owned(), "this run".into());
            let difference = format!("{difference}; choose another --out");
            return Err(CompareError::Mismatch { path, other, difference });
        }
        let checkpoint = if path.exists() { Some(Checkpoint::read(&path)?) } else { None };
        // Earlier versions wrote the log before the checkpoint, and may have been killed in
        // between.
        let behind = |checkpoint: &Checkpoint| checkpoint.progress.epochs < checkpoint.config.epochs;
        let diverged = record.as_ref().is_some_and(|record| record.diverged.is_some());
        let finished =
            record.as_ref().is_some_and(Record::is_done) && !checkpoint.as_ref().is_some_and(behind);
        Ok(State { record, checkpoint, done: diverged || finished })
    }
}

/// What a trial's directory says of how far it is.
struct State {
    record: Option<Record>,
    checkpoint: Option<Checkpoint>,
    done: bool,
}

/// Adds up the time of a trial.
struct Clock {
    before: Vec<TimeSpent>,
    since: Instant,
    samples: u64,
    /// Samples of the present epoch so far.
    seen: u64,
}

impl Clock {
    fn new(before: Vec<TimeSpent>, progress: &Progress) -> Self {
        Self { before, since: Instant::now(), samples: 0, seen: progress.present.samples }
    }

    fn learnt(&mut self, samples_of_epoch: u64) {
        self.samples += samples_of_epoch - self.seen.min(samples_of_epoch);
        self.seen = samples_of_epoch;
    }

    fn write(&self, directory: &Path) -> Result<(), CompareError> {
        let (threads, seconds) = (rayon::current_num_threads(), self.since.elapsed().as_secs_f64());
        let mut all = self.before.clone();
        match all.iter_mut().find(|spent| spent.threads == threads) {
            Some(spent) => {
                spent.seconds += seconds;
                spent.samples += self.samples;
            }
            None => all.push(TimeSpent { threads, seconds, samples: self.samples }),
        }
        write_json(&directory.join(TIME), &all)
    }
}
