//! What an audit costs, known before anything is computed: so that time and memory are bounded by the file's size.
//!
//! Time is counted in operations of about a nanosecond on one core, memory in bytes, of a release build. The figures are
//! estimates that `fuzz/run hostile` holds against the clock and the allocator (docs/results/reliability.md).

use super::adjoint::AT_ONCE;
use super::description::{CONSTANTS, Layer, Over, Pool};
use super::error::{AuditError, Result};
use super::file::{AuditFile, LayerData};
use super::shapes::product;
use resurge_tensor::Shape;

/// A bound: so much for every file, and so much for each of its bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bound {
    always: usize,
    per_byte: usize,
}

impl Bound {
    fn of(self, bytes: usize) -> usize {
        self.always.saturating_add(bytes.saturating_mul(self.per_byte))
    }
}

/// What one forward and one backward pass may take. A network of convolutions with 128 channels, of which the spikes alone
/// are recorded, a byte each, takes half of it.
const PASS: Bound = Bound { always: 40_000_000, per_byte: 3000 };

/// What all backward passes may take that look for an explanation or draw a profile.
const SEARCH: Bound = Bound { always: 300_000_000, per_byte: 50 };

/// What the states of all layers may take.
const STATES: Bound = Bound { always: 30 << 20, per_byte: 130 };

/// What the backward passes that run at the same time may take.
const BACKWARD: Bound = Bound { always: 8 << 20, per_byte: 30 };

/// What one evaluation of the network on the tape may take in its proof, which needs a few hundred.
const EVALUATION: Bound = Bound { always: 1_000_000, per_byte: 1 };

/// No proof needs more.
const ENOUGH: usize = 30_000_000;

/// What a layer costs, however small it is: in operations of a pass, in bytes.
const A_LAYER: [usize; 2] = [5000, 6000];

/// What a neuron costs in a step: in operations of a pass in each direction, in bytes that a run keeps.
const A_STATE: [usize; 2] = [240, 96];

/// What a number that a layer without a state hands on costs.
const A_NUMBER: [usize; 2] = [8, 24];

/// What a number of a patch under a filter costs in a pass, in operations: it is copied, with its bound, for each product.
const A_PATCH: usize = 8;

/// What a number costs besides, in bytes, while its layer runs or is compared.
const WHILE_RUN: usize = 80;

/// Of how many tensors, each as large as its output, batch normalisation is.
const NODES_OF_A_NORM: usize = 8;

/// What a step of batch normalisation costs that takes each by itself: in operations, in bytes.
const A_STEP_OF_A_NORM: [usize; 2] = [4000, 4000];

/// What one step of a layer with a state costs on the tape, on which it is some twenty nodes.
const A_STEP_ON_TAPE: usize = 4000;

/// What a layer costs on the tape, however small it is.
const A_LAYER_ON_TAPE: usize = 1000;

/// The cost of a network's run, or of a part of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Operations of the pass forward, once.
    forward: usize,
    /// Operations of the pass backward.
    backward: usize,
    /// Bytes of the states that a run keeps.
    states: usize,
    /// Bytes that the layer with the most numbers needs while it runs.
    largest: usize,
    /// Bytes of a backward pass.
    gradients: usize,
    /// Operations of one step of one sample on the tape.
    on_tape: usize,
}

impl Cost {
    /// Adds a layer's, from the shapes of its input and output. An error if this is more than a file of so many bytes is
    /// given.
    pub(super) fn add(
        &mut self,
        k: usize,
        layer: &Layer,
        data: &LayerData,
        (input, output): (&Shape, &Shape),
        bytes: usize,
    ) -> Result<()> {
        let rows = output[0].saturating_mul(output[1]);
        let numbers = product(output);
        let [number, number_bytes] = A_NUMBER;
        let touched = number.saturating_mul(numbers.saturating_add(product(input)));
        let weights = data.weight.as_ref().or(data.recurrent.as_ref()).map_or(0, |w| w.len());
        let mut kept = numbers.saturating_mul(number_bytes).saturating_add(weights.saturating_mul(24));
        let mut gradients = numbers.saturating_add(weights).saturating_mul(24);
        let mut on_tape = touched / rows;
        let mut one_way = touched;
        match layer {
            Layer::Linear(_) => {
                // Two products of numbers are an operation, by way of a matrix product.
                let products = numbers.saturating_mul(input[2]);
                one_way = one_way.saturating_add(products / 2);
                on_tape = on_tape.saturating_add(products / rows / 2);
            }
            Layer::Conv2d(conv) => {
                let filter = data.weight.as_ref().map(|w| product(&w.shape()[1..])).unwrap_or_default();
                let patches = product(&output[3..]).saturating_mul(filter);
                let products = numbers.saturating_mul(filter) / 2;
                let of_patches = patches.saturating_mul(conv.groups);
                let copied = of_patches.saturating_mul(rows).saturating_mul(A_PATCH);
                one_way = one_way.saturating_add(products).saturating_add(copied);
                on_tape = on_tape.saturating_add(products / rows).saturating_add(of_patches);
                gradients = gradients.saturating_add(patches.saturating_mul(8));
            }
            Layer::AvgPool2d(pool) | Layer::SumPool2d(pool) | Layer::MaxPool2d(pool) => {
                let under = numbers.saturating_mul(largest_part(pool, input)).saturating_mul(3);
                one_way = one_way.saturating_add(under);
                on_tape = on_tape.saturating_add(under / rows);
            }
            Layer::Flatten(_) => {}
            Layer::Mask(_) => kept = kept.saturating_mul(2),
            Layer::BatchNorm(norm) => {
                kept = kept.saturating_mul(NODES_OF_A_NORM);
                gradients = gradients.saturating_mul(NODES_OF_A_NORM);
                one_way = one_way.saturating_mul(NODES_OF_A_NORM);
                on_tape = on_tape.saturating_mul(NODES_OF_A_NORM);
                if norm.over == Over::Step {
                    let [step, step_bytes] = A_STEP_OF_A_NORM;
                    kept = kept.saturating_add(output[0].saturating_mul(step_bytes));
                    gradients = gradients.saturating_add(output[0].saturating_mul(step_bytes));
                    one_way = one_way.saturating_add(output[0].saturating_mul(step));
                }
            }
            Layer::Neuron(_) | Layer::Integrator(_) => {
                let [state, state_bytes] = A_STATE;
                kept = numbers.saturating_mul(state_bytes);
                let constants = match layer.learned() {
                    Some(learned) if !learned.is_empty() => product(&output[2..]).saturating_mul(CONSTANTS),
                    _ => 0,
                };
                let of_a_sample = weights.saturating_add(constants);
                gradients = gradients.saturating_add(of_a_sample.saturating_mul(8 * AT_ONCE.0));
                let feedback = rows.saturating_mul(weights).saturating_mul(2);
                one_way = numbers.saturating_mul(state).saturating_add(feedback);
                on_tape = one_way / rows;
            }
        }
        self.forward = self.forward.saturating_add(one_way).saturating_add(A_LAYER[0]);
        self.backward = self.backward.saturating_add(one_way.saturating_mul(2)).saturating_add(A_LAYER[0]);
        self.states = self.states.saturating_add(kept).saturating_add(A_LAYER[1]);
        self.largest = self.largest.max(numbers.saturating_mul(WHILE_RUN));
        self.gradients = self.gradients.saturating_add(gradients);
        self.on_tape = self.on_tape.saturating_add(on_tape);
        let Some((what, needed, bound)) = self.excess(bytes) else { return Ok(()) };
        let problem = format!(
            "up to its output {output}, the network needs {needed} {what}, but a file of {bytes} bytes is given {}; \
             record the run with its spikes and potentials, or fewer steps or samples, or make windows smaller",
            bound.of(bytes)
        );
        Err(AuditError::description(super::description::at(&format!("layers[{k}]")), problem))
    }

    /// What exceeds the bounds of a file of so many bytes: its name, how much of it is needed, and the bound.
    fn excess(&self, bytes: usize) -> Option<(&'static str, usize, Bound)> {
        let each = [
            ("operations a pass", self.forward.saturating_add(self.backward), PASS),
            ("bytes of memory", self.states.saturating_add(self.largest), STATES),
            ("bytes of memory for a backward pass", self.gradients, BACKWARD),
        ];
        each.into_iter().find(|(_, needed, bound)| *needed > bound.of(bytes))
    }

    /// Of a file's network. The reader has seen to it that it is within the bounds.
    pub(super) fn of(file: &AuditFile) -> Self {
        let mut cost = Self::default();
        let mut before = file.input.shape();
        let each = file.description.layers.iter().zip(&file.layers).zip(&file.shapes).enumerate();
        for (k, ((layer, data), shape)) in each {
            let within = cost.add(k, layer, data, (before, shape), file.bytes);
            debug_assert!(within.is_ok(), "{within:?}");
            before = shape;
        }
        cost
    }
}

/// The most elements of an image under one position of a pool.
fn largest_part(pool: &Pool, input: &Shape) -> usize {
    let along = |axis: usize| pool.kernel[axis].min(input[3 + axis]);
    along(0).saturating_mul(along(1))
}

/// How many backward passes may look for an explanation: three at least.
pub(super) fn passes(file: &AuditFile) -> usize {
    passes_of(Cost::of(file).backward, file.bytes)
}

fn passes_of(backward: usize, bytes: usize) -> usize {
    // A gradient is compared with the file's, number by number.
    (SEARCH.of(bytes) / backward.saturating_add(bytes.saturating_mul(2))).max(3)
}

/// How many of them may run at the same time.
pub(super) fn at_once(file: &AuditFile) -> usize {
    at_once_of(Cost::of(file).gradients, file.bytes)
}

fn at_once_of(gradients: usize, bytes: usize) -> usize {
    (BACKWARD.of(bytes) / gradients).max(1)
}

/// What an evaluation of the network costs in the proof, in operations.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnTape {
    always: usize,
    a_sample: usize,
    a_step: usize,
    pub(super) allowed: usize,
}

impl OnTape {
    /// Of some steps of some samples.
    pub(super) fn of(self, steps: usize, samples: usize) -> usize {
        let a_step = self.a_sample.saturating_mul(samples).saturating_add(self.a_step);
        self.always.saturating_add(steps.saturating_mul(a_step))
    }

    /// Of a run of so many steps and samples, the first that may be taken; none where one step of one sample is more than
    /// four times what may be.
    pub(super) fn part(self, steps: usize, samples: usize) -> Option<(usize, usize)> {
        if self.of(1, 1) > 4 * self.allowed {
            return None;
        }
        let samples = (self.allowed / self.of(steps, 1)).clamp(1, samples);
        let steps = (self.allowed / self.of(1, samples)).clamp(1, steps);
        Some((steps, samples))
    }
}

pub(super) fn on_tape(file: &AuditFile) -> OnTape {
    let each = file.description.layers.iter().zip(&file.layers);
    // Batch normalisation of each step is one after the other, too.
    let by_step = |layer: &Layer| matches!(layer, Layer::BatchNorm(norm) if norm.over == Over::Step);
    let states = each.filter(|(layer, data)| data.constants.is_some() || by_step(layer)).count();
    OnTape {
        always: file.layers.len().saturating_mul(A_LAYER_ON_TAPE),
        a_sample: Cost::of(file).on_tape,
        a_step: states.saturating_mul(A_STEP_ON_TAPE),
        allowed: allowed_on_tape(file.bytes),
    }
}

fn allowed_on_tape(bytes: usize) -> usize {
    EVALUATION.of(bytes).min(ENOUGH)
}

#[cfg(test)]
mod tests;
