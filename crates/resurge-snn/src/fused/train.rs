//! Spikes stored as bits.

use crate::{Result, SnnError};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use resurge_tensor::{Scalar, Tensor};
use std::sync::Arc;

/// The spikes of a sequence `[T, B, N]`, one bit each: 1/32 of the memory of `f32`. Clones share them.
///
/// ```
/// use resurge_snn::SpikeTrain;
/// use resurge_tensor::Tensor;
///
/// let dense = Tensor::from_vec([2, 1, 3], vec![0.0, 1.0, 1.0, 0.0, 0.0, 1.0])?;
/// let spikes = SpikeTrain::from_tensor(&dense)?;
/// assert_eq!((spikes.count(), spikes.density()), (3, 0.5));
/// assert_eq!(spikes.get(1, 0, 2), Some(true));
/// assert_eq!(spikes.to_tensor::<f64>()?, dense);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpikeTrain {
    steps: usize,
    batch: usize,
    neurons: usize,
    words: Arc<[u64]>,
}

impl SpikeTrain {
    /// The bits of a sequence `[T, B, features...]` of zeros and ones; the features become one axis.
    ///
    /// # Errors
    /// [`SnnError::Sequence`] without time and batch axes or without steps, [`SnnError::NotASpike`] for a value other
    /// than 0 and 1.
    ///
    /// ```
    /// use resurge_snn::SpikeTrain;
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = SpikeTrain::from_tensor(&Tensor::from_vec([2, 1, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?)?;
    /// assert_eq!(spikes.count(), 2);
    /// assert!(SpikeTrain::from_tensor(&Tensor::full([1, 1, 1], 0.5)?).is_err()); // no spike
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn from_tensor<S: Scalar>(sequence: &Tensor<S>) -> Result<Self> {
        let shape = sequence.shape();
        if shape.rank() < 2 || shape[0] == 0 {
            return Err(SnnError::Sequence { what: "spike train", shape: shape.clone() });
        }
        let values = sequence.as_slice();
        let (steps, batch) = (shape[0], shape[1]);
        let neurons: usize = shape[2..].iter().product();
        let per_row = words_per_row(neurons);
        let mut words = vec![0; steps * batch * per_row];
        let pack =
            |(words, values): (&mut [u64], &[S])| Arch::new().dispatch(Pack { values, neurons, words });
        let (rows, sources) =
            (words.par_chunks_mut(ROWS * per_row.max(1)), values.par_chunks(ROWS * neurons.max(1)));
        if !rows.zip(sources).map(pack).reduce(|| true, |a, b| a & b) {
            let index = values.iter().position(|x| *x != S::zero() && *x != S::one()).unwrap_or_default();
            return Err(SnnError::NotASpike { index, value: values[index].re() });
        }
        Ok(Self { steps, batch, neurons, words: words.into() })
    }

    /// The number of time steps `T`.
    ///
    /// ```
    /// use resurge_snn::SpikeTrain;
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = SpikeTrain::from_tensor(&Tensor::from_vec([2, 1, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?)?;
    /// assert_eq!(spikes.steps(), 2);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The batch size `B`.
    ///
    /// ```
    /// use resurge_snn::SpikeTrain;
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = SpikeTrain::from_tensor(&Tensor::from_vec([2, 1, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?)?;
    /// assert_eq!(spikes.batch(), 1);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The number of neurons `N`.
    ///
    /// ```
    /// use resurge_snn::SpikeTrain;
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = SpikeTrain::from_tensor(&Tensor::from_vec([2, 1, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?)?;
    /// assert_eq!(spikes.neurons(), 3);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// The number of spikes.
    ///
    /// ```
    /// use resurge_snn::SpikeTrain;
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = SpikeTrain::from_tensor(&Tensor::from_vec([2, 1, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?)?;
    /// assert_eq!(spikes.count(), 2);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Spikes per neuron and step; 0 for a train without neurons.
    ///
    /// ```
    /// use resurge_snn::SpikeTrain;
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = SpikeTrain::from_tensor(&Tensor::from_vec([2, 1, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?)?;
    /// assert_eq!(spikes.density(), 2.0 / 6.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn density(&self) -> f64 {
        self.count() as f64 / (self.steps * self.batch * self.neurons).max(1) as f64
    }

    /// Whether a neuron spikes in a step; `None` where there is no such neuron.
    ///
    /// ```
    /// use resurge_snn::SpikeTrain;
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = SpikeTrain::from_tensor(&Tensor::from_vec([2, 1, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?)?;
    /// assert_eq!((spikes.get(1, 0, 2), spikes.get(1, 0, 1), spikes.get(9, 0, 0)), (Some(true), Some(false), None));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn get(&self, step: usize, sample: usize, neuron: usize) -> Option<bool> {
        let within = step < self.steps && sample < self.batch && neuron < self.neurons;
        within.then(|| self.row(step, sample)[neuron / 64] >> (neuron % 64) & 1 == 1)
    }

    /// The spikes as numbers, `[T, B, N]`.
    ///
    /// # Errors
    /// [`TensorError::TooLarge`](resurge_tensor::TensorError::TooLarge) for a tensor that cannot be addressed.
    ///
    /// ```
    /// use resurge_snn::SpikeTrain;
    /// use resurge_tensor::Tensor;
    ///
    /// let spikes = SpikeTrain::from_tensor(&Tensor::from_vec([2, 1, 3], vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0])?)?;
    /// assert_eq!(spikes.to_tensor::<f32>()?.as_slice(), &[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn to_tensor<S: Scalar>(&self) -> Result<Tensor<S>> {
        Ok(self.dense()?)
    }

    /// [`to_tensor`](Self::to_tensor) with the error of a tensor, for operations on the tape.
    pub(super) fn dense<S: Scalar>(&self) -> resurge_tensor::Result<Tensor<S>> {
        let mut out = Tensor::zeros([self.steps, self.batch, self.neurons])?;
        for (row, out) in out.as_mut_slice().chunks_mut(self.neurons.max(1)).enumerate() {
            let words = self.row(row / self.batch, row % self.batch);
            for (i, out) in out.iter_mut().enumerate() {
                if words[i / 64] >> (i % 64) & 1 == 1 {
                    *out = S::one();
                }
            }
        }
        Ok(out)
    }

    /// The words of one sample in one step, the lowest bit first.
    pub(super) fn row(&self, step: usize, sample: usize) -> &[u64] {
        let words = words_per_row(self.neurons);
        &self.words[(step * self.batch + sample) * words..][..words]
    }
}

pub(super) fn words_per_row(neurons: usize) -> usize {
    neurons.div_ceil(64)
}

/// Rows that a thread packs at a time.
const ROWS: usize = 64;

/// Packs rows of numbers into words; whether all were 0 or 1.
struct Pack<'a, S> {
    values: &'a [S],
    neurons: usize,
    words: &'a mut [u64],
}

impl<S: Scalar> NullaryFnOnce for Pack<'_, S> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let mut spikes = true;
        pack(self.values, self.neurons, self.words);
        for x in self.values {
            spikes &= (*x == S::zero()) | (*x == S::one());
        }
        spikes
    }
}

/// Spikes, 0 or 1, as bits, the first in the lowest of its word; rows of so many neurons begin a word each.
#[inline(always)]
pub(super) fn pack<S: Scalar>(spikes: &[S], neurons: usize, words: &mut [u64]) {
    let rows = words.chunks_exact_mut(words_per_row(neurons).max(1));
    for (words, row) in rows.zip(spikes.chunks_exact(neurons.max(1))) {
        for (packed, values) in words.iter_mut().zip(row.chunks(64)) {
            *packed = word(values);
        }
    }
}

/// Up to 64 numbers, 0 or 1, as bits, the first in the lowest. Other numbers give bits without a meaning.
#[inline(always)]
fn word<S: Scalar>(values: &[S]) -> u64 {
    // Byte k collects, as a sum of powers of two, the numbers at 8 j + k: arithmetic that is vector code.
    let mut columns = [0.0_f64; 8];
    let (eights, rest) = values.as_chunks::<8>();
    let mut weight = 1.0;
    for eight in eights {
        for (column, x) in columns.iter_mut().zip(eight) {
            *column += x.re() * weight;
        }
        weight *= 2.0;
    }
    for (column, x) in columns.iter_mut().zip(rest) {
        *column += x.re() * weight;
    }
    transpose(u64::from_le_bytes(columns.map(|column| column as i32 as u8)))
}

/// Bit `8 k + j` for bit `8 j + k`: blocks of 1, 2 and 4 bits change sides (Warren, Hacker's Delight, 7-3).
fn transpose(bits: u64) -> u64 {
    let steps = [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)];
    steps.into_iter().fold(bits, |bits, (shift, mask)| {
        let differ = (bits ^ (bits >> shift)) & mask;
        bits ^ differ ^ (differ << shift)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spikes without a pattern that repeats with a word or a row.
    fn drawn<S: Scalar>(shape: &[usize]) -> Tensor<S> {
        Tensor::from_fn(shape, |i| S::from_f64(f64::from(u8::from((i * i + i / 7) % 5 < 2)))).unwrap()
    }

    /// One bit after the other, in rows of whole words: bit `i % 64` of word `i / 64`.
    fn packed_by_the_bit<S: Scalar>(values: &[S], rows: usize, neurons: usize) -> Vec<u64> {
        let per_row = neurons / 64 + usize::from(!neurons.is_multiple_of(64));
        let mut words = vec![0; rows * per_row];
        for row in 0..rows {
            for i in 0..neurons {
                if values[row * neurons + i] != S::zero() {
                    words[row * per_row + i / 64] |= 1 << (i % 64);
                }
            }
        }
        words
    }

    /// Rows around the length of a word, and more of them than a thread packs at a time.
    #[test]
    fn the_words_are_those_packed_by_the_bit() {
        fn check<S: Scalar>(steps: usize, batch: usize, neurons: usize) {
            let dense = drawn::<S>(&[steps, batch, neurons]);
            let train = SpikeTrain::from_tensor(&dense).unwrap();
            let words = packed_by_the_bit(dense.as_slice(), steps * batch, neurons);
            assert_eq!(&train.words[..], words, "{steps} {batch} {neurons}");
            let count = dense.as_slice().iter().filter(|&&x| x == S::one()).count();
            assert_eq!(train.count(), count);
            assert_eq!(train.density(), count as f64 / dense.len().max(1) as f64);
            assert_eq!(train.to_tensor::<S>().unwrap(), dense);
            for (row, values) in dense.as_slice().chunks(neurons.max(1)).enumerate() {
                let (step, sample) = (row / batch, row % batch);
                for (neuron, &x) in values.iter().enumerate() {
                    assert_eq!(train.get(step, sample, neuron), Some(x == S::one()));
                }
                assert_eq!(train.get(step, sample, neurons), None);
                assert_eq!(train.get(step, batch, 0), None);
            }
            assert_eq!(train.get(steps, 0, 0), None);
        }
        for neurons in [0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 200] {
            check::<f32>(3, 2, neurons);
            check::<f64>(13, 11, neurons);
        }
        for rows in [63, 64, 65, 128, 129] {
            check::<f32>(rows, 1, 5);
            check::<f64>(1, rows, 70);
        }
        check::<f64>(2, 0, 3);
    }

    #[test]
    fn features_become_one_axis() {
        let image = Tensor::<f32>::full([2, 1, 2, 3], 1.0).unwrap();
        let train = SpikeTrain::from_tensor(&image).unwrap();
        assert_eq!((train.steps(), train.batch(), train.neurons()), (2, 1, 6));
        // Without features, a neuron a sample.
        let flat = Tensor::from_vec([2, 2], vec![0.0, 1.0, 1.0, 1.0]).unwrap();
        let train = SpikeTrain::from_tensor(&flat).unwrap();
        assert_eq!((train.steps(), train.batch(), train.neurons(), train.count()), (2, 2, 1, 3));
    }

    #[test]
    fn density_is_a_share_of_what_is_there() {
        let of = |shape: &[usize]| {
            SpikeTrain::from_tensor(&Tensor::<f64>::full(shape, 1.0).unwrap()).unwrap().density()
        };
        assert_eq!([of(&[1, 1, 1]), of(&[2, 1, 3]), of(&[1, 0, 3]), of(&[1, 2, 0])], [1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn every_bit_of_a_word() {
        for bit in 0..64 {
            let mut values = [0.0_f32; 64];
            values[bit] = 1.0;
            assert_eq!(word(&values), 1 << bit);
            assert_eq!(word(&values.map(|x| 1.0 - x)), !(1 << bit));
        }
        assert_eq!(word(&[1.0, 0.0, 1.0]), 0b101);
    }

    #[test]
    fn what_is_not_a_spike_is_named() {
        let graded = Tensor::from_vec([1, 1, 3], vec![0.0, 1.0, 0.5]).unwrap();
        assert_eq!(SpikeTrain::from_tensor(&graded), Err(SnnError::NotASpike { index: 2, value: 0.5 }));
        for bad in [f64::NAN, 2.0, -1.0] {
            assert!(SpikeTrain::from_tensor(&Tensor::full([1, 1, 1], bad).unwrap()).is_err());
        }
        // Wherever it stands, also among rows that another thread packs.
        for index in [0, 63, 64, 190, 191, 192, 300, 389] {
            let mut dense = drawn::<f32>(&[130, 1, 3]);
            dense.as_mut_slice()[index] = 0.5;
            let refused = SpikeTrain::from_tensor(&dense);
            assert_eq!(refused, Err(SnnError::NotASpike { index, value: 0.5 }));
        }
        for shape in [&[0, 2, 3][..], &[3]] {
            let refused = SpikeTrain::from_tensor(&Tensor::<f32>::zeros(shape).unwrap());
            assert_eq!(refused, Err(SnnError::Sequence { what: "spike train", shape: shape.into() }));
        }
    }
}
