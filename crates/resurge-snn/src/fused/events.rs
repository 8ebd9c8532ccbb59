//! Sums of weight rows, and of adjoint rows, at the positions of spikes.

use super::train::word;
use rayon::prelude::*;
use resurge_tensor::Scalar;
use std::ops::Range;

/// The positions of the spikes in a block of rows, row by row.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Where each row begins in `indices`; one entry more than there are rows.
    starts: Vec<u32>,
    indices: Vec<u32>,
    /// Where each row's part in each tile of columns begins, row by row; made by [`Events::cut`].
    cuts: Vec<u32>,
    tiles: usize,
}

impl Events {
    pub(super) fn clear(&mut self) {
        self.starts.clear();
        self.starts.push(0);
        self.indices.clear();
    }

    fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn len(&self) -> usize {
        self.indices.len()
    }

    fn row(&self, row: usize) -> &[u32] {
        &self.indices[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// Cuts the rows where tiles of columns begin, for [`Stripes::gather`].
    pub(super) fn cut(&mut self, columns: usize) {
        self.tiles = columns.div_ceil(TILE).max(1);
        self.cuts.clear();
        for row in 0..self.rows() {
            let (mut at, end) = (self.starts[row], self.starts[row + 1]);
            self.cuts.push(at);
            for tile in 1..self.tiles {
                while at < end && (self.indices[at as usize] as usize) < tile * TILE {
                    at += 1;
                }
                self.cuts.push(at);
            }
        }
        self.cuts.push(self.indices.len() as u32);
    }

    /// The events of a row in a tile of columns.
    fn tile(&self, row: usize, tile: usize) -> &[u32] {
        let at = row * self.tiles + tile;
        &self.indices[self.cuts[at] as usize..self.cuts[at + 1] as usize]
    }

    /// Appends a row given as words of bits, the lowest bit first.
    pub(super) fn push_bits(&mut self, words: &[u64]) {
        for (word, first) in words.iter().zip((0u32..).step_by(64)) {
            self.push_word(*word, first);
        }
        self.starts.push(self.indices.len() as u32);
    }

    /// Appends rows given as numbers, spikes being those other than 0.
    #[inline(always)]
    pub(super) fn push_rows<S: Scalar>(&mut self, values: &[S], rows: usize, columns: usize) {
        for row in 0..rows {
            self.push_values(&values[row * columns..][..columns]);
        }
    }

    #[inline(always)]
    fn push_values<S: Scalar>(&mut self, values: &[S]) {
        for (values, first) in values.chunks(64).zip((0u32..).step_by(64)) {
            self.push_word(word(values), first);
        }
        self.starts.push(self.indices.len() as u32);
    }

    #[inline(always)]
    fn push_word(&mut self, word: u64, first: u32) {
        let mut left = word;
        while left != 0 {
            self.indices.push(first + left.trailing_zeros());
            left &= left - 1;
        }
    }

    /// Writes the rows as numbers, 1 at a spike.
    pub(super) fn to_dense<S: Scalar>(&self, columns: usize, out: &mut Vec<S>) {
        out.clear();
        out.resize(self.rows() * columns, S::zero());
        for row in 0..self.rows() {
            for &index in self.row(row) {
                out[row * columns + index as usize] = S::one();
            }
        }
    }

    /// The same events column by column: for each column the rows that have it.
    pub(super) fn transpose_into(&self, columns: usize, out: &mut Self) {
        let Self { starts, indices, .. } = out;
        starts.clear();
        starts.resize(columns + 1, 0);
        for &index in &self.indices {
            starts[index as usize + 1] += 1;
        }
        for column in 0..columns {
            starts[column + 1] += starts[column];
        }
        indices.clear();
        indices.resize(self.indices.len(), 0);
        for row in 0..self.rows() {
            for &index in self.row(row) {
                let next = &mut starts[index as usize];
                indices[*next as usize] = row as u32;
                *next += 1;
            }
        }
        // Each entry has moved to the next one's place.
        starts.rotate_right(1);
        starts[0] = 0;
    }
}

/// Columns that are summed together, in registers.
const STRIPE: usize = 32;
/// The last stripe of a matrix may be half as wide.
const HALF: usize = STRIPE / 2;
/// Rows of a stripe that stay in the L1 cache together: 24 kB of single precision.
pub(super) const TILE: usize = 192;

/// Rows of weights, one an input, with a column an output; stored stripe by stripe, so that a tile of rows fits into
/// the L1 cache.
#[derive(Debug, Clone, Default)]
pub(super) struct Stripes<S> {
    inputs: usize,
    outputs: usize,
    values: Vec<S>,
}

impl<S: Scalar> Stripes<S> {
    /// Makes these the zeros of a matrix of so many inputs and outputs.
    pub(super) fn clear(&mut self, inputs: usize, outputs: usize) {
        let stored = outputs / STRIPE * STRIPE + (outputs % STRIPE).next_multiple_of(HALF);
        (self.inputs, self.outputs) = (inputs, outputs);
        self.values.clear();
        self.values.resize(inputs * stored, S::zero());
    }

    /// From a weight `[outputs, inputs]`.
    pub(super) fn from_weight(weight: &[S], inputs: usize, outputs: usize) -> Self {
        let mut stripes = Self::default();
        stripes.clear(inputs, outputs);
        let one = (STRIPE * inputs).max(1);
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

    /// Adds matrices of the same sizes, in their order, to a weight `[outputs, inputs]`.
    pub(super) fn add_to_weight(all: &[&Self], weight: &mut [S]) {
        let Some(inputs) = all.first().map(|first| first.inputs).filter(|&inputs| inputs > 0) else { return };
        weight.par_chunks_mut(STRIPE * inputs).enumerate().for_each(|(stripe, rows)| {
            let mut sum = all[0].stripe(stripe).to_vec();
            for other in &all[1..] {
                for (sum, &x) in sum.iter_mut().zip(other.stripe(stripe)) {
                    *sum += x;
                }
            }
            let width = sum.len() / inputs;
            for (k, row) in rows.chunks_exact_mut(inputs).enumerate() {
                for (input, w) in row.iter_mut().enumerate() {
                    *w += sum[input * width + k];
                }
            }
        });
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
    pub(super) fn gather(&self, events: &Events, out: &mut [S]) {
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
    pub(super) fn scatter(&mut self, by_input: &Events, adjoint: &[S], packed: &mut Vec<S>) {
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
    for tile in 0..weights.len().div_ceil(TILE).max(1) {
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
    packed.clear();
    packed.resize(adjoint.len() / outputs * W, S::zero());
    let (rows, _) = packed.as_chunks_mut::<W>();
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [&[u32]; 4] = [&[0, 3], &[], &[1, 2, 4], &[4]];

    fn events() -> Events {
        let mut events = Events::default();
        events.clear();
        for row in ROWS {
            events.push_bits(&[row.iter().map(|&i| 1 << i).sum()]);
        }
        events
    }

    #[test]
    fn bits_and_values_give_the_same_rows() {
        let mut by_value = Events::default();
        by_value.clear();
        for row in ROWS {
            let values: Vec<f64> = (0..5).map(|i| f64::from(u8::from(row.contains(&i)))).collect();
            by_value.push_values(&values);
        }
        for events in [events(), by_value] {
            assert_eq!(events.rows(), 4);
            assert_eq!(events.len(), 6);
            for (row, expected) in ROWS.iter().enumerate() {
                assert_eq!(&events.row(row), expected);
            }
        }
        let mut long = Events::default();
        long.clear();
        long.push_bits(&[0, 1 << 63, 1]);
        assert_eq!(long.row(0), &[127, 128]);
    }

    #[test]
    fn transposed() {
        let mut by_input = Events::default();
        by_input.clear();
        events().transpose_into(5, &mut by_input);
        let columns: Vec<&[u32]> = (0..5).map(|column| by_input.row(column)).collect();
        assert_eq!(columns, [&[0][..], &[2], &[2], &[0], &[2, 3]]);
    }

    #[test]
    fn sums_are_those_of_the_dense_products_at_every_width() {
        for outputs in [1, 10, 16, 17, 40, 63, 64, 65, 100, 130] {
            let weight: Vec<f64> = (0..outputs * 5).map(|i| ((i * 37 + 11) % 101) as f64).collect();
            let stripes = Stripes::from_weight(&weight, 5, outputs);
            let mut out = vec![f64::NAN; 4 * outputs];
            let mut rows = events();
            rows.cut(5);
            stripes.gather(&rows, &mut out);
            for (row, expected) in ROWS.iter().enumerate() {
                for k in 0..outputs {
                    let sum: f64 = expected.iter().map(|&i| weight[k * 5 + i as usize]).sum();
                    assert_eq!(out[row * outputs + k], sum, "{outputs} outputs, row {row}, column {k}");
                }
            }
            // Two transposed copies come back, with the scattered rows added.
            let mut by_input = Events::default();
            events().transpose_into(5, &mut by_input);
            let mut gradient = stripes.clone();
            gradient.scatter(&by_input, &out, &mut vec![f64::NAN; 3]);
            let mut total = vec![0.0; outputs * 5];
            Stripes::add_to_weight(&[&gradient, &stripes], &mut total);
            for input in 0..5usize {
                for k in 0..outputs {
                    let rows = (0..4).filter(|&row| ROWS[row].contains(&(input as u32)));
                    let sum: f64 = rows.map(|row| out[row * outputs + k]).sum();
                    assert_eq!(
                        total[k * 5 + input],
                        2.0 * weight[k * 5 + input] + sum,
                        "{outputs} {input} {k}"
                    );
                }
            }
        }
    }

    #[test]
    fn tiles_of_inputs_add_up() {
        let inputs = 2 * TILE + 7;
        let spikes: [&[usize]; 3] = [&[0, TILE - 1, TILE, 2 * TILE + 6], &[2 * TILE], &[]];
        let mut events = Events::default();
        events.clear();
        for row in spikes {
            let values: Vec<f64> = (0..inputs).map(|i| f64::from(u8::from(row.contains(&i)))).collect();
            events.push_rows(&values, 1, inputs);
        }
        events.cut(inputs);
        let weight: Vec<f64> = (0..40 * inputs).map(|i| (i % 97) as f64).collect();
        let mut out = vec![f64::NAN; 3 * 40];
        Stripes::from_weight(&weight, inputs, 40).gather(&events, &mut out);
        for (row, spikes) in spikes.iter().enumerate() {
            for k in 0..40 {
                let sum: f64 = spikes.iter().map(|i| weight[k * inputs + i]).sum();
                assert_eq!(out[row * 40 + k], sum, "row {row}, column {k}");
            }
        }
    }

    #[test]
    fn dense_rows() {
        let mut dense = vec![7.0; 3];
        events().to_dense(5, &mut dense);
        let expected = [1., 0., 0., 1., 0., 0., 0., 0., 0., 0., 0., 1., 1., 0., 1., 0., 0., 0., 0., 1.];
        assert_eq!(dense, expected);
    }
}
