//! `resurge verify`: arguments and what is done with them.

use super::render;
use crate::Verdict;
use anyhow::{Context, Result};
use clap::builder::{PossibleValuesParser, RangedU64ValueParser};
use clap::{Args, ValueEnum};
use resurge::verify::{VerifyOptions, verify};
use resurge::write_atomically;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::Instant;

/// Prove the tape's gradient, reset term included, on a real spiking network
///
/// For each combination of reset, reset gradient and surrogate, a 64-32-10 network of LIF cells sees handwritten
/// digits as Bernoulli spikes. The tape's gradient is held against finite differences, the complex step and
/// dual numbers on the anchored program (a differentiable program that equals the spiking one, to the bit, at
/// these weights), and against the closed recurrences of the derivation.
///
/// Exit status: 0 when all hold, 1 when any fails, 2 on bad usage.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge verify
  resurge verify --reset zero --reset-grad full --reset-grad detached
  resurge verify --format json --out report.json")]
pub(crate) struct Arguments {
    /// Only this reset (repeatable)
    #[arg(long, value_name = "RESET", value_parser = names(|o| o.resets.iter().map(|r| r.name().into()).collect()))]
    reset: Vec<String>,
    /// Only this gradient of the reset (repeatable)
    #[arg(long, value_name = "RULE", value_parser = names(|o| o.reset_gradients.iter().map(|g| g.name()).collect()))]
    reset_grad: Vec<String>,
    /// Only this surrogate (repeatable)
    #[arg(long, value_name = "SURROGATE", value_parser = names(|o| o.surrogates.iter().map(|s| s.name().into()).collect()))]
    surrogate: Vec<String>,
    /// Time steps
    #[arg(long, default_value_t = 25, value_parser = from_one_to(10_000))]
    steps: u64,
    /// Neurons in the hidden layer
    #[arg(long, default_value_t = 32, value_parser = from_one_to(10_000))]
    hidden: u64,
    /// Digits in the batch
    #[arg(long, default_value_t = 4, value_parser = from_one_to(1797))]
    batch: u64,
    /// Draws the digits, their spikes, the weights and the directions of the checks
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads, one a core by default; the result does not depend on their number
    #[arg(long, value_parser = from_one_to(1024))]
    threads: Option<u64>,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the result to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Markdown,
}

fn from_one_to(largest: u64) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=largest)
}

/// Accepts the names of what can be verified.
fn names(of: fn(&VerifyOptions) -> Vec<String>) -> PossibleValuesParser {
    PossibleValuesParser::new(VerifyOptions::all().map(|all| of(&all)).unwrap_or_default())
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    let options = arguments.options()?;
    let start = Instant::now();
    let report = match arguments.threads {
        None => verify(&options)?,
        Some(threads) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::try_from(threads)?);
            pool.build().context("cannot start the threads")?.install(|| verify(&options))?
        }
    };
    let elapsed = start.elapsed();
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        Format::Markdown => render::markdown(&report, &options),
        Format::Table => render::table(&report, &options, elapsed, arguments.out.is_none()),
    };
    match &arguments.out {
        Some(path) => write_atomically(path, text.as_bytes()).with_context(|| {
            format!("cannot write {}: name a file in a writable directory", path.display())
        })?,
        None => print(&text)?,
    }
    Ok(if report.summary.failed == 0 { Verdict::Holds } else { Verdict::Fails })
}

/// Writes to standard output. A reader that closes it early, such as `head`, is no error.
fn print(text: &str) -> Result<()> {
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write the result"),
        _ => Ok(()),
    }
}

impl Arguments {
    fn options(&self) -> Result<VerifyOptions> {
        let mut options = VerifyOptions::all()?;
        let wanted = |names: &[String], name: &str| names.is_empty() || names.iter().any(|n| n == name);
        options.resets.retain(|reset| wanted(&self.reset, reset.name()));
        options.reset_gradients.retain(|rule| wanted(&self.reset_grad, &rule.name()));
        options.surrogates.retain(|surrogate| wanted(&self.surrogate, surrogate.name()));
        options.steps = usize::try_from(self.steps)?;
        options.hidden = usize::try_from(self.hidden)?;
        options.batch = usize::try_from(self.batch)?;
        options.seed = self.seed;
        Ok(options)
    }
}
