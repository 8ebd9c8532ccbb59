//! Absolute value, elementwise: the one operation here with a kink.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Abs;

impl<S: Scalar> Op<S> for Abs {
    fn name(&self) -> &'static str {
        "abs"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("abs", inputs)?;
        Ok(x.map(S::abs))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [input] = expect_inputs("abs", at.inputs)?;
        let signed = |x: S, c: S| if x.re() < 0.0 { -c } else { c };
        Ok(smallvec![Some(input.zip_map(at.cotangent, "abs", signed)?.into())])
    }

    fn pieces(&self, inputs: &[&Tensor<S>], pieces: &mut Vec<i8>) {
        let &[input] = inputs else { return };
        pieces.extend(input.as_slice().iter().map(|x| i8::from(x.re() >= 0.0)));
    }
}

impl<S: Scalar> Tape<S> {
    /// `|x|`, elementwise. The slope at 0 is taken as 1; which side each element is on is reported through
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
    /// let x = tape.leaf(Tensor::scalar(-2.0));
    /// let y = tape.abs(x)?;
    /// assert_eq!(tape.value(y)?.item(), Some(2.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(-1.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn abs(&mut self, x: Var) -> Result<Var> {
        self.apply(Abs, &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    // Either side of the kink; the slope at the kink itself is a convention.
    let shapes = super::case::unary_shapes();
    shapes
        .into_iter()
        .flat_map(|inputs| {
            let case = OpCase::new(Abs, inputs);
            [case.clone().within(0.1, 2.0), case.within(-2.0, -0.1)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::elementwise::value_at;

    #[test]
    fn value_and_pieces() {
        assert_eq!(value_at(Tape::abs, -1.5), 1.5);
        assert_eq!(value_at(Tape::abs, 0.5), 0.5);
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([3], vec![-1.0, 0.0, 2.0]).unwrap());
        let y = tape.abs(x).unwrap();
        assert_eq!(tape.pieces(), vec![0, 1, 1]);
        let loss = tape.sum(y).unwrap();
        assert_eq!(tape.backward(loss).unwrap().wrt(x).unwrap().as_slice(), &[-1.0, 1.0, 1.0]);
    }
}
