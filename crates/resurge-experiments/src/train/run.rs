//! A training: what it is made of, how it is run, what it writes.

mod epoch;
mod event;
mod notices;
mod place;

pub use event::{End, Event};

use super::checkpoint::{Checkpoint, Origin};
use super::progress::Progress;
use super::step;
use super::{Config, Examples, Network, TrainError};
use resurge_data::Batches;
use resurge_report::{Claim, counted};
use resurge_snn::{AdamW, Moments, clip_by_global_norm};
use resurge_tensor::Tensor;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A training, from its start or from a checkpoint.
///
/// ```
/// use resurge_data::ImageDataset;
/// use resurge_experiments::train::{Config, End, Examples, Preset, Training};
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
    /// Of the directory, where it was handed over.
    claim: Option<Claim>,
    /// Whether what the directory holds is of this training.
    owns: bool,
    every: Option<u64>,
    samples_sha256: Option<[String; 2]>,
}

impl Training {
    /// A training from its start, on samples to learn from and samples to measure on.
    ///
    /// # Errors
    /// [`TrainError::Layer`] and [`TrainError::Config`] where the settings do not fit one another or the data.
    ///
    /// ```
    /// use resurge_data::ImageDataset;
    /// use resurge_experiments::train::{Config, Examples, Preset, Training};
    ///
    /// let config = Config::preset(Preset::Small).with(&["layers=[\"linear 3\"]"])?;
    /// let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?; // dark and light
    /// let data = || Examples::of_images(set.clone(), &config);
    /// let error = Training::new(&config, "dark-and-light", (data()?, data()?)).unwrap_err();
    /// assert!(error.to_string().contains("the last layer must be \"linear 2\""));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(config: &Config, dataset: &str, data: (Examples, Examples)) -> Result<Self, TrainError> {
        let (train, test) = data;
        let network = Network::new(config, train.image()?, train.classes())?;
        let network = if train.are_still() { network } else { network.of_traces() };
        let [first, second] = config.betas;
        let optimiser = AdamW::new(config.learning_rate, config.weight_decay)?.with_betas(first, second)?;
        let each = network.parameters().iter().enumerate();
        let constants = each.filter(|(_, parameter)| parameter.constant().is_some()).map(|(k, _)| k);
        let optimiser = optimiser.sparing(constants.collect());
        let origin = Origin {
            dataset: dataset.to_owned(),
            limit: None,
            verified: true,
            train_samples: train.len() as u64,
            test_samples: test.len() as u64,
        };
        let (weights, progress) = (network.init(config.seed)?, Progress::default());
        let config = config.clone();
        let (saved, directory, claim, owns, every, samples_sha256) = (0, None, None, false, None, None);
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
            claim,
            owns,
            every,
            samples_sha256,
        })
    }

    /// The same training marked, in every output, as one on a subset or on files that are not the official ones.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// let training = Training::new(&config, "dark-and-light", (data()?, data()?))?.marked(Some(2), false);
    /// assert_eq!((training.origin().limit, training.origin().verified), (Some(2), false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn marked(mut self, limit: Option<u64>, verified: bool) -> Self {
        self.origin.limit = limit;
        self.origin.verified = verified;
        self
    }

    /// The same training at the point of a checkpoint, which `path` is for errors.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] names what of it belongs to another training, or says that more
    /// is done than asked for.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]", "epochs=1"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// # let stop = std::sync::atomic::AtomicBool::new(false);
    /// let fresh = || Training::new(&config, "dark-and-light", (data()?, data()?));
    /// let mut first = fresh()?;
    /// first.run(&stop, &mut |_| {})?;
    /// let second = fresh()?.resumed(first.checkpoint(), "in memory".as_ref())?;
    /// assert_eq!(second.checkpoint(), first.checkpoint());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        let known = self.network.parameters().iter();
        let same = names.zip(shapes).eq(known.map(|p| (&p.name, &p.shape)));
        if !same {
            return Err(refuse("its weights are not those of its settings; train anew".into()));
        }
        let Progress { epochs, batches, .. } = checkpoint.progress;
        if (epochs, batches) > (self.config.epochs, 0) {
            let part = if batches > 0 {
                format!(" and {} of the next", counted(batches, "batch"))
            } else {
                String::new()
            };
            let (asked, least) = (self.config.epochs, epochs + u64::from(batches > 0));
            return Err(refuse(format!(
                "{} asked for, but {epochs}{part} are done; nothing was changed. Ask for {least} or more, or begin anew \
                 in another directory",
                if asked == 1 { "1 epoch is".to_owned() } else { format!("{asked} epochs are") }
            )));
        }
        self.digest_samples()?;
        if let (Some(there), Some(here)) = (&checkpoint.samples_sha256, &self.samples_sha256) {
            let splits = ["training", "test"].into_iter().zip(there.iter().zip(here));
            if let Some((split, _)) = splits.into_iter().find(|(_, (there, here))| there != here) {
                return Err(refuse(format!(
                    "the {split} samples are as many, but not the same as before, by their digest; resume with the \
                     same data, or begin anew elsewhere"
                )));
            }
        }
        let [first, second] = checkpoint.moments;
        let moments = Moments { steps: checkpoint.progress.updates, first, second };
        self.optimiser = self.optimiser.with_moments(moments);
        self.saved = checkpoint.progress.updates;
        self.progress = checkpoint.progress;
        self.weights = weights;
        self.owns = true;
        Ok(self)
    }

    /// How far it is.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]", "batch=1", "epochs=1"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// # let stop = std::sync::atomic::AtomicBool::new(false);
    /// let mut training = Training::new(&config, "dark-and-light", (data()?, data()?))?;
    /// training.run(&stop, &mut |_| {})?;
    /// assert_eq!((training.progress().epochs, training.progress().updates), (1, 2)); // batches of one image
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What it is of.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// let training = Training::new(&config, "dark-and-light", (data()?, data()?))?;
    /// assert_eq!((&training.origin().dataset[..], training.origin().train_samples), ("dark-and-light", 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The weights.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// let training = Training::new(&config, "dark-and-light", (data()?, data()?))?;
    /// assert_eq!(training.weights(), training.network().init(config.seed)?); // nothing is learnt yet
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn weights(&self) -> &[Tensor<f32>] {
        &self.weights
    }

    /// The network.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// let training = Training::new(&config, "dark-and-light", (data()?, data()?))?;
    /// assert_eq!(training.network().names(), ["linear1"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// All that is needed to go on from here.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// let checkpoint = Training::new(&config, "dark-and-light", (data()?, data()?))?.checkpoint();
    /// assert_eq!((checkpoint.config, checkpoint.progress.updates), (config, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn checkpoint(&self) -> Checkpoint {
        let moments = self.optimiser.moments();
        Checkpoint {
            origin: self.origin.clone(),
            config: self.config.clone(),
            progress: self.progress.clone(),
            weights: (self.network.parameters().iter().map(|parameter| parameter.name.clone()))
                .zip(self.weights.iter().cloned())
                .collect(),
            moments: [moments.first.clone(), moments.second.clone()],
            samples_sha256: self.samples_sha256.clone(),
        }
    }

    /// Runs the epochs that are left. `stop` is looked at after every batch; when it is set, all that was done is saved
    /// and the run ends.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] names the layer and the step; [`TrainError::Claim`] a directory
    /// that another run writes into, [`TrainError::Occupied`] one that holds another training;
    /// other errors are those of data and files.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, End, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]", "epochs=3"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// let mut training = Training::new(&config, "dark-and-light", (data()?, data()?))?;
    /// let before = training.weights().to_vec();
    /// let end = training.run(&std::sync::atomic::AtomicBool::new(false), &mut |_| {})?;
    /// assert_eq!((end, training.progress().epochs), (End::Finished, 3));
    /// assert_ne!(training.weights(), before);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&mut self, stop: &AtomicBool, observe: &mut dyn FnMut(Event<'_>)) -> Result<End, TrainError> {
        let _claim = self.enter()?;
        self.digest_samples()?;
        self.save()?;
        self.tell_before(observe);
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
            self.tell_of_epoch(observe);
        }
        Ok(End::Finished)
    }

    /// One step of learning on a batch of the first epoch, forward, backward and clipped, that leaves all as it was: to
    /// measure what a step costs, again and again on the same weights. Gives the norm of the gradient.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn rehearse(&self, batch: usize) -> Result<f64, TrainError> {
        let Config { seed, part, clip, .. } = self.config;
        let mut all = Batches::new(self.train.len(), self.config.batch, seed, 0)?;
        let batch = batch % all.len().max(1);
        let indices = all.nth(batch).unwrap_or_default();
        let seeds = Some([seed, 0, batch as u64]);
        let pass = step::run(&self.network, &self.weights, &self.train, &indices, part, seeds);
        let mut measured = self.finite(pass)?;
        Ok(clip_by_global_norm(&mut measured.gradients, if clip > 0.0 { clip } else { f64::MAX })?)
    }

    /// Once for a training: events are read for it, all of them.
    fn digest_samples(&mut self) -> Result<(), TrainError> {
        if self.samples_sha256.is_none() {
            self.samples_sha256 = Some([self.train.sha256()?, self.test.sha256()?]);
        }
        Ok(())
    }
}
