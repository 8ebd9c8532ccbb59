//! The extent of a tensor along each axis.

use crate::{Result, TensorError};
use smallvec::SmallVec;
use std::fmt;
use std::ops::Deref;

/// In bytes: a threefold dual number.
const LARGEST_SCALAR: usize = 64;

/// The extents of a tensor, outermost first. Up to four axes are stored without allocation.
///
/// An empty shape is that of a scalar, which has one element; an extent may be 0.
///
/// ```
/// use resurge_tensor::Shape;
///
/// let shape = Shape::from([25, 4, 64]); // [T, B, N]
/// assert_eq!(shape.rank(), 3);
/// assert_eq!(shape.checked_len()?, 6400);
/// assert_eq!(shape.to_string(), "[25, 4, 64]");
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// The shape of a scalar: no axes, one element.
    ///
    /// ```
    /// use resurge_tensor::Shape;
    ///
    /// assert_eq!((Shape::scalar().rank(), Shape::scalar().checked_len()?), (0, 1));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn scalar() -> Self {
        Self::default()
    }

    /// The number of axes.
    ///
    /// ```
    /// use resurge_tensor::Shape;
    ///
    /// assert_eq!(Shape::from([4, 2, 3]).rank(), 3);
    /// ```
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The number of elements.
    ///
    /// # Errors
    /// [`TensorError::TooLarge`] when the product of the extents that are not 0 overflows `isize` bytes, the largest
    /// allocation there can be.
    ///
    /// ```
    /// use resurge_tensor::Shape;
    ///
    /// assert_eq!(Shape::from([2, 3]).checked_len()?, 6);
    /// assert!(Shape::from([usize::MAX, 2]).checked_len().is_err());
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn checked_len(&self) -> Result<usize> {
        // The product of the other extents is bounded, too, so that strides of an empty tensor do not overflow.
        let mut len = 1usize;
        for &extent in self.0.iter().filter(|&&extent| extent != 0) {
            len = len
                .checked_mul(extent)
                .filter(|&n| n <= isize::MAX as usize / LARGEST_SCALAR)
                .ok_or_else(|| TensorError::TooLarge { shape: self.clone() })?;
        }
        Ok(if self.0.contains(&0) { 0 } else { len })
    }

    /// Row-major strides, in elements.
    pub(crate) fn strides(&self) -> SmallVec<[usize; 4]> {
        let mut strides: SmallVec<[usize; 4]> = SmallVec::from_elem(1, self.rank());
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }

    /// The shape that `self` and `other` broadcast to, by NumPy's rule: aligned at the right, each pair of
    /// extents must be equal or one of them 1; missing axes count as 1.
    ///
    /// # Errors
    /// [`TensorError::Broadcast`] naming `op` and both shapes.
    ///
    /// ```
    /// use resurge_tensor::Shape;
    ///
    /// let bias = Shape::from([32]);
    /// let current = Shape::from([25, 4, 32]);
    /// assert_eq!(current.broadcast(&bias, "add")?, current);
    /// assert!(current.broadcast(&Shape::from([31]), "add").is_err());
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn broadcast(&self, other: &Shape, op: &'static str) -> Result<Shape> {
        let rank = self.rank().max(other.rank());
        let mut out = SmallVec::from_elem(1, rank);
        for (axis, extent) in out.iter_mut().enumerate() {
            let (a, b) = (self.extent_from_right(rank - axis), other.extent_from_right(rank - axis));
            *extent = match (a, b) {
                _ if a == b => a,
                (1, _) => b,
                (_, 1) => a,
                _ => return Err(TensorError::Broadcast { op, left: self.clone(), right: other.clone() }),
            };
        }
        Ok(Shape(out))
    }

    /// The extent of the `n`-th axis from the right (1 is the last), 1 where there is none.
    fn extent_from_right(&self, n: usize) -> usize {
        self.rank().checked_sub(n).map_or(1, |axis| self.0[axis])
    }

    /// The shape without `axis`.
    pub(crate) fn without(&self, axis: usize) -> Shape {
        let mut out = self.0.clone();
        out.remove(axis);
        Shape(out)
    }

    /// The shape with `extent` put before every axis.
    pub(crate) fn prepended(&self, extent: usize) -> Shape {
        let mut out = self.0.clone();
        out.insert(0, extent);
        Shape(out)
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(extents: [usize; N]) -> Self {
        Self(SmallVec::from_slice(&extents))
    }
}

impl From<&[usize]> for Shape {
    fn from(extents: &[usize]) -> Self {
        Self(SmallVec::from_slice(extents))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_slice())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
