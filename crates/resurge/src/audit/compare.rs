//! How far gradients are from those in the file.

use super::file::AuditFile;

/// The gradients of the file and of a candidate, tensor by tensor.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    /// The norm of the difference over that of the candidate, a tensor each.
    pub(super) errors: Vec<f64>,
    /// All of them together: the root of the mean of their squares.
    pub(super) residual: f64,
}

impl Comparison {
    pub(super) fn within(&self, tolerance: f64) -> bool {
        self.errors.iter().all(|&error| error <= tolerance)
    }
}

/// Compares a candidate's gradients with those in the file.
pub(super) fn compare(file: &AuditFile, candidate: &[Vec<f64>]) -> Comparison {
    let floor = floor(file, candidate);
    let each = file.gradients.iter().zip(candidate);
    let errors: Vec<f64> =
        each.map(|(recorded, found)| relative(recorded.value.as_slice(), found, floor)).collect();
    let residual = (errors.iter().map(|e| e * e).sum::<f64>() / errors.len().max(1) as f64).sqrt();
    Comparison { errors, residual }
}

/// Norms below this are rounding: of terms as large as the largest gradient that cancel.
fn floor(file: &AuditFile, candidate: &[Vec<f64>]) -> f64 {
    let largest = candidate.iter().map(|g| norm(g)).fold(0.0, f64::max);
    file.precision.roundoff() * largest
}

/// The norm of the difference over that of what is expected; over 1 where that vanishes with all others.
pub(super) fn relative(found: &[f64], expected: &[f64], floor: f64) -> f64 {
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    let scale = norm(expected).max(floor);
    match (difference == 0.0, scale > 0.0) {
        (true, _) => 0.0,
        (false, true) => difference / scale,
        (false, false) => difference,
    }
}

pub(super) fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The gradients of all tensors in a row, each in units of the file's norm, so that none is drowned by another.
pub(super) fn scaled(file: &AuditFile, gradients: &[Vec<f64>]) -> Vec<f64> {
    let norms: Vec<f64> = file.gradients.iter().map(|recorded| norm(recorded.value.as_slice())).collect();
    let floor = norms.iter().copied().fold(0.0, f64::max) * 1e-6;
    let each = gradients.iter().zip(&norms);
    each.flat_map(|(gradient, norm)| {
        let unit = 1.0 / norm.max(floor).max(f64::MIN_POSITIVE);
        gradient.iter().map(move |g| g * unit)
    })
    .collect()
}
