//! Quotient, elementwise.

use super::OpCase;
use super::elementwise::{Pair, Pairwise, binary_cases};
use crate::{Result, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Tensor};

#[derive(Debug, Clone, Copy)]
struct Div;

impl Pairwise for Div {
    const NAME: &'static str = "div";

    fn value<S: Scalar>(a: &Tensor<S>, b: &Tensor<S>) -> Result<Tensor<S>> {
        Ok(a.div(b)?)
    }

    fn left<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>> {
        Ok(at.cotangent.div(at.inputs[1])?)
    }

    fn right<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>> {
        Ok(at.cotangent.mul(at.output)?.div(at.inputs[1])?.map(|x| -x))
    }
}

impl<S: Scalar> Tape<S> {
    /// Quotient, elementwise.
    /// Operands are broadcast by NumPy's rule.
    ///
    /// # Errors
    /// A shape error when the operands do not broadcast,
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let (a, b) = (tape.leaf(Tensor::scalar(6.0)), tape.leaf(Tensor::scalar(2.0)));
    /// let y = tape.div(a, b)?;
    /// assert_eq!(tape.value(y)?.item(), Some(3.0));
    /// let gradients = tape.backward(y)?;
    /// assert_eq!((gradients.wrt(a)?.item(), gradients.wrt(b)?.item()), (Some(0.5), Some(-1.5)));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn div(&mut self, a: Var, b: Var) -> Result<Var> {
        self.apply(Pair(Div), &[a, b])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    binary_cases(Div, 0.5, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_of_pair;

    #[test]
    fn value() {
        assert_eq!(value_of_pair(Tape::div, 3.0, 2.0), 1.5);
    }
}
