//! `resurge verify`: arguments and what is done with them.

use super::options::{Destination, Threads, WrittenSeeds, from_one_to, one_of, whole};
use super::{progress, render};
use crate::Verdict;
use anyhow::{Result, bail};
use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use resurge::gradcheck::{self, CellCase, cell_registry};
use resurge::verify::{
    Report, Specimen, SpecimenFilter, VerifyOptions, conventions, convergence_curves, verify_over,
    verify_specimens,
};
use resurge::{Rule, Seeds, plot};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
  resurge verify --reset zero --reset-gradient full,detached
  resurge verify --json report.json
  resurge verify --json - --seeds 20
  resurge verify --all --out runs/verify
  resurge verify --cell recurrent-alif --reset subtract --seeds 1,2,7
  resurge verify --convention snntorch")]
pub(crate) struct Arguments {
    /// Also every neuron model and, unless --reset, --reset-gradient or --surrogate is given, every named convention; about
    /// two minutes on 2 cores
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
    /// The gradient of the reset: this one only; several as a list, or repeated
    #[arg(long, alias = "reset-grad", value_delimiter = ',', value_name = "GRADIENT", value_parser = one_of(rules()))]
    reset_gradient: Vec<Rule>,
    /// Only this surrogate; some occur with --cell or --all only (repeatable)
    #[arg(long, value_name = "SURROGATE", value_parser = names(surrogates()))]
    surrogate: Vec<String>,
    /// Seeds, as 1-3 or 1,2,5, or how many, as 20 for 1 to 20, or from --seed on; the worst of each case is reported
    #[arg(long, value_name = "SEEDS", default_value = "1")]
    seeds: WrittenSeeds,
    /// Time steps of the network on digits
    #[arg(long, default_value_t = 25, conflicts_with_all = OF_SPECIMENS, value_parser = from_one_to(10_000))]
    steps: u64,
    /// Neurons in its hidden layer
    #[arg(long, default_value_t = 32, conflicts_with_all = OF_SPECIMENS, value_parser = from_one_to(10_000))]
    hidden: u64,
    /// Digits in its batch
    #[arg(long, default_value_t = 4, conflicts_with_all = OF_SPECIMENS, value_parser = from_one_to(1797))]
    batch: u64,
    /// Draws the digits, their spikes, the weights and the directions of the checks; by default 1
    #[arg(long, value_parser = whole::<u64>)]
    seed: Option<u64>,
    #[command(flatten)]
    threads: Threads,
    /// Write the full report to this file, as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<Destination>,
    /// Write the full report to this file, as Markdown; - is standard output
    #[arg(long, value_name = "FILE")]
    markdown: Option<Destination>,
    /// The directory to write into, made if there is none: verify.json, .md and .svg
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What earlier versions had: how to write the result, to standard output or to --out as a file
    #[arg(long, value_enum, hide = true, conflicts_with_all = ["json", "markdown"])]
    format: Option<Format>,
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

fn rules() -> Vec<Rule> {
    Rule::all()
}

fn surrogates() -> Vec<String> {
    [of_digits(|o| o.surrogates, |s| s.name().into()), of_registry(CellCase::surrogate)].concat()
}

/// What is to be verified.
struct Plan {
    digits: VerifyOptions,
    cells: Vec<Specimen>,
    conventions: Vec<Specimen>,
    seeds: Seeds,
}

/// What was found, in every form in which it can be written.
struct Found {
    report: Report,
    digits: VerifyOptions,
    elapsed: Duration,
    /// Of `--plot`, and of `--out`.
    pictures: [Option<Vec<u8>>; 2],
}

impl Found {
    fn text(&self, format: Format, for_terminal: bool) -> Result<String> {
        Ok(match format {
            Format::Json => serde_json::to_string_pretty(&self.report)? + "\n",
            Format::Markdown => render::markdown(&self.report, &self.digits),
            Format::Table => render::table(&self.report, &self.digits, self.elapsed, for_terminal),
        })
    }
}

/// The file of `--out` that each format has.
const REPORTS: [(&str, Format); 2] = [("verify.json", Format::Json), ("verify.md", Format::Markdown)];

/// The figure of `--out`.
const FIGURE: &str = "verify.svg";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    let plan = arguments.plan()?;
    let directory = arguments.directory()?;
    let start = Instant::now();
    let work = || -> Result<(Report, [Option<Vec<u8>>; 2])> {
        let report = verify_all(&plan)?;
        let formats = [arguments.plot.as_ref().map(|file| file.format), directory.map(|_| plot::Format::Svg)];
        let [one, other] =
            formats.map(|format| format.map(|format| picture(&plan, &report, format)).transpose());
        Ok((report, [one?, other?]))
    };
    let (report, pictures) = arguments.threads.install(work)??;
    let found = Found { report, digits: plan.digits, elapsed: start.elapsed(), pictures };
    arguments.write(&found)?;
    Ok(match found.report.summary.verdict {
        gradcheck::Verdict::Passed => Verdict::Holds,
        gradcheck::Verdict::Failed => Verdict::Fails,
        gradcheck::Verdict::Undecided => Verdict::Undecided,
    })
}

fn verify_all(plan: &Plan) -> Result<Report> {
    let digits = plan.digits.cases().len() as u64;
    let specimens = (plan.cells.len() + plan.conventions.len()) as u64;
    let bar = bar((digits + specimens) * plan.seeds.0.len() as u64);
    let cases = match digits {
        0 => Vec::new(),
        _ => verify_over(&plan.digits, &plan.seeds, || bar.inc(digits))?,
    };
    let check = |specimens: &[Specimen]| verify_specimens(specimens, &plan.seeds, || bar.inc(1));
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
    /// The directory of `--out`, which with `--format` is a file.
    fn directory(&self) -> Result<Option<&Path>> {
        let directory = self.out.as_deref().filter(|_| self.format.is_none());
        if let Some(file) = directory.filter(|path| path.is_file()) {
            bail!(
                "{} is a file: --out names a directory for tables and figures, --json and --markdown a file",
                file.display()
            );
        }
        if self.json.is_some() && self.json == self.markdown {
            bail!("--json and --markdown name the same place: name another for one of them");
        }
        directory.map(super::make_directory).transpose()?;
        Ok(directory)
    }

    /// Reports and their formats: those of `--format` or those that have options of their own, else the table.
    fn reports(&self) -> Vec<(Format, Destination)> {
        if let Some(format) = self.format {
            let file = self.out.clone().map_or(Destination::StandardOutput, Destination::File);
            return vec![(format, file)];
        }
        let options = [(Format::Json, &self.json), (Format::Markdown, &self.markdown)];
        let mut all: Vec<_> =
            options.into_iter().filter_map(|(format, file)| Some((format, file.clone()?))).collect();
        if all.iter().all(|(_, destination)| destination.file().is_some()) {
            all.push((Format::Table, Destination::StandardOutput));
        }
        all
    }

    /// Writes everything, and says where; on standard error where the result on standard output is for machines.
    fn write(&self, found: &Found) -> Result<()> {
        let reports = self.reports();
        let mut places: Vec<&Path> = reports.iter().filter_map(|(_, file)| file.file()).collect();
        let [plotted, drawn] = &found.pictures;
        if let (Some(file), Some(picture)) = (&self.plot, plotted) {
            super::write_file(&file.path, picture)?;
            places.push(&file.path);
        }
        if let (Some(directory), Some(picture)) = (&self.out, drawn) {
            for (name, format) in REPORTS {
                super::write_into(directory, name, found.text(format, false)?.as_bytes())?;
            }
            super::write_into(directory, FIGURE, picture)?;
            places.push(directory);
        }
        for (format, file) in &reports {
            file.write(&found.text(*format, file.file().is_none())?)?;
        }
        let for_machines =
            |(format, file): &(Format, Destination)| *format != Format::Table && file.file().is_none();
        let places = super::places(&places);
        if reports.iter().any(for_machines) {
            places.lines().for_each(super::say);
            return Ok(());
        }
        super::print(&places)
    }

    /// A lone number says how many, from `--seed` on; a list says all.
    fn seeds(&self) -> Seeds {
        let seeds = &self.seeds.seeds;
        match self.seed {
            Some(first) if self.seeds.lone => Seeds::from_on(first, seeds.0.len() as u64),
            Some(first) => {
                super::say(format_args!(
                    "notice: --seeds {seeds} says all seeds; --seed {first} is left out"
                ));
                seeds.clone()
            }
            None => seeds.clone(),
        }
    }

    fn plan(&self) -> Result<Plan> {
        let chosen = !self.cell.is_empty() || !self.convention.is_empty();
        let filtered =
            !self.reset.is_empty() || !self.reset_gradient.is_empty() || !self.surrogate.is_empty();
        if filtered && self.cell.is_empty() && chosen {
            bail!(
                "a convention has its own reset, reset gradient and surrogate: leave --reset, --reset-gradient and \
                 --surrogate out, or add --cell"
            );
        }
        let filter = SpecimenFilter {
            models: self.cell.clone(),
            resets: self.reset.clone(),
            reset_gradients: self.reset_gradient.iter().map(Rule::name).collect(),
            surrogates: self.surrogate.clone(),
        };
        let seeds = self.seeds();
        let plan = Plan {
            digits: self.digits(!chosen, &seeds)?,
            cells: if !self.cell.is_empty() || self.all { filter.cells()? } else { Vec::new() },
            // A convention has its own reset, reset gradient and surrogate: one of a name that was asked for is not meant.
            conventions: if !self.convention.is_empty() || (self.all && !filtered) {
                conventions(&self.convention)?
            } else {
                Vec::new()
            },
            seeds,
        };
        if plan.digits.cases().is_empty() && plan.cells.is_empty() && plan.conventions.is_empty() {
            bail!(
                "no case has all of these names; some resets and surrogates occur with --cell or --all only"
            );
        }
        Ok(plan)
    }

    /// The combinations on digits, or none of them.
    fn digits(&self, wanted: bool, seeds: &Seeds) -> Result<VerifyOptions> {
        let mut options = VerifyOptions::all()?;
        let keep =
            |names: &[String], name: &str| wanted && (names.is_empty() || names.iter().any(|n| n == name));
        options.resets.retain(|reset| keep(&self.reset, reset.name()));
        let gradients: Vec<_> = self.reset_gradient.iter().map(Rule::gradient).collect();
        options.reset_gradients.retain(|rule| wanted && (gradients.is_empty() || gradients.contains(rule)));
        options.surrogates.retain(|surrogate| keep(&self.surrogate, surrogate.name()));
        options.steps = usize::try_from(self.steps)?;
        options.hidden = usize::try_from(self.hidden)?;
        options.batch = usize::try_from(self.batch)?;
        options.seed = seeds.0.first().copied().unwrap_or(options.seed);
        Ok(options)
    }
}
