//! What a verification found, in words.

use super::render::scientific;
use resurge::counted;
use resurge::data::digits;
use resurge::gradcheck::{CELL_BARS, CellReport, TOLERANCES, Untested, Verdict};
use resurge::snn::Reset;
use resurge::verify::{Report, VerifyOptions};

/// The paragraphs below the tables; the last is the outcome.
pub(super) fn notes(report: &Report, options: &VerifyOptions) -> Vec<String> {
    let mut notes = vec!["Errors are normalised by the gradient's norm.".to_owned()];
    if !report.cases.is_empty() {
        notes[0].push_str(
            " closed: of the closed recurrence; missing: |full - this gradient| / |full|; cosine: of this gradient to the \
             full one; rate: spikes per neuron and step.",
        );
        notes.push(
            "Gradients: full has the path of a spike through the reset, detached cuts it, scaled:A takes A times as much \
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
    let errors = match against.is_empty() {
        true => "Nothing could be compared".to_owned(),
        false => format!("Largest errors: {}", against.join(", ")),
    };
    let mut text = format!(
        "{} of {} {}. {errors}.",
        summary.passed,
        counted(summary.cases, "case"),
        if summary.cases == 1 { "holds" } else { "hold" },
    );
    let untested = &summary.untested;
    // Of the others it is said already what was not tested.
    let named = |untested: Option<Untested>| matches!(untested, Some(Untested::Gradient | Untested::Reset));
    let silent = report.cases.iter().filter(|c| c.firing_rate == 0.0 && !named(c.untested)).count()
        + specimens(report).filter(|s| s.firing_rate == 0.0 && !named(s.verdict.untested())).count();
    let cases = |count: usize| format!(" In {}", counted(count, "case"));
    if summary.undecided > 0 {
        text.push_str(&format!(" {} undecided.", summary.undecided));
    }
    if untested.gradient > 0 {
        text.push_str(&cases(untested.gradient));
        text.push_str(
            " the gradient is zero, so that there is nothing to prove: take more steps or neurons.",
        );
    }
    if untested.reset > 0 {
        text.push_str(&cases(untested.reset));
        text.push_str(" no neuron fires before the last step: take more steps or neurons, or another seed.");
    }
    if untested.differences > 0 {
        text.push_str(&cases(untested.differences));
        text.push_str(
            " no finite difference is conclusive, though the other means agree: take another seed.",
        );
    }
    if silent > 0 {
        let others = if untested.gradient + untested.reset > 0 { " of the others" } else { "" };
        text.push_str(&format!("{}{others} no neuron fires at all.", cases(silent)));
    }
    let inexact = report.cases.iter().filter(|c| !c.anchored_loss_exact).count()
        + specimens(report).filter(|s| !s.anchored_loss_exact).count();
    if inexact > 0 {
        text.push_str(&format!(
            "{} the anchored program does not have the spiking loss to the bit.",
            cases(inexact)
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
            "Finite differences left out {skipped} of {}: a kink of the surrogate is too near, or rounding noise \
             too large, for any step whose error is known to be small enough.",
            counted(skipped + compared, "direction")
        )
    })
}

/// What was proved, in words, and on which input.
fn proved(report: &Report, options: &VerifyOptions) -> String {
    const PROVED: &str = "the tape's gradient is the derivative of a differentiable program whose loss is that of the spiking \
                          network to the bit";
    let summary = &report.summary;
    let claim = match summary.verdict {
        Verdict::Passed => format!("Proved, to these errors: {PROVED}"),
        Verdict::Failed => {
            format!(
                "NOT proved for every case: {}",
                PROVED.replace("gradient is the", "gradient should be the")
            )
        }
        Verdict::Undecided => {
            let counts = [
                (summary.untested.gradient, Untested::Gradient),
                (summary.untested.reset, Untested::Reset),
                (summary.untested.differences, Untested::Differences),
            ];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            let mut reasons: Vec<String> = counts.map(|(count, what)| format!("{what} ({count})")).collect();
            if !summary.reset_exercised && summary.untested.reset == 0 {
                reasons.push(unexercised(report));
            }
            let (undecided, reasons) = (summary.undecided, reasons.join("; "));
            let cases = counted(summary.cases, "case");
            let others = match summary.passed {
                0 => String::new(),
                passed => format!("; in the other {passed}, {PROVED}"),
            };
            format!("Undecided in {undecided} of {cases}, and nothing is wrong: {reasons}{others}")
        }
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
    let mut text = format!("{claim}; {}", on.join("; "));
    if !summary.reset_exercised && summary.verdict != Verdict::Undecided {
        text.push_str(&format!("; {}", unexercised(report)));
    }
    text + "."
}

/// That the reset was not exercised, and why.
fn unexercised(report: &Report) -> String {
    let without =
        report.cases.iter().all(|c| c.reset == Reset::NONE.name()) && specimens(report).all(|s| !s.has_reset);
    let silent =
        report.cases.iter().all(|c| c.firing_rate == 0.0) && specimens(report).all(|s| s.firing_rate == 0.0);
    let reasons = [(without, "no case has one"), (silent, "no neuron fires")];
    let reasons: Vec<&str> = reasons.iter().filter(|(holds, _)| *holds).map(|(_, why)| *why).collect();
    let colon = if reasons.is_empty() { "" } else { ": " };
    format!("the reset was not exercised{colon}{}", reasons.join(", and "))
}
