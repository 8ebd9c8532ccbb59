//! `resurge train`: arguments and what is done with them.

use super::options::{Threads, from_one_to, whole};
use super::stop_on_signals;
use super::training::{Basis, Screen, holds_data, loaded};
use crate::Verdict;
use anyhow::{Context, Result, bail};
use clap::Args;
use resurge::train::{Checkpoint, Config, End, Examples, TrainError, Training};
use resurge::{Rule, counted};
use std::path::{Path, PathBuf};

/// Train a spiking network on images or events, with any gradient of the reset
///
/// Reads the official files (compressed or not) from a directory and verifies their checksums; see `resurge data` for
/// how to get them. The network and its settings are a preset, of which every value can be overridden. After each epoch
/// the test set is measured, and log.csv, log.json and checkpoint.safetensors are written to the output directory.
///
/// The same seed gives the same bits on any number of threads, and after a stop and --resume. Ctrl-C saves what was done
/// and ends with status 130; once more, a second later, ends at once.
///
/// An output directory is used by one run at a time, and a training that is in it is not
/// overwritten: --resume goes on with it, where settings and samples are those of before.
///
/// Exit status: 0 when all epochs are done, 1 when the training diverged, 2 on bad usage, 130 when it was stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge data fetch mnist
  resurge train mnist --data data/mnist --epochs 3
  resurge train mnist --data data/mnist --reset-gradient detached --out runs/detached
  resurge train mnist --data data/mnist --set batch=50 --set 'layers=[\"linear 300\", \"linear 10\"]' --out runs/mlp
  resurge train mnist --data data/mnist --resume
  resurge train nmnist --data data/nmnist --limit 1000")]
pub(crate) struct Arguments {
    #[command(flatten)]
    basis: Basis,
    /// The gradient of the reset: full, detached, scaled:ALPHA, spatial-only; by default that of the settings
    #[arg(long, alias = "reset-grad", value_name = "GRADIENT")]
    reset_gradient: Option<Rule>,
    /// Draws the weights, the order of the data and dropout; by default that of the settings
    #[arg(long, value_parser = whole::<u64>)]
    seed: Option<u64>,
    /// Passes over the data, by default those of the settings; with --resume it may be more than before
    #[arg(long, value_parser = whole::<u64>)]
    epochs: Option<u64>,
    /// Take at most so many samples of each split, which marks every output
    #[arg(long, value_name = "N", value_parser = from_one_to(1_000_000))]
    limit: Option<u64>,
    /// Take files that are not the official ones, too, which marks every output; a resumed training knows it
    #[arg(long)]
    no_verify: bool,
    /// The directory to write into, logs and the checkpoint, made if there is none; by default runs/DATASET
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on from the checkpoint in the output directory
    #[arg(long)]
    resume: bool,
    /// Write a checkpoint after every N batches of an epoch, too
    #[arg(long, value_name = "N", value_parser = from_one_to(1_000_000_000))]
    checkpoint_every: Option<u64>,
    #[command(flatten)]
    threads: Threads,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    arguments.threads.install(|| arguments.train())?
}

impl Arguments {
    fn train(&self) -> Result<Verdict> {
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(&self.basis.dataset));
        let path = Training::checkpoint_path(&out);
        if self.resume && !out.exists() {
            bail!("nothing to resume: {} is not there; leave --resume out", out.display());
        }
        // From here on nobody else writes there, so that what is read stays as it is.
        let claim = super::claim(&out)?;
        let checkpoint = match (self.resume, Training::vacant(&out)) {
            (true, _) if path.exists() => Some(Checkpoint::read(&path)?),
            (true, Ok(())) => bail!("nothing to resume: {} is not there; leave --resume out", path.display()),
            (_, vacant) => vacant.map(|()| None)?,
        };
        let config = self.settings(checkpoint.as_ref())?;
        holds_data(&self.basis.dataset, &self.basis.data)?;
        let origin = checkpoint.as_ref().map(|checkpoint| &checkpoint.origin);
        let limit = self.limit.or(origin.and_then(|origin| origin.limit));
        let verified = !self.no_verify && origin.is_none_or(|origin| origin.verified);
        let mut training =
            Training::new(&config, &self.basis.dataset, self.examples(&config, limit, verified)?)?
                .marked(limit, verified)
                .in_claimed(claim, self.checkpoint_every);
        if let Some(checkpoint) = checkpoint {
            if checkpoint.samples_sha256.is_none() {
                super::say(format_args!(
                    "{} is of an earlier version, without a digest of its samples: that they are the same cannot be \
                     checked, but by their numbers",
                    path.display()
                ));
            }
            training = training.resumed(checkpoint, &path)?;
        }
        let nothing_to_do = training.progress().epochs >= config.epochs;
        let stop = stop_on_signals()?;
        let mut screen = Screen::new("", &training, &config, limit, verified);
        let end = training.run(&stop, &mut |event| screen.show(&event, &stop));
        let shown = screen.finish();
        match end {
            Ok(end) => {
                shown.with_context(|| self.saved(&training, config.epochs, &out))?;
                if end == End::Stopped {
                    super::say(format_args!("stopped after {}", self.saved(&training, config.epochs, &out)));
                    return Ok(Verdict::Stopped);
                }
                if nothing_to_do {
                    super::print(&nothing(&config, &out))?;
                } else {
                    super::print(&super::places(&[&out]))?;
                }
                Ok(Verdict::Holds)
            }
            Err(error @ TrainError::NotFinite { .. }) => {
                super::say(error);
                Ok(Verdict::Fails)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How far a training is that ends before its time.
    fn saved(&self, training: &Training, epochs: u64, out: &Path) -> String {
        let progress = training.progress();
        let (epoch, batches, out) = (progress.epochs + 1, progress.batches, out.display());
        if progress.epochs >= epochs {
            return format!("the last of {}, and saved in {out}", counted(epochs, "epoch"));
        }
        let batches = counted(batches, "batch");
        format!("{batches} of epoch {epoch}, and saved in {out}; go on with --resume")
    }

    /// Those of the checkpoint, unless any are given: then they must agree with it.
    fn settings(&self, checkpoint: Option<&Checkpoint>) -> Result<Config> {
        let base = match checkpoint.filter(|_| self.basis.preset.is_none() && self.basis.config.is_none()) {
            Some(checkpoint) => checkpoint.config.clone(),
            None => self.basis.settings()?,
        };
        let mut config = base.with(&self.basis.set)?;
        // Of the options, not of the settings: an option outdoes a setting of the same name.
        let mut options = Vec::new();
        options.extend(self.reset_gradient.as_ref().map(|rule| format!("reset_gradient={rule}")));
        options.extend(self.seed.map(|seed| format!("seed={seed}")));
        options.extend(self.epochs.map(|epochs| format!("epochs={epochs}")));
        config = config.with(&options)?;
        Ok(config)
    }

    fn examples(&self, config: &Config, limit: Option<u64>, verified: bool) -> Result<(Examples, Examples)> {
        loaded(self.basis.load(verified, config, limit), &self.basis.dataset, &self.basis.data)
    }
}

/// What is said where no epoch was left.
fn nothing(config: &Config, out: &Path) -> String {
    let (epochs, out) = (config.epochs, out.display());
    if epochs == 0 {
        return format!(
            "nothing to do: 0 epochs are asked for; the initial weights are saved in {out}; ask for more with --epochs\n"
        );
    }
    let all = if epochs == 1 { "the 1 epoch is".to_owned() } else { format!("all {epochs} epochs are") };
    let remedy = if config.schedule == "constant" {
        "ask for more with --epochs"
    } else {
        "it cannot be made longer, since its learning rate falls to 0"
    };
    format!("nothing to do: {all} done, in {out}; {remedy}\n")
}
