//! The real forward pass and its adjoint, block by block of neurons, each through all of time.
//!
//! A block's potentials stay in the cache from the forward to the reverse sweep: the adjoint reads the current and the
//! cotangent once and writes the gradient once.

use super::recurrence::{Carry, Recurrence, ReverseStep};
use super::{CellOutput, OpResult};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use resurge_tensor::{Scalar, Tensor};
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

    /// The values cut into blocks of neurons: for each block its rows.
    fn blocks<'a, S>(&self, values: &'a mut [S], width: usize) -> Vec<Vec<&'a mut [S]>> {
        let mut blocks: Vec<Vec<&mut [S]>> = Vec::new();
        blocks.resize_with(self.neurons.div_ceil(width), || Vec::with_capacity(self.steps));
        for row in values.chunks_mut(self.neurons.max(1)) {
            for (block, cut) in blocks.iter_mut().zip(row.chunks_mut(width)) {
                block.push(cut);
            }
        }
        blocks
    }
}

/// Neurons a block: as many as keep their potentials of all steps within half of a small L2 cache, in whole vectors.
fn width<S>(steps: usize) -> usize {
    const BYTES: usize = 256 * 1024;
    let fit = BYTES / (size_of::<S>() * steps);
    (fit / 64 * 64).clamp(64, 4096)
}

/// Below this many values it takes longer to wake a thread than to do the work.
const PARALLEL: usize = 1 << 14;

/// What is done with a block of neurons.
trait Kernel<S>: Sync {
    /// Writes the rows of the block, one a step.
    fn run(&self, block: &Range<usize>, rows: &mut [&mut [S]]);
}

/// A kernel on a block, for [`Arch::dispatch`]: a type of its own, so that `call` is inlined into the function that
/// is compiled for the processor at hand, which a closure may not be.
struct OnBlock<'a, 'b, S, K> {
    kernel: &'a K,
    block: Range<usize>,
    rows: &'a mut [&'b mut [S]],
}

impl<S, K: Kernel<S>> NullaryFnOnce for OnBlock<'_, '_, S, K> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.kernel.run(&self.block, self.rows);
    }
}

/// Runs a kernel on every block, on all threads where it pays.
fn for_each_block<S: Scalar>(plane: Plane, out: &mut [S], kernel: &impl Kernel<S>) {
    let width = width::<S>(plane.steps);
    let run = |(index, mut rows): (usize, Vec<&mut [S]>)| {
        let block = index * width..((index + 1) * width).min(plane.neurons);
        Arch::new().dispatch(OnBlock { kernel, block, rows: &mut rows });
    };
    let blocks = plane.blocks(out, width);
    if plane.steps * plane.neurons < PARALLEL {
        blocks.into_iter().enumerate().for_each(run);
    } else {
        blocks.into_par_iter().enumerate().for_each(run);
    }
}

struct Forward<'a, S> {
    recurrence: &'a Recurrence<S>,
    plane: Plane,
    current: &'a [S],
    output: CellOutput,
}

impl<S: Scalar> Kernel<S> for Forward<'_, S> {
    #[inline(always)]
    fn run(&self, block: &Range<usize>, rows: &mut [&mut [S]]) {
        let recurrence = self.recurrence;
        let zeros = || vec![S::zero(); block.len()];
        let (mut before, mut u, mut spikes, mut trace) = (zeros(), zeros(), zeros(), zeros());
        for (t, row) in rows.iter_mut().enumerate() {
            std::mem::swap(&mut before, &mut u);
            recurrence.integrate(t, &before, &spikes, self.plane.row(self.current, t, block), &mut u);
            match self.output {
                CellOutput::Spikes => {
                    recurrence.fire(&u, row);
                    spikes.copy_from_slice(row);
                }
                CellOutput::Traces => {
                    recurrence.fire(&u, &mut spikes);
                    recurrence.filter(&mut trace, &spikes);
                    row.copy_from_slice(&trace);
                }
            }
        }
    }
}

pub(super) fn forward<S: Scalar>(
    recurrence: &Recurrence<S>,
    current: &Tensor<S>,
    output: CellOutput,
) -> OpResult<Tensor<S>> {
    let plane = Plane::of(current);
    let mut out = Tensor::zeros(current.shape())?;
    let kernel = Forward { recurrence, plane, current: current.as_slice(), output };
    for_each_block(plane, out.as_mut_slice(), &kernel);
    Ok(out)
}

struct Reverse<'a, S> {
    recurrence: &'a Recurrence<S>,
    plane: Plane,
    current: &'a [S],
    cotangent: &'a [S],
    of_traces: bool,
}

impl<S: Scalar> Kernel<S> for Reverse<'_, S> {
    #[inline(always)]
    fn run(&self, block: &Range<usize>, rows: &mut [&mut [S]]) {
        let (recurrence, plane, n) = (self.recurrence, self.plane, block.len());
        let mut potentials = vec![S::zero(); n * plane.steps];
        let (mut spikes, mut before) = (vec![S::zero(); n], vec![S::zero(); n]);
        for t in 0..plane.steps {
            let (past, now) = potentials.split_at_mut(t * n);
            let (before, u) = (&past[t.saturating_sub(1) * n..], &mut now[..n]);
            recurrence.integrate(t, before, &spikes, plane.row(self.current, t, block), u);
            recurrence.fire(u, &mut spikes);
        }
        let mut carry = Carry::new(n);
        for t in (0..plane.steps).rev() {
            let u = &potentials[t * n..][..n];
            recurrence.fire(u, &mut spikes);
            let next = (t + 1 < plane.steps).then(|| plane.row(self.current, t + 1, block));
            let cotangent = plane.row(self.cotangent, t, block);
            let step = ReverseStep { u, spikes: &spikes, cotangent, next };
            recurrence.retreat(&mut carry, &step, self.of_traces);
            let gate = (t > 0 && recurrence.gates_input()).then(|| {
                recurrence.fire(&potentials[(t - 1) * n..][..n], &mut before);
                &before[..]
            });
            recurrence.current_gradient(&carry.delta, gate, rows[t]);
        }
    }
}

pub(super) fn vjp<S: Scalar>(
    recurrence: &Recurrence<S>,
    current: &Tensor<S>,
    cotangent: &Tensor<S>,
    of_traces: bool,
) -> OpResult<Tensor<S>> {
    let plane = Plane::of(current);
    let mut out = Tensor::zeros(current.shape())?;
    let (current, cotangent) = (current.as_slice(), cotangent.as_slice());
    let kernel = Reverse { recurrence, plane, current, cotangent, of_traces };
    for_each_block(plane, out.as_mut_slice(), &kernel);
    Ok(out)
}
