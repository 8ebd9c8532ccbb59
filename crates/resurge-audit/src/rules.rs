//! The rules that a framework may have differentiated by instead of the claimed one, each with its code and words.

use super::adjoint::{Cuts, ThresholdPaths};
use super::description::Output;
use super::file::AuditFile;
use super::run::{Rule, SurrogateChange};
use resurge_snn::{Reset, ResetGradient, ResetKind, ResetTiming, SurrogateScale};

/// An explanation before it is measured.
pub(super) struct Candidate {
    pub(super) code: String,
    pub(super) words: String,
    pub(super) rule: Rule,
}

pub(super) fn candidate(code: impl Into<String>, words: impl Into<String>, rule: Rule) -> Candidate {
    Candidate { code: code.into(), words: words.into(), rule }
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

pub(super) fn plain_rules(file: &AuditFile) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = reset_gradients()
        .into_iter()
        .map(|(code, words, reset_gradient)| {
            let rule = Rule { reset_gradient: Some(reset_gradient), ..Rule::default() };
            candidate(code, format!("this is {words}"), rule)
        })
        .collect();
    let has = |what: fn(&super::cell::Constants) -> bool| {
        file.layers.iter().filter_map(|layer| layer.constants.as_ref()).any(|c| what(c))
    };
    let none = Cuts::default();
    let cuts = [
        ("decay", "the decayed potential", true, Cuts { decay: true, ..none }),
        ("synapse", "the synapse", has(|c| c.cell.synapse.is_some()), Cuts { synapse: true, ..none }),
        (
            "trace",
            "the trace",
            has(|c| c.cell.trace_decay > 0.0 && c.output == Output::Trace),
            Cuts { trace: true, ..none },
        ),
        (
            "adaptation",
            "the adaptation",
            has(|c| c.cell.adaptation.is_some()),
            Cuts { adaptation: true, ..none },
        ),
    ];
    for (name, what, there, cuts) in cuts {
        if there {
            let words = format!("nothing flows through time in {what}");
            found.push(candidate(format!("detached-{name}"), words, Rule { cuts, ..Rule::default() }));
        }
    }
    for (name, what, threshold) in [
        ("spike", "the spike alone, and not through the reset", ThresholdPaths { reset: false, spike: true }),
        ("reset", "the reset alone, and not through the spike", ThresholdPaths { reset: true, spike: false }),
    ] {
        if has(|c| c.spiking) {
            let words = format!("the threshold's gradient comes through {what}");
            let rule = Rule { threshold: Some(threshold), ..Rule::default() };
            found.push(candidate(format!("threshold-in-{name}"), words, rule));
        }
    }
    found
}

/// The usual truncations, and that in the middle.
fn is_usual(k: usize, steps: usize) -> bool {
    let usual = [1, 2, 3, 4, 5, 8, 10, 15, 16, 20, 25, 30, 32, 40, 50, 64, 100, 128, 200, 256, 500];
    usual.contains(&k) || 2 * k == steps
}

/// Truncations by their length: as many of the usual ones as there is `room` for, and of the
/// others as leave room for `kept` passes. And how many
/// there are besides.
pub(super) fn truncations(file: &AuditFile, room: usize, kept: usize) -> (Vec<Candidate>, usize) {
    let (steps, _) = file.extent();
    let usual = (1..steps).filter(|&k| is_usual(k, steps)).count();
    let others = room.saturating_sub(usual + kept);
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
    let untried = steps - 1 - found.len();
    (found, untried)
}

pub(super) fn time_shifts(file: &AuditFile) -> Vec<Candidate> {
    let steps = file.extent().0;
    let shifts = 1..steps.min(4);
    shifts
        .map(|k| {
            let words = format!("weights' gradients pair the error of step t with the input of step t - {k}");
            candidate(format!("time-shift {k}"), words, Rule { shift: k, ..Rule::default() })
        })
        .collect()
}

pub(super) fn other_surrogates(file: &AuditFile) -> Vec<Candidate> {
    let claimed: Vec<_> = file
        .layers
        .iter()
        .filter_map(|layer| layer.constants.as_ref())
        .filter(|c| c.spiking)
        .map(|c| c.cell.surrogate)
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
    for one in resurge_snn::Surrogate::ALL.iter().filter(|one| one.of_width.is_some()) {
        let kind = one.entry.name;
        if claimed.iter().all(|s| s.name() == kind) {
            continue;
        }
        let rule = Rule { surrogate: SurrogateChange::Shape(kind), ..Rule::default() };
        let and_area = if kind == "straight-through" { "" } else { " and area" };
        let words = format!("the surrogate is of the shape {kind}, with the claimed one's height{and_area}");
        found.push(candidate(format!("surrogate {kind}"), words, rule));
    }
    found
}

pub(super) fn other_resets(file: &AuditFile) -> Vec<Candidate> {
    let all = file.layers.iter().filter_map(|layer| layer.constants.as_ref());
    let claimed: Vec<_> = all.filter(|c| c.spiking).collect();
    let Some(first) = claimed.first() else { return Vec::new() };
    let mut found = Vec::new();
    for (entry, &timing) in
        ResetKind::ALL.iter().flat_map(|entry| ResetTiming::ALL.iter().map(move |t| (entry, t)))
    {
        let numbers = vec![first.reset_value; entry.parameters.len()];
        let Ok(kind) = entry.of(&numbers) else { continue };
        let same = |reset: Reset| reset.kind.name() == entry.name && reset.timing == timing;
        // With a value of 0, these are a reset to zero; without a reset, there is no place for it.
        let zero = kind.value() == Some(0.0);
        let nowhere = kind == ResetKind::None && timing != ResetTiming::BeforeDecay;
        if zero || nowhere || claimed.iter().all(|c| same(c.cell.reset)) {
            continue;
        }
        let rule = Rule { reset: Some(Reset { kind, timing }), ..Rule::default() };
        let words = format!(
            "this is the gradient of the reset \"{}\", {}, at the run's potentials and spikes",
            entry.name,
            timing.name().replace('-', " the ")
        );
        found.push(candidate(format!("reset {} {timing}", entry.name), words, rule));
    }
    found
}

#[cfg(test)]
mod tests;
