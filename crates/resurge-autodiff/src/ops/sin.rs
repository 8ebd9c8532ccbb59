//! Sine, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Sin;

impl Elementwise for Sin {
    const NAME: &'static str = "sin";

    fn value<S: Scalar>(x: S) -> S {
        x.sin()
    }

    fn slope<S: Scalar>(x: S, _y: S) -> S {
        x.cos()
    }
}

impl<S: Scalar> Tape<S> {
    /// Sine, elementwise.
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
    /// let y = tape.sin(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(0.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(1.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn sin(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Sin), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Sin, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::sin, std::f64::consts::FRAC_PI_2), 1.0, max_relative = 2e-16);
    }
}
