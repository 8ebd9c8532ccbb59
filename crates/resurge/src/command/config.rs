//! `resurge config`: the settings of a training, in full.

use super::options::Destination;
use super::table::{fold, terminal_width};
use super::training::{base_settings, overridden, presets};
use crate::Verdict;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Print the settings of a preset in full, as TOML to change and to give to --config
///
/// Every setting is there with its value, those of the preset's file and the defaults alike. `resurge train`, `compare` and
/// `diagnose` take the file with --config; docs/configuration.md says what each setting is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge config --preset mnist
  resurge config --preset mnist --toml mine.toml
  resurge config --config mine.toml --set batch=50 --set gain=2")]
pub(crate) struct Arguments {
    /// The preset
    #[arg(long, value_name = "NAME", required_unless_present = "config", value_parser = presets())]
    preset: Option<String>,
    /// A file of settings of your own instead of a preset, of which what is left out is filled in
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    config: Option<PathBuf>,
    /// Override a setting, the value in TOML (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Write the settings to this file instead of standard output
    #[arg(long, alias = "out", value_name = "FILE")]
    toml: Option<Destination>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    let (base, name) = base_settings("", arguments.preset.as_deref(), arguments.config.as_deref())?;
    let head = format!("Settings of {name}{}", overridden(&arguments.set));
    // A comment ends where its line does.
    let head: String = head.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = format!("# {head}\n{}", base.with(&arguments.set)?.to_toml()?);
    match &arguments.toml {
        Some(file) => {
            file.write(&text)?;
            super::print(&super::places(&file.file().into_iter().collect::<Vec<_>>()))?;
        }
        None => super::print(&broken(&text, terminal_width()))?,
    }
    Ok(Verdict::Holds)
}

/// The same settings with lines that fit: a list of which each item has its own, and a comment that goes on.
fn broken(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let line = |line: &str| {
        if line.chars().count() <= width {
            return format!("{line}\n");
        }
        if let Some(comment) = line.strip_prefix("# ") {
            let folded = fold(comment, Some(width.saturating_sub(2)));
            return folded.lines().map(|line| format!("# {line}\n")).collect();
        }
        match line.parse::<toml::Table>().ok().and_then(|table| table.into_iter().next()) {
            Some((key, toml::Value::Array(items))) => {
                let items: String = items.iter().map(|item| format!("    {item},\n")).collect();
                format!("{key} = [\n{items}]\n")
            }
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}
