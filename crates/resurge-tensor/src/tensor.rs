//! The tensor itself: construction and access.

use crate::kernel::{self, Unfilled};
use crate::{Result, Scalar, Shape, TensorError};
use std::sync::Arc;

/// A contiguous, row-major array of scalars.
///
/// Cloning is cheap: the values are shared until one of the clones is written to.
///
/// ```
/// use resurge_tensor::Tensor;
///
/// let spikes = Tensor::from_vec([2, 3], vec![0.0, 1.0, 0.0, 1.0, 1.0, 0.0])?; // [T, N]
/// assert_eq!(spikes.get(&[1, 0]), Some(1.0));
/// assert_eq!(spikes.mean(), 0.5); // the firing rate
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<S> {
    shape: Shape,
    data: Arc<[S]>,
}

impl<S: Scalar> Tensor<S> {
    /// A tensor of the given values in row-major order.
    ///
    /// # Errors
    /// [`TensorError::ElementCount`] when there are more or fewer values than the shape has elements.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let matrix = Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// assert_eq!(matrix.get(&[1, 0]), Some(3.0));
    /// assert!(Tensor::from_vec([2, 2], vec![1.0]).is_err());
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn from_vec(shape: impl Into<Shape>, data: Vec<S>) -> Result<Self> {
        let shape = shape.into();
        let expected = shape.checked_len()?;
        if data.len() != expected {
            return Err(TensorError::ElementCount { shape, expected, actual: data.len() });
        }
        Ok(Self { shape, data: data.into() })
    }

    /// A tensor whose element at row-major position `i` is `f(i)`.
    ///
    /// # Errors
    /// [`TensorError::TooLarge`] for a shape that cannot be addressed.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let ramp = Tensor::from_fn([4], |i| i as f64 / 4.0)?;
    /// assert_eq!(ramp.as_slice(), &[0.0, 0.25, 0.5, 0.75]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn from_fn(shape: impl Into<Shape>, f: impl FnMut(usize) -> S) -> Result<Self> {
        let shape = shape.into();
        let data = (0..shape.checked_len()?).map(f).collect();
        Ok(Self { shape, data })
    }

    /// A tensor whose elements `write` fills, in any order and on any threads, each once: without the pass that would
    /// first set them to 0.
    ///
    /// # Errors
    /// [`TensorError::ElementCount`] unless every element was filled, [`TensorError::TooLarge`] for a shape that cannot
    /// be addressed.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let halves = Tensor::build([4], |all| {
    ///     let (left, right) = all.split_at(2);
    ///     right.fill(&[3.0, 4.0]);
    ///     left.fill(&[1.0, 2.0]);
    /// })?;
    /// assert_eq!(halves.as_slice(), &[1.0, 2.0, 3.0, 4.0]);
    /// assert!(Tensor::<f64>::build([4], |all| all.fill(&[1.0])).is_err());
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn build(shape: impl Into<Shape>, write: impl FnOnce(Unfilled<'_, S>)) -> Result<Self> {
        let shape = shape.into();
        let expected = shape.checked_len()?;
        match kernel::filled(expected, write) {
            Ok(data) => Ok(Self { shape, data }),
            Err(actual) => Err(TensorError::ElementCount { shape, expected, actual }),
        }
    }

    /// A tensor filled with one value.
    ///
    /// # Errors
    /// [`TensorError::TooLarge`] for a shape that cannot be addressed.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::full([2], 7.0)?.as_slice(), &[7.0, 7.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn full(shape: impl Into<Shape>, value: S) -> Result<Self> {
        let shape = shape.into();
        let data = std::iter::repeat_n(value, shape.checked_len()?).collect();
        Ok(Self { shape, data })
    }

    /// A tensor of zeros.
    ///
    /// # Errors
    /// [`TensorError::TooLarge`] for a shape that cannot be addressed.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::<f32>::zeros([2])?.as_slice(), &[0.0, 0.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn zeros(shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let data = S::zeroed(shape.checked_len()?);
        Ok(Self { shape, data })
    }

    /// A tensor with no axes and one element.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!((Tensor::scalar(7.0).shape().rank(), Tensor::scalar(7.0).item()), (0, Some(7.0)));
    /// ```
    pub fn scalar(value: S) -> Self {
        Self { shape: Shape::scalar(), data: Arc::new([value]) }
    }

    /// The extents, outermost first.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::<f32>::zeros([2, 3])?.shape()[1], 3);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of elements.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::<f32>::zeros([2, 3])?.len(), 6);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert!(Tensor::<f32>::zeros([2, 0])?.is_empty());
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The values in row-major order.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from_vec([2, 1], vec![1.0, 2.0])?.as_slice(), &[1.0, 2.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn as_slice(&self) -> &[S] {
        &self.data
    }

    /// The values for writing; copies them first where another clone shares them.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let original = Tensor::from_vec([2], vec![1.0, 2.0])?;
    /// let mut copy = original.clone(); // shares the values until one of them changes
    /// copy.as_mut_slice()[0] = 9.0;
    /// assert_eq!((original.as_slice()[0], copy.as_slice()[0]), (1.0, 9.0));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn as_mut_slice(&mut self) -> &mut [S] {
        Arc::make_mut(&mut self.data)
    }

    /// The values as a vector.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::from_vec([2], vec![1.0, 2.0])?.to_vec(), vec![1.0, 2.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn to_vec(&self) -> Vec<S> {
        self.data.to_vec()
    }

    /// The element at a multi-dimensional index; `None` where it does not exist.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let matrix = Tensor::from_vec([2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// assert_eq!((matrix.get(&[0, 1]), matrix.get(&[0, 2])), (Some(2.0), None));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn get(&self, index: &[usize]) -> Option<S> {
        let within =
            index.len() == self.shape.rank() && index.iter().zip(self.shape.iter()).all(|(i, n)| i < n);
        within.then(|| {
            let offset: usize = index.iter().zip(self.shape.strides()).map(|(i, s)| i * s).sum();
            self.data[offset]
        })
    }

    /// The value of a one-element tensor; `None` where there are more elements or none.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert_eq!(Tensor::full([1, 1], 7.0)?.item(), Some(7.0));
    /// assert_eq!(Tensor::full([2], 7.0)?.item(), None);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn item(&self) -> Option<S> {
        match self.as_slice() {
            &[value] => Some(value),
            _ => None,
        }
    }

    /// `f` of each element. The scalar type may change.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let potential = Tensor::from_vec([3], vec![0.4, 1.2, 1.0])?;
    /// let spike = potential.map(|u: f64| if u > 1.0 { 1.0_f32 } else { 0.0 });
    /// assert_eq!(spike.as_slice(), &[0.0, 1.0, 0.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn map<R: Scalar>(&self, f: impl FnMut(S) -> R) -> Tensor<R> {
        Tensor { shape: self.shape.clone(), data: self.data.iter().copied().map(f).collect() }
    }

    /// The real parts as another scalar.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let single: Tensor<f32> = Tensor::from_vec([1], vec![0.5])?.cast();
    /// assert_eq!(single.item(), Some(0.5));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn cast<R: Scalar>(&self) -> Tensor<R> {
        self.map(|x| R::from_f64(x.re()))
    }

    /// Whether every element is finite.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// assert!(!Tensor::from_vec([2], vec![1.0, f64::NAN])?.is_finite());
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|x| x.is_finite())
    }

    /// The same values under another shape; shares them.
    ///
    /// # Errors
    /// [`TensorError::ElementCount`] when the shape has another number of elements.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    ///
    /// let matrix = Tensor::from_vec([4], vec![1.0, 2.0, 3.0, 4.0])?.reshape([2, 2])?;
    /// assert_eq!(matrix.get(&[1, 0]), Some(3.0));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        let expected = shape.checked_len()?;
        if expected != self.len() {
            return Err(TensorError::ElementCount { shape, expected, actual: self.len() });
        }
        Ok(Self { shape, data: Arc::clone(&self.data) })
    }

    /// Builds a tensor whose data is known to fit its shape.
    pub(crate) fn from_parts(shape: Shape, data: impl Into<Arc<[S]>>) -> Self {
        let data = data.into();
        debug_assert_eq!(shape.checked_len(), Ok(data.len()));
        Self { shape, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn construction_checks_the_count() {
        assert!(Tensor::from_vec([2, 2], vec![1.0; 4]).is_ok());
        assert_eq!(
            Tensor::from_vec([2, 2], vec![1.0; 3]).unwrap_err(),
            TensorError::ElementCount { shape: [2, 2].into(), expected: 4, actual: 3 }
        );
        assert_eq!(Tensor::from_vec([0, 7], Vec::<f64>::new()).unwrap().len(), 0);
        assert_eq!(Tensor::scalar(3.0).shape().rank(), 0);
    }

    #[test]
    fn a_shape_beyond_the_address_space_is_refused() {
        let shape = [usize::MAX, 2];
        assert_eq!(Tensor::<f64>::zeros(shape).unwrap_err(), TensorError::TooLarge { shape: shape.into() });
        assert!(Tensor::<f32>::from_fn([1 << 40, 1 << 40], |_| 0.0).is_err());
        // So is one whose other extents would overflow if the empty axis had an entry.
        assert!(Tensor::<f64>::zeros([usize::MAX, 2, 0]).is_err());
        assert!(Tensor::<f64>::zeros([1 << 30, 2, 0]).unwrap().is_empty());
    }

    #[test]
    fn indexing_is_row_major_and_bounded() {
        let t = Tensor::from_fn([2, 3, 4], |i| i as f64).unwrap();
        assert_eq!(t.get(&[1, 2, 3]), Some(23.0));
        assert_eq!(t.get(&[1, 0, 2]), Some(14.0));
        assert_eq!(t.get(&[2, 0, 0]), None);
        assert_eq!(t.get(&[0, 0]), None);
        assert_eq!(t.item(), None);
        assert_eq!(Tensor::from_vec([1, 1], vec![5.0]).unwrap().item(), Some(5.0));
    }

    #[test]
    fn writing_to_a_clone_leaves_the_original() {
        let a = Tensor::full([3], 1.0).unwrap();
        let mut b = a.clone();
        b.as_mut_slice()[1] = 7.0;
        assert_eq!(a.as_slice(), &[1.0, 1.0, 1.0]);
        assert_eq!(b.to_vec(), vec![1.0, 7.0, 1.0]);
    }

    #[test]
    fn reshape_cast_and_finiteness() {
        let t = Tensor::from_fn([2, 3], |i| i as f64).unwrap();
        assert_eq!(t.reshape([3, 2]).unwrap().get(&[2, 1]), Some(5.0));
        assert!(matches!(t.reshape([4]), Err(TensorError::ElementCount { expected: 4, actual: 6, .. })));
        assert_eq!(t.cast::<f32>().as_slice()[5], 5.0_f32);
        assert!(t.is_finite());
        assert!(!t.map(|x| if x == 4.0 { f64::NAN } else { x }).is_finite());
    }
}
