//! The rows that are summed, in stripes of columns.

use super::Events;
use rayon::prelude::*;
use resurge_tensor::Scalar;
use std::ops::Range;

/// Columns that are summed together, in registers.
const STRIPE: usize = 32;
/// The last stripe of a matrix may be half as wide.
const HALF: usize = STRIPE / 2;

/// Rows of weights, one an input, with a column an output; stored stripe by stripe, so that a tile of rows fits into
/// the L1 cache.
#[derive(Debug, Clone, Default)]
pub(in crate::fused) struct Stripes<S> {
    inputs: usize,
    outputs: usize,
    values: Vec<S>,
}

impl<S: Scalar> Stripes<S> {
    /// Makes these the zeros of a matrix of so many inputs and outputs.
    pub(in crate::fused) fn clear(&mut self, inputs: usize, outputs: usize) {
        let stored = outputs.next_multiple_of(HALF);
        (self.inputs, self.outputs) = (inputs, outputs);
        self.values.clear();
        self.values.resize(inputs * stored, S::zero());
    }

    /// From a weight `[outputs, inputs]`.
    pub(in crate::fused) fn from_weight(weight: &[S], inputs: usize, outputs: usize) -> Self {
        let mut stripes = Self::default();
        stripes.clear(inputs, outputs);
        let one = STRIPE * inputs.max(1);
        stripes.values.par_chunks_mut(one).zip(weight.par_chunks(one)).for_each(|(values, rows)| {
            let width = values.len() / inputs;
            for (k, row) in rows.chunks_exact(inputs).enumerate() {
                for (input, &w) in row.iter().enumerate() {
                    values[input * width + k] = w;
                }
            }
        });
        stripes
    }

    /// Adds a matrix of the same sizes.
    pub(in crate::fused) fn add(&mut self, other: &Self) {
        add(&mut self.values, &other.values);
    }

    /// Adds the matrix to a weight `[outputs, inputs]`.
    pub(in crate::fused) fn add_to_weight(&self, weight: &mut [S]) {
        let inputs = self.inputs;
        weight.par_chunks_mut(STRIPE * inputs.max(1)).enumerate().for_each(|(stripe, rows)| {
            let values = self.stripe(stripe);
            let width = values.len() / inputs;
            for (k, row) in rows.chunks_exact_mut(inputs).enumerate() {
                for (input, w) in row.iter_mut().enumerate() {
                    *w += values[input * width + k];
                }
            }
        });
    }

    #[cfg(test)]
    pub(super) fn stored(&self) -> usize {
        self.values.len()
    }

    fn count(&self) -> usize {
        self.outputs.div_ceil(STRIPE)
    }

    /// The outputs in a stripe.
    fn columns(&self, stripe: usize) -> Range<usize> {
        stripe * STRIPE..((stripe + 1) * STRIPE).min(self.outputs)
    }

    /// The columns that a stripe is stored with.
    fn width(&self, stripe: usize) -> usize {
        self.columns(stripe).len().next_multiple_of(HALF)
    }

    fn stripe(&self, stripe: usize) -> &[S] {
        let start = stripe * STRIPE * self.inputs;
        &self.values[start..start + self.width(stripe) * self.inputs]
    }

    fn stripe_mut(&mut self, stripe: usize) -> &mut [S] {
        let (start, width) = (stripe * STRIPE * self.inputs, self.width(stripe));
        &mut self.values[start..start + width * self.inputs]
    }

    /// `out[r] = sum of the weight rows at the spikes of row r`; `out` has a row of `outputs` for each row of events.
    #[inline(always)]
    pub(in crate::fused) fn gather(&self, events: &Events, out: &mut [S]) {
        for stripe in 0..self.count() {
            let (columns, values) = (self.columns(stripe), self.stripe(stripe));
            if self.width(stripe) == STRIPE {
                gather_stripe::<S, STRIPE>(values, events, columns, self.outputs, out);
            } else {
                gather_stripe::<S, HALF>(values, events, columns, self.outputs, out);
            }
        }
    }

    /// Adds to each weight row the adjoint rows at which its input spiked; `by_input` are the events by column, and
    /// `adjoint` has a row of `outputs` for each row of events. `packed` is room to work in.
    #[inline(always)]
    pub(in crate::fused) fn scatter(&mut self, by_input: &Events, adjoint: &[S], packed: &mut Vec<S>) {
        let outputs = self.outputs;
        for stripe in 0..self.count() {
            let (columns, width) = (self.columns(stripe), self.width(stripe));
            let values = self.stripe_mut(stripe);
            if width == STRIPE {
                scatter_stripe::<S, STRIPE>(values, by_input, columns, outputs, adjoint, packed);
            } else {
                scatter_stripe::<S, HALF>(values, by_input, columns, outputs, adjoint, packed);
            }
        }
    }
}

#[inline(always)]
fn gather_stripe<S: Scalar, const W: usize>(
    weights: &[S],
    events: &Events,
    columns: Range<usize>,
    outputs: usize,
    out: &mut [S],
) {
    let (weights, _) = weights.as_chunks::<W>();
    for tile in 0..events.tiles {
        for (row, out) in out.chunks_exact_mut(outputs).enumerate() {
            let out = &mut out[columns.clone()];
            let inputs = events.tile(row, tile);
            if tile == 0 {
                let sum = sum_rows([S::zero(); W], weights, inputs);
                out.copy_from_slice(&sum[..out.len()]);
            } else if let Some(out) = out.first_chunk_mut::<W>() {
                *out = sum_rows(*out, weights, inputs);
            } else {
                let sum = sum_rows([S::zero(); W], weights, inputs);
                out.iter_mut().zip(sum).for_each(|(out, sum)| *out += sum);
            }
        }
    }
}

/// `sum` plus some of the rows, in the order of their indices.
#[inline(always)]
fn sum_rows<S: Scalar, const W: usize>(mut sum: [S; W], rows: &[[S; W]], indices: &[u32]) -> [S; W] {
    for &index in indices {
        let row = &rows[index as usize];
        for k in 0..W {
            sum[k] += row[k];
        }
    }
    sum
}

#[inline(always)]
fn scatter_stripe<S: Scalar, const W: usize>(
    weights: &mut [S],
    by_input: &Events,
    columns: Range<usize>,
    outputs: usize,
    adjoint: &[S],
    packed: &mut Vec<S>,
) {
    // Side by side, or rows a power of two apart would share a few lines of the cache.
    // What they hold beyond the columns goes to columns of the sum that no one reads.
    let (rows, _) = room(packed, adjoint.len() / outputs * W).as_chunks_mut::<W>();
    for (row, adjoint) in rows.iter_mut().zip(adjoint.chunks_exact(outputs)) {
        row[..columns.len()].copy_from_slice(&adjoint[columns.clone()]);
    }
    let (weights, _) = weights.as_chunks_mut::<W>();
    for (input, weights) in weights.iter_mut().enumerate() {
        let spiked = by_input.row(input);
        if !spiked.is_empty() {
            *weights = sum_rows(*weights, rows, spiked);
        }
    }
}

/// Adds each term to its sum.
pub(in crate::fused) fn add<S: Scalar>(sums: &mut [S], terms: &[S]) {
    sums.iter_mut().zip(terms).for_each(|(sum, &x)| *sum += x);
}

/// The first `len` elements of a buffer, which grows to have them, with whatever they hold.
pub(in crate::fused) fn room<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    buffer.resize(buffer.len().max(len), T::default());
    &mut buffer[..len]
}
