//! Elementwise arithmetic with broadcasting, and its transpose: summing over the broadcast axes.

use crate::parts::{self, PARALLEL};
use crate::{Result, Scalar, Shape, Tensor, TensorError};
use rayon::prelude::*;
use smallvec::SmallVec;
use std::sync::Arc;

impl<S: Scalar> Tensor<S> {
    /// `f` of each pair of elements, after broadcasting by NumPy's rule.
    ///
    /// # Errors
    /// [`TensorError::Broadcast`] naming `op` when the shapes do not fit.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let a = Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// let b = Tensor::from_vec([2], vec![10.0, 20.0])?;
    /// assert_eq!(a.zip_map(&b, "max", f64::max)?.as_slice(), &[10.0, 20.0, 10.0, 20.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn zip_map(&self, other: &Tensor<S>, op: &'static str, f: impl Fn(S, S) -> S) -> Result<Tensor<S>> {
        let (a, b) = (self.as_slice(), other.as_slice());
        if self.shape() == other.shape() {
            let data: Arc<[S]> = a.iter().zip(b).map(|(&x, &y)| f(x, y)).collect();
            return Ok(Tensor::from_parts(self.shape().clone(), data));
        }
        let shape = self.shape().broadcast(other.shape(), op)?;
        // A number with a tensor is by far the most frequent case.
        if let (Some(y), true) = (other.item(), &shape == self.shape()) {
            return Ok(self.map(|x| f(x, y)));
        }
        if let (Some(x), true) = (self.item(), &shape == other.shape()) {
            return Ok(other.map(|y| f(x, y)));
        }
        let mut data = Vec::with_capacity(shape.checked_len()?);
        let strides = [broadcast_strides(self.shape(), &shape), broadcast_strides(other.shape(), &shape)];
        walk(&shape, [&strides[0], &strides[1]], |[i, j]| data.push(f(a[i], b[j])));
        Ok(Tensor::from_parts(shape, data))
    }

    /// Elementwise sum, with broadcasting.
    ///
    /// # Errors
    /// [`TensorError::Broadcast`] when the shapes do not fit.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let column = Tensor::from_vec([2, 1], vec![1.0, 2.0])?;
    /// let row = Tensor::from_vec([2], vec![10.0, 20.0])?;
    /// assert_eq!(column.add(&row)?.as_slice(), &[11.0, 21.0, 12.0, 22.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn add(&self, other: &Tensor<S>) -> Result<Tensor<S>> {
        self.zip_map(other, "add", |x, y| x + y)
    }

    /// Elementwise difference, with broadcasting.
    ///
    /// # Errors
    /// [`TensorError::Broadcast`] when the shapes do not fit.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let x = Tensor::from_vec([2], vec![1.0, 2.0])?;
    /// assert_eq!(x.sub(&Tensor::scalar(0.5))?.as_slice(), &[0.5, 1.5]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn sub(&self, other: &Tensor<S>) -> Result<Tensor<S>> {
        self.zip_map(other, "sub", |x, y| x - y)
    }

    /// Elementwise product, with broadcasting.
    ///
    /// # Errors
    /// [`TensorError::Broadcast`] when the shapes do not fit.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let x = Tensor::from_vec([2], vec![1.0, 2.0])?;
    /// assert_eq!(x.mul(&x)?.as_slice(), &[1.0, 4.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn mul(&self, other: &Tensor<S>) -> Result<Tensor<S>> {
        self.zip_map(other, "mul", |x, y| x * y)
    }

    /// Elementwise quotient, with broadcasting.
    ///
    /// # Errors
    /// [`TensorError::Broadcast`] when the shapes do not fit.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let x = Tensor::from_vec([2], vec![1.0, 2.0])?;
    /// assert_eq!(Tensor::scalar(1.0).div(&x)?.as_slice(), &[1.0, 0.5]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn div(&self, other: &Tensor<S>) -> Result<Tensor<S>> {
        self.zip_map(other, "div", |x, y| x / y)
    }

    /// Each element times a constant.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let x = Tensor::from_vec([2], vec![1.0, 2.0])?;
    /// assert_eq!(x.scale(3.0).as_slice(), &[3.0, 6.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    #[must_use]
    pub fn scale(&self, factor: S) -> Tensor<S> {
        let serial = || self.map(|x| x * factor);
        if self.len() < PARALLEL {
            return serial();
        }
        let scaled = parts::build(
            self.shape(),
            PARALLEL,
            true,
            || (),
            |part, out, ()| {
                let values = &self.as_slice()[part * PARALLEL..];
                out.iter_mut().zip(values).for_each(|(out, &x)| *out = x * factor);
                Ok(())
            },
        );
        scaled.unwrap_or_else(|_| serial())
    }

    /// The values repeated along the axes that `shape` adds or widens.
    ///
    /// # Errors
    /// [`TensorError::Broadcast`] when `self` does not broadcast to `shape`.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let row = Tensor::from_vec([2], vec![1.0, 2.0])?;
    /// assert_eq!(row.broadcast_to(&[2, 2].into())?.as_slice(), &[1.0, 2.0, 1.0, 2.0]);
    /// assert!(row.broadcast_to(&[3].into()).is_err());
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn broadcast_to(&self, shape: &Shape) -> Result<Tensor<S>> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        check_broadcasts_to(self.shape(), shape, "broadcast_to")?;
        if is_repeated(self.shape(), shape) {
            // Small ones side by side, or each number of a large result would be a part of its own.
            let copies = (PARALLEL / self.len().max(1)).min(shape.checked_len()? / self.len().max(1));
            let several = if copies > 1 { self.as_slice().repeat(copies) } else { Vec::new() };
            let pattern = if copies > 1 { &several[..] } else { self.as_slice() };
            return Tensor::build(shape, |mut rest| {
                let mut parts = Vec::new();
                while !rest.is_empty() {
                    let (mut copy, others) = rest.split_at(pattern.len());
                    for values in pattern.chunks(PARALLEL) {
                        let (part, others) = copy.split_at(values.len());
                        parts.push((part, values));
                        copy = others;
                    }
                    rest = others;
                }
                parts.into_par_iter().for_each(|(part, values)| part.fill(values));
            });
        }
        let mut data = Vec::with_capacity(shape.checked_len()?);
        walk(shape, [&broadcast_strides(self.shape(), shape)], |[i]| data.push(self.as_slice()[i]));
        Ok(Tensor::from_parts(shape.clone(), data))
    }

    /// The sum over the axes that broadcasting `shape` to this tensor's shape would add or widen: the transpose
    /// of [`broadcast_to`](Tensor::broadcast_to), which is how a gradient returns to a broadcast operand.
    ///
    /// # Errors
    /// [`TensorError::Broadcast`] when `shape` does not broadcast to this tensor's shape.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let cotangent = Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// assert_eq!(cotangent.sum_to(&[2].into())?.as_slice(), &[4.0, 6.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn sum_to(&self, shape: &Shape) -> Result<Tensor<S>> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        check_broadcasts_to(shape, self.shape(), "sum_to")?;
        let mut out = Tensor::zeros(shape.clone())?;
        let sums = out.as_mut_slice();
        let values = self.as_slice();
        if is_repeated(shape, self.shape()) {
            let len = sums.len().max(1);
            // Each sum is of one thread, in the order of the copies.
            sums.par_chunks_mut(PARALLEL).enumerate().for_each(|(part, sums)| {
                for copy in values.chunks_exact(len) {
                    sums.iter_mut().zip(&copy[part * PARALLEL..]).for_each(|(sum, &x)| *sum += x);
                }
            });
            return Ok(out);
        }
        let mut next = 0;
        walk(self.shape(), [&broadcast_strides(shape, self.shape())], |[i]| {
            sums[i] += values[next];
            next += 1;
        });
        Ok(out)
    }
}

/// Whether broadcasting only repeats the whole: outer axes are added or widened, inner ones are the same.
fn is_repeated(from: &Shape, to: &Shape) -> bool {
    let ones = from.iter().take_while(|&&n| n == 1).count();
    to.ends_with(&from[ones..])
}

fn check_broadcasts_to(from: &Shape, to: &Shape, op: &'static str) -> Result<()> {
    if &from.broadcast(to, op)? == to {
        Ok(())
    } else {
        Err(TensorError::Broadcast { op, left: from.clone(), right: to.clone() })
    }
}

/// Strides that address a tensor of shape `from` by the indices of `to`: 0 along broadcast axes.
fn broadcast_strides(from: &Shape, to: &Shape) -> SmallVec<[usize; 4]> {
    let missing = to.rank() - from.rank();
    let mut strides: SmallVec<[usize; 4]> = SmallVec::from_elem(0, to.rank());
    for (axis, stride) in from.strides().into_iter().enumerate() {
        if from[axis] != 1 {
            strides[missing + axis] = stride;
        }
    }
    strides
}

/// Visits every index of `shape` in row-major order with the offsets that it has under each set of strides.
pub(crate) fn walk<const K: usize>(shape: &Shape, strides: [&[usize]; K], mut visit: impl FnMut([usize; K])) {
    if shape.contains(&0) {
        return;
    }
    let Some(last) = shape.rank().checked_sub(1) else {
        return visit([0; K]);
    };
    let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, shape.rank());
    let mut offsets = [0; K];
    loop {
        let mut row = offsets;
        for _ in 0..shape[last] {
            visit(row);
            for k in 0..K {
                row[k] += strides[k][last];
            }
        }
        // Advance the outer axes like an odometer.
        let mut axis = last;
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            for k in 0..K {
                offsets[k] += strides[k][axis];
            }
            if index[axis] < shape[axis] {
                break;
            }
            for k in 0..K {
                offsets[k] -= shape[axis] * strides[k][axis];
            }
            index[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn iota(shape: &[usize]) -> Tensor<f64> {
        Tensor::from_fn(shape, |i| i as f64 + 1.0).unwrap()
    }

    /// The definition of broadcasting, by indices.
    fn by_definition(a: &Tensor<f64>, b: &Tensor<f64>, shape: &Shape) -> Vec<f64> {
        let at = |t: &Tensor<f64>, index: &[usize]| {
            let skip = index.len() - t.shape().rank();
            let own: Vec<usize> = index[skip..]
                .iter()
                .zip(t.shape().iter())
                .map(|(&i, &n)| if n == 1 { 0 } else { i })
                .collect();
            t.get(&own).unwrap()
        };
        let len = shape.checked_len().unwrap();
        (0..len)
            .map(|mut flat| {
                let mut index = vec![0; shape.rank()];
                for axis in (0..shape.rank()).rev() {
                    index[axis] = flat % shape[axis];
                    flat /= shape[axis];
                }
                at(a, &index) - 3.0 * at(b, &index)
            })
            .collect()
    }

    /// A shape and two operands' shapes that broadcast to it; extents 0 and 1 are common.
    fn broadcastable() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
        prop::collection::vec((0usize..4, 0u8..3), 0..5).prop_flat_map(|axes| {
            let full: Vec<usize> = axes.iter().map(|a| a.0).collect();
            let thin: Vec<usize> = axes.iter().map(|&(n, kind)| if kind == 0 { 1 } else { n }).collect();
            let rank = full.len();
            (Just(full), Just(thin), 0..=rank).prop_map(|(full, thin, skip)| (full, thin[skip..].to_vec()))
        })
    }

    proptest! {
        #[test]
        fn elementwise_follows_the_definition((full, thin) in broadcastable(), swap in any::<bool>()) {
            let (a, b) = if swap { (iota(&thin), iota(&full)) } else { (iota(&full), iota(&thin)) };
            let result = a.zip_map(&b, "test", |x, y| x - 3.0 * y).unwrap();
            prop_assert_eq!(&result.shape()[..], &full[..]);
            prop_assert_eq!(result.as_slice(), &by_definition(&a, &b, &full[..].into())[..]);
        }

        /// <broadcast x, y> = <x, sum_to y>: integers, so the equality is exact.
        #[test]
        fn sum_to_is_the_transpose_of_broadcast_to((full, thin) in broadcastable()) {
            let (x, y) = (iota(&thin), iota(&full));
            let dot = |a: &Tensor<f64>, b: &Tensor<f64>| -> f64 {
                a.as_slice().iter().zip(b.as_slice()).map(|(p, q)| p * q).sum()
            };
            let wide = x.broadcast_to(y.shape()).unwrap();
            let narrow = y.sum_to(x.shape()).unwrap();
            prop_assert_eq!(wide.shape(), y.shape());
            prop_assert_eq!(narrow.shape(), x.shape());
            prop_assert_eq!(dot(&wide, &y), dot(&x, &narrow));
        }
    }

    /// Lengths around those of the parts.
    #[test]
    fn repeats_of_any_length_are_whole() {
        for (thin, copies) in
            [(1, 3 * PARALLEL + 5), (3, PARALLEL), (PARALLEL - 1, 3), (PARALLEL, 2), (PARALLEL + 1, 2)]
        {
            let x = iota(&[thin]);
            let wide = x.broadcast_to(&[copies, thin].into()).unwrap();
            assert!(wide.as_slice().chunks(thin).all(|copy| copy == x.as_slice()), "{copies} of {thin}");
            assert_eq!(wide.sum_to(x.shape()).unwrap(), x.scale(copies as f64), "{copies} of {thin}");
        }
    }

    #[test]
    fn arithmetic_has_its_meaning() {
        let (a, b) = (iota(&[2]), Tensor::from_vec([2], vec![4.0, 8.0]).unwrap());
        assert_eq!(a.add(&b).unwrap().as_slice(), &[5.0, 10.0]);
        assert_eq!(a.sub(&b).unwrap().as_slice(), &[-3.0, -6.0]);
        assert_eq!(a.mul(&b).unwrap().as_slice(), &[4.0, 16.0]);
        assert_eq!(a.div(&b).unwrap().as_slice(), &[0.25, 0.25]);
        assert_eq!(a.scale(-2.0).as_slice(), &[-2.0, -4.0]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        let (a, b) = (iota(&[2, 3]), iota(&[2]));
        let error = a.add(&b).unwrap_err();
        assert_eq!(error, TensorError::Broadcast { op: "add", left: [2, 3].into(), right: [2].into() });
        assert!(error.to_string().contains("[2, 3] and [2]"), "{error}");
        // Broadcasting is one-way here: a [2, 3] does not become a [3].
        assert!(a.broadcast_to(&[3].into()).is_err());
        assert!(b.sum_to(&[2, 3].into()).is_err());
        assert!(a.sum_to(&[2].into()).is_err());
    }
}
