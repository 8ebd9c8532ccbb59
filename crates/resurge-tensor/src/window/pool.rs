//! Pooling: sums, means and places of maxima over each position of a window.

use super::Window2d;
use crate::parts::{self, PARALLEL};
use crate::{Result, Scalar, Shape, Tensor, TensorError};
use std::ops::Range;

impl<S: Scalar> Tensor<S> {
    /// The sum over each position of a window: images `[M, C, H, W]` become `[M, C, H', W']`. Padding counts
    /// as 0.
    ///
    /// # Errors
    /// [`TensorError::Rank`] unless there are four axes, [`TensorError::Window`] when the window does not fit
    /// or its padding is not smaller than itself.
    ///
    /// ```
    /// use resurge_tensor::{Tensor, Window2d};
    ///
    /// let image = Tensor::from_vec([1, 1, 2, 4], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])?;
    /// assert_eq!(image.sum_pool2d(Window2d::new([2, 2]))?.as_slice(), &[14.0, 22.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn sum_pool2d(&self, window: Window2d) -> Result<Tensor<S>> {
        self.pool(window, "sum_pool2d", None)
    }

    /// The mean over each position of a window: [`sum_pool2d`](Tensor::sum_pool2d) divided by the window's size,
    /// padding included.
    ///
    /// # Errors
    /// As [`sum_pool2d`](Tensor::sum_pool2d).
    ///
    /// ```
    /// use resurge_tensor::{Tensor, Window2d};
    ///
    /// let image = Tensor::from_vec([1, 1, 2, 4], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])?;
    /// assert_eq!(image.avg_pool2d(Window2d::new([2, 2]))?.as_slice(), &[3.5, 5.5]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn avg_pool2d(&self, window: Window2d) -> Result<Tensor<S>> {
        self.pool(window, "avg_pool2d", Some(window.share()))
    }

    fn pool(&self, window: Window2d, op: &'static str, factor: Option<S>) -> Result<Tensor<S>> {
        let pool = Pool::new(window, self.shape(), op)?;
        let (image, places) = (pool.image.iter().product(), pool.positions.iter().product());
        map_planes(self.as_slice(), image, &pool.output, places, |values, sums| {
            if pool.is_of_pairs() {
                for (positions, line) in pool.lines() {
                    let pairs = values[line].as_chunks::<2>().0;
                    for (sum, [a, b]) in sums[positions].iter_mut().zip(pairs) {
                        *sum = *sum + *a + *b;
                    }
                }
            } else {
                window.runs(pool.image, pool.positions, |run| {
                    let sums = &mut sums[run.place..][..run.len];
                    for (sum, &x) in sums.iter_mut().zip(values[run.at..].iter().step_by(window.stride[1])) {
                        *sum += x;
                    }
                });
            }
            if let Some(factor) = factor {
                sums.iter_mut().for_each(|sum| *sum = *sum * factor);
            }
        })
    }

    /// The transpose of [`sum_pool2d`](Tensor::sum_pool2d): each value of `[M, C, H', W']` is added to every
    /// element under its position of the window, in zeros of the shape `images`.
    ///
    /// # Errors
    /// As [`sum_pool2d`](Tensor::sum_pool2d), and [`TensorError::Shape`] unless this tensor has the shape that
    /// pooling `images` gives.
    ///
    /// ```
    /// use resurge_tensor::{Tensor, Window2d};
    ///
    /// let cotangent = Tensor::from_vec([1, 1, 1, 1], vec![3.0])?;
    /// let back = cotangent.sum_pool2d_transposed(Window2d::new([1, 2]), &[1, 1, 1, 2].into())?;
    /// assert_eq!(back.as_slice(), &[3.0, 3.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn sum_pool2d_transposed(&self, window: Window2d, images: &Shape) -> Result<Tensor<S>> {
        let op = "sum_pool2d_transposed";
        let pool = Pool::new(window, images, op)?;
        if &pool.output != self.shape() {
            return Err(TensorError::Shape { op, expected: pool.output, actual: self.shape().clone() });
        }
        let (image, places) = (pool.image.iter().product(), pool.positions.iter().product());
        map_planes(self.as_slice(), places, images, image, |values, sums| {
            if pool.is_of_pairs() {
                for (positions, line) in pool.lines() {
                    let pairs = sums[line].as_chunks_mut::<2>().0;
                    pairs.iter_mut().zip(&values[positions]).for_each(|(pair, &x)| *pair = [x, x]);
                }
                return;
            }
            window.runs(pool.image, pool.positions, |run| {
                let values = &values[run.place..][..run.len];
                for (sum, &x) in sums[run.at..].iter_mut().step_by(window.stride[1]).zip(values) {
                    *sum += x;
                }
            });
        })
    }

    /// Where among this tensor's elements, row-major, the largest real part under each position of a window is:
    /// for images `[M, C, H, W]`, the shape `[M, C, H', W']` and one place for each of its elements.
    ///
    /// Of equals the first in row-major order is taken. A not-a-number counts as larger than every number, so
    /// that it is not lost. Padding is never taken.
    ///
    /// # Errors
    /// As [`sum_pool2d`](Tensor::sum_pool2d).
    ///
    /// ```
    /// use resurge_tensor::{Tensor, Window2d};
    ///
    /// let image = Tensor::from_vec([1, 1, 2, 4], vec![1.0, 9.0, 3.0, 4.0, 5.0, 6.0, 4.0, 2.0])?;
    /// let (shape, places) = image.argmax_pool2d(Window2d::new([2, 2]))?;
    /// assert_eq!((shape, places), ([1, 1, 1, 2].into(), vec![1, 3]));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn argmax_pool2d(&self, window: Window2d) -> Result<(Shape, Vec<usize>)> {
        let pool = Pool::new(window, self.shape(), "max_pool2d")?;
        let mut best: Vec<Option<usize>> = vec![None; pool.output.checked_len()?];
        let value = |at: usize| self.as_slice()[at].re();
        pool.visit(|position, at| {
            let best = &mut best[position];
            if best.is_none_or(|so_far| exceeds(value(at), value(so_far))) {
                *best = Some(at);
            }
        });
        // Padding is smaller than the window, so each position touched the image and `flatten` drops nothing.
        Ok((pool.output, best.into_iter().flatten().collect()))
    }
}

/// The tensor each of whose planes of `size` elements `f` makes of zeros and the plane of `from` in its place.
fn map_planes<S: Scalar>(
    from: &[S],
    from_size: usize,
    shape: &Shape,
    size: usize,
    f: impl Fn(&[S], &mut [S]) + Sync,
) -> Result<Tensor<S>> {
    parts::build(
        shape,
        size,
        from.len() >= PARALLEL,
        || (),
        |plane, out, ()| {
            f(&from[plane * from_size..][..from_size], out);
            Ok(())
        },
    )
}

/// Whether `x` displaces `best` as the maximum.
pub(crate) fn exceeds(x: f64, best: f64) -> bool {
    x > best || (x.is_nan() && !best.is_nan())
}

/// Pooling of images `[M, C, H, W]`: `M * C` planes, each by itself.
struct Pool {
    window: Window2d,
    planes: usize,
    image: [usize; 2],
    positions: [usize; 2],
    /// The shape of the result.
    output: Shape,
}

impl Pool {
    fn new(window: Window2d, images: &Shape, op: &'static str) -> Result<Self> {
        let &[m, c, h, w] = &images[..] else {
            return Err(TensorError::Rank { op, expected: 4, actual: images.clone() });
        };
        let positions = window.pool_positions(op, [h, w])?;
        let output = Shape::from([m, c, positions[0], positions[1]]);
        Ok(Self { window, planes: Shape::from([m, c]).checked_len()?, image: [h, w], positions, output })
    }

    /// Whether positions adjoin each other with two columns each: then an image's row is one of pairs, and plain loops
    /// over them are vector code.
    fn is_of_pairs(&self) -> bool {
        let Window2d { kernel, stride, padding } = self.window;
        kernel[1] == 2 && stride == kernel && padding == [0, 0]
    }

    /// Of windows that adjoin each other: a row of positions with each row of an image's elements under it.
    fn lines(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let ([rows, columns], kernel, width) = (self.positions, self.window.kernel, self.image[1]);
        (0..rows * kernel[0]).map(move |line| {
            let (position, at) = (line / kernel[0] * columns, line * width);
            (position..position + columns, at..at + columns * kernel[1])
        })
    }

    /// Visits every element of the images under every position, with the position's and the element's place
    /// in the result and in the images.
    fn visit(&self, mut visit: impl FnMut(usize, usize)) {
        for plane in 0..self.planes {
            let to = plane * self.positions[0] * self.positions[1];
            let from = plane * self.image[0] * self.image[1];
            self.window.visit(self.image, self.positions, |_, position, at| visit(to + position, from + at));
        }
    }
}

impl Window2d {
    /// As [`positions`](Window2d::positions), for windows each of which must touch the image.
    fn pool_positions(&self, op: &'static str, image: [usize; 2]) -> Result<[usize; 2]> {
        if (0..2).any(|axis| self.padding[axis] >= self.kernel[axis].max(1)) {
            let expected = "the padding of a pool must be smaller than its window";
            return Err(TensorError::Window { op, window: *self, image, expected });
        }
        self.positions(op, image)
    }

    /// Visits every element of one image under every position of the window, the padding left out, with: which
    /// element of the window it is, which position, and where in the image. All three are row-major.
    fn visit(&self, image: [usize; 2], positions: [usize; 2], mut visit: impl FnMut(usize, usize, usize)) {
        self.runs(image, positions, |run| {
            for k in 0..run.len {
                visit(run.tap, run.place + k, run.at + k * self.stride[1]);
            }
        });
    }
}
