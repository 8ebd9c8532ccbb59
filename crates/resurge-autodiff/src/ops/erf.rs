//! The error function, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Erf;

impl Elementwise for Erf {
    const NAME: &'static str = "erf";

    fn value<S: Scalar>(x: S) -> S {
        x.erf()
    }

    fn slope<S: Scalar>(x: S, _y: S) -> S {
        S::from_f64(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp()
    }
}

impl<S: Scalar> Tape<S> {
    /// The error function, elementwise.
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
    /// let y = tape.erf(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(0.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(2.0 / std::f64::consts::PI.sqrt()));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn erf(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Erf), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Erf, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::erf, 0.5), 0.520_499_877_813_046_5, max_relative = 2e-16);
    }
}
