//! The `resurge` command as a function: what `main` calls, and what the Python package calls.

use crate::audit::AuditReport;
use crate::command;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;

/// Surrogate gradients with the reset term, proved numerically.
#[derive(Debug, Parser)]
#[command(
    name = "resurge",
    version,
    about,
    propagate_version = true,
    after_help = "Examples:
  resurge verify
  resurge audit run.safetensors
  resurge train mnist --data data/mnist --epochs 3
  resurge help diagnose"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(command::verify::Arguments),
    Audit(command::audit::Arguments),
    Toy(command::toy::Arguments),
    Data(command::data::Arguments),
    Train(command::train::Arguments),
    Compare(command::compare::Arguments),
    Merge(command::merge::Arguments),
    Config(command::config::Arguments),
    Diagnose(Box<command::diagnose::Arguments>),
    Completions(command::completions::Arguments),
    Man(command::man::Arguments),
    #[command(hide = true)]
    Reference(command::reference::Arguments),
}

/// What a command found: the exit status of a run that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Status 0: everything holds.
    Holds,
    /// Status 1: something does not.
    Fails,
    /// Status 3: nothing is wrong, but what was asked cannot be decided from this run.
    Undecided,
    /// Status 130, as shells have it for Ctrl-C: the run was stopped, and can be resumed.
    Stopped,
}

/// Status 2: the run could not be carried out (bad usage, an unwritable file). clap uses the same.
const UNUSABLE: u8 = 2;

/// See [`Verdict::Undecided`].
const UNDECIDED: u8 = 3;

/// See [`Verdict::Stopped`].
pub(crate) const STOPPED: u8 = 130;

/// The command line. A number below 0 is the value of the option before it, and refused as that, not as an option.
pub(crate) fn definition() -> clap::Command {
    fn of(command: clap::Command) -> clap::Command {
        command.mut_subcommands(of).mut_args(|arg| {
            let takes_value = !arg.is_positional() && arg.get_action().takes_values();
            arg.allow_negative_numbers(takes_value)
        })
    }
    of(Cli::command())
}

/// Runs the command line, program name first, and returns its exit status.
///
/// ```
/// assert_eq!(resurge::cli::run(["resurge", "--version"]), 0);
/// assert_eq!(resurge::cli::run(["resurge", "no-such-command"]), 2);
/// ```
pub fn run<I>(arguments: I) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let cli =
        match definition().try_get_matches_from(arguments).and_then(|found| Cli::from_arg_matches(&found)) {
            Ok(cli) => cli,
            Err(message) => return say_usage(&message),
        };
    let result = match cli.command {
        Command::Verify(arguments) => command::verify::run(&arguments),
        Command::Audit(arguments) => command::audit::run(&arguments),
        Command::Toy(arguments) => command::toy::run(&arguments),
        Command::Data(arguments) => command::data::run(&arguments),
        Command::Train(arguments) => command::train::run(&arguments),
        Command::Compare(arguments) => command::compare::run(&arguments),
        Command::Merge(arguments) => command::merge::run(&arguments),
        Command::Config(arguments) => command::config::run(&arguments),
        Command::Diagnose(arguments) => command::diagnose::run(&arguments),
        Command::Completions(arguments) => command::completions::run(&arguments, definition()),
        Command::Man(arguments) => command::man::run(&arguments, definition()),
        Command::Reference(arguments) => command::reference::run(&arguments, definition()),
    };
    match result {
        Ok(Verdict::Holds) => 0,
        Ok(Verdict::Fails) => 1,
        Ok(Verdict::Undecided) => UNDECIDED,
        Ok(Verdict::Stopped) => STOPPED,
        Err(error) => {
            command::say(command::words(&error));
            UNUSABLE
        }
    }
}

/// Help and the version on standard output, bad usage on standard error.
fn say_usage(message: &clap::Error) -> u8 {
    let printed = command::written(message.print());
    match printed {
        Err(error) if !message.use_stderr() => {
            command::say(command::words(&error));
            UNUSABLE
        }
        _ => u8::try_from(message.exit_code()).unwrap_or(UNUSABLE),
    }
}

/// The report that `resurge audit` prints about one file, in lines of at most so many columns.
///
/// ```
/// use resurge::audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions::default())?;
/// assert!(resurge::cli::audit_text("run", &report, Some(80)).starts_with("run: detached\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn audit_text(name: &str, report: &AuditReport, width: Option<usize>) -> String {
    command::audit::of_one(name, report, width)
}
