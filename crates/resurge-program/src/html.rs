//! The report as a part of an HTML page.

use crate::report::{CutFact, ProgramReport, SurrogateFact};
use resurge_report::page::{class, escape, figure};
use resurge_report::plot::{Axes, Kind, Line, PlotError};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The most layers that are drawn, and the most cuts in each; the tables have them all.
const PANELS: usize = 24;
const CUTS: usize = 4;

/// The report as a section of a page, with the source lines of all that is named, and with pictures.
///
/// # Errors
/// [`PlotError`] where a plot cannot be drawn.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, check, html};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let section = html(&check(&file, &CheckOptions::default())?)?;
/// assert!(section.contains("<svg") && section.contains("detach"), "{section}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn html(report: &ProgramReport) -> Result<String, PlotError> {
    let mut page = format!(
        "<p class=\"{}\"><strong>{}</strong>: {}.</p>\n<p>{}, {} operations. {} values agree; {} decisions taken again, \
         {} of them decided by rounding.</p>\n",
        class(report.matches),
        escape(&report.code),
        escape(&report.words),
        escape(&report.framework),
        report.nodes,
        report.forward.compared,
        report.forward.decisions,
        report.forward.near
    );
    for note in &report.notes {
        let _ = writeln!(page, "<p>Note: {}</p>", escape(note));
    }
    gradients(&mut page, report);
    proof(&mut page, report);
    if !report.cuts.is_empty() {
        page += "<h3>Where the gradient is cut</h3>\n<p>What each place leaves out of the gradient with it attached.</p>\n";
        let rows = report.cuts.iter().map(|cut| {
            let omitted = format!("{:.3} %", 100.0 * cut.omitted);
            [
                text(&cut.kind),
                text(&cut.place),
                text(&cut.role),
                number(cut.times.to_string()),
                number(omitted),
                number(format!("{:.4}", cut.cosine)),
            ]
        });
        table(&mut page, ["How", "Place", "What it cuts", "Times", "Omits", "Cosine"], rows);
    }
    if !report.surrogates.is_empty() {
        page += "<h3>Surrogates</h3>\n";
        let rows = report.surrogates.iter().map(|s| {
            let nearest = || {
                let near = s.nearest.as_ref();
                near.map_or("without any slope".into(), |(name, left)| {
                    format!("near {name}, which leaves {left:.1e}")
                })
            };
            [
                text(&s.function),
                text(&s.place),
                number(s.times.to_string()),
                text(&s.family.clone().unwrap_or_else(nearest)),
                text(s.flow.as_deref().unwrap_or_default()),
            ]
        });
        table(&mut page, ["Function", "Place", "Times", "Family", "Its adjoint, back through time"], rows);
    }
    others(&mut page, report);
    pictures(&mut page, report)?;
    sources(&mut page, report);
    Ok(page)
}

/// A cell of text.
fn text(words: &str) -> String {
    format!("<td>{}</td>", escape(words))
}

/// A cell of a number.
fn number(digits: String) -> String {
    format!("<td class=\"n\">{digits}</td>")
}

fn table<const N: usize>(page: &mut String, heads: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    let _ = writeln!(page, "<table><tr>{heads}</tr>");
    for row in rows {
        let _ = writeln!(page, "<tr>{}</tr>", row.concat());
    }
    page.push_str("</table>\n");
}

fn gradients(page: &mut String, report: &ProgramReport) {
    page.push_str("<h3>Gradients</h3>\n");
    let rows = report.gradients.iter().map(|g| {
        let error = match (g.recorded, g.wrong) {
            (false, 0) => "not there, and zero".into(),
            _ => format!("{:.1e}", g.error),
        };
        [
            format!("<td><code>{}</code></td>", escape(&g.name)),
            text(&format!("{:?}", g.shape)),
            number(format!("{:.4e}", g.norm)),
            format!("<td class=\"n {}\">{error}</td>", class(g.wrong == 0)),
            number(format!("{:.1e}", g.tolerance)),
            number(g.wrong.to_string()),
        ]
    });
    let heads = ["Parameter", "Shape", "Norm", "Relative error", "Tolerance", "Wrong numbers"];
    table(page, heads, rows);
}

fn proof(page: &mut String, report: &ProgramReport) {
    let Some(proof) = &report.proof else {
        let why = report.no_proof.as_deref().unwrap_or_default();
        let _ = writeln!(page, "<p>No proof: {}.</p>", escape(why));
        return;
    };
    let difference = proof.finite_difference.map_or("inconclusive".into(), |error| format!("{error:.1e}"));
    let _ = writeln!(
        page,
        "<p class=\"{}\">The program's gradient on this input: finite differences of the anchored program {difference} in \
         {} directions, complex step {:.1e}, dual numbers {:.1e}.</p>",
        class(proof.passed),
        proof.directions,
        proof.complex_step,
        proof.dual
    );
}

/// What is said in sentences.
fn others(page: &mut String, report: &ProgramReport) {
    let faults = report.faults.iter().map(|fault| (true, format!("Fault: {fault}")));
    let found = report.explanations.iter().map(|e| {
        let how = if e.explains { "It is".to_owned() } else { format!("Leaving {:.1e}, it is", e.residual) };
        (false, format!("{how} {}", e.words))
    });
    let trusted = report.trusted.iter().map(|t| {
        (false, format!("Taken at its word: {} at {}, {} times: {}", t.function, t.place, t.times, t.why))
    });
    let missing = report.missing.iter().map(|m| (false, format!("{} has no gradient: {}", m.name, m.why)));
    let reset = report.reset_gradient.iter().map(|rule| (false, format!("The reset's gradient: {rule}")));
    for (bad, words) in reset.chain(faults).chain(found).chain(trusted).chain(missing) {
        let class = if bad { " class=\"bad\"" } else { "" };
        let _ = writeln!(page, "<p{class}>{}.</p>", escape(&words));
    }
}

/// The norm of the adjoint by step, as it is and with each cut attached; and what resets leave out by lag.
fn pictures(page: &mut String, report: &ProgramReport) -> Result<(), PlotError> {
    let layers = report.surrogates.iter().enumerate();
    let steps: Vec<Axes> = layers.filter_map(|(number, s)| by_step(report, number, s)).take(PANELS).collect();
    let lags: Vec<Axes> = by_lag(&report.cuts).into_iter().collect();
    let rows: Vec<Vec<Axes>> = steps.chunks(3).chain(lags.chunks(1)).map(<[Axes]>::to_vec).collect();
    if rows.is_empty() {
        return Ok(());
    }
    page.push_str("<h3>The adjoint over time, with each cut</h3>\n");
    page.push_str(&figure(&rows)?);
    Ok(())
}

fn named(cut: &CutFact) -> String {
    let place = cut.place.split(' ').next().unwrap_or_default();
    format!("{} {place} attached", cut.kind)
}

fn axes(title: String, x: &str, y: &str, y_kind: Kind, lines: Vec<Line>) -> Option<Axes> {
    let (x, y, x_kind) = (x.to_owned(), y.to_owned(), Kind::Whole);
    let drawn = !lines.is_empty();
    drawn.then_some(Axes { title, note: String::new(), x, y, x_kind, y_kind, level: None, lines })
}

fn by_step(report: &ProgramReport, number: usize, surrogate: &SurrogateFact) -> Option<Axes> {
    let own = Line::series("as it is", 0, &surrogate.adjoints, 1.0)?;
    let attached = report.cuts.iter().filter_map(|cut| Some((cut, cut.adjoints.get(number)?)));
    let changed = attached.filter(|(_, adjoints)| **adjoints != surrogate.adjoints).take(CUTS);
    let cuts = changed.enumerate().filter_map(|(k, (cut, a))| Line::series(&named(cut), k + 1, a, 1.0));
    let title = surrogate.place.split(' ').next().unwrap_or_default();
    let lines = std::iter::once(own).chain(cuts).collect();
    axes(format!("{} at {title}", surrogate.function), "step", "norm of the adjoint", Kind::Log, lines)
}

fn by_lag(cuts: &[CutFact]) -> Option<Axes> {
    let series = cuts.iter().filter(|cut| !cut.by_lag.is_empty()).take(CUTS).enumerate();
    let lines = series.filter_map(|(k, cut)| Line::series(&named(cut), k + 1, &cut.by_lag, 100.0)).collect();
    axes("left out by each cut, by lag".into(), "lag", "% of the attached gradient", Kind::Linear, lines)
}

/// The lines of source of all places that are named.
fn sources(page: &mut String, report: &ProgramReport) {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for (place, frames) in &report.lines {
        for frame in frames.iter().filter(|frame| !frame.source.is_empty()) {
            if seen.insert((place.clone(), frame.to_string())) {
                rows.push([
                    text(place),
                    text(&format!("{frame}, in {}", frame.function)),
                    format!("<td><code>{}</code></td>", escape(&frame.source)),
                ]);
            }
        }
    }
    if !rows.is_empty() {
        page.push_str("<h3>Lines</h3>\n");
        table(page, ["Place", "Line", "Source"], rows.into_iter());
    }
}
