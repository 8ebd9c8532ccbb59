//! Training runs: all those of one seed and one rule, side by side.

use super::{Arm, OptimiserKind, Scaling, Settings, Task, ToyError};
use crate::Rule;
use resurge_snn::{Adam, Optimiser, Sgd, SnnError};
use resurge_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// One training run.
///
/// ```
/// use resurge_experiments::Rule;
/// use resurge_experiments::toy::{Settings, Task, train};
///
/// let settings = Settings { updates: 3, rate_min: 0.1, per_decade: 1, ..Settings::default() };
/// let trial = &train(&Task::new(50, 1)?, &settings, &Rule::FULL)?[0]; // by SGD, at a rate of 0.1
/// assert_eq!(trial.losses.len(), 4); // before, and after each update
/// assert!(trial.final_loss().is_finite() && trial.spikes.is_sorted());
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The loss after each of the [recorded](Settings::recorded) numbers of updates, in single precision; none from
    /// where weights, loss or gradient are no longer finite.
    pub losses: Vec<Option<f32>>,
    /// The steps in which the trained neuron spikes.
    pub spikes: Vec<u16>,
}

impl Trial {
    /// The loss at the end; infinite if the run did not stay finite.
    ///
    /// ```
    /// use resurge_experiments::toy::Trial;
    ///
    /// assert_eq!(Trial { losses: vec![Some(2.0), Some(0.5)], spikes: vec![] }.final_loss(), 0.5);
    /// assert_eq!(Trial { losses: vec![Some(2.0), None], spikes: vec![] }.final_loss(), f32::INFINITY);
    /// ```
    pub fn final_loss(&self) -> f32 {
        self.losses.last().copied().flatten().unwrap_or(f32::INFINITY)
    }
}

/// One neuron in training.
struct Run {
    optimiser: Box<dyn Optimiser<f64>>,
    /// What the gradient is multiplied by.
    factor: f64,
    finite: bool,
}

impl Run {
    fn new(arm: Arm, rate: f64, matched: f64) -> Result<Self, SnnError> {
        Ok(Self {
            optimiser: match arm.optimiser {
                OptimiserKind::Sgd => Box::new(Sgd::new(rate)?),
                OptimiserKind::Adam => Box::new(Adam::new(rate)?),
            },
            factor: match arm.scaling {
                Scaling::Raw => 1.0,
                Scaling::Matched => matched,
            },
            finite: true,
        })
    }

    /// One update. A run that is not finite stops, and keeps its last weights.
    fn update(&mut self, weights: &mut Tensor<f64>, gradient: &Tensor<f64>) -> Result<(), SnnError> {
        let gradient = gradient.scale(self.factor);
        if !self.finite || !gradient.is_finite() {
            self.finite = false;
            return Ok(());
        }
        let before = weights.clone();
        self.optimiser.step(std::slice::from_mut(weights), std::slice::from_ref(&gradient))?;
        if !weights.is_finite() {
            self.finite = false;
            *weights = before;
        }
        Ok(())
    }
}

/// The factor of [`Scaling::Matched`]: 1 where there is no gradient to be scaled.
pub(super) fn matched_factor(task: &Task, rule: &Rule) -> Result<f64, ToyError> {
    let norm = |rule: &Rule| -> Result<f64, ToyError> {
        Ok(task.evaluate(rule, std::slice::from_ref(task.weights()))?.gradients[0].norm())
    };
    let factor = norm(&Rule::FULL)? / norm(rule)?;
    Ok(if factor.is_finite() && factor > 0.0 { factor } else { 1.0 })
}

/// Trains one neuron for each arm and learning rate of a rule, on the task of one seed: arm by arm, rate by rate.
///
/// The neurons share the products with the input and the pass through time, and nothing else.
///
/// # Errors
/// [`ToyError`] when the settings do not allow a run. That a run diverges is a result, not an error.
///
/// ```
/// use resurge_experiments::Rule;
/// use resurge_experiments::toy::{Settings, Task, train};
///
/// let settings = Settings { updates: 10, per_decade: 1, ..Settings::default() };
/// let trials = train(&Task::new(100, 1)?, &settings, &Rule::FULL)?;
/// assert_eq!(trials.len(), 2 * settings.rates().len()); // SGD and Adam
/// assert_eq!(trials[0].losses.len(), 11);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
pub fn train(task: &Task, settings: &Settings, rule: &Rule) -> Result<Vec<Trial>, ToyError> {
    let (rates, recorded) = (settings.rates(), settings.recorded());
    let matched = matched_factor(task, rule)?;
    let mut runs = Vec::new();
    for arm in settings.arms_of(*rule) {
        for &rate in &rates {
            runs.push(Run::new(arm, rate, matched)?);
        }
    }
    let mut weights = vec![task.weights().clone(); runs.len()];
    let mut losses = vec![Vec::with_capacity(recorded.len()); runs.len()];
    for update in 0..settings.updates {
        let at = task.evaluate(rule, &weights)?;
        for (i, run) in runs.iter_mut().enumerate() {
            run.finite &= at.losses[i].is_finite();
            if recorded.contains(&update) {
                losses[i].push(run.finite.then_some(at.losses[i] as f32));
            }
            run.update(&mut weights[i], &at.gradients[i])?;
        }
    }
    let (last, spikes) = task.observe(&weights)?;
    let trial = |(i, (mut losses, spikes)): (usize, (Vec<_>, Vec<u16>))| {
        losses.push((runs[i].finite && last[i].is_finite()).then_some(last[i] as f32));
        Trial { losses, spikes }
    };
    Ok(losses.into_iter().zip(spikes).enumerate().map(trial).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(updates: usize) -> Settings {
        Settings { updates, rate_min: 1e-3, rate_max: 1e-1, per_decade: 2, ..Settings::default() }
    }

    /// A neuron that trains alone, with no other in its products and no shared optimiser.
    fn alone(
        task: &Task,
        rule: &Rule,
        mut optimiser: impl Optimiser<f64>,
        factor: f64,
        updates: usize,
    ) -> f64 {
        let mut weights = [task.weights().clone()];
        for _ in 0..updates {
            let gradient = task.evaluate(rule, &weights).unwrap().gradients[0].scale(factor);
            optimiser.step(&mut weights, &[gradient]).unwrap();
        }
        task.evaluate(rule, &weights).unwrap().losses[0]
    }

    #[test]
    fn neurons_side_by_side_train_as_each_would_alone() {
        let (task, settings) = (Task::new(60, 3).unwrap(), settings(8));
        for rule in Rule::all() {
            let trials = train(&task, &settings, &rule).unwrap();
            let mut trials = trials.iter();
            for arm in settings.arms_of(rule) {
                for rate in settings.rates() {
                    let factor = match arm.scaling {
                        Scaling::Raw => 1.0,
                        Scaling::Matched => matched_factor(&task, &rule).unwrap(),
                    };
                    let expected = match arm.optimiser {
                        OptimiserKind::Sgd => alone(&task, &rule, Sgd::new(rate).unwrap(), factor, 8),
                        OptimiserKind::Adam => alone(&task, &rule, Adam::new(rate).unwrap(), factor, 8),
                    };
                    let actual = f64::from(trials.next().unwrap().final_loss());
                    assert!(
                        (actual - expected).abs() <= 1e-6 * expected,
                        "{arm} {rate}: {actual} {expected}"
                    );
                }
            }
            assert!(trials.next().is_none());
        }
    }

    #[test]
    fn the_first_matched_step_is_as_long_as_that_of_the_full_gradient() {
        let task = Task::new(100, 2).unwrap();
        let gradient = |rule: &Rule| {
            task.evaluate(rule, std::slice::from_ref(task.weights())).unwrap().gradients[0].clone()
        };
        let full = gradient(&Rule::FULL).norm();
        for rule in Rule::all() {
            let scaled = gradient(&rule).scale(matched_factor(&task, &rule).unwrap());
            assert!((scaled.norm() - full).abs() < 1e-12 * full, "{rule}");
        }
        assert_eq!(matched_factor(&task, &Rule::FULL).unwrap(), 1.0);
    }

    /// Why there is no matched arm of Adam.
    #[test]
    fn adam_does_not_see_the_length_of_a_gradient() {
        let task = Task::new(100, 2).unwrap();
        for factor in [0.25, 4.0] {
            let adam = || Adam::new(1e-3).unwrap();
            let [a, b] = [1.0, factor].map(|f| alone(&task, &Rule::DETACHED, adam(), f, 5));
            assert!((a - b).abs() < 1e-4 * a, "{a} {b}");
        }
    }

    #[test]
    fn a_run_that_overflows_is_recorded_as_not_finite_and_harms_no_other() {
        let huge = Settings { rate_min: 1e-3, rate_max: 1e30, per_decade: 1, ..settings(6) };
        let task = Task::new(20, 1).unwrap();
        let trials = train(&task, &huge, &Rule::DETACHED).unwrap();
        assert!(trials.iter().all(|t| t.losses.len() == 7 && t.losses[0] == trials[0].losses[0]));
        let small = Settings { rate_max: 1e-2, ..huge };
        let few = train(&task, &small, &Rule::DETACHED).unwrap();
        assert!((few[0].final_loss() - trials[0].final_loss()).abs() < 1e-5);
        let mut run = Run { optimiser: Box::new(Sgd::new(1e30).unwrap()), factor: 1.0, finite: true };
        let mut weights = Tensor::full([2], 1.0).unwrap();
        for gradient in [1e300, f64::NAN, 1.0] {
            run.update(&mut weights, &Tensor::full([2], gradient).unwrap()).unwrap();
            assert!(!run.finite && weights.as_slice() == [1.0, 1.0]);
        }
        let trial = Trial { losses: vec![Some(1.0), None], spikes: vec![] };
        assert_eq!(trial.final_loss(), f32::INFINITY);
    }
}
