//! Stochastic gradient descent.

use super::{Optimiser, check_gradients, check_learning_rate, check_state, check_weight_decay, start};
use crate::Result;
use crate::error::check;
use resurge_tensor::{Scalar, Tensor};

/// Gradient descent, with momentum, Nesterov's look-ahead and weight decay where asked for.
///
/// With gradient `g`, parameter `w`, learning rate `r`, momentum `m` and weight decay `d`:
///
/// `g' = g + d w`, `v = m v + g'`, `w = w - r v`, or with Nesterov `w = w - r (g' + m v)`
///
/// which is PyTorch's form (no dampening): the learning rate multiplies the velocity when it is used, not when it
/// is accumulated.
///
/// ```
/// use resurge_snn::{Optimiser, Sgd};
/// use resurge_tensor::Tensor;
///
/// let mut sgd = Sgd::new(0.5)?.with_momentum(0.5)?;
/// let mut w = [Tensor::scalar(1.0)];
/// sgd.step(&mut w, &[Tensor::scalar(1.0)])?; // v = 1
/// assert_eq!(w[0].item(), Some(0.5));
/// sgd.step(&mut w, &[Tensor::scalar(1.0)])?; // v = 1.5
/// assert_eq!(w[0].item(), Some(-0.25));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sgd<S> {
    learning_rate: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
    velocity: Vec<Tensor<S>>,
}

impl<S: Scalar> Sgd<S> {
    /// Plain gradient descent.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the learning rate is positive and finite.
    ///
    /// ```
    /// use resurge_snn::{Optimiser, Sgd};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut sgd = Sgd::new(0.5)?;
    /// let mut w = [Tensor::scalar(1.0)];
    /// sgd.step(&mut w, &[Tensor::scalar(2.0)])?;
    /// assert_eq!(w[0].item(), Some(0.0));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn new(learning_rate: f64) -> Result<Self> {
        let learning_rate = check_learning_rate(learning_rate)?;
        Ok(Self { learning_rate, momentum: 0.0, nesterov: false, weight_decay: 0.0, velocity: Vec::new() })
    }

    /// The same with momentum.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is at least 0 and less than 1.
    ///
    /// ```
    /// use resurge_snn::Sgd;
    ///
    /// assert!(Sgd::<f64>::new(0.5)?.with_momentum(1.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_momentum(self, momentum: f64) -> Result<Self> {
        check("momentum", momentum, "at least 0 and less than 1", (0.0..1.0).contains(&momentum))?;
        Ok(Self { momentum, ..self })
    }

    /// The same with Nesterov's look-ahead, which without momentum changes nothing.
    ///
    /// ```
    /// use resurge_snn::{Optimiser, Sgd};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut sgd = Sgd::new(0.5)?.with_momentum(0.5)?.with_nesterov();
    /// let mut w = [Tensor::scalar(1.0)];
    /// sgd.step(&mut w, &[Tensor::scalar(1.0)])?;
    /// assert_eq!(w[0].item(), Some(0.25)); // 1 - 0.5 (1 + 0.5)
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_nesterov(self) -> Self {
        Self { nesterov: true, ..self }
    }

    /// The same with a weight decay that is added to the gradient, `d w`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is at least 0 and finite.
    ///
    /// ```
    /// use resurge_snn::{Optimiser, Sgd};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut sgd = Sgd::new(0.5)?.with_weight_decay(1.0)?;
    /// let mut w = [Tensor::scalar(1.0)];
    /// sgd.step(&mut w, &[Tensor::scalar(0.0)])?;
    /// assert_eq!(w[0].item(), Some(0.5));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_weight_decay(self, weight_decay: f64) -> Result<Self> {
        Ok(Self { weight_decay: check_weight_decay(weight_decay)?, ..self })
    }

    /// The state: the velocity of each parameter; none before the first step and without momentum.
    ///
    /// ```
    /// use resurge_snn::{Optimiser, Sgd};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut sgd = Sgd::new(0.5)?.with_momentum(0.9)?;
    /// sgd.step(&mut [Tensor::scalar(1.0)], &[Tensor::scalar(2.0)])?;
    /// assert_eq!(sgd.velocity()[0].item(), Some(2.0));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn velocity(&self) -> &[Tensor<S>] {
        &self.velocity
    }

    /// The same with a given state, for example from a checkpoint.
    ///
    /// ```
    /// use resurge_snn::Sgd;
    /// use resurge_tensor::Tensor;
    ///
    /// let sgd = Sgd::new(0.5)?.with_momentum(0.9)?.with_velocity(vec![Tensor::scalar(2.0)]);
    /// assert_eq!(sgd.velocity().len(), 1);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_velocity(self, velocity: Vec<Tensor<S>>) -> Self {
        Self { velocity, ..self }
    }
}

impl<S: Scalar> Optimiser<S> for Sgd<S> {
    fn step(&mut self, parameters: &mut [Tensor<S>], gradients: &[Tensor<S>]) -> Result<()> {
        check_gradients(parameters, gradients)?;
        let (rate, decay) = (S::from_f64(self.learning_rate), S::from_f64(self.weight_decay));
        if self.momentum == 0.0 {
            for (parameter, gradient) in parameters.iter_mut().zip(gradients) {
                for (w, &g) in parameter.as_mut_slice().iter_mut().zip(gradient.as_slice()) {
                    *w = *w - rate * (g + decay * *w);
                }
            }
            return Ok(());
        }
        check_state(&self.velocity, parameters)?;
        start(&mut self.velocity, parameters);
        let momentum = S::from_f64(self.momentum);
        for ((parameter, gradient), velocity) in parameters.iter_mut().zip(gradients).zip(&mut self.velocity)
        {
            let values = parameter.as_mut_slice().iter_mut().zip(gradient.as_slice());
            for ((w, &g), v) in values.zip(velocity.as_mut_slice()) {
                let g = g + decay * *w;
                *v = momentum * *v + g;
                let direction = if self.nesterov { g + momentum * *v } else { *v };
                *w = *w - rate * direction;
            }
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.learning_rate = check_learning_rate(rate)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;

    /// The parameter after each of some gradients, from 1.
    fn trajectory(mut sgd: Sgd<f64>, gradients: &[f64]) -> Vec<f64> {
        let mut w = [Tensor::scalar(1.0)];
        let mut step = |&g: &f64| {
            sgd.step(&mut w, &[Tensor::scalar(g)]).unwrap();
            w[0].item().unwrap()
        };
        gradients.iter().map(&mut step).collect()
    }

    /// All numbers are binary fractions, so the expected values are exact.
    #[test]
    fn trajectories_by_hand() {
        let plain = || Sgd::new(0.5).unwrap();
        assert_eq!(trajectory(plain(), &[1.0, -2.0, 0.5]), [0.5, 1.5, 1.25]);
        // v = 1, -1.5, -0.25.
        let momentum = || plain().with_momentum(0.5).unwrap();
        assert_eq!(trajectory(momentum(), &[1.0, -2.0, 0.5]), [0.5, 1.25, 1.375]);
        // g + v/2 = 1.5, -2.75, 0.375.
        assert_eq!(trajectory(momentum().with_nesterov(), &[1.0, -2.0, 0.5]), [0.25, 1.625, 1.4375]);
        // g' = 1.25, -2 + 0.375/4 = -1.90625.
        let decay = plain().with_weight_decay(0.25).unwrap();
        assert_eq!(trajectory(decay, &[1.0, -2.0]), [0.375, 1.328125]);
        // g' = 1.25, v = 1.25; w = 0.375; g' = -1.90625, v = -1.28125.
        let both = momentum().with_weight_decay(0.25).unwrap();
        assert_eq!(trajectory(both, &[1.0, -2.0]), [0.375, 1.015625]);
        assert_eq!(trajectory(plain().with_nesterov(), &[1.0]), [0.5]);
    }

    /// On 0.5 k w^2 momentum is a linear recurrence: w[n+1] = (1 + m - r k) w[n] - m w[n-1].
    #[test]
    fn on_a_quadratic_momentum_follows_its_recurrence() {
        let (r, m, k) = (0.1, 0.9, 2.0);
        let mut sgd = Sgd::new(r).unwrap().with_momentum(m).unwrap();
        let mut w = [Tensor::scalar(1.0)];
        let (mut previous, mut current): (f64, f64) = (1.0, 1.0);
        for n in 0..100 {
            let gradient = [w[0].scale(k)];
            sgd.step(&mut w, &gradient).unwrap();
            (previous, current) = (current, (1.0 + m - r * k) * current - m * previous);
            assert!((w[0].item().unwrap() - current).abs() < 1e-13, "step {n}");
        }
        assert!(current.abs() < 0.01 && previous.abs() < 0.01, "it converges");
    }

    #[test]
    fn a_restored_state_continues_the_run() {
        let make = || Sgd::<f32>::new(0.5).unwrap().with_momentum(0.5).unwrap();
        let (mut sgd, mut w) = (make(), [Tensor::scalar(1.0)]);
        assert!(sgd.velocity().is_empty());
        sgd.step(&mut w, &[Tensor::scalar(1.0)]).unwrap();
        let (mut restored, mut same) = (make().with_velocity(sgd.velocity().to_vec()), w.clone());
        sgd.step(&mut w, &[Tensor::scalar(1.0)]).unwrap();
        restored.step(&mut same, &[Tensor::scalar(1.0)]).unwrap();
        assert_eq!((sgd, w), (restored, same));
    }

    #[test]
    fn bad_parameters_are_named() {
        let named = |result: Result<Sgd<f64>>| match result {
            Err(SnnError::Parameter { parameter, .. }) => parameter,
            other => panic!("{other:?}"),
        };
        let sgd = || Sgd::new(0.1).unwrap();
        assert_eq!(named(Sgd::new(0.0)), "learning rate");
        assert_eq!(named(Sgd::new(f64::NAN)), "learning rate");
        assert_eq!(named(sgd().with_momentum(1.0)), "momentum");
        assert_eq!(named(sgd().with_weight_decay(-0.1)), "weight decay");
    }
}
