//! Which gradient is it, if not the claimed one?

use super::adjoint::Cuts;
use super::compare::{Comparison, compare, dot, norm, relative, scaled};
use super::cost;
use super::description::{Output, Reset, ResetGradient, ResetKind, Timing};
use super::digits::four_digits;
use super::error::Result;
use super::file::AuditFile;
use super::fit::fit;
use super::run::{NetworkRun, Rule, SurrogateChange, SurrogateShape};
use crate::snn::SurrogateScale;
use rayon::prelude::*;
use serde::Serialize;

/// An explanation of the file's gradients.
///
/// ```
/// use resurge::audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("tests/audit/damaged/scaled-f32.safetensors".as_ref())?;
/// let best = &audit(&file, &AuditOptions::default())?.explanations[0];
/// assert!(best.code == "scaled 0.25" && best.explains && best.residual < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The code, as on the format page.
    pub code: String,
    /// In words.
    pub words: String,
    /// What it leaves unexplained: the root mean square of the relative errors of all tensors.
    pub residual: f64,
    /// Whether every tensor is within the tolerance of it.
    pub explains: bool,
    #[serde(skip)]
    pub(super) rule: Option<Rule>,
}

/// An explanation before it is measured.
struct Candidate {
    code: String,
    words: String,
    rule: Rule,
}

fn candidate(code: impl Into<String>, words: impl Into<String>, rule: Rule) -> Candidate {
    Candidate { code: code.into(), words: words.into(), rule }
}

/// Backward passes for which a fit is worth its start: a few steps.
const A_FIT: usize = 30;

/// Passes that are kept for the three fits, the longest of which has 25 starts.
const FITS: usize = 3 * (25 + 2 * A_FIT);

/// All explanations, the preferred first among those that explain everything, then by residual; and how many were not
/// tried, since they would take longer than a file of its size is given.
pub(super) fn search(run: &NetworkRun<'_>, claimed: &[Vec<f64>]) -> Result<(Vec<Explanation>, usize)> {
    let file = run.file;
    let tolerance = file.precision.tolerance();
    let mut found: Vec<Explanation> = single_tensor(file, claimed);
    found.extend(whole_gradient(file, claimed));
    let passes = cost::passes(file);
    let mut candidates = plain_rules(file);
    let mut others = time_shifts(file);
    others.extend(other_surrogates(file));
    others.extend(other_resets(file));
    let room = passes.saturating_sub(candidates.len() + others.len());
    let (truncated, mut untried) = truncations(file, room);
    candidates.extend(truncated);
    candidates.extend(others);
    untried += candidates.len().saturating_sub(passes);
    candidates.truncate(passes);
    for some in candidates.chunks(cost::at_once(file)) {
        let measured = some.par_iter().map(|c| {
            let gradients = run.recorded(&run.gradients(&c.rule)?);
            Ok(explained(c, &compare(file, &gradients), tolerance))
        });
        found.extend(measured.collect::<Result<Vec<_>>>()?);
    }
    if !found.iter().any(|e| e.explains) {
        untried += fitted(run, tolerance, passes.saturating_sub(candidates.len()), &mut found)?;
    }
    // Under a shape of another kind, numbers may overflow.
    found.retain(|e| e.residual.is_finite());
    // The sort is stable: of several that explain everything, the order above decides.
    found.sort_by(|a, b| {
        b.explains.cmp(&a.explains).then_with(|| match a.explains {
            true => std::cmp::Ordering::Equal,
            false => a.residual.total_cmp(&b.residual),
        })
    });
    Ok((found, untried))
}

fn explained(c: &Candidate, comparison: &Comparison, tolerance: f64) -> Explanation {
    Explanation {
        code: c.code.clone(),
        words: c.words.clone(),
        residual: comparison.residual,
        explains: comparison.within(tolerance),
        rule: Some(c.rule),
    }
}

/// Right but for one tensor.
fn single_tensor(file: &AuditFile, claimed: &[Vec<f64>]) -> Vec<Explanation> {
    let tolerance = file.precision.tolerance();
    let errors = compare(file, claimed).errors;
    let wrong: Vec<usize> = (0..errors.len()).filter(|&i| errors[i] > tolerance).collect();
    let &[at] = &wrong[..] else { return Vec::new() };
    let (recorded, right) = (&file.gradients[at], &claimed[at]);
    let (name, value) = (&recorded.name, recorded.value.as_slice());
    let mut found = Vec::new();
    let mut offer = |code: String, words: String, expected: &[f64]| {
        let error = relative(value, expected, 0.0);
        found.push(Explanation { code, words, residual: error, explains: error <= tolerance, rule: None });
    };
    offer(
        format!("zeroed {name}"),
        format!("the gradient of {name} is zero; all others are right"),
        &vec![0.0; right.len()],
    );
    if let (&[rows, cols], true) = (&recorded.value.shape()[..], right.len() > 1) {
        // Read as [in, out]: of a square matrix its transpose, of another the same numbers in the other order.
        let transposed: Vec<f64> = (0..rows * cols).map(|i| right[i % rows * cols + i / rows]).collect();
        let words = format!("the gradient of {name} is transposed; all others are right");
        offer(format!("transposed {name}"), words, &transposed);
    }
    // Any single number is a multiple of another: that alone explains nothing, but a sign does.
    let negative: Vec<f64> = right.iter().map(|g| -g).collect();
    if errors.len() > 1 {
        let words = format!("the gradient of {name} has the wrong sign; all others are right");
        offer(format!("sign {name}"), words, &negative);
    }
    if errors.len() > 1 && right.len() > 1 {
        let factor = dot(value, right) / dot(right, right).max(f64::MIN_POSITIVE);
        let multiple: Vec<f64> = right.iter().map(|g| factor * g).collect();
        let c = four_digits(factor);
        let words = format!("the gradient of {name} is {c} times the right one; all others are right");
        offer(format!("parameter-scale {name} {c}"), words, &multiple);
    }
    found
}

/// A multiple of the right gradient.
fn whole_gradient(file: &AuditFile, claimed: &[Vec<f64>]) -> Vec<Explanation> {
    let tolerance = file.precision.tolerance();
    let batch = file.extent().1 as f64;
    let mut found = Vec::new();
    let mut offer = |code: String, words: String, factor: f64| {
        let multiple: Vec<Vec<f64>> =
            claimed.iter().map(|g| g.iter().map(|g| factor * g).collect()).collect();
        let c = compare(file, &multiple);
        let explains = c.within(tolerance);
        found.push(Explanation { code, words, residual: c.residual, explains, rule: None });
    };
    if batch > 1.0 {
        let words =
            format!("the gradient is {batch} times the right one: summed over the batch, not averaged");
        offer("batch-sum".into(), words, batch);
        let words = format!("the gradient is 1/{batch} of the right one: averaged over the batch once more");
        offer("batch-mean".into(), words, 1.0 / batch);
    }
    let recorded: Vec<Vec<f64>> = file.gradients.iter().map(|g| g.value.to_vec()).collect();
    let (recorded, right) = (scaled(file, &recorded), scaled(file, claimed));
    let factor = dot(&recorded, &right) / dot(&right, &right).max(f64::MIN_POSITIVE);
    // One number alone is a multiple of any other.
    if factor != 0.0 && recorded.len() > 1 && norm(&recorded) > 0.0 {
        let c = four_digits(factor);
        let words = format!("all gradients are {c} times the right ones");
        offer(format!("gradient-scale {c}"), words, factor);
    }
    found
}

pub(super) fn reset_gradients() -> [(&'static str, &'static str, ResetGradient); 3] {
    [
        ("full", "the full gradient: the reset term is in it", ResetGradient::Full),
        ("detached", "the detached gradient: the reset term is missing", ResetGradient::Detached),
        (
            "spatial-only",
            "the spatial gradient only: nothing flows through the previous potential",
            ResetGradient::SpatialOnly,
        ),
    ]
}

fn plain_rules(file: &AuditFile) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = reset_gradients()
        .into_iter()
        .map(|(code, words, reset_gradient)| {
            let rule = Rule { reset_gradient: Some(reset_gradient), ..Rule::default() };
            candidate(code, format!("this is {words}"), rule)
        })
        .collect();
    let has = |what: fn(&super::cell::Constants) -> bool| {
        file.layers.iter().filter_map(|layer| layer.constants.as_ref()).any(what)
    };
    let none = Cuts::default();
    let cuts = [
        ("decay", "the decayed potential", true, Cuts { decay: true, ..none }),
        ("synapse", "the synapse", has(|c| c.synapse.is_some()), Cuts { synapse: true, ..none }),
        (
            "trace",
            "the trace",
            has(|c| c.trace_decay > 0.0 && c.output == Output::Trace),
            Cuts { trace: true, ..none },
        ),
        ("adaptation", "the adaptation", has(|c| c.adaptation.is_some()), Cuts { adaptation: true, ..none }),
    ];
    for (name, what, there, cuts) in cuts {
        if there {
            let words = format!("nothing flows through time in {what}");
            found.push(candidate(format!("detached-{name}"), words, Rule { cuts, ..Rule::default() }));
        }
    }
    found
}

/// The usual truncations, and that in the middle.
fn is_usual(k: usize, steps: usize) -> bool {
    let usual = [1, 2, 3, 4, 5, 8, 10, 15, 16, 20, 25, 30, 32, 40, 50, 64, 100, 128, 200, 256, 500];
    usual.contains(&k) || 2 * k == steps
}

/// Truncations by their length, as many as `room` allows: the usual ones, then those for which the fits leave room. And how
/// many there are besides.
fn truncations(file: &AuditFile, room: usize) -> (Vec<Candidate>, usize) {
    let (steps, _) = file.extent();
    let all = steps - 1;
    let usual = (1..steps).filter(|&k| is_usual(k, steps)).count();
    let others = room.saturating_sub(usual + FITS);
    let chosen = (1..steps).scan((0, 0), |(usual, other), k| {
        let (count, most) = if is_usual(k, steps) { (usual, room) } else { (other, others) };
        *count += 1;
        Some((*count <= most).then_some(k))
    });
    let found: Vec<Candidate> = chosen
        .flatten()
        .map(|k| {
            let words = format!(
                "the gradient is truncated: states are detached before every step {k}, {}, ...",
                2 * k
            );
            candidate(format!("truncated {k}"), words, Rule { truncated: k, ..Rule::default() })
        })
        .collect();
    let untried = all - found.len();
    (found, untried)
}

fn time_shifts(file: &AuditFile) -> Vec<Candidate> {
    let steps = file.extent().0;
    let shifts = 1..steps.min(4);
    shifts
        .map(|k| {
            let words = format!("weights' gradients pair the error of step t with the input of step t - {k}");
            candidate(format!("time-shift {k}"), words, Rule { shift: k, ..Rule::default() })
        })
        .collect()
}

fn other_surrogates(file: &AuditFile) -> Vec<Candidate> {
    let claimed: Vec<_> = file
        .layers
        .iter()
        .filter_map(|layer| layer.constants.as_ref())
        .filter(|c| c.spiking)
        .map(|c| c.surrogate)
        .collect();
    let mut found = Vec::new();
    let straight = claimed.iter().any(|s| s.name() == "straight-through");
    for (name, words, scale) in [
        ("unit-area", "of an integral of 1", SurrogateScale::UnitArea),
        ("peak-one", "of a value of 1 at the threshold", SurrogateScale::PeakOne),
    ] {
        if claimed.is_empty() || (straight && scale == SurrogateScale::UnitArea) {
            continue;
        }
        let rule = Rule { surrogate: SurrogateChange::Scale(scale), ..Rule::default() };
        found.push(candidate(
            format!("surrogate-{name}"),
            format!("the surrogate is scaled to one {words}"),
            rule,
        ));
    }
    for shape in SurrogateShape::ALL {
        let kind = shape.name;
        if claimed.is_empty() || claimed.iter().all(|s| s.name() == kind) {
            continue;
        }
        let rule = Rule { surrogate: SurrogateChange::Shape(shape), ..Rule::default() };
        let and_area = if kind == "straight-through" { "" } else { " and area" };
        let words = format!("the surrogate is of the shape {kind}, with the claimed one's height{and_area}");
        found.push(candidate(format!("surrogate {kind}"), words, rule));
    }
    found
}

fn other_resets(file: &AuditFile) -> Vec<Candidate> {
    let claimed: Vec<Reset> = file
        .layers
        .iter()
        .filter_map(|layer| layer.constants.as_ref())
        .filter(|c| c.spiking)
        .map(|c| c.reset)
        .collect();
    let Some(first) = claimed.first() else { return Vec::new() };
    let mut found = Vec::new();
    for kind in
        [ResetKind::None, ResetKind::Zero, ResetKind::Value, ResetKind::Subtract, ResetKind::ZeroThenAdd]
    {
        for timing in [Timing::BeforeDecay, Timing::AfterDecay, Timing::AfterInput] {
            let same = claimed.iter().all(|r| (r.kind, r.timing) == (kind, timing));
            let needs_value = matches!(kind, ResetKind::Value | ResetKind::ZeroThenAdd);
            // Without a value, these are a reset to zero; without a reset, there is no place for it.
            let same = same || (needs_value && first.value == 0.0);
            if same || (kind == ResetKind::None && timing != Timing::BeforeDecay) {
                continue;
            }
            let rule = Rule { reset: Some(Reset { kind, timing, value: first.value }), ..Rule::default() };
            let words = format!(
                "this is the gradient of the reset \"{}\", {}, at the run's potentials and spikes",
                kind.name(),
                timing.name().replace('-', " the ")
            );
            found.push(candidate(format!("reset {} {}", kind.name(), timing.name()), words, rule));
        }
    }
    found
}

/// Adds explanations with a number that is fitted, within a number of passes. How many these are not enough for.
fn fitted(
    run: &NetworkRun<'_>,
    tolerance: f64,
    passes: usize,
    found: &mut Vec<Explanation>,
) -> Result<usize> {
    let file = run.file;
    if !file.layers.iter().any(|layer| layer.constants.as_ref().is_some_and(|c| c.spiking)) {
        return Ok(0);
    }
    let mut untried = 0;
    let mut add = |starts: &[f64],
                   rule: &(dyn Fn(f64) -> Rule + Sync),
                   name: &dyn Fn(f64) -> (String, String)|
     -> Result<()> {
        // Each has a third of them.
        let enough = passes / 3 >= starts.len() + A_FIT;
        untried += usize::from(!enough);
        let gradients = |x| Ok(run.recorded(&run.gradients(&rule(x))?));
        let fit = if enough { fit(file, starts, passes / 3, gradients)? } else { None };
        if let Some(fit) = fit {
            let (code, words) = name(fit.value);
            let c = candidate(code, words, rule(fit.value));
            found.push(explained(&c, &compare(file, &fit.gradients), tolerance));
        }
        Ok(())
    };
    add(
        &[0.25, 0.5, 0.75, 1.5, -0.5],
        &|alpha| Rule { reset_gradient: Some(ResetGradient::Scaled(alpha)), ..Rule::default() },
        &|alpha| {
            let a = four_digits(alpha);
            (format!("scaled {a}"), format!("the reset term is {a} times the full one"))
        },
    )?;
    add(&[0.25, 0.5, 1.5, 2.0, 4.0, -1.0], &|factor| Rule { factor, ..Rule::default() }, &|factor| {
        let c = four_digits(factor);
        (format!("surrogate-scale {c}"), format!("the surrogate is {c} times the claimed one"))
    })?;
    let widths: Vec<f64> = (-12..=12).map(|i| f64::from(i) / 4.0 * std::f64::consts::LN_2).collect();
    add(&widths, &|log| Rule { width: log.exp(), ..Rule::default() }, &|log| {
        let c = four_digits(log.exp());
        (format!("surrogate-width {c}"), format!("the surrogate is {c} times as wide as the claimed one"))
    })?;
    Ok(untried)
}
