//! Multiplication by a constant.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Scale(f64);

impl<S: Scalar> Op<S> for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("scale", inputs)?;
        Ok(x.scale(S::from_f64(self.0)))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        Ok(smallvec![Some(at.cotangent.scale(S::from_f64(self.0)).into())])
    }

    fn detail(&self) -> Option<String> {
        Some(format!("x {}", self.0))
    }
}

impl<S: Scalar> Tape<S> {
    /// `factor * x`, elementwise, for a constant factor.
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
    /// let y = tape.scale(x, -3.0)?;
    /// assert_eq!(tape.value(y)?.item(), Some(-6.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(-3.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn scale(&mut self, x: Var, factor: f64) -> Result<Var> {
        self.apply(Scale(factor), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let shapes = super::case::unary_shapes();
    shapes.into_iter().map(|inputs| OpCase::new(Scale(-0.75), inputs)).collect()
}

#[cfg(test)]
mod tests {
    use crate::ops::elementwise::value_at;

    #[test]
    fn value() {
        assert_eq!(value_at(|tape, x| tape.scale(x, -0.5), 3.0), -1.5);
    }
}
