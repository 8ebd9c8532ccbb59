//! Two-dimensional convolution as matrix products: the image's patches are laid out as columns.

mod plan;

use crate::{MatRef, Result, Scalar, Shape, Tensor, TensorError};
use plan::Plan;
use rayon::prelude::*;

/// Partial sums of a weight's gradient.
const LANES: usize = 8;

/// A two-dimensional convolution of images `[M, C, H, W]` with a weight `[O, C/groups, kh, kw]`, to images
/// `[M, O, H', W']`; in the sense of neural networks, a correlation (the weight is not mirrored):
///
/// `y[m, o, i, j] = sum over c, k, l of weight[o, c, k, l] * x[m, c, i * stride + k - padding, j * stride + l - padding]`
///
/// where `x` is 0 outside the image. With groups, the channels of the input and of the output are cut into that
/// many equal blocks, and each block of outputs sees its own block of inputs; as many groups as input channels
/// make a depthwise convolution.
///
/// ```
/// use resurge_tensor::{Conv2d, Tensor};
///
/// let image = Tensor::from_vec([1, 1, 1, 4], vec![1.0, 2.0, 4.0, 8.0])?;
/// let difference = Tensor::from_vec([1, 1, 1, 2], vec![-1.0, 1.0])?;
/// assert_eq!(Conv2d::new().apply(&image, &difference)?.as_slice(), &[1.0, 2.0, 4.0]);
/// let padded = Conv2d::new().with_padding([0, 1]).with_stride([1, 2]);
/// assert_eq!(padded.apply(&image, &difference)?.as_slice(), &[1.0, 2.0, -8.0]);
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    stride: [usize; 2],
    padding: [usize; 2],
    groups: usize,
}

impl Default for Conv2d {
    fn default() -> Self {
        Self::new()
    }
}

impl Conv2d {
    /// Stride 1, no padding, one group.
    ///
    /// ```
    /// use resurge_tensor::Conv2d;
    ///
    /// let conv = Conv2d::new();
    /// assert_eq!((conv.stride(), conv.padding(), conv.groups()), ([1, 1], [0, 0], 1));
    /// ```
    pub fn new() -> Self {
        Self { stride: [1, 1], padding: [0, 0], groups: 1 }
    }

    /// The same convolution with another step between positions.
    ///
    /// ```
    /// use resurge_tensor::Conv2d;
    ///
    /// assert_eq!(Conv2d::new().with_stride([2, 3]).stride(), [2, 3]);
    /// ```
    #[must_use]
    pub fn with_stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// The same convolution of images with this many rows and columns of zeros on each side.
    ///
    /// ```
    /// use resurge_tensor::Conv2d;
    ///
    /// assert_eq!(Conv2d::new().with_padding([1, 2]).padding(), [1, 2]);
    /// ```
    #[must_use]
    pub fn with_padding(self, padding: [usize; 2]) -> Self {
        Self { padding, ..self }
    }

    /// The same convolution with the channels in this many groups.
    ///
    /// ```
    /// use resurge_tensor::{Conv2d, Tensor};
    ///
    /// // A filter for each of two channels: the weight is [filters, channels / groups, height, width].
    /// let image = Tensor::from_vec([1, 2, 1, 1], vec![3.0, 5.0])?;
    /// let weight = Tensor::from_vec([2, 1, 1, 1], vec![10.0, 100.0])?;
    /// let output = Conv2d::new().with_groups(2).apply(&image, &weight)?;
    /// assert_eq!(output.as_slice(), &[30.0, 500.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    #[must_use]
    pub fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The step between positions.
    ///
    /// ```
    /// use resurge_tensor::Conv2d;
    ///
    /// assert_eq!(Conv2d::new().stride(), [1, 1]);
    /// ```
    pub fn stride(&self) -> [usize; 2] {
        self.stride
    }

    /// The zeros on each side.
    ///
    /// ```
    /// use resurge_tensor::Conv2d;
    ///
    /// assert_eq!(Conv2d::new().padding(), [0, 0]);
    /// ```
    pub fn padding(&self) -> [usize; 2] {
        self.padding
    }

    /// The number of groups.
    ///
    /// ```
    /// use resurge_tensor::Conv2d;
    ///
    /// assert_eq!(Conv2d::new().groups(), 1);
    /// ```
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// The convolution of `input` with `weight`.
    ///
    /// # Errors
    /// [`TensorError::Rank`] unless both have four axes, [`TensorError::Channels`] when the channels do not
    /// fit the groups, [`TensorError::Window`] when the kernel does not fit the padded image.
    ///
    /// ```
    /// use resurge_tensor::{Conv2d, Tensor};
    ///
    /// let image = Tensor::from_vec([1, 1, 1, 3], vec![1.0, 2.0, 4.0])?;
    /// let weight = Tensor::from_vec([1, 1, 1, 2], vec![-1.0, 1.0])?;
    /// let differences = Conv2d::new().apply(&image, &weight)?;
    /// assert_eq!((&differences.shape()[..], differences.as_slice()), (&[1, 1, 1, 2][..], &[1.0, 2.0][..]));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn apply<S: Scalar>(&self, input: &Tensor<S>, weight: &Tensor<S>) -> Result<Tensor<S>> {
        let plan = Plan::new(self, input.shape(), weight.shape())?;
        let size = plan.filters * plan.places;
        plan.build(&plan.output.into(), size, |block, out, columns| {
            plan.gather(&input.as_slice()[plan.input_range(block)], columns);
            let patches = matrix(columns, plan.taps, plan.places)?;
            S::matmul_into(plan.filters(weight.as_slice(), block)?, patches, out);
            Ok(())
        })
    }

    /// The transpose of [`apply`](Conv2d::apply) as a linear map of the input, of shape `input`: `output` of
    /// shape `[M, O, H', W']` back to images. It is how a gradient returns to the input.
    ///
    /// # Errors
    /// As [`apply`](Conv2d::apply), and [`TensorError::Shape`] unless `output` has the shape that it gives.
    ///
    /// ```
    /// use resurge_tensor::{Conv2d, Tensor};
    ///
    /// let weight = Tensor::from_vec([1, 1, 1, 2], vec![-1.0, 1.0])?;
    /// let cotangent = Tensor::from_vec([1, 1, 1, 2], vec![1.0, 10.0])?;
    /// let back = Conv2d::new().transposed_to_input(&cotangent, &weight, &[1, 1, 1, 3].into())?;
    /// assert_eq!(back.as_slice(), &[-1.0, 1.0 - 10.0, 10.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn transposed_to_input<S: Scalar>(
        &self,
        output: &Tensor<S>,
        weight: &Tensor<S>,
        input: &Shape,
    ) -> Result<Tensor<S>> {
        let plan = Plan::new(self, input, weight.shape())?;
        plan.check_output(output.shape())?;
        let size = plan.channels * plan.image[0] * plan.image[1];
        plan.build(input, size, |block, out, columns| {
            let y = matrix(&output.as_slice()[plan.output_range(block)], plan.filters, plan.places)?;
            S::matmul_into(plan.filters(weight.as_slice(), block)?.t(), y, columns);
            plan.scatter(columns, out);
            Ok(())
        })
    }

    /// The transpose of [`apply`](Conv2d::apply) as a linear map of the weight, of shape `weight`. It is how a
    /// gradient returns to the weight.
    ///
    /// # Errors
    /// As [`apply`](Conv2d::apply), and [`TensorError::Shape`] unless `output` has the shape that it gives.
    ///
    /// ```
    /// use resurge_tensor::{Conv2d, Tensor};
    ///
    /// let image = Tensor::from_vec([1, 1, 1, 3], vec![1.0, 2.0, 4.0])?;
    /// let cotangent = Tensor::from_vec([1, 1, 1, 2], vec![1.0, 10.0])?;
    /// let back = Conv2d::new().transposed_to_weight(&cotangent, &image, &[1, 1, 1, 2].into())?;
    /// assert_eq!(back.as_slice(), &[1.0 + 20.0, 2.0 + 40.0]);
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn transposed_to_weight<S: Scalar>(
        &self,
        output: &Tensor<S>,
        input: &Tensor<S>,
        weight: &Shape,
    ) -> Result<Tensor<S>> {
        let plan = Plan::new(self, input.shape(), weight)?;
        plan.check_output(output.shape())?;
        plan.columns::<S>()?;
        // A product of a matrix with a transposed one copies the latter, transposed, or the other one for the transposed
        // product: the copy of outputs is smaller than that of patches.
        let transposed = plan.filters < plan.taps;
        // Images in turns on a fixed number of lanes: the order of summation does not depend on threads.
        let lanes = (plan.blocks / plan.groups.max(1)).clamp(1, LANES);
        let lane = |lane: usize| -> Result<Vec<S>> {
            let mut columns = plan.columns()?;
            let mut sums = vec![S::zero(); weight.checked_len()?];
            for block in (0..plan.blocks).filter(|block| block / plan.groups % lanes == lane) {
                plan.gather(&input.as_slice()[plan.input_range(block)], &mut columns);
                let y = matrix(&output.as_slice()[plan.output_range(block)], plan.filters, plan.places)?;
                let patches = matrix(&columns, plan.taps, plan.places)?;
                let sums = &mut sums[plan.filter_range(block)];
                if transposed {
                    S::matmul_add_into(patches, y.t(), sums);
                } else {
                    S::matmul_add_into(y, patches.t(), sums);
                }
            }
            Ok(sums)
        };
        let sums: Vec<Vec<S>> = if plan.is_large() {
            (0..lanes).into_par_iter().map(lane).collect::<Result<_>>()?
        } else {
            (0..lanes).map(lane).collect::<Result<_>>()?
        };
        let (rows, columns) = if transposed { (plan.taps, plan.filters) } else { (plan.filters, plan.taps) };
        let mut out = Tensor::zeros([plan.groups, rows, columns])?;
        let total = out.as_mut_slice();
        for lane in sums {
            total.iter_mut().zip(lane).for_each(|(sum, term)| *sum += term);
        }
        let out = if transposed { out.permute(&[0, 2, 1])? } else { out };
        out.reshape(weight)
    }
}

fn matrix<S>(data: &[S], rows: usize, cols: usize) -> Result<MatRef<'_, S>> {
    MatRef::new(data, rows, cols).ok_or_else(|| TensorError::TooLarge { shape: [rows, cols].into() })
}

#[cfg(test)]
mod tests;
