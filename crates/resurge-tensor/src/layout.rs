//! Rearranging elements: permuting axes, cutting and joining along the first axis (time).

use crate::broadcast::walk;
use crate::{Result, Scalar, Shape, Tensor, TensorError};
use smallvec::SmallVec;

impl<S: Scalar> Tensor<S> {
    /// The tensor whose axis `i` is this tensor's axis `axes[i]`.
    ///
    /// # Errors
    /// [`TensorError::Permutation`] unless `axes` names each axis once.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let batch_major = Tensor::from_fn([2, 5, 3], |i| i as f64)?; // [B, T, N]
    /// let time_major = batch_major.permute(&[1, 0, 2])?;
    /// assert_eq!(time_major.shape(), &[5, 2, 3].into());
    /// assert_eq!(time_major.get(&[4, 1, 2]), batch_major.get(&[1, 4, 2]));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn permute(&self, axes: &[usize]) -> Result<Tensor<S>> {
        let mut sorted: SmallVec<[usize; 4]> = axes.into();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..self.shape().rank()) {
            return Err(TensorError::Permutation { axes: axes.to_vec(), shape: self.shape().clone() });
        }
        let own = self.shape().strides();
        let extents: SmallVec<[usize; 4]> = axes.iter().map(|&a| self.shape()[a]).collect();
        let strides: SmallVec<[usize; 4]> = axes.iter().map(|&a| own[a]).collect();
        let shape = Shape::from(&extents[..]);
        let mut data = Vec::with_capacity(self.len());
        walk(&shape, [&strides], |[i]| data.push(self.as_slice()[i]));
        Ok(Tensor::from_parts(shape, data))
    }

    /// Entry `index` along the first axis, which is removed: one time step of `[T, B, N]`.
    ///
    /// # Errors
    /// [`TensorError::Rank`] for a scalar, [`TensorError::OutOfRange`] beyond the extent.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let rows = Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// assert_eq!(rows.select(1)?.as_slice(), &[3.0, 4.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn select(&self, index: usize) -> Result<Tensor<S>> {
        let (extent, inner) = self.first_axis("select")?;
        if index >= extent {
            return Err(TensorError::OutOfRange {
                op: "select",
                index,
                bound: extent,
                shape: self.shape().clone(),
            });
        }
        let data = &self.as_slice()[index * inner..(index + 1) * inner];
        Ok(Tensor::from_parts(self.shape().without(0), data))
    }

    /// A tensor of zeros with `len` entries along a new first axis, the one at `index` being `self`: the
    /// transpose of [`select`](Tensor::select).
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] when `index` is not below `len`.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let row = Tensor::from_vec([2], vec![3.0, 4.0])?;
    /// assert_eq!(row.unselect(1, 2)?.as_slice(), &[0.0, 0.0, 3.0, 4.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn unselect(&self, index: usize, len: usize) -> Result<Tensor<S>> {
        let shape = self.shape().prepended(len);
        if index >= len {
            return Err(TensorError::OutOfRange { op: "unselect", index, bound: len, shape });
        }
        let mut out = Tensor::zeros(shape)?;
        let inner = self.len();
        out.as_mut_slice()[index * inner..(index + 1) * inner].copy_from_slice(self.as_slice());
        Ok(out)
    }

    /// Tensors of one shape, joined along a new first axis: time steps into a sequence.
    ///
    /// # Errors
    /// [`TensorError::Empty`] without tensors, [`TensorError::Shape`] for the first that differs.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let step = Tensor::full([2], 1.0)?;
    /// assert_eq!(Tensor::stack(&[&step, &step, &step])?.shape(), &[3, 2].into());
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn stack(tensors: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let first = tensors.first().ok_or(TensorError::Empty { op: "stack" })?;
        let shape = first.shape().prepended(tensors.len());
        let mut data = Vec::with_capacity(shape.checked_len()?);
        for tensor in tensors {
            if tensor.shape() != first.shape() {
                return Err(TensorError::Shape {
                    op: "stack",
                    expected: first.shape().clone(),
                    actual: tensor.shape().clone(),
                });
            }
            data.extend_from_slice(tensor.as_slice());
        }
        Ok(Tensor::from_parts(shape, data))
    }

    /// One entry along `axis` for each combination of the other indices, the one at `index[i]` for row-major
    /// combination `i`; the axis is removed. With [`argmax_axis`](Tensor::argmax_axis) it gives the maximum.
    ///
    /// # Errors
    /// [`TensorError::OutOfRange`] when there is no such axis or an index is beyond its extent,
    /// [`TensorError::ElementCount`] unless there is one index for each combination.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let logits = Tensor::from_vec([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?; // [B, N]
    /// assert_eq!(logits.gather_axis(1, &[2, 0])?.as_slice(), &[3.0, 4.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn gather_axis(&self, axis: usize, index: &[usize]) -> Result<Tensor<S>> {
        let op = "gather_axis";
        let (_, extent, inner) = self.around(axis, op)?;
        let shape = self.shape().without(axis);
        let places = places(&shape, extent, inner, index, op)?;
        let data: Vec<S> = places.into_iter().map(|at| self.as_slice()[at]).collect();
        Ok(Tensor::from_parts(shape, data))
    }

    /// A tensor of zeros with a new axis of `extent` entries, element `i` of `self` being at `index[i]` along it:
    /// the transpose of [`gather_axis`](Tensor::gather_axis).
    ///
    /// # Errors
    /// As [`gather_axis`](Tensor::gather_axis).
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// // The first row's element goes to column 2, the second row's to column 0.
    /// let column = Tensor::from_vec([2], vec![5.0, 7.0])?;
    /// assert_eq!(column.scatter_axis(1, 3, &[2, 0])?.as_slice(), &[0.0, 0.0, 5.0, 7.0, 0.0, 0.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn scatter_axis(&self, axis: usize, extent: usize, index: &[usize]) -> Result<Tensor<S>> {
        let op = "scatter_axis";
        let rank = self.shape().rank();
        if axis > rank {
            return Err(TensorError::OutOfRange {
                op,
                index: axis,
                bound: rank + 1,
                shape: self.shape().clone(),
            });
        }
        let mut wide: SmallVec<[usize; 4]> = self.shape().iter().copied().collect();
        wide.insert(axis, extent);
        let mut out = Tensor::zeros(&wide[..])?;
        let inner = self.shape()[axis..].iter().product();
        let places = places(self.shape(), extent, inner, index, op)?;
        let values = out.as_mut_slice();
        for (at, &value) in places.into_iter().zip(self.as_slice()) {
            values[at] = value;
        }
        Ok(out)
    }

    fn first_axis(&self, op: &'static str) -> Result<(usize, usize)> {
        if self.shape().rank() == 0 {
            return Err(TensorError::Rank { op, expected: 1, actual: self.shape().clone() });
        }
        let (_, extent, inner) = self.around(0, op)?;
        Ok((extent, inner))
    }
}

/// Where the chosen entries lie in storage: `narrow` is the shape without the axis of `extent` entries, behind
/// which there are `inner` elements.
fn places(
    narrow: &Shape,
    extent: usize,
    inner: usize,
    index: &[usize],
    op: &'static str,
) -> Result<Vec<usize>> {
    let expected = narrow.checked_len()?;
    if index.len() != expected {
        return Err(TensorError::ElementCount { shape: narrow.clone(), expected, actual: index.len() });
    }
    let place = |(i, &chosen): (usize, &usize)| {
        if chosen >= extent {
            let shape = narrow.clone();
            return Err(TensorError::OutOfRange { op, index: chosen, bound: extent, shape });
        }
        Ok((i / inner * extent + chosen) * inner + i % inner)
    };
    index.iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(shape: &[usize]) -> Tensor<f64> {
        Tensor::from_fn(shape, |i| i as f64).unwrap()
    }

    #[test]
    fn permuting_moves_axes_and_back() {
        let t = ramp(&[2, 3, 4]);
        let p = t.permute(&[2, 0, 1]).unwrap();
        assert_eq!(p.shape(), &[4, 2, 3].into());
        assert_eq!(p.get(&[3, 1, 2]), t.get(&[1, 2, 3]));
        assert_eq!(p.permute(&[1, 2, 0]).unwrap(), t);
        assert_eq!(ramp(&[]).permute(&[]).unwrap().item(), Some(0.0));
        assert_eq!(ramp(&[0, 2]).permute(&[1, 0]).unwrap().shape(), &[2, 0].into());
    }

    #[test]
    fn a_bad_permutation_is_named() {
        for axes in [&[0][..], &[0, 0], &[0, 2], &[0, 1, 2]] {
            let error = ramp(&[2, 3]).permute(axes).unwrap_err();
            assert_eq!(error, TensorError::Permutation { axes: axes.to_vec(), shape: [2, 3].into() });
        }
    }

    #[test]
    fn select_unselect_and_stack_belong_together() {
        let t = ramp(&[3, 2]);
        let steps: Vec<_> = (0..3).map(|i| t.select(i).unwrap()).collect();
        assert_eq!(steps[1].as_slice(), &[2.0, 3.0]);
        assert_eq!(Tensor::stack(&steps.iter().collect::<Vec<_>>()).unwrap(), t);
        assert_eq!(steps[1].unselect(1, 3).unwrap().as_slice(), &[0.0, 0.0, 2.0, 3.0, 0.0, 0.0]);
    }

    #[test]
    fn cuts_and_joins_outside_the_bounds_are_errors() {
        assert!(matches!(ramp(&[3, 2]).select(3), Err(TensorError::OutOfRange { index: 3, bound: 3, .. })));
        assert!(matches!(ramp(&[]).select(0), Err(TensorError::Rank { op: "select", .. })));
        assert!(matches!(ramp(&[2]).unselect(2, 2), Err(TensorError::OutOfRange { index: 2, .. })));
        assert_eq!(Tensor::<f64>::stack(&[]).unwrap_err(), TensorError::Empty { op: "stack" });
        assert!(matches!(
            Tensor::stack(&[&ramp(&[2]), &ramp(&[3])]),
            Err(TensorError::Shape { op: "stack", .. })
        ));
    }

    #[test]
    fn gather_and_scatter_belong_together() {
        let t = ramp(&[2, 3, 2]);
        assert_eq!(t.gather_axis(1, &[0, 2, 1, 1]).unwrap().as_slice(), &[0.0, 5.0, 8.0, 9.0]);
        for axis in 0..3 {
            let largest = t.argmax_axis(axis).unwrap();
            let narrow = t.gather_axis(axis, &largest).unwrap();
            let wide = narrow.scatter_axis(axis, t.shape()[axis], &largest).unwrap();
            assert_eq!(wide.shape(), t.shape());
            assert_eq!(wide.gather_axis(axis, &largest).unwrap(), narrow);
            assert_eq!(wide.sum(), narrow.sum());
        }
        assert_eq!(Tensor::scalar(7.0).scatter_axis(0, 3, &[1]).unwrap().as_slice(), &[0.0, 7.0, 0.0]);
        assert!(ramp(&[2, 0]).gather_axis(0, &[]).unwrap().is_empty());
    }

    #[test]
    fn choices_that_do_not_exist_are_errors() {
        let t = ramp(&[2, 3]);
        assert!(matches!(t.gather_axis(2, &[0]), Err(TensorError::OutOfRange { index: 2, bound: 2, .. })));
        assert!(matches!(t.gather_axis(1, &[0, 3]), Err(TensorError::OutOfRange { index: 3, bound: 3, .. })));
        assert!(matches!(
            t.gather_axis(1, &[0]),
            Err(TensorError::ElementCount { expected: 2, actual: 1, .. })
        ));
        assert!(matches!(t.scatter_axis(3, 1, &[]), Err(TensorError::OutOfRange { index: 3, bound: 3, .. })));
        assert!(t.scatter_axis(0, 2, &[2; 6]).is_err());
    }
}
