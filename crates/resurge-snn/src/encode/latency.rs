//! Latency (time-to-first-spike) coding.

use super::check_intensities;
use crate::Result;
use crate::error::check;
use resurge_tensor::{Scalar, Tensor};

/// When an input of intensity `x`, in `0..=1`, spikes in a sequence of `T` steps. The time is rounded to the
/// nearest step, halves up.
///
/// ```
/// use resurge_snn::{Latency, latency};
/// use resurge_tensor::Tensor;
///
/// let brightest: Tensor<f64> = latency(&Tensor::from_vec([1], vec![1.0])?, 4, Latency::Linear)?;
/// assert_eq!(brightest.as_slice(), &[1.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Latency {
    /// `t = (T - 1) (1 - x)`: 1 spikes in the first step, 0 in the last. SpikingJelly's `linear`.
    Linear,
    /// `t = (T - 1) - ln(1 + x (e^(T-1) - 1))`: 1 spikes in the first step, 0 in the last, and the others early.
    /// SpikingJelly's `log`.
    Logarithmic,
    /// `t = tau ln(x / (x - theta))`, in steps: when a leaky membrane of time constant `tau`, charged from rest by a
    /// constant `x`, reaches `theta`. An input that never does, `x <= theta`, or not within `T` steps, is
    /// silent. The formula is that of snnTorch's logarithmic code, which lets silent inputs spike late instead.
    Charging {
        /// The membrane time constant, in steps.
        tau: f64,
        /// The threshold, in units of the intensity.
        theta: f64,
    },
}

impl Latency {
    /// [`Latency::Charging`] with the time constant `tau` in steps and the threshold `theta`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless both are positive and finite.
    ///
    /// ```
    /// use resurge_snn::Latency;
    ///
    /// assert!(Latency::charging(5.0, 0.01).is_ok());
    /// assert!(Latency::charging(-1.0, 0.01).is_err());
    /// ```
    pub fn charging(tau: f64, theta: f64) -> Result<Self> {
        check("latency time constant", tau, "positive and finite", tau > 0.0)?;
        check("latency threshold", theta, "positive and finite", theta > 0.0)?;
        Ok(Self::Charging { tau, theta })
    }

    /// The step in which an intensity spikes.
    fn step(self, x: f64, steps: usize) -> Option<usize> {
        let last = steps.checked_sub(1)?;
        let end = last as f64;
        let time = match self {
            Self::Linear => end * (1.0 - x),
            // The same as in the documentation, without its overflow for long sequences; the exponential may
            // vanish there instead, which an intensity of 0 feels.
            Self::Logarithmic => (-(x + (1.0 - x) * (-end).exp()).ln()).min(end),
            Self::Charging { tau, theta } if x > theta => tau * (x / (x - theta)).ln(),
            Self::Charging { .. } => return None,
        };
        // A float beyond the range of the integer is cast to its largest value; rounding of the logarithm may
        // give a time just below 0, which is cast to 0.
        let step = time.round() as usize;
        (step <= last).then_some(step)
    }
}

/// Latency coding: each input spikes once, the earlier the more intense it is; see [`Latency`] for when.
///
/// Intensities `[B, ...]` in `0..=1` become spikes `[T, B, ...]` of 0 and 1.
///
/// # Errors
/// [`SnnError::Parameter`](crate::SnnError::Parameter) for an intensity outside `0..=1` or parameters of
/// [`Latency::Charging`] that are not positive and finite.
///
/// ```
/// use resurge_snn::{Latency, latency};
/// use resurge_tensor::Tensor;
///
/// let intensities = Tensor::from_vec([1, 3], vec![1.0, 0.5, 0.0])?;
/// let spikes = latency::<f64>(&intensities, 3, Latency::Linear)?; // [T, B, N]
/// assert_eq!(spikes.as_slice(), &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn latency<S: Scalar>(intensities: &Tensor<f64>, steps: usize, code: Latency) -> Result<Tensor<S>> {
    check_intensities(intensities)?;
    if let Latency::Charging { tau, theta } = code {
        Latency::charging(tau, theta)?;
    }
    let mut shape = vec![steps];
    shape.extend_from_slice(intensities.shape());
    let mut spikes = Tensor::zeros(&shape[..])?;
    let (width, values) = (intensities.len(), spikes.as_mut_slice());
    for (i, &x) in intensities.as_slice().iter().enumerate() {
        if let Some(step) = code.step(x, steps) {
            values[step * width + i] = S::one();
        }
    }
    Ok(spikes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;

    /// The step in which each intensity spikes, if it does.
    fn steps(intensities: &[f64], steps: usize, code: Latency) -> Vec<Option<usize>> {
        let x = Tensor::from_vec([intensities.len()], intensities.to_vec()).unwrap();
        let spikes = latency::<f64>(&x, steps, code).unwrap();
        let of = |n: usize| {
            let fired: Vec<usize> = (0..steps).filter(|&t| spikes.get(&[t, n]) == Some(1.0)).collect();
            assert!(fired.len() <= 1, "an input spikes at most once");
            fired.first().copied()
        };
        (0..intensities.len()).map(of).collect()
    }

    #[test]
    fn linear_times_by_hand() {
        let expected = [0, 1, 3, 6, 10].map(Some);
        assert_eq!(steps(&[1.0, 0.9, 0.75, 0.42, 0.0], 11, Latency::Linear), expected);
    }

    #[test]
    fn logarithmic_times_follow_the_documented_formula() {
        let alpha = 9.0_f64.exp() - 1.0;
        let x: Vec<f64> = (0..=40).map(|i| f64::from(i) / 40.0).collect();
        let expected: Vec<_> =
            x.iter().map(|x| Some((9.0 - (alpha * x + 1.0).ln()).round() as usize)).collect();
        assert_eq!(steps(&x, 10, Latency::Logarithmic), expected);
        // The formula as written would overflow here.
        assert_eq!(steps(&[1.0, 0.5, 0.0], 2000, Latency::Logarithmic), [Some(0), Some(1), Some(1999)]);
    }

    #[test]
    fn charging_times_are_those_of_the_membrane() {
        let code = Latency::charging(10.0, 0.2).unwrap();
        // 10 ln(1/0.8) = 2.23, 10 ln(0.5/0.3) = 5.11, 10 ln(0.21/0.01) = 30.4: beyond the end.
        assert_eq!(steps(&[1.0, 0.5, 0.21, 0.2, 0.0], 20, code), [Some(2), Some(5), None, None, None]);
        assert_eq!(steps(&[0.21], 31, code), [Some(30)]);
    }

    #[test]
    fn edges_and_errors() {
        for code in [Latency::Linear, Latency::Logarithmic] {
            assert_eq!(steps(&[0.0, 0.3, 1.0], 1, code), [Some(0); 3]);
            assert!(latency::<f64>(&Tensor::scalar(0.5), 0, code).unwrap().is_empty());
            for x in [-0.1, 1.1, f64::NAN] {
                let error = latency::<f64>(&Tensor::scalar(x), 5, code).unwrap_err();
                assert!(matches!(error, SnnError::Parameter { parameter: "intensity", .. }));
            }
        }
        for (tau, theta, name) in [
            (0.0, 1.0, "latency time constant"),
            (f64::NAN, 1.0, "latency time constant"),
            (1.0, 0.0, "latency threshold"),
            (1.0, f64::INFINITY, "latency threshold"),
        ] {
            let by_name = Latency::charging(tau, theta).map(|_| ());
            let by_hand =
                latency::<f64>(&Tensor::scalar(0.5), 5, Latency::Charging { tau, theta }).map(|_| ());
            for error in [by_name.unwrap_err(), by_hand.unwrap_err()] {
                assert!(matches!(error, SnnError::Parameter { parameter, .. } if parameter == name));
            }
        }
    }
}
