//! `resurge diagnose`: arguments and what is done with them.

mod map;
mod report;

use super::options::{Threads, from_one_to, real, whole};
use super::table::terminal_width;
use super::training::{base_settings, holds_data, loaded, overridden, presets};
use crate::Verdict;
use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use resurge::counted;
use resurge::data::{Dataset, Split, Verify};
use resurge::diagnose::{
    DIAGNOSIS_FIGURES, Diagnosis, Source, Subject, diagnose, diagnosis_figures, synthetic,
};
use resurge::train::{Checkpoint, Config, Examples, Training};
use std::path::{Path, PathBuf};

/// Say when the missing reset term matters: in a network, or over a map of single neurons
///
/// Compares the full gradient with the detached one, which leaves out how the reset depends on the spike: by layer, by
/// time lag, by the growth of products of temporal Jacobians. The network is that of a checkpoint of `resurge train`, or a
/// fresh one of a preset or of settings of your own; it sees samples of the test set (--data), or, without data, synthetic
/// ones: in each step each input spikes with probability --input-rate.
///
/// With --map, single neurons over membrane decay, width of the surrogate and firing rate instead: at each point noisy
/// currents whose gain is tuned until the neurons fire at that rate. A point where they cannot is crossed out.
///
/// Writes into a directory what was found (JSON, CSV) and figures (SVG). The result does not depend on the number of
/// threads.
///
/// Exit status: 0 when the diagnosis is complete, 2 when it could not be carried out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge diagnose
  resurge diagnose runs/mnist --data data/mnist
  resurge diagnose --preset mnist --set gain=2
  resurge diagnose runs/mnist/checkpoint.safetensors --data data/mnist --samples 100
  resurge diagnose --config mine.toml --dataset nmnist --input-rate 0.05
  resurge diagnose --map
  resurge diagnose --map --reset subtract --rates 0.1 --out subtract
  resurge diagnose --map --from docs/results/diagnose --out docs/results/diagnose")]
pub(crate) struct Arguments {
    /// A checkpoint of `resurge train`, or the directory of such a training: its settings and weights are taken
    #[arg(value_name = "CHECKPOINT|DIR", conflicts_with_all = ["preset", "config", "set"])]
    checkpoint: Option<PathBuf>,
    /// A fresh network with the settings of a preset, by default that of the data set; on synthetic samples with a gain
    /// of 3, unless --set gives one
    #[arg(long, value_name = "NAME", value_parser = presets())]
    preset: Option<String>,
    /// A fresh network with settings of your own, as TOML
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    config: Option<PathBuf>,
    /// Override a setting of a fresh network, the value in TOML (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The data set: of --data, or whose size synthetic samples have; by default that of the checkpoint or preset
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Dataset::ALL.map(Dataset::name)))]
    dataset: Option<String>,
    /// The directory of the files of the data set
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Take files that are not the official ones, too
    #[arg(long, requires = "data")]
    no_verify: bool,
    /// Samples, as equally many of each class as there are
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = from_one_to(100_000))]
    samples: u64,
    /// Spikes per synthetic input and step
    #[arg(long, value_name = "RATE", default_value_t = 0.1, conflicts_with = "data", value_parser = real)]
    input_rate: f64,
    /// Draws fresh weights and synthetic samples, or a map's noise; by default that of the settings, or 1
    #[arg(long, value_parser = whole::<u64>)]
    seed: Option<u64>,
    /// The directory to write into, made if there is none
    #[arg(long, value_name = "DIR", default_value = "runs/diagnose")]
    out: PathBuf,
    #[command(flatten)]
    threads: Threads,
    /// Run nothing: make tables and figures from the data in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "checkpoint", "preset", "config", "set", "dataset", "data", "samples", "input_rate", "seed", "threads",
    ])]
    from: Option<PathBuf>,
    /// Make the map of single neurons instead
    #[arg(long, conflicts_with_all = ["checkpoint", "preset", "config", "set", "dataset", "data", "samples", "input_rate"])]
    map: bool,
    #[command(flatten)]
    grid: map::Grid,
}

/// The gain of fresh weights on synthetic samples. With less the last layers of the presets are silent or nearly, and a
/// silent network has no reset that could matter; with 3 each layer of each preset fires at 0.1 to 0.6.
const FIRING_GAIN: &str = "gain=3";

/// The checkpoint that a path names, itself or by the directory of its training.
fn checkpoint_in(path: &Path) -> Result<PathBuf> {
    let shown = path.display();
    if !path.exists() {
        bail!(
            "there is no {shown}: name a checkpoint of `resurge train`, or the directory that it wrote into"
        );
    }
    let file = if path.is_dir() { Training::checkpoint_path(path) } else { path.to_owned() };
    if !file.exists() {
        let trials = path.join("trials");
        let such = match trials.is_dir() {
            true => format!("a trial of this comparison, such as {}", trials.join("full-seed1").display()),
            false => "a directory that `resurge train` wrote into".to_owned(),
        };
        bail!("{shown} holds no {}: name {such}", file.file_name().unwrap_or_default().display());
    }
    Ok(file)
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    arguments.threads.install(|| arguments.run())?
}

/// Writes figures, and takes away those of an earlier diagnosis that this one does not have.
fn write_figures(out: &Path, all: &[&str], figures: Vec<(&'static str, String)>) -> Result<()> {
    for name in all.iter().filter(|name| figures.iter().all(|(drawn, _)| drawn != *name)) {
        match resurge_report::remove_file(&out.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("cannot remove the old {}", out.join(name).display()));
            }
            _ => {}
        }
    }
    for (name, svg) in figures {
        super::write_into(out, name, svg.as_bytes())?;
    }
    Ok(())
}

impl Arguments {
    fn run(&self) -> Result<Verdict> {
        if self.no_verify && self.data.is_none() {
            bail!("--no-verify is of the files of --data: name their directory with --data, or leave it out");
        }
        if let Some(option) = self.grid.given().filter(|_| !self.map) {
            bail!(
                "{option} is of a map of single neurons: add --map and give no network, or leave it out; settings of a \
                 network are given with --set"
            );
        }
        if self.map {
            return map::run(&self.grid, self.seed, self.from.as_deref(), &self.out);
        }
        let diagnosis = match &self.from {
            Some(from) => {
                super::is_directory(from, "a diagnosis of `resurge diagnose`")?;
                Diagnosis::read(from)?
            }
            None => diagnose(&self.subject()?)?,
        };
        // When all that can be wrong with the arguments is known.
        super::make_directory(&self.out)?;
        diagnosis.write(&self.out)?;
        write_figures(&self.out, &DIAGNOSIS_FIGURES, diagnosis_figures(&diagnosis)?)?;
        super::print(&(report::of_network(&diagnosis, terminal_width()) + &super::places(&[&self.out])))?;
        Ok(Verdict::Holds)
    }

    fn subject(&self) -> Result<Subject> {
        let path = self.checkpoint.as_deref().map(checkpoint_in).transpose()?;
        let checkpoint = path.as_deref().map(Checkpoint::read).transpose()?;
        if checkpoint.is_some() && self.data.is_some() && self.seed.is_some() {
            bail!("--seed draws nothing here: weights and samples are given; leave it out");
        }
        let dataset = self.dataset(checkpoint.as_ref())?;
        let (config, mut network) = self.settings(checkpoint.as_ref(), dataset)?;
        let samples = usize::try_from(self.samples)?;
        let (batch, still, classes, input) = match &self.data {
            Some(data) => {
                holds_data(dataset.name(), data)?;
                let verify = if self.no_verify { Verify::Format } else { Verify::Official };
                let examples = Examples::load(dataset, data, Split::Test, verify, &config, Some(samples));
                let examples = loaded(examples, dataset.name(), data)?;
                examples.notices().iter().for_each(|doubt| super::say(format_args!("notice: {doubt}")));
                let all: Vec<usize> = (0..examples.len()).collect();
                let mark = if self.no_verify { ", unverified files" } else { "" };
                let input = format!("{} of {dataset}, test{mark}", counted(all.len(), "sample"));
                (examples.batch(&all)?, examples.are_still(), examples.classes(), input)
            }
            None => {
                let (image, classes) = (dataset.image(), dataset.classes());
                let (rate, seed) = (self.input_rate, self.seed.unwrap_or(config.seed));
                let batch =
                    synthetic(&config, image, classes, samples, rate, seed).context("--input-rate")?;
                let input = format!(
                    "{} of the size of {dataset}: Bernoulli spikes of rate {rate}, filtered; seed {seed}",
                    counted(samples, "synthetic sample")
                );
                (batch, false, classes, input)
            }
        };
        let mut subject = Subject::fresh(config, batch, still, classes)?;
        if let (Some(checkpoint), Some(path)) = (&checkpoint, &path) {
            let weights = checkpoint.weights.iter().map(|(name, weight)| (name.as_str(), weight));
            subject = subject.with_weights(weights)?;
            let (epochs, of) = (checkpoint.progress.epochs, &checkpoint.origin.dataset);
            network = format!("{} after {} on {of}", path.display(), counted(epochs, "epoch"));
        }
        Ok(subject.described(Source { network, input }))
    }

    fn dataset(&self, checkpoint: Option<&Checkpoint>) -> Result<Dataset> {
        match (&self.dataset, checkpoint, self.preset.as_deref()) {
            (Some(name), ..) => Ok(name.parse()?),
            (None, Some(checkpoint), _) => checkpoint.origin.dataset.parse().with_context(|| {
                let named = &checkpoint.origin.dataset;
                format!("the checkpoint is of \"{named}\"; say with --dataset which data set has its size")
            }),
            (None, None, Some("nmnist")) => Ok(Dataset::NMnist),
            (None, None, Some("cifar10")) => Ok(Dataset::Cifar10),
            (None, None, _) => Ok(Dataset::Mnist),
        }
    }

    /// The settings, and where the network comes from.
    fn settings(&self, checkpoint: Option<&Checkpoint>, dataset: Dataset) -> Result<(Config, String)> {
        if let Some(checkpoint) = checkpoint {
            return Ok((checkpoint.config.clone(), String::new()));
        }
        let (base, name) = base_settings(dataset.name(), self.preset.as_deref(), self.config.as_deref())?;
        let mut set = self.set.clone();
        let has_gain = self.config.is_some() || set.iter().any(|s| s.trim_start().starts_with("gain"));
        if self.data.is_none() && !has_gain {
            set.push(FIRING_GAIN.to_owned());
        }
        let seed = self.seed.map(|seed| format!("seed={seed}"));
        let config = base.with(&set)?.with(seed.as_slice())?;
        let network = format!("fresh weights of {name}{}, seed {}", overridden(&set), config.seed);
        Ok((config, network))
    }
}
