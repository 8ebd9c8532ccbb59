//! The real forward pass and its adjoint, block by block of neurons, each through all of time.
//!
//! A block's potentials stay in the cache from the forward to the reverse sweep: the adjoint reads the current and the
//! cotangent once and writes the gradient once.

#[cfg(test)]
mod tests;

use super::recurrence::{Carry, Recurrence, ReverseStep};
use super::{CellOutput, OpResult};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use resurge_tensor::{Scalar, Shape, Tensor, Unfilled};
use std::ops::Range;

/// A sequence seen as a matrix of `steps` rows with a column a neuron.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    pub(super) steps: usize,
    pub(super) neurons: usize,
}

impl Plane {
    pub(super) fn of<S: Scalar>(sequence: &Tensor<S>) -> Self {
        let shape = sequence.shape();
        Self { steps: shape[0], neurons: shape[1..].iter().product() }
    }

    fn row<'a, S>(&self, values: &'a [S], step: usize, block: &Range<usize>) -> &'a [S] {
        &values[step * self.neurons..][block.clone()]
    }

    /// The elements, of one row or of one a step, cut into blocks of neurons: for each block its rows.
    fn blocks<'a, S: Scalar>(&self, mut values: Unfilled<'a, S>, width: usize) -> Vec<Vec<Unfilled<'a, S>>> {
        let rows = values.len() / self.neurons.max(1);
        let mut blocks: Vec<Vec<Unfilled<'a, S>>> = Vec::new();
        blocks.resize_with(self.neurons.div_ceil(width), || Vec::with_capacity(rows));
        for _ in 0..rows {
            let (mut row, rest) = values.split_at(self.neurons);
            for block in &mut blocks {
                let (cut, others) = row.split_at(width);
                block.push(cut);
                row = others;
            }
            values = rest;
        }
        blocks
    }
}

/// The current into the cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current<'a, S> {
    pub(super) plane: Plane,
    /// A row a step; or the only one.
    values: &'a [S],
    /// What the only row is multiplied by in each step.
    factors: Option<&'a [S]>,
}

impl<'a, S: Scalar> Current<'a, S> {
    pub(super) fn of(current: &'a Tensor<S>, factors: Option<&'a [S]>) -> Self {
        let plane = match factors {
            None => Plane::of(current),
            Some(factors) => Plane { steps: factors.len(), neurons: current.len() },
        };
        Self { plane, values: current.as_slice(), factors }
    }

    /// The current of a step; `room` is for a product.
    #[inline(always)]
    fn row<'r>(&'r self, step: usize, block: &Range<usize>, room: &'r mut Vec<S>) -> &'r [S] {
        let Some(factors) = self.factors else { return self.plane.row(self.values, step, block) };
        let (row, factor) = (&self.values[block.clone()], factors[step]);
        if factor == S::one() {
            return row;
        }
        room.clear();
        room.extend(row.iter().map(|&x| x * factor));
        room
    }
}

/// Neurons a block, in whole vectors: as many as keep the potentials of all steps within half of a small L2 cache, up
/// to rows of two pages: at longer ones nothing more is gained, at shorter ones memory is slower.
fn width<S>(steps: usize) -> usize {
    const BYTES: usize = 256 * 1024;
    let fit = BYTES / (size_of::<S>() * steps);
    (fit / 64 * 64).clamp(64, 2048)
}

/// Below this many values it takes longer to wake a thread than to do the work.
const PARALLEL: usize = 1 << 14;

/// What is done with a block of neurons.
trait Kernel<S: Scalar>: Sync {
    /// Writes the rows of the block, one a step.
    fn run(&self, block: &Range<usize>, rows: Vec<Unfilled<'_, S>>, scratch: &mut Scratch<S>);
}

/// Rows that a thread uses again for each of its blocks.
#[derive(Default)]
struct Scratch<S> {
    before: Vec<S>,
    u: Vec<S>,
    spikes: Vec<S>,
    trace: Vec<S>,
    /// For the current of a step, where it is a product.
    product: Vec<S>,
    /// The gradient of a row that all steps share.
    sum: Vec<S>,
    potentials: Vec<S>,
    carry: Carry<S>,
}

impl<S: Scalar> Scratch<S> {
    fn clear(&mut self, neurons: usize) {
        for row in [&mut self.before, &mut self.u, &mut self.spikes, &mut self.trace, &mut self.sum] {
            row.clear();
            row.resize(neurons, S::zero());
        }
    }
}

/// A kernel on a block, for [`Arch::dispatch`]: a type of its own, so that `call` is inlined into the function that
/// is compiled for the processor at hand, which a closure may not be.
struct OnBlock<'a, 'b, S, K> {
    kernel: &'a K,
    block: Range<usize>,
    rows: Vec<Unfilled<'b, S>>,
    scratch: &'a mut Scratch<S>,
}

impl<S: Scalar, K: Kernel<S>> NullaryFnOnce for OnBlock<'_, '_, S, K> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.kernel.run(&self.block, self.rows, self.scratch);
    }
}

/// The sequence whose blocks a kernel writes, on all threads where it pays.
fn build<S: Scalar>(shape: &Shape, plane: Plane, kernel: &impl Kernel<S>) -> OpResult<Tensor<S>> {
    let width = width::<S>(plane.steps);
    let run = |scratch: &mut Scratch<S>, (index, rows): (usize, Vec<Unfilled<'_, S>>)| {
        let block = index * width..index * width + rows[0].len();
        Arch::new().dispatch(OnBlock { kernel, block, rows, scratch });
    };
    Ok(Tensor::build(shape, |values| {
        let blocks = plane.blocks(values, width);
        if plane.steps * plane.neurons < PARALLEL {
            let mut scratch = Scratch::default();
            blocks.into_iter().enumerate().for_each(|block| run(&mut scratch, block));
        } else {
            blocks.into_par_iter().enumerate().for_each_init(Scratch::default, run);
        }
    })?)
}

struct Forward<'a, S> {
    recurrence: &'a Recurrence<S>,
    current: Current<'a, S>,
    output: CellOutput,
}

impl<S: Scalar> Kernel<S> for Forward<'_, S> {
    #[inline(always)]
    fn run(&self, block: &Range<usize>, rows: Vec<Unfilled<'_, S>>, scratch: &mut Scratch<S>) {
        scratch.clear(block.len());
        let Scratch { before, u, spikes, trace, product, .. } = scratch;
        for (t, row) in rows.into_iter().enumerate() {
            std::mem::swap(before, u);
            self.recurrence.step(t, before, spikes, self.current.row(t, block, product), u);
            match self.output {
                CellOutput::Spikes => row.fill(spikes),
                CellOutput::Traces => {
                    self.recurrence.filter(trace, spikes);
                    row.fill(trace);
                }
            }
        }
    }
}

pub(super) fn forward<S: Scalar>(
    recurrence: &Recurrence<S>,
    current: Current<'_, S>,
    output: CellOutput,
    shape: &Shape,
) -> OpResult<Tensor<S>> {
    build(shape, current.plane, &Forward { recurrence, current, output })
}

struct Reverse<'a, S> {
    recurrence: &'a Recurrence<S>,
    current: Current<'a, S>,
    cotangent: &'a [S],
    of_traces: bool,
}

impl<S: Scalar> Kernel<S> for Reverse<'_, S> {
    #[inline(always)]
    fn run(&self, block: &Range<usize>, mut rows: Vec<Unfilled<'_, S>>, scratch: &mut Scratch<S>) {
        let (recurrence, plane, n) = (self.recurrence, self.current.plane, block.len());
        scratch.clear(n);
        scratch.carry.clear(n);
        let Scratch { before, u: gradient, spikes, potentials, carry, product, sum, .. } = scratch;
        potentials.resize(n * plane.steps, S::zero());
        for t in 0..plane.steps {
            let (past, now) = potentials.split_at_mut(t * n);
            let (past, u) = (&past[t.saturating_sub(1) * n..], &mut now[..n]);
            recurrence.step(t, past, spikes, self.current.row(t, block, product), u);
        }
        for t in (0..plane.steps).rev() {
            let u = &potentials[t * n..][..n];
            let next = (t + 1 < plane.steps).then(|| self.current.row(t + 1, block, product));
            let cotangent = plane.row(self.cotangent, t, block);
            recurrence.retreat(carry, &ReverseStep { u, spikes: None, cotangent, next }, self.of_traces);
            let gate = (t > 0 && recurrence.gates_input()).then(|| {
                recurrence.fire(&potentials[(t - 1) * n..], before);
                &before[..]
            });
            let gradient = recurrence.current_gradient_in(&carry.delta, gate, gradient);
            if let Some(factors) = self.current.factors {
                sum.iter_mut().zip(gradient).for_each(|(sum, &x)| *sum += x * factors[t]);
            } else if let Some(row) = rows.pop() {
                row.fill(gradient);
            }
        }
        // Where all steps share a row, it is left.
        rows.pop().into_iter().for_each(|row| row.fill(sum));
    }
}

/// The gradient of the current, of shape `shape`.
pub(super) fn vjp<S: Scalar>(
    recurrence: &Recurrence<S>,
    current: Current<'_, S>,
    cotangent: &Tensor<S>,
    of_traces: bool,
    shape: &Shape,
) -> OpResult<Tensor<S>> {
    build(shape, current.plane, &Reverse { recurrence, current, cotangent: cotangent.as_slice(), of_traces })
}
