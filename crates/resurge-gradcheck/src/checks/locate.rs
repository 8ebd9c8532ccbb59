//! From a flat position to a tensor and a multi-index, and from a wrong projection to a wrong entry.

use crate::anchored::Evaluate;
use crate::directions::multi_index;
use crate::evidence::dot;
use crate::{Place, Result};
use resurge_tensor::Tensor;

/// The tensor and the multi-index of a position in the flat vector of all inputs.
pub(super) fn input_entry(inputs: &[Tensor<f64>], mut position: usize) -> (usize, Vec<usize>) {
    for (input, tensor) in inputs.iter().enumerate() {
        if position < tensor.len() {
            return (input, multi_index(tensor.shape(), position));
        }
        position -= tensor.len();
    }
    (inputs.len(), Vec::new())
}

/// The place of one entry of the Jacobian.
pub(super) fn entry(anchored: &dyn Evaluate, output: usize, position: usize) -> Place {
    let (input, index) = input_entry(anchored.inputs(), position);
    Place::Entry { input, index, output: multi_index(anchored.cotangent().shape(), output) }
}

/// An entry at which `claimed`, the gradient of the output times `weights`, differs from the derivative by dual
/// numbers, found by halving the support of a
/// direction along which the projections differ: `log2 n` evaluations. `None` where dual numbers do not confirm
/// that they differ by more than `tolerance`.
pub(super) fn suspect(
    anchored: &dyn Evaluate,
    claimed: &[f64],
    direction: &[f64],
    weights: &Tensor<f64>,
    tolerance: f64,
) -> Result<Option<(usize, Vec<usize>)>> {
    let error = |low: usize, high: usize| -> Result<f64> {
        let mut part = vec![0.0; direction.len()];
        part[low..high].copy_from_slice(&direction[low..high]);
        let derivative = dot(anchored.jvp(&part)?.as_slice(), weights.as_slice());
        Ok((derivative - dot(&part, claimed)).abs())
    };
    let (mut low, mut high) = (0, direction.len());
    if high == 0 || error(low, high)? <= tolerance {
        return Ok(None);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        // The errors of the halves add up to that of the whole, so the larger is at least half of it.
        if error(low, middle)? >= error(middle, high)? { high = middle } else { low = middle }
    }
    Ok(Some(input_entry(anchored.inputs(), low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_row_major() {
        assert_eq!(multi_index(&[2, 3, 4], 23), [1, 2, 3]);
        assert_eq!(multi_index(&[2, 3, 4], 5), [0, 1, 1]);
        assert_eq!(multi_index(&[], 0), [0; 0]);
        let inputs =
            [Tensor::zeros([2, 2]).unwrap(), Tensor::zeros([0]).unwrap(), Tensor::zeros([3]).unwrap()];
        assert_eq!(input_entry(&inputs, 3), (0, vec![1, 1]));
        assert_eq!(input_entry(&inputs, 4), (2, vec![0]));
    }
}
