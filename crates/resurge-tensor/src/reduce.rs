//! Reductions, each in a fixed order of summation.

use crate::window::exceeds;
use crate::{Result, Scalar, Tensor, TensorError};

impl<S: Scalar> Tensor<S> {
    /// The sum of all elements, 0 for an empty tensor.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from_vec([2], vec![1.0, 2.0])?.sum(), 3.0);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn sum(&self) -> S {
        let mut sum = S::zero();
        for &x in self.as_slice() {
            sum += x;
        }
        sum
    }

    /// The mean of all elements; not a number for an empty tensor.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from_vec([2], vec![1.0, 2.0])?.mean(), 1.5);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn mean(&self) -> S {
        self.sum() / S::from_f64(self.len() as f64)
    }

    /// The sum along one axis, which is removed.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] when there is no such axis.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = Tensor::from_vec([3, 2], vec![1.0, 0.0, 1.0, 1.0, 0.0, 0.0])?; // [T, N]
    /// assert_eq!(spikes.sum_axis(0)?.as_slice(), &[2.0, 1.0]); // spike counts
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn sum_axis(&self, axis: usize) -> Result<Tensor<S>> {
        let (outer, extent, inner) = self.around(axis, "sum_axis")?;
        let values = self.as_slice();
        let mut out = Tensor::zeros(self.shape().without(axis))?;
        let sums = out.as_mut_slice();
        for o in 0..outer {
            for e in 0..extent {
                for i in 0..inner {
                    sums[o * inner + i] += values[(o * extent + e) * inner + i];
                }
            }
        }
        Ok(out)
    }

    /// The position of the largest real part along one axis, the first where several tie; the axis is removed.
    /// A not-a-number counts as larger than every number, so that it is not lost.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] when there is no such axis or its extent is 0.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let scores = Tensor::from_vec([2, 3], vec![0.0, 9.0, 1.0, 5.0, 5.0, 2.0])?;
    /// assert_eq!(scores.argmax_axis(1)?, [1, 0]); // the first of equal ones
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn argmax_axis(&self, axis: usize) -> Result<Vec<usize>> {
        let (outer, extent, inner) = self.around(axis, "argmax_axis")?;
        if extent == 0 {
            return Err(TensorError::OutOfRange {
                op: "argmax_axis",
                index: 0,
                bound: 0,
                shape: self.shape().clone(),
            });
        }
        let values = self.as_slice();
        let mut best = vec![0; outer * inner];
        for o in 0..outer {
            for i in 0..inner {
                let at = |e: usize| values[(o * extent + e) * inner + i].re();
                for e in 1..extent {
                    if exceeds(at(e), at(best[o * inner + i])) {
                        best[o * inner + i] = e;
                    }
                }
            }
        }
        Ok(best)
    }

    /// The Euclidean norm of the real parts.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from_vec([2], vec![3.0, -4.0])?.norm(), 5.0);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn norm(&self) -> f64 {
        self.as_slice().iter().map(|x| x.re() * x.re()).sum::<f64>().sqrt()
    }

    /// The number of positions before, along and after an axis in row-major order.
    pub(crate) fn around(&self, axis: usize, op: &'static str) -> Result<(usize, usize, usize)> {
        let shape = self.shape();
        if axis >= shape.rank() {
            return Err(TensorError::OutOfRange {
                op,
                index: axis,
                bound: shape.rank(),
                shape: shape.clone(),
            });
        }
        let product = |extents: &[usize]| extents.iter().product();
        Ok((product(&shape[..axis]), shape[axis], product(&shape[axis + 1..])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn ramp() -> Tensor<f64> {
        Tensor::from_fn([2, 3, 2], |i| i as f64).unwrap()
    }

    #[test]
    fn sums_and_means() {
        assert_eq!(ramp().sum(), 66.0);
        assert_eq!(ramp().mean(), 5.5);
        assert_eq!(Tensor::<f64>::zeros([0, 3]).unwrap().sum(), 0.0);
        assert!(Tensor::<f64>::zeros([0]).unwrap().mean().is_nan());
        assert_relative_eq!(Tensor::from_vec([2], vec![3.0, -4.0]).unwrap().norm(), 5.0);
    }

    #[test]
    fn sums_along_each_axis() {
        assert_eq!(ramp().sum_axis(0).unwrap().as_slice(), &[6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
        assert_eq!(ramp().sum_axis(1).unwrap().as_slice(), &[6.0, 9.0, 24.0, 27.0]);
        assert_eq!(ramp().sum_axis(2).unwrap().as_slice(), &[1.0, 5.0, 9.0, 13.0, 17.0, 21.0]);
        assert_eq!(ramp().sum_axis(2).unwrap().shape(), &[2, 3].into());
        assert!(matches!(ramp().sum_axis(3), Err(TensorError::OutOfRange { index: 3, bound: 3, .. })));
    }

    #[test]
    fn argmax_takes_the_first_of_equals() {
        let t = Tensor::from_vec([2, 3], vec![1.0, 5.0, 5.0, 7.0, 0.0, 2.0]).unwrap();
        assert_eq!(t.argmax_axis(1).unwrap(), vec![1, 0]);
        assert_eq!(t.argmax_axis(0).unwrap(), vec![1, 0, 0]);
        assert!(Tensor::<f64>::zeros([2, 0]).unwrap().argmax_axis(1).is_err());
        assert!(t.argmax_axis(2).is_err());
        let broken = Tensor::from_vec([3], vec![1.0, f64::NAN, 2.0]).unwrap();
        assert_eq!(broken.argmax_axis(0).unwrap(), vec![1]);
    }
}
