//! Dropout.

use crate::Result;
use crate::error::check;
use crate::sequence::sequence;
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// Dropout on a sequence `[T, B, features...]`, for training: each feature of each sample is silenced with
/// probability `p`, and the others are multiplied by `1 / (1 - p)`, so that the mean stays (inverted scaling;
/// Srivastava et al. 2014).
///
/// A feature is silenced for all steps or for none, as spiking frameworks do it: a mask drawn anew in every step
/// would average out in the membrane. The same seed gives the same mask on every machine; use another for
/// each layer and each update. For evaluation leave the layer out. `p = 0` returns the input.
///
/// # Errors
/// [`SnnError::Parameter`](crate::SnnError::Parameter) unless `p` is at least 0 and less than 1,
/// [`SnnError::Sequence`](crate::SnnError::Sequence) for an input without time and batch axes.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::dropout;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.constant(Tensor::full([2, 1, 100], 1.0)?);
/// let y = dropout(&mut tape, x, 0.2, 7)?;
/// let first = tape.value(y)?.select(0)?;
/// assert!(first.as_slice().iter().all(|&v| v == 0.0 || v == 1.25));
/// assert_eq!(first, tape.value(y)?.select(1)?); // the same in every step
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn dropout<S: Scalar>(tape: &mut Tape<S>, input: Var, p: f64, seed: u64) -> Result<Var> {
    check("dropout probability", p, "at least 0 and less than 1", (0.0..1.0).contains(&p))?;
    let shape = sequence(tape, input, "dropout layer")?;
    if p == 0.0 {
        return Ok(input);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let kept = S::from_f64(1.0 / (1.0 - p));
    let draw = |_| if rng.random::<f64>() < p { S::zero() } else { kept };
    let mask = tape.constant(Tensor::from_fn(&shape[1..], draw)?);
    Ok(tape.mul(input, mask)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;

    fn drop(p: f64, seed: u64) -> Tensor<f64> {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::full([3, 4, 1000], 1.0).unwrap());
        let y = dropout(&mut tape, x, p, seed).unwrap();
        let gradient = {
            let loss = tape.sum(y).unwrap();
            tape.backward(loss).unwrap().wrt(x).unwrap().clone()
        };
        // The layer is linear, so its gradient at ones is its value there.
        assert_eq!(&gradient, tape.value(y).unwrap());
        gradient
    }

    #[test]
    fn one_mask_for_all_steps_at_the_right_rate() {
        let y = drop(0.3, 1);
        let steps: Vec<_> = (0..3).map(|t| y.select(t).unwrap()).collect();
        assert_eq!((&steps[0], &steps[0]), (&steps[1], &steps[2]));
        // Six standard deviations of a binomial of 4000.
        let silenced = steps[0].as_slice().iter().filter(|&&v| v == 0.0).count() as f64;
        assert!((silenced / 4000.0 - 0.3).abs() < 6.0 * (0.21_f64 / 4000.0).sqrt(), "{silenced}");
        assert!(steps[0].as_slice().iter().all(|&v| v == 0.0 || v == 1.0 / 0.7));
        assert_ne!(steps[0].select(0), steps[0].select(1), "samples have masks of their own");
        assert_eq!(y, drop(0.3, 1));
        assert_ne!(y, drop(0.3, 2));
    }

    #[test]
    fn probability_zero_is_the_identity_and_one_is_refused() {
        let mut tape = Tape::<f64>::new();
        let x = tape.leaf(Tensor::zeros([1, 1, 2]).unwrap());
        assert_eq!(dropout(&mut tape, x, 0.0, 1), Ok(x));
        for p in [1.0, -0.1, f64::NAN] {
            let error = dropout(&mut tape, x, p, 1).unwrap_err();
            assert!(matches!(error, SnnError::Parameter { parameter: "dropout probability", .. }));
        }
        let flat = tape.leaf(Tensor::zeros([2]).unwrap());
        let error = dropout(&mut tape, flat, 0.0, 1).unwrap_err();
        assert!(matches!(error, SnnError::Sequence { what: "dropout layer", .. }));
    }
}
