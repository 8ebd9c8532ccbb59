//! `resurge audit`: arguments, and the report on the terminal.

use super::options::{Destination, Threads};
use super::table::{Grid, fold, terminal_width};
use crate::Verdict;
use anyhow::{Result, bail};
use clap::Args;
use rayon::prelude::*;
use resurge::audit::{
    AuditFile, AuditOptions, AuditReport, AuditReports, FileError, Worst, audit, html_with_programs,
};
use resurge::counted;
use resurge::program::{CheckOptions, Claim, ProgramFile, ProgramReport, check};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Check gradients that another framework computed, and say which gradient they are
///
/// An audit file (docs/audit-format.md) holds a network, one run of it, and the gradients that a framework computed;
/// `resurge.save` in Python writes it for snnTorch, SpikingJelly, Norse, Sinabs and Spyx. The network is rebuilt, the
/// forward pass compared spike by spike, then every number of each gradient with what the file claims it to be, within
/// a running bound of its own rounding errors in the file's type. Where they are not the same, the gradient that it is
/// instead is searched for: with the reset's spike attached, detached or scaled, of another reset or surrogate,
/// truncated, shifted in time and more. The gradient of the rebuilt network is proved on the very input by finite
/// differences of its anchored program. A run that cannot tell the claim from another (of one step, without a spike)
/// is `undecided`.
///
/// A program file (docs/program-format.md) holds what any code computed, operation by operation, with the places where its
/// gradient is cut or replaced. Its values and gradients are compared and proved in the same way, each cut and each surrogate
/// is named with its source line, and a wrong vector-Jacobian product is located. `--claim` says what the gradient should be.
///
/// Exit status: 0 when all match, 1 when any does not, 2 when a file is unusable or the referee's own proof fails on it,
/// and on bad usage, 3 when none mismatches but any is undecided.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  resurge audit run.safetensors
  resurge audit run.safetensors --html report.html
  resurge audit runs/*.safetensors --json report.json")]
pub(crate) struct Arguments {
    /// The audit files and program files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Hold program files against a claim: full, detached, spatial-only, scaled:0.5, or places: net.py:7=detached
    #[arg(long, value_name = "CLAIM")]
    claim: Option<Claim>,
    /// Write the full report to this file, as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<Destination>,
    /// Write the full report to this file, as one HTML page with plots; - is standard output
    #[arg(long, value_name = "FILE")]
    html: Option<Destination>,
    #[command(flatten)]
    threads: Threads,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Verdict> {
    outputs_are_apart(arguments)?;
    let options = AuditOptions {
        profiles: arguments.json.is_some() || arguments.html.is_some(),
        ..AuditOptions::default()
    };
    let (programs, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        arguments.files.iter().partition(|path| ProgramFile::is_program_at(path));
    if let (Some(_), Some(first)) = (&arguments.claim, files.first()) {
        bail!("{} is an audit file, which has its own claim; --claim is for program files", first.display());
    }
    let work = || -> Vec<(String, Result<AuditReport, FileError>)> {
        let one = |path: &PathBuf| (path.display().to_string(), audit_file(path, &options));
        files.par_iter().map(|path| one(path)).collect()
    };
    let checks = CheckOptions { claim: arguments.claim.clone(), ..CheckOptions::default() };
    let programs: Vec<Program> =
        arguments.threads.install(|| programs.par_iter().map(|path| program(path, &checks)).collect())?;
    let reports = AuditReports::new(arguments.threads.install(work)?);
    if let Some(destination) = &arguments.json {
        let mut data = serde_json::to_value(&reports)?;
        if !programs.is_empty() {
            let each = programs.iter().map(|(file, found)| match found {
                Ok(report) => serde_json::json!({ "file": file, "program": report }),
                Err(error) => serde_json::json!({ "file": file, "error": error }),
            });
            data["programs"] = each.collect();
        }
        destination.write(&(serde_json::to_string_pretty(&data)? + "\n"))?;
    }
    if let Some(destination) = &arguments.html {
        destination.write(&html_with_programs(&reports, &programs)?)?;
    }
    say(arguments, &reports, &programs)?;
    let unusable = reports.unusable + programs.iter().filter(|(_, found)| found.is_err()).count();
    if unusable > 0 {
        bail!("{unusable} of {} cannot be audited", counted(arguments.files.len(), "file"));
    }
    let code = |code: &str| programs.iter().filter(|(_, r)| r.as_ref().is_ok_and(|r| r.code == code)).count();
    if code("unproved") > 0 {
        bail!(
            "the referee fails its own proof on {} of {}",
            code("unproved"),
            counted(programs.len(), "program")
        );
    }
    if reports.unproved > 0 {
        let all = counted(reports.files.len(), "file");
        bail!("the referee fails its own proof on {} of {all}", reports.unproved);
    }
    let right = code("proved") + code("trusted");
    let mismatched = reports.mismatched + programs.len() - right - code("undecided");
    Ok(match (mismatched, reports.undecided + code("undecided")) {
        (0, 0) => Verdict::Holds,
        (0, _) => Verdict::Undecided,
        _ => Verdict::Fails,
    })
}

/// A program file by its name, with what was found of it.
type Program = (String, Result<ProgramReport, String>);

/// Shows what was found, and where it was written; on standard output only where no report is there.
fn say(arguments: &Arguments, reports: &AuditReports, programs: &[Program]) -> Result<()> {
    let outputs: Vec<&Destination> = [&arguments.json, &arguments.html].into_iter().flatten().collect();
    let places: Vec<&Path> = outputs.iter().filter_map(|output| output.file()).collect();
    let places = super::places(&places);
    if outputs.contains(&&Destination::StandardOutput) {
        places.lines().for_each(super::say);
        return Ok(());
    }
    let width = terminal_width();
    let audits = if reports.files.is_empty() { String::new() } else { text(reports, width)? };
    let programs: String = programs.iter().map(|(file, found)| program_text(file, found, width)).collect();
    super::print(&(audits + &programs + &places))
}

/// A report must not take the place of an audit file, nor of the other report.
fn outputs_are_apart(arguments: &Arguments) -> Result<()> {
    // What is not there yet is in a folder that is.
    let place = |path: &Path| match path.canonicalize() {
        Ok(place) => place,
        Err(_) => {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            folder
                .canonicalize()
                .unwrap_or_else(|_| folder.to_owned())
                .join(path.file_name().unwrap_or_default())
        }
    };
    let mut taken: Vec<PathBuf> = arguments.files.iter().map(|file| place(file)).collect();
    let outputs: Vec<&Destination> = [&arguments.json, &arguments.html].into_iter().flatten().collect();
    if outputs == [&Destination::StandardOutput; 2] {
        bail!("--json and --html name the same place: name another for one of them");
    }
    for output in outputs.iter().filter_map(|output| output.file()) {
        let here = place(output);
        let device = std::fs::metadata(&here).is_ok_and(|m| !m.is_file());
        if taken.contains(&here) && !device {
            bail!("{} is an audit file or the other report; name another for this one", output.display());
        }
        taken.push(here);
    }
    Ok(())
}

fn audit_file(path: &Path, options: &AuditOptions) -> Result<AuditReport, FileError> {
    let file = AuditFile::open(path)?;
    audit(&file, options).map_err(|error| FileError { path: path.to_owned(), error })
}

fn program(path: &Path, options: &CheckOptions) -> Program {
    let found = ProgramFile::open(path).and_then(|file| check(&file, options));
    (path.display().to_string(), found.map_err(|error| format!("{}: {error}", path.display())))
}

fn program_text(file: &str, found: &Result<ProgramReport, String>, width: Option<usize>) -> String {
    let lines = match found {
        Ok(report) => format!("{file}: {report}"),
        Err(error) => format!("{error}\n"),
    };
    lines.lines().map(|line| fold(&printable(line), width) + "\n").collect()
}

/// Without the control characters that a name in a file may have: they could move a terminal's cursor, or forge a line.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The report on the terminal: a line a file where there are several, and details of one, or of what does not match.
fn text(reports: &AuditReports, width: Option<usize>) -> Result<String> {
    let mut out = String::new();
    let several = reports.files.len() > 1;
    if several {
        let mut table = Grid::new(1, ["File", "Framework", "Type", "Verdict", "Largest error", "Proof"]);
        for file in &reports.files {
            let row = match &file.audit {
                Some(audit) => {
                    let worst = audit.gradients.iter().map(|g| g.error).fold(0.0, f64::max);
                    let worst =
                        if audit.gradients.is_empty() { String::new() } else { format!("{worst:.1e}") };
                    let kind = format!("{:?}", audit.precision).to_lowercase();
                    [
                        printable(&file.file),
                        printable(&audit.framework),
                        kind,
                        audit.code.clone(),
                        worst,
                        proof(audit),
                    ]
                }
                None => [&*printable(&file.file), "", "", "unusable", "", ""].map(str::to_owned),
            };
            table.row(row);
        }
        writeln!(out, "{}", table.text(width, true))?;
    }
    for file in &reports.files {
        match (&file.audit, &file.error) {
            (Some(audit), _) if !several || !audit.matches => details(&mut out, &file.file, audit, width)?,
            (None, Some(error)) => {
                let words = format!("{}: {}", printable(&file.file), printable(error));
                writeln!(out, "{}", fold(&words, width))?;
            }
            _ => {}
        }
    }
    if several {
        writeln!(out, "\n{}", fold(&reports.summary(), width))?;
    }
    Ok(out)
}

fn proof(audit: &AuditReport) -> String {
    match &audit.proof {
        None => "none".into(),
        Some(proof) if proof.passed => "holds".into(),
        Some(_) => "FAILS".into(),
    }
}

/// The details of one report alone.
pub(crate) fn of_one(name: &str, audit: &AuditReport, width: Option<usize>) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = details(&mut out, name, audit, width);
    out
}

fn details(out: &mut String, name: &str, audit: &AuditReport, width: Option<usize>) -> Result<()> {
    if !out.is_empty() {
        writeln!(out)?;
    }
    // What is said above the table of gradients.
    let mut text = String::new();
    writeln!(text, "{}: {}\n  {}", printable(name), audit.code, audit.words)?;
    let kind = format!("{:?}", audit.precision).to_lowercase();
    let classes = match audit.classes.is_empty() {
        true => String::new(),
        false => format!("; {}", printable(&audit.classes.join(", "))),
    };
    writeln!(
        text,
        "  {}, {kind}, {}, {}{classes}",
        printable(&audit.framework),
        counted(audit.steps, "step"),
        counted(audit.batch, "sample")
    )?;
    for note in &audit.notes {
        writeln!(text, "  note: {}", printable(note))?;
    }
    for layer in &audit.forward.layers {
        let potentials = match layer.potentials_recorded {
            true => format!("potentials to {:.1e}", layer.potential_error),
            false => "potentials not recorded".into(),
        };
        let spikes = if layer.spikes_recorded { "spikes compared" } else { "spikes not recorded" };
        writeln!(
            text,
            "  layer {}: {spikes}, {potentials}, rate {:.3}, {} near the threshold, {} of them taken from the file",
            layer.layer, layer.firing_rate, layer.near_threshold, layer.taken_from_file
        )?;
    }
    out.push_str(&fold(&text, width));
    if !audit.gradients.is_empty() {
        let mut table = Grid::new(1, ["Gradient", "Norm", "Relative error", "Tolerance", ""]);
        for g in &audit.gradients {
            let verdict = match g.wrong {
                0 => String::new(),
                wrong => format!("{wrong} of {} differ", g.shape.iter().product::<usize>()),
            };
            let [error, tolerance] = g.shown();
            table.row([g.name.clone(), format!("{:.4e}", g.norm), error, tolerance, verdict]);
        }
        writeln!(out, "{}", table.text(width, true))?;
    }
    out.push_str(&fold(&below(audit)?, width));
    Ok(())
}

/// What is said below the table of gradients.
fn below(audit: &AuditReport) -> Result<String> {
    let mut text = String::new();
    for g in audit.gradients.iter().filter(|g| !g.matches) {
        for (what, worst) in [("row", &g.worst_row), ("entry", &g.worst_entry)] {
            let Some(Worst { index, error, tolerance, difference, allowed }) = worst else { continue };
            let off = match error.is_finite() && tolerance.is_finite() {
                true => format!("by {error:.1e} of its norm, where {tolerance:.1e} is allowed"),
                false => format!("by {difference:.1e}, where it should be zero but for {allowed:.1e}"),
            };
            writeln!(text, "  {}: farthest off is {what} {index:?}, {off}", g.name)?;
        }
    }
    if audit.explanations.len() > 1 && !audit.matches {
        let nearest = audit.explanations.iter().map(|e| format!("{} ({:.1e})", e.code, e.residual));
        writeln!(text, "  explanations by what they leave: {}", nearest.collect::<Vec<_>>().join(", "))?;
    }
    let Some(p) = &audit.proof else {
        writeln!(text, "  no proof: {}", audit.no_proof.as_deref().unwrap_or_default())?;
        return Ok(text);
    };
    let difference = p.finite_difference.map_or("inconclusive".into(), |error| format!("{error:.1e}"));
    writeln!(
        text,
        "  proof of the referee on {} of {}: {}; finite differences {difference}, complex step {:.1e}, \
         dual numbers {:.1e}, adjoint {:.1e}",
        counted(p.steps, "step"),
        counted(p.samples, "sample"),
        if p.passed { "holds" } else { "FAILS" },
        p.complex_step,
        p.dual,
        p.adjoint
    )?;
    if let Some(what) = p.not_tested() {
        writeln!(text, "  not tested by it: {}", printable(&what))?;
    }
    Ok(text)
}
