//! `resurge man`: manual pages.

use crate::Verdict;
use anyhow::Result;
use clap::Args;
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Write manual pages of this command and all its subcommands into a directory
///
/// One page a command: resurge.1, resurge-verify.1 and so on. `man` finds them in a directory man1 of its path.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge man ~/.local/share/man/man1
  resurge man pages && man pages/resurge-verify.1")]
pub(crate) struct Arguments {
    /// The directory to write into; made if there is none
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Runs the command, of which `root` is the definition.
pub(crate) fn run(arguments: &Arguments, root: clap::Command) -> Result<Verdict> {
    let out = &arguments.directory;
    super::make_directory(out)?;
    let mut root = root.disable_help_subcommand(true);
    root.build();
    write(&root, out)?;
    super::print(&super::places(&[out]))?;
    Ok(Verdict::Holds)
}

fn write(command: &clap::Command, out: &Path) -> Result<()> {
    let man =
        Man::new(command.clone()).manual("Resurge").source(concat!("resurge ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render(&mut page)?;
    super::write_into(out, &man.get_filename(), &page)?;
    command.get_subcommands().filter(|c| !c.is_hide_set()).try_for_each(|c| write(c, out))
}
