//! Sums of weight rows, and of adjoint rows, at the positions of spikes.

use rayon::prelude::*;
use resurge_tensor::Scalar;
use std::ops::Range;

/// The positions of the spikes in a block of rows, row by row, each cut where tiles of columns begin.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Where each tile of each row begins in `indices`; one entry more than there are of them.
    starts: Vec<u32>,
    /// Room for more than have been written: `starts` ends where they do.
    indices: Vec<u32>,
    /// Tiles in a row.
    tiles: usize,
}

/// Columns in a word of bits.
const WORD: usize = u64::BITS as usize;

impl Events {
    /// No rows, of so many columns.
    pub(super) fn clear(&mut self, columns: usize) {
        self.tiles = columns.div_ceil(TILE).max(1);
        self.starts.clear();
        self.starts.push(0);
    }

    fn rows(&self) -> usize {
        (self.starts.len() - 1) / self.tiles
    }

    pub(super) fn len(&self) -> usize {
        self.starts.last().map_or(0, |&end| end as usize)
    }

    fn row(&self, row: usize) -> &[u32] {
        let first = row * self.tiles;
        &self.indices[self.starts[first] as usize..self.starts[first + self.tiles] as usize]
    }

    /// The events of a row in a tile of columns.
    #[inline(always)]
    fn tile(&self, row: usize, tile: usize) -> &[u32] {
        let at = row * self.tiles + tile;
        &self.indices[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Appends a row given as words of bits, the lowest bit first.
    #[inline(always)]
    pub(super) fn push_row(&mut self, words: &[u64]) {
        let mut len = self.len();
        if self.indices.len() < len + words.len() * WORD {
            self.indices.resize(2 * len + words.len() * WORD, 0);
        }
        let mut first = 0;
        for tile in 0..self.tiles {
            for &word in words.iter().skip(tile * (TILE / WORD)).take(TILE / WORD) {
                if let Some(room) = self.indices[len..].first_chunk_mut() {
                    len += positions(word, first, room);
                }
                first += WORD as u32;
            }
            self.starts.push(len as u32);
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

    /// The same events column by column: for each column the rows that have it, in one tile.
    pub(super) fn transpose_into(&self, columns: usize, out: &mut Self) {
        let Self { starts, indices, tiles } = out;
        *tiles = 1;
        starts.clear();
        starts.resize(columns + 1, 0);
        for &index in &self.indices[..self.len()] {
            starts[index as usize + 1] += 1;
        }
        for column in 0..columns {
            starts[column + 1] += starts[column];
        }
        if indices.len() < self.len() {
            indices.resize(self.len(), 0);
        }
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

/// Adds each term to its sum.
pub(super) fn add<S: Scalar>(sums: &mut [S], terms: &[S]) {
    sums.iter_mut().zip(terms).for_each(|(sum, &x)| *sum += x);
}

/// The first `len` elements of a buffer, which grows to have them, with whatever they hold.
pub(super) fn room<S: Scalar>(buffer: &mut Vec<S>, len: usize) -> &mut [S] {
    if buffer.len() < len {
        buffer.resize(len, S::zero());
    }
    &mut buffer[..len]
}

/// Writes the positions of the bits of a word, counted from `first`, and gives their number.
#[inline(always)]
fn positions(word: u64, first: u32, out: &mut [u32; WORD]) -> usize {
    let (mut left, mut count) = (word, 0);
    while left != 0 {
        out[count % WORD] = first + left.trailing_zeros();
        left &= left - 1;
        count += 1;
    }
    count
}

/// Columns that are summed together, in registers.
const STRIPE: usize = 32;
/// The last stripe of a matrix may be half as wide.
const HALF: usize = STRIPE / 2;
/// Rows of a stripe that stay in the L1 cache together: 24 kB of single precision, and a whole number of words.
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

    /// Adds a matrix of the same sizes.
    pub(super) fn add(&mut self, other: &Self) {
        add(&mut self.values, &other.values);
    }

    /// Adds the matrix to a weight `[outputs, inputs]`.
    pub(super) fn add_to_weight(&self, weight: &mut [S]) {
        let inputs = self.inputs;
        weight.par_chunks_mut((STRIPE * inputs).max(1)).enumerate().for_each(|(stripe, rows)| {
            let values = self.stripe(stripe);
            let width = values.len() / inputs;
            for (k, row) in rows.chunks_exact_mut(inputs).enumerate() {
                for (input, w) in row.iter_mut().enumerate() {
                    *w += values[input * width + k];
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [&[u32]; 4] = [&[0, 3], &[], &[1, 2, 4], &[4]];

    fn events() -> Events {
        let mut events = Events::default();
        events.clear(5);
        for row in ROWS {
            events.push_row(&[row.iter().map(|&i| 1 << i).sum()]);
        }
        events
    }

    #[test]
    fn rows_are_the_positions_of_bits() {
        let events = events();
        assert_eq!((events.rows(), events.len()), (4, 6));
        for (row, expected) in ROWS.iter().enumerate() {
            assert_eq!(&events.row(row), expected);
        }
        let mut long = Events::default();
        // Used before, with other sizes: what is left in the buffers does not matter.
        long.clear(1);
        long.push_row(&[1]);
        long.clear(2 * TILE + 1);
        let all = [u64::MAX; 2 * TILE / WORD + 1];
        long.push_row(&all);
        long.push_row(&[0, 1 << 63, 1]);
        assert_eq!(long.row(0), Vec::from_iter(0..2 * TILE as u32 + 64));
        assert_eq!(long.row(1), &[127, 128]);
        assert_eq!(long.tile(0, 1), Vec::from_iter(TILE as u32..2 * TILE as u32));
        assert_eq!((long.tile(1, 0), long.tile(1, 1), long.tile(1, 2)), (&[127, 128][..], &[][..], &[][..]));
    }

    #[test]
    fn transposed() {
        let mut by_input = Events::default();
        by_input.clear(TILE);
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
            stripes.gather(&events(), &mut out);
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
            gradient.add(&stripes);
            gradient.add_to_weight(&mut total);
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
        events.clear(inputs);
        for row in spikes {
            let mut words = vec![0; inputs.div_ceil(WORD)];
            row.iter().for_each(|i| words[i / WORD] |= 1 << (i % WORD));
            events.push_row(&words);
        }
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
