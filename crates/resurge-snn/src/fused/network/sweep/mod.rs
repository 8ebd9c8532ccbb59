//! The real forward pass of a fused network and its adjoint: block by block of samples, chunk by chunk of steps.

mod forward;
mod lane;
mod reverse;
#[cfg(test)]
mod tests;

use super::{EventPath, FusedNetwork, NetworkOutput, OpResult, Parameters, Stage};
use crate::SpikeTrain;
use crate::fused::events::{Events, Stripes, TILE};
use crate::fused::pool::Pool;
use crate::fused::train::words_per_row;
use forward::ForwardBlock;
use lane::{Lane, LayerGradient, Merge};
use pulp::Arch;
use rayon::prelude::*;
use resurge_autodiff::Contributions;
use resurge_tensor::{MatRef, Scalar, Tensor};
use reverse::ReverseBlock;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Samples that go through the network together.
pub(super) const BLOCK: usize = 16;
/// Rows, of a sample in a step each, that a layer works on before the next one: a stripe of their adjoints fits into
/// the L1 cache, all of their currents into the L2.
const ROWS: usize = TILE;
/// Sums of weight gradients that are kept apart until the end. Blocks take turns, so that the order of summation
/// depends on the batch alone.
pub(super) const LANES: usize = 8;

/// A forward pass, with what the backward pass needs of it.
#[derive(Debug)]
pub(super) struct Run<S: Scalar> {
    pub(super) output: Tensor<S>,
    blocks: Vec<Kept<S>>,
    pool: Pool,
}

impl<S: Scalar> Drop for Run<S> {
    fn drop(&mut self) {
        for block in self.blocks.drain(..) {
            if let Kept::History(history) = block {
                self.pool.give(history);
            }
        }
    }
}

/// What is kept of a block.
#[derive(Debug)]
enum Kept<S> {
    /// Where there is one segment of time alone, what happened in it.
    History(History<S>),
    /// Of every segment the state at its start.
    Starts(Vec<Vec<LayerState<S>>>),
}

/// What happened in a segment, layer by layer.
#[derive(Debug, Default)]
struct History<S> {
    potentials: Vec<Vec<S>>,
    /// The spikes that the next layer sees as bits, a row of words a step and sample; none of the last layer.
    spikes: Vec<Vec<u64>>,
}

/// A layer of a block between two steps; a value a sample and neuron.
#[derive(Debug, Clone)]
struct LayerState<S> {
    potential: Vec<S>,
    spikes: Vec<S>,
    /// The filtered current, where the layer's input is a trace.
    current: Vec<S>,
    /// The trace that the network hands on, where it does.
    trace: Vec<S>,
}

/// Everything that blocks share.
struct Sweep<'a, S> {
    network: &'a FusedNetwork,
    input: &'a SpikeTrain,
    parameters: &'a [Parameters<'a, S>],
    recurrences: Vec<Stage<S>>,
    /// The weights as rows; none where products are dense.
    stripes: Vec<Stripes<S>>,
}

/// Buffers that a block uses again and again.
#[derive(Default)]
struct Scratch<S> {
    events: Events,
    by_input: Events,
    current: Vec<S>,
    below: Vec<S>,
    dense: Vec<S>,
}

#[cfg(test)]
impl<S: Scalar> Run<S> {
    /// Of each block the number of segments whose starts are kept; none where its history is.
    pub(super) fn starts(&self) -> Vec<Option<usize>> {
        let starts = |kept: &Kept<S>| match kept {
            Kept::History(_) => None,
            Kept::Starts(starts) => Some(starts.len()),
        };
        self.blocks.iter().map(starts).collect()
    }
}

impl<S: Scalar> Run<S> {
    pub(super) fn forward(
        network: &FusedNetwork,
        input: &SpikeTrain,
        parameters: &[Parameters<'_, S>],
    ) -> OpResult<Self> {
        let sweep = Sweep::new(network, input, parameters)?.with_stripes();
        let blocks = sweep.block_count();
        let run = |block| Arch::new().dispatch(ForwardBlock { sweep: &sweep, block });
        let (outputs, kept): (Vec<_>, Vec<_>) = (0..blocks).into_par_iter().map(run).unzip();
        let (steps, batch) = (input.steps(), input.batch());
        let classes = sweep.outputs(sweep.last());
        let mut output = match network.output {
            NetworkOutput::Sequence(_) => Tensor::zeros([steps, batch, classes])?,
            NetworkOutput::Sum(_) => Tensor::zeros([batch, classes])?,
        };
        let values = output.as_mut_slice();
        for (block, own) in outputs.iter().enumerate() {
            let samples = sweep.samples(block);
            let width = samples.len() * classes;
            for (t, row) in own.chunks(width.max(1)).enumerate() {
                values[(t * batch + samples.start) * classes..][..width].copy_from_slice(row);
            }
        }
        Ok(Self { output, blocks: kept, pool: network.pool.clone() })
    }

    pub(super) fn vjp(
        &self,
        network: &FusedNetwork,
        input: &SpikeTrain,
        parameters: &[Parameters<'_, S>],
        cotangent: &Tensor<S>,
    ) -> OpResult<Contributions<S>> {
        let sweep = Sweep::new(network, input, parameters)?;
        let sweep = if network.segment.is_some() { sweep.with_stripes() } else { sweep };
        let count = self.blocks.len().min(LANES);
        let merge = Mutex::new(Merge::default());
        let next = AtomicUsize::new(0);
        // In their order, so that few lanes wait to be added.
        let take = |_| {
            while let Some(first) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&lane| lane < count) {
                let mut lane: Lane<S> = self.pool.take();
                lane.gradients.resize_with(parameters.len(), LayerGradient::default);
                lane.gradients.iter_mut().zip(parameters).for_each(|(gradient, own)| gradient.clear(own));
                for block in (first..self.blocks.len()).step_by(LANES) {
                    Arch::new().dispatch(ReverseBlock {
                        sweep: &sweep,
                        block,
                        kept: &self.blocks[block],
                        cotangent: cotangent.as_slice(),
                        lane: &mut lane,
                    });
                }
                merge.lock().unwrap_or_else(PoisonError::into_inner).add(first, lane, &self.pool);
            }
        };
        (0..count.min(rayon::current_num_threads())).into_par_iter().for_each(take);
        let total = merge.into_inner().unwrap_or_else(PoisonError::into_inner).total.unwrap_or_default();
        let mut contributions = Contributions::new();
        for (layer, own) in parameters.iter().enumerate() {
            let (weight, bias) = LayerGradient::of_layer(total.gradients.get(layer), own)?;
            contributions.push(Some(weight.into()));
            contributions.extend(bias.map(|bias| Some(bias.into())));
        }
        self.pool.give(total);
        Ok(contributions)
    }
}

impl<'a, S: Scalar> Sweep<'a, S> {
    fn new(
        network: &'a FusedNetwork,
        input: &'a SpikeTrain,
        parameters: &'a [Parameters<'a, S>],
    ) -> OpResult<Self> {
        let recurrences = network.recurrences()?;
        Ok(Self { network, input, parameters, recurrences, stripes: Vec::new() })
    }

    /// Lays the weights out for a forward pass.
    fn with_stripes(mut self) -> Self {
        if self.network.path != EventPath::Dense {
            let rows =
                |p: &Parameters<'_, S>| Stripes::from_weight(p.weight.as_slice(), p.inputs(), p.outputs());
            self.stripes = self.parameters.iter().map(rows).collect();
        }
        self
    }

    fn last(&self) -> usize {
        self.parameters.len() - 1
    }

    fn outputs(&self, layer: usize) -> usize {
        self.parameters[layer].outputs()
    }

    fn block_count(&self) -> usize {
        self.input.batch().div_ceil(BLOCK)
    }

    fn samples(&self, block: usize) -> Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.input.batch())
    }

    /// Steps of a segment, the longest of them.
    fn segment(&self) -> usize {
        let steps = self.input.steps();
        self.network.segment.map_or(steps, |length| length.min(steps))
    }

    fn segments(&self) -> impl DoubleEndedIterator<Item = Range<usize>> + ExactSizeIterator {
        let steps = self.input.steps();
        let length = self.segment();
        (0..steps.div_ceil(length)).map(move |k| k * length..((k + 1) * length).min(steps))
    }

    fn chunks(&self, steps: &Range<usize>, samples: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
        // A block has a sample at least, and fewer than rows.
        let length = ROWS / samples;
        let steps = steps.clone();
        (0..steps.len().div_ceil(length))
            .map(move |k| steps.start + k * length..(steps.start + (k + 1) * length).min(steps.end))
    }

    fn resting(&self, samples: usize) -> Vec<LayerState<S>> {
        let layer = |layer| {
            let zeros = || vec![S::zero(); samples * self.outputs(layer)];
            let (traces, filtered) = (layer == self.last(), self.recurrences[layer].1.is_some());
            LayerState {
                potential: zeros(),
                spikes: zeros(),
                current: if filtered { zeros() } else { Vec::new() },
                trace: if traces { zeros() } else { Vec::new() },
            }
        };
        (0..self.parameters.len()).map(layer).collect()
    }

    /// Room for the history of the longest segment.
    fn history(&self, samples: usize) -> History<S> {
        let mut history: History<S> = self.network.pool.take();
        let rows = self.segment() * samples;
        history.potentials.resize_with(self.parameters.len(), Vec::new);
        for (layer, own) in history.potentials.iter_mut().enumerate() {
            own.resize(rows * self.outputs(layer), S::zero());
        }
        history.spikes.resize_with(self.last(), Vec::new);
        for (layer, own) in history.spikes.iter_mut().enumerate() {
            own.resize(rows * words_per_row(self.outputs(layer)), 0);
        }
        history
    }

    fn is_dense(&self, events: &Events, rows: usize, inputs: usize) -> bool {
        // Of no inputs it is not a number, which is above nothing.
        self.network.path.is_dense(events.len() as f64 / (rows * inputs) as f64)
    }

    /// The spikes that entered a layer in some steps of a segment.
    #[inline(always)]
    fn events_into(
        &self,
        layer: usize,
        steps: &Range<usize>,
        segment: &Range<usize>,
        samples: &Range<usize>,
        history: &History<S>,
        events: &mut Events,
    ) {
        let inputs = self.parameters[layer].inputs();
        events.clear(inputs);
        if layer == 0 {
            for (step, sample) in
                steps.clone().flat_map(|step| samples.clone().map(move |sample| (step, sample)))
            {
                events.push_row(self.input.row(step, sample));
            }
            return;
        }
        let words = words_per_row(inputs);
        let first = (steps.start - segment.start) * samples.len();
        for row in first..first + steps.len() * samples.len() {
            events.push_row(&history.spikes[layer - 1][row * words..][..words]);
        }
    }
}

fn matrix<S>(values: &[S], rows: usize, columns: usize) -> Option<MatRef<'_, S>> {
    MatRef::new(values, rows, columns)
}

fn product<S: Scalar>(a: Option<MatRef<'_, S>>, b: Option<MatRef<'_, S>>, out: &mut [S]) {
    if let (Some(a), Some(b)) = (a, b) {
        S::matmul_into(a, b, out);
    }
}
