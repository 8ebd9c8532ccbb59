//! What the commands that train share: data, settings, and what is shown of a training.

use super::progress;
use super::table::{fold, terminal_width};
use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::ProgressBar;
use resurge::data::{Dataset, Split, Verify};
use resurge::train::{Config, EpochRow, Event, Examples, Preset, TrainError, Training};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The data and the settings that trainings begin with.
#[derive(Debug, Args)]
pub(super) struct Basis {
    /// The data set
    #[arg(value_parser = PossibleValuesParser::new(Dataset::ALL.map(Dataset::name)))]
    pub(super) dataset: String,
    /// The directory of the files of the data set
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// The settings to start from; by default those for the data set
    #[arg(long, value_name = "NAME", value_parser = presets())]
    pub(super) preset: Option<String>,
    /// Settings of your own instead of a preset, as TOML
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub(super) config: Option<PathBuf>,
    /// Override a setting, the value in TOML (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

impl Basis {
    /// The settings to start from, without those that are overridden.
    pub(super) fn settings(&self) -> Result<Config> {
        Ok(base_settings(&self.dataset, self.preset.as_deref(), self.config.as_deref())?.0)
    }

    /// The samples to learn from and those to measure on.
    pub(super) fn load(
        &self,
        verified: bool,
        config: &Config,
        limit: Option<u64>,
    ) -> Result<(Examples, Examples), TrainError> {
        let dataset = self.dataset.parse()?;
        let verify = if verified { Verify::Official } else { Verify::Format };
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let load = |split| Examples::load(dataset, &self.data, split, verify, config, limit);
        Ok((load(Split::Train)?, load(Split::Test)?))
    }
}

/// The names of the presets.
pub(super) fn presets() -> PossibleValuesParser {
    PossibleValuesParser::new(Preset::ALL.map(Preset::name))
}

/// The settings that were overridden, in words that follow the name of their base.
pub(super) fn overridden(set: &[String]) -> String {
    if set.is_empty() { String::new() } else { format!(" with {}", set.join(", ")) }
}

/// Makes sure that the directory of a data set is there.
pub(super) fn holds_data(dataset: &str, data: &Path) -> Result<()> {
    let shown = data.display();
    if !data.exists() {
        let fetch = format!("resurge data fetch {dataset} --data {shown}");
        bail!("there is no directory {shown}: name the one with the {dataset} files, or make it: {fetch}");
    }
    if !data.is_dir() {
        bail!("{shown} is a file: name the directory with the {dataset} files");
    }
    Ok(())
}

/// What was loaded, or why not: that data cannot be used is not said where a setting is wrong.
pub(super) fn loaded<T>(result: Result<T, TrainError>, dataset: &str, data: &Path) -> Result<T> {
    result.map_err(|error| {
        let of_data = matches!(error, TrainError::Data(_));
        let error = anyhow::Error::from(error);
        match of_data {
            true => error.context(format!("the {dataset} data in {} cannot be used", data.display())),
            false => error,
        }
    })
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
            return Ok((Config::read(path)?, path.display().to_string()));
        }
        (None, None) => Preset::of(dataset.parse()?),
    };
    Ok((Config::preset(preset), format!("preset {}", preset.name())))
}

/// What is shown of a training: a bar on a terminal's standard error, and a line an epoch on standard output.
pub(super) struct Screen {
    bar: ProgressBar,
    /// What each line begins with.
    name: String,
    layers: Vec<String>,
    epochs: u64,
    mark: String,
    since: Instant,
    /// Why a line could not be written: then the training is to stop.
    failed: Option<anyhow::Error>,
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
        let bar = progress::telling(0);
        let (name, epochs) = (name.to_owned(), config.epochs);
        Self { bar, name, layers, epochs, mark, since: Instant::now(), failed: None }
    }

    /// Shows what happened. Where it cannot be written, the training is told to stop, so that what
    /// was done is saved; [`finish`](Self::finish) gives the error.
    pub(super) fn show(&mut self, event: &Event<'_>, stop: &AtomicBool) {
        match event {
            Event::Batch { epoch, done, batches, totals, gradient_norm, firing_rates } => {
                self.bar.set_length(*batches);
                self.bar.set_position(*done);
                let (loss, accuracy) = (totals.mean_loss(), 100.0 * totals.accuracy());
                let rates = self.rates(firing_rates);
                self.bar.set_message(format!(
                    "{}epoch {epoch}/{}: loss {loss:.4}, accuracy {accuracy:.2} %, gradient {gradient_norm:.3}, rates {rates}{}",
                    self.name, self.epochs, self.mark
                ));
            }
            Event::Testing { done, samples } => {
                self.bar.set_message(format!("testing: {done} of {samples}{}", self.mark));
            }
            Event::Epoch(row) => {
                let line = fold(&(self.line(row) + "\n"), terminal_width());
                if let Err(error) = self.bar.suspend(|| super::print(&line)) {
                    self.failed = Some(error);
                    stop.store(true, Ordering::Relaxed);
                }
                self.bar.reset();
                self.since = Instant::now();
            }
            Event::Notice { text, .. } => {
                let name = &self.name;
                self.bar.suspend(|| super::say(format_args!("{name}notice: {text}")));
            }
        }
    }

    /// Takes the bar away.
    ///
    /// # Errors
    /// That of a line that could not be written.
    pub(super) fn finish(self) -> Result<()> {
        self.bar.finish_and_clear();
        self.failed.map_or(Ok(()), Err)
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
