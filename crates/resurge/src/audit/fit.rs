//! The value of one number at which gradients fit best: Gauss and Newton's method from the best of a grid.

use super::compare::{compare, dot, scaled};
use super::error::Result;
use super::file::AuditFile;

/// A value with the gradients that it gives.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    pub(super) value: f64,
    pub(super) gradients: Vec<Vec<f64>>,
}

/// A value that was tried: its gradients, what they miss, and the square of that.
struct Tried {
    value: f64,
    found: Vec<Vec<f64>>,
    rest: Vec<f64>,
    size: f64,
}

/// At most so many steps; the gradients are smooth in the number, so that each about squares the error.
const STEPS: usize = 12;

/// Fits a number to the gradients in the file. Each step is the least-squares solution of the linearised residual, with
/// the derivative by a difference, and is halved until the residual falls. `None` where no start gives a finite one, or
/// where `passes` are not enough.
pub(super) fn fit(
    file: &AuditFile,
    starts: &[f64],
    passes: usize,
    gradients: impl Fn(f64) -> Result<Vec<Vec<f64>>>,
) -> Result<Option<Fit>> {
    // Halved as often as allowed, each step takes ten.
    let steps = STEPS.min(passes.saturating_sub(starts.len()) / 10);
    if steps == 0 {
        return Ok(None);
    }
    let recorded: Vec<Vec<f64>> = file.gradients.iter().map(|g| g.value.to_vec()).collect();
    let recorded = scaled(file, &recorded);
    let miss = |found: &[Vec<f64>]| -> Vec<f64> {
        scaled(file, found).iter().zip(&recorded).map(|(a, b)| a - b).collect()
    };
    let mut best: Option<Tried> = None;
    let attempt = |value: f64| -> Result<Tried> {
        let found = gradients(value)?;
        let rest = miss(&found);
        Ok(Tried { value, size: dot(&rest, &rest), found, rest })
    };
    for &start in starts {
        let tried = attempt(start)?;
        if tried.size.is_finite() && best.as_ref().is_none_or(|best| tried.size < best.size) {
            best = Some(tried);
        }
    }
    let Some(mut best) = best else { return Ok(None) };
    for _ in 0..steps {
        if compare(file, &best.found).within(file.precision.tolerance() / 1e3) {
            break;
        }
        let h = 1e-5 * best.value.abs().max(0.1);
        let ahead = miss(&gradients(best.value + h)?);
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
        if best.size >= 0.99 * before {
            break;
        }
    }
    Ok(Some(Fit { value: best.value, gradients: best.found }))
}
