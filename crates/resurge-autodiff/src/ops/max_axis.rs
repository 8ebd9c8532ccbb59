//! The maximum along one axis.

use super::OpCase;
use crate::op::push_choice;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct MaxAxis(usize);

impl<S: Scalar> Op<S> for MaxAxis {
    fn name(&self) -> &'static str {
        "max_axis"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("max_axis", inputs)?;
        Ok(x.gather_axis(self.0, &x.argmax_axis(self.0)?)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs("max_axis", at.inputs)?;
        let largest = x.argmax_axis(self.0)?;
        let extent = x.shape()[self.0];
        Ok(smallvec![Some(at.cotangent.scatter_axis(self.0, extent, &largest)?.into())])
    }

    fn pieces(&self, inputs: &[&Tensor<S>], pieces: &mut Vec<i8>) {
        let &[x] = inputs else { return };
        // An input without the axis was refused by `forward`.
        let Ok(largest) = x.argmax_axis(self.0) else { return };
        for index in largest {
            push_choice(pieces, index, x.shape()[self.0]);
        }
    }

    fn detail(&self) -> Option<String> {
        Some(format!("axis {}", self.0))
    }
}

impl<S: Scalar> Tape<S> {
    /// The largest real part along one axis, which is removed. Axis 0 of potentials `[T, B, N]` gives their
    /// maximum over time.
    ///
    /// The gradient goes to that element; of equals, to the first. Which element it was is reported through
    /// [`Op::pieces`]. A not-a-number counts as larger than every number.
    ///
    /// # Errors
    /// A shape error when there is no such axis or its extent is 0.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([3, 1], vec![0.5, 2.0, 1.0])?); // [T, N]
    /// let y = tape.max_axis(x, 0)?;
    /// assert_eq!(tape.value(y)?.as_slice(), &[2.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn max_axis(&mut self, x: Var, axis: usize) -> Result<Var> {
        self.apply(MaxAxis(axis), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let mut cases = vec![OpCase::new(MaxAxis(0), vec![[2, 0].into()])];
    for shape in [&[1][..], &[4], &[2, 3], &[2, 3, 2], &[1, 1, 2]] {
        cases.extend((0..shape.len()).map(|axis| OpCase::new(MaxAxis(axis), vec![shape.into()])));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_ties_pieces_and_missing_axis() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([3, 2], vec![1.0, 5.0, 2.0, 5.0, 0.0, 4.0]).unwrap());
        let max = tape.max_axis(x, 0).unwrap();
        assert_eq!(tape.value(max).unwrap().as_slice(), &[2.0, 5.0]);
        assert_eq!(tape.pieces(), vec![1, 0]);
        let loss = tape.sum(max).unwrap();
        let gradients = tape.backward(loss).unwrap();
        assert_eq!(gradients.wrt(x).unwrap().as_slice(), &[0.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        assert!(tape.max_axis(x, 2).is_err());
        let empty = tape.leaf(Tensor::zeros([0, 2]).unwrap());
        assert!(tape.max_axis(empty, 0).is_err());
    }
}
