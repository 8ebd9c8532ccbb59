//! Natural logarithm, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Ln;

impl Elementwise for Ln {
    const NAME: &'static str = "ln";

    fn value<S: Scalar>(x: S) -> S {
        x.ln()
    }

    fn slope<S: Scalar>(x: S, _y: S) -> S {
        S::one() / x
    }
}

impl<S: Scalar> Tape<S> {
    /// Natural logarithm, elementwise; not a number for negative elements, as in floating-point arithmetic.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(2.0));
    /// let y = tape.ln(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(2f64.ln()));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(0.5));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn ln(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Ln), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Ln, 0.1, 3.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::ln, std::f64::consts::E), 1.0, max_relative = 2e-16);
    }
}
