//! The value of one number at which gradients fit best: Gauss and Newton's method from the best of a grid.

use super::compare::{dot, scaled};
use super::error::Result;

/// A value that was tried: what its gradients miss, and the square of that.
struct Tried {
    value: f64,
    rest: Vec<f64>,
    size: f64,
}

/// At most so many steps; the gradients are smooth in the number, so that each about squares the error.
const STEPS: usize = 12;

/// The step of the difference that is a derivative, relative; what is forgotten of it shows in the next step's residual.
const STEP: f64 = 1e-5;

/// Fits a number to the gradients `recorded`, each tensor in its `units`. Each step is the least-squares solution of
/// the linearised residual, with the derivative by a difference, and is halved until the residual falls. `None` where no
/// start gives a finite one, or where `passes` are not enough.
pub(super) fn fit(
    recorded: &[Vec<f64>],
    units: &[f64],
    starts: &[f64],
    passes: usize,
    gradients: impl Fn(f64) -> Result<Vec<Vec<f64>>>,
) -> Result<Option<f64>> {
    // Halved as often as allowed, each step takes ten.
    let steps = STEPS.min(passes.saturating_sub(starts.len()) / 10);
    if steps == 0 {
        return Ok(None);
    }
    let recorded = scaled(units, recorded);
    let miss = |value: f64| -> Result<Vec<f64>> {
        let found = gradients(value)?;
        Ok(scaled(units, &found).iter().zip(&recorded).map(|(a, b)| a - b).collect())
    };
    let mut best: Option<Tried> = None;
    let attempt = |value: f64| -> Result<Tried> {
        let rest = miss(value)?;
        Ok(Tried { value, size: dot(&rest, &rest), rest })
    };
    for &start in starts {
        let tried = attempt(start)?;
        if tried.size.is_finite() && best.as_ref().is_none_or(|best| tried.size < best.size) {
            best = Some(tried);
        }
    }
    let Some(mut best) = best else { return Ok(None) };
    for _ in 0..steps {
        let h = STEP * best.value.abs().max(0.1);
        let ahead = miss(best.value + h)?;
        let slope: Vec<f64> = ahead.iter().zip(&best.rest).map(|(a, b)| (a - b) / h).collect();
        let curvature = dot(&slope, &slope);
        if curvature == 0.0 {
            break;
        }
        let mut step = -dot(&slope, &best.rest) / curvature;
        let before = best.size;
        for _ in 0..8 {
            let next = attempt(best.value + step)?;
            if next.size < best.size {
                best = next;
                break;
            }
            step /= 2.0;
        }
        // Nothing is left that a step could take away.
        if best.size >= 0.99 * before {
            break;
        }
    }
    Ok(Some(best.value))
}

#[cfg(test)]
mod tests;
