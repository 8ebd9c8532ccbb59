//! `resurge reference`: the page docs/commands.md, from the same definitions as `--help`.

use crate::Verdict;
use anyhow::Result;
use clap::{Arg, Args, Command};
use std::fmt::Write;
use std::path::PathBuf;

const INTRODUCTION: &str = "# Commands

<!-- Made by `cargo run -- reference docs/commands.md`; a test compares it with what that would write. -->

This page says what `--help` says of each command. `resurge man DIR` writes the same as manual pages, and
`resurge completions SHELL` prints completions for a shell. Every command takes `-h` for a summary, `--help` for all
of it, and `-V` for the version; status 2 is that of a command that could not be carried out. From a clone,
`cargo run --release --` stands for `resurge`.
";

/// Write the reference of all commands as Markdown
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command, of which `root` is the definition.
pub(crate) fn run(arguments: &Arguments, root: Command) -> Result<Verdict> {
    super::write_file(&arguments.file, markdown(root)?.as_bytes())?;
    super::print(&super::places(&[&arguments.file]))?;
    Ok(Verdict::Holds)
}

fn markdown(root: Command) -> Result<String> {
    let mut root = root.disable_help_subcommand(true);
    root.build();
    let mut page = String::from(INTRODUCTION);
    write_commands(&mut page, &root)?;
    Ok(page)
}

/// The commands under one that only groups them; of any other, nothing.
fn write_commands(page: &mut String, group: &Command) -> Result<()> {
    for command in group.get_subcommands().filter(|c| !c.is_hide_set()) {
        if !command.has_subcommands() {
            write_command(page, command)?;
        }
        write_commands(page, command)?;
    }
    Ok(())
}

fn write_command(page: &mut String, command: &Command) -> Result<()> {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    writeln!(page, "\n## {name}\n")?;
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        writeln!(page, "{}\n", escaped(&about.to_string()))?;
    }
    let usage = command.clone().render_usage().to_string();
    writeln!(page, "```text\n{}\n```", usage.trim_start_matches("Usage: "))?;
    if let Some(examples) = command.get_after_help().map(ToString::to_string) {
        writeln!(page, "\nExamples:\n\n```sh")?;
        for line in examples.lines().filter(|line| *line != "Examples:") {
            writeln!(page, "{}", line.trim_start())?;
        }
        writeln!(page, "```")?;
    }
    let shown = |arg: &&Arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str());
    let mut headings: Vec<&str> = Vec::new();
    for heading in command.get_arguments().filter(shown).map(heading) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for title in headings {
        writeln!(page, "\n{title}:\n")?;
        for arg in command.get_arguments().filter(shown).filter(|arg| heading(arg) == title) {
            write_argument(page, arg)?;
        }
    }
    Ok(())
}

fn heading(arg: &Arg) -> &str {
    arg.get_help_heading().unwrap_or(if arg.is_positional() { "Arguments" } else { "Options" })
}

fn write_argument(page: &mut String, arg: &Arg) -> Result<()> {
    // As in clap's help, but without the dots of "and so on", which are of a command line.
    write!(page, "- `{}`", arg.to_string().trim_end_matches("..."))?;
    if let Some(help) = arg.get_long_help().or(arg.get_help()) {
        write!(page, ": {}", escaped(&help.to_string()).replace("\n\n", "\n\n  "))?;
    }
    if arg.get_action().takes_values() {
        let values: Vec<String> = arg
            .get_possible_values()
            .iter()
            .filter(|v| !v.is_hide_set())
            .map(|v| code(v.get_name()))
            .collect();
        if !values.is_empty() {
            write!(page, ". One of {}", values.join(", "))?;
        }
        if !arg.get_default_values().is_empty() && !arg.is_hide_default_value_set() {
            let separator = arg.get_value_delimiter().unwrap_or(' ').to_string();
            let defaults: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
            write!(page, ". Default: {}", code(&defaults.join(&separator)))?;
        }
    }
    writeln!(page)?;
    Ok(())
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Help is plain text but for words in backquotes. Options become code, too, as Markdown may make a dash of `--`; what
/// else it would take for markup is escaped.
fn escaped(help: &str) -> String {
    let is_option = |c: char| c == '-' || c.is_ascii_lowercase();
    let mut text = String::with_capacity(help.len());
    let (mut rest, mut in_code) = (help, false);
    while let Some(character) = rest.chars().next() {
        let end = if !in_code && rest.starts_with("--") { rest.find(|c| !is_option(c)) } else { Some(0) };
        let (option, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        if !option.is_empty() {
            text.push_str(&code(option));
            continue;
        }
        in_code ^= character == '`';
        if !in_code && matches!(character, '*' | '_' | '<' | '[' | ']' | '\\') {
            text.push('\\');
        }
        text.push(character);
        rest = &rest[character.len_utf8()..];
    }
    text
}
