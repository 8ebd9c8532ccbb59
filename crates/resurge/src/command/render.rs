//! A verification as a table for a terminal and as Markdown.

use super::outcome::notes;
use super::table::{Grid, fold, terminal_width};
use comfy_table::{Attribute, Cell, Color};
use resurge::gradcheck::{CaseReport, CellErrors, CellReport, CellVerdict, Untested, Verdict};
use resurge::plot::HeatMap;
use resurge::verify::{Report, VerifyOptions};
use std::collections::BTreeMap;
use std::time::Duration;

/// One column: its heading, and what it shows of a case.
struct Column {
    heading: &'static str,
    show: fn(&CaseReport) -> String,
}

/// The columns of a case: what names it, then what was found.
const COLUMNS: [Column; 10] = [
    Column { heading: "reset", show: |c| c.reset.clone() },
    Column { heading: "gradient", show: |c| c.reset_gradient.clone() },
    Column { heading: "surrogate", show: |c| c.surrogate.clone() },
    Column { heading: "fin. diff.", show: difference },
    Column { heading: "complex", show: |c| scientific(c.errors.complex_step) },
    Column { heading: "dual", show: |c| scientific(c.errors.dual) },
    Column { heading: "closed", show: |c| scientific(c.errors.closed_form) },
    Column { heading: "missing", show: |c| decimal(c.missing_term.relative_norm) },
    Column { heading: "cosine", show: |c| decimal(c.missing_term.cosine) },
    Column { heading: "rate", show: |c| decimal(c.firing_rate) },
];

/// How many of them name a case.
const NAMES: usize = 3;

/// Cases that share a row of a shortened table.
struct Group<'a> {
    name: String,
    cases: Vec<&'a CellReport>,
}

/// Beyond this many specimens, those of one model and reset share a row.
const LONG: usize = 120;

/// The table for a terminal, or for a file when `for_terminal` is false: then without colour, at full width.
pub(super) fn table(
    report: &Report,
    options: &VerifyOptions,
    elapsed: Duration,
    for_terminal: bool,
) -> String {
    let plain = !for_terminal || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let width = if for_terminal { terminal_width() } else { None };
    let mut text = String::new();
    for table in tables(report) {
        text.push_str(&table.text(width, plain));
        text.push('\n');
    }
    let took = format!("Took {:.1} s.", elapsed.as_secs_f64());
    // The outcome comes last.
    let mut paragraphs = notes(report, options);
    paragraphs.insert(paragraphs.len() - 1, took);
    for paragraph in paragraphs {
        text.push_str(&fold(&paragraph, width));
        text.push('\n');
    }
    text
}

/// A Markdown document.
pub(super) fn markdown(report: &Report, options: &VerifyOptions) -> String {
    let mut text = String::from("# resurge verify\n");
    for table in tables(report) {
        text.push_str(&format!("\n{}\n", table.markdown()));
    }
    for paragraph in notes(report, options) {
        text.push_str(&format!("\n{paragraph}\n"));
    }
    text
}

fn tables(report: &Report) -> Vec<Grid> {
    let mut tables = Vec::new();
    if !report.cases.is_empty() {
        tables.push(digits_table(&report.cases));
    }
    for (heading, specimens) in [("cell", &report.cells), ("convention", &report.conventions)] {
        if !specimens.is_empty() {
            tables.push(specimen_table(heading, &groups(specimens)));
        }
    }
    tables
}

fn shown(verdict: Verdict) -> Cell {
    match verdict {
        Verdict::Passed => Cell::new("pass").fg(Color::Green),
        Verdict::Failed => Cell::new("FAIL").fg(Color::Red).add_attribute(Attribute::Bold),
        Verdict::Undecided => Cell::new("undecided").fg(Color::Yellow),
    }
}

/// The worst of some verdicts of specimens.
fn worst(verdicts: impl Iterator<Item = CellVerdict> + Clone) -> Verdict {
    let mut all = verdicts.clone();
    match (all.any(|v| v == CellVerdict::Failed), verdicts.clone().any(|v| v.untested().is_some())) {
        (true, _) => Verdict::Failed,
        (false, true) => Verdict::Undecided,
        (false, false) => Verdict::Passed,
    }
}

fn digits_table(cases: &[CaseReport]) -> Grid {
    let mut table = Grid::new(NAMES, COLUMNS.iter().map(|c| c.heading).chain(["verdict"]));
    for case in cases {
        table.row(COLUMNS.iter().map(|c| Cell::new((c.show)(case))).chain([shown(case.verdict)]));
    }
    table
}

fn specimen_table(heading: &str, groups: &[Group<'_>]) -> Grid {
    let headings = [heading, "cases", "fin. diff.", "complex", "dual", "rtrl", "left out", "verdict"];
    let mut table = Grid::new(1, headings);
    for group in groups {
        // What is not compared has no error: nothing of a gradient that is zero, no difference where none decides.
        let compared = || group.cases.iter().filter(|c| c.verdict != CellVerdict::Vacuous);
        let largest = |of: &mut dyn Iterator<Item = CellErrors>| of.reduce(|a, b| a.max(&b));
        let errors = largest(&mut compared().map(|c| c.errors));
        let decided =
            largest(&mut compared().filter(|c| c.verdict != CellVerdict::Inconclusive).map(|c| c.errors));
        let difference = decided.map_or(errors.map(|_| f64::INFINITY), |e| Some(e.finite_difference));
        let show = |error: Option<f64>| Cell::new(scientific(error.unwrap_or(f64::NAN)));
        let skipped: usize = group.cases.iter().map(|c| c.skipped.len()).sum();
        table.row([
            Cell::new(&group.name),
            Cell::new(group.cases.len()),
            show(difference),
            show(errors.map(|e| e.complex_step)),
            show(errors.map(|e| e.dual)),
            show(errors.map(|e| e.rtrl)),
            Cell::new(skipped),
            shown(worst(group.cases.iter().map(|c| c.verdict))),
        ]);
    }
    table
}

/// One row a specimen, or, for many, one row a model and reset.
fn groups(specimens: &[CellReport]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for specimen in specimens {
        let parts: Vec<&str> = specimen.name.split('/').collect();
        let name = match parts[..] {
            [model, reset, ..] if specimens.len() > LONG => format!("{model}/{reset}"),
            _ => specimen.name.clone(),
        };
        match groups.last_mut() {
            Some(group) if group.name == name => group.cases.push(specimen),
            _ => groups.push(Group { name, cases: vec![specimen] }),
        }
    }
    groups
}

/// The finite-difference errors of everything: a row a combination or a model and reset, a column a surrogate.
pub(super) fn heat_map(report: &Report) -> HeatMap {
    let mut rows: Vec<(String, BTreeMap<String, f64>)> = Vec::new();
    let mut put = |row: String, column: String, error: f64| {
        let at = match rows.iter().position(|(name, _)| *name == row) {
            Some(at) => at,
            None => {
                rows.push((row, BTreeMap::new()));
                rows.len() - 1
            }
        };
        let value = rows[at].1.entry(column).or_insert(0.0);
        *value = if error.is_nan() { error } else { value.max(error) };
    };
    for case in &report.cases {
        let row = format!("digits: {}, {}", case.reset, case.reset_gradient);
        put(row, case.surrogate.clone(), case.errors.finite_difference);
    }
    for specimen in report.cells.iter().chain(&report.conventions) {
        let parts: Vec<&str> = specimen.name.split('/').collect();
        let (row, column) = match parts[..] {
            [model, reset, _, surrogate] => (format!("{model}, {reset}"), surrogate.to_owned()),
            _ => (specimen.name.clone(), "its own".to_owned()),
        };
        put(row, column, specimen.errors.finite_difference);
    }
    let mut columns: Vec<String> = Vec::new();
    for (_, values) in &rows {
        for column in values.keys().filter(|c| !columns.contains(c)).cloned().collect::<Vec<_>>() {
            columns.push(column);
        }
    }
    let line = |values: &BTreeMap<String, f64>| {
        columns.iter().map(|c| values.get(c).copied().unwrap_or(f64::NAN)).collect()
    };
    let values = rows.iter().map(|(_, values)| line(values)).collect();
    HeatMap { rows: rows.into_iter().map(|(name, _)| name).collect(), columns, values }
}

/// The error of a case against finite differences: a dash, as for the other means, where the gradient is zero.
fn difference(case: &CaseReport) -> String {
    scientific(if case.untested == Some(Untested::Gradient) {
        f64::NAN
    } else {
        case.errors.finite_difference
    })
}

/// An error: "none" where nothing was conclusive, a dash where there is nothing to compare.
pub(super) fn scientific(x: f64) -> String {
    match x {
        x if x.is_nan() => "-".into(),
        x if x.is_infinite() => "none".into(),
        x => format!("{x:.1e}"),
    }
}

fn decimal(x: f64) -> String {
    if x.is_nan() { "-".into() } else { format!("{x:.3}") }
}
