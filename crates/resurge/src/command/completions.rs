//! `resurge completions`: what a shell needs to complete the command's arguments.

use crate::Verdict;
use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

/// Print a script that completes this command's arguments in a shell
///
/// The script names every command, option and value; make it anew after an update.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge completions bash > ~/.local/share/bash-completion/completions/resurge
  resurge completions zsh > ~/.zfunc/_resurge
  resurge completions fish > ~/.config/fish/completions/resurge.fish")]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command, of which `root` is the definition.
pub(crate) fn run(arguments: &Arguments, mut root: clap::Command) -> Result<Verdict> {
    let name = root.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut root, name, &mut script);
    super::print(&String::from_utf8(script)?)?;
    Ok(Verdict::Holds)
}
