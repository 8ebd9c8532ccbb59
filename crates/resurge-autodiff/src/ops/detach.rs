//! A value whose gradient is dropped.

use super::OpCase;
use crate::{Anchor, Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Detach;

impl<S: Scalar> Op<S> for Detach {
    fn name(&self) -> &'static str {
        "detach"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("detach", inputs)?;
        Ok(x.clone())
    }

    fn vjp(&self, _at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        Ok(smallvec![None])
    }

    fn is_surrogate(&self) -> bool {
        true
    }

    fn stops_gradient(&self) -> bool {
        true
    }

    /// Holds the recorded value: a constant, whose derivative is 0.
    fn anchored(&self, _inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> Result<Tensor<S>> {
        Ok(anchor.output.clone())
    }
}

impl<S: Scalar> Tape<S> {
    /// The same value with no gradient through it. In the anchored program it is the recorded constant; in the
    /// smooth twin the value passes, and the gradient is not that of any function.
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
    /// let held = tape.detach(x)?;
    /// let y = tape.mul(x, held)?; // 9, but with the slope of 3 x
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(3.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn detach(&mut self, x: Var) -> Result<Var> {
        self.apply(Detach, &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    super::case::unary_shapes().into_iter().map(|inputs| OpCase::new(Detach, inputs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_passes_and_the_gradient_stops() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::scalar(3.0));
        let held = tape.detach(x).unwrap();
        let loss = tape.mul(held, x).unwrap();
        assert_eq!(tape.value(loss).unwrap().item(), Some(9.0));
        assert_eq!(tape.backward(loss).unwrap().wrt(x).unwrap().item(), Some(3.0));
        // A loss behind nothing but a detach depends on no leaf.
        assert_eq!(tape.backward(held).unwrap().wrt(x).unwrap().item(), Some(0.0));
    }
}
