//! A verification as a table for a terminal and as Markdown.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, presets};
use resurge::data::digits;
use resurge::gradcheck::{CaseErrors, CaseReport, TOLERANCES, VerifyReport};
use resurge::verify::VerifyOptions;
use std::time::Duration;

/// Below this many columns, the terminal gets a table with fewer.
const WIDE: u16 = 104;

/// One column: its heading, and what it shows of a case.
struct Column {
    heading: &'static str,
    show: fn(&CaseReport) -> String,
}

const NAMES: [Column; 3] = [
    Column { heading: "reset", show: |c| c.reset.clone() },
    Column { heading: "gradient", show: |c| c.reset_grad.clone() },
    Column { heading: "surrogate", show: |c| c.surrogate.clone() },
];
const FINITE: Column = Column { heading: "fin. diff.", show: |c| scientific(c.errors.finite_difference) };
const COMPLEX: Column = Column { heading: "complex", show: |c| scientific(c.errors.complex_step) };
const DUAL: Column = Column { heading: "dual", show: |c| scientific(c.errors.dual) };
const CLOSED: Column = Column { heading: "closed", show: |c| scientific(c.errors.closed_form) };
const MISSING: Column =
    Column { heading: "missing", show: |c| format!("{:.3}", c.missing_term.relative_norm) };
const COSINE: Column = Column { heading: "cosine", show: |c| format!("{:.3}", c.missing_term.cosine) };
const RATE: Column = Column { heading: "rate", show: |c| format!("{:.3}", c.firing_rate) };

fn columns(width: Option<u16>) -> Vec<&'static Column> {
    let mut columns: Vec<&Column> = NAMES.iter().collect();
    if width.is_none_or(|w| w >= WIDE) {
        columns.extend([&FINITE, &COMPLEX, &DUAL, &CLOSED, &MISSING, &COSINE, &RATE]);
    } else {
        columns.extend([&FINITE, &DUAL, &CLOSED, &MISSING]);
    }
    columns
}

/// The table for a terminal, or for a file when `for_terminal` is false: then without colour, at full width.
pub(super) fn table(
    report: &VerifyReport,
    options: &VerifyOptions,
    elapsed: Duration,
    for_terminal: bool,
) -> String {
    let mut table = Table::new();
    let plain = !for_terminal || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let width = if for_terminal { table.width() } else { None };
    if plain {
        table.force_no_tty();
    }
    fill(&mut table, report, &columns(width));
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    format!(
        "{table}\n{}\n{}\n{}\nTook {:.1} s.\n",
        legend(),
        verdict(report),
        proved(report, options),
        elapsed.as_secs_f64()
    )
}

/// A Markdown document.
pub(super) fn markdown(report: &VerifyReport, options: &VerifyOptions) -> String {
    let mut table = Table::new();
    table.force_no_tty();
    fill(&mut table, report, &columns(None));
    table.load_style(presets::ASCII_MARKDOWN);
    format!(
        "# resurge verify\n\n{table}\n\n{}\n\n{}\n\n{}\n",
        legend(),
        verdict(report),
        proved(report, options)
    )
}

fn fill(table: &mut Table, report: &VerifyReport, columns: &[&Column]) {
    let bold = |text: &str| Cell::new(text).add_attribute(Attribute::Bold);
    table.set_header(columns.iter().map(|c| bold(c.heading)).chain([bold("verdict")]));
    for case in &report.cases {
        let verdict = match case.passed {
            true => Cell::new("pass").fg(Color::Green),
            false => Cell::new("FAIL").fg(Color::Red).add_attribute(Attribute::Bold),
        };
        table.add_row(columns.iter().map(|c| Cell::new((c.show)(case))).chain([verdict]));
    }
    for column in table.column_iter_mut().skip(NAMES.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn legend() -> String {
    "Errors are normalised by the gradient's norm. missing: |full - this gradient| / |full|; cosine: of this \
     gradient to the full one; rate: spikes per neuron and step."
        .into()
}

fn verdict(report: &VerifyReport) -> String {
    let summary = &report.summary;
    let errors = |e: &CaseErrors| [e.finite_difference, e.complex_step, e.dual, e.closed_form];
    let bars =
        [TOLERANCES.finite_difference, TOLERANCES.complex_step, TOLERANCES.dual, TOLERANCES.closed_form];
    let names = ["finite differences", "complex step", "dual numbers", "closed recurrence"];
    let against: Vec<String> = (0..4)
        .map(|i| format!("{} {} (bar {:e})", names[i], scientific(errors(&summary.max_error)[i]), bars[i]))
        .collect();
    let skipped: usize = report.cases.iter().map(|c| c.skipped).sum();
    let directions: usize = report.cases.iter().map(|c| c.directions).sum();
    let mut text = format!(
        "{} of {} cases hold. Largest errors: {}.",
        summary.passed,
        summary.cases,
        against.join(", ")
    );
    if skipped > 0 {
        text.push_str(&format!(
            " Finite differences: {skipped} of {} directions left out, a kink of the surrogate being too near.",
            skipped + directions
        ));
    }
    let silent = report.cases.iter().filter(|c| c.errors.closed_form.is_nan()).count();
    if silent > 0 {
        text.push_str(&format!(
            " In {silent} cases the gradient is zero, so that there is nothing to prove: take more steps or neurons."
        ));
    }
    text
}

/// What was proved, in words, and on which input.
fn proved(report: &VerifyReport, options: &VerifyOptions) -> String {
    let parameters = report.cases.first().map_or(0, |c| c.parameters);
    let claim = if report.summary.failed == 0 {
        "Proved, to these errors: the tape's gradient is the derivative of a differentiable program whose loss is \
         that of the spiking network to the bit"
    } else {
        "NOT proved for every case: the tape's gradient should be the derivative of a differentiable program whose \
         loss is that of the spiking network to the bit"
    };
    let digits = if options.batch == 1 { "digit" } else { "digits" };
    format!(
        "{claim}; on {} handwritten {digits} (UCI optical digits, Bernoulli spikes, seed {}), \
         {}-{}-{} LIF with traces, T = {}, {parameters} parameters.",
        options.batch,
        options.seed,
        digits::PIXELS,
        options.hidden,
        digits::CLASSES,
        options.steps,
    )
}

fn scientific(x: f64) -> String {
    if x.is_finite() { format!("{x:.1e}") } else { "-".into() }
}
