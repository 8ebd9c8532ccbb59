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
            let index = values.iter().position(|x| *x != S::zero() && *x != S::one()).unwrap_or(0);
            return Err(SnnError::NotASpike { index, value: values[index].re() });
        }
        Ok(Self { steps, batch, neurons, words: words.into() })
    }

    /// The number of time steps `T`.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The batch size `B`.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The number of neurons `N`.
    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// The number of spikes.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Spikes per neuron and step; 0 for a train without neurons.
    pub fn density(&self) -> f64 {
        self.count() as f64 / (self.steps * self.batch * self.neurons).max(1) as f64
    }

    /// Whether a neuron spikes in a step; `None` where there is no such neuron.
    pub fn get(&self, step: usize, sample: usize, neuron: usize) -> Option<bool> {
        let within = step < self.steps && sample < self.batch && neuron < self.neurons;
        within.then(|| self.row(step, sample)[neuron / 64] >> (neuron % 64) & 1 == 1)
    }

    /// The spikes as numbers, `[T, B, N]`.
    ///
    /// # Errors
    /// [`TensorError::TooLarge`](resurge_tensor::TensorError::TooLarge) for a tensor that cannot be addressed.
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

fn words_per_row(neurons: usize) -> usize {
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
        let rows = self.words.chunks_mut(words_per_row(self.neurons).max(1));
        for (words, row) in rows.zip(self.values.chunks(self.neurons.max(1))) {
            for (packed, values) in words.iter_mut().zip(row.chunks(64)) {
                *packed = word(values);
                for x in values {
                    spikes &= (*x == S::zero()) | (*x == S::one());
                }
            }
        }
        spikes
    }
}

/// Up to 64 numbers as bits, set where a number is not 0, the first in the lowest.
#[inline(always)]
pub(super) fn word<S: Scalar>(values: &[S]) -> u64 {
    let mut bytes = [0u8; 64];
    for (byte, x) in bytes.iter_mut().zip(values) {
        *byte = u8::from(x.re() != 0.0);
    }
    let mut word = 0;
    for (eight, shift) in bytes.as_chunks::<8>().0.iter().zip((0u32..).step_by(8)) {
        // The product moves the lowest bit of byte i to bit 56 + i; nothing else reaches the top byte.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= bits << shift;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_come_back() {
        for neurons in [0, 1, 63, 64, 65, 130] {
            let dense = Tensor::from_fn([3, 2, neurons], |i| f64::from(u8::from(i * 7 % 3 == 0))).unwrap();
            let train = SpikeTrain::from_tensor(&dense).unwrap();
            assert_eq!((train.steps(), train.batch(), train.neurons()), (3, 2, neurons));
            assert_eq!(train.to_tensor::<f64>().unwrap(), dense);
            let sum: f64 = dense.as_slice().iter().sum();
            assert_eq!(train.count() as f64, sum);
            assert_eq!(train.get(2, 1, neurons), None);
        }
        let image = Tensor::<f32>::full([2, 1, 2, 3], 1.0).unwrap();
        assert_eq!(SpikeTrain::from_tensor(&image).unwrap().neurons(), 6);
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
        assert!(matches!(
            SpikeTrain::from_tensor(&Tensor::<f32>::zeros([0, 2, 3]).unwrap()),
            Err(SnnError::Sequence { .. })
        ));
    }
}
