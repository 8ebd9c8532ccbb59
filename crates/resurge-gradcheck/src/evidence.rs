//! What independent means say of the derivative, and how far a gradient is from it.

use crate::program::check_length;
use crate::{
    AnchoredProgram, DifferenceScan, Directions, Estimate, GradcheckError, Program, Result, ridders,
};

/// Derivatives of an anchored program along directions, by three independent means.
///
/// Gathered once, it is held against any number of candidate gradients.
#[derive(Debug, Clone)]
pub struct Evidence {
    directions: Vec<Vec<f64>>,
    finite_difference: Vec<Option<Estimate>>,
    complex_step: Vec<f64>,
    dual: Vec<f64>,
    norm: f64,
}

/// How far a gradient is from the evidence: for each means, the largest `|v . g - derivative along v|` over the
/// directions `v`, divided by the norm of the program's gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectionErrors {
    /// Against finite differences, over the directions in which they are conclusive. Infinite where there is
    /// none: a check without evidence does not pass.
    pub finite_difference: f64,
    /// Against the complex step.
    pub complex_step: f64,
    /// Against dual numbers.
    pub dual: f64,
    /// The directions in which finite differences are conclusive.
    pub conclusive: usize,
    /// The directions left out because a kink, or rounding noise near one, leaves no step whose error is known
    /// to be small enough.
    pub skipped: usize,
}

/// Steps are scanned from this fraction of the surrogates' width. A step along a direction of signs moves a
/// potential by several steps, and a step as large as the width spans several bends of the surrogate: over the
/// cases of `resurge verify`, the best step was never larger.
const FIRST_STEP: f64 = 1.0 / 16.0;

/// Steps are halved this often, to about 1e-7 of the width: kinks nearby force small steps.
const HALVINGS: usize = 20;

/// The loss is a sum of some thousand terms; its evaluations err by a few units in the last place.
const NOISE_ULPS: f64 = 8.0;

/// A finite difference is conclusive when its estimated error is at most this, relative to the gradient's norm:
/// a third of the 1e-8 that gradients are held to.
const CONCLUSIVE: f64 = 3e-9;

impl Evidence {
    /// Measures the derivative of `anchored` along each direction. Steps of finite differences are scaled by
    /// `width`, the length over which the program's surrogates change.
    ///
    /// # Errors
    /// [`GradcheckError::StepScale`] for a width that is not positive, [`GradcheckError::Length`] for directions
    /// of another length, and the program's errors.
    pub fn gather<P: Program>(
        anchored: &AnchoredProgram<'_, P>,
        directions: &Directions,
        width: f64,
    ) -> Result<Self> {
        if !(width > 0.0 && width.is_finite()) {
            return Err(GradcheckError::StepScale(width));
        }
        let norm = norm(anchored.gradient());
        let scan = DifferenceScan {
            first_step: FIRST_STEP * width,
            halvings: HALVINGS,
            noise: NOISE_ULPS * f64::EPSILON * anchored.loss().abs(),
        };
        let mut evidence = Self {
            directions: directions.iter().cloned().collect(),
            finite_difference: Vec::new(),
            complex_step: Vec::new(),
            dual: Vec::new(),
            norm,
        };
        for direction in directions.iter() {
            let estimate = ridders(scan, |h| {
                let at = anchored.evaluate(direction, h)?;
                Ok((at.crossings == 0).then_some(at.loss))
            })?;
            evidence.finite_difference.push(estimate.filter(|e| e.error <= CONCLUSIVE * norm));
            evidence.complex_step.push(anchored.by_complex_step(direction)?);
            evidence.dual.push(anchored.by_dual(direction)?);
        }
        Ok(evidence)
    }

    /// How far `gradient` is from the evidence.
    ///
    /// Not a number where the program's gradient vanishes: there is nothing to normalise by, and nothing that a
    /// comparison could prove.
    ///
    /// # Errors
    /// [`GradcheckError::Length`] for a gradient of another length.
    pub fn compare(&self, gradient: &[f64]) -> Result<ProjectionErrors> {
        let dimension = self.directions.first().map_or(0, Vec::len);
        check_length("the gradient", gradient, dimension)?;
        let slopes: Vec<f64> = self.directions.iter().map(|v| dot(v, gradient)).collect();
        let normalised = |(slope, value): (&f64, &f64)| (slope - value).abs() / self.norm;
        let mut errors = ProjectionErrors {
            finite_difference: f64::INFINITY,
            complex_step: largest(slopes.iter().zip(&self.complex_step).map(normalised)),
            dual: largest(slopes.iter().zip(&self.dual).map(normalised)),
            conclusive: self.finite_difference.iter().flatten().count(),
            skipped: self.finite_difference.iter().filter(|e| e.is_none()).count(),
        };
        if errors.conclusive > 0 {
            let pairs = slopes.iter().zip(&self.finite_difference);
            errors.finite_difference =
                largest(pairs.filter_map(|(s, e)| e.map(|e| normalised((s, &e.value)))));
        }
        Ok(errors)
    }

    /// The finite differences, in the order of the directions; `None` where one is not conclusive.
    pub fn finite_differences(&self) -> &[Option<Estimate>] {
        &self.finite_difference
    }
}

/// The largest value, or not a number as soon as one is not.
pub(crate) fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |largest: f64, x| if x.is_nan() || largest.is_nan() { f64::NAN } else { largest.max(x) })
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_does_not_swallow_nan() {
        assert_eq!(largest([1.0, 3.0, 2.0].into_iter()), 3.0);
        assert!(largest([1.0, f64::NAN, 2.0].into_iter()).is_nan());
        assert!(largest([f64::NAN, 2.0].into_iter()).is_nan());
        assert_eq!(largest(std::iter::empty()), 0.0);
    }
}
