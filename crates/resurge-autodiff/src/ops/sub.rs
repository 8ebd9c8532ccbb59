//! Difference, elementwise.

use super::OpCase;
use super::elementwise::{Pair, Pairwise, binary_cases};
use crate::{Result, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Tensor};

#[derive(Debug, Clone, Copy)]
struct Sub;

impl Pairwise for Sub {
    const NAME: &'static str = "sub";

    fn value<S: Scalar>(a: &Tensor<S>, b: &Tensor<S>) -> Result<Tensor<S>> {
        Ok(a.sub(b)?)
    }

    fn left<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>> {
        Ok(at.cotangent.clone())
    }

    fn right<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>> {
        Ok(at.cotangent.map(|x| -x))
    }
}

impl<S: Scalar> Tape<S> {
    /// Difference, elementwise.
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
    /// let y = tape.sub(a, b)?;
    /// assert_eq!(tape.value(y)?.item(), Some(4.0));
    /// let gradients = tape.backward(y)?;
    /// assert_eq!((gradients.wrt(a)?.item(), gradients.wrt(b)?.item()), (Some(1.0), Some(-1.0)));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn sub(&mut self, a: Var, b: Var) -> Result<Var> {
        self.apply(Pair(Sub), &[a, b])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    binary_cases(Sub, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_of_pair;

    #[test]
    fn value() {
        assert_eq!(value_of_pair(Tape::sub, 3.0, 2.0), 1.0);
    }
}
