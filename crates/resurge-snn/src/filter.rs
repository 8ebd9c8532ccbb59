//! The trace filter on plain tensors, for inputs and targets.

use crate::error::check;
use crate::{Result, SnnError};
use resurge_tensor::{Scalar, Tensor};

/// `a[t] = decay * a[t-1] + (1 - decay) * x[t]` along the first axis: equation (3), for a sequence that does not
/// depend on any parameter.
///
/// # Errors
/// [`SnnError::Parameter`] unless the decay lies in `0..1`, [`SnnError::Sequence`] for a scalar.
///
/// ```
/// use resurge_snn::trace_filter;
/// use resurge_tensor::Tensor;
///
/// let spikes = Tensor::from_vec([3, 1], vec![1.0, 0.0, 1.0])?; // [T, N]
/// assert_eq!(trace_filter(&spikes, 0.5)?.as_slice(), &[0.5, 0.25, 0.625]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn trace_filter<S: Scalar>(sequence: &Tensor<S>, decay: f64) -> Result<Tensor<S>> {
    check("trace decay", decay, "at least 0 and less than 1", (0.0..1.0).contains(&decay))?;
    let Some(&steps) = sequence.shape().first() else {
        return Err(SnnError::Sequence { what: "trace filter", shape: sequence.shape().clone() });
    };
    let mut out = sequence.scale(S::from_f64(1.0 - decay));
    let width = out.len() / steps.max(1);
    let values = out.as_mut_slice();
    for i in width..values.len() {
        values[i] += S::from_f64(decay) * values[i - width];
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        let x = Tensor::from_fn([3, 2], |i| i as f64).unwrap();
        assert_eq!(trace_filter(&x, 0.0).unwrap(), x);
        assert_eq!(trace_filter(&x, 0.5).unwrap().as_slice(), &[0.0, 0.5, 1.0, 1.75, 2.5, 3.375]);
        assert!(trace_filter(&Tensor::<f64>::zeros([0, 2]).unwrap(), 0.5).unwrap().is_empty());
        assert!(matches!(trace_filter(&x, 1.0), Err(SnnError::Parameter { parameter: "trace decay", .. })));
        assert!(matches!(trace_filter(&Tensor::scalar(1.0), 0.5), Err(SnnError::Sequence { .. })));
    }
}
