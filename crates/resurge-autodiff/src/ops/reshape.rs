//! Another shape for the same values.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Shape, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone)]
struct Reshape(Shape);

impl<S: Scalar> Op<S> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("reshape", inputs)?;
        Ok(x.reshape(&self.0)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs("reshape", at.inputs)?;
        Ok(smallvec![Some(at.cotangent.reshape(x.shape())?.into())])
    }
}

impl<S: Scalar> Tape<S> {
    /// The same values, in row-major order, under another shape.
    ///
    /// # Errors
    /// A shape error when the number of elements differs.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([4], vec![1.0, 2.0, 3.0, 4.0])?);
    /// let y = tape.reshape(x, [2, 2])?;
    /// assert_eq!(tape.value(y)?.get(&[1, 0]), Some(3.0));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn reshape(&mut self, x: Var, shape: impl Into<Shape>) -> Result<Var> {
        self.apply(Reshape(shape.into()), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let pairs: [(&[usize], &[usize]); 4] =
        [(&[2, 3], &[6]), (&[4, 1], &[2, 2]), (&[1], &[]), (&[0, 3], &[5, 0])];
    pairs.map(|(from, to)| OpCase::new(Reshape(to.into()), vec![from.into()])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_mismatch() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn([2, 3], |i| i as f64).unwrap());
        let y = tape.reshape(x, [3, 2]).unwrap();
        assert_eq!(tape.value(y).unwrap().get(&[2, 0]), Some(4.0));
        assert!(tape.reshape(x, [5]).is_err());
    }
}
