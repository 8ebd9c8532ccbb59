//! `resurge train`: arguments and what is done with them.

use super::verify::from_one_to;
use crate::Verdict;
use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressStyle};
use resurge::data::{Dataset, Split, Verify};
use resurge::train::{Checkpoint, Config, End, EpochRow, Event, Examples, Preset, TrainError, Training};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The data and the settings that trainings begin with.
#[derive(Debug, Args)]
pub(super) struct Basis {
    /// The data set
    #[arg(value_parser = PossibleValuesParser::new(Dataset::ALL.map(Dataset::name)))]
    pub(super) dataset: String,
    /// The directory with its files
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// The settings to start from; by default those for the data set
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Preset::ALL.map(Preset::name)))]
    pub(super) preset: Option<String>,
    /// Settings of your own instead of a preset, as TOML
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub(super) config: Option<PathBuf>,
    /// Override a setting, the value in TOML (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

/// Train a spiking network on images or events, with any gradient of the reset
///
/// Reads the official files (compressed or not) from a directory and verifies their checksums; see `resurge data` for
/// how to get them. The network and its settings are a preset, of which every value can be overridden. After each epoch
/// the test set is measured, and log.csv, log.json and checkpoint.safetensors are written to the output directory.
///
/// The same seed gives the same bits on any number of threads, and after a stop and --resume. Ctrl-C saves what was done
/// and ends with status 130.
///
/// Exit status: 0 when all epochs are done, 1 when the training diverged, 2 on bad usage, 130 when it was stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge data fetch mnist
  resurge train mnist --data data/mnist --epochs 3
  resurge train mnist --data data/mnist --reset-grad detached --out runs/detached
  resurge train mnist --data data/mnist --set batch=50 --set 'layers=[\"linear 300\", \"linear 10\"]' --out runs/mlp
  resurge train mnist --data data/mnist --resume
  resurge train nmnist --data data/nmnist --limit 1000")]
pub(crate) struct Arguments {
    #[command(flatten)]
    basis: Basis,
    /// Which of the reset the gradient sees: full, detached, scaled-ALPHA or spatial-only; by default that of the settings
    #[arg(long, value_name = "RULE")]
    reset_grad: Option<String>,
    /// Draws the weights, the order of the data and dropout; by default that of the settings
    #[arg(long)]
    seed: Option<u64>,
    /// Passes over the data, by default those of the settings; with --resume it may be more than before
    #[arg(long)]
    epochs: Option<u64>,
    /// Take at most so many samples of each split, which marks every output
    #[arg(long, value_name = "N", value_parser = from_one_to(1_000_000))]
    limit: Option<u64>,
    /// Take files that are not the official ones, too, which marks every output
    #[arg(long)]
    no_verify: bool,
    /// The directory for logs and the checkpoint, by default runs/DATASET
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on from the checkpoint in the output directory
    #[arg(long)]
    resume: bool,
    /// Write a checkpoint after every N batches of an epoch, too
    #[arg(long, value_name = "N", value_parser = from_one_to(1_000_000_000))]
    checkpoint_every: Option<u64>,
    /// Threads, one a core by default; the result does not depend on their number
    #[arg(long, value_parser = from_one_to(1024))]
    threads: Option<u64>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    super::on_threads(arguments.threads, || arguments.train())?
}

impl Arguments {
    fn train(&self) -> Result<Verdict> {
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(&self.basis.dataset));
        let path = Training::checkpoint_path(&out);
        let checkpoint = match (self.resume, path.exists()) {
            (true, true) => Some(Checkpoint::read(&path)?),
            (true, false) => bail!("nothing to resume: {} is not there; leave --resume out", path.display()),
            (false, true) => bail!(
                "{} holds a training; go on with --resume, or choose another directory with --out",
                out.display()
            ),
            (false, false) => None,
        };
        let config = self.settings(checkpoint.as_ref())?;
        let limit = self.limit.or(checkpoint.as_ref().and_then(|checkpoint| checkpoint.origin.limit));
        let mut training = Training::new(&config, &self.basis.dataset, self.examples(&config, limit)?)?
            .marked(limit, !self.no_verify)
            .in_directory(&out, self.checkpoint_every);
        if let Some(checkpoint) = checkpoint {
            training = training.resumed(checkpoint, &path)?;
        }
        super::make_directory(&out)?;
        let stop = stop_on_signals()?;
        let mut screen = Screen::new("", &training, &config, limit, !self.no_verify);
        let end = training.run(&stop, &mut |event| screen.show(&event));
        screen.bar.finish_and_clear();
        match end {
            Ok(End::Finished) => Ok(Verdict::Holds),
            Ok(End::Stopped) => {
                let progress = training.progress();
                let (epoch, batches) = (progress.epochs + 1, progress.batches);
                anstream::eprintln!(
                    "resurge: stopped after {batches} batches of epoch {epoch}, and saved in {}; go on with --resume",
                    out.display()
                );
                Ok(Verdict::Stopped)
            }
            Err(error @ TrainError::NotFinite { .. }) => {
                anstream::eprintln!("resurge: {error}");
                Ok(Verdict::Fails)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Those of the checkpoint, unless any are given: then they must agree with it.
    fn settings(&self, checkpoint: Option<&Checkpoint>) -> Result<Config> {
        let base = match checkpoint.filter(|_| self.basis.preset.is_none() && self.basis.config.is_none()) {
            Some(checkpoint) => checkpoint.config.clone(),
            None => {
                base_settings(
                    &self.basis.dataset,
                    self.basis.preset.as_deref(),
                    self.basis.config.as_deref(),
                )?
                .0
            }
        };
        let mut config = base.with(&self.basis.set)?;
        // Of the options, not of the settings: an option outdoes a setting of the same name.
        let mut options = Vec::new();
        options.extend(self.reset_grad.as_ref().map(|rule| format!("reset_gradient={rule}")));
        options.extend(self.seed.map(|seed| format!("seed={seed}")));
        options.extend(self.epochs.map(|epochs| format!("epochs={epochs}")));
        config = config.with(&options)?;
        Ok(config)
    }

    fn examples(&self, config: &Config, limit: Option<u64>) -> Result<(Examples, Examples)> {
        load(&self.basis.dataset, &self.basis.data, !self.no_verify, config, limit)
            .with_context(|| unusable(&self.basis.dataset, &self.basis.data))
    }
}

/// The samples to learn from and those to measure on.
pub(super) fn load(
    dataset: &str,
    data: &Path,
    verified: bool,
    config: &Config,
    limit: Option<u64>,
) -> Result<(Examples, Examples), TrainError> {
    let dataset = dataset.parse()?;
    let verify = if verified { Verify::Official } else { Verify::Format };
    let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let load = |split| Examples::load(dataset, data, split, verify, config, limit);
    Ok((load(Split::Train)?, load(Split::Test)?))
}

pub(super) fn unusable(dataset: &str, data: &Path) -> String {
    format!("the {dataset} data in {} cannot be used", data.display())
}

/// The settings to start from, those of a preset, of a file, or the preset for the data set; and what they are of.
pub(super) fn base_settings(
    dataset: &str,
    preset: Option<&str>,
    file: Option<&Path>,
) -> Result<(Config, String)> {
    let preset = match (preset, file) {
        (Some(name), _) => Preset::ALL.into_iter().find(|p| p.name() == name).context("preset")?,
        (None, Some(path)) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let config = Config::from_toml(&text).with_context(|| path.display().to_string())?;
            return Ok((config, path.display().to_string()));
        }
        (None, None) => Preset::of(dataset.parse()?),
    };
    Ok((Config::preset(preset), format!("preset {}", preset.name())))
}

/// A flag that Ctrl-C and a request to terminate set. A second one ends the process.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(crate::STOPPED));
        }
        anstream::eprintln!(
            "resurge: stopping as soon as what is under way is saved; once more ends at once"
        );
    };
    ctrlc::set_handler(handler).context("cannot listen to Ctrl-C")?;
    Ok(stop)
}

/// What is shown of a training: a bar on a terminal's standard error, and a line an epoch on standard output.
pub(super) struct Screen {
    pub(super) bar: ProgressBar,
    /// What each line begins with.
    name: String,
    layers: Vec<String>,
    epochs: u64,
    mark: String,
    since: Instant,
}

impl Screen {
    pub(super) fn new(
        name: &str,
        training: &Training,
        config: &Config,
        limit: Option<u64>,
        verified: bool,
    ) -> Self {
        let mut mark = limit.map(|limit| format!(" [subset of {limit}]")).unwrap_or_default();
        if !verified {
            mark.push_str(" [unverified files]");
        }
        let layers = training.network().names().to_vec();
        let bar = ProgressBar::new(0);
        let template = "{prefix} {bar:24} {pos}/{len} {eta} left  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let (name, epochs) = (name.to_owned(), config.epochs);
        Self { bar, name, layers, epochs, mark, since: Instant::now() }
    }

    pub(super) fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Batch { epoch, done, batches, totals, gradient_norm, firing_rates } => {
                self.bar.set_length(*batches);
                self.bar.set_position(*done);
                self.bar.set_prefix(format!("{}epoch {epoch}/{}", self.name, self.epochs));
                let (loss, accuracy) = (totals.mean_loss(), 100.0 * totals.accuracy());
                let rates = self.rates(firing_rates);
                self.bar.set_message(format!(
                    "loss {loss:.4}, accuracy {accuracy:.2} %, gradient {gradient_norm:.3}, rates {rates}{}",
                    self.mark
                ));
            }
            Event::Testing { done, samples } => {
                self.bar.set_message(format!("testing: {done} of {samples}{}", self.mark));
            }
            Event::Epoch(row) => {
                let line = self.line(row);
                self.bar.suspend(|| anstream::println!("{line}"));
                self.bar.reset();
                self.since = Instant::now();
            }
        }
    }

    fn line(&self, row: &EpochRow) -> String {
        format!(
            "{}epoch {}/{}: loss {:.4} (test {:.4}), accuracy {:.2} % (test {:.2} %), gradient {:.3}, rates {}, {:.1} s{}",
            self.name,
            row.epoch,
            self.epochs,
            row.train_loss,
            row.test_loss,
            100.0 * row.train_accuracy,
            100.0 * row.test_accuracy,
            row.gradient_norm,
            self.rates(&row.firing_rates),
            self.since.elapsed().as_secs_f64(),
            self.mark
        )
    }

    fn rates(&self, rates: &[f64]) -> String {
        let all: Vec<String> =
            self.layers.iter().zip(rates).map(|(layer, rate)| format!("{layer} {rate:.3}")).collect();
        all.join(" ")
    }
}
