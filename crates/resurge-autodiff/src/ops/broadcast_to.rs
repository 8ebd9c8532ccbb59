//! Repetition along new or widened axes.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Shape, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone)]
struct BroadcastTo(Shape);

impl<S: Scalar> Op<S> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("broadcast_to", inputs)?;
        Ok(x.broadcast_to(&self.0)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs("broadcast_to", at.inputs)?;
        Ok(smallvec![Some(at.cotangent.sum_to(x.shape())?.into())])
    }
}

impl<S: Scalar> Tape<S> {
    /// The values repeated along the axes that `shape` adds or widens.
    ///
    /// # Errors
    /// A shape error when `x` does not broadcast to `shape`.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let bias = tape.leaf(Tensor::from_vec([2], vec![1.0, 2.0])?);
    /// let rows = tape.broadcast_to(bias, [3, 2])?;
    /// let sum = tape.sum(rows)?;
    /// assert_eq!(tape.value(sum)?.item(), Some(9.0));
    /// assert_eq!(tape.backward(sum)?.wrt(bias)?.as_slice(), &[3.0, 3.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn broadcast_to(&mut self, x: Var, shape: impl Into<Shape>) -> Result<Var> {
        self.apply(BroadcastTo(shape.into()), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let pairs: [(&[usize], &[usize]); 6] = [
        (&[], &[2, 3]),
        (&[3], &[2, 3]),
        (&[2, 1], &[2, 3]),
        (&[2, 3], &[2, 3]),
        (&[0], &[2, 0]),
        (&[1], &[4]),
    ];
    pairs.map(|(from, to)| OpCase::new(BroadcastTo(to.into()), vec![from.into()])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_mismatch() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([2, 1], vec![1.0, 2.0]).unwrap());
        let wide = tape.broadcast_to(x, [2, 2]).unwrap();
        assert_eq!(tape.value(wide).unwrap().as_slice(), &[1.0, 1.0, 2.0, 2.0]);
        assert!(tape.broadcast_to(x, [3, 2]).is_err());
    }
}
