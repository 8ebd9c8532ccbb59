//! Optimisers, gradient clipping and learning-rate schedules.

mod adam;
mod clip;
mod schedule;
mod sgd;

pub use adam::{Adam, AdamW, Moments};
pub use clip::{clamp_parameters, clip_by_global_norm};
pub use schedule::Schedule;
pub use sgd::Sgd;

use crate::error::check;
use crate::{Result, SnnError};
use resurge_tensor::{Scalar, Tensor};

/// A rule that moves parameters along their gradients. Meant for `f32` and `f64`.
///
/// ```
/// use resurge_snn::{Optimiser, Schedule, Sgd};
/// use resurge_tensor::Tensor;
///
/// let schedule = Schedule::Exponential { rate: 0.4, factor: 0.95 };
/// let mut sgd = Sgd::new(schedule.at(0))?;
/// let mut w = [Tensor::from_vec([2], vec![3.0, -1.0])?];
/// for step in 0..40 {
///     sgd.set_learning_rate(schedule.at(step))?;
///     let gradient = [w[0].clone()]; // of 0.5 |w|^2
///     sgd.step(&mut w, &gradient)?;
/// }
/// assert!(w[0].norm() < 0.01);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub trait Optimiser<S: Scalar> {
    /// Moves each parameter along its gradient, in place. On an error nothing has changed.
    ///
    /// # Errors
    /// [`SnnError::GradientCount`], [`SnnError::GradientShape`] and [`SnnError::NonFiniteGradient`] where the
    /// gradients do not fit or are not finite, [`SnnError::OptimiserState`] when the state was made for other
    /// parameters.
    fn step(&mut self, parameters: &mut [Tensor<S>], gradients: &[Tensor<S>]) -> Result<()>;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate, for example to what a [`Schedule`] says.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless it is positive and finite.
    fn set_learning_rate(&mut self, rate: f64) -> Result<()>;
}

fn check_learning_rate(rate: f64) -> Result<f64> {
    check("learning rate", rate, "positive and finite", rate > 0.0)
}

fn check_weight_decay(decay: f64) -> Result<f64> {
    check("weight decay", decay, "at least 0 and finite", decay >= 0.0)
}

/// Checks that there is one finite gradient of the right shape for each parameter.
fn check_gradients<S: Scalar>(parameters: &[Tensor<S>], gradients: &[Tensor<S>]) -> Result<()> {
    if parameters.len() != gradients.len() {
        let (parameters, gradients) = (parameters.len(), gradients.len());
        return Err(SnnError::GradientCount { parameters, gradients });
    }
    for (parameter, (value, gradient)) in parameters.iter().zip(gradients).enumerate() {
        if value.shape() != gradient.shape() {
            let (expected, actual) = (value.shape().clone(), gradient.shape().clone());
            return Err(SnnError::GradientShape { parameter, expected, actual });
        }
        if !gradient.is_finite() {
            return Err(SnnError::NonFiniteGradient { parameter });
        }
    }
    Ok(())
}

/// Checks that a state is that of the parameters, or that there is none yet.
fn check_state<S: Scalar>(state: &[Tensor<S>], parameters: &[Tensor<S>]) -> Result<()> {
    let shapes = |tensors: &[Tensor<S>]| tensors.iter().map(|t| t.shape().clone()).collect::<Vec<_>>();
    if state.is_empty() || shapes(state) == shapes(parameters) {
        Ok(())
    } else {
        Err(SnnError::OptimiserState)
    }
}

/// Makes a state of zeros where there is none yet.
fn start<S: Scalar>(state: &mut Vec<Tensor<S>>, parameters: &[Tensor<S>]) {
    if state.is_empty() {
        state.extend(parameters.iter().map(|parameter| parameter.map(|_| S::zero())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every optimiser refuses what does not fit, and changes neither the parameters nor its own state.
    fn check_errors<O: Optimiser<f64> + Clone + PartialEq + std::fmt::Debug>(mut optimiser: O) {
        let tensor = |values: &[f64]| Tensor::from_vec([values.len()], values.to_vec()).unwrap();
        let mut parameters = [tensor(&[1.0, 2.0]), tensor(&[3.0])];
        let good = [tensor(&[0.1, 0.2]), tensor(&[0.3])];
        optimiser.step(&mut parameters, &good).unwrap();
        let (before, kept) = (optimiser.clone(), parameters.clone());
        let mut error = |gradients: &[Tensor<f64>]| {
            let error = optimiser.step(&mut parameters, gradients).unwrap_err();
            assert_eq!((&optimiser, &parameters), (&before, &kept), "{error}");
            error
        };
        assert_eq!(error(&good[..1]), SnnError::GradientCount { parameters: 2, gradients: 1 });
        let shape = error(&[tensor(&[0.1, 0.2]), tensor(&[0.3, 0.4])]);
        assert_eq!(shape.to_string(), "parameter 1 has shape [1], but its gradient has shape [2]");
        for bad in [f64::NAN, f64::INFINITY] {
            let error = error(&[tensor(&[0.1, 0.2]), tensor(&[bad])]);
            assert_eq!(error, SnnError::NonFiniteGradient { parameter: 1 });
        }

        for (mut other, gradients) in
            [(vec![tensor(&[1.0])], vec![tensor(&[1.0])]), (vec![tensor(&[1.0]); 2], vec![tensor(&[1.0]); 2])]
        {
            assert_eq!(optimiser.step(&mut other, &gradients), Err(SnnError::OptimiserState));
            assert_eq!(other[0].as_slice(), &[1.0]);
        }
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = optimiser.set_learning_rate(rate).unwrap_err();
            assert!(matches!(error, SnnError::Parameter { parameter: "learning rate", .. }));
        }
        assert_eq!(optimiser, before);
        optimiser.set_learning_rate(0.125).unwrap();
        assert_eq!(optimiser.learning_rate(), 0.125);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_changes() {
        check_errors(Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap());
        check_errors(Adam::new(0.1).unwrap());
        check_errors(AdamW::new(0.1, 0.01).unwrap());
    }

    #[test]
    fn parameters_of_no_elements_and_none_at_all() {
        let empty = Tensor::<f32>::zeros([0]).unwrap();
        let mut adam = Adam::new(0.1).unwrap();
        adam.step(&mut [empty.clone()], &[empty]).unwrap();
        Sgd::<f32>::new(0.1).unwrap().step(&mut [], &[]).unwrap();
    }
}
