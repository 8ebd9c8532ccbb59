//! The sizes of one convolution, and the patches of its images as columns of a matrix.

use super::{Conv2d, matrix};
use crate::parts::{self, PARALLEL};
use crate::window::Run;
use crate::{MatRef, Result, Scalar, Shape, Tensor, TensorError, Window2d};
use pulp::{Arch, NullaryFnOnce};
use std::ops::Range;

/// The sizes of one convolution. A block is one group of one image; blocks follow each other in storage.
pub(super) struct Plan {
    window: Window2d,
    pub(super) image: [usize; 2],
    pub(super) groups: usize,
    pub(super) blocks: usize,
    /// Input channels in a group.
    pub(super) channels: usize,
    /// Output channels in a group.
    pub(super) filters: usize,
    /// Weights of one filter: rows of the matrix of patches.
    pub(super) taps: usize,
    /// Positions of the window: columns of the matrix of patches.
    pub(super) places: usize,
    pub(super) output: [usize; 4],
    /// What lies side by side both in the matrix of patches and in the image, for one channel.
    runs: Vec<Run>,
}

impl Plan {
    pub(super) fn new(conv: &Conv2d, input: &Shape, weight: &Shape) -> Result<Self> {
        let op = "conv2d";
        let rank = |shape: &Shape| TensorError::Rank { op, expected: 4, actual: shape.clone() };
        let &[m, c, h, w] = &input[..] else { return Err(rank(input)) };
        let &[o, channels, kh, kw] = &weight[..] else { return Err(rank(weight)) };
        let groups = conv.groups;
        if groups == 0 || !o.is_multiple_of(groups) || channels.checked_mul(groups) != Some(c) {
            return Err(TensorError::Channels { op, channels: c, groups, weight: weight.clone() });
        }
        let window = Window2d::new([kh, kw]).with_stride(conv.stride).with_padding(conv.padding);
        let positions = window.positions(op, [h, w])?;
        let mut runs = Vec::new();
        window.runs([h, w], positions, |run| runs.push(run));
        Ok(Self {
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

    /// The matrix of patches, zeros: `gather` leaves the entries that lie in the padding alone.
    pub(super) fn columns<S: Scalar>(&self) -> Result<Vec<S>> {
        let blocks = self.blocks.min(1);
        Ok(vec![S::zero(); Shape::from([blocks, self.taps, self.places]).checked_len()?])
    }

    /// The tensor whose blocks `f` makes of zeros and of room for their patches.
    pub(super) fn build<S: Scalar>(
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
    pub(super) fn is_large(&self) -> bool {
        self.blocks > 1 && self.blocks * self.taps * self.places >= PARALLEL
    }

    /// Lays an image's patches out as columns.
    pub(super) fn gather<S: Scalar>(&self, block: &[S], columns: &mut [S]) {
        Arch::new().dispatch(Gather { plan: self, block, columns });
    }

    /// The transpose of `gather`: adds each entry to its place in the image.
    pub(super) fn scatter<S: Scalar>(&self, columns: &[S], block: &mut [S]) {
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

    pub(super) fn filters<'a, S: Scalar>(&self, weight: &'a [S], block: usize) -> Result<MatRef<'a, S>> {
        matrix(&weight[self.filter_range(block)], self.filters, self.taps)
    }

    pub(super) fn input_range(&self, block: usize) -> Range<usize> {
        range(block, self.channels * self.image[0] * self.image[1])
    }

    pub(super) fn filter_range(&self, block: usize) -> Range<usize> {
        range(block % self.groups, self.filters * self.taps)
    }

    pub(super) fn output_range(&self, block: usize) -> Range<usize> {
        range(block, self.filters * self.places)
    }

    pub(super) fn check_output(&self, actual: &Shape) -> Result<()> {
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

fn range(index: usize, len: usize) -> Range<usize> {
    index * len..(index + 1) * len
}
