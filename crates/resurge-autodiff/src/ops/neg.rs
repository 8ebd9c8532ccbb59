//! `-x`, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Neg;

impl Elementwise for Neg {
    const NAME: &'static str = "neg";

    fn value<S: Scalar>(x: S) -> S {
        -x
    }

    fn slope<S: Scalar>(_x: S, _y: S) -> S {
        -S::one()
    }
}

impl<S: Scalar> Tape<S> {
    /// `-x`, elementwise.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// let y = tape.neg(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(-3.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(-1.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn neg(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Neg), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Neg, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::neg, 1.5), -1.5, max_relative = 2e-16);
    }
}
