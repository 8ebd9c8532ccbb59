//! Addition of a constant.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Shift(f64);

impl<S: Scalar> Op<S> for Shift {
    fn name(&self) -> &'static str {
        "shift"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [input] = expect_inputs("shift", inputs)?;
        Ok(input.map(|x| x + S::from_f64(self.0)))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        Ok(smallvec![Some(at.cotangent.clone().into())])
    }

    fn detail(&self) -> Option<String> {
        Some(format!("+ {}", self.0))
    }
}

impl<S: Scalar> Tape<S> {
    /// `x + offset`, elementwise, for a constant offset.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let u = tape.leaf(Tensor::scalar(1.5));
    /// let above = tape.shift(u, -1.0)?; // the potential less the threshold
    /// assert_eq!(tape.value(above)?.item(), Some(0.5));
    /// assert_eq!(tape.backward(above)?.wrt(u)?.item(), Some(1.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn shift(&mut self, x: Var, offset: f64) -> Result<Var> {
        self.apply(Shift(offset), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let shapes = super::case::unary_shapes();
    shapes.into_iter().map(|inputs| OpCase::new(Shift(0.75), inputs)).collect()
}

#[cfg(test)]
mod tests {
    use crate::ops::elementwise::value_at;

    #[test]
    fn value() {
        assert_eq!(value_at(|tape, x| tape.shift(x, -1.0), 0.25), -0.75);
    }
}
