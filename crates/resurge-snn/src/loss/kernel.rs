//! The kernel (van Rossum) loss.

use super::check_classes;
use crate::error::check;
use crate::{Result, trace_filter, trace_loss};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// The target pattern of the paper's MNIST task, inherited from TSSL-BP: silent in the first of every five steps.
///
/// ```
/// use resurge_snn::{CLASS_PATTERN, class_spikes};
/// use resurge_tensor::Tensor;
///
/// let target: Tensor<f32> = class_spikes(&[1], 2, 5, &CLASS_PATTERN)?; // [T, B, N]
/// assert_eq!(target.get(&[0, 0, 1]), Some(0.0));
/// assert_eq!(target.get(&[1, 0, 1]), Some(1.0));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub const CLASS_PATTERN: [bool; 5] = [false, true, true, true, true];

/// `0.5 * sum (a - a*)^2` over steps, batch and neurons, where `a` is an output trace `[T, B, N]` and `a*` the trace
/// of target spikes of the same shape by [`trace_filter`] with the cell's trace decay: van Rossum's distance
/// (2001) of the spike trains with a causal exponential kernel, in discrete time.
///
/// # Errors
/// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the decay lies in `0..1`,
/// [`SnnError::Sequence`](crate::SnnError::Sequence) for a scalar target, and a shape error when the shapes
/// differ.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::kernel_loss;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let trace = tape.leaf(Tensor::from_vec([2, 1, 1], vec![0.0, 0.5])?); // a spike in the second step
/// let target = Tensor::from_vec([2, 1, 1], vec![1.0, 0.0])?; // wanted in the first: a* = 0.5, 0.25
/// let loss = kernel_loss(&mut tape, trace, &target, 0.5)?;
/// assert_eq!(tape.value(loss)?.item(), Some(0.5 * (0.25 + 0.0625)));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn kernel_loss<S: Scalar>(
    tape: &mut Tape<S>,
    trace: Var,
    target_spikes: &Tensor<S>,
    trace_decay: f64,
) -> Result<Var> {
    trace_loss(tape, trace, &trace_filter(target_spikes, trace_decay)?)
}

/// Target spikes `[T, B, N]` for class targets: the neuron of a sample's class spikes where `pattern`, repeated
/// along time, says so; the others are silent.
///
/// # Errors
/// [`SnnError::Parameter`](crate::SnnError::Parameter) for an empty pattern,
/// [`SnnError::Class`](crate::SnnError::Class) for a class beyond the neurons.
///
/// ```
/// use resurge_snn::{CLASS_PATTERN, class_spikes};
///
/// let spikes = class_spikes::<f64>(&[1], 2, 6, &CLASS_PATTERN)?; // one sample, two neurons, six steps
/// let of_class: Vec<f64> = (0..6).filter_map(|t| spikes.get(&[t, 0, 1])).collect();
/// assert_eq!(of_class, [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
/// assert_eq!(spikes.sum(), 4.0);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn class_spikes<S: Scalar>(
    classes: &[usize],
    neurons: usize,
    steps: usize,
    pattern: &[bool],
) -> Result<Tensor<S>> {
    check("pattern length", pattern.len() as f64, "at least 1", !pattern.is_empty())?;
    check_classes(classes, neurons)?;
    let mut spikes = Tensor::zeros([steps, classes.len(), neurons])?;
    let rows = spikes.as_mut_slice().chunks_exact_mut(neurons.max(1));
    for (row, values) in rows.enumerate() {
        let (step, sample) = (row / classes.len(), row % classes.len());
        if pattern[step % pattern.len()] {
            values[classes[sample]] = S::one();
        }
    }
    Ok(spikes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;

    #[test]
    fn the_pattern_repeats_for_the_class_of_each_sample() {
        let spikes = class_spikes::<f32>(&[2, 0], 3, 3, &[true, false]).unwrap();
        let expected = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
        assert_eq!(spikes.select(0).unwrap().as_slice(), &expected);
        assert_eq!(spikes.select(1).unwrap().as_slice(), &[0.0; 6]);
        assert_eq!(spikes.select(2).unwrap().as_slice(), &expected);
        assert_eq!(class_spikes::<f32>(&[], 3, 5, &CLASS_PATTERN).unwrap().shape(), &[5, 0, 3].into());
        assert!(class_spikes::<f32>(&[], 0, 5, &CLASS_PATTERN).unwrap().is_empty());
    }

    #[test]
    fn a_trace_of_the_target_itself_has_no_loss() {
        let target = class_spikes(&[1, 0], 2, 7, &CLASS_PATTERN).unwrap();
        let mut tape = Tape::<f64>::new();
        let trace = tape.leaf(trace_filter(&target, 0.5).unwrap());
        let loss = kernel_loss(&mut tape, trace, &target, 0.5).unwrap();
        assert_eq!(tape.value(loss).unwrap().item(), Some(0.0));
        let other = kernel_loss(&mut tape, trace, &target, 0.4).unwrap();
        assert!(tape.value(other).unwrap().item().unwrap() > 0.01);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let empty = class_spikes::<f64>(&[0], 1, 5, &[]).unwrap_err();
        assert!(matches!(empty, SnnError::Parameter { parameter: "pattern length", .. }));
        let class = class_spikes::<f64>(&[0, 4], 3, 5, &CLASS_PATTERN).unwrap_err();
        assert_eq!(class, SnnError::Class { sample: 1, class: 4, count: 3 });
        let mut tape = Tape::<f64>::new();
        let trace = tape.leaf(Tensor::zeros([2, 1, 3]).unwrap());
        let error = kernel_loss(&mut tape, trace, &Tensor::zeros([2, 1, 1]).unwrap(), 0.5).unwrap_err();
        assert!(error.to_string().contains("expected shape [2, 1, 3], found [2, 1, 1]"), "{error}");
        let error = kernel_loss(&mut tape, trace, &Tensor::zeros([2, 1, 3]).unwrap(), 1.0).unwrap_err();
        assert!(matches!(error, SnnError::Parameter { parameter: "trace decay", .. }));
    }
}
