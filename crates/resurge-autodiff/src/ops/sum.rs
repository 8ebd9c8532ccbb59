//! The sum of all elements.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Sum;

impl<S: Scalar> Op<S> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("sum", inputs)?;
        Ok(Tensor::scalar(x.sum()))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs("sum", at.inputs)?;
        Ok(smallvec![Some(at.cotangent.broadcast_to(x.shape())?.into())])
    }
}

impl<S: Scalar> Tape<S> {
    /// The sum of all elements: a scalar, 0 for an empty tensor.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([2], vec![1.0, 2.0])?);
    /// let sum = tape.sum(x)?;
    /// assert_eq!(tape.value(sum)?.item(), Some(3.0));
    /// assert_eq!(tape.backward(sum)?.wrt(x)?.as_slice(), &[1.0, 1.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn sum(&mut self, x: Var) -> Result<Var> {
        self.apply(Sum, &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    super::case::unary_shapes().into_iter().map(|inputs| OpCase::new(Sum, inputs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn([2, 3], |i| i as f64).unwrap());
        let sum = tape.sum(x).unwrap();
        assert_eq!(tape.value(sum).unwrap().item(), Some(15.0));
        let nothing = tape.leaf(Tensor::zeros([0]).unwrap());
        let sum = tape.sum(nothing).unwrap();
        assert_eq!(tape.value(sum).unwrap().item(), Some(0.0));
    }
}
