//! How far gradients are from those in the file: by tensor, by row and by entry, each in its own units.

use super::file::{AuditFile, Precision, Recorded};
use resurge_tensor::Bounded;
use serde::Serialize;

/// A tensor of a gradient as it should be.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) values: Vec<f64>,
    /// How far each number may be off in the file's type.
    pub(super) slack: Vec<f64>,
}

impl Expected {
    /// Numbers with their bounds.
    pub(super) fn new(numbers: &[Bounded], precision: Precision) -> Self {
        Self {
            values: numbers.iter().map(|x| x.value).collect(),
            slack: numbers.iter().map(|&x| precision.slack(x)).collect(),
        }
    }

    /// Numbers of which nothing may be off.
    pub(super) fn exactly(values: Vec<f64>) -> Self {
        Self { slack: vec![0.0; values.len()], values }
    }

    /// Its multiple.
    pub(super) fn times(&self, factor: f64) -> Self {
        let of = |numbers: &[f64], factor: f64| numbers.iter().map(|x| x * factor).collect();
        Self { values: of(&self.values, factor), slack: of(&self.slack, factor.abs()) }
    }
}

/// The gradients of the file beside those that are expected, tensor by tensor.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) tensors: Vec<Compared>,
}

/// One tensor beside the expected one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    /// The norm of the difference over that of what is expected.
    pub(super) error: f64,
    /// The norm of what may be off, over the same.
    pub(super) tolerance: f64,
    /// The norms of the difference and of what may be off, themselves.
    pub(super) absolute: (f64, f64),
    /// Whether it should be zero, every number of it.
    pub(super) vanishes: bool,
    /// Entries that are off by more than they may be.
    pub(super) wrong: Vec<usize>,
    pub(super) worst_row: Option<Worst>,
    pub(super) worst_entry: Option<Worst>,
}

/// The row (a neuron's, a filter's, a step's: an index of the first axis) or the entry that exceeds its tolerance most.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions::default())?;
/// let row = report.gradients[0].worst_row.clone().ok_or("no row")?;
/// assert!(row.error > row.tolerance);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worst {
    /// Its index: of a row one number, of an entry as many as the tensor has axes.
    pub index: Vec<usize>,
    /// The norm of its difference over its own norm; infinite where it should be zero and is not.
    pub error: f64,
    /// The error that is allowed to it; infinite where it should be zero.
    pub tolerance: f64,
    /// The norm of its difference.
    pub difference: f64,
    /// The difference that is allowed to it.
    pub allowed: f64,
}

impl Comparison {
    /// Compares what is expected with what the file has.
    pub(super) fn new(file: &AuditFile, expected: &[Expected]) -> Self {
        let each = file.gradients.iter().zip(expected);
        Self { tensors: each.map(|(recorded, expected)| Compared::new(recorded, expected)).collect() }
    }

    /// Whether no entry of any tensor is off by more than it may be.
    pub(super) fn agrees(&self) -> bool {
        self.tensors.iter().all(Compared::agrees)
    }

    /// The tensors that do not agree.
    pub(super) fn wrong(&self) -> Vec<usize> {
        (0..self.tensors.len()).filter(|&i| !self.tensors[i].agrees()).collect()
    }

    /// All of them together: the root of the mean of the squares of their errors. Of a tensor that should be zero and
    /// is not, all is wrong.
    pub(super) fn residual(&self) -> f64 {
        let error = |t: &Compared| if t.vanishes && t.error.is_infinite() { 1.0 } else { t.error };
        let squares: f64 = self.tensors.iter().map(|t| error(t) * error(t)).sum();
        (squares / self.tensors.len().max(1) as f64).sqrt()
    }
}

impl Compared {
    pub(super) fn new(recorded: &Recorded, expected: &Expected) -> Self {
        let (found, shape) = (recorded.value.as_slice(), recorded.value.shape());
        if found.len() != expected.values.len() {
            // What has another length is no candidate.
            return Self {
                error: f64::INFINITY,
                tolerance: 0.0,
                absolute: (f64::INFINITY, 0.0),
                vanishes: false,
                wrong: (0..found.len()).collect(),
                worst_row: None,
                worst_entry: None,
            };
        }
        let difference: Vec<f64> = found.iter().zip(&expected.values).map(|(a, b)| a - b).collect();
        // A difference that is not a number is off, too.
        let within = |&i: &usize| difference[i].abs() <= expected.slack[i];
        let wrong = (0..found.len()).filter(|i| !within(i)).collect();
        let part = |from: usize, len: usize| {
            let range = from..from + len;
            let (off, allowed) = (norm(&difference[range.clone()]), norm(&expected.slack[range.clone()]));
            let size = norm(&expected.values[range]);
            let (error, tolerance) = (relative(off, size), relative(allowed, size));
            Worst { index: Vec::new(), error, tolerance, difference: off, allowed }
        };
        let worst = |len: usize| {
            let excess = |(_, part): &(usize, Worst)| match part.allowed {
                0.0 if part.difference == 0.0 => 0.0,
                allowed => part.difference / allowed,
            };
            let parts = (0..found.len() / len.max(1)).map(|i| (i, part(i * len, len)));
            parts.max_by(|a, b| excess(a).total_cmp(&excess(b)))
        };
        let row = if shape.rank() > 1 { found.len() / shape[0].max(1) } else { 0 };
        let worst_row = worst(row).filter(|_| row > 0);
        let whole = part(0, found.len());
        Self {
            error: whole.error,
            tolerance: whole.tolerance,
            absolute: (whole.difference, whole.allowed),
            vanishes: expected.values.iter().all(|&x| x == 0.0),
            wrong,
            worst_row: worst_row.map(|(i, of)| Worst { index: vec![i], ..of }),
            worst_entry: worst(1).map(|(i, of)| Worst { index: position(i, shape), ..of }),
        }
    }

    pub(super) fn agrees(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// The index of an entry, an axis each; of a tensor that has one, so that no extent is 0.
pub(super) fn position(entry: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = entry;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&extent| {
            let i = rest % extent;
            rest /= extent;
            i
        })
        .collect();
    index.reverse();
    index
}

/// A norm in units of another; of nothing, every difference is infinite.
fn relative(norm: f64, unit: f64) -> f64 {
    if norm == 0.0 { 0.0 } else { norm / unit }
}

pub(super) fn norm(values: &[f64]) -> f64 {
    // In units of the largest, so that squares neither overflow nor vanish.
    let largest = values.iter().fold(0.0_f64, |a, x| if x.is_nan() { f64::NAN } else { a.max(x.abs()) });
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * values.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The gradients of all tensors in a row, each in units of the file's own norm, so that none is drowned by another. A
/// tensor that is zero in the file is in units of what is expected of it.
pub(super) fn scaled(units: &[f64], gradients: &[Vec<f64>]) -> Vec<f64> {
    let each = gradients.iter().zip(units);
    each.flat_map(|(gradient, unit)| gradient.iter().map(move |g| g / unit)).collect()
}

/// The units of [`scaled`].
pub(super) fn units(gradients: &[Recorded], expected: &[Expected]) -> Vec<f64> {
    let each = gradients.iter().zip(expected);
    each.map(|(recorded, expected)| {
        let norms = [norm(recorded.value.as_slice()), norm(&expected.values)];
        norms.into_iter().find(|&norm| norm > 0.0).unwrap_or(1.0)
    })
    .collect()
}

#[cfg(test)]
mod tests;
