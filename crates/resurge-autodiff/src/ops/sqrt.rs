//! Square root, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Sqrt;

impl Elementwise for Sqrt {
    const NAME: &'static str = "sqrt";

    fn value<S: Scalar>(x: S) -> S {
        x.sqrt()
    }

    fn slope<S: Scalar>(_x: S, y: S) -> S {
        S::from_f64(0.5) / y
    }
}

impl<S: Scalar> Tape<S> {
    /// Square root, elementwise; not a number for negative elements, as in floating-point arithmetic.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(4.0));
    /// let y = tape.sqrt(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(2.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(0.25));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn sqrt(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Sqrt), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Sqrt, 0.1, 3.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::sqrt, 2.25), 1.5, max_relative = 2e-16);
    }
}
