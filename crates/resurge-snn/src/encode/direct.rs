//! Direct coding.

use crate::{Result, SnnError};
use resurge_tensor::{Scalar, Tensor};

/// Direct coding: the same values, `[B, ...]`, as the input current of each of `steps` steps, `[T, B, ...]`. The
/// first layer turns them into spikes.
///
/// # Errors
/// [`SnnError::NonFinite`] for a value that is not finite, a shape error for more elements than can be
/// addressed.
///
/// ```
/// use resurge_snn::direct;
/// use resurge_tensor::Tensor;
///
/// let image = Tensor::from_vec([1, 2], vec![0.25, -1.0])?;
/// let current = direct::<f32>(&image, 3)?;
/// assert_eq!(current.shape(), &[3, 1, 2].into());
/// assert_eq!(current.as_slice(), &[0.25, -1.0, 0.25, -1.0, 0.25, -1.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn direct<S: Scalar>(values: &Tensor<f64>, steps: usize) -> Result<Tensor<S>> {
    if !values.is_finite() {
        return Err(SnnError::NonFinite { what: "direct encoder" });
    }
    let mut shape = vec![steps];
    shape.extend_from_slice(values.shape());
    Ok(Tensor::from_fn(&shape[..], |i| S::from_f64(values.as_slice()[i % values.len()]))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_errors() {
        let values = Tensor::from_vec([2], vec![1.0, 2.0]).unwrap();
        assert_eq!(direct::<f64>(&values, 0).unwrap().shape(), &[0, 2].into());
        assert_eq!(direct::<f64>(&Tensor::zeros([0, 3]).unwrap(), 2).unwrap().shape(), &[2, 0, 3].into());
        assert_eq!(direct::<f64>(&Tensor::scalar(5.0), 2).unwrap().as_slice(), &[5.0, 5.0]);
        let broken = Tensor::from_vec([2], vec![1.0, f64::NAN]).unwrap();
        assert_eq!(direct::<f64>(&broken, 2), Err(SnnError::NonFinite { what: "direct encoder" }));
    }
}
