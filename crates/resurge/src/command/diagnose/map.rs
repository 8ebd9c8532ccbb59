//! `resurge diagnose --map`.

use super::{report, write_figures};
use crate::Verdict;
use crate::command::options::{real, whole};
use crate::command::progress;
use crate::command::table::terminal_width;
use anyhow::Result;
use clap::Args;
use resurge::diagnose::{MAP_FIGURES, MapProgress, MapSettings, PhaseMap, map_figures, phase_map};
use std::path::Path;

/// The options of a map. What is not given is as in [`MapSettings::default`].
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of --map")]
pub(super) struct Grid {
    /// Membrane decays, by default 0.2 to 0.99
    #[arg(long, value_delimiter = ',', value_name = "DECAYS", requires = "map", conflicts_with = "from")]
    #[arg(value_parser = real)]
    decays: Option<Vec<f64>>,
    /// Widths of the surrogate (slopes, where it has one), by default 0.025 to 1.6
    #[arg(long, value_delimiter = ',', value_name = "WIDTHS", requires = "map", conflicts_with = "from")]
    #[arg(value_parser = real)]
    widths: Option<Vec<f64>>,
    /// Target firing rates per step, by default 0.02 to 0.4
    #[arg(long, value_delimiter = ',', value_name = "RATES", requires = "map", conflicts_with = "from")]
    #[arg(value_parser = real)]
    rates: Option<Vec<f64>>,
    /// The surrogate, by default sigmoid
    #[arg(long, value_name = "SURROGATE", requires = "map", conflicts_with = "from")]
    surrogate: Option<String>,
    /// The reset: zero (the default), subtract, subtract-then-decay, gated or none
    #[arg(long, value_name = "RESET", requires = "map", conflicts_with = "from")]
    reset: Option<String>,
    /// Neurons of a population, by default 500
    #[arg(long, value_name = "N", requires = "map", conflicts_with = "from")]
    #[arg(value_parser = whole::<usize>)]
    neurons: Option<usize>,
    /// Time steps, by default 100
    #[arg(long, value_name = "STEPS", requires = "map", conflicts_with = "from")]
    #[arg(value_parser = whole::<usize>)]
    steps: Option<usize>,
    /// Populations at each point, by default 5; figures show medians
    #[arg(long, value_name = "N", requires = "map", conflicts_with = "from")]
    #[arg(value_parser = whole::<usize>)]
    repeats: Option<usize>,
    /// The deviation of the input current over its mean, by default 1
    #[arg(long, value_name = "SHARE", requires = "map", conflicts_with = "from")]
    #[arg(value_parser = real)]
    noise: Option<f64>,
    /// How far a firing rate may be from its target, as a share of it; by default 0.02
    #[arg(long, value_name = "SHARE", requires = "map", conflicts_with = "from")]
    #[arg(value_parser = real)]
    tolerance: Option<f64>,
}

impl Grid {
    /// The first option that is given. clap's own `requires` says nothing where what is given conflicts with `--map`.
    pub(super) fn given(&self) -> Option<&'static str> {
        let all = [
            ("--decays", self.decays.is_some()),
            ("--widths", self.widths.is_some()),
            ("--rates", self.rates.is_some()),
            ("--surrogate", self.surrogate.is_some()),
            ("--reset", self.reset.is_some()),
            ("--neurons", self.neurons.is_some()),
            ("--steps", self.steps.is_some()),
            ("--repeats", self.repeats.is_some()),
            ("--noise", self.noise.is_some()),
            ("--tolerance", self.tolerance.is_some()),
        ];
        all.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }

    fn settings(&self, seed: Option<u64>) -> MapSettings {
        let default = MapSettings::default();
        MapSettings {
            decays: self.decays.clone().unwrap_or(default.decays),
            widths: self.widths.clone().unwrap_or(default.widths),
            rates: self.rates.clone().unwrap_or(default.rates),
            surrogate: self.surrogate.clone().unwrap_or(default.surrogate),
            reset: self.reset.clone().unwrap_or(default.reset),
            neurons: self.neurons.unwrap_or(default.neurons),
            steps: self.steps.unwrap_or(default.steps),
            repeats: self.repeats.unwrap_or(default.repeats),
            seed: seed.unwrap_or(default.seed),
            noise: self.noise.unwrap_or(default.noise),
            tolerance: self.tolerance.unwrap_or(default.tolerance),
        }
    }
}

/// Makes a map, or reads it, and writes tables and figures.
pub(super) fn run(grid: &Grid, seed: Option<u64>, from: Option<&Path>, out: &Path) -> Result<Verdict> {
    let map = match from {
        Some(from) => {
            crate::command::is_directory(from, "a map of `resurge diagnose --map`")?;
            PhaseMap::read(from)?
        }
        None => watched(&grid.settings(seed))?,
    };
    crate::command::make_directory(out)?;
    map.write(out)?;
    write_figures(out, &MAP_FIGURES, map_figures(&map)?)?;
    crate::command::print(&(report::of_map(&map, terminal_width()) + &crate::command::places(&[out])))?;
    Ok(Verdict::Holds)
}

/// A map with a progress bar, on standard error where that is a terminal.
fn watched(settings: &MapSettings) -> Result<PhaseMap> {
    let bar = progress::counting(0, "populations");
    let map = phase_map(settings, |MapProgress { done, all }| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok(map?)
}
