//! Sums over a sliding window.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor, Window2d};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct SumPool2d(Window2d);

impl<S: Scalar> Op<S> for SumPool2d {
    fn name(&self) -> &'static str {
        "sum_pool2d"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("sum_pool2d", inputs)?;
        Ok(x.sum_pool2d(self.0)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs("sum_pool2d", at.inputs)?;
        Ok(smallvec![Some(at.cotangent.sum_pool2d_transposed(self.0, x.shape())?.into())])
    }

    fn detail(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl<S: Scalar> Tape<S> {
    /// The sum over each position of a window on images `[M, C, H, W]`: `[M, C, H', W']`. Padding counts as 0.
    ///
    /// # Errors
    /// A shape error unless there are four axes and the window fits, with less padding than its own extent.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::{Tensor, Window2d};
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([1, 1, 1, 4], vec![1.0, 2.0, 3.0, 5.0])?);
    /// let y = tape.sum_pool2d(x, Window2d::new([1, 2]))?;
    /// assert_eq!(tape.value(y)?.as_slice(), &[3.0, 8.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn sum_pool2d(&mut self, x: Var, window: Window2d) -> Result<Var> {
        self.apply(SumPool2d(window), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    super::case::pool_cases().map(|(window, shape)| OpCase::new(SumPool2d(window), vec![shape])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_mismatch() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn([1, 1, 2, 4], |i| i as f64).unwrap());
        let y = tape.sum_pool2d(x, Window2d::new([2, 2])).unwrap();
        assert_eq!(tape.value(y).unwrap().as_slice(), &[0.0 + 1.0 + 4.0 + 5.0, 2.0 + 3.0 + 6.0 + 7.0]);
        let all = tape.sum_pool2d(x, Window2d::new([2, 4])).unwrap();
        assert_eq!(tape.value(all).unwrap().as_slice(), &[28.0]);
        assert!(tape.sum_pool2d(x, Window2d::new([3, 2])).is_err());
    }
}
