//! Pooling layers.

use super::over_images;
use crate::Result;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Window2d};

/// The mean over each position of a window on every image of a sequence: `[T, B, C, H, W]` to
/// `[T, B, C, H', W']`. Padding counts as 0 and belongs to the mean.
///
/// # Errors
/// [`SnnError::Axes`](crate::SnnError::Axes) unless the input has five axes, and a shape error when the window
/// does not fit or is not larger than its padding.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::avg_pool2d;
/// use resurge_tensor::{Tensor, Window2d};
///
/// let mut tape = Tape::new();
/// let spikes = tape.constant(Tensor::from_vec([1, 1, 1, 2, 2], vec![1.0, 0.0, 0.0, 1.0])?);
/// let pooled = avg_pool2d(&mut tape, spikes, Window2d::new([2, 2]))?;
/// assert_eq!(tape.value(pooled)?.as_slice(), &[0.5]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn avg_pool2d<S: Scalar>(tape: &mut Tape<S>, input: Var, window: Window2d) -> Result<Var> {
    over_images(tape, input, "avg_pool2d layer", |tape, images| Ok(tape.avg_pool2d(images, window)?))
}

/// The sum over each position of a window on every image of a sequence: `[T, B, C, H, W]` to
/// `[T, B, C, H', W']`. Padding counts as 0. Summed spikes are counts, and stay whole numbers.
///
/// # Errors
/// As [`avg_pool2d`].
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::sum_pool2d;
/// use resurge_tensor::{Tensor, Window2d};
///
/// let mut tape = Tape::new();
/// let spikes = tape.constant(Tensor::from_vec([1, 1, 1, 2, 2], vec![1.0, 0.0, 0.0, 1.0])?);
/// let pooled = sum_pool2d(&mut tape, spikes, Window2d::new([2, 2]))?;
/// assert_eq!(tape.value(pooled)?.as_slice(), &[2.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn sum_pool2d<S: Scalar>(tape: &mut Tape<S>, input: Var, window: Window2d) -> Result<Var> {
    over_images(tape, input, "sum_pool2d layer", |tape, images| Ok(tape.sum_pool2d(images, window)?))
}

/// The maximum over each position of a window on every image of a sequence: `[T, B, C, H, W]` to
/// `[T, B, C, H', W']`. On spikes it is a logical or. The gradient goes to the first of equals in row-major order.
///
/// # Errors
/// As [`avg_pool2d`].
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::max_pool2d;
/// use resurge_tensor::{Tensor, Window2d};
///
/// let mut tape = Tape::new();
/// let spikes = tape.leaf(Tensor::from_vec([1, 1, 1, 2, 2], vec![0.0, 1.0, 0.0, 1.0])?);
/// let pooled = max_pool2d(&mut tape, spikes, Window2d::new([2, 2]))?;
/// assert_eq!(tape.value(pooled)?.as_slice(), &[1.0]);
/// assert_eq!(tape.backward(pooled)?.wrt(spikes)?.as_slice(), &[0.0, 1.0, 0.0, 0.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn max_pool2d<S: Scalar>(tape: &mut Tape<S>, input: Var, window: Window2d) -> Result<Var> {
    over_images(tape, input, "max_pool2d layer", |tape, images| Ok(tape.max_pool2d(images, window)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;
    use resurge_tensor::Tensor;

    type Pool = fn(&mut Tape<f64>, Var, Window2d) -> Result<Var>;

    #[test]
    fn each_step_sample_and_channel_is_pooled_by_itself() {
        let pools: [(Pool, [f64; 8]); 3] = [
            (sum_pool2d, [1.0, 5.0, 9.0, 13.0, 17.0, 21.0, 25.0, 29.0]),
            (avg_pool2d, [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5]),
            (max_pool2d, [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]),
        ];
        for (pool, expected) in pools {
            let mut tape = Tape::new();
            let x = tape.constant(Tensor::from_fn([2, 2, 2, 1, 2], |i| i as f64).unwrap());
            let y = pool(&mut tape, x, Window2d::new([1, 2])).unwrap();
            assert_eq!(tape.value(y).unwrap().shape(), &[2, 2, 2, 1, 1].into());
            assert_eq!(tape.value(y).unwrap().as_slice(), &expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let pools: [(Pool, &str); 3] = [
            (avg_pool2d, "avg_pool2d layer"),
            (sum_pool2d, "sum_pool2d layer"),
            (max_pool2d, "max_pool2d layer"),
        ];
        for (pool, name) in pools {
            let mut tape = Tape::<f64>::new();
            let flat = tape.constant(Tensor::zeros([2, 1, 4]).unwrap());
            let axes = pool(&mut tape, flat, Window2d::new([2, 2])).unwrap_err();
            assert!(matches!(axes, SnnError::Axes { what, .. } if what == name));
            let small = tape.constant(Tensor::zeros([2, 1, 1, 1, 1]).unwrap());
            let window = pool(&mut tape, small, Window2d::new([2, 2])).unwrap_err();
            assert!(window.to_string().contains("must fit into the padded image"), "{window}");
        }
    }
}
