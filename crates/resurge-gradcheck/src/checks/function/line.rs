//! The function along a line through the point of the check.

use super::{FunctionCheck, FunctionValue};
use crate::{GradcheckError, Noise, Origin, Result, ecnoise};
use std::collections::HashMap;

/// The function, and how it was evaluated so far.
pub(super) struct Function<F> {
    function: F,
    pub(super) point: Vec<f64>,
    pub(super) base: Vec<f64>,
    outputs: usize,
    pub(super) evaluations: usize,
    pub(super) repeats: usize,
}

impl<F: FnMut(&[f64]) -> FunctionValue> Function<F> {
    /// Evaluates it at the point.
    pub(super) fn new(mut function: F, point: Vec<f64>, outputs: usize) -> Result<Self> {
        let base = function(&point).map_err(GradcheckError::Program)?;
        if base.len() != outputs {
            return Err(GradcheckError::Length { what: "the output", expected: outputs, actual: base.len() });
        }
        if base.iter().any(|value| !value.is_finite()) {
            return Err(not_finite("value", None));
        }
        Ok(Self { function, point, base, outputs, evaluations: 1, repeats: 0 })
    }

    /// Evaluates it at the point again. The values may differ by the tolerance.
    pub(super) fn check_steady(&mut self, tolerance: f64) -> Result<()> {
        self.evaluations += 1;
        self.repeats += 1;
        let again = (self.function)(&self.point).map_err(GradcheckError::Program)?;
        // A difference that is not a number is one.
        let near = |a: f64, b: f64| (a - b).abs() <= tolerance;
        let other = |(a, b): &(&f64, &f64)| a.to_bits() != b.to_bits() && !near(**a, **b);
        match self.base.iter().zip(&again).find(other) {
            Some((&recorded, &again)) => Err(GradcheckError::BasePoint { recorded, again }),
            None => Ok(()),
        }
    }

    /// Its values beside the point, or none where it has none.
    fn beside(&mut self, direction: &[f64], h: f64) -> Option<Vec<f64>> {
        self.evaluations += 1;
        let moved: Vec<f64> = self.point.iter().zip(direction).map(|(x, d)| x + h * d).collect();
        let values = (self.function)(&moved).ok()?;
        (values.len() == self.outputs).then_some(values)
    }
}

/// A number that nothing can be compared with, in an entry of an input or somewhere.
pub(super) fn not_finite(what: &'static str, input: Option<(usize, Vec<usize>)>) -> GradcheckError {
    GradcheckError::NonFinite { what, origin: Box::new(Origin { input, name: None, operation: None }) }
}

/// The values along one direction; each is computed once.
pub(super) struct Line<'f, F> {
    function: &'f mut Function<F>,
    direction: &'f [f64],
    /// Steps below this are lost in the rounding of the inputs.
    pub(super) least: f64,
    values: HashMap<u64, Option<Vec<f64>>>,
}

impl<'f, F: FnMut(&[f64]) -> FunctionValue> Line<'f, F> {
    pub(super) fn new(function: &'f mut Function<F>, direction: &'f [f64], roundoff: f64) -> Self {
        let moved = function.point.iter().zip(direction).filter(|(_, d)| **d != 0.0);
        // Four units in the last place: steps are then exact where they are powers of two.
        let least = moved.map(|(x, d)| 8.0 * roundoff * x.abs() / d.abs()).fold(0.0, f64::max);
        Self { function, direction, least, values: HashMap::new() }
    }

    /// One number of the output at a step; none where there is none, or the step is too small for the inputs' type.
    pub(super) fn at(&mut self, output: usize, h: f64) -> Option<f64> {
        if h == 0.0 {
            return Some(self.function.base[output]);
        }
        if h.abs() < self.least {
            return None;
        }
        let (function, direction) = (&mut *self.function, self.direction);
        let values = self.values.entry(h.to_bits()).or_insert_with(|| function.beside(direction, h));
        values.as_ref().map(|values| values[output]).filter(|value| value.is_finite())
    }

    pub(super) fn check_steady(&mut self, tolerance: f64) -> Result<()> {
        self.function.check_steady(tolerance)
    }
}

/// Points of one table of differences.
const POINTS: i32 = 9;

/// From a standard deviation to a bound, as for programs on the tape.
const DEVIATIONS: f64 = 4.0;

/// Where no noise can be told apart: a few units in the last place.
const FALLBACK: f64 = 16.0;

/// The bound on the error of each number of the output, measured along a line. A kink would be taken for noise: so a table
/// is on one side of the point, and of the two the smaller level counts.
pub(super) fn floors<F: FnMut(&[f64]) -> FunctionValue>(
    line: &mut Line<'_, F>,
    outputs: usize,
    check: &FunctionCheck,
) -> Vec<f64> {
    // At 2^-30, 1e-9 of a unit, second differences of a smooth f64 drown in its rounding; f32 has 29 binary digits less.
    let digits = -check.roundoff.log2();
    let level = |line: &mut Line<'_, F>, output: usize| -> Option<f64> {
        for part in [0.57, 0.45, 0.70] {
            let spacing = (-(part * digits).round()).exp2().max(line.least);
            let spacing = crate::difference::power_of_two_below(spacing);
            let mut found: Option<f64> = None;
            for first in [0, 1 - POINTS] {
                let table: Option<Vec<f64>> =
                    (first..first + POINTS).map(|i| line.at(output, f64::from(i) * spacing)).collect();
                if let Some(Noise::Found { level, .. }) = table.map(|table| ecnoise(&table)) {
                    found = Some(found.map_or(level, |least| least.min(level)));
                }
            }
            if found.is_some() {
                return found;
            }
        }
        None
    };
    (0..outputs)
        .map(|output| {
            let size = line.function.base[output].abs();
            let measured = level(line, output).map_or(FALLBACK * check.roundoff * size, |s| DEVIATIONS * s);
            measured.max(check.roundoff * size).max(check.nondeterminism)
        })
        .collect()
}
