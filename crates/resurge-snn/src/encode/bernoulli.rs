//! Rate coding.

use super::check_intensities;
use crate::Result;
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use resurge_tensor::{Scalar, Tensor};

/// Bernoulli rate coding: in each of `steps` steps, each input spikes with probability equal to its intensity.
///
/// Intensities `[B, N]` in `0..=1` become spikes `[T, B, N]` of 0 and 1. The same seed gives the same spikes, on
/// every machine.
///
/// # Errors
/// [`SnnError::Parameter`](crate::SnnError::Parameter) for an intensity outside `0..=1`.
///
/// ```
/// use resurge_snn::bernoulli;
/// use resurge_tensor::Tensor;
///
/// let intensities = Tensor::from_vec([1, 3], vec![0.0, 0.5, 1.0])?;
/// let spikes = bernoulli::<f64>(&intensities, 100, 7)?;
/// let counts = spikes.sum_axis(0)?;
/// assert_eq!((counts.as_slice()[0], counts.as_slice()[2]), (0.0, 100.0));
/// assert!((30.0..70.0).contains(&counts.as_slice()[1]));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn bernoulli<S: Scalar>(intensities: &Tensor<f64>, steps: usize, seed: u64) -> Result<Tensor<S>> {
    check_intensities(intensities)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2);
    let mut shape = vec![steps];
    shape.extend_from_slice(intensities.shape());
    let values = intensities.as_slice();
    let spikes = |i: usize| {
        // random() lies in 0..1: an intensity of 0 never spikes, one of 1 always.
        if rng.random::<f64>() < values[i % values.len()] { S::one() } else { S::zero() }
    };
    Ok(Tensor::from_fn(&shape[..], spikes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;

    #[test]
    fn rates_seeds_and_bounds() {
        let intensities = Tensor::from_vec([2, 2], vec![0.1, 0.3, 0.6, 0.9]).unwrap();
        let spikes = bernoulli::<f64>(&intensities, 4000, 1).unwrap();
        for (count, p) in spikes.sum_axis(0).unwrap().as_slice().iter().zip(intensities.as_slice()) {
            // Six standard deviations of a binomial.
            assert!((count / 4000.0 - p).abs() < 6.0 * (p * (1.0 - p) / 4000.0).sqrt());
        }
        assert_eq!(spikes, bernoulli(&intensities, 4000, 1).unwrap());
        assert_ne!(spikes, bernoulli(&intensities, 4000, 2).unwrap());
        assert!(bernoulli::<f32>(&intensities, 0, 1).unwrap().is_empty());
        for bad in [-0.1, 1.5, f64::NAN] {
            let result = bernoulli::<f64>(&Tensor::scalar(bad), 1, 0);
            assert!(matches!(result, Err(SnnError::Parameter { parameter: "intensity", .. })));
        }
    }
}
