//! The real forward pass of a fused network and its adjoint: block by block of samples, chunk by chunk of steps.

use super::{CellOutput, EventPath, Filter, FusedNetwork, NetworkOutput, OpResult, Parameters, Stage};
use crate::SpikeTrain;
use crate::fused::events::{Events, Stripes, TILE, add, room};
use crate::fused::pool::Pool;
use crate::fused::recurrence::{Carry, ReverseStep};
use crate::fused::train::{pack, words_per_row};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use resurge_autodiff::Contributions;
use resurge_tensor::{MatRef, Scalar, Tensor};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Samples that go through the network together.
const BLOCK: usize = 16;
/// Rows, of a sample in a step each, that a layer works on before the next one: a stripe of their adjoints fits into
/// the L1 cache, all of their currents into the L2.
const ROWS: usize = TILE;
/// Sums of weight gradients that are kept apart until the end. Blocks take turns, so that the order of summation
/// depends on the batch alone.
const LANES: usize = 8;

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

/// A layer of a block on the way back.
struct LayerCarry<S> {
    cell: Carry<S>,
    /// The adjoint of the filtered current.
    current: Vec<S>,
}

/// The gradient of a layer's parameters, as far as it has been summed on one lane.
#[derive(Default)]
struct LayerGradient<S> {
    by_events: Sum<Stripes<S>>,
    dense: Sum<Vec<S>>,
    bias: Vec<S>,
}

/// A sum that is made when there is something to add.
#[derive(Default)]
struct Sum<T> {
    begun: bool,
    value: T,
}

impl<T> Sum<T> {
    fn get(&self) -> Option<&T> {
        self.begun.then_some(&self.value)
    }

    fn get_mut(&mut self, clear: impl FnOnce(&mut T)) -> &mut T {
        if !std::mem::replace(&mut self.begun, true) {
            clear(&mut self.value);
        }
        &mut self.value
    }
}

/// What a lane works with.
#[derive(Default)]
struct Lane<S> {
    gradients: Vec<LayerGradient<S>>,
    scratch: Scratch<S>,
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
        let merge =
            Mutex::new(Merge { added: 0, waiting: Vec::from_iter((0..count).map(|_| None)), total: None });
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

/// A block on its way forward, for [`Arch::dispatch`]: a type of its own, so that `call` is inlined into the function
/// that is compiled for the processor at hand, which a closure may not be.
struct ForwardBlock<'a, S> {
    sweep: &'a Sweep<'a, S>,
    block: usize,
}

impl<S: Scalar> NullaryFnOnce for ForwardBlock<'_, S> {
    type Output = (Vec<S>, Kept<S>);

    #[inline(always)]
    fn call(self) -> Self::Output {
        self.sweep.forward_block(self.block)
    }
}

/// A block on its way back, as [`ForwardBlock`].
struct ReverseBlock<'a, S> {
    sweep: &'a Sweep<'a, S>,
    block: usize,
    kept: &'a Kept<S>,
    cotangent: &'a [S],
    lane: &'a mut Lane<S>,
}

impl<S: Scalar> NullaryFnOnce for ReverseBlock<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.sweep.reverse_block(self.block, self.kept, self.cotangent, self.lane);
    }
}

impl<S: Scalar> LayerGradient<S> {
    fn clear(&mut self, parameters: &Parameters<'_, S>) {
        (self.by_events.begun, self.dense.begun) = (false, false);
        self.bias.clear();
        self.bias.resize(parameters.bias.map_or(0, Tensor::len), S::zero());
    }

    fn add(&mut self, other: &mut Self) {
        if other.dense.begun {
            match self.dense.begun {
                true => add(&mut self.dense.value, &other.dense.value),
                false => std::mem::swap(&mut self.dense, &mut other.dense),
            }
        }
        if other.by_events.begun {
            match self.by_events.begun {
                true => self.by_events.value.add(&other.by_events.value),
                false => std::mem::swap(&mut self.by_events, &mut other.by_events),
            }
        }
        add(&mut self.bias, &other.bias);
    }

    /// The gradients of weight and bias; zeros of a batch without samples.
    fn of_layer(
        total: Option<&Self>,
        parameters: &Parameters<'_, S>,
    ) -> OpResult<(Tensor<S>, Option<Tensor<S>>)> {
        let mut weight = Tensor::zeros(parameters.weight.shape())?;
        let mut bias = parameters.bias.map(|bias| Tensor::zeros(bias.shape())).transpose()?;
        if let Some(total) = total {
            if let Some(sum) = total.dense.get() {
                add(weight.as_mut_slice(), sum);
            }
            if let Some(sum) = total.by_events.get() {
                sum.add_to_weight(weight.as_mut_slice());
            }
            if let Some(bias) = &mut bias {
                add(bias.as_mut_slice(), &total.bias);
            }
        }
        Ok((weight, bias))
    }
}

/// Lanes are added in their order, whichever is done first, and make room for others as soon as they are.
struct Merge<S> {
    added: usize,
    waiting: Vec<Option<Lane<S>>>,
    total: Option<Lane<S>>,
}

impl<S: Scalar> Merge<S> {
    fn add(&mut self, index: usize, lane: Lane<S>, pool: &Pool) {
        self.waiting[index] = Some(lane);
        while let Some(mut lane) = self.waiting.get_mut(self.added).and_then(Option::take) {
            self.added += 1;
            match &mut self.total {
                None => self.total = Some(lane),
                Some(total) => {
                    let pairs = total.gradients.iter_mut().zip(&mut lane.gradients);
                    pairs.for_each(|(sum, own)| sum.add(own));
                    pool.give(lane);
                }
            }
        }
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

    fn segments(&self) -> impl DoubleEndedIterator<Item = Range<usize>> + ExactSizeIterator {
        let steps = self.input.steps();
        let length = self.network.segment.unwrap_or(steps).min(steps);
        (0..steps.div_ceil(length)).map(move |k| k * length..((k + 1) * length).min(steps))
    }

    fn chunks(&self, steps: &Range<usize>, samples: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let length = (ROWS / samples.max(1)).max(1);
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
        let rows = self.longest_segment() * samples;
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

    fn longest_segment(&self) -> usize {
        self.segments().map(|steps| steps.len()).max().unwrap_or(0)
    }

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
        let mut starts = Vec::new();
        let many = self.segments().len() > 1;
        for steps in self.segments() {
            if many {
                starts.push(state.clone());
            }
            self.forward_steps(&samples, steps, &mut state, &mut history, &mut scratch, |row| {
                match self.network.output {
                    NetworkOutput::Sequence(_) => out.extend_from_slice(row),
                    NetworkOutput::Sum(_) => out.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x),
                }
            });
        }
        if many {
            self.network.pool.give(history);
            return (out, Kept::Starts(starts));
        }
        (out, Kept::History(history))
    }

    /// Runs a segment from `state` and leaves the state at its end there, and what happened in `history`.
    #[inline(always)]
    fn forward_steps(
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

    fn is_dense(&self, events: &Events, rows: usize, inputs: usize) -> bool {
        self.network.path.is_dense(events.len() as f64 / (rows * inputs).max(1) as f64)
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

    #[inline(always)]
    fn reverse_block(&self, block: usize, kept: &Kept<S>, cotangent: &[S], lane: &mut Lane<S>) {
        let samples = self.samples(block);
        let carry = |layer| {
            let width = samples.len() * self.outputs(layer);
            let filtered = if self.recurrences[layer].1.is_some() { width } else { 0 };
            LayerCarry { cell: Carry::new(width), current: vec![S::zero(); filtered] }
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
                let (recurrence, filter) = &self.recurrences[layer];
                let outputs = self.outputs(layer);
                let width = samples.len() * outputs;
                let LayerCarry { cell, current } = &mut carries[layer];
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
                    if let Some(filter) = filter {
                        filter.reverse(current, adjoint);
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

fn matrix<S>(values: &[S], rows: usize, columns: usize) -> Option<MatRef<'_, S>> {
    MatRef::new(values, rows, columns)
}

fn product<S: Scalar>(a: Option<MatRef<'_, S>>, b: Option<MatRef<'_, S>>, out: &mut [S]) {
    if let (Some(a), Some(b)) = (a, b) {
        S::matmul_into(a, b, out);
    }
}
