//! Seeded, shuffled batches.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::DataError;

/// The batches of one epoch: an iterator over lists of indices, in which every index comes once.
///
/// The order depends on the seed and the epoch alone, by a counter-based generator whose stream is the epoch: any
/// epoch can be had without those before it. The last batch may be smaller.
///
/// ```
/// use resurge_data::Batches;
///
/// let epoch = |epoch| Batches::new(5, 2, 1, epoch);
/// let batches: Vec<Vec<usize>> = epoch(7)?.collect();
/// assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
/// let mut all = batches.concat();
/// all.sort();
/// assert_eq!(all, [0, 1, 2, 3, 4]);
/// assert_eq!(batches, epoch(7)?.collect::<Vec<_>>());
/// # Ok::<(), resurge_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batches {
    order: Vec<usize>,
    batch: usize,
    at: usize,
}

impl Batches {
    /// Shuffled batches of `batch` of the indices `0..len`.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] for a batch of none.
    ///
    /// ```
    /// assert!(resurge_data::Batches::new(5, 0, 1, 0).is_err());
    /// ```
    pub fn new(len: usize, batch: usize, seed: u64, epoch: u64) -> Result<Self, DataError> {
        let mut batches = Self::in_order(len, batch)?;
        // ChaCha8 keyed by the seed itself, then Fisher and Yates, both written out: an order must not change with
        // the version of a library.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(epoch);
        for last in (1..len).rev() {
            let other = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
            batches.order.swap(last, other as usize);
        }
        Ok(batches)
    }

    /// Batches of the indices `0..len` in their order, for evaluation.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] for a batch of none.
    ///
    /// ```
    /// let batches: Vec<Vec<usize>> = resurge_data::Batches::in_order(3, 2)?.collect();
    /// assert_eq!(batches, [vec![0, 1], vec![2]]);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn in_order(len: usize, batch: usize) -> Result<Self, DataError> {
        if batch == 0 {
            return Err(DataError::Setting { setting: "batch size", value: 0, expected: "at least 1" });
        }
        Ok(Self { order: (0..len).collect(), batch, at: 0 })
    }
}

impl Iterator for Batches {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let batch = self.order[self.at..].chunks(self.batch).next()?.to_vec();
        self.at += batch.len();
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.order.len() - self.at).div_ceil(self.batch);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batches {}
