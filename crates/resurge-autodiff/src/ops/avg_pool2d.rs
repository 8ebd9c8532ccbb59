//! Means over a sliding window.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor, Window2d};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct AvgPool2d(Window2d);

impl<S: Scalar> Op<S> for AvgPool2d {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("avg_pool2d", inputs)?;
        Ok(x.avg_pool2d(self.0)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs("avg_pool2d", at.inputs)?;
        let shares = at.cotangent.scale(self.0.share());
        Ok(smallvec![Some(shares.sum_pool2d_transposed(self.0, x.shape())?.into())])
    }

    fn detail(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl<S: Scalar> Tape<S> {
    /// The mean over each position of a window on images `[M, C, H, W]`: `[M, C, H', W']`. Padding counts as 0,
    /// and every mean is over the whole window, padding included.
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
    /// let y = tape.avg_pool2d(x, Window2d::new([1, 2]))?;
    /// assert_eq!(tape.value(y)?.as_slice(), &[1.5, 4.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn avg_pool2d(&mut self, x: Var, window: Window2d) -> Result<Var> {
        self.apply(AvgPool2d(window), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    super::case::pool_cases().map(|(window, shape)| OpCase::new(AvgPool2d(window), vec![shape])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_mismatch() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn([1, 1, 2, 4], |i| i as f64).unwrap());
        let y = tape.avg_pool2d(x, Window2d::new([2, 2])).unwrap();
        assert_eq!(tape.value(y).unwrap().as_slice(), &[2.5, 4.5]);
        let all = tape.avg_pool2d(x, Window2d::new([2, 4])).unwrap();
        assert_eq!(tape.value(all).unwrap().as_slice(), &[3.5]);
        assert!(tape.avg_pool2d(x, Window2d::new([3, 2])).is_err());
    }
}
