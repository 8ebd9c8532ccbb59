//! A block on its way forward.

use super::{History, Kept, LayerState, Scratch, Sweep, matrix, product};
use crate::fused::events::room;
use crate::fused::network::{CellOutput, Filter, NetworkOutput, Parameters};
use crate::fused::train::{pack, words_per_row};
use pulp::NullaryFnOnce;
use resurge_tensor::{MatRef, Scalar};
use std::ops::Range;

/// A block on its way forward, for [`dispatch`](pulp::Arch::dispatch): a type of its own, so that `call` is inlined
/// into the function that is compiled for the processor at hand, which a closure may not be.
pub(super) struct ForwardBlock<'a, S> {
    pub(super) sweep: &'a Sweep<'a, S>,
    pub(super) block: usize,
}

impl<S: Scalar> NullaryFnOnce for ForwardBlock<'_, S> {
    type Output = (Vec<S>, Kept<S>);

    #[inline(always)]
    fn call(self) -> Self::Output {
        self.sweep.forward_block(self.block)
    }
}

impl<S: Scalar> Sweep<'_, S> {
    #[inline(always)]
    fn forward_block(&self, block: usize) -> (Vec<S>, Kept<S>) {
        let samples = self.samples(block);
        let classes = self.outputs(self.last());
        let mut out = Vec::new();
        if let NetworkOutput::Sum(_) = self.network.output {
            out.resize(samples.len() * classes, S::zero());
        }
        let mut state = self.resting(samples.len());
        let mut history = self.history(samples.len());
        let mut scratch = Scratch::default();
        // Where there is one segment alone, it is not run again.
        let mut starts = (self.segments().len() > 1).then(Vec::new);
        for steps in self.segments() {
            if let Some(starts) = &mut starts {
                starts.push(state.clone());
            }
            self.forward_steps(&samples, steps, &mut state, &mut history, &mut scratch, |row| {
                match self.network.output {
                    NetworkOutput::Sequence(_) => out.extend_from_slice(row),
                    NetworkOutput::Sum(_) => out.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x),
                }
            });
        }
        let kept = match starts {
            Some(starts) => {
                self.network.pool.give(history);
                Kept::Starts(starts)
            }
            None => Kept::History(history),
        };
        (out, kept)
    }

    /// Runs a segment from `state` and leaves the state at its end there, and what happened in `history`.
    #[inline(always)]
    pub(super) fn forward_steps(
        &self,
        samples: &Range<usize>,
        segment: Range<usize>,
        state: &mut [LayerState<S>],
        history: &mut History<S>,
        scratch: &mut Scratch<S>,
        mut visit: impl FnMut(&[S]),
    ) {
        for steps in self.chunks(&segment, samples.len()) {
            self.events_into(0, &steps, &segment, samples, history, &mut scratch.events);
            for (layer, (recurrence, filter)) in self.recurrences.iter().enumerate() {
                let outputs = self.outputs(layer);
                let width = samples.len() * outputs;
                self.multiply(layer, steps.len() * samples.len(), scratch);
                let LayerState { potential, spikes, current, trace } = &mut state[layer];
                for (k, t) in steps.clone().enumerate() {
                    let row = &mut scratch.current[k * width..][..width];
                    self.filter(layer, *filter, current, row);
                    let at = t - segment.start;
                    let (past, rest) = history.potentials[layer].split_at_mut(at * width);
                    let (before, u) = (
                        if t == segment.start { &potential[..] } else { &past[past.len() - width..] },
                        &mut rest[..width],
                    );
                    recurrence.step(t, before, spikes, row, u);
                    if layer < self.last() {
                        let words = samples.len() * words_per_row(outputs);
                        pack(spikes, outputs, &mut history.spikes[layer][at * words..][..words]);
                    } else if self.network.output.of() == CellOutput::Traces {
                        recurrence.filter(trace, spikes);
                        visit(trace);
                    } else {
                        visit(spikes);
                    }
                }
                if layer < self.last() {
                    self.events_into(layer + 1, &steps, &segment, samples, history, &mut scratch.events);
                }
            }
        }
        for (layer, state) in state.iter_mut().enumerate() {
            let width = samples.len() * self.outputs(layer);
            state
                .potential
                .copy_from_slice(&history.potentials[layer][(segment.len() - 1) * width..][..width]);
        }
    }

    /// `scratch.current = W o` for rows of events.
    #[inline(always)]
    fn multiply(&self, layer: usize, rows: usize, scratch: &mut Scratch<S>) {
        let Parameters { weight, .. } = self.parameters[layer];
        let (inputs, outputs) = (self.parameters[layer].inputs(), self.outputs(layer));
        let current = room(&mut scratch.current, rows * outputs);
        if self.is_dense(&scratch.events, rows, inputs) {
            scratch.events.to_dense(inputs, &mut scratch.dense);
            product(
                matrix(&scratch.dense, rows, inputs),
                matrix(weight.as_slice(), outputs, inputs).map(MatRef::t),
                current,
            );
        } else {
            self.stripes[layer].gather(&scratch.events, current);
        }
    }

    /// Makes `row`, `W o[t]`, the current `W a[t] + b`.
    #[inline(always)]
    fn filter(&self, layer: usize, filter: Option<Filter<S>>, filtered: &mut [S], row: &mut [S]) {
        if let Some(filter) = filter {
            filter.forward(filtered, row);
        }
        if let Some(bias) = self.parameters[layer].bias {
            let bias = bias.as_slice();
            for row in row.chunks_exact_mut(bias.len().max(1)) {
                row.iter_mut().zip(bias).for_each(|(i, &b)| *i += b);
            }
        }
    }
}
