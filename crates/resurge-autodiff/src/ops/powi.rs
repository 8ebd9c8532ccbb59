//! Integer powers, elementwise.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Powi(i32);

impl<S: Scalar> Op<S> for Powi {
    fn name(&self) -> &'static str {
        "powi"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [input] = expect_inputs("powi", inputs)?;
        Ok(input.map(|x| x.powi(self.0)))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [input] = expect_inputs("powi", at.inputs)?;
        let n = self.0;
        // n - 1 would overflow for the smallest exponent, and x^-1 is not defined at 0 for the exponent 0.
        let slope = |x: S| match n {
            0 => S::zero(),
            i32::MIN => S::from_f64(f64::from(n)) * x.powi(n) / x,
            _ => S::from_f64(f64::from(n)) * x.powi(n - 1),
        };
        Ok(smallvec![Some(at.cotangent.mul(&input.map(slope))?.into())])
    }

    fn detail(&self) -> Option<String> {
        Some(format!("^{}", self.0))
    }
}

impl<S: Scalar> Tape<S> {
    /// `x` to the power `n`, elementwise.
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
    /// let y = tape.powi(x, 3)?;
    /// assert_eq!(tape.value(y)?.item(), Some(8.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(12.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn powi(&mut self, x: Var, n: i32) -> Result<Var> {
        self.apply(Powi(n), &[x])
    }

    /// `x^2`, elementwise.
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
    /// let y = tape.square(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(9.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(6.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn square(&mut self, x: Var) -> Result<Var> {
        self.powi(x, 2)
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let mut cases = Vec::new();
    for inputs in super::case::unary_shapes() {
        for n in [0, 1, 2, 5] {
            cases.push(OpCase::new(Powi(n), inputs.clone()));
        }
        cases.push(OpCase::new(Powi(-2), inputs).within(0.5, 2.0));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value_and_edge_exponents() {
        assert_eq!(value_at(|tape, x| tape.powi(x, -2), 4.0), 0.0625);
        assert_eq!(value_at(Tape::square, -3.0), 9.0);
        let slope = |n, x| {
            let mut tape = Tape::new();
            let x = tape.leaf(Tensor::scalar(x));
            let y = tape.powi(x, n).unwrap();
            tape.backward(y).unwrap().wrt(x).unwrap().item().unwrap()
        };
        assert_eq!(slope(0, 0.0), 0.0);
        assert_eq!(slope(1, 0.0), 1.0);
        assert_eq!(slope(i32::MIN, 1.0), f64::from(i32::MIN));
        // n times the value over x: here about e^-2.
        let x = 1.0 + 1e-9;
        let value = value_at(|tape, x| tape.powi(x, i32::MIN), x);
        assert_relative_eq!(slope(i32::MIN, x) * x / value, -(2f64.powi(31)), max_relative = 1e-15);
    }
}
