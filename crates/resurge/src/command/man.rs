//! `resurge man`: manual pages.

use crate::Verdict;
use anyhow::{Context, Result};
use clap::Args;
use clap_mangen::Man;
use resurge::write_atomically;
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
    std::fs::create_dir_all(out)
        .with_context(|| format!("cannot make the directory {}: name a writable place", out.display()))?;
    let mut root = root.disable_help_subcommand(true);
    root.build();
    write(&root, out)?;
    Ok(Verdict::Holds)
}

fn write(command: &clap::Command, out: &Path) -> Result<()> {
    let man =
        Man::new(command.clone()).manual("Resurge").source(concat!("resurge ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render(&mut page)?;
    let path = out.join(man.get_filename());
    write_atomically(&path, &page)
        .with_context(|| format!("cannot write {}: name a writable directory", path.display()))?;
    command.get_subcommands().filter(|c| !c.is_hide_set()).try_for_each(|c| write(c, out))
}
