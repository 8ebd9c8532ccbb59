//! Delta coding.

use crate::error::check;
use crate::{Result, SnnError};
use resurge_tensor::{Scalar, Tensor};

/// What a delta encoder does with a fall of its input.
///
/// ```
/// use resurge_snn::{DeltaPolarity, delta};
/// use resurge_tensor::Tensor;
///
/// let values = Tensor::from_vec([2, 1], vec![0.5, 0.1])?;
/// let fallen: Tensor<f64> = delta(&values, 0.25, DeltaPolarity::OnOff)?;
/// assert!(fallen.as_slice().iter().any(|&spike| spike != 0.0));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeltaPolarity {
    /// Nothing: only rises spike. The output has the input's shape.
    On,
    /// A spike of -1. The output has the input's shape.
    Signed,
    /// A spike of its own channel, as event cameras have it: `[T, B, ...]` becomes `[T, B, 2, ...]`, rises in
    /// channel 0 and falls in channel 1.
    OnOff,
}

/// Delta coding: a spike where the input has risen by more than `threshold` since the previous step, and by
/// `polarity` where it has fallen by more.
///
/// For a sequence `x` of shape `[T, B, ...]`: `o[t] = 1` where `x[t] - x[t-1] > threshold`, strictly. The first
/// step has no previous one and is silent. Each step is compared with the previous one, not with the value at
/// the last spike.
///
/// # Errors
/// [`SnnError::Parameter`] unless the threshold is at least 0 and finite, [`SnnError::NonFinite`] for an input
/// that is not finite, [`SnnError::Sequence`] for an input without time and batch axes.
///
/// ```
/// use resurge_snn::{DeltaPolarity, delta};
/// use resurge_tensor::Tensor;
///
/// let x = Tensor::from_vec([4, 1], vec![5.0, 6.0, 6.2, 4.0])?; // [T, B]
/// let signed = delta::<f64>(&x, 0.5, DeltaPolarity::Signed)?;
/// assert_eq!(signed.as_slice(), &[0.0, 1.0, 0.0, -1.0]);
/// let channels = delta::<f64>(&x, 0.5, DeltaPolarity::OnOff)?; // [T, B, 2]
/// assert_eq!(channels.as_slice(), &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn delta<S: Scalar>(
    sequence: &Tensor<f64>,
    threshold: f64,
    polarity: DeltaPolarity,
) -> Result<Tensor<S>> {
    check("delta threshold", threshold, "at least 0 and finite", threshold >= 0.0)?;
    if !sequence.is_finite() {
        return Err(SnnError::NonFinite { what: "delta encoder" });
    }
    let [steps, batch, ref features @ ..] = sequence.shape()[..] else {
        return Err(SnnError::Sequence { what: "delta encoder", shape: sequence.shape().clone() });
    };
    let width = sequence.len() / steps.max(1);
    let x = sequence.as_slice();
    // +1, 0 or -1 for the change that leads to element i.
    let change = |i: usize| match i.checked_sub(width) {
        Some(previous) if x[i] - x[previous] > threshold => 1.0,
        Some(previous) if x[previous] - x[i] > threshold => -1.0,
        _ => 0.0,
    };
    let spike = |on: bool| if on { S::one() } else { S::zero() };
    Ok(match polarity {
        DeltaPolarity::On => Tensor::from_fn(sequence.shape(), |i| spike(change(i) > 0.0))?,
        DeltaPolarity::Signed => Tensor::from_fn(sequence.shape(), |i| S::from_f64(change(i)))?,
        DeltaPolarity::OnOff => {
            let mut shape = vec![steps, batch, 2];
            shape.extend_from_slice(features);
            let inner = width / batch.max(1);
            Tensor::from_fn(&shape[..], |i| {
                let (sample, channel, feature) = (i / (2 * inner), i / inner % 2, i % inner);
                let change = change(sample * inner + feature);
                spike(if channel == 0 { change > 0.0 } else { change < 0.0 })
            })?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two samples of two features: rises, falls, a change of exactly the threshold, none.
    fn sequence() -> Tensor<f64> {
        let steps = vec![0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.5, 0.0, 0.0, 1.0, 1.25, 0.25];
        Tensor::from_vec([3, 2, 2], steps).unwrap()
    }

    #[test]
    fn the_three_polarities() {
        let encode = |polarity| delta::<f64>(&sequence(), 0.5, polarity).unwrap();
        let on = encode(DeltaPolarity::On);
        assert_eq!(on.as_slice(), &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        let signed = encode(DeltaPolarity::Signed);
        assert_eq!(signed.as_slice(), &[0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -1.0, 1.0, 1.0, 0.0]);
        let channels = encode(DeltaPolarity::OnOff);
        assert_eq!(channels.shape(), &[3, 2, 2, 2].into());
        for t in 0..3 {
            for b in 0..2 {
                for n in 0..2 {
                    let spike = signed.get(&[t, b, n]).unwrap();
                    let of = |channel| channels.get(&[t, b, channel, n]).unwrap();
                    assert_eq!((of(0), of(1)), (spike.max(0.0), (-spike).max(0.0)), "{t} {b} {n}");
                }
            }
        }
    }

    #[test]
    fn edges_and_errors() {
        for shape in [&[0, 2, 3][..], &[2, 0], &[2, 1, 0]] {
            let empty = Tensor::zeros(shape).unwrap();
            assert!(delta::<f64>(&empty, 0.1, DeltaPolarity::On).unwrap().is_empty());
            assert!(delta::<f64>(&empty, 0.1, DeltaPolarity::OnOff).unwrap().is_empty());
        }
        // A threshold of 0: every change counts, no change does not.
        let x = Tensor::from_vec([3, 1], vec![1.0, 1.0, 1.5]).unwrap();
        assert_eq!(delta::<f64>(&x, 0.0, DeltaPolarity::Signed).unwrap().as_slice(), &[0.0, 0.0, 1.0]);
        for threshold in [-0.1, f64::INFINITY, f64::NAN] {
            let error = delta::<f64>(&x, threshold, DeltaPolarity::On).unwrap_err();
            assert!(matches!(error, SnnError::Parameter { parameter: "delta threshold", .. }));
        }
        let flat = delta::<f64>(&Tensor::zeros([3]).unwrap(), 0.1, DeltaPolarity::On).unwrap_err();
        assert!(matches!(flat, SnnError::Sequence { what: "delta encoder", .. }));
        let broken = delta::<f64>(&x.map(|v| v / 0.0), 0.1, DeltaPolarity::On).unwrap_err();
        assert_eq!(broken, SnnError::NonFinite { what: "delta encoder" });
    }
}
