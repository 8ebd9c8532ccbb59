//! `resurge toy`: arguments, progress, and the table.

use super::options::{Threads, real, whole};
use super::table::{Grid, fold, terminal_width};
use super::{progress, stop_on_signals};
use crate::Verdict;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use resurge::statistics::Estimate;
use resurge::{
    Rule, Seeds, Shard, counted,
    toy::{
        Data, OptimiserKind, Panel, Progress, RuleSummary, Settings, Summary, ToyError, figures, sweep,
        sweep_shard,
    },
};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Where a run notes what is finished, until all is.
const JOURNAL: &str = "journal.jsonl";

/// Train one neuron with and without the reset term, over learning rates and seeds
///
/// The paper's toy task, reconstructed from its author's code: 100 steps, one neuron, inputs and target Bernoulli
/// spikes, the loss on traces. Every gradient rule is trained at every learning rate with every seed, by SGD with the
/// rule's own gradient, by SGD with the gradient scaled to the length of the full one at the start, and by Adam.
///
/// Writes into a directory what was found (CSV), what it says (summary.json) and figures (SVG): final loss against
/// learning rate, share of trials that diverge, width of the usable window, learning curves, spike rasters. A run
/// that is interrupted goes on when it is started again with the same settings and directory; of one that is finished
/// only the figures are drawn again. A directory with a finished run of other settings is refused.
///
/// With --shard only a part of the trials is run, into a journal; `resurge merge` joins the journals of all parts to the
/// same files as of a run in one piece.
///
/// Ctrl-C ends the run after the trials that are under way, with status 130.
///
/// Exit status: 0 when the run is complete, 2 when it could not be carried out, 130 when it was stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge toy
  resurge toy --inputs 300 --out toy-300
  resurge toy --reset-gradient full,detached --optimisers sgd --seeds 256 --out many-seeds
  resurge toy --shard 2/8 --out sweep
  resurge merge sweep
  resurge toy --from docs/results/toy --out figures")]
pub(crate) struct Arguments {
    /// Inputs of the neuron; the author's are 50, 100 and 300
    #[arg(long, default_value_t = 100, value_parser = whole::<usize>)]
    inputs: usize,
    /// Seeds, as 1-3 or 1,2,5, or how many, as 20 for 1 to 20; with each a trial of each gradient, optimiser and rate
    #[arg(long, value_name = "SEEDS", default_value = "64")]
    seeds: Seeds,
    /// Updates of the weights in a trial
    #[arg(long, default_value_t = 200, value_parser = whole::<usize>)]
    updates: usize,
    /// The smallest learning rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-5, value_parser = real)]
    rate_min: f64,
    /// The largest learning rate
    #[arg(long, value_name = "RATE", default_value_t = 1.0, value_parser = real)]
    rate_max: f64,
    /// Learning rates a decade
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = whole::<usize>)]
    per_decade: usize,
    /// The gradient of the reset: full, detached, scaled:ALPHA, spatial-only; several as a list, or repeated
    #[arg(long, alias = "rules", value_delimiter = ',', value_name = "GRADIENT", default_values_t = Rule::all())]
    reset_gradient: Vec<Rule>,
    /// Optimisers
    #[arg(long, value_delimiter = ',', value_name = "OPTIMISERS", default_values = ["sgd", "adam"])]
    optimisers: Vec<Optimiser>,
    /// Run part I of N alone: seeds and rules I, I + N, ... of the list
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    #[command(flatten)]
    threads: Threads,
    /// The directory to write into, made if there is none
    #[arg(long, value_name = "DIR", default_value = "runs/toy")]
    out: PathBuf,
    /// Run nothing: make tables and figures from the data in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "inputs", "seeds", "updates", "rate_min", "rate_max", "per_decade", "reset_gradient", "optimisers", "threads",
        "shard",
    ])]
    from: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Optimiser {
    Sgd,
    Adam,
}

/// The journal of a shard: one of its own, so that shards can run side by side in one directory.
fn journal_of(shard: Shard) -> String {
    format!("journal-{}-of-{}.jsonl", shard.index(), shard.count())
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    let out = &arguments.out;
    arguments.settings().check()?;
    // Shards may share a directory: each has a journal of its own, which it locks.
    let _claim = if arguments.shard.is_none() { Some(super::claim(out)?) } else { None };
    let data = match &arguments.from {
        Some(from) => {
            super::is_directory(from, "the data of `resurge toy`")?;
            let data = Data::read(from)?;
            data.settings.are_finished_in(out)?;
            data
        }
        None if arguments.is_done()? => {
            super::print(&format!(
                "This run was done before, in {}: tables and figures are made of its data\n\n",
                out.display()
            ))?;
            Data::read(out)?
        }
        None => {
            super::make_directory(out)?;
            let stop = stop_on_signals()?;
            match arguments.threads.install(|| arguments.run_trials(&stop))? {
                Ok(Some(data)) => {
                    data.write(out)?;
                    data
                }
                Ok(None) => {
                    arguments.say_how_to_join()?;
                    return Ok(Verdict::Holds);
                }
                Err(error @ ToyError::Stopped { .. }) => {
                    super::say(error);
                    return Ok(Verdict::Stopped);
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    report(&data, out)?;
    if arguments.from.is_none() && out.join(JOURNAL).exists() {
        // All is written elsewhere; what is left would only be in the way of the next run.
        resurge_report::remove_file(&out.join(JOURNAL))
            .context("cannot remove the journal of the finished run")?;
    }
    Ok(Verdict::Holds)
}

/// Joins the journals of shards, and writes what a run in one piece would have.
pub(super) fn merge(journals: &[PathBuf], out: &Path) -> Result<()> {
    let data = resurge::toy::merge(journals)?;
    let _claim = super::claim(out)?;
    data.settings.are_finished_in(out)?;
    data.write(out)?;
    report(&data, out)
}

/// Whether a file is a journal of a shard, or of a run in one piece that is not finished.
pub(super) fn is_journal(name: &str) -> bool {
    name.starts_with("journal") && name.ends_with(".jsonl")
}

/// Writes the summary and the figures of data, and shows the table.
fn report(data: &Data, out: &Path) -> Result<()> {
    let summary = Summary::of(data);
    let json = serde_json::to_string_pretty(&summary)? + "\n";
    let pictures = figures(data, &summary)?;
    for (name, text) in [("summary.json", json)].into_iter().chain(pictures) {
        super::write_into(out, name, text.as_bytes())?;
    }
    super::print(&(render(&summary, terminal_width()) + &super::places(&[out])))
}

/// A sweep with a progress bar, on standard error where that is a terminal.
fn watched<T>(run: impl FnOnce(&(dyn Fn(Progress) + Sync)) -> T) -> T {
    let bar = progress::counting(0, "trials");
    // What an earlier run has done says nothing of the speed of this one.
    let resumed = std::sync::Once::new();
    let result = run(&|Progress { done, all }| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        resumed.call_once(|| bar.reset_eta());
    });
    bar.finish_and_clear();
    result
}

impl Arguments {
    /// Whether the whole run is finished in its directory. One that was stopped while it wrote its data is not.
    fn is_done(&self) -> Result<bool> {
        let finished = self.settings().are_finished_in(&self.out)?;
        Ok(finished && self.shard.is_none() && !self.out.join(JOURNAL).exists())
    }

    /// The data, or of a shard nothing but its journal.
    fn run_trials(&self, stop: &AtomicBool) -> Result<Option<Data>, ToyError> {
        let settings = self.settings();
        let Some(shard) = self.shard else {
            let journal = self.out.join(JOURNAL);
            return watched(|progress| sweep(&settings, &journal, stop, progress)).map(Some);
        };
        let journal = self.out.join(journal_of(shard));
        watched(|progress| sweep_shard(&settings, &journal, shard, stop, progress))?;
        Ok(None)
    }

    fn say_how_to_join(&self) -> Result<()> {
        let Some(shard) = self.shard else { return Ok(()) };
        let (journal, out) = (self.out.join(journal_of(shard)), self.out.display());
        super::print(&format!(
            "shard {shard} is done; when all are, join them with: resurge merge {out}\n{}",
            super::places(&[&journal])
        ))
    }

    fn settings(&self) -> Settings {
        let optimiser = |optimiser: &Optimiser| match optimiser {
            Optimiser::Sgd => OptimiserKind::Sgd,
            Optimiser::Adam => OptimiserKind::Adam,
        };
        Settings {
            inputs: self.inputs,
            updates: self.updates,
            seeds: self.seeds.clone(),
            rules: self.reset_gradient.clone(),
            optimisers: self.optimisers.iter().map(optimiser).collect(),
            rate_min: self.rate_min,
            rate_max: self.rate_max,
            per_decade: self.per_decade,
        }
    }
}

fn interval(estimate: Estimate) -> String {
    format!("{:.3} ({:.3}, {:.3})", estimate.value, estimate.low, estimate.high)
}

fn render(summary: &Summary, width: Option<usize>) -> String {
    let headings = [
        "optimiser",
        "gradient",
        "best rate",
        "its loss",
        "window, own best",
        "window, best of all",
        "window, learnt",
        "loss less full's",
        "p",
    ];
    let mut table = Grid::new(2, headings);
    for panel in &summary.panels {
        for rule in &panel.rules {
            table.row(row(panel, rule));
        }
    }
    let Settings { inputs, seeds, updates, .. } = &summary.settings;
    let norms: Vec<_> = summary.norms.iter().map(|n| format!("{} {:.2}", n.rule, n.median)).collect();
    let head = format!(
        "{}, {}, {}; mean loss before training {:.3}, of a silent neuron {:.3}\n\
         gradient norms at the start over that of full, medians: {}",
        counted(inputs, "input"),
        counted(seeds.0.len(), "seed"),
        counted(updates, "update"),
        summary.initial_loss,
        summary.silent_loss,
        norms.join(", "),
    );
    let foot = "Losses are means over seeds of the final loss, in brackets 95 % (bootstrap). Windows are in decades \
        of learning rate within 1.25 of the best loss, of the rule itself or of all rules, or (learnt) within 0.25 of \
        the loss of a silent neuron; >: it reaches an end of the grid.\n\
        p: paired, two-sided, random flips of signs; not corrected for several comparisons.\n";
    // Without a terminal as it is easily read in a file.
    let text = Some(width.unwrap_or(100));
    format!("{}\n\n{}\n\n{}", fold(&head, width), table.text(width, true), fold(foot, text))
}

fn row(panel: &Panel, rule: &RuleSummary) -> Vec<String> {
    let window = |found: &resurge::toy::WindowSummary| {
        format!("{}{}", if found.window.open { ">" } else { "" }, interval(found.decades))
    };
    let (difference, p) = rule.against_full.as_ref().map_or((String::new(), String::new()), |against| {
        (interval(against.loss), format!("{:.4}", against.p_value))
    });
    vec![
        panel.name(),
        rule.rule.name(),
        format!("{:.1e}", rule.best_rate),
        interval(rule.best_loss),
        window(&rule.own_window),
        window(&rule.common_window),
        window(&rule.learnt_window),
        difference,
        p,
    ]
}
