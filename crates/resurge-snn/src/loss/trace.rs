//! The loss on traces.

use crate::Result;
use crate::sequence::check_shape;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// `0.5 * sum (a - a*)^2` over steps, batch and neurons: the paper's loss on traces, for an output `a` and a
/// target `a*` of the same shape `[T, B, N]`.
///
/// # Errors
/// A shape error when the shapes differ.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::trace_loss;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let a = tape.leaf(Tensor::from_vec([2, 1, 1], vec![0.5, 1.0])?);
/// let loss = trace_loss(&mut tape, a, &Tensor::zeros([2, 1, 1])?)?;
/// assert_eq!(tape.value(loss)?.item(), Some(0.625));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn trace_loss<S: Scalar>(tape: &mut Tape<S>, trace: Var, target: &Tensor<S>) -> Result<Var> {
    check_shape(target, tape.value(trace)?.shape(), "trace_loss target")?;
    let target = tape.constant(target.clone());
    let error = tape.sub(trace, target)?;
    let square = tape.square(error)?;
    let sum = tape.sum(square)?;
    Ok(tape.scale(sum, 0.5)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_of_another_shape_is_refused_even_where_it_would_broadcast() {
        let mut tape = Tape::<f64>::new();
        let a = tape.leaf(Tensor::zeros([2, 1, 3]).unwrap());
        let error = trace_loss(&mut tape, a, &Tensor::zeros([3]).unwrap()).unwrap_err();
        assert!(error.to_string().contains("trace_loss target: expected shape [2, 1, 3]"), "{error}");
    }
}
