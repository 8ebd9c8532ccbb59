//! Losses: from a sequence of outputs to one number; and what reads a sequence out.

mod count;
mod cross_entropy;
mod kernel;
mod readout;
mod run;
mod trace;
mod vocabulary;

pub use count::{CountTarget, spike_count_loss};
pub use cross_entropy::{cross_entropy, spike_count_cross_entropy};
pub use kernel::{CLASS_PATTERN, class_spikes, kernel_loss};
pub use readout::{Readout, readout, readout_cross_entropy};
pub use run::Target;
pub use trace::trace_loss;
pub use vocabulary::{Loss, LossEntry, Reduction};

use crate::{Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// The extents of a sequence `[T, B, N]` of at least one step.
fn steps_batch_neurons<S: Scalar>(tape: &Tape<S>, input: Var, what: &'static str) -> Result<[usize; 3]> {
    let shape = tape.value(input)?.shape();
    match shape[..] {
        [0, ..] => Err(SnnError::Sequence { what, shape: shape.clone() }),
        [t, b, n] => Ok([t, b, n]),
        _ => Err(SnnError::Axes { what, expected: "[T, B, N]", shape: shape.clone() }),
    }
}

/// Checks that each class is one of `count`.
fn check_classes(classes: &[usize], count: usize) -> Result<()> {
    match classes.iter().position(|&class| class >= count) {
        Some(sample) => Err(SnnError::Class { sample, class: classes[sample], count }),
        None => Ok(()),
    }
}

/// A tensor `[B, N]` of `target` for the class of each sample and `other` elsewhere.
fn by_class<S: Scalar>(
    classes: &[usize],
    [batch, neurons]: [usize; 2],
    target: f64,
    other: f64,
) -> Result<Tensor<S>> {
    if classes.len() != batch {
        return Err(SnnError::ClassCount { expected: batch, actual: classes.len() });
    }
    check_classes(classes, neurons)?;
    let value = |i: usize| S::from_f64(if classes[i / neurons] == i % neurons { target } else { other });
    Ok(Tensor::from_fn([batch, neurons], value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_sequence_of_vectors_is_named() {
        let mut tape = Tape::<f64>::new();
        let mut of = |shape: &[usize]| {
            let x = tape.constant(Tensor::zeros(shape).unwrap());
            steps_batch_neurons(&tape, x, "count loss")
        };
        assert_eq!(of(&[2, 1, 3]), Ok([2, 1, 3]));
        assert!(matches!(of(&[0, 2, 3]), Err(SnnError::Sequence { what: "count loss", .. })));
        assert_eq!(
            of(&[2, 1, 3, 4, 4]).unwrap_err().to_string(),
            "count loss: expected axes [T, B, N], found shape [2, 1, 3, 4, 4]; reshape or flatten it first"
        );
    }

    #[test]
    fn classes_that_do_not_fit_are_named() {
        assert_eq!(by_class::<f64>(&[1, 0], [2, 2], 5.0, -1.0).unwrap().as_slice(), &[-1.0, 5.0, 5.0, -1.0]);
        let count = by_class::<f64>(&[1], [2, 2], 1.0, 0.0).unwrap_err();
        assert_eq!(count, SnnError::ClassCount { expected: 2, actual: 1 });
        let class = by_class::<f64>(&[1, 2], [2, 2], 1.0, 0.0).unwrap_err();
        assert_eq!(class.to_string(), "sample 1 is of class 2, but there are 2 classes, counted from 0");
        assert!(by_class::<f64>(&[], [0, 2], 1.0, 0.0).unwrap().is_empty());
        assert!(by_class::<f64>(&[0], [1, 0], 1.0, 0.0).is_err());
    }
}
