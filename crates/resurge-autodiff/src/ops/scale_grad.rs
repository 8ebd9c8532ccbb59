//! A value whose gradient is multiplied by a constant.

use super::OpCase;
use crate::{Anchor, AutodiffError, Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct ScaleGrad(f64);

impl<S: Scalar> Op<S> for ScaleGrad {
    fn name(&self) -> &'static str {
        "scale_grad"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("scale_grad", inputs)?;
        Ok(x.clone())
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        Ok(smallvec![Some(at.cotangent.scale(S::from_f64(self.0)).into())])
    }

    fn is_surrogate(&self) -> bool {
        true
    }

    /// `x0 + alpha (x - x0)`: the recorded value, with slope alpha. On a spike this is equation (8).
    fn anchored(&self, inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> Result<Tensor<S>> {
        let [x] = expect_inputs("scale_grad", inputs)?;
        let moved = x.sub(anchor.input()?)?.scale(S::from_f64(self.0));
        Ok(anchor.output.add(&moved)?)
    }

    fn detail(&self) -> Option<String> {
        Some(format!("x {}", self.0))
    }
}

impl<S: Scalar> Tape<S> {
    /// The same value with its gradient multiplied by `factor`: 1 leaves it, 0 detaches. In the smooth twin the
    /// value passes, and the gradient is not that of any function unless the factor is 1.
    ///
    /// # Errors
    /// [`AutodiffError::Parameter`] for a factor that is not finite, [`AutodiffError::ForeignVariable`] for a
    /// variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(2.0));
    /// let y = tape.scale_grad(x, 0.25)?;
    /// assert_eq!(tape.value(y)?.item(), Some(2.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(0.25));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn scale_grad(&mut self, x: Var, factor: f64) -> Result<Var> {
        if !factor.is_finite() {
            return Err(AutodiffError::Parameter {
                op: "scale_grad",
                parameter: "factor",
                value: factor,
                expected: "finite",
            });
        }
        self.apply(ScaleGrad(factor), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    super::case::unary_shapes().into_iter().map(|inputs| OpCase::new(ScaleGrad(0.4), inputs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_passes_and_the_gradient_is_scaled() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::scalar(3.0));
        let y = tape.scale_grad(x, 0.25).unwrap();
        assert_eq!(tape.value(y).unwrap().item(), Some(3.0));
        assert_eq!(tape.backward(y).unwrap().wrt(x).unwrap().item(), Some(0.25));
    }

    #[test]
    fn a_factor_that_is_not_finite_is_refused() {
        let mut tape = Tape::<f64>::new();
        let x = tape.leaf(Tensor::scalar(3.0));
        for factor in [f64::NAN, f64::INFINITY] {
            assert!(matches!(tape.scale_grad(x, factor), Err(AutodiffError::Parameter { .. })));
        }
    }
}
