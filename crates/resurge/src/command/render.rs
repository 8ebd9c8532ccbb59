//! A verification as a table for a terminal and as Markdown.

use super::table::{Grid, fold, terminal_width};
use comfy_table::{Attribute, Cell, Color};
use resurge::counted;
use resurge::data::digits;
use resurge::gradcheck::{CELL_BARS, CaseReport, CellReport, CellVerdict, TOLERANCES};
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
    Column { heading: "gradient", show: |c| c.reset_grad.clone() },
    Column { heading: "surrogate", show: |c| c.surrogate.clone() },
    Column { heading: "fin. diff.", show: |c| scientific(c.errors.finite_difference) },
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
    for paragraph in notes(report, options) {
        text.push_str(&fold(&paragraph, width));
        text.push('\n');
    }
    text.push_str(&format!("Took {:.1} s.\n", elapsed.as_secs_f64()));
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

fn passed(holds: bool) -> Cell {
    match holds {
        true => Cell::new("pass").fg(Color::Green),
        false => Cell::new("FAIL").fg(Color::Red).add_attribute(Attribute::Bold),
    }
}

fn digits_table(cases: &[CaseReport]) -> Grid {
    let mut table = Grid::new(NAMES, COLUMNS.iter().map(|c| c.heading).chain(["verdict"]));
    for case in cases {
        table.row(COLUMNS.iter().map(|c| Cell::new((c.show)(case))).chain([passed(case.passed)]));
    }
    table
}

fn specimen_table(heading: &str, groups: &[Group<'_>]) -> Grid {
    let headings = [heading, "cases", "fin. diff.", "complex", "dual", "rtrl", "left out", "verdict"];
    let mut table = Grid::new(1, headings);
    for group in groups {
        let errors = group.cases.iter().map(|c| c.errors).reduce(|a, b| a.max(&b));
        let show = |error: Option<f64>| Cell::new(scientific(error.unwrap_or(f64::NAN)));
        let skipped: usize = group.cases.iter().map(|c| c.skipped.len()).sum();
        table.row([
            Cell::new(&group.name),
            Cell::new(group.cases.len()),
            show(errors.map(|e| e.finite_difference)),
            show(errors.map(|e| e.complex_step)),
            show(errors.map(|e| e.dual)),
            show(errors.map(|e| e.rtrl)),
            Cell::new(skipped),
            passed(group.cases.iter().all(|c| c.verdict == CellVerdict::Passed)),
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
        let row = format!("digits: {}, {}", case.reset, case.reset_grad);
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

fn notes(report: &Report, options: &VerifyOptions) -> Vec<String> {
    let mut notes = vec!["Errors are normalised by the gradient's norm.".to_owned()];
    if !report.cases.is_empty() {
        notes[0].push_str(
            " closed: of the closed recurrence; missing: |full - this gradient| / |full|; cosine: of this gradient to the \
             full one; rate: spikes per neuron and step.",
        );
        notes.push(
            "Gradients: full has the path of a spike through the reset, detached cuts it, scaled-A takes A times as much \
             of it, spatial-only has nothing through u[t-1]. Without a reset the first three are one."
                .to_owned(),
        );
    }
    notes.push(verdict(report));
    notes.extend(left_out(report));
    notes.push(proved(report, options));
    notes
}

fn verdict(report: &Report) -> String {
    let summary = &report.summary;
    let worst = &summary.max_error;
    let digits = !report.cases.is_empty();
    let differences = match digits {
        true => TOLERANCES.finite_difference,
        false => CELL_BARS.finite_difference,
    };
    let against: Vec<String> = [
        ("finite differences", worst.finite_difference, differences),
        ("complex step", worst.complex_step, TOLERANCES.complex_step),
        ("dual numbers", worst.dual, TOLERANCES.dual),
        ("closed recurrence", worst.closed_form, TOLERANCES.closed_form),
        ("forward sensitivities", worst.rtrl, CELL_BARS.rtrl),
    ]
    .into_iter()
    .filter_map(|(name, error, bar)| Some(format!("{name} {} (bar {bar:e})", scientific(error?))))
    .collect();
    let mut text = format!(
        "{} of {} {}. Largest errors: {}.",
        summary.passed,
        counted(summary.cases, "case"),
        if summary.cases == 1 { "holds" } else { "hold" },
        against.join(", ")
    );
    let vacuous = report.cases.iter().filter(|c| c.errors.closed_form.is_nan()).count()
        + specimens(report).filter(|s| s.verdict == CellVerdict::Vacuous).count();
    if vacuous > 0 {
        text.push_str(&format!(
            " In {} the gradient is zero, so that there is nothing to prove: take more steps or neurons.",
            counted(vacuous, "case")
        ));
    }
    let silent = report.cases.iter().filter(|c| c.firing_rate == 0.0).count()
        + specimens(report).filter(|s| s.firing_rate == 0.0).count();
    if silent > 0 {
        text.push_str(&format!(
            " In {} no neuron fires: the reset is not exercised there.",
            counted(silent, "case")
        ));
    }
    let inexact = report.cases.iter().filter(|c| !c.anchored_loss_exact).count()
        + specimens(report).filter(|s| !s.anchored_loss_exact).count();
    if inexact > 0 {
        text.push_str(&format!(
            " In {} the anchored program does not have the spiking loss to the bit.",
            counted(inexact, "case")
        ));
    }
    text
}

fn specimens(report: &Report) -> impl Iterator<Item = &CellReport> {
    report.cells.iter().chain(&report.conventions)
}

/// How many finite differences were not conclusive, and why.
fn left_out(report: &Report) -> Option<String> {
    // Where the gradient is zero, no difference can be conclusive, and `verdict` says so.
    let compared_cases = || report.cases.iter().filter(|c| !c.errors.closed_form.is_nan());
    let skipped: usize = compared_cases().map(|c| c.skipped).sum::<usize>()
        + specimens(report).map(|s| s.skipped.len()).sum::<usize>();
    let compared: usize = compared_cases().map(|c| c.directions).sum::<usize>()
        + specimens(report).map(|s| s.conclusive).sum::<usize>();
    (skipped > 0).then(|| {
        format!(
            "Finite differences left out {skipped} of {}: a kink of the surrogate is too near, or rounding \
             noise too large, for any step whose error is known to be small enough.",
            counted(skipped + compared, "direction")
        )
    })
}

/// What was proved, in words, and on which input.
fn proved(report: &Report, options: &VerifyOptions) -> String {
    let claim = if report.summary.failed == 0 {
        "Proved, to these errors: the tape's gradient is the derivative of a differentiable program whose loss is \
         that of the spiking network to the bit"
    } else {
        "NOT proved for every case: the tape's gradient should be the derivative of a differentiable program whose \
         loss is that of the spiking network to the bit"
    };
    let mut on = Vec::new();
    if let Some(case) = report.cases.first() {
        on.push(format!(
            "on {} (UCI optical digits, Bernoulli spikes, seed {}), {}-{}-{} LIF with traces, T = {}, \
             {} parameters",
            counted(options.batch, "handwritten digit"),
            options.seed,
            digits::PIXELS,
            options.hidden,
            digits::CLASSES,
            options.steps,
            case.parameters,
        ));
    }
    if specimens(report).next().is_some() {
        on.push(format!(
            "on {} with everything learnable, seeded Bernoulli input",
            counted(specimens(report).count(), "small network")
        ));
    }
    format!("{claim}; {}.", on.join("; "))
}

/// An error: "none" where nothing was conclusive, a dash where there is nothing to compare.
fn scientific(x: f64) -> String {
    match x {
        x if x.is_nan() => "-".into(),
        x if x.is_infinite() => "none".into(),
        x => format!("{x:.1e}"),
    }
}

fn decimal(x: f64) -> String {
    if x.is_nan() { "-".into() } else { format!("{x:.3}") }
}
