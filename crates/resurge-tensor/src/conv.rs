//! Two-dimensional convolution as matrix products: the image's patches are laid out as columns.

use crate::parts::{self, PARALLEL};
use crate::window::Run;
use crate::{MatRef, Result, Scalar, Shape, Tensor, TensorError, Window2d};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use std::ops::Range;

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
        let plan = self.plan(input.shape(), weight.shape())?;
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
        let plan = self.plan(input, weight.shape())?;
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
        let plan = self.plan(input.shape(), weight)?;
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

    fn plan(&self, input: &Shape, weight: &Shape) -> Result<Plan> {
        let op = "conv2d";
        let rank = |shape: &Shape| TensorError::Rank { op, expected: 4, actual: shape.clone() };
        let &[m, c, h, w] = &input[..] else { return Err(rank(input)) };
        let &[o, channels, kh, kw] = &weight[..] else { return Err(rank(weight)) };
        let groups = self.groups;
        if groups == 0 || !o.is_multiple_of(groups) || channels.checked_mul(groups) != Some(c) {
            return Err(TensorError::Channels { op, channels: c, groups, weight: weight.clone() });
        }
        let window = Window2d::new([kh, kw]).with_stride(self.stride).with_padding(self.padding);
        let positions = window.positions(op, [h, w])?;
        let mut runs = Vec::new();
        window.runs([h, w], positions, |run| runs.push(run));
        Ok(Plan {
            window,
            image: [h, w],
            groups,
            blocks: Shape::from([m, groups]).checked_len()?,
            channels,
            filters: o / groups,
            taps: Shape::from([channels, kh, kw]).checked_len()?,
            places: Shape::from(positions).checked_len()?,
            output: [m, o, positions[0], positions[1]],
            runs,
        })
    }
}

/// Copies a run, which is short: a call of `memcpy` would take longer than the copy.
#[inline(always)]
fn copy<S: Scalar>(to: &mut [S], from: &[S]) {
    match from.len() {
        8..=16 => copy_ends::<S, 8>(to, from),
        17..=32 => copy_ends::<S, 16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `N` elements, which may overlap.
#[inline(always)]
fn copy_ends<S: Scalar, const N: usize>(to: &mut [S], from: &[S]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk()) {
        *to = *from;
    }
}

/// Adds a run, eight at a time so that a short one is vector code, too.
#[inline(always)]
fn add<S: Scalar>(to: &mut [S], from: &[S]) {
    let ((to, to_rest), (from, from_rest)) = (to.as_chunks_mut::<8>(), from.as_chunks::<8>());
    for (to, from) in to.iter_mut().zip(from) {
        for k in 0..8 {
            to[k] += from[k];
        }
    }
    to_rest.iter_mut().zip(from_rest).for_each(|(to, &from)| *to += from);
}

/// The sizes of one convolution. A block is one group of one image; blocks follow each other in storage.
struct Plan {
    window: Window2d,
    image: [usize; 2],
    groups: usize,
    blocks: usize,
    /// Input channels in a group.
    channels: usize,
    /// Output channels in a group.
    filters: usize,
    /// Weights of one filter: rows of the matrix of patches.
    taps: usize,
    /// Positions of the window: columns of the matrix of patches.
    places: usize,
    output: [usize; 4],
    /// What lies side by side both in the matrix of patches and in the image, for one channel.
    runs: Vec<Run>,
}

impl Plan {
    /// The matrix of patches, zeros: `gather` leaves the entries that lie in the padding alone.
    fn columns<S: Scalar>(&self) -> Result<Vec<S>> {
        let blocks = self.blocks.min(1);
        Ok(vec![S::zero(); Shape::from([blocks, self.taps, self.places]).checked_len()?])
    }

    /// The tensor whose blocks `f` makes of zeros and of room for their patches.
    fn build<S: Scalar>(
        &self,
        shape: &Shape,
        size: usize,
        f: impl Fn(usize, &mut [S], &mut [S]) -> Result<()> + Sync,
    ) -> Result<Tensor<S>> {
        self.columns::<S>()?;
        parts::build(
            shape,
            size,
            self.is_large(),
            || self.columns(),
            |block, out, columns| match columns {
                Ok(columns) => f(block, out, columns),
                Err(error) => Err(error.clone()),
            },
        )
    }

    /// Whether there is more to do than to wake a thread.
    fn is_large(&self) -> bool {
        self.blocks > 1 && self.blocks * self.taps * self.places >= PARALLEL
    }

    /// Lays an image's patches out as columns.
    fn gather<S: Scalar>(&self, block: &[S], columns: &mut [S]) {
        Arch::new().dispatch(Gather { plan: self, block, columns });
    }

    /// The transpose of `gather`: adds each entry to its place in the image.
    fn scatter<S: Scalar>(&self, columns: &[S], block: &mut [S]) {
        Arch::new().dispatch(Scatter { plan: self, columns, block });
    }

    /// Visits runs of entries of the matrix of patches, with where they are in the image.
    #[inline(always)]
    fn visit(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let [kh, kw] = self.window.kernel();
        for channel in 0..self.channels {
            let (entries, plane) = (channel * kh * kw * self.places, channel * self.image[0] * self.image[1]);
            for run in &self.runs {
                visit(entries + run.tap * self.places + run.place, plane + run.at, run.len);
            }
        }
    }

    fn filters<'a, S: Scalar>(&self, weight: &'a [S], block: usize) -> Result<MatRef<'a, S>> {
        matrix(&weight[self.filter_range(block)], self.filters, self.taps)
    }

    fn input_range(&self, block: usize) -> Range<usize> {
        range(block, self.channels * self.image[0] * self.image[1])
    }

    fn filter_range(&self, block: usize) -> Range<usize> {
        range(block % self.groups, self.filters * self.taps)
    }

    fn output_range(&self, block: usize) -> Range<usize> {
        range(block, self.filters * self.places)
    }

    fn check_output(&self, actual: &Shape) -> Result<()> {
        let expected = Shape::from(self.output);
        if actual == &expected {
            return Ok(());
        }
        Err(TensorError::Shape { op: "transposed conv2d", expected, actual: actual.clone() })
    }
}

/// [`Plan::gather`], for [`Arch::dispatch`]: a type of its own, so that `call` is inlined into the function that is
/// compiled for the processor at hand.
struct Gather<'a, S> {
    plan: &'a Plan,
    block: &'a [S],
    columns: &'a mut [S],
}

impl<S: Scalar> NullaryFnOnce for Gather<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let stride = self.plan.window.stride()[1];
        self.plan.visit(|entry, at, len| {
            let to = &mut self.columns[entry..][..len];
            if stride == 1 {
                copy(to, &self.block[at..][..len]);
            } else {
                to.iter_mut().zip(self.block[at..].iter().step_by(stride)).for_each(|(to, &from)| *to = from);
            }
        });
    }
}

/// [`Plan::scatter`], as [`Gather`].
struct Scatter<'a, S> {
    plan: &'a Plan,
    columns: &'a [S],
    block: &'a mut [S],
}

impl<S: Scalar> NullaryFnOnce for Scatter<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let stride = self.plan.window.stride()[1];
        self.plan.visit(|entry, at, len| {
            let (to, from) = (&mut self.block[at..], &self.columns[entry..][..len]);
            if stride == 1 {
                add(&mut to[..len], from);
            } else {
                to.iter_mut().step_by(stride).zip(from).for_each(|(to, &from)| *to += from);
            }
        });
    }
}

fn range(index: usize, len: usize) -> Range<usize> {
    index * len..(index + 1) * len
}

fn matrix<S>(data: &[S], rows: usize, cols: usize) -> Result<MatRef<'_, S>> {
    MatRef::new(data, rows, cols).ok_or_else(|| TensorError::TooLarge { shape: [rows, cols].into() })
}

#[cfg(test)]
mod tests;
