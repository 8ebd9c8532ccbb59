//! `resurge compare`: arguments, the trials one after the other, and the table.

use super::options::{Threads, WrittenSeeds, between, from_one_to, whole};
use super::table::terminal_width;
use super::training::{Basis, Screen, holds_data, loaded};
use super::{markdown, progress, stop_on_signals};
use crate::Verdict;
use anyhow::{Context, Result, bail};
use clap::Args;
use resurge::compare::{
    CompareError, Comparison, Cost, Memory, Plan, TrialEnd, TrialId, Trials, step_memory,
};
use resurge::train::{Config, Event, Examples, Origin, TrainError, Training};
use resurge::{Claim, Rule, Seeds, Shard};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// Train with and without the reset term, seed by seed, and compare
///
/// A comparison is a list of independent trials, each rule with each seed; trials of the same seed have the same initial
/// weights and the same batches. A trial is an ordinary training in OUT/trials/RULE-seedN. A run that was stopped goes on
/// when it is started again, to the same bits; trials that are done are not run again. A trial that does not stay finite
/// is reported as such, and the others go on.
///
/// When all trials are done, tables and figures are written: comparison.json, .csv, .md and .svg. `resurge merge OUT`
/// makes them again from the logs. With --shard only a part of the list is run; `resurge merge` joins the parts.
///
/// Exit status: 0 when all trials (of the shard) are done, 2 when they could not be carried out, 130 when stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge compare mnist --data data/mnist --epochs 15 --set schedule=cosine
  resurge compare mnist --data data/mnist --seeds 1-5
  resurge compare mnist --data data/mnist --reset-gradient full,detached,scaled:0.5 --limit 1000 --out runs/small
  resurge compare mnist --data data/mnist --shard 2/6
  resurge merge runs/compare-mnist")]
pub(crate) struct Arguments {
    #[command(flatten)]
    basis: Basis,
    /// The gradient of the reset: full, detached, scaled:ALPHA, spatial-only; several as a list, or repeated
    #[arg(long, alias = "rules", value_delimiter = ',', value_name = "GRADIENT",
        default_values_t = [Rule::FULL, Rule::DETACHED])]
    reset_gradient: Vec<Rule>,
    /// Seeds, as 1-3 or 1,2,5, or how many, as 20 for 1 to 20; the seed 7 alone is 7-7
    #[arg(long, value_name = "SEEDS", default_value = "1-3")]
    seeds: WrittenSeeds,
    /// Passes over the data, by default those of the settings: 100 for MNIST, an hour and more a trial on 2 cores
    #[arg(long, value_parser = whole::<u64>)]
    epochs: Option<u64>,
    /// Take at most so many samples of each split, which marks every output
    #[arg(long, value_name = "N", value_parser = from_one_to(1_000_000))]
    limit: Option<u64>,
    /// Take files that are not the official ones, too, which marks every output
    #[arg(long)]
    no_verify: bool,
    /// The directory to write into, made if there is none; by default runs/compare-DATASET
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run part I of N alone: trials I, I + N, ... of the list
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE, hide_default_value = true)]
    shard: Shard,
    /// Batches on which the cost of a step is measured, rule against rule; 0 for none. The first shard does it
    #[arg(long, value_name = "BATCHES", default_value_t = 20,
        value_parser = between(0, 100_000))]
    cost: u64,
    /// Write a checkpoint after every N batches of an epoch, too
    #[arg(long, value_name = "N", value_parser = from_one_to(1_000_000_000))]
    checkpoint_every: Option<u64>,
    #[command(flatten)]
    threads: Threads,
    /// What this command asks of itself: print the memory of a few steps by the first rule, as JSON
    #[arg(long, hide = true)]
    step_memory: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    arguments.threads.install(|| arguments.compare())?
}

/// Writes and shows what a comparison says.
pub(super) fn report(comparison: &Comparison, out: &Path) -> Result<()> {
    let summary = comparison.write(out)?;
    let page = markdown::shown(&resurge::compare::markdown(&summary), terminal_width());
    super::print(&format!("{page}\n{}", super::places(&[out])))
}

impl Arguments {
    fn compare(&self) -> Result<Verdict> {
        let config = self.settings()?;
        holds_data(&self.basis.dataset, &self.basis.data)?;
        let load = |config: &Config| self.basis.load(!self.no_verify, config, self.limit);
        let data = loaded(load(&config), &self.basis.dataset, &self.basis.data)?;
        if self.step_memory {
            return self.print_memory(&config, data);
        }
        let plan = self.plan(&config, data)?;
        if let ([.., last], true) = (&self.seeds.seeds.0[1..], self.seeds.lone) {
            super::say(format_args!(
                "notice: --seeds {last} is the seeds 1 to {last}; the seed {last} alone is --seeds {last}-{last}"
            ));
        }
        let out = self.out.clone().unwrap_or_else(|| format!("runs/compare-{}", self.basis.dataset).into());
        super::make_directory(&out)?;
        plan.write(&out)?;
        let stop = stop_on_signals()?;
        let trials = Trials { plan: &plan, out: &out, load: &load, checkpoint_every: self.checkpoint_every };
        for (place, id) in plan.trials().into_iter().enumerate() {
            if self.shard.takes(place) && self.run_trial(&trials, id, &stop)? == TrialEnd::Stopped {
                let out = out.display();
                super::say(format_args!(
                    "stopped in trial {id}, and saved in {out}; the same command goes on"
                ));
                return Ok(Verdict::Stopped);
            }
        }
        if !self.measure_cost(&trials, &stop)? {
            super::say("all trials are done, but the cost is not measured; the same command goes on");
            return Ok(Verdict::Stopped);
        }
        match Comparison::read(&[&out]) {
            Err(error @ CompareError::Incomplete { .. }) if self.shard.count() > 1 => {
                let (shard, shown) = (self.shard, out.display());
                super::print(&format!(
                    "shard {shard} is done. Of all, {error}. When all are done, join them with: resurge merge {shown}\n{}",
                    super::places(&[&out])
                ))?;
            }
            comparison => report(&comparison?, &out)?,
        }
        Ok(Verdict::Holds)
    }

    fn settings(&self) -> Result<Config> {
        let base = self.basis.settings()?;
        for setting in &self.basis.set {
            let key = setting.split('=').next().unwrap_or_default().trim();
            if let Some((_, option)) = [("seed", "--seeds"), ("reset_gradient", "--reset-gradient")]
                .iter()
                .find(|(name, _)| *name == key)
            {
                bail!("setting {key} differs from trial to trial: give {option} instead");
            }
        }
        let epochs = self.epochs.map(|epochs| format!("epochs={epochs}"));
        Ok(base.with(&self.basis.set)?.with(epochs.as_slice())?)
    }

    fn plan(&self, config: &Config, data: (Examples, Examples)) -> Result<Plan> {
        let plan =
            |origin| Plan::new(config, origin, self.reset_gradient.clone(), self.seeds.seeds.0.clone());
        let sizes = (data.0.len() as u64, data.1.len() as u64);
        let origin = Origin {
            dataset: self.basis.dataset.clone(),
            limit: self.limit,
            verified: !self.no_verify,
            train_samples: sizes.0,
            test_samples: sizes.1,
        };
        let plan = plan(origin)?.with_digest(&data)?;
        // A setting that no network has is to leave no plan behind.
        Training::new(config, &self.basis.dataset, data)?;
        Ok(plan)
    }

    fn run_trial(&self, trials: &Trials<'_>, id: TrialId, stop: &AtomicBool) -> Result<TrialEnd> {
        let screen: RefCell<Option<Screen>> = RefCell::new(None);
        let mut begin = |training: &Training| {
            let config = trials.plan.settings_of(id);
            let name = format!("{id}, ");
            let new = Screen::new(&name, training, &config, self.limit, !self.no_verify);
            screen.replace(Some(new));
        };
        let mut show = |event: &Event<'_>| {
            if let Some(screen) = screen.borrow_mut().as_mut() {
                screen.show(event, stop);
            }
        };
        let end = trials.run(id, stop, &mut begin, &mut show);
        let shown = screen.take().map_or(Ok(()), Screen::finish);
        let end = end.with_context(|| format!("trial {id}"))?;
        shown.with_context(|| format!("trial {id} is saved; the same command goes on"))?;
        match &end {
            TrialEnd::WasDone => super::print(&format!("{id} was done before\n"))?,
            TrialEnd::Diverged(at) => super::print(&format!(
                "{id} diverged in epoch {}, batch {}: {}\n",
                at.epoch, at.batch, at.value
            ))?,
            TrialEnd::Finished | TrialEnd::Stopped => {}
        }
        Ok(end)
    }

    /// Measures the cost, where that is asked for and not done. False when it was stopped.
    fn measure_cost(&self, trials: &Trials<'_>, stop: &AtomicBool) -> Result<bool> {
        let there =
            || Ok::<_, CompareError>(Cost::read(trials.out)?.is_some_and(|c| c.rules == trials.plan.rules));
        if self.cost == 0 || self.shard.index() != 1 || there()? {
            return Ok(true);
        }
        // Two measurements at the same time would disturb each other, and one would be lost.
        let _claim = Claim::of_part(trials.out, "cost").map_err(CompareError::from)?;
        if there()? {
            return Ok(true);
        }
        let bar = progress::counting(self.cost, "batches for the cost of a step");
        let batches = usize::try_from(self.cost)?;
        let memory = |rule| self.memory(rule, trials.plan.seeds.first().copied());
        let cost = Cost::measure(trials.plan, batches, trials.load, &memory, stop, &mut |n| {
            bar.set_position(n as u64)
        });
        bar.finish_and_clear();
        match cost {
            Ok(Some(cost)) => cost.write(trials.out)?,
            Ok(None) => return Ok(false),
            Err(CompareError::Train(error @ TrainError::NotFinite { .. })) => {
                super::say(format_args!("the cost of a step cannot be measured: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// The memory of steps by a rule, from a process of its own.
    fn memory(&self, rule: Rule, seed: Option<u64>) -> Option<Memory> {
        let mut command = Command::new(std::env::current_exe().ok()?);
        command.args(["compare", &self.basis.dataset, "--step-memory", "--reset-gradient", &rule.name()]);
        command.arg("--data").arg(&self.basis.data).args(["--seeds", &Seeds(vec![seed?]).to_string()]);
        command.args(["--threads", &rayon::current_num_threads().to_string()]);
        let option = |name: &str, value: Option<String>| value.map(|value| [name.to_owned(), value]);
        let limit = self.limit.map(|limit| limit.to_string());
        let options = [option("--preset", self.basis.preset.clone()), option("--limit", limit)];
        command.args(options.into_iter().flatten().flatten());
        if let Some(path) = &self.basis.config {
            command.arg("--config").arg(path);
        }
        command.args(self.basis.set.iter().flat_map(|setting| ["--set", setting]));
        command.args(self.no_verify.then_some("--no-verify"));
        let output = command.output().ok().filter(|output| output.status.success())?;
        serde_json::from_slice(&output.stdout).ok()?
    }

    fn print_memory(&self, config: &Config, data: (Examples, Examples)) -> Result<Verdict> {
        let (rule, seed) =
            self.reset_gradient.first().zip(self.seeds.seeds.0.first()).context("a gradient and a seed")?;
        let config = Config { seed: *seed, reset_gradient: rule.name(), ..config.clone() };
        let memory = step_memory(&Training::new(&config, &self.basis.dataset, data)?)?;
        super::print(&serde_json::to_string(&memory)?)?;
        Ok(Verdict::Holds)
    }
}
