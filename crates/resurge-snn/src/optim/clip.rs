//! Bounds on gradients and parameters.

use crate::error::check;
use crate::{Result, SnnError};
use resurge_tensor::{Scalar, Tensor};

/// Scales all gradients by one factor so that their joint Euclidean norm is at most `max_norm` (Pascanu et al.
/// 2013), and returns the norm that they had. Gradients that are short enough stay as they are, to the bit.
///
/// # Errors
/// [`SnnError::Parameter`] unless `max_norm` is positive and finite, [`SnnError::NonFiniteGradient`] naming the
/// first gradient that is not finite; nothing is changed then.
///
/// ```
/// use resurge_snn::clip_by_global_norm;
/// use resurge_tensor::Tensor;
///
/// let mut gradients = [Tensor::from_vec([1], vec![3.0])?, Tensor::from_vec([1], vec![-4.0])?];
/// assert_eq!(clip_by_global_norm(&mut gradients, 2.5)?, 5.0);
/// assert_eq!((gradients[0].item(), gradients[1].item()), (Some(1.5), Some(-2.0)));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn clip_by_global_norm<S: Scalar>(gradients: &mut [Tensor<S>], max_norm: f64) -> Result<f64> {
    check("maximal gradient norm", max_norm, "positive and finite", max_norm > 0.0)?;
    if let Some(parameter) = gradients.iter().position(|gradient| !gradient.is_finite()) {
        return Err(SnnError::NonFiniteGradient { parameter });
    }
    // Scaled by the largest entry, so that no square overflows or vanishes.
    let entries = || gradients.iter().flat_map(|gradient| gradient.as_slice()).map(|x| x.re().abs());
    let largest = entries().fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(0.0);
    }
    let relative = entries().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt();
    if max_norm / largest < relative {
        // In two steps: one factor might be too small, or too large, for the scalar.
        let (unit, length) = (S::from_f64(largest), S::from_f64(max_norm / relative));
        for gradient in gradients {
            *gradient = gradient.map(|x| x / unit * length);
        }
    }
    Ok(largest * relative)
}

/// Moves every entry of every parameter into `-limit..=limit`.
///
/// # Errors
/// [`SnnError::Parameter`] unless `limit` is positive and finite.
///
/// ```
/// use resurge_snn::clamp_parameters;
/// use resurge_tensor::Tensor;
///
/// let mut weights = [Tensor::from_vec([3], vec![-7.0, 0.5, 4.5])?];
/// clamp_parameters(&mut weights, 4.0)?; // as the paper's larger tasks
/// assert_eq!(weights[0].as_slice(), &[-4.0, 0.5, 4.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn clamp_parameters<S: Scalar>(parameters: &mut [Tensor<S>], limit: f64) -> Result<()> {
    check("parameter limit", limit, "positive and finite", limit > 0.0)?;
    for parameter in parameters {
        // Written so that not-a-number stays visible.
        for x in parameter.as_mut_slice() {
            if x.re() > limit {
                *x = S::from_f64(limit);
            } else if x.re() < -limit {
                *x = S::from_f64(-limit);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(a: &[f64], b: &[f64]) -> [Tensor<f64>; 2] {
        [a, b].map(|v| Tensor::from_vec([v.len()], v.to_vec()).unwrap())
    }

    #[test]
    fn short_gradients_stay_as_they_are() {
        let kept = tensors(&[0.3, 0.1], &[0.7]);
        let norm = 0.59_f64.sqrt();
        for max_norm in [1.0, norm * (1.0 + 1e-12)] {
            let mut gradients = kept.clone();
            assert!((clip_by_global_norm(&mut gradients, max_norm).unwrap() - norm).abs() < 1e-15);
            assert_eq!(gradients, kept);
        }
        let mut zeros = tensors(&[0.0], &[]);
        assert_eq!(clip_by_global_norm(&mut zeros, 1.0), Ok(0.0));
        assert_eq!(clip_by_global_norm::<f64>(&mut [], 1.0), Ok(0.0));
    }

    #[test]
    fn long_gradients_get_the_norm_asked_for_and_keep_their_direction() {
        for size in [1.0, 1e-3, 1e200, 1e-200, 1e-300] {
            let mut gradients = tensors(&[3.0 * size, 0.0], &[-4.0 * size]);
            let norm = clip_by_global_norm(&mut gradients, size).unwrap();
            assert!((norm / size - 5.0).abs() < 1e-14, "{size}");
            let entries = [gradients[0].as_slice()[0], gradients[1].as_slice()[0]].map(|x| x / size);
            assert!((entries[0] - 0.6).abs() < 1e-14 && (entries[1] + 0.8).abs() < 1e-14, "{entries:?}");
        }
        let mut single = [Tensor::from_vec([2], vec![3e38_f32, 3e38]).unwrap()];
        clip_by_global_norm(&mut single, 1.0).unwrap();
        assert!((single[0].norm() - 1.0).abs() < 1e-6);
        let mut tiny = tensors(&[4e-310], &[]);
        clip_by_global_norm(&mut tiny, 1e-310).unwrap();
        assert!((tiny[0].as_slice()[0] / 1e-310 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn clamping_leaves_what_is_within() {
        let mut parameters = tensors(&[-1.0, 1.0, 0.5], &[1.0000001, f64::NEG_INFINITY, f64::NAN]);
        clamp_parameters(&mut parameters, 1.0).unwrap();
        assert_eq!(parameters[0].as_slice(), &[-1.0, 1.0, 0.5]);
        assert_eq!(parameters[1].as_slice()[..2], [1.0, -1.0]);
        assert!(parameters[1].as_slice()[2].is_nan());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let clip = clip_by_global_norm(&mut tensors(&[1.0], &[1.0]), bad).unwrap_err();
            assert!(matches!(clip, SnnError::Parameter { parameter: "maximal gradient norm", .. }));
            let clamp = clamp_parameters(&mut tensors(&[1.0], &[1.0]), bad).unwrap_err();
            assert!(matches!(clamp, SnnError::Parameter { parameter: "parameter limit", .. }));
        }
        let mut broken = tensors(&[9.0], &[1.0, f64::INFINITY]);
        let error = clip_by_global_norm(&mut broken, 1.0).unwrap_err();
        assert_eq!(error, SnnError::NonFiniteGradient { parameter: 1 });
        assert_eq!(broken[0].as_slice(), &[9.0]);
    }
}
