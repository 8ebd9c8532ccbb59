//! The positive part, elementwise.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Relu;

impl<S: Scalar> Op<S> for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [input] = expect_inputs("relu", inputs)?;
        // Written so that not-a-number passes.
        Ok(input.map(|x: S| if x.re() <= 0.0 { S::zero() } else { x }))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [input] = expect_inputs("relu", at.inputs)?;
        let through = |x: S, c: S| if x.re() <= 0.0 { S::zero() } else { c };
        Ok(smallvec![Some(input.zip_map(at.cotangent, "relu", through)?.into())])
    }

    fn pieces(&self, inputs: &[&Tensor<S>], pieces: &mut Vec<i8>) {
        let &[input] = inputs else { return };
        pieces.extend(input.as_slice().iter().map(|x| i8::from(x.re() > 0.0)));
    }
}

impl<S: Scalar> Tape<S> {
    /// `max(x, 0)`, elementwise. The slope at 0 is taken as 0; which side each element is on is reported through
    /// [`Op::pieces`].
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([2], vec![-1.0, 3.0])?);
    /// let y = tape.relu(x)?;
    /// assert_eq!(tape.value(y)?.as_slice(), &[0.0, 3.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn relu(&mut self, x: Var) -> Result<Var> {
        self.apply(Relu, &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    // Either side of the kink; the slope at the kink itself is a convention.
    let mut cases = Vec::new();
    for inputs in super::case::unary_shapes() {
        cases.push(OpCase::new(Relu, inputs.clone()).within(0.1, 2.0));
        cases.push(OpCase::new(Relu, inputs).within(-2.0, -0.1));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_slope_at_the_kink_and_pieces() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([3], vec![-2.0, 0.0, 3.0]).unwrap());
        let y = tape.relu(x).unwrap();
        assert_eq!(tape.value(y).unwrap().as_slice(), &[0.0, 0.0, 3.0]);
        assert_eq!(tape.pieces(), vec![0, 0, 1]);
        let loss = tape.sum(y).unwrap();
        assert_eq!(tape.backward(loss).unwrap().wrt(x).unwrap().as_slice(), &[0.0, 0.0, 1.0]);
        let broken = tape.leaf(Tensor::scalar(f64::NAN));
        let broken = tape.relu(broken).unwrap();
        assert!(tape.value(broken).unwrap().item().unwrap().is_nan());
    }
}
