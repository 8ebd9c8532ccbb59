//! `e^x`, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Exp;

impl Elementwise for Exp {
    const NAME: &'static str = "exp";

    fn value<S: Scalar>(x: S) -> S {
        x.exp()
    }

    fn slope<S: Scalar>(_x: S, y: S) -> S {
        y
    }
}

impl<S: Scalar> Tape<S> {
    /// `e^x`, elementwise.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(0.0));
    /// let y = tape.exp(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(1.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(1.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn exp(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Exp), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Exp, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::exp, 1.0), std::f64::consts::E, max_relative = 2e-16);
    }
}
