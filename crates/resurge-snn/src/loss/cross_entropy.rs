//! Cross-entropy with class targets.

use super::{by_class, steps_batch_neurons};
use crate::error::check;
use crate::{Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Scalar;

/// `-1/B * sum over samples of ln softmax(logits)[class]`: the mean cross-entropy, in nats, of logits `[B, N]`
/// with one class per sample. Its gradient at the logits is `(softmax - one-hot) / B`.
///
/// # Errors
/// [`SnnError::Axes`] unless the logits have two axes, [`SnnError::Parameter`] for an empty batch,
/// [`SnnError::ClassCount`] and [`SnnError::Class`] where the classes do not fit.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::cross_entropy;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let logits = tape.leaf(Tensor::from_vec([1, 2], vec![3.0_f64.ln(), 0.0])?); // probabilities 3/4 and 1/4
/// let loss = cross_entropy(&mut tape, logits, &[1])?;
/// assert!((tape.value(loss)?.as_slice()[0] - 4.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn cross_entropy<S: Scalar>(tape: &mut Tape<S>, logits: Var, classes: &[usize]) -> Result<Var> {
    let shape = tape.value(logits)?.shape().clone();
    let &[batch, neurons] = &shape[..] else {
        return Err(SnnError::Axes { what: "cross-entropy", expected: "[B, N]", shape });
    };
    check("cross-entropy batch size", batch as f64, "at least 1", batch > 0)?;
    let picked = tape.constant(by_class(classes, [batch, neurons], -1.0 / batch as f64, 0.0)?);
    let log_probabilities = tape.log_softmax(logits)?;
    let terms = tape.mul(log_probabilities, picked)?;
    Ok(tape.sum(terms)?)
}

/// [`cross_entropy`] of spike counts: the logits are the sums over time of an output `[T, B, N]`.
///
/// # Errors
/// [`SnnError::Sequence`] without steps, [`SnnError::Axes`] unless there are three axes, and as
/// [`cross_entropy`].
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::spike_count_cross_entropy;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let spikes = tape.leaf(Tensor::from_vec([2, 1, 2], vec![1.0, 0.0, 1.0, 0.0])?); // counts 2 and 0
/// let loss = spike_count_cross_entropy(&mut tape, spikes, &[0])?;
/// assert!((tape.value(loss)?.as_slice()[0] - (1.0 + (-2.0_f64).exp()).ln()).abs() < 1e-15);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn spike_count_cross_entropy<S: Scalar>(
    tape: &mut Tape<S>,
    spikes: Var,
    classes: &[usize],
) -> Result<Var> {
    steps_batch_neurons(tape, spikes, "spike-count cross-entropy")?;
    let counts = tape.sum_axis(spikes, 0)?;
    cross_entropy(tape, counts, classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use resurge_tensor::Tensor;

    #[test]
    fn value_and_gradient_by_hand() {
        let mut tape = Tape::new();
        let ln3 = 3.0_f64.ln();
        let logits = tape.leaf(Tensor::from_vec([2, 2], vec![ln3, 0.0, 0.0, ln3]).unwrap());
        let loss = cross_entropy(&mut tape, logits, &[0, 0]).unwrap();
        // -(ln 3/4 + ln 1/4) / 2
        assert_relative_eq!(tape.value(loss).unwrap().item().unwrap(), (16.0 / 3.0_f64).ln() / 2.0);
        let gradients = tape.backward(loss).unwrap();
        let expected = [-0.125, 0.125, -0.375, 0.375];
        for (g, e) in gradients.wrt(logits).unwrap().as_slice().iter().zip(expected) {
            assert_relative_eq!(*g, e, max_relative = 1e-15);
        }
    }

    #[test]
    fn a_right_answer_of_any_size_costs_nothing() {
        let mut tape = Tape::new();
        let logits = tape.leaf(Tensor::from_vec([1, 2], vec![1e5, 0.0]).unwrap());
        let loss = cross_entropy(&mut tape, logits, &[0]).unwrap();
        assert_eq!(tape.value(loss).unwrap().item(), Some(0.0));
        let wrong = cross_entropy(&mut tape, logits, &[1]).unwrap();
        assert_eq!(tape.value(wrong).unwrap().item(), Some(1e5));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let mut tape = Tape::<f64>::new();
        let mut of = |shape: &[usize]| tape.leaf(Tensor::zeros(shape).unwrap());
        let (logits, empty, flat, sequence) = (of(&[2, 3]), of(&[0, 3]), of(&[3]), of(&[0, 2, 3]));
        let mut loss = |logits, classes: &[usize]| cross_entropy(&mut tape, logits, classes).unwrap_err();
        assert!(matches!(loss(flat, &[0]), SnnError::Axes { expected: "[B, N]", .. }));
        assert!(matches!(
            loss(empty, &[]),
            SnnError::Parameter { parameter: "cross-entropy batch size", .. }
        ));
        assert_eq!(loss(logits, &[0]), SnnError::ClassCount { expected: 2, actual: 1 });
        assert_eq!(loss(logits, &[0, 3]), SnnError::Class { sample: 1, class: 3, count: 3 });
        let error = spike_count_cross_entropy(&mut tape, sequence, &[0, 0]).unwrap_err();
        assert!(matches!(error, SnnError::Sequence { what: "spike-count cross-entropy", .. }));
    }
}
