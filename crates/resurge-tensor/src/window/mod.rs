//! The window that slides over the last two axes of images, and pooling with it.

mod pool;

pub(crate) use pool::exceeds;

use crate::{Result, Scalar, TensorError};
use std::fmt;
use std::ops::Range;

/// A rectangular window over the last two axes `[H, W]` of images: its extent, the step from one position to the
/// next, and how many rows and columns of padding surround the image on each side.
///
/// An image of `H` rows has `(H + 2 padding - kernel) / stride + 1` positions, rounded down: rows that no
/// whole window covers are left out.
///
/// ```
/// use resurge_tensor::Window2d;
///
/// let halves = Window2d::new([2, 2]); // the stride is the window's extent
/// assert_eq!(halves.positions("example", [5, 4])?, [2, 2]);
/// let same = Window2d::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]);
/// assert_eq!(same.positions("example", [5, 4])?, [5, 4]);
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window2d {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

impl Window2d {
    /// A window of the given extent `[rows, columns]`; positions adjoin each other, and nothing is padded.
    ///
    /// ```
    /// use resurge_tensor::Window2d;
    ///
    /// let window = Window2d::new([2, 3]);
    /// assert_eq!((window.kernel(), window.stride(), window.padding()), ([2, 3], [2, 3], [0, 0]));
    /// ```
    pub fn new(kernel: [usize; 2]) -> Self {
        Self { kernel, stride: kernel, padding: [0, 0] }
    }

    /// The same window with another step between positions.
    ///
    /// ```
    /// use resurge_tensor::Window2d;
    ///
    /// assert_eq!(Window2d::new([3, 3]).with_stride([1, 1]).stride(), [1, 1]);
    /// ```
    #[must_use]
    pub fn with_stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// The same window over images with this many rows and columns of padding on each side.
    ///
    /// ```
    /// use resurge_tensor::Window2d;
    ///
    /// assert_eq!(Window2d::new([3, 3]).with_padding([1, 1]).padding(), [1, 1]);
    /// ```
    #[must_use]
    pub fn with_padding(self, padding: [usize; 2]) -> Self {
        Self { padding, ..self }
    }

    /// The extent.
    ///
    /// ```
    /// use resurge_tensor::Window2d;
    ///
    /// assert_eq!(Window2d::new([3, 2]).kernel(), [3, 2]);
    /// ```
    pub fn kernel(&self) -> [usize; 2] {
        self.kernel
    }

    /// The step between positions.
    ///
    /// ```
    /// use resurge_tensor::Window2d;
    ///
    /// assert_eq!(Window2d::new([3, 2]).stride(), [3, 2]);
    /// ```
    pub fn stride(&self) -> [usize; 2] {
        self.stride
    }

    /// The padding on each side.
    ///
    /// ```
    /// use resurge_tensor::Window2d;
    ///
    /// assert_eq!(Window2d::new([3, 2]).padding(), [0, 0]);
    /// ```
    pub fn padding(&self) -> [usize; 2] {
        self.padding
    }

    /// The weight of an element in the mean over the window.
    ///
    /// ```
    /// use resurge_tensor::Window2d;
    ///
    /// assert_eq!(Window2d::new([2, 2]).share::<f64>(), 0.25);
    /// ```
    pub fn share<S: Scalar>(&self) -> S {
        let [rows, columns] = self.kernel;
        S::from_f64(1.0 / (rows as f64 * columns as f64))
    }

    /// The number of positions on an image `[H, W]`.
    ///
    /// # Errors
    /// [`TensorError::Window`] naming `op` when an extent or a stride is 0, or the window is larger than the
    /// padded image.
    ///
    /// ```
    /// use resurge_tensor::Window2d;
    ///
    /// assert_eq!(Window2d::new([2, 2]).positions("pool", [5, 4])?, [2, 2]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn positions(&self, op: &'static str, image: [usize; 2]) -> Result<[usize; 2]> {
        let refused = |expected| TensorError::Window { op, window: *self, image, expected };
        let mut positions = [0; 2];
        for axis in 0..2 {
            let (extent, kernel, stride) = (image[axis], self.kernel[axis], self.stride[axis]);
            if extent == 0 || kernel == 0 || stride == 0 {
                return Err(refused("every extent and stride must be at least 1"));
            }
            let padded = self.padding[axis].checked_mul(2).and_then(|padding| padding.checked_add(extent));
            let room = padded.and_then(|padded| padded.checked_sub(kernel));
            let room = room.ok_or_else(|| refused("the window must fit into the padded image"))?;
            positions[axis] = room / stride + 1;
        }
        Ok(positions)
    }

    /// As [`visit`](Self::visit), a row of positions at a time. What it costs is in proportion to the image under the
    /// positions, however far the window reaches beyond it.
    #[inline]
    pub(crate) fn runs(&self, image: [usize; 2], positions: [usize; 2], mut visit: impl FnMut(Run)) {
        let taps = |axis: usize| self.touching(axis, image[axis], positions[axis]);
        let columns: Vec<(usize, Range<usize>)> = taps(1).collect();
        for (tap_row, rows) in taps(0) {
            for (tap_column, columns) in &columns {
                // A number beyond any memory is of a pool, which does not ask for it.
                let tap = tap_row.wrapping_mul(self.kernel[1]).wrapping_add(*tap_column);
                for row in rows.clone() {
                    let at_row = row * self.stride[0] + tap_row - self.padding[0];
                    let at_column = columns.start * self.stride[1] + tap_column - self.padding[1];
                    let place = row * positions[1] + columns.start;
                    visit(Run { tap, place, at: at_row * image[1] + at_column, len: columns.len() });
                }
            }
        }
    }

    /// The elements of the window along an axis that lie on the image at some position, in their order, with the
    /// positions at which they do.
    fn touching(
        &self,
        axis: usize,
        extent: usize,
        positions: usize,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        let (kernel, stride, padding) = (self.kernel[axis], self.stride[axis], self.padding[axis]);
        // The window begins `padding - position * stride` before the image. Where the stride is shorter than the image, the
        // elements of neighbouring positions adjoin or overlap, else those of each are by themselves.
        let apart = stride >= extent;
        let on_image = move |first: usize, last: usize| {
            let begin = padding.saturating_sub(last * stride);
            let end = (extent + padding).saturating_sub(first * stride).min(kernel);
            begin..end
        };
        let groups = if apart { positions } else { positions.min(1) };
        (0..groups).rev().flat_map(move |group| {
            let (first, last) = if apart { (group, group) } else { (0, positions - 1) };
            on_image(first, last).filter_map(move |tap| {
                let at = self.within(axis, tap, extent, first..last + 1);
                (!at.is_empty()).then_some((tap, at))
            })
        })
    }

    /// Those of some positions along an axis at which an element of the window lies on the image.
    fn within(&self, axis: usize, tap: usize, extent: usize, positions: Range<usize>) -> Range<usize> {
        let (stride, padding) = (self.stride[axis], self.padding[axis]);
        let first = padding.saturating_sub(tap).div_ceil(stride).max(positions.start);
        let end = (extent + padding).saturating_sub(tap).div_ceil(stride).min(positions.end);
        first.min(end)..end
    }
}

/// Positions side by side of one element of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Which element of the window, row-major.
    pub(crate) tap: usize,
    /// The first position, row-major.
    pub(crate) place: usize,
    /// Where it is in the image; the next is the window's stride further.
    pub(crate) at: usize,
    /// How many positions.
    pub(crate) len: usize,
}

/// For example `2x2, stride 2x2, padding 0x0`.
impl fmt::Display for Window2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([h, w], [sh, sw], [ph, pw]) = (self.kernel, self.stride, self.padding);
        write!(f, "{h}x{w}, stride {sh}x{sw}, padding {ph}x{pw}")
    }
}

#[cfg(test)]
mod tests;
