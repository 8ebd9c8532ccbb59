//! The linear layer.

use crate::{Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Scalar;

/// `I[t] = W a[t] + b` for a whole sequence: input `[T, B, N_in]`, weight `[N_out, N_in]`, bias `[N_out]`, output
/// `[T, B, N_out]`.
///
/// # Errors
/// [`SnnError::Sequence`] unless the input has three axes, and a shape error where the weight or the bias does
/// not fit.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::linear;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.constant(Tensor::full([2, 1, 3], 1.0)?);
/// let w = tape.leaf(Tensor::from_vec([1, 3], vec![1.0, 2.0, 3.0])?);
/// let b = tape.leaf(Tensor::from_vec([1], vec![0.5])?);
/// let current = linear(&mut tape, x, w, Some(b))?;
/// assert_eq!(tape.value(current)?.as_slice(), &[6.5, 6.5]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn linear<S: Scalar>(tape: &mut Tape<S>, input: Var, weight: Var, bias: Option<Var>) -> Result<Var> {
    let shape = tape.value(input)?.shape().clone();
    let &[t, b, n] = &shape[..] else {
        return Err(SnnError::Sequence { what: "linear layer", shape });
    };
    let flat = tape.reshape(input, [t * b, n])?;
    let product = tape.matmul_transposed(flat, false, weight, true)?;
    let out = tape.value(product)?.shape()[1];
    let current = tape.reshape(product, [t, b, out])?;
    match bias {
        Some(bias) => Ok(tape.add(current, bias)?),
        None => Ok(current),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_tensor::Tensor;

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        let mut tape = Tape::<f64>::new();
        let x = tape.constant(Tensor::zeros([2, 1, 3]).unwrap());
        let w = tape.leaf(Tensor::zeros([4, 2]).unwrap());
        assert!(linear(&mut tape, x, w, None).unwrap_err().to_string().contains("inner dimensions"));
        assert!(matches!(
            linear(&mut tape, w, w, None),
            Err(SnnError::Sequence { what: "linear layer", .. })
        ));
        let w = tape.leaf(Tensor::zeros([4, 3]).unwrap());
        let b = tape.leaf(Tensor::zeros([3]).unwrap());
        assert!(linear(&mut tape, x, w, Some(b)).unwrap_err().to_string().contains("broadcast"));
        assert_eq!(linear(&mut tape, x, w, None).map(|v| tape.value(v).unwrap().len()), Ok(8));
    }
}
