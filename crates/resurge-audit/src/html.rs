//! The report as one HTML page without external resources.

use super::profile::{LagProfile, StepProfile};
use super::report::{AuditReport, AuditReports, FileReport};
use resurge_program::ProgramReport;
use resurge_report::counted;
use resurge_report::page::{class, escape, figure, page};
use resurge_report::plot::{Axes, Kind, Line, PlotError};
use std::fmt::Write;

/// The most layers that are drawn, from the first on; the JSON report has them all.
const PANELS: usize = 24;

/// The report as a page.
///
/// # Errors
/// [`PlotError`] where a plot cannot be drawn.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, AuditReports, audit, html};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions::default())?;
/// let page = html(&AuditReports::new(vec![("run.safetensors".into(), Ok(report))]))?;
/// assert!(page.contains("0 matched, 1 mismatched") && page.contains("<svg"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn html(reports: &AuditReports) -> Result<String, PlotError> {
    html_with_programs(reports, &[])
}

/// The report as a page, with those of program files by their names: what was found, or why nothing was.
///
/// # Errors
/// [`PlotError`] where a plot cannot be drawn.
///
/// ```
/// use resurge_audit::{AuditReports, html_with_programs};
/// use resurge_program::{CheckOptions, ProgramFile, check};
///
/// let file = ProgramFile::open("../resurge-program/samples/leaky.safetensors".as_ref())?;
/// let report = check(&file, &CheckOptions::default())?;
/// let page = html_with_programs(&AuditReports::new(vec![]), &[("leaky".into(), Ok(report))])?;
/// assert!(page.contains("1 of 1 program right") && page.contains("<svg"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn html_with_programs(
    reports: &AuditReports,
    programs: &[(String, Result<ProgramReport, String>)],
) -> Result<String, PlotError> {
    let mut body = format!("<p>{}.</p>\n", summary(reports, programs));
    body += "<table><tr><th>File</th><th>Framework</th><th>Verdict</th></tr>\n";
    let audits = reports.files.iter().map(|file| match (&file.audit, &file.error) {
        (Some(audit), _) => {
            (&*file.file, audit.framework.as_str(), audit.code.as_str(), class(audit.matches))
        }
        (None, error) => (&*file.file, "", error.as_deref().unwrap_or_default(), "bad"),
    });
    let others = programs.iter().map(|(name, found)| match found {
        Ok(report) => (&**name, report.framework.as_str(), report.code.as_str(), class(report.matches)),
        Err(error) => (&**name, "", error.as_str(), "bad"),
    });
    for (number, (name, framework, verdict, class)) in audits.chain(others).enumerate() {
        let (name, framework, verdict) = (escape(name), escape(framework), escape(verdict));
        let _ = writeln!(
            body,
            "<tr><td><a href=\"#f{number}\">{name}</a></td><td>{framework}</td><td class=\"{class}\">{verdict}</td></tr>"
        );
    }
    body += "</table>\n";
    for (number, file) in reports.files.iter().enumerate() {
        section(&mut body, number, file)?;
    }
    for (number, (name, found)) in programs.iter().enumerate() {
        let number = reports.files.len() + number;
        let _ = writeln!(body, "<h2 id=\"f{number}\">{}</h2>", escape(name));
        match found {
            Ok(report) => body += &resurge_program::html(report)?,
            Err(error) => {
                let _ = writeln!(body, "<p class=\"bad\">Unusable: {}</p>", escape(error));
            }
        }
    }
    Ok(page("Resurge audit", &body))
}

fn summary(reports: &AuditReports, programs: &[(String, Result<ProgramReport, String>)]) -> String {
    let right = programs.iter().filter(|(_, found)| found.as_ref().is_ok_and(|r| r.matches)).count();
    let of_programs = format!("{right} of {} right", counted(programs.len(), "program"));
    match (programs.is_empty(), reports.files.is_empty()) {
        (true, _) => reports.summary(),
        (false, true) => of_programs,
        (false, false) => format!("{}; {of_programs}", reports.summary()),
    }
}

fn section(page: &mut String, number: usize, file: &FileReport) -> Result<(), PlotError> {
    let _ = writeln!(page, "<h2 id=\"f{number}\">{}</h2>", escape(&file.file));
    let Some(audit) = &file.audit else {
        let error = escape(file.error.as_deref().unwrap_or_default());
        let _ = writeln!(page, "<p class=\"bad\">Unusable: {error}</p>");
        return Ok(());
    };
    let _ = writeln!(
        page,
        "<p class=\"{}\"><strong>{}</strong>: {}.</p>\n<p>{}, {:?}, {} steps, {} samples. {}</p>",
        class(audit.matches),
        escape(&audit.code),
        escape(&audit.words),
        escape(&audit.framework),
        audit.precision,
        audit.steps,
        audit.batch,
        escape(&audit.classes.join(", "))
    );
    for note in &audit.notes {
        let _ = writeln!(page, "<p>Note: {}</p>", escape(note));
    }
    forward(page, audit);
    if !audit.gradients.is_empty() {
        let _ = writeln!(
            page,
            "<h3>Gradients against the claim</h3>\n<p>Each number may be off by the running bound of its own rounding \
             errors in {:?}; the tolerance is the norm of these bounds.</p>",
            audit.precision
        );
        page.push_str(
            "<table><tr><th>Tensor</th><th>Shape</th><th>Norm</th><th>Relative error</th><th>Tolerance</th>\
             <th>Wrong numbers</th></tr>\n",
        );
        for g in &audit.gradients {
            let [error, tolerance] = g.shown();
            let _ = writeln!(
                page,
                "<tr><td><code>{}</code></td><td>{:?}</td><td class=\"n\">{:.4e}</td><td class=\"n {}\">{error}</td>\
                 <td class=\"n\">{tolerance}</td><td class=\"n\">{}</td></tr>",
                escape(&g.name),
                g.shape,
                g.norm,
                class(g.matches),
                g.wrong
            );
        }
        page.push_str("</table>\n");
    }
    if !audit.explanations.is_empty() {
        page.push_str("<h3>Explanations</h3>\n<table><tr><th>Code</th><th>Residual</th><th></th></tr>\n");
        for e in &audit.explanations {
            let _ = writeln!(
                page,
                "<tr><td><code>{}</code></td><td class=\"n {}\">{:.2e}</td><td>{}</td></tr>",
                escape(&e.code),
                class(e.explains),
                e.residual,
                escape(&e.words)
            );
        }
        page.push_str("</table>\n");
    }
    proof(page, audit);
    plots(page, audit)
}

fn forward(page: &mut String, audit: &AuditReport) {
    page.push_str(
        "<h3>Forward pass</h3>\n<table><tr><th>Layer</th><th>Spikes per neuron and step</th>\
         <th>Largest error of a potential</th><th>Near threshold</th><th>Spikes taken from the file</th></tr>\n",
    );
    for layer in &audit.forward.layers {
        let error = match layer.potentials_recorded {
            true => format!("{:.1e}", layer.potential_error),
            false => "not recorded".into(),
        };
        let taken =
            if layer.spikes_recorded { layer.taken_from_file.to_string() } else { "not recorded".into() };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"n\">{:.3}</td><td class=\"n\">{error}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{taken}</td></tr>",
            layer.layer, layer.firing_rate, layer.near_threshold
        );
    }
    let _ = writeln!(
        page,
        "</table>\n<p class=\"{}\">Loss: {} in the file, {} rebuilt.</p>",
        class(audit.forward.loss_agrees),
        audit.forward.recorded_loss,
        audit.forward.computed_loss
    );
}

fn proof(page: &mut String, audit: &AuditReport) {
    let Some(proof) = &audit.proof else {
        let why = audit.no_proof.as_deref().unwrap_or_default();
        let _ = writeln!(page, "<p>No proof of the referee: {}.</p>", escape(why));
        return;
    };
    let difference = proof.finite_difference.map_or("inconclusive".into(), |error| format!("{error:.1e}"));
    let not_tested = proof.not_tested().map(|what| format!(" Not tested: {}.", escape(&what)));
    let _ = writeln!(
        page,
        "<h3>Proof of the referee on this input</h3>\n<p class=\"{}\">On {} steps of {} samples, error of the rebuilt \
         network's gradient against finite differences of its anchored program: {difference}; complex step: {:.1e}; \
         dual numbers: {:.1e}; the audit's adjoint against the tape: {:.1e}.{}</p>",
        class(proof.passed),
        proof.steps,
        proof.samples,
        proof.complex_step,
        proof.dual,
        proof.adjoint,
        not_tested.unwrap_or_default()
    );
}

/// The panels that are drawn. At most three a row stay readable.
fn rows(audit: &AuditReport) -> Vec<Vec<Axes>> {
    let steps: Vec<Axes> = audit.by_step.iter().filter_map(step_axes).take(PANELS).collect();
    let lags: Vec<Axes> = audit.by_lag.iter().filter_map(lag_axes).take(PANELS).collect();
    steps.chunks(3).chain(lags.chunks(3)).map(<[Axes]>::to_vec).collect()
}

fn plots(page: &mut String, audit: &AuditReport) -> Result<(), PlotError> {
    let rows = rows(audit);
    if !rows.is_empty() {
        page.push_str("<h3>By layer and step, and by time lag</h3>\n");
        if audit.by_step.len() > PANELS {
            let _ = writeln!(page, "<p>The first {PANELS} of {} layers.</p>", audit.by_step.len());
        }
        page.push_str(&figure(&rows)?);
    }
    Ok(())
}

/// A line in units of the largest of `unit`, since gradients may have any size.
fn line(name: &str, color: usize, values: &[f64], unit: &[f64]) -> Option<Line> {
    let largest = unit.iter().copied().fold(0.0, f64::max);
    Line::series(name, color, values, if largest > 0.0 { 1.0 / largest } else { 1.0 })
}

fn axes(title: String, x: &str, lines: Vec<Option<Line>>) -> Option<Axes> {
    let lines: Vec<Line> = lines.into_iter().flatten().collect();
    let drawn = !lines.is_empty();
    let (x, y) = (x.to_owned(), "norm, of the largest".to_owned());
    let (x_kind, y_kind) = (Kind::Whole, Kind::Linear);
    drawn.then_some(Axes { title, note: String::new(), x, y, x_kind, y_kind, level: None, lines })
}

fn step_axes(profile: &StepProfile) -> Option<Axes> {
    let (name, color) =
        if profile.recorded { ("error of the file", 1) } else { ("diagnosed less claimed", 4) };
    let lines = vec![
        line("claimed", 0, &profile.claimed, &profile.claimed),
        line(name, color, &profile.difference, &profile.claimed),
    ];
    axes(format!("layer {}: gradient by step", profile.layer), "step", lines)
}

fn lag_axes(profile: &LagProfile) -> Option<Axes> {
    let lines = vec![
        line("full", 2, &profile.full, &profile.full),
        line("reset term", 3, &profile.reset_term, &profile.full),
    ];
    axes(format!("layer {}: by steps back from the output", profile.layer), "lag", lines)
}

#[cfg(test)]
mod tests;
