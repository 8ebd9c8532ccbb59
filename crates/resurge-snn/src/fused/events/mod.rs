//! Sums of weight rows, and of adjoint rows, at the positions of spikes.

mod stripes;
#[cfg(test)]
mod tests;

pub(super) use stripes::{Stripes, add, room};

use resurge_tensor::Scalar;

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

/// Rows of a stripe that stay in the L1 cache together: 24 kB of single precision, and a whole number of words.
pub(super) const TILE: usize = 192;

/// Words of a row in a tile.
const TILE_WORDS: usize = TILE / WORD;

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
            for &word in words.iter().skip(tile * TILE_WORDS).take(TILE_WORDS) {
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
        let mut end = 0;
        for start in starts.iter_mut() {
            end += *start;
            *start = end;
        }
        let indices = room(indices, self.len());
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
