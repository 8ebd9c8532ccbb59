//! A block on its way back.

use super::lane::{Lane, LayerGradient};
use super::{History, Kept, Scratch, Sweep, matrix, product};
use crate::fused::events::room;
use crate::fused::network::{CellOutput, Filter, NetworkOutput};
use crate::fused::recurrence::{Carry, ReverseStep};
use pulp::NullaryFnOnce;
use resurge_tensor::{MatRef, Scalar};
use std::ops::Range;

/// A layer of a block on the way back.
struct LayerCarry<S> {
    cell: Carry<S>,
    /// The filter of the current, if it has one, and the adjoint of what it gives.
    filter: Option<(Filter<S>, Vec<S>)>,
}

/// A block on its way back, as [`ForwardBlock`].
pub(super) struct ReverseBlock<'a, S> {
    pub(super) sweep: &'a Sweep<'a, S>,
    pub(super) block: usize,
    pub(super) kept: &'a Kept<S>,
    pub(super) cotangent: &'a [S],
    pub(super) lane: &'a mut Lane<S>,
}

impl<S: Scalar> NullaryFnOnce for ReverseBlock<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.sweep.reverse_block(self.block, self.kept, self.cotangent, self.lane);
    }
}

impl<S: Scalar> Sweep<'_, S> {
    #[inline(always)]
    fn reverse_block(&self, block: usize, kept: &Kept<S>, cotangent: &[S], lane: &mut Lane<S>) {
        let samples = self.samples(block);
        let carry = |layer| {
            let width = samples.len() * self.outputs(layer);
            let filter = self.recurrences[layer].1.map(|filter| (filter, vec![S::zero(); width]));
            LayerCarry { cell: Carry::new(width), filter }
        };
        let mut carries: Vec<LayerCarry<S>> = (0..self.parameters.len()).map(carry).collect();
        let starts = match kept {
            Kept::History(history) => {
                let all = 0..self.input.steps();
                return self.reverse_steps(&samples, &all, history, cotangent, &mut carries, lane);
            }
            Kept::Starts(starts) => starts,
        };
        let mut history = self.history(samples.len());
        for (steps, start) in self.segments().zip(starts).rev() {
            let mut state = start.clone();
            self.forward_steps(&samples, steps.clone(), &mut state, &mut history, &mut lane.scratch, |_| {});
            self.reverse_steps(&samples, &steps, &history, cotangent, &mut carries, lane);
        }
        self.network.pool.give(history);
    }

    #[inline(always)]
    fn reverse_steps(
        &self,
        samples: &Range<usize>,
        segment: &Range<usize>,
        history: &History<S>,
        cotangent: &[S],
        carries: &mut [LayerCarry<S>],
        lane: &mut Lane<S>,
    ) {
        let Lane { gradients, scratch } = lane;
        for steps in self.chunks(segment, samples.len()).rev() {
            let rows = steps.len() * samples.len();
            for layer in (0..=self.last()).rev() {
                let (recurrence, _) = &self.recurrences[layer];
                let outputs = self.outputs(layer);
                let width = samples.len() * outputs;
                let LayerCarry { cell, filter } = &mut carries[layer];
                let adjoints = room(&mut scratch.current, rows * outputs);
                let of_traces = layer == self.last() && self.network.output.of() == CellOutput::Traces;
                for t in steps.clone().rev() {
                    let u = &history.potentials[layer][(t - segment.start) * width..][..width];
                    let k = t - steps.start;
                    let from_above = if layer == self.last() {
                        self.cotangent_row(cotangent, t, samples)
                    } else {
                        &scratch.below[k * width..][..width]
                    };
                    let at = ReverseStep { u, spikes: None, cotangent: from_above, next: None };
                    recurrence.retreat(cell, &at, of_traces);
                    let adjoint = &mut adjoints[k * width..][..width];
                    recurrence.current_gradient(&cell.delta, None, adjoint);
                    let bias = &mut gradients[layer].bias;
                    if !bias.is_empty() {
                        for row in adjoint.chunks_exact(outputs) {
                            bias.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
                        }
                    }
                    if let Some((filter, carry)) = filter {
                        filter.reverse(carry, adjoint);
                    }
                }
                self.events_into(layer, &steps, segment, samples, history, &mut scratch.events);
                self.add_weight_gradient(layer, rows, &mut gradients[layer], scratch);
                if layer > 0 {
                    let inputs = self.parameters[layer].inputs();
                    product(
                        matrix(&scratch.current[..rows * outputs], rows, outputs),
                        matrix(self.parameters[layer].weight.as_slice(), outputs, inputs),
                        room(&mut scratch.below, rows * inputs),
                    );
                }
            }
        }
    }

    fn cotangent_row<'c>(&self, cotangent: &'c [S], t: usize, samples: &Range<usize>) -> &'c [S] {
        let classes = self.outputs(self.last());
        let first = match self.network.output {
            NetworkOutput::Sequence(_) => t * self.input.batch() + samples.start,
            NetworkOutput::Sum(_) => samples.start,
        };
        &cotangent[first * classes..][..samples.len() * classes]
    }

    /// `dW += adjoint' o`.
    #[inline(always)]
    fn add_weight_gradient(
        &self,
        layer: usize,
        rows: usize,
        gradient: &mut LayerGradient<S>,
        scratch: &mut Scratch<S>,
    ) {
        let (inputs, outputs) = (self.parameters[layer].inputs(), self.outputs(layer));
        let adjoint = &scratch.current[..rows * outputs];
        if self.is_dense(&scratch.events, rows, inputs) {
            scratch.events.to_dense(inputs, &mut scratch.dense);
            let sum = gradient.dense.get_mut(|sum| {
                sum.clear();
                sum.resize(outputs * inputs, S::zero());
            });
            let adjoint = matrix(adjoint, rows, outputs).map(MatRef::t);
            if let (Some(adjoint), Some(spikes)) = (adjoint, matrix(&scratch.dense, rows, inputs)) {
                S::matmul_add_into(adjoint, spikes, sum);
            }
        } else {
            scratch.events.transpose_into(inputs, &mut scratch.by_input);
            let sum = gradient.by_events.get_mut(|sum| sum.clear(inputs, outputs));
            sum.scatter(&scratch.by_input, adjoint, &mut scratch.dense);
        }
    }
}
