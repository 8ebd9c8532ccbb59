//! The squared error of spike counts.

use super::{by_class, steps_batch_neurons};
use crate::Result;
use crate::error::check;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// How often an output neuron is to spike in a sequence: so many times for the class, so many for the others.
///
/// The default is TSSL-BP's for N-MNIST in 30 steps (Zhang and Li 2020): 15 and 3.
///
/// ```
/// use resurge_snn::CountTarget;
///
/// assert_eq!(CountTarget::default(), CountTarget::new(15.0, 3.0)?);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountTarget {
    desired: f64,
    undesired: f64,
    one_sided: bool,
}

impl Default for CountTarget {
    fn default() -> Self {
        Self { desired: 15.0, undesired: 3.0, one_sided: false }
    }
}

impl CountTarget {
    /// `desired` spikes for the class and `undesired` for every other.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless both are at least 0 and finite.
    ///
    /// ```
    /// use resurge_snn::CountTarget;
    ///
    /// assert!(CountTarget::new(10.0, 0.0).is_ok());
    /// assert!(CountTarget::new(10.0, -1.0).is_err());
    /// ```
    pub fn new(desired: f64, undesired: f64) -> Result<Self> {
        check("desired spike count", desired, "at least 0 and finite", desired >= 0.0)?;
        check("undesired spike count", undesired, "at least 0 and finite", undesired >= 0.0)?;
        Ok(Self { desired, undesired, one_sided: false })
    }

    /// The same counts as bounds: more spikes than desired for the class, and fewer than undesired for the
    /// others, are no error. TSSL-BP's public code does it so.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{CountTarget, spike_count_loss};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let spikes = tape.leaf(Tensor::full([4, 1, 1], 1.0)?); // 4 spikes of the right class, of which 2 are desired
    /// let target = CountTarget::new(2.0, 0.0)?;
    /// let exact = spike_count_loss(&mut tape, spikes, &[0], target)?;
    /// let bound = spike_count_loss(&mut tape, spikes, &[0], target.one_sided())?;
    /// assert_eq!((tape.value(exact)?.item(), tape.value(bound)?.item()), (Some(0.5), Some(0.0)));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn one_sided(self) -> Self {
        Self { one_sided: true, ..self }
    }
}

/// `0.5 / T * sum (count - target)^2` over batch and neurons, where `count` is the sum over time of an output
/// `[T, B, N]` and `target` depends on whether the neuron is that of the sample's class.
///
/// The gradient at the output is `(count - target) / T` in every step: the error of the count is spread evenly over
/// time, and is what TSSL-BP (Zhang and Li 2020) sends back, whose loss, half the sum over all steps of the
/// square of that spread error, has this value. It is summed, not averaged, over the batch.
///
/// # Errors
/// [`SnnError::Sequence`](crate::SnnError::Sequence) without steps, [`SnnError::Axes`](crate::SnnError::Axes)
/// unless there are three axes, [`SnnError::ClassCount`](crate::SnnError::ClassCount) and
/// [`SnnError::Class`](crate::SnnError::Class) where the classes do not fit.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{CountTarget, spike_count_loss};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let spikes = tape.leaf(Tensor::from_vec([2, 1, 2], vec![1.0, 1.0, 1.0, 0.0])?); // counts 2 and 1
/// let loss = spike_count_loss(&mut tape, spikes, &[0], CountTarget::new(1.0, 0.0)?)?;
/// assert_eq!(tape.value(loss)?.item(), Some(0.5)); // 0.5 / 2 * (1 + 1)
/// assert_eq!(tape.backward(loss)?.wrt(spikes)?.as_slice(), &[0.5; 4]);
///
/// let loss = spike_count_loss(&mut tape, spikes, &[0], CountTarget::new(1.0, 0.0)?.one_sided())?;
/// assert_eq!(tape.backward(loss)?.wrt(spikes)?.as_slice(), &[0.0, 0.5, 0.0, 0.5]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn spike_count_loss<S: Scalar>(
    tape: &mut Tape<S>,
    spikes: Var,
    classes: &[usize],
    target: CountTarget,
) -> Result<Var> {
    let [steps, batch, neurons] = steps_batch_neurons(tape, spikes, "spike-count loss")?;
    let targets: Tensor<S> = by_class(classes, [batch, neurons], target.desired, target.undesired)?;
    let targets = tape.constant(targets);
    let counts = tape.sum_axis(spikes, 0)?;
    let mut error = tape.sub(counts, targets)?;
    if target.one_sided {
        // The error that counts is negative for the class and positive for the others.
        let sign = tape.constant(by_class(classes, [batch, neurons], -1.0, 1.0)?);
        let outwards = tape.mul(error, sign)?;
        error = tape.relu(outwards)?;
    }
    let square = tape.square(error)?;
    let sum = tape.sum(square)?;
    Ok(tape.scale(sum, 0.5 / steps as f64)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;

    /// The loss of given counts of two samples with three neurons, and its gradient in the first step.
    fn loss(counts: [f64; 6], target: CountTarget) -> (f64, Vec<f64>) {
        let mut tape = Tape::new();
        let mut spikes = Tensor::zeros([4, 2, 3]).unwrap();
        spikes.as_mut_slice()[6..12].copy_from_slice(&counts);
        let spikes = tape.leaf(spikes);
        let loss = spike_count_loss(&mut tape, spikes, &[2, 0], target).unwrap();
        let gradient = tape.backward(loss).unwrap().wrt(spikes).unwrap().clone();
        for t in 1..4 {
            assert_eq!(gradient.select(t), gradient.select(0), "the error is spread evenly over time");
        }
        let first = gradient.select(0).unwrap().to_vec();
        (tape.value(loss).unwrap().item().unwrap(), first)
    }

    #[test]
    fn values_and_gradients_by_hand() {
        // Targets: 3 3 15 and 15 3 3.
        let counts = [3.0, 5.0, 14.0, 17.0, 1.0, 3.0];
        let (value, gradient) = loss(counts, CountTarget::default());
        assert_eq!(value, 0.125 * (4.0 + 1.0 + 4.0 + 4.0));
        assert_eq!(gradient, [0.0, 0.5, -0.25, 0.5, -0.5, 0.0]);
        // One-sided: too many spikes for the class, too few for another, are no error.
        let (value, gradient) = loss(counts, CountTarget::default().one_sided());
        assert_eq!(value, 0.125 * (4.0 + 1.0));
        assert_eq!(gradient, [0.0, 0.5, -0.25, 0.0, 0.0, 0.0]);
        assert_eq!(CountTarget::new(15.0, 3.0), Ok(CountTarget::default()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let parameter = |result: Result<CountTarget>| match result {
            Err(SnnError::Parameter { parameter, .. }) => parameter,
            other => panic!("{other:?}"),
        };
        assert_eq!(parameter(CountTarget::new(-1.0, 0.0)), "desired spike count");
        assert_eq!(parameter(CountTarget::new(1.0, f64::NAN)), "undesired spike count");
        let mut tape = Tape::<f64>::new();
        let spikes = tape.leaf(Tensor::zeros([2, 1, 3]).unwrap());
        let mut classes = |classes: &[usize]| {
            spike_count_loss(&mut tape, spikes, classes, CountTarget::default()).unwrap_err()
        };
        assert_eq!(classes(&[]), SnnError::ClassCount { expected: 1, actual: 0 });
        assert_eq!(classes(&[3]), SnnError::Class { sample: 0, class: 3, count: 3 });
        let flat = tape.leaf(Tensor::zeros([2, 3]).unwrap());
        let error = spike_count_loss(&mut tape, flat, &[0], CountTarget::default()).unwrap_err();
        assert!(matches!(error, SnnError::Axes { what: "spike-count loss", .. }));
    }
}
