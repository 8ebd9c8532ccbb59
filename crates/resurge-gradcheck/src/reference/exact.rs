//! Derivatives without a step: dual numbers and the complex step, and how far rounding may be off.

use super::Probe;
use crate::anchored::Evaluate;
use crate::{GradcheckError, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The derivative of each output.
pub(super) struct Exact {
    /// By dual numbers.
    pub(super) values: Vec<f64>,
    /// An estimate of the rounding errors.
    pub(super) errors: Vec<f64>,
    /// Whether the complex step agrees.
    pub(super) agree: Vec<bool>,
}

/// Points a unit in the last place or two away, at which the derivative is taken again.
const DRAWS: u64 = 2;

/// From what a derivative changes over a unit in the last place of the inputs to an estimate of its rounding errors: these are
/// sums of as many as there are operations, which the change is but a sample of.
const SPREADS: f64 = 4.0;

/// Units in the last place that any derivative may be off by.
const ULPS: f64 = 8.0;

/// Dual numbers and the complex step that differ by more than this part are two statements.
const AGREEMENT: f64 = 1e-3;

impl Exact {
    pub(super) fn of(probe: &Probe<'_>, direction: &[f64], dual: &[f64]) -> Result<Self> {
        let anchored = probe.anchored;
        let again = probe.contracted(anchored.jvp(direction)?.as_slice());
        if let Some((&first, &again)) = dual.iter().zip(&again).find(|(a, b)| a.to_bits() != b.to_bits()) {
            return Err(GradcheckError::Unsteady { step: 0.0, first, again });
        }
        let complex = probe.contracted(anchored.complex_jvp(direction)?.as_slice());
        let rounding = rounding(anchored, direction, probe.seed, |outputs| probe.contracted(outputs), dual)?;
        let errors: Vec<f64> =
            dual.iter().zip(&complex).zip(&rounding).map(|((d, c), r)| r.max((d - c).abs())).collect();
        let agree = dual.iter().zip(&complex).zip(&rounding).map(|((d, c), rounding)| {
            let size = d.abs().max(c.abs());
            size.is_finite() && (d - c).abs() <= (AGREEMENT * size).max(*rounding)
        });
        let agree = agree.collect();
        Ok(Self { values: dual.to_vec(), errors, agree })
    }
}

/// An estimate of the rounding errors of derivatives along a direction: from how much they change when every input moves by a unit
/// in the last place or two. Where large terms cancel, that is far more than a unit in the last place of the sum.
pub(crate) fn rounding(
    anchored: &dyn Evaluate,
    direction: &[f64],
    seed: u64,
    contracted: impl Fn(&[f64]) -> Vec<f64>,
    exact: &[f64],
) -> Result<Vec<f64>> {
    let base = anchored.sample(direction, 0.0)?.pieces;
    let mut errors: Vec<f64> = exact.iter().map(|x| ULPS * f64::EPSILON * x.abs()).collect();
    for draw in 0..DRAWS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(5 + draw);
        let values = anchored.inputs().iter().flat_map(|input| input.as_slice());
        let offset: Vec<f64> = values.map(|x| x * ULP_STEPS[rng.random_range(0..4)]).collect();
        let there = anchored.tangent(&offset, direction)?;
        // Over a kink the derivative jumps, which says nothing about rounding.
        if there.pieces != base {
            continue;
        }
        for ((error, exact), there) in errors.iter_mut().zip(exact).zip(contracted(there.output.as_slice())) {
            *error = error.max(SPREADS * (there - exact).abs());
        }
    }
    Ok(errors)
}

const ULP_STEPS: [f64; 4] = [-2.0 * f64::EPSILON, -f64::EPSILON, f64::EPSILON, 2.0 * f64::EPSILON];
