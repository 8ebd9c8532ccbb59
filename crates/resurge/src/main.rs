//! The `resurge` command.
#![forbid(unsafe_code)]
// They panic where nothing can be written: `command::print` and `command::say` do not.
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_macros)]

mod command;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

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
    Diagnose(Box<command::diagnose::Arguments>),
    Completions(command::completions::Arguments),
    Man(command::man::Arguments),
    #[command(hide = true)]
    Reference(command::reference::Arguments),
}

/// What a command found: the exit status of a run that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
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
const STOPPED: u8 = 130;

/// Tensors of megabytes come and go with every batch: this allocator keeps their memory, where the system's gives it
/// back and asks for it again, page by page.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
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
        Command::Diagnose(arguments) => command::diagnose::run(&arguments),
        Command::Completions(arguments) => command::completions::run(&arguments, Cli::command()),
        Command::Man(arguments) => command::man::run(&arguments, Cli::command()),
        Command::Reference(arguments) => command::reference::run(&arguments, Cli::command()),
    };
    match result {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::Fails) => ExitCode::from(1),
        Ok(Verdict::Undecided) => ExitCode::from(UNDECIDED),
        Ok(Verdict::Stopped) => ExitCode::from(STOPPED),
        Err(error) => {
            command::say(format_args!("{error:#}"));
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Help and the version on standard output, bad usage on standard error.
fn say_usage(message: &clap::Error) -> ExitCode {
    let printed = command::written(message.print());
    match printed {
        Err(error) if !message.use_stderr() => {
            command::say(format_args!("{error:#}"));
            ExitCode::from(UNUSABLE)
        }
        _ => ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(UNUSABLE)),
    }
}
