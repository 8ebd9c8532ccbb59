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

/// At most so many steps; the gradients are smooth in the number, so that each about squares the error.
const STEPS: usize = 12;

/// Fits a number to the gradients in the file. Each step is the least-squares solution of the linearised residual, with
/// the derivative by a difference, and is halved until the residual falls.
pub(super) fn fit(
    file: &AuditFile,
    starts: &[f64],
    gradients: impl Fn(f64) -> Result<Vec<Vec<f64>>>,
) -> Result<Option<Fit>> {
    let recorded: Vec<Vec<f64>> = file.gradients.iter().map(|g| g.value.to_vec()).collect();
    let recorded = scaled(file, &recorded);
    let miss = |found: &[Vec<f64>]| -> Vec<f64> {
        scaled(file, found).iter().zip(&recorded).map(|(a, b)| a - b).collect()
    };
    let mut best: Option<(f64, Vec<Vec<f64>>, Vec<f64>, f64)> = None;
    for &start in starts {
        let found = gradients(start)?;
        let rest = miss(&found);
        let size = dot(&rest, &rest);
        if size.is_finite() && best.as_ref().is_none_or(|b| size < b.3) {
            best = Some((start, found, rest, size));
        }
    }
    let Some((mut value, mut found, mut rest, mut size)) = best else { return Ok(None) };
    for _ in 0..STEPS {
        if compare(file, &found).within(file.precision.tolerance() / 1e3) {
            break;
        }
        let h = 1e-5 * value.abs().max(0.1);
        let ahead = miss(&gradients(value + h)?);
        let slope: Vec<f64> = ahead.iter().zip(&rest).map(|(a, b)| (a - b) / h).collect();
        let curvature = dot(&slope, &slope);
        if curvature == 0.0 {
            break;
        }
        let mut step = -dot(&slope, &rest) / curvature;
        let mut improved = false;
        for _ in 0..8 {
            let next = gradients(value + step)?;
            let next_rest = miss(&next);
            let next_size = dot(&next_rest, &next_rest);
            if next_size < size {
                improved = next_size < 0.99 * size;
                (value, found, rest, size) = (value + step, next, next_rest, next_size);
                break;
            }
            step /= 2.0;
        }
        if !improved {
            break;
        }
    }
    Ok(Some(Fit { value, gradients: found }))
}
