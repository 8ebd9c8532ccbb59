//! The epochs of a training.

use super::checkpoint::{Checkpoint, Origin};
use super::log::{Log, csv};
use super::progress::{EpochRow, Progress, Totals};
use super::step::{self, Fault, Measured};
use super::{Config, Examples, Network, NotFinite, TrainError};
use crate::output::{remove_left_behind, write_atomically};
use resurge_data::Batches;
use resurge_snn::{AdamW, Moments, Optimiser, clamp_parameters, clip_by_global_norm};
use resurge_tensor::Tensor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A training, from its start or from a checkpoint.
///
/// ```
/// use resurge::data::ImageDataset;
/// use resurge::train::{Config, End, Examples, Preset, Training};
/// use std::sync::atomic::AtomicBool;
///
/// // Two classes: light and dark.
/// let set = ImageDataset::new((0..8).map(|i| 200 * (i % 2)).collect(), &[1, 1, 1], (0..8).map(|i| i % 2).collect(), 2)?;
/// let settings = ["layers=[\"linear 8\", \"linear 2\"]", "batch=4", "epochs=2"];
/// let config = Config::preset(Preset::Small).with(&settings)?;
/// let examples = || Examples::of_images(set.clone(), &config);
/// let mut training = Training::new(&config, "light-and-dark", (examples()?, examples()?))?;
/// let end = training.run(&AtomicBool::new(false), &mut |_| ())?;
/// assert_eq!((end, training.progress().history.len()), (End::Finished, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Training {
    config: Config,
    origin: Origin,
    network: Network,
    train: Examples,
    test: Examples,
    weights: Vec<Tensor<f32>>,
    optimiser: AdamW<f32>,
    progress: Progress,
    saved: u64,
    directory: Option<PathBuf>,
    every: Option<u64>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Finished,
    /// The stop flag was set. All that was done is saved.
    Stopped,
}

/// What happened in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A batch was learned.
    Batch {
        /// The epoch, from 1.
        epoch: u64,
        /// Batches of it that are done.
        done: u64,
        /// Its batches.
        batches: u64,
        /// What was measured of it so far.
        totals: &'a Totals,
        /// The norm of the last gradient, before it was clipped.
        gradient_norm: f64,
        /// Spikes per neuron and step of each layer, so far.
        firing_rates: &'a [f64],
    },
    /// Part of the test set was measured.
    Testing {
        /// Samples that are done.
        done: usize,
        /// All of them.
        samples: usize,
    },
    /// An epoch ended.
    Epoch(&'a EpochRow),
}

impl Training {
    /// A training from its start, on samples to learn from and samples to measure on.
    ///
    /// # Errors
    /// [`TrainError::Layer`] and [`TrainError::Config`] where the settings do not fit one another or the data.
    pub fn new(config: &Config, dataset: &str, data: (Examples, Examples)) -> Result<Self, TrainError> {
        let (train, test) = data;
        let network = Network::new(config, train.image()?, train.classes())?;
        let network = if train.are_still() { network } else { network.of_traces() };
        let [first, second] = config.betas;
        let optimiser = AdamW::new(config.learning_rate, config.weight_decay)?.with_betas(first, second)?;
        let origin = Origin {
            dataset: dataset.to_owned(),
            limit: None,
            verified: true,
            train_samples: train.len() as u64,
            test_samples: test.len() as u64,
        };
        let (weights, progress) = (network.init(config.seed)?, Progress::default());
        let config = config.clone();
        let (saved, directory, every) = (0, None, None);
        Ok(Self {
            config,
            origin,
            network,
            train,
            test,
            weights,
            optimiser,
            progress,
            saved,
            directory,
            every,
        })
    }

    /// The same training marked, in every output, as one on a subset or on files that are not the official ones.
    #[must_use]
    pub fn marked(mut self, limit: Option<u64>, verified: bool) -> Self {
        self.origin.limit = limit;
        self.origin.verified = verified;
        self
    }

    /// The same training at the point of a checkpoint, which `path` is for errors.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] names what of it belongs to another training.
    pub fn resumed(mut self, checkpoint: Checkpoint, path: &Path) -> Result<Self, TrainError> {
        let refuse = |problem: String| TrainError::Checkpoint { path: path.to_owned(), problem };
        if let Some(difference) = checkpoint.origin.difference(&self.origin) {
            return Err(refuse(format!("{difference}; resume with the same data and limit")));
        }
        if let Some(difference) = checkpoint.config.difference(&self.config)? {
            return Err(refuse(format!(
                "{difference}; resume with the same settings, or begin anew elsewhere"
            )));
        }
        let names = checkpoint.weights.iter().map(|(name, _)| name);
        let (weights, shapes): (Vec<_>, Vec<_>) =
            checkpoint.weights.iter().map(|(_, w)| (w.clone(), w.shape())).unzip();
        if !names.eq(self.network.names()) || !shapes.into_iter().eq(self.network.shapes()) {
            return Err(refuse("its weights are not those of its settings; train anew".into()));
        }
        let [first, second] = checkpoint.moments;
        let moments = Moments { steps: checkpoint.progress.updates, first, second };
        self.optimiser = self.optimiser.with_moments(moments);
        self.saved = checkpoint.progress.updates;
        self.progress = checkpoint.progress;
        self.weights = weights;
        Ok(self)
    }

    /// The same training with a directory for its files, which is there: `checkpoint.safetensors`, `log.csv` and
    /// `log.json`, written at the start, after each epoch and, if asked for, after every so many batches.
    #[must_use]
    pub fn in_directory(mut self, directory: &Path, checkpoint_every: Option<u64>) -> Self {
        self.directory = Some(directory.to_owned());
        self.every = checkpoint_every;
        self
    }

    /// The file of a directory that holds its checkpoint.
    pub fn checkpoint_path(directory: &Path) -> PathBuf {
        directory.join("checkpoint.safetensors")
    }

    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What it is of.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The weights.
    pub fn weights(&self) -> &[Tensor<f32>] {
        &self.weights
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// All that is needed to go on from here.
    pub fn checkpoint(&self) -> Checkpoint {
        let moments = self.optimiser.moments();
        Checkpoint {
            origin: self.origin.clone(),
            config: self.config.clone(),
            progress: self.progress.clone(),
            weights: self.network.names().iter().cloned().zip(self.weights.iter().cloned()).collect(),
            moments: [moments.first.clone(), moments.second.clone()],
        }
    }

    /// Runs the epochs that are left. `stop` is looked at after every batch; when it is set, all that was done is saved
    /// and the run ends.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] names the layer and the step; other errors are those of data and files.
    pub fn run(&mut self, stop: &AtomicBool, observe: &mut dyn FnMut(Event<'_>)) -> Result<End, TrainError> {
        if let Some(directory) = &self.directory {
            remove_left_behind(directory);
        }
        self.save()?;
        while self.progress.epochs < self.config.epochs {
            let end = self.learn(stop, observe)?;
            let tested = if end == End::Finished { self.test(stop, observe)? } else { None };
            let Some((test, samples)) = tested else {
                self.save()?;
                return Ok(End::Stopped);
            };
            self.end_epoch(&test, samples);
            self.save()?;
            if let Some(row) = self.progress.history.last() {
                observe(Event::Epoch(row));
            }
        }
        Ok(End::Finished)
    }

    /// One step of learning on a batch of the first epoch, forward, backward and clipped, that leaves all as it was: to
    /// measure what a step costs, again and again on the same weights. Gives the norm of the gradient.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn rehearse(&self, batch: usize) -> Result<f64, TrainError> {
        let Config { seed, part, clip, .. } = self.config;
        let mut all = Batches::new(self.train.len(), self.config.batch, seed, 0)?;
        let batch = batch % all.len().max(1);
        let indices = all.nth(batch).unwrap_or_default();
        let seeds = Some([seed, 0, batch as u64]);
        let pass = step::run(&self.network, &self.weights, &self.train, &indices, part, seeds);
        let mut measured = self.finite(pass)?;
        Ok(clip_by_global_norm(&mut measured.gradients, if clip > 0.0 { clip } else { f64::MAX })?)
    }

    /// The batches of the present epoch that are left.
    fn learn(&mut self, stop: &AtomicBool, observe: &mut dyn FnMut(Event<'_>)) -> Result<End, TrainError> {
        let (seed, epoch) = (self.config.seed, self.progress.epochs);
        let all = Batches::new(self.train.len(), self.config.batch, seed, epoch)?;
        let batches = all.len() as u64;
        let updates = usize::try_from(batches.saturating_mul(self.config.epochs)).unwrap_or(usize::MAX);
        let schedule = self.config.schedule(updates)?;
        for indices in all.skip(usize::try_from(self.progress.batches).unwrap_or(usize::MAX)) {
            if stop.load(Ordering::Relaxed) {
                return Ok(End::Stopped);
            }
            let batch = self.progress.batches;
            let seeds = [seed, epoch, batch];
            let part = self.config.part;
            let pass = step::run(&self.network, &self.weights, &self.train, &indices, part, Some(seeds));
            let mut measured = self.finite(pass)?;
            self.optimiser.set_learning_rate(schedule.at(self.progress.updates as usize))?;
            let gradient_norm = self.update(&mut measured)?;
            let progress = &mut self.progress;
            progress.present.add(indices.len(), &measured, gradient_norm);
            progress.batches += 1;
            let (done, epoch, totals) = (progress.batches, progress.epochs + 1, &self.progress.present);
            let firing_rates = &totals.firing_rates(self.network.neurons(), self.network.steps())[..];
            observe(Event::Batch { epoch, done, batches, totals, gradient_norm, firing_rates });
            if self.every.is_some_and(|every| done.is_multiple_of(every)) {
                self.save()?;
            }
        }
        Ok(End::Finished)
    }

    /// Moves the weights, and gives the norm of the gradient before it was clipped.
    fn update(&mut self, measured: &mut Measured) -> Result<f64, TrainError> {
        let limit = if self.config.clip > 0.0 { self.config.clip } else { f64::MAX };
        let norm = clip_by_global_norm(&mut measured.gradients, limit)?;
        self.optimiser.step(&mut self.weights, &measured.gradients)?;
        // Before the clamp, which would hide an infinity.
        let bad = self.weights.iter().position(|weight| !weight.is_finite());
        if let Some(bad) = bad {
            let layer = self.network.names()[bad].clone();
            return Err(self.not_finite(NotFinite::Weight { layer }));
        }
        if self.config.clamp > 0.0 {
            clamp_parameters(&mut self.weights, self.config.clamp)?;
        }
        self.progress.updates += 1;
        Ok(norm)
    }

    /// The test set; none if it was stopped.
    fn test(
        &self,
        stop: &AtomicBool,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<Option<(Measured, usize)>, TrainError> {
        let samples = self.test.len();
        let (mut sum, mut done) = (Measured::default(), 0);
        // In pieces, so that it can be stopped.
        for indices in Batches::in_order(samples, self.config.part.saturating_mul(20))? {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let pass = step::run(&self.network, &self.weights, &self.test, &indices, self.config.part, None);
            let measured = self.finite(pass)?;
            sum.loss += measured.loss;
            sum.correct += measured.correct;
            done += indices.len();
            observe(Event::Testing { done, samples });
        }
        Ok(Some((sum, samples)))
    }

    fn end_epoch(&mut self, test: &Measured, samples: usize) {
        let progress = &mut self.progress;
        let totals = std::mem::take(&mut progress.present);
        progress.epochs += 1;
        progress.history.push(EpochRow {
            epoch: progress.epochs,
            updates: progress.updates,
            train_loss: totals.mean_loss(),
            train_accuracy: totals.accuracy(),
            test_loss: test.loss / samples as f64,
            test_accuracy: test.correct as f64 / samples as f64,
            gradient_norm: totals.gradient_norms / progress.batches.max(1) as f64,
            firing_rates: totals.firing_rates(self.network.neurons(), self.network.steps()),
        });
        progress.batches = 0;
    }

    fn finite(&self, pass: Result<Measured, Fault>) -> Result<Measured, TrainError> {
        pass.map_err(|fault| match fault {
            Fault::NotFinite(value) => self.not_finite(value),
            Fault::Other(error) => error,
        })
    }

    fn not_finite(&self, value: NotFinite) -> TrainError {
        let Progress { epochs, batches, updates, .. } = self.progress;
        let (epoch, batch, update) = (epochs + 1, batches + 1, updates + 1);
        TrainError::NotFinite { epoch, batch, update, saved: self.saved, value }
    }

    fn save(&mut self) -> Result<(), TrainError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            write_atomically(&path, text.as_bytes()).map_err(|source| TrainError::Write { path, source })
        };
        // The logs first: they can be made from the checkpoint, not the other way round.
        let rows = &self.progress.history;
        write("log.csv", &csv(&self.origin, self.network.names(), rows))?;
        let log = Log {
            version: env!("CARGO_PKG_VERSION"),
            origin: &self.origin,
            subset: self.origin.limit.is_some(),
            config: &self.config,
            layers: self.network.names(),
            parameters: self.weights.iter().map(Tensor::len).sum(),
            finished: self.progress.epochs >= self.config.epochs,
            epochs: rows,
        };
        let json =
            serde_json::to_string_pretty(&log).map_err(|error| TrainError::Config(error.to_string()))?;
        write("log.json", &(json + "\n"))?;
        self.checkpoint().write(&Self::checkpoint_path(directory))?;
        self.saved = self.progress.updates;
        Ok(())
    }
}
