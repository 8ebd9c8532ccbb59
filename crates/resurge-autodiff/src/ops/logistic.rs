//! `1 / (1 + e^-x)`, elementwise: the logistic sigmoid.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Logistic;

impl Elementwise for Logistic {
    const NAME: &'static str = "logistic";

    fn value<S: Scalar>(x: S) -> S {
        x.logistic()
    }

    fn slope<S: Scalar>(x: S, y: S) -> S {
        y * (-x).logistic()
    }
}

impl<S: Scalar> Tape<S> {
    /// `1 / (1 + e^-x)`, elementwise: the logistic sigmoid.
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
    /// let y = tape.logistic(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(0.5));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(0.25));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn logistic(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Logistic), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Logistic, -40.0, 40.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::logistic, 0.0), 0.5, max_relative = 2e-16);
    }
}
