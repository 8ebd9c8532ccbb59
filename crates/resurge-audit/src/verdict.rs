//! The verdict about gradients whose forward pass is the described one.

use super::compare::{Comparison, Expected, norm, scaled, units};
use super::digits::four_digits;
use super::error::Result;
use super::file::AuditFile;
use super::report::{AuditReport, GradientReport, UNDECIDED};
use super::rules;
use super::run::{NetworkRun, Rule};
use super::search::{self, Explanation};
use resurge_snn::{ResetGradient, ResetKind};
use resurge_tensor::Bounded;

/// Explanations that a report keeps.
const KEPT: usize = 6;

/// A bound of so many of the smallest normal number is of numbers that underflow.
const UNDERFLOWS: f64 = 1e3;

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
    (report.code, report.words) = told(&report.explanations, &claims(file), &weight, untried);
    Ok(())
}

/// Code and words of gradients that are not the claimed ones, by the explanations, the best first; of others, `untried`
/// could not be measured.
fn told(explanations: &[Explanation], claims: &[String], weight: &str, untried: usize) -> (String, String) {
    let best = explanations.first();
    let (code, mut words) = match best {
        Some(best) if best.explains => {
            let (claims, residual) = (claims.join(", "), best.residual);
            let words =
                format!("{}, where the claim is {claims}; {weight}, residual {residual:.1e}", best.words);
            (best.code.clone(), words)
        }
        nearest => {
            let nearest = nearest.map(|nearest| {
                let (code, residual) = (&nearest.code, nearest.residual);
                format!("; the nearest explanation is `{code}`, with a residual of {residual:.2e}")
            });
            let words = format!("the gradients are not those of the claim; {weight}");
            ("unknown".to_owned(), words + &nearest.unwrap_or_default())
        }
    };
    // Where only places are named, or not even these, one of those may say what is there.
    if untried > 0 && best.is_none_or(|best| !best.explains || best.is_of_places()) {
        words +=
            &format!("; {untried} were not tried, as they take longer than a file of this size is given");
    }
    (code, words)
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
    let spiking = |k: usize| file.layers[k].constants.as_ref().is_some_and(|c| c.spiking);
    let layers = report.forward.layers.iter().filter(|layer| spiking(layer.layer));
    let rates: Vec<_> = layers.map(|layer| (layer.layer, layer.firing_rate)).collect();
    report.words += &besides(&report.gradients, &rates);
    let reason = untold(&report.gradients, file.precision.smallest(), &rates).or_else(|| {
        match &report.indistinguishable[..] {
            [] => None,
            others => Some(format!("this input cannot tell them from {}", others.join(", "))),
        }
    });
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

/// What rounding may be as large as, of a gradient that is there.
fn drowned(g: &GradientReport) -> bool {
    g.norm > 0.0 && g.tolerance >= 1.0
}

/// Why nothing is told by gradients that agree: by themselves, whose type has no numbers below `smallest`, or by the
/// spiking layers, each with its firing rate.
fn untold(gradients: &[GradientReport], smallest: f64, rates: &[(usize, f64)]) -> Option<String> {
    if gradients.iter().all(|g| g.norm == 0.0) {
        return Some("all of them vanish, so that nothing was compared".to_owned());
    }
    let drowned: Vec<&GradientReport> = gradients.iter().filter(|g| drowned(g)).collect();
    if !drowned.is_empty() {
        let names = drowned.iter().map(|g| g.name.as_str()).collect::<Vec<_>>().join(", ");
        // A number that underflows loses all of its digits.
        let remedy = match drowned.iter().any(|g| g.allowed < UNDERFLOWS * smallest) {
            true => format!(
                " (its numbers are about as small as {smallest:.0e}, below which digits are lost: multiply the loss by a \
                 constant, and record again)"
            ),
            false => String::new(),
        };
        return Some(format!(
            "rounding may be as large as the gradient of {names}{remedy}, so that nothing was compared there"
        ));
    }
    if rates.is_empty() {
        return Some("no layer spikes, so that there is no reset whose gradient could be told".to_owned());
    }
    let silent = rates.iter().all(|(_, rate)| *rate == 0.0);
    silent.then(|| "no neuron fires, so that no reset was exercised".to_owned())
}

/// What does not make a verdict undecided, but is said with it: some of the gradients vanish, some of the layers are silent.
fn besides(gradients: &[GradientReport], rates: &[(usize, f64)]) -> String {
    let mut words = String::new();
    let vanishing: Vec<&str> = gradients.iter().filter(|g| g.norm == 0.0).map(|g| g.name.as_str()).collect();
    if !vanishing.is_empty() && vanishing.len() < gradients.len() {
        words += &format!("; {} vanish, as they should", vanishing.join(", "));
    }
    let silent: Vec<String> =
        rates.iter().filter(|(_, rate)| *rate == 0.0).map(|(layer, _)| layer.to_string()).collect();
    if !silent.is_empty() && silent.len() < rates.len() {
        words += &format!("; layer {} never fires, so that its reset was not exercised", silent.join(", "));
    }
    words
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

#[cfg(test)]
mod tests;
