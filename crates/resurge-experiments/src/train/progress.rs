//! How far a training is, and what it measured.

use super::step::Measured;
use serde::{Deserialize, Serialize};

/// What was measured in an epoch.
///
/// ```
/// use resurge_experiments::train::TrainingLog;
///
/// let text = std::fs::read_to_string("../resurge/examples/results/compare/trials/full-seed1/log.json")?;
/// let last = &TrainingLog::from_json(&text)?.epochs[1];
/// assert_eq!((last.epoch, last.updates, last.firing_rates.len()), (2, 2, 1)); // a batch an epoch, one layer
/// assert!((0.0..=1.0).contains(&last.test_accuracy));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Updates made until its end, from the start of the training.
    pub updates: u64,
    /// The loss per training sample, while it was learning.
    pub train_loss: f64,
    /// The part of the training samples classified rightly, while it was learning.
    pub train_accuracy: f64,
    /// The loss per test sample at the end of the epoch.
    pub test_loss: f64,
    /// The part of the test samples classified rightly at the end of the epoch.
    pub test_accuracy: f64,
    /// The mean norm of the gradients, before they were clipped.
    pub gradient_norm: f64,
    /// Spikes per neuron and step of each layer, in training.
    pub firing_rates: Vec<f64>,
}

/// How far a training is: all of its state but weights and moments.
///
/// ```
/// use resurge_experiments::train::Checkpoint;
///
/// let trial = "../resurge/examples/results/compare/trials/full-seed1/checkpoint.safetensors";
/// let progress = Checkpoint::read(trial.as_ref())?.progress;
/// assert_eq!((progress.epochs, progress.history.len(), progress.present.samples), (2, 2, 0));
/// # Ok::<(), resurge_experiments::train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Epochs that are done.
    pub epochs: u64,
    /// Batches of the present epoch that are done.
    pub batches: u64,
    /// Updates made.
    pub updates: u64,
    /// What was measured of the present epoch so far.
    pub present: Totals,
    /// What was measured of the epochs that are done.
    pub history: Vec<EpochRow>,
}

/// Sums over the batches of an epoch.
///
/// ```
/// use resurge_experiments::train::Totals;
///
/// let totals = Totals { samples: 4, correct: 3, loss: 2.0, ..Totals::default() };
/// assert_eq!((totals.accuracy(), totals.mean_loss()), (0.75, 0.5));
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Samples seen.
    pub samples: u64,
    /// Of these, classified rightly.
    pub correct: u64,
    /// The sum of their losses.
    pub loss: f64,
    /// Spikes of each layer.
    pub spikes: Vec<f64>,
    /// The sum of the norms of the batches' gradients, before they were clipped.
    pub gradient_norms: f64,
}

impl Totals {
    /// The part of the samples classified rightly.
    ///
    /// ```
    /// use resurge_experiments::train::Totals;
    ///
    /// assert_eq!(Totals { samples: 4, correct: 3, ..Totals::default() }.accuracy(), 0.75);
    /// ```
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples.max(1) as f64
    }

    /// The loss per sample.
    ///
    /// ```
    /// use resurge_experiments::train::Totals;
    ///
    /// assert_eq!(Totals { samples: 4, loss: 2.0, ..Totals::default() }.mean_loss(), 0.5);
    /// ```
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.samples.max(1) as f64
    }

    /// Spikes per neuron and step of each layer of so many neurons.
    ///
    /// ```
    /// use resurge_experiments::train::Totals;
    ///
    /// let totals = Totals { samples: 2, spikes: vec![30.0], ..Totals::default() };
    /// assert_eq!(totals.firing_rates(&[6], 5), [0.5]);
    /// ```
    pub fn firing_rates(&self, neurons: &[usize], steps: usize) -> Vec<f64> {
        let chances = |neurons: &usize| (self.samples as f64 * (*neurons * steps) as f64).max(1.0);
        self.spikes.iter().zip(neurons).map(|(spikes, neurons)| spikes / chances(neurons)).collect()
    }

    pub(super) fn add(&mut self, samples: usize, measured: &Measured, gradient_norm: f64) {
        self.samples += samples as u64;
        self.correct += measured.correct;
        self.loss += measured.loss;
        self.spikes.resize(measured.spikes.len(), 0.0);
        self.spikes.iter_mut().zip(&measured.spikes).for_each(|(sum, x)| *sum += x);
        self.gradient_norms += gradient_norm;
    }
}
