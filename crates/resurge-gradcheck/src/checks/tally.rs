//! Comparisons counted: a report in the making.

use super::directional::Measured;
use super::report::LISTED;
use super::{CheckReport, Inconclusive, Kink, Mismatch, Place, Verdict};
use crate::noise::Floor;
use crate::{Estimate, Hints, Result};

/// To this a factor or a whole gradient has to fit to be named: well above the error of the reference, well below
/// the distance of factors that occur.
pub(super) const HINT_TOLERANCE: f64 = 1e-5;

#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerance {
    pub(super) rtol: f64,
    pub(super) safety: f64,
}

/// A report in the making.
pub(super) struct Tally<'a> {
    tolerance: Tolerance,
    hints: &'a Hints,
    noise: f64,
    compared: usize,
    conclusive: usize,
    max_error: f64,
    pub(super) failures: usize,
    mismatches: Vec<Mismatch>,
    inconclusive: Vec<Inconclusive>,
    kinks: Vec<Kink>,
    evaluations: usize,
}

impl<'a> Tally<'a> {
    pub(super) fn new(noise: &[Floor], tolerance: Tolerance, hints: &'a Hints) -> Self {
        let noise = noise.iter().map(|floor| floor.level).fold(0.0, f64::max);
        Self {
            tolerance,
            hints,
            noise,
            compared: 0,
            conclusive: 0,
            max_error: 0.0,
            failures: 0,
            mismatches: Vec::new(),
            inconclusive: Vec::new(),
            kinks: Vec::new(),
            evaluations: 0,
        }
    }

    pub(super) fn compare(
        &mut self,
        claimed: f64,
        estimate: Option<Estimate>,
        scale: f64,
        place: impl Fn() -> Result<Place>,
    ) -> Result<()> {
        self.compared += 1;
        let Some(Estimate { value: reference, error, step, .. }) = estimate else {
            self.skip(None, place)?;
            return Ok(());
        };
        let Tolerance { rtol, safety } = self.tolerance;
        let relative = rtol * claimed.abs().max(reference.abs()).max(scale);
        let allowed = relative + safety * error;
        let difference = (claimed - reference).abs();
        let agrees = difference <= allowed;
        if !agrees {
            self.failures += 1;
            self.conclusive += 1;
            let tolerance = HINT_TOLERANCE.max(safety * error / reference.abs()).min(1e-2);
            let hints = self.hints.explain(claimed, reference, tolerance);
            let place = place()?;
            let reference_error = error;
            self.mismatches.push(Mismatch {
                place,
                claimed,
                reference,
                reference_error,
                allowed,
                step,
                hints,
            });
        } else if safety * error > relative {
            // The uncertainty could hide a fault as large as the tolerance.
            self.skip(Some(error), place)?;
            return Ok(());
        } else {
            self.conclusive += 1;
        }
        // A gradient of zeros has no scale, and an entry that should not be zero is wrong by all of itself.
        let size = if scale > 0.0 { scale } else { reference.abs().max(f64::MIN_POSITIVE) };
        self.max_error = crate::evidence::largest([self.max_error, difference / size].into_iter());
        Ok(())
    }

    fn skip(&mut self, reference_error: Option<f64>, place: impl Fn() -> Result<Place>) -> Result<()> {
        if self.inconclusive.len() < LISTED {
            self.inconclusive.push(Inconclusive { place: place()?, reference_error });
        }
        Ok(())
    }

    pub(super) fn steps(&mut self, measured: &Measured, place: Place) {
        self.evaluations += measured.evaluations;
        if let Some(nearest_step) = measured.nearest_kink {
            self.kinks.push(Kink { place, nearest_step });
        }
    }

    pub(super) fn report(mut self, hints: Vec<String>) -> CheckReport {
        let excess = |m: &Mismatch| (m.claimed - m.reference).abs() / m.allowed;
        // Stable sorts: ties keep the order of the entries.
        self.mismatches.sort_by(|a, b| excess(b).total_cmp(&excess(a)));
        self.mismatches.truncate(LISTED);
        let kinks = self.kinks.len();
        self.kinks.sort_by(|a, b| a.nearest_step.total_cmp(&b.nearest_step));
        self.kinks.truncate(LISTED);
        let verdict = match (self.failures, self.conclusive) {
            (1.., _) => Verdict::Failed,
            (_, 0) => Verdict::Nothing,
            _ => Verdict::Passed,
        };
        CheckReport {
            verdict,
            compared: self.compared,
            conclusive: self.conclusive,
            max_error: self.max_error,
            failures: self.failures,
            mismatches: self.mismatches,
            hints,
            inconclusive: self.inconclusive,
            kinks,
            nearest_kinks: self.kinks,
            noise: self.noise,
            evaluations: self.evaluations,
        }
    }
}
