//! `resurge verify`: arguments and what is done with them.

use super::options::{Threads, from_one_to, whole};
use super::{progress, render};
use crate::Verdict;
use anyhow::{Result, bail};
use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use resurge::gradcheck::{self, CellCase, cell_registry};
use resurge::plot;
use resurge::verify::{
    Report, Specimen, SpecimenFilter, VerifyOptions, conventions, convergence_curves, verify_over,
    verify_specimens,
};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Prove the tape's gradient, reset term included, on a real spiking network
///
/// For each combination of reset, reset gradient and surrogate, a 64-32-10 network of LIF cells sees handwritten
/// digits as Bernoulli spikes. The tape's gradient is held against finite differences, the complex step and
/// dual numbers on the anchored program (a differentiable program that equals the spiking one, to the bit, at
/// these weights), and against the closed recurrences of the derivation.
///
/// --all adds every neuron model under every reset, reset gradient and surrogate, and every named convention of
/// other frameworks, each in a small network of its own in which every constant is learned, with forward
/// sensitivities (RTRL) in place of the closed recurrences. --cell and --convention choose among these alone.
///
/// Exit status: 0 when all hold, 1 when any fails, 2 on bad usage, 3 when none fails but some are undecided, because the
/// gradient is zero, no neuron fires, or no finite difference is exact enough.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge verify
  resurge verify --reset zero --reset-grad full --reset-grad detached
  resurge verify --format json --out report.json
  resurge verify --all --plot errors.svg
  resurge verify --cell recurrent-alif --reset subtract --seeds 5
  resurge verify --convention snntorch")]
pub(crate) struct Arguments {
    /// Also every neuron model and, unless --reset, --reset-grad or --surrogate is given, every named convention; about two
    /// minutes on 2 cores
    #[arg(long, conflicts_with_all = ["cell", "convention"])]
    all: bool,
    /// Only this neuron model, in small networks (repeatable)
    #[arg(long, value_name = "MODEL", value_parser = names(models()))]
    cell: Vec<String>,
    /// Only this convention, or all of this framework, in small networks (repeatable)
    #[arg(long, value_name = "NAME")]
    convention: Vec<String>,
    /// Only this reset; on the digits there are zero, subtract and none, the others with --cell or --all (repeatable)
    #[arg(long, value_name = "RESET", value_parser = names(resets()))]
    reset: Vec<String>,
    /// Only this gradient of the reset (repeatable)
    #[arg(long, value_name = "RULE", value_parser = names(rules()))]
    reset_grad: Vec<String>,
    /// Only this surrogate; some occur with --cell or --all only (repeatable)
    #[arg(long, value_name = "SURROGATE", value_parser = names(surrogates()))]
    surrogate: Vec<String>,
    /// Repeat with so many seeds, from --seed on, and report the worst of each case
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = from_one_to(10_000))]
    seeds: u64,
    /// Time steps of the network on digits
    #[arg(long, default_value_t = 25, conflicts_with_all = OF_SPECIMENS, value_parser = from_one_to(10_000))]
    steps: u64,
    /// Neurons in its hidden layer
    #[arg(long, default_value_t = 32, conflicts_with_all = OF_SPECIMENS, value_parser = from_one_to(10_000))]
    hidden: u64,
    /// Digits in its batch
    #[arg(long, default_value_t = 4, conflicts_with_all = OF_SPECIMENS, value_parser = from_one_to(1797))]
    batch: u64,
    /// Draws the digits, their spikes, the weights and the directions of the checks
    #[arg(long, default_value_t = 1, value_parser = whole::<u64>)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the result to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw how finite differences converge, and a heat map of all errors: as SVG, or as PNG where the name ends in .png
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(PictureFile::new))]
    plot: Option<PictureFile>,
}

/// Options that leave the network on digits out, so that its own say nothing.
const OF_SPECIMENS: [&str; 2] = ["cell", "convention"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Markdown,
}

/// Accepts names, each once.
fn names(all: Vec<String>) -> PossibleValuesParser {
    let mut seen = std::collections::BTreeSet::new();
    PossibleValuesParser::new(all.into_iter().filter(|name| seen.insert(name.clone())).collect::<Vec<_>>())
}

fn of_digits<T>(of: impl Fn(VerifyOptions) -> Vec<T>, name: impl Fn(&T) -> String) -> Vec<String> {
    VerifyOptions::all().map(|all| of(all).iter().map(name).collect()).unwrap_or_default()
}

/// Names that occur in the registry of cells. It has thousands of specimens but few names.
fn of_registry(name: fn(&CellCase) -> &'static str) -> Vec<String> {
    let mut found: Vec<&str> = Vec::new();
    for case in cell_registry() {
        if !found.contains(&name(&case)) {
            found.push(name(&case));
        }
    }
    found.into_iter().map(String::from).collect()
}

fn models() -> Vec<String> {
    of_registry(CellCase::model)
}

fn resets() -> Vec<String> {
    [of_digits(|o| o.resets, |r| r.name().into()), of_registry(CellCase::reset)].concat()
}

fn rules() -> Vec<String> {
    of_digits(|o| o.reset_gradients, |g| g.name())
}

fn surrogates() -> Vec<String> {
    [of_digits(|o| o.surrogates, |s| s.name().into()), of_registry(CellCase::surrogate)].concat()
}

/// What is to be verified.
struct Plan {
    digits: VerifyOptions,
    cells: Vec<Specimen>,
    conventions: Vec<Specimen>,
    seeds: u64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    let plan = arguments.plan()?;
    let start = Instant::now();
    let work = || -> Result<(Report, Option<Vec<u8>>)> {
        let report = verify_all(&plan, arguments.seed)?;
        let picture = arguments.plot.as_ref().map(|file| picture(&plan, &report, file.format)).transpose()?;
        Ok((report, picture))
    };
    let (report, picture) = arguments.threads.install(work)??;
    let elapsed = start.elapsed();
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        Format::Markdown => render::markdown(&report, &plan.digits),
        Format::Table => render::table(&report, &plan.digits, elapsed, arguments.out.is_none()),
    };
    if let (Some(path), Some(picture)) = (&arguments.plot, picture) {
        super::write_file(&path.path, &picture)?;
    }
    match &arguments.out {
        Some(path) => super::write_file(path, text.as_bytes())?,
        None => super::print(&text)?,
    }
    arguments.say_where()?;
    Ok(match report.summary.verdict {
        gradcheck::Verdict::Passed => Verdict::Holds,
        gradcheck::Verdict::Failed => Verdict::Fails,
        gradcheck::Verdict::Undecided => Verdict::Undecided,
    })
}

fn verify_all(plan: &Plan, seed: u64) -> Result<Report> {
    let digits = plan.digits.cases().len() as u64;
    let specimens = (plan.cells.len() + plan.conventions.len()) as u64;
    let bar = bar((digits + specimens) * plan.seeds);
    let cases = match digits {
        0 => Vec::new(),
        _ => verify_over(&plan.digits, plan.seeds, || bar.inc(digits))?,
    };
    let check = |specimens: &[Specimen]| verify_specimens(specimens, seed, plan.seeds, || bar.inc(1));
    let report = Report::new(cases, check(&plan.cells)?, check(&plan.conventions)?);
    bar.finish_and_clear();
    Ok(report)
}

/// A progress bar on standard error, where that is a terminal and the work is long enough to wait for.
fn bar(checks: u64) -> ProgressBar {
    if checks < 500 { ProgressBar::hidden() } else { progress::counting(checks, "checks") }
}

/// Where a picture goes, in which format.
#[derive(Debug, Clone)]
struct PictureFile {
    path: PathBuf,
    format: plot::Format,
}

impl PictureFile {
    fn new(path: PathBuf) -> Result<Self, plot::PlotError> {
        let format = plot::Format::of(&path)?;
        Ok(Self { path, format })
    }
}

fn picture(plan: &Plan, report: &Report, format: plot::Format) -> Result<Vec<u8>> {
    let mut digits = plan.digits.clone();
    if digits.cases().is_empty() {
        digits = VerifyOptions::all()?;
    }
    Ok(plot::picture(&convergence_curves(&digits)?, &render::heat_map(report))?.bytes(format)?)
}

impl Arguments {
    /// Says what files were written; on standard error where the result on standard output is for machines.
    fn say_where(&self) -> Result<()> {
        let plot = self.plot.as_ref().map(|plot| plot.path.as_path());
        let files: Vec<&Path> = self.out.as_deref().into_iter().chain(plot).collect();
        let places = super::places(&files);
        if self.out.is_none() && self.format != Format::Table {
            places.lines().for_each(super::say);
            return Ok(());
        }
        super::print(&places)
    }

    fn plan(&self) -> Result<Plan> {
        let chosen = !self.cell.is_empty() || !self.convention.is_empty();
        let filtered = [&self.reset, &self.reset_grad, &self.surrogate].iter().any(|names| !names.is_empty());
        if filtered && self.cell.is_empty() && chosen {
            bail!(
                "a convention has its own reset, reset gradient and surrogate: leave --reset, --reset-grad and \
                 --surrogate out, or add --cell"
            );
        }
        let filter = SpecimenFilter {
            models: self.cell.clone(),
            resets: self.reset.clone(),
            reset_gradients: self.reset_grad.clone(),
            surrogates: self.surrogate.clone(),
        };
        let plan = Plan {
            digits: self.digits(!chosen)?,
            cells: if !self.cell.is_empty() || self.all { filter.cells()? } else { Vec::new() },
            // A convention has its own reset, reset gradient and surrogate: one of a name that was asked for is not meant.
            conventions: if !self.convention.is_empty() || (self.all && !filtered) {
                conventions(&self.convention)?
            } else {
                Vec::new()
            },
            seeds: self.seeds,
        };
        if plan.digits.cases().is_empty() && plan.cells.is_empty() && plan.conventions.is_empty() {
            bail!(
                "no case has all of these names; some resets and surrogates occur with --cell or --all only"
            );
        }
        Ok(plan)
    }

    /// The combinations on digits, or none of them.
    fn digits(&self, wanted: bool) -> Result<VerifyOptions> {
        let mut options = VerifyOptions::all()?;
        let keep =
            |names: &[String], name: &str| wanted && (names.is_empty() || names.iter().any(|n| n == name));
        options.resets.retain(|reset| keep(&self.reset, reset.name()));
        options.reset_gradients.retain(|rule| keep(&self.reset_grad, &rule.name()));
        options.surrogates.retain(|surrogate| keep(&self.surrogate, surrogate.name()));
        options.steps = usize::try_from(self.steps)?;
        options.hidden = usize::try_from(self.hidden)?;
        options.batch = usize::try_from(self.batch)?;
        options.seed = self.seed;
        Ok(options)
    }
}
