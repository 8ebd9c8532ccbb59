//! An epoch of a training: its batches, then the test set.

use super::{End, Event, Training};
use crate::train::progress::{EpochRow, Progress};
use crate::train::step::{self, Fault, Measured};
use crate::train::{NotFinite, TrainError};
use resurge_data::Batches;
use resurge_snn::{Optimiser, clamp_parameters, clip_by_global_norm};
use std::sync::atomic::{AtomicBool, Ordering};

impl Training {
    /// The batches of the present epoch that are left.
    pub(super) fn learn(
        &mut self,
        stop: &AtomicBool,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<End, TrainError> {
        let (seed, epoch) = (self.config.seed, self.progress.epochs);
        let all = Batches::new(self.train.len(), self.config.batch, seed, epoch)?;
        let batches = all.len() as u64;
        let updates = usize::try_from(batches.saturating_mul(self.config.epochs)).unwrap_or(usize::MAX);
        let schedule = self.config.schedule(updates)?;
        for indices in all.skip(usize::try_from(self.progress.batches).unwrap_or(usize::MAX)) {
            if stop.load(Ordering::Relaxed) {
                return Ok(End::Stopped);
            }
            let batch = self.progress.batches;
            let seeds = [seed, epoch, batch];
            let part = self.config.part;
            let pass = step::run(&self.network, &self.weights, &self.train, &indices, part, Some(seeds));
            let mut measured = self.finite(pass)?;
            self.optimiser.set_learning_rate(schedule.at(self.progress.updates as usize))?;
            let gradient_norm = self.update(&mut measured)?;
            let progress = &mut self.progress;
            progress.present.add(indices.len(), &measured, gradient_norm);
            progress.batches += 1;
            let (done, epoch, totals) = (progress.batches, progress.epochs + 1, &self.progress.present);
            let firing_rates = &totals.firing_rates(self.network.neurons(), self.network.steps())[..];
            observe(Event::Batch { epoch, done, batches, totals, gradient_norm, firing_rates });
            if self.every.is_some_and(|every| done.is_multiple_of(every)) {
                self.save()?;
            }
        }
        Ok(End::Finished)
    }

    /// Moves the weights, and gives the norm of the gradient before it was clipped.
    fn update(&mut self, measured: &mut Measured) -> Result<f64, TrainError> {
        let limit = if self.config.clip > 0.0 { self.config.clip } else { f64::MAX };
        let norm = clip_by_global_norm(&mut measured.gradients, limit)?;
        self.optimiser.step(&mut self.weights, &measured.gradients)?;
        // Before the clamp, which would hide an infinity.
        let bad = self.weights.iter().position(|weight| !weight.is_finite());
        if let Some(bad) = bad {
            let layer = self.network.parameters()[bad].name.clone();
            return Err(self.not_finite(NotFinite::Weight { layer }));
        }
        // Only then can a square be infinite; a look at every moment of every update would cost
        // time for nothing.
        if norm.min(limit) > 1e18 {
            let moments = self.optimiser.moments();
            if let Some(bad) = moments.second.iter().position(|moment| !moment.is_finite()) {
                let layer = self.network.parameters()[bad].name.clone();
                return Err(self.not_finite(NotFinite::Moment { layer }));
            }
        }
        for (weight, parameter) in self.weights.iter_mut().zip(self.network.parameters()) {
            if let Some(constant) = parameter.constant() {
                *weight = weight.map(|x: f32| constant.nearest(f64::from(x)) as f32);
            } else if self.config.clamp > 0.0 {
                clamp_parameters(std::slice::from_mut(weight), self.config.clamp)?;
            }
        }
        self.progress.updates += 1;
        Ok(norm)
    }

    /// The test set; none if it was stopped.
    pub(super) fn test(
        &self,
        stop: &AtomicBool,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<Option<(Measured, usize)>, TrainError> {
        let samples = self.test.len();
        let (mut sum, mut done) = (Measured::default(), 0);
        // In pieces, so that it can be stopped.
        for indices in Batches::in_order(samples, self.config.part.saturating_mul(20))? {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let pass = step::run(&self.network, &self.weights, &self.test, &indices, self.config.part, None);
            let measured = self.finite(pass)?;
            sum.loss += measured.loss;
            sum.correct += measured.correct;
            done += indices.len();
            observe(Event::Testing { done, samples });
        }
        Ok(Some((sum, samples)))
    }

    pub(super) fn end_epoch(&mut self, test: &Measured, samples: usize) {
        let progress = &mut self.progress;
        let totals = std::mem::take(&mut progress.present);
        progress.epochs += 1;
        progress.history.push(EpochRow {
            epoch: progress.epochs,
            updates: progress.updates,
            train_loss: totals.mean_loss(),
            train_accuracy: totals.accuracy(),
            test_loss: test.loss / samples as f64,
            test_accuracy: test.correct as f64 / samples as f64,
            gradient_norm: totals.gradient_norms / progress.batches.max(1) as f64,
            firing_rates: totals.firing_rates(self.network.neurons(), self.network.steps()),
        });
        progress.batches = 0;
    }

    pub(super) fn finite(&self, pass: Result<Measured, Fault>) -> Result<Measured, TrainError> {
        pass.map_err(|fault| match fault {
            Fault::NotFinite(value) => self.not_finite(value),
            Fault::Other(error) => error,
        })
    }

    fn not_finite(&self, value: NotFinite) -> TrainError {
        let Progress { epochs, batches, updates, .. } = self.progress;
        let (epoch, batch, update) = (epochs + 1, batches + 1, updates + 1);
        TrainError::NotFinite { epoch, batch, update, saved: self.saved, value }
    }
}
