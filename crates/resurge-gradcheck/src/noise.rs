//! How exactly a function is evaluated: its computational noise.

use crate::Result;
use crate::anchored::{Evaluate, Sample};
use crate::directions::random_signs;
use rayon::prelude::*;
use resurge_tensor::Tensor;

/// What [`ecnoise`] finds in values at equally spaced points.
///
/// ```
/// use resurge_gradcheck::{Noise, ecnoise};
///
/// // Values on a line have no noise above rounding.
/// let line: Vec<f64> = (0..8).map(f64::from).collect();
/// assert!(!matches!(ecnoise(&line), Noise::Found { level, .. } if level > 1e-12));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Noise {
    /// The noise was separated from the smooth part.
    Found {
        /// Its standard deviation, absolute.
        level: f64,
        /// The order of difference at which the smooth part had died out.
        order: usize,
    },
    /// Half of the neighbouring values are equal: the points are too close to tell noise from quantisation. Try
    /// a spacing 100 times larger.
    SpacingTooSmall,
    /// The values differ in their first digit, or no order of difference is free of the smooth part. Try a
    /// spacing 100 times smaller.
    SpacingTooLarge,
}

/// Successive orders of difference agree on the noise when their estimates are within this factor: the value of
/// the paper.
const AGREEMENT: f64 = 4.0;

/// The noise in `values`, the function at equally spaced points (at least 4; 7 or more are advisable).
///
/// A table of differences of rising order `k`. Independent noise of standard deviation `s` shows in the `k`-th
/// difference with the deviation `s sqrt((2k)!) / k!`, while the smooth part dies out like the `k`-th power of
/// the spacing. The noise is read off at the first order where three successive estimates agree and the
/// differences change sign. J. J. Moré and S. M. Wild, "Estimating computational noise", SIAM Journal on
/// Scientific Computing 33(3), 2011.
///
/// ```
/// use resurge_gradcheck::{Noise, ecnoise};
///
/// // A parabola with an error of +-1e-9 in a fixed pattern.
/// let signs = [1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0, -1.0];
/// let values: Vec<f64> = (0..8).map(|i| 2.0 + (f64::from(i) * 1e-5).powi(2) + signs[i as usize] * 1e-9).collect();
/// let Noise::Found { level, .. } = ecnoise(&values) else { panic!() };
/// assert!(level > 3e-10 && level < 3e-9);
/// ```
pub fn ecnoise(values: &[f64]) -> Noise {
    let n = values.len();
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let within = n >= 4 && high - low <= 0.1 * high.abs().max(low.abs());
    if !within || values.iter().any(|v| !v.is_finite()) {
        return Noise::SpacingTooLarge;
    }
    let mut differences = values.to_vec();
    let mut scale = 1.0; // (k!)^2 / (2k)!
    let mut levels = Vec::with_capacity(n - 1);
    let mut sign_changes = Vec::with_capacity(n - 1);
    for k in 1..n {
        differences = differences.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if k == 1 && 2 * differences.iter().filter(|&&d| d == 0.0).count() >= n {
            return Noise::SpacingTooSmall;
        }
        scale *= k as f64 / (2.0 * (2 * k - 1) as f64);
        let mean = differences.iter().map(|d| d * d).sum::<f64>() / differences.len() as f64;
        levels.push((scale * mean).sqrt());
        sign_changes.push(differences.iter().any(|&d| d > 0.0) && differences.iter().any(|&d| d < 0.0));
    }
    for (k, three) in levels.windows(3).enumerate() {
        let largest = three.iter().copied().fold(0.0, f64::max);
        let smallest = three.iter().copied().fold(f64::INFINITY, f64::min);
        if largest <= AGREEMENT * smallest && sign_changes[k] {
            return Noise::Found { level: three[0], order: k + 1 };
        }
    }
    Noise::SpacingTooLarge
}

/// Points of one table. More and Wild advise 7 or more; nine make the estimate a little steadier.
const POINTS: i32 = 9;

/// Spacings to try, as powers of two of the width. At 2^-30 of the width, 1e-9, second differences of the smooth
/// part are about 1e-18 of the loss and drown in its rounding, while every input moves by many of its ulps.
const SPACINGS: [i32; 3] = [-30, -24, -37];

/// From a standard deviation to a bound: rounding errors are sums of many bounded ones, close to normal, and
/// exceed four deviations once in 16,000 evaluations.
const DEVIATIONS: f64 = 4.0;

/// Where no noise can be told apart: a few units in the last place.
const FALLBACK_ULPS: f64 = 8.0;

/// The absolute error of one evaluation of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Floor {
    /// A bound on it.
    pub(crate) level: f64,
    /// How large the value was where it was measured, if not at the base point.
    pub(crate) size: Option<f64>,
}

impl Floor {
    /// That of a sum of values with weights.
    pub(crate) fn contracted(floors: &[Self], weights: &[f64]) -> Self {
        let terms = || floors.iter().zip(weights);
        Self {
            level: terms().map(|(floor, w)| w.abs() * floor.level).sum(),
            size: terms().map(|(floor, w)| Some(w.abs() * floor.size?)).sum(),
        }
    }

    /// The bound where the value is `y`. The error of a square grows with its root.
    pub(crate) fn at(self, y: f64) -> f64 {
        let growth =
            self.size.filter(|&size| size > 0.0).map_or(1.0, |size| (y.abs().sqrt() / size.sqrt()).max(1.0));
        self.level * growth
    }
}

/// A value that is this many times larger at a step than at the base point is measured there, too: it is nearly zero at
/// the base point alone, as a squared error is that is met, and hardly errs where it is zero. An error grows with the
/// root of a value, and so tenfold at less, which the safety factor of the checks covers.
const GROWN: f64 = 100.0;

/// Where, as powers of two of the width: at the largest of these steps that no kink is before.
const SHIFTS: [i32; 3] = [-3, -6, -10];

/// The absolute error of one evaluation of each entry of the output, measured with [`ecnoise`] along a random
/// direction in the units of the inputs, as a bound and not a deviation; never less than half a unit in the last place.
pub(crate) fn noise_floor(
    anchored: &dyn Evaluate,
    width: f64,
    units: &[f64],
    seed: u64,
) -> Result<Vec<Floor>> {
    let signs = random_signs(anchored.dimension(), seed);
    let direction: Vec<f64> = signs.iter().zip(units).map(|(sign, unit)| sign * unit).collect();
    let base = anchored.sample(&direction, 0.0)?.output;
    let levels = deviations(anchored, &direction, width, 0.0)?;
    let entries = base.as_slice().iter().zip(levels);
    let mut floors: Vec<Floor> =
        entries.map(|(&y, level)| Floor { level: bound(y, level), size: None }).collect();
    for power in SHIFTS {
        let shift = crate::difference::power_of_two_below(width) * f64::from(power).exp2();
        let there = anchored.sample(&direction, shift)?;
        if there.crossings > 0 {
            continue;
        }
        let grown = |(&y, &there): (&f64, &f64)| there.is_finite() && there.abs() > GROWN * y.abs();
        let grown: Vec<bool> = base.as_slice().iter().zip(there.output.as_slice()).map(grown).collect();
        if grown.contains(&true) {
            let levels = deviations(anchored, &direction, width, shift)?;
            let entries = floors.iter_mut().zip(there.output.as_slice()).zip(levels).zip(grown);
            for (((floor, &y), level), _) in entries.filter(|(_, grown)| *grown) {
                *floor = Floor { level: floor.level.max(bound(y, level)), size: Some(y.abs()) };
            }
        }
        break;
    }
    Ok(floors)
}

/// The deviation of the noise of each entry at a shift along a direction, where any was found. A kink in between would
/// be taken for noise, so the points lie on one side of it.
fn deviations(
    anchored: &dyn Evaluate,
    direction: &[f64],
    width: f64,
    shift: f64,
) -> Result<Vec<Option<f64>>> {
    let mut found: Vec<Option<f64>> = vec![None; anchored.outputs()];
    for power in SPACINGS {
        if found.iter().all(Option::is_some) {
            break;
        }
        let spacing = crate::difference::power_of_two_below(width) * f64::from(power).exp2();
        let Some(table) = table_free_of_kinks(anchored, direction, shift, spacing)? else { continue };
        for (j, slot) in found.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
            let values: Vec<f64> = table.iter().map(|t| t.as_slice()[j]).collect();
            if let Noise::Found { level, .. } = ecnoise(&values) {
                *slot = Some(level);
            }
        }
    }
    Ok(found)
}

/// The bound on the error of a value `y` in which noise of a deviation was found, or none.
fn bound(y: f64, level: Option<f64>) -> f64 {
    let measured = level.map_or(FALLBACK_ULPS * f64::EPSILON * y.abs(), |s| DEVIATIONS * s);
    measured.max(0.5 * f64::EPSILON * y.abs())
}

/// The outputs at equally spaced points around a shift, or on one side of it, on the smooth piece of the base point.
fn table_free_of_kinks(
    anchored: &dyn Evaluate,
    direction: &[f64],
    shift: f64,
    spacing: f64,
) -> Result<Option<Vec<Tensor<f64>>>> {
    for first in [-(POINTS / 2), 0, 1 - POINTS] {
        let samples = (first..first + POINTS)
            .into_par_iter()
            .map(|i| anchored.sample(direction, shift + f64::from(i) * spacing));
        let samples: Vec<Sample> = samples.collect::<Result<_>>()?;
        if samples.iter().all(|sample| sample.crossings == 0) {
            return Ok(Some(samples.into_iter().map(|sample| sample.output).collect()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
