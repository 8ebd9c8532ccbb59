//! Arc tangent, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Atan;

impl Elementwise for Atan {
    const NAME: &'static str = "atan";

    fn value<S: Scalar>(x: S) -> S {
        x.atan()
    }

    fn slope<S: Scalar>(x: S, _y: S) -> S {
        S::one() / (S::one() + x * x)
    }
}

impl<S: Scalar> Tape<S> {
    /// Arc tangent, elementwise.
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
    /// let y = tape.atan(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(0.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(1.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn atan(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Atan), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Atan, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::atan, 1.0), std::f64::consts::FRAC_PI_4, max_relative = 2e-16);
    }
}
