//! Adam and AdamW.

use super::{Optimiser, check_gradients, check_learning_rate, check_state, check_weight_decay, start};
use crate::Result;
use crate::error::check;
use resurge_tensor::{Scalar, Tensor};

/// The state of [`Adam`] and [`AdamW`].
///
/// ```
/// use resurge_snn::{Adam, Moments};
///
/// let adam = Adam::<f64>::new(0.1)?;
/// assert_eq!(adam.moments(), &Moments::default());
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Moments<S> {
    /// How many steps were taken.
    pub steps: u64,
    /// The decaying mean of each parameter's gradient; none before the first step.
    pub first: Vec<Tensor<S>>,
    /// The decaying mean of its square.
    pub second: Vec<Tensor<S>>,
}

impl<S> Default for Moments<S> {
    fn default() -> Self {
        Self { steps: 0, first: Vec::new(), second: Vec::new() }
    }
}

/// Adam (Kingma and Ba 2015). In step `t`, counted from 1, with gradient `g` and learning rate `r`:
///
/// `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`,
/// `w = w - r (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)`
///
/// A weight decay `d` is added to the gradient, `g + d w`, and so scaled with it; see [`AdamW`] for the decoupled
/// one. Defaults: `b1 = 0.9`, `b2 = 0.999`, `epsilon = 1e-8`.
///
/// ```
/// use resurge_snn::{Adam, Optimiser};
/// use resurge_tensor::Tensor;
///
/// let mut adam = Adam::new(0.1)?;
/// let mut w = [Tensor::from_vec([2], vec![1.0_f64, 1.0])?];
/// adam.step(&mut w, &[Tensor::from_vec([2], vec![1e-3, -1e3])?])?;
/// // The first step is the learning rate long, whatever the gradient's size.
/// assert!((w[0].as_slice()[0] - 0.9).abs() < 1e-5 && (w[0].as_slice()[1] - 1.1).abs() < 1e-5);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Adam<S> {
    learning_rate: f64,
    betas: (f64, f64),
    epsilon: f64,
    weight_decay: f64,
    moments: Moments<S>,
}

impl<S: Scalar> Adam<S> {
    /// Adam with the defaults.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the learning rate is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Adam;
    ///
    /// assert_eq!(Adam::<f64>::new(0.1)?.moments().steps, 0);
    /// assert!(Adam::<f64>::new(-0.1).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn new(learning_rate: f64) -> Result<Self> {
        let learning_rate = check_learning_rate(learning_rate)?;
        let (betas, epsilon) = ((0.9, 0.999), 1e-8);
        Ok(Self { learning_rate, betas, epsilon, weight_decay: 0.0, moments: Moments::default() })
    }

    /// The same with other decays of the moments.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless both are at least 0 and less than 1.
    ///
    /// ```
    /// use resurge_snn::Adam;
    ///
    /// assert!(Adam::<f64>::new(0.1)?.with_betas(0.5, 0.9).is_ok());
    /// assert!(Adam::<f64>::new(0.1)?.with_betas(1.0, 0.9).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_betas(self, first: f64, second: f64) -> Result<Self> {
        check("first beta", first, "at least 0 and less than 1", (0.0..1.0).contains(&first))?;
        check("second beta", second, "at least 0 and less than 1", (0.0..1.0).contains(&second))?;
        Ok(Self { betas: (first, second), ..self })
    }

    /// The same with another epsilon, which is added to the root.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Adam;
    ///
    /// assert!(Adam::<f64>::new(0.1)?.with_epsilon(1e-6).is_ok());
    /// assert!(Adam::<f64>::new(0.1)?.with_epsilon(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self> {
        Ok(Self { epsilon: check("epsilon", epsilon, "positive and finite", epsilon > 0.0)?, ..self })
    }

    /// The same with a weight decay that is added to the gradient.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it is at least 0 and finite.
    ///
    /// ```
    /// use resurge_snn::Adam;
    ///
    /// assert!(Adam::<f64>::new(0.1)?.with_weight_decay(0.01).is_ok());
    /// assert!(Adam::<f64>::new(0.1)?.with_weight_decay(-0.01).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_weight_decay(self, weight_decay: f64) -> Result<Self> {
        Ok(Self { weight_decay: check_weight_decay(weight_decay)?, ..self })
    }

    /// The state.
    ///
    /// ```
    /// use resurge_snn::{Adam, Optimiser};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut optimiser = Adam::<f64>::new(0.1)?;
    /// optimiser.step(&mut [Tensor::scalar(1.0)], &[Tensor::scalar(2.0)])?;
    /// assert_eq!(optimiser.moments().steps, 1);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn moments(&self) -> &Moments<S> {
        &self.moments
    }

    /// The same with a given state, for example from a checkpoint.
    ///
    /// ```
    /// use resurge_snn::{Adam, Optimiser};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut optimiser = Adam::<f64>::new(0.1)?;
    /// optimiser.step(&mut [Tensor::scalar(1.0)], &[Tensor::scalar(2.0)])?;
    /// let resumed = Adam::<f64>::new(0.1)?.with_moments(optimiser.moments().clone());
    /// assert_eq!(resumed, optimiser);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_moments(self, moments: Moments<S>) -> Self {
        Self { moments, ..self }
    }

    /// Does all that may fail, so that nothing has changed when it does.
    fn prepare(&mut self, parameters: &[Tensor<S>], gradients: &[Tensor<S>]) -> Result<()> {
        check_gradients(parameters, gradients)?;
        check_state(&self.moments.first, parameters)?;
        check_state(&self.moments.second, parameters)?;
        start(&mut self.moments.first, parameters);
        start(&mut self.moments.second, parameters);
        Ok(())
    }

    fn advance(&mut self, parameters: &mut [Tensor<S>], gradients: &[Tensor<S>]) {
        self.moments.steps += 1;
        let (b1, b2) = self.betas;
        let correction = |beta: f64| 1.0 - beta.powf(self.moments.steps as f64);
        let rate = S::from_f64(self.learning_rate / correction(b1));
        let root_correction = S::from_f64(correction(b2).sqrt());
        let (epsilon, decay) = (S::from_f64(self.epsilon), S::from_f64(self.weight_decay));
        let (keep1, add1) = (S::from_f64(b1), S::from_f64(1.0 - b1));
        let (keep2, add2) = (S::from_f64(b2), S::from_f64(1.0 - b2));
        let moments = self.moments.first.iter_mut().zip(&mut self.moments.second);
        for ((parameter, gradient), (first, second)) in parameters.iter_mut().zip(gradients).zip(moments) {
            let values = parameter.as_mut_slice().iter_mut().zip(gradient.as_slice());
            let moments = first.as_mut_slice().iter_mut().zip(second.as_mut_slice());
            for ((w, &g), (m, v)) in values.zip(moments) {
                let g = g + decay * *w;
                *m = keep1 * *m + add1 * g;
                *v = keep2 * *v + add2 * g * g;
                *w = *w - rate * *m / (v.sqrt() / root_correction + epsilon);
            }
        }
    }
}

impl<S: Scalar> Optimiser<S> for Adam<S> {
    fn step(&mut self, parameters: &mut [Tensor<S>], gradients: &[Tensor<S>]) -> Result<()> {
        self.prepare(parameters, gradients)?;
        self.advance(parameters, gradients);
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

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): before each of [`Adam`]'s steps the parameters are
/// multiplied by `1 - r d`, learning rate times weight decay, and the moments see the bare gradient.
///
/// ```
/// use resurge_snn::{AdamW, Optimiser};
/// use resurge_tensor::Tensor;
///
/// let mut adamw = AdamW::new(0.5, 0.5)?;
/// let mut w = [Tensor::scalar(1.0)];
/// adamw.step(&mut w, &[Tensor::scalar(0.0)])?; // no gradient: only the decay acts
/// assert_eq!(w[0].item(), Some(0.75));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW<S> {
    adam: Adam<S>,
    weight_decay: f64,
}

impl<S: Scalar> AdamW<S> {
    /// AdamW with Adam's defaults.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the learning rate is positive and finite and
    /// the weight decay at least 0 and finite.
    ///
    /// ```
    /// use resurge_snn::AdamW;
    ///
    /// assert_eq!(AdamW::<f64>::new(0.1, 0.01)?.moments().steps, 0);
    /// assert!(AdamW::<f64>::new(0.1, -0.01).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn new(learning_rate: f64, weight_decay: f64) -> Result<Self> {
        Ok(Self { adam: Adam::new(learning_rate)?, weight_decay: check_weight_decay(weight_decay)? })
    }

    /// The same with other decays of the moments.
    ///
    /// # Errors
    /// As [`Adam::with_betas`].
    ///
    /// ```
    /// use resurge_snn::AdamW;
    ///
    /// assert!(AdamW::<f64>::new(0.1, 0.01)?.with_betas(0.5, 0.9).is_ok());
    /// assert!(AdamW::<f64>::new(0.1, 0.01)?.with_betas(1.0, 0.9).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_betas(self, first: f64, second: f64) -> Result<Self> {
        Ok(Self { adam: self.adam.with_betas(first, second)?, ..self })
    }

    /// The same with another epsilon, which is added to the root.
    ///
    /// # Errors
    /// As [`Adam::with_epsilon`].
    ///
    /// ```
    /// use resurge_snn::AdamW;
    ///
    /// assert!(AdamW::<f64>::new(0.1, 0.01)?.with_epsilon(1e-6).is_ok());
    /// assert!(AdamW::<f64>::new(0.1, 0.01)?.with_epsilon(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_epsilon(self, epsilon: f64) -> Result<Self> {
        Ok(Self { adam: self.adam.with_epsilon(epsilon)?, ..self })
    }

    /// The state.
    ///
    /// ```
    /// use resurge_snn::{AdamW, Optimiser};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut optimiser = AdamW::<f64>::new(0.1, 0.01)?;
    /// optimiser.step(&mut [Tensor::scalar(1.0)], &[Tensor::scalar(2.0)])?;
    /// assert_eq!(optimiser.moments().steps, 1);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn moments(&self) -> &Moments<S> {
        self.adam.moments()
    }

    /// The same with a given state, for example from a checkpoint.
    ///
    /// ```
    /// use resurge_snn::{AdamW, Optimiser};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut optimiser = AdamW::<f64>::new(0.1, 0.01)?;
    /// optimiser.step(&mut [Tensor::scalar(1.0)], &[Tensor::scalar(2.0)])?;
    /// let resumed = AdamW::<f64>::new(0.1, 0.01)?.with_moments(optimiser.moments().clone());
    /// assert_eq!(resumed, optimiser);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_moments(self, moments: Moments<S>) -> Self {
        Self { adam: self.adam.with_moments(moments), ..self }
    }
}

impl<S: Scalar> Optimiser<S> for AdamW<S> {
    fn step(&mut self, parameters: &mut [Tensor<S>], gradients: &[Tensor<S>]) -> Result<()> {
        self.adam.prepare(parameters, gradients)?;
        let kept = S::from_f64(1.0 - self.adam.learning_rate * self.weight_decay);
        for parameter in parameters.iter_mut() {
            for w in parameter.as_mut_slice() {
                *w = *w * kept;
            }
        }
        self.adam.advance(parameters, gradients);
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.adam.learning_rate
    }

    fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.adam.set_learning_rate(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;
    use approx::assert_relative_eq;

    fn trajectory(mut optimiser: impl Optimiser<f64>, gradients: &[f64]) -> Vec<f64> {
        let mut w = [Tensor::scalar(1.0)];
        let mut step = |&g: &f64| {
            optimiser.step(&mut w, &[Tensor::scalar(g)]).unwrap();
            w[0].item().unwrap()
        };
        gradients.iter().map(&mut step).collect()
    }

    fn adam() -> Adam<f64> {
        Adam::new(0.1).unwrap().with_betas(0.5, 0.75).unwrap().with_epsilon(0.25).unwrap()
    }

    #[test]
    fn trajectories_by_hand() {
        // g = 2: m = 1, v = 1; corrected by 1/2 and 1/4: 2 and 4; step 0.1 * 2 / (2 + 1/4).
        let first = 1.0 - 0.1 * 2.0 / 2.25;
        // g = -1: m = 1/2 - 1/2 = 0, v = 3/4 + 1/4 = 1; the step is 0.
        // g = 3: m = 3/2, v = 3/4 + 9/4 = 3; corrected by 7/8 and 37/64.
        let third = first - 0.1 * (1.5 / 0.875) / ((3.0_f64 * 64.0 / 37.0).sqrt() + 0.25);
        for (w, expected) in trajectory(adam(), &[2.0, -1.0, 3.0]).iter().zip([first, first, third]) {
            assert_relative_eq!(*w, expected, max_relative = 1e-15);
        }
        // Coupled decay: the gradient 1.5 at w = 1 becomes 2.
        let coupled = trajectory(adam().with_weight_decay(0.5).unwrap(), &[1.5]);
        assert_relative_eq!(coupled[0], first, max_relative = 1e-15);
        // Decoupled: w is multiplied by 1 - 0.1 * 0.5, then Adam's step of the bare gradient is taken.
        let decoupled = AdamW::new(0.1, 0.5).unwrap().with_betas(0.5, 0.75).unwrap();
        let decoupled = trajectory(decoupled.with_epsilon(0.25).unwrap(), &[2.0, -1.0]);
        assert_relative_eq!(decoupled[0], first - 0.05, max_relative = 1e-15);
        assert_relative_eq!(decoupled[1], (first - 0.05) * 0.95, max_relative = 1e-15);
    }

    #[test]
    fn without_decay_adamw_is_adam() {
        let gradients: Vec<f64> = (0..20).map(|i| f64::from(i).sin()).collect();
        let adamw = AdamW::new(0.01, 0.0).unwrap();
        assert_eq!(trajectory(adamw, &gradients), trajectory(Adam::new(0.01).unwrap(), &gradients));
    }

    /// A constant gradient leaves both corrected moments at it and its square: every step has the same length.
    #[test]
    fn under_a_constant_gradient_adam_walks_at_the_learning_rate() {
        let path = trajectory(Adam::new(0.01).unwrap().with_epsilon(1e-30).unwrap(), &[5.0; 50]);
        for (n, w) in path.iter().enumerate() {
            assert!((w - (1.0 - 0.01 * (n + 1) as f64)).abs() < 1e-13, "step {n}");
        }
    }

    #[test]
    fn adam_comes_to_rest_in_a_quadratic_bowl_of_any_curvature() {
        for curvature in [1e-3, 1.0, 1e3] {
            let mut adam = Adam::<f32>::new(0.05).unwrap();
            let mut w = [Tensor::scalar(1.0)];
            for _ in 0..1000 {
                let gradient = [w[0].scale(curvature)];
                adam.step(&mut w, &gradient).unwrap();
            }
            assert!(w[0].item().unwrap().abs() < 1e-3, "{curvature}: {w:?}");
        }
    }

    #[test]
    fn a_restored_state_continues_the_run() {
        let (mut adam, mut w) = (adam(), [Tensor::scalar(1.0)]);
        assert_eq!(adam.moments(), &Moments::default());
        adam.step(&mut w, &[Tensor::scalar(1.0)]).unwrap();
        assert_eq!(adam.moments().steps, 1);
        let (mut restored, mut same) = (self::adam().with_moments(adam.moments().clone()), w.clone());
        adam.step(&mut w, &[Tensor::scalar(1.0)]).unwrap();
        restored.step(&mut same, &[Tensor::scalar(1.0)]).unwrap();
        assert_eq!((adam, w), (restored, same));
        let adamw = AdamW::<f64>::new(0.1, 0.1).unwrap();
        let moments = Moments { steps: 3, ..Moments::default() };
        assert_eq!(adamw.with_moments(moments.clone()).moments(), &moments);
    }

    #[test]
    fn a_restored_state_of_other_parameters_is_refused_and_kept() {
        let one = || vec![Tensor::scalar(1.0)];
        for (first, second) in
            [(vec![], vec![Tensor::zeros([2]).unwrap()]), (vec![Tensor::zeros([2]).unwrap()], one())]
        {
            let mut adam = adam().with_moments(Moments { steps: 1, first, second });
            let before = adam.clone();
            assert_eq!(adam.step(&mut one(), &one()), Err(SnnError::OptimiserState));
            assert_eq!(adam, before);
        }
    }

    #[test]
    fn bad_parameters_are_named() {
        let named = |result: Result<Adam<f64>>| match result {
            Err(SnnError::Parameter { parameter, .. }) => parameter,
            other => panic!("{other:?}"),
        };
        assert_eq!(named(Adam::new(-1.0)), "learning rate");
        assert_eq!(named(adam().with_betas(1.0, 0.9)), "first beta");
        assert_eq!(named(adam().with_betas(0.9, -0.1)), "second beta");
        assert_eq!(named(adam().with_epsilon(0.0)), "epsilon");
        assert_eq!(named(adam().with_weight_decay(f64::NAN)), "weight decay");
        assert!(AdamW::<f64>::new(0.1, -1.0).is_err() && AdamW::<f64>::new(0.0, 0.1).is_err());
        assert!(AdamW::<f64>::new(0.1, 0.1).unwrap().with_betas(2.0, 0.9).is_err());
        assert!(AdamW::<f64>::new(0.1, 0.1).unwrap().with_epsilon(-1.0).is_err());
    }
}
