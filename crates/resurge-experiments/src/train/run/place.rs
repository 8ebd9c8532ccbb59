//! The directory of a training: who may write there, and what is written.

use super::Training;
use crate::train::TrainError;
use crate::train::log::{Log, csv};
use resurge_report::Claim;
use resurge_report::{MOMENT, remove_left_behind, write_atomically};
use resurge_tensor::Tensor;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOGS: [&str; 2] = ["log.csv", "log.json"];

impl Training {
    /// The same training with a directory for its files, made where there is none:
    /// `checkpoint.safetensors`, `log.csv` and `log.json`, written at the start, after each epoch
    /// and, if asked for, after every so many batches. While it runs, no other training is let into
    /// the directory.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Checkpoint, Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]", "epochs=1"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// # let stop = std::sync::atomic::AtomicBool::new(false);
    /// let place = tempfile::tempdir()?;
    /// let fresh = || Training::new(&config, "dark-and-light", (data()?, data()?));
    /// let mut training = fresh()?.in_directory(place.path(), None);
    /// training.run(&stop, &mut |_| {})?;
    /// assert_eq!(Checkpoint::read(&Training::checkpoint_path(place.path()))?, training.checkpoint());
    /// assert!(place.path().join("log.csv").exists() && place.path().join("log.json").exists());
    /// // What is there is not overwritten.
    /// let error = fresh()?.in_directory(place.path(), None).run(&stop, &mut |_| {}).unwrap_err();
    /// assert!(error.to_string().contains("holds a training"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn in_directory(mut self, directory: &Path, checkpoint_every: Option<u64>) -> Self {
        self.directory = Some(directory.to_owned());
        self.every = checkpoint_every;
        self
    }

    /// As [`in_directory`](Self::in_directory), with a directory that was claimed before: by one
    /// who read in it what this training goes on from, and lets nobody in between.
    ///
    /// ```
    /// # use resurge_report::Claim;
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset, Training};
    /// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]", "epochs=1"])?;
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = || Examples::of_images(set.clone(), &config);
    /// # let stop = std::sync::atomic::AtomicBool::new(false);
    /// let place = tempfile::tempdir()?;
    /// let claim = Claim::of(place.path())?;
    /// Training::vacant(place.path())?;
    /// let mut training = Training::new(&config, "dark-and-light", (data()?, data()?))?.in_claimed(claim, None);
    /// training.run(&stop, &mut |_| {})?;
    /// assert!(Training::checkpoint_path(place.path()).exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn in_claimed(mut self, claim: Claim, checkpoint_every: Option<u64>) -> Self {
        let directory = claim.directory().to_owned();
        self.claim = Some(claim);
        self.in_directory(&directory, checkpoint_every)
    }

    /// The file of a directory that holds its checkpoint.
    ///
    /// ```
    /// use resurge_experiments::train::Training;
    ///
    /// let path = Training::checkpoint_path("runs/mnist".as_ref());
    /// assert_eq!(path, std::path::Path::new("runs/mnist/checkpoint.safetensors"));
    /// ```
    pub fn checkpoint_path(directory: &Path) -> PathBuf {
        directory.join("checkpoint.safetensors")
    }

    /// That a directory holds nothing that a new training would overwrite.
    ///
    /// # Errors
    /// [`TrainError::Occupied`] for a checkpoint, and for a log without one.
    ///
    /// ```
    /// use resurge_experiments::train::Training;
    ///
    /// let place = tempfile::tempdir()?;
    /// assert!(Training::vacant(place.path()).is_ok());
    /// std::fs::write(place.path().join("log.csv"), "of hours")?;
    /// let error = Training::vacant(place.path()).unwrap_err();
    /// assert!(error.to_string().contains("holds log.csv of a training, but no checkpoint"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn vacant(directory: &Path) -> Result<(), TrainError> {
        let occupied = |problem: String| TrainError::Occupied { path: directory.to_owned(), problem };
        if Self::checkpoint_path(directory).exists() {
            return Err(occupied(
                "holds a training; go on with --resume, or choose another directory with --out".into(),
            ));
        }
        match LOGS.iter().find(|name| directory.join(name).exists()) {
            Some(name) => Err(occupied(format!(
                "holds {name} of a training, but no checkpoint to go on from: a new training would overwrite it; \
                 restore checkpoint.safetensors to go on, move the logs away, or choose another directory with --out"
            ))),
            None => Ok(()),
        }
    }

    /// Claims the directory for a run, where that is not done, and sees to it that nothing in it is
    /// overwritten.
    pub(super) fn enter(&self) -> Result<Option<Claim>, TrainError> {
        let Some(directory) = &self.directory else { return Ok(None) };
        let claim = if self.claim.is_none() { Some(Claim::of(directory)?) } else { None };
        if !self.owns {
            Self::vacant(directory)?;
        }
        let alone = self.claim.as_ref().or(claim.as_ref()).is_some_and(Claim::is_locked);
        remove_left_behind(directory, if alone { Duration::ZERO } else { MOMENT });
        Ok(claim)
    }

    pub(super) fn save(&mut self) -> Result<(), TrainError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        // The checkpoint first: the logs can be made from it, not the other way round.
        self.checkpoint().write(&Self::checkpoint_path(directory))?;
        (self.owns, self.saved) = (true, self.progress.updates);
        let rows = &self.progress.history;
        let log = Log {
            version: env!("CARGO_PKG_VERSION"),
            origin: &self.origin,
            subset: self.origin.limit.is_some(),
            config: &self.config,
            layers: self.network.names(),
            parameters: self.weights.iter().map(Tensor::len).sum(),
            finished: self.progress.epochs >= self.config.epochs,
            epochs: rows,
            notices: &self.notices(),
        };
        let json =
            serde_json::to_string_pretty(&log).map_err(|error| TrainError::Config(error.to_string()))?;
        for (name, text) in LOGS.iter().zip([csv(&self.origin, self.network.names(), rows), json + "\n"]) {
            let path = directory.join(name);
            write_atomically(&path, text.as_bytes()).map_err(|source| TrainError::Write { path, source })?;
        }
        Ok(())
    }
}
