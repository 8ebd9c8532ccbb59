//! The sum along one axis.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Shape, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct SumAxis(usize);

impl<S: Scalar> Op<S> for SumAxis {
    fn name(&self) -> &'static str {
        "sum_axis"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("sum_axis", inputs)?;
        Ok(x.sum_axis(self.0)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs("sum_axis", at.inputs)?;
        let wide = x.shape();
        let mut kept: Vec<usize> = wide.to_vec();
        kept[self.0] = 1;
        let narrow = at.cotangent.reshape(Shape::from(&kept[..]))?;
        Ok(smallvec![Some(narrow.broadcast_to(wide)?.into())])
    }

    fn detail(&self) -> Option<String> {
        Some(format!("axis {}", self.0))
    }
}

impl<S: Scalar> Tape<S> {
    /// The sum along one axis, which is removed. Axis 0 of `[T, B, N]` gives spike counts.
    ///
    /// # Errors
    /// A shape error when there is no such axis.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let spikes = tape.leaf(Tensor::from_vec([3, 2], vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0])?); // [T, N]
    /// let counts = tape.sum_axis(spikes, 0)?;
    /// assert_eq!(tape.value(counts)?.as_slice(), &[2.0, 1.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn sum_axis(&mut self, x: Var, axis: usize) -> Result<Var> {
        self.apply(SumAxis(axis), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let shapes: [&[usize]; 6] = [&[1], &[4], &[2, 3], &[2, 3, 2], &[1, 1, 2], &[2, 0, 3]];
    let mut cases = Vec::new();
    for shape in shapes {
        cases.extend((0..shape.len()).map(|axis| OpCase::new(SumAxis(axis), vec![shape.into()])));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_missing_axis() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn([2, 3], |i| i as f64).unwrap());
        let sum = tape.sum_axis(x, 1).unwrap();
        assert_eq!(tape.value(sum).unwrap().as_slice(), &[3.0, 12.0]);
        assert!(tape.sum_axis(x, 2).is_err());
    }
}
