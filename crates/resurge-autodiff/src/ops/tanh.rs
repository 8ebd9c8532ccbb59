//! Hyperbolic tangent, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Tanh;

impl Elementwise for Tanh {
    const NAME: &'static str = "tanh";

    fn value<S: Scalar>(x: S) -> S {
        x.tanh()
    }

    fn slope<S: Scalar>(x: S, _y: S) -> S {
        x.sech2()
    }
}

impl<S: Scalar> Tape<S> {
    /// Hyperbolic tangent, elementwise.
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
    /// let y = tape.tanh(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(0.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(1.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn tanh(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Tanh), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Tanh, -20.0, 20.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::tanh, 0.5), 0.462_117_157_260_009_8, max_relative = 2e-16);
    }
}
