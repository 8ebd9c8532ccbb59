//! The verdict about gradients whose forward pass is the described one.

use super::compare::{Comparison, Expected, norm, scaled, units};
use super::digits::four_digits;
use super::error::Result;
use super::file::AuditFile;
use super::report::{AuditReport, GradientReport, UNDECIDED};
use super::rules;
use super::run::{NetworkRun, Rule};
use super::search;
use resurge_snn::{ResetGradient, ResetKind};
use resurge_tensor::Bounded;

/// Explanations that a report keeps.
const KEPT: usize = 6;

/// Compares the gradients with the claim, and says which they are where they are not those.
pub(super) fn reach(run: &NetworkRun<'_, Bounded>, search: bool, report: &mut AuditReport) -> Result<()> {
    let file = run.file;
    let claimed = run.expected(&Rule::default())?;
    let comparison = Comparison::new(file, &claimed);
    let each = file.gradients.iter().zip(&claimed).zip(&comparison.tensors);
    report.gradients = each
        .map(|((recorded, claimed), compared)| GradientReport {
            name: recorded.name.clone(),
            shape: recorded.value.shape().to_vec(),
            norm: norm(&claimed.values),
            error: compared.error,
            tolerance: compared.tolerance,
            difference: compared.absolute.0,
            allowed: compared.absolute.1,
            wrong: compared.wrong.len(),
            worst_row: compared.worst_row.clone(),
            worst_entry: compared.worst_entry.clone(),
            matches: compared.agrees(),
        })
        .collect();
    let parameters = file.gradients.iter().filter(|g| g.name.starts_with("layers."));
    report.parameters = parameters.map(|g| g.value.len()).sum();
    report.relative_weight = weight(file, &claimed);
    if comparison.agrees() {
        return agreed(run, report);
    }
    let mut untried = 0;
    if search {
        (report.explanations, untried) = search::search(run, &claimed)?;
    }
    report.explanations.truncate(KEPT);
    let weight = match report.relative_weight.is_finite() {
        true => format!("relative weight {}", four_digits(report.relative_weight)),
        false => "the claimed ones are all zero".to_owned(),
    };
    let best = report.explanations.first();
    match best {
        Some(best) if best.explains => {
            report.code.clone_from(&best.code);
            report.words = format!(
                "{}, where the claim is {}; {weight}, residual {:.1e}",
                best.words,
                claims(file).join(", "),
                best.residual
            );
        }
        nearest => {
            report.code = "unknown".into();
            report.words = format!("the gradients are not those of the claim; {weight}");
            if let Some(nearest) = nearest {
                let (code, residual) = (&nearest.code, nearest.residual);
                report.words +=
                    &format!("; the nearest explanation is `{code}`, with a residual of {residual:.2e}");
            }
        }
    }
    // Where only places are named, or not even these, one of those may say what is there.
    if untried > 0 && best.is_none_or(|best| !best.explains || best.is_of_places()) {
        report.words +=
            &format!("; {untried} were not tried, as they take longer than a file of this size is given");
    }
    Ok(())
}

/// The norm of what the claimed gradient has and the file's has not, over that of the claimed one; infinite where that
/// is zero.
fn weight(file: &AuditFile, claimed: &[Expected]) -> f64 {
    let units = units(&file.gradients, claimed);
    let recorded: Vec<Vec<f64>> = file.gradients.iter().map(|g| g.value.to_vec()).collect();
    let claimed: Vec<Vec<f64>> = claimed.iter().map(|g| g.values.clone()).collect();
    let (ours, theirs) = (scaled(&units, &claimed), scaled(&units, &recorded));
    let difference: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
    match norm(&ours) {
        0.0 => f64::INFINITY,
        all => norm(&difference) / all,
    }
}

/// The gradients are those of the claim: which is a verdict if they can be told from those of another.
fn agreed(run: &NetworkRun<'_, Bounded>, report: &mut AuditReport) -> Result<()> {
    let file = run.file;
    report.indistinguishable = others_that_match(run)?;
    report.words = format!("the gradients are those of the claim: {}", claims(file).join(", "));
    let named = |what: fn(&GradientReport) -> bool| -> Vec<&str> {
        report.gradients.iter().filter(|g| what(g)).map(|g| g.name.as_str()).collect()
    };
    let vanishing = named(|g| g.norm == 0.0);
    let drowned = named(|g| g.norm > 0.0 && g.tolerance >= 1.0);
    let spiking = |k: usize| file.layers[k].constants.as_ref().is_some_and(|c| c.spiking);
    let layers: Vec<_> = report.forward.layers.iter().filter(|layer| spiking(layer.layer)).collect();
    let silent: Vec<String> =
        layers.iter().filter(|layer| layer.firing_rate == 0.0).map(|layer| layer.layer.to_string()).collect();
    let reason = if vanishing.len() == report.gradients.len() {
        Some("all of them vanish, so that nothing was compared".to_owned())
    } else if !drowned.is_empty() {
        let names = drowned.join(", ");
        // A number that underflows loses all of its digits.
        let smallest = file.precision.smallest();
        let underflows =
            report.gradients.iter().any(|g| g.norm > 0.0 && g.tolerance >= 1.0 && g.allowed < 1e3 * smallest);
        let remedy = match underflows {
            true => format!(
                " (its numbers are about as small as {smallest:.0e}, below which digits are lost: multiply the loss by a \
                 constant, and record again)"
            ),
            false => String::new(),
        };
        Some(format!(
            "rounding may be as large as the gradient of {names}{remedy}, so that nothing was compared there"
        ))
    } else if layers.is_empty() {
        Some("no layer spikes, so that there is no reset whose gradient could be told".to_owned())
    } else if silent.len() == layers.len() {
        Some("no neuron fires, so that no reset was exercised".to_owned())
    } else if !report.indistinguishable.is_empty() {
        let others = report.indistinguishable.join(", ");
        Some(format!("this input cannot tell them from {others}"))
    } else {
        None
    };
    let mut words = String::new();
    if !vanishing.is_empty() && vanishing.len() < report.gradients.len() {
        words += &format!("; {} vanish, as they should", vanishing.join(", "));
    }
    if !silent.is_empty() && silent.len() < layers.len() {
        words += &format!("; layer {} never fires, so that its reset was not exercised", silent.join(", "));
    }
    report.words += &words;
    match reason {
        None => report.matches = true,
        Some(reason) => {
            report.words += &format!("; {reason}");
            report.code = UNDECIDED.into();
            report.undecided = Some(reason);
        }
    }
    Ok(())
}

/// The distinct claims about the reset's gradient.
fn claims(file: &AuditFile) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for c in file.layers.iter().filter_map(|layer| layer.constants.as_ref()).filter(|c| c.spiking) {
        let name = match c.cell.reset_gradient {
            ResetGradient::Full => "full".into(),
            ResetGradient::Detached => "detached".into(),
            ResetGradient::SpatialOnly => "spatial-only".into(),
            ResetGradient::Scaled(alpha) => format!("scaled {}", four_digits(alpha)),
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    if found.is_empty() {
        found.push("no spiking layer".into());
    }
    found
}

/// Gradients of the reset that are not claimed, and match as well. Without a reset, all that let the potential through
/// are one.
fn others_that_match(run: &NetworkRun<'_, Bounded>) -> Result<Vec<String>> {
    let file = run.file;
    let mut found = Vec::new();
    for (code, _, other) in rules::reset_gradients() {
        let is_another = |c: &super::cell::Constants| {
            let through = |of: ResetGradient| of != ResetGradient::SpatialOnly;
            through(c.cell.reset_gradient) != through(other)
                || (c.cell.reset.kind != ResetKind::None && c.cell.reset_gradient.alpha() != other.alpha())
        };
        let mut neurons = file.layers.iter().filter_map(|layer| layer.constants.as_ref());
        if !neurons.any(|c| c.spiking && is_another(c)) {
            continue;
        }
        let rule = Rule { reset_gradient: Some(other), ..Rule::default() };
        if Comparison::new(file, &run.expected(&rule)?).agrees() {
            found.push(code.to_owned());
        }
    }
    Ok(found)
}
