//! Comparisons counted: a report in the making.

use super::report::LISTED;
use super::{CheckReport, Inconclusive, Kink, Mismatch, Place, Reason, Verdict};
use crate::noise::Floor;
use crate::reference::{Finding, Measured, Reference, Tolerance};
use crate::{Hints, Means, Result, Why};
use std::collections::BTreeMap;

/// Factors are compared to this tolerance, or to what the reference knows.
pub(super) const HINT_TOLERANCE: f64 = 1e-5;

/// What a claim may be off by through its own rounding, in units in the last place of its tensor: sums of the tensor's terms,
/// taken in another order, leave as much in an entry that is small or zero.
const DUST: f64 = 16.0 * f64::EPSILON;

/// What a comparison is of.
pub(super) struct Compared {
    /// The input that it is about, if it is about one alone.
    pub(super) input: Option<usize>,
    /// The size of the claim's tensor there: the root mean square of its entries, or its norm for a projection.
    pub(super) scale: f64,
    pub(super) tolerance: Tolerance,
}

impl Compared {
    fn allowed(&self, claimed: f64, reference: &Reference) -> f64 {
        let size = claimed.abs().max(reference.size());
        self.tolerance.atol
            + self.tolerance.relative(size)
            + self.tolerance.uncertain(reference.error)
            + DUST * self.scale
    }
}

pub(super) struct Tally<'a> {
    hints: &'a Hints,
    noise: f64,
    compared: usize,
    conclusive: usize,
    vanishing: usize,
    evidence: BTreeMap<Means, usize>,
    /// For each input, how many comparisons of it alone decide.
    decided: Vec<usize>,
    max_error: f64,
    pub(super) failures: usize,
    mismatches: Vec<Mismatch>,
    inconclusive: Vec<Inconclusive>,
    kinks: Vec<Kink>,
    evaluations: usize,
    repeats: usize,
}

/// What the verdict takes into account besides the comparisons.
pub(super) struct Exercised {
    /// For each input, whether it has entries and its gradient reaches it at all.
    pub(super) entering: Vec<bool>,
    /// Whether the program has spikes and none occurs.
    pub(super) silent: bool,
}

impl<'a> Tally<'a> {
    pub(super) fn new(noise: &[Floor], inputs: usize, hints: &'a Hints) -> Self {
        let noise = noise.iter().map(|floor| floor.level).fold(0.0, f64::max);
        Self {
            hints,
            noise,
            compared: 0,
            conclusive: 0,
            vanishing: 0,
            evidence: BTreeMap::new(),
            decided: vec![0; inputs],
            max_error: 0.0,
            failures: 0,
            mismatches: Vec::new(),
            inconclusive: Vec::new(),
            kinks: Vec::new(),
            evaluations: 0,
            repeats: 0,
        }
    }

    /// Holds a claim against what is known.
    pub(super) fn compare(
        &mut self,
        claimed: f64,
        finding: &Finding,
        of: &Compared,
        place: impl Fn() -> Result<Place>,
    ) -> Result<()> {
        self.compared += 1;
        let reference = match finding {
            Finding::Known(reference) => reference,
            Finding::Unknown { error, why } => return self.skip(*error, *why, place),
        };
        let difference = reference.distance(claimed);
        let uncertain = of.tolerance.uncertain(reference.error);
        let within = difference <= of.allowed(claimed, reference);
        if !within {
            self.decide(reference, of);
            self.fail(claimed, reference, of, place)?;
        } else if claimed.abs().max(reference.size()) <= uncertain + DUST * of.scale + of.tolerance.atol {
            // Zero, as far as anything can tell, or was asked to.
            self.vanishing += 1;
            return Ok(());
        } else if !of.tolerance.counts(reference, claimed.abs().max(reference.size())) {
            // The uncertainty could hide a fault as large as the tolerance.
            return self.skip(Some(reference.error), Why::Imprecise, place);
        } else {
            self.decide(reference, of);
        }
        // A gradient of zeros has no scale, and an entry that should not be zero is wrong by all of itself.
        let size = if of.scale > 0.0 { of.scale } else { reference.size().max(f64::MIN_POSITIVE) };
        self.max_error = crate::evidence::largest([self.max_error, difference / size].into_iter());
        Ok(())
    }

    /// Takes a comparison into account only if its claim is wrong.
    pub(super) fn refute(
        &mut self,
        claimed: f64,
        finding: &Finding,
        of: &Compared,
        place: impl Fn() -> Result<Place>,
    ) -> Result<()> {
        let Finding::Known(reference) = finding else { return Ok(()) };
        if reference.distance(claimed) <= of.allowed(claimed, reference) {
            return Ok(());
        }
        self.compared += 1;
        self.decide(reference, of);
        self.fail(claimed, reference, of, place)
    }

    fn decide(&mut self, reference: &Reference, of: &Compared) {
        self.conclusive += 1;
        *self.evidence.entry(reference.means).or_default() += 1;
        if let Some(decided) = of.input.and_then(|input| self.decided.get_mut(input)) {
            *decided += 1;
        }
    }

    fn fail(
        &mut self,
        claimed: f64,
        reference: &Reference,
        of: &Compared,
        place: impl Fn() -> Result<Place>,
    ) -> Result<()> {
        self.failures += 1;
        let &Reference { low, high, error, means, step } = reference;
        let value = reference.nearest(claimed);
        let tolerance = HINT_TOLERANCE.max(of.tolerance.uncertain(error) / value.abs()).min(1e-2);
        let hints = self.hints.explain(claimed, value, tolerance);
        self.mismatches.push(Mismatch {
            place: place()?,
            claimed,
            reference: value,
            interval: (low < high).then_some((low, high)),
            reference_error: error,
            allowed: of.allowed(claimed, reference),
            evidence: means,
            step,
            hints,
        });
        Ok(())
    }

    fn skip(&mut self, error: Option<f64>, why: Why, place: impl Fn() -> Result<Place>) -> Result<()> {
        if self.inconclusive.len() < LISTED {
            self.inconclusive.push(Inconclusive { place: place()?, reference_error: error, why });
        }
        Ok(())
    }

    /// Takes note of how a measurement went.
    pub(super) fn steps(&mut self, measured: &Measured, place: Place) {
        self.evaluations += measured.evaluations;
        self.repeats += measured.repeats;
        if let Some(nearest_step) = measured.nearest_kink {
            self.kinks.push(Kink { place, nearest_step });
        }
    }

    /// Takes note of how often a function was evaluated in all.
    pub(super) fn evaluations(&mut self, evaluations: usize, repeats: usize) {
        (self.evaluations, self.repeats) = (evaluations, repeats);
    }

    fn undecided(&self, exercised: &Exercised) -> Vec<Reason> {
        if self.conclusive == 0 && self.vanishing == self.compared {
            return vec![Reason::Vanishes];
        }
        let inputs = exercised.entering.iter().zip(&self.decided).enumerate();
        let untested = inputs.filter(|(_, (enters, decided))| **enters && **decided == 0);
        let mut reasons: Vec<Reason> = untested.map(|(input, _)| Reason::InputVanishes { input }).collect();
        let count = self.compared - self.conclusive - self.vanishing;
        if count > 0 {
            // What could not be compared did not vanish.
            reasons.retain(|_| self.vanishing > 0);
            reasons.push(Reason::Inconclusive { count });
        }
        reasons
    }

    pub(super) fn report(mut self, hints: Vec<String>, exercised: &Exercised) -> CheckReport {
        let undecided = self.undecided(exercised);
        let excess = |m: &Mismatch| (m.claimed - m.reference).abs() / m.allowed;
        // Stable sorts: ties keep the order of the entries.
        self.mismatches.sort_by(|a, b| excess(b).total_cmp(&excess(a)));
        self.mismatches.truncate(LISTED);
        let kinks = self.kinks.len();
        self.kinks.sort_by(|a, b| a.nearest_step.total_cmp(&b.nearest_step));
        self.kinks.truncate(LISTED);
        let verdict = match (self.failures, undecided.is_empty()) {
            (1.., _) => Verdict::Failed,
            (_, false) => Verdict::Undecided,
            _ => Verdict::Passed,
        };
        CheckReport {
            verdict,
            undecided,
            compared: self.compared,
            conclusive: self.conclusive,
            vanishing: self.vanishing,
            evidence: self.evidence,
            max_error: self.max_error,
            failures: self.failures,
            mismatches: self.mismatches,
            hints,
            inconclusive: self.inconclusive,
            kinks,
            nearest_kinks: self.kinks,
            silent: exercised.silent,
            names: Vec::new(),
            noise: self.noise,
            evaluations: self.evaluations,
            repeats: self.repeats,
        }
    }
}
