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
    spared: Vec<usize>,
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
        let weight_decay = check_weight_decay(weight_decay)?;
        Ok(Self { adam: Adam::new(learning_rate)?, weight_decay, spared: Vec::new() })
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

    /// The same that spares some parameters, by their numbers, from weight decay: a neuron's time constant is not better
    /// for being smaller.
    ///
    /// ```
    /// use resurge_snn::{AdamW, Optimiser};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut adamw = AdamW::new(0.5, 0.5)?.sparing(vec![1]);
    /// let mut w = [Tensor::scalar(1.0), Tensor::scalar(1.0)];
    /// adamw.step(&mut w, &[Tensor::scalar(0.0), Tensor::scalar(0.0)])?;
    /// assert_eq!(w.map(|w| w.item()), [Some(0.75), Some(1.0)]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn sparing(self, spared: Vec<usize>) -> Self {
        Self { spared, ..self }
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
        let decaying = parameters.iter_mut().enumerate().filter(|(k, _)| !self.spared.contains(k));
        for (_, parameter) in decaying {
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
mod tests;
