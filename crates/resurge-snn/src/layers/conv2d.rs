//! The convolutional layer.

use super::over_images;
use crate::Result;
use crate::sequence::check_shape;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Conv2d, Scalar};

/// The convolution of every image of a sequence: input `[T, B, C, H, W]`, weight `[O, C/groups, kh, kw]`, bias `[O]`,
/// output `[T, B, O, H', W']`, by the formula at [`Conv2d`].
///
/// # Errors
/// [`SnnError::Axes`](crate::SnnError::Axes) unless the input has five axes, and a shape error where the weight,
/// the bias, the groups or the kernel do not fit.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::conv2d;
/// use resurge_tensor::{Conv2d, Tensor};
///
/// let mut tape = Tape::new();
/// let x = tape.constant(Tensor::full([5, 2, 1, 28, 28], 1.0_f32)?);
/// let w = tape.leaf(Tensor::full([15, 1, 5, 5], 0.1)?);
/// let b = tape.leaf(Tensor::full([15], 0.5)?);
/// let current = conv2d(&mut tape, x, w, Some(b), Conv2d::new())?;
/// assert_eq!(tape.value(current)?.shape(), &[5, 2, 15, 24, 24].into());
/// assert!((tape.value(current)?.as_slice()[0] - 3.0).abs() < 1e-5);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn conv2d<S: Scalar>(
    tape: &mut Tape<S>,
    input: Var,
    weight: Var,
    bias: Option<Var>,
    conv: Conv2d,
) -> Result<Var> {
    over_images(tape, input, "conv2d layer", |tape, images| {
        let output = tape.conv2d(images, weight, conv)?;
        let Some(bias) = bias else { return Ok(output) };
        let channels = tape.value(output)?.shape()[1];
        check_shape(tape.value(bias)?, &[channels].into(), "conv2d bias")?;
        let bias = tape.reshape(bias, [channels, 1, 1])?;
        Ok(tape.add(output, bias)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;
    use resurge_tensor::Tensor;

    #[test]
    fn each_step_and_sample_is_convolved_by_itself() {
        let mut tape = Tape::new();
        let x = tape.constant(Tensor::from_fn([2, 2, 1, 1, 2], |i| i as f64).unwrap());
        let w = tape.leaf(Tensor::from_vec([2, 1, 1, 2], vec![1.0, 1.0, 0.0, 10.0]).unwrap());
        let b = tape.leaf(Tensor::from_vec([2], vec![0.5, -1.0]).unwrap());
        let y = conv2d(&mut tape, x, w, Some(b), Conv2d::new()).unwrap();
        assert_eq!(tape.value(y).unwrap().shape(), &[2, 2, 2, 1, 1].into());
        assert_eq!(tape.value(y).unwrap().as_slice(), &[1.5, 9.0, 5.5, 29.0, 9.5, 49.0, 13.5, 69.0]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        let mut tape = Tape::<f64>::new();
        let x = tape.constant(Tensor::zeros([2, 1, 3, 4, 4]).unwrap());
        let w = tape.leaf(Tensor::zeros([6, 3, 3, 3]).unwrap());
        let flat = conv2d(&mut tape, w, w, None, Conv2d::new()).unwrap_err();
        assert!(matches!(flat, SnnError::Axes { what: "conv2d layer", expected: "[T, B, C, H, W]", .. }));
        let groups = conv2d(&mut tape, x, w, None, Conv2d::new().with_groups(2)).unwrap_err().to_string();
        assert!(groups.contains("3 input channels do not fit"), "{groups}");
        // A bias of one element would broadcast.
        let b = tape.leaf(Tensor::zeros([1]).unwrap());
        let bias = conv2d(&mut tape, x, w, Some(b), Conv2d::new()).unwrap_err().to_string();
        assert_eq!(bias, "conv2d bias: expected shape [6], found [1]");
    }
}
