//! The diagnosis of a network.

#[cfg(test)]
mod tests;

use super::comparison::Sums;
use super::jacobian::GrowthSums;
use super::{Comparison, DiagnoseError, Growth, Source, Subject, temporal_jacobians};
use crate::train::{Config, Network, TrainError};
use rayon::prelude::*;
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Cell, CellOutput, CellRun, ResetGradient};
use resurge_tensor::Tensor;
use serde::{Deserialize, Serialize};

/// What the missing reset term is in a network at given weights and samples; see the [module](super).
///
/// ```
/// use resurge_experiments::diagnose::Diagnosis;
///
/// let diagnosis = Diagnosis::read("../resurge/examples/results/diagnose".as_ref())?;
/// assert_eq!((diagnosis.samples, diagnosis.layers.len(), diagnosis.lags.len()), (4, 2, 5));
/// assert!(diagnosis.gradient.missing > Some(0.0));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// Where network and input come from.
    pub source: Source,
    /// The settings of the network. Of `reset_gradient` nothing depends: both gradients are taken.
    pub config: Config,
    /// The number of samples.
    pub samples: usize,
    /// The gradients of all weights.
    pub gradient: Comparison,
    /// The adjoints of the potentials of all layers, by lag.
    pub lags: Vec<Lag>,
    /// The layers, the input's side first.
    pub layers: Vec<LayerDiagnosis>,
}

/// What the missing reset term is in one layer.
///
/// ```
/// use resurge_experiments::diagnose::Diagnosis;
///
/// let diagnosis = Diagnosis::read("../resurge/examples/results/diagnose".as_ref())?;
/// let layer = &diagnosis.layers[0];
/// assert_eq!((&layer.name[..], layer.neurons), ("linear1", 8));
/// assert_eq!(layer.full.along.len(), diagnosis.config.steps - 1); // a Jacobian from each step to the next
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerDiagnosis {
    /// The name, such as `conv1`.
    pub name: String,
    /// Neurons, for one sample.
    pub neurons: usize,
    /// Spikes per neuron and step.
    pub firing_rate: f64,
    /// The gradients of the weights: of the loss summed over all samples.
    pub gradient: Comparison,
    /// The adjoints `delta[t]` of the potentials, of all samples, steps and neurons.
    pub adjoint: Comparison,
    /// The adjoints of the potentials, by lag.
    pub lags: Vec<Lag>,
    /// The growth of products of temporal Jacobians in the full gradient.
    pub full: Growth,
    /// And in the detached one.
    pub detached: Growth,
}

/// The adjoints of potentials that were carried back over so many steps.
///
/// With `c[s] = dL/dy[s]` the cotangent of the network's output `y` `[T, B, classes]` at step `s`, let `delta_s` be the
/// adjoint of the potentials when `c[s]` alone is sent back,
///
/// ```text
/// delta_s[t] = (dy[s] / du[t])^T c[s],        sum_s delta_s[t] = delta[t] = dL/du[t]
/// ```
///
/// (it is linear in `c`). What is compared at lag `k` is the vector of all `delta_s[s-k]`, `s = k .. T-1`, of all samples
/// and neurons. At lag 0 nothing was carried through time, so full and detached agree. What is carried goes through
/// potentials and traces of this layer and of those after it.
///
/// ```
/// use resurge_experiments::diagnose::Diagnosis;
///
/// let diagnosis = Diagnosis::read("../resurge/examples/results/diagnose".as_ref())?;
/// let [now, before, ..] = &diagnosis.lags[..] else { panic!("there are five steps") };
/// assert_eq!((now.lag, now.adjoint.missing, before.lag), (0, Some(0.0), 1));
/// assert!(before.adjoint.missing > Some(0.0));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lag {
    /// The number of steps `k`.
    pub lag: usize,
    /// The two adjoints.
    pub adjoint: Comparison,
}

/// Samples that are on the tape together: with a fixed number the order of sums does not depend on threads.
const PART: usize = 4;

/// Compares the full with the detached gradient of a network at its weights and samples, in double precision. The
/// same bits on any number of threads.
///
/// # Errors
/// [`DiagnoseError::Train`] where the settings do not fit, [`DiagnoseError::NotFinite`] for gradients that overflow.
///
/// ```
/// use resurge_experiments::diagnose::{Subject, diagnose, synthetic};
/// use resurge_experiments::train::{Config, Preset};
///
/// let config = Config::preset(Preset::Small).with(&["gain=3"])?;
/// let batch = synthetic(&config, [1, 28, 28], 10, 2, 0.2, 1)?;
/// let diagnosis = diagnose(&Subject::fresh(config, batch, false, 10)?)?;
/// assert!(diagnosis.gradient.missing > Some(0.01));
/// assert_eq!(diagnosis.lags[0].adjoint.missing, Some(0.0));
/// # Ok::<(), resurge_experiments::diagnose::DiagnoseError>(())
/// ```
pub fn diagnose(subject: &Subject) -> Result<Diagnosis, DiagnoseError> {
    let samples = subject.batch.classes.len();
    let parts: Vec<usize> = (0..samples).step_by(PART).collect();
    let mut sum: Option<Measured> = None;
    // No more of them at a time than can run: each holds gradients of all weights.
    for group in parts.chunks(rayon::current_num_threads().max(1)) {
        let run = |&from: &usize| measure(subject, from, (from + PART).min(samples));
        for part in group.par_iter().map(run).collect::<Vec<_>>() {
            match &mut sum {
                Some(sum) => sum.add(part?),
                None => sum = Some(part?),
            }
        }
    }
    let bad = || DiagnoseError::Setting {
        name: "samples",
        value: "are none".into(),
        expected: "at least 1 is needed",
    };
    sum.ok_or_else(bad)?.diagnosis(subject)
}

/// What is measured of some samples; sums, so that they add up.
struct Measured {
    names: Vec<String>,
    neurons: Vec<usize>,
    /// Full and detached.
    gradients: [Vec<Tensor<f64>>; 2],
    spikes: Vec<f64>,
    adjoints: Vec<Sums>,
    /// Of each layer, by lag.
    lags: Vec<Vec<Sums>>,
    growth: [Vec<GrowthSums>; 2],
}

/// One run of a network whose potentials are on the tape.
struct Recorded {
    tape: Tape<f64>,
    weights: Vec<Var>,
    output: Var,
    loss: Var,
    /// Input current and run of each layer.
    layers: Vec<(Var, CellRun)>,
    cell: Cell,
}

impl Recorded {
    fn new(
        subject: &Subject,
        rule: ResetGradient,
        part: (Tensor<f64>, &[usize]),
    ) -> Result<Self, DiagnoseError> {
        let shape = part.0.shape().to_vec();
        let network = Network::new(&subject.config, [shape[2], shape[3], shape[4]], subject.classes)?;
        let network = if subject.still { network } else { network.of_traces() };
        if let Some(why) = network.step_by_step() {
            return Err(TrainError::Config(format!(
                "cell: {why}, but diagnose measures cells of one recurrence in a network that learns weights alone; take such \
                 settings"
            ))
            .into());
        }
        let cell = subject.config.cell()?.with_reset_gradient(rule);
        let mut tape = Tape::new();
        let weights: Vec<Var> = subject.weights.iter().map(|weight| tape.leaf(weight.clone())).collect();
        let input = tape.constant(part.0);
        let mut layers = Vec::new();
        let pass = network.forward_through(&mut tape, &weights, input, None, |tape, current, output| {
            let run = cell.run(tape, current)?;
            let handed_on = match output {
                CellOutput::Spikes => tape.stack(&run.outputs)?,
                CellOutput::Traces => tape.stack(&run.traces)?,
            };
            layers.push((current, run));
            Ok(handed_on)
        })?;
        let loss = network.loss(&mut tape, pass.output, part.1)?;
        Ok(Self { tape, weights, output: pass.output, loss, layers, cell })
    }

    /// The potentials of steps `0 .. steps` of all layers, layer by layer.
    fn potentials(&self, steps: usize) -> Vec<Var> {
        self.layers.iter().flat_map(|(_, run)| run.potentials.iter().take(steps)).copied().collect()
    }

    fn growth(&self) -> Result<Vec<GrowthSums>, DiagnoseError> {
        let of = |(current, run): &(Var, CellRun)| {
            let current = self.tape.value(*current)?;
            let mut values = Vec::with_capacity(current.len());
            for &potential in &run.potentials {
                values.extend_from_slice(self.tape.value(potential)?.as_slice());
            }
            let potentials = Tensor::from_vec(current.shape().clone(), values)?;
            Ok(GrowthSums::of(&temporal_jacobians(&self.cell, &potentials, current)?))
        };
        self.layers.iter().map(of).collect()
    }
}

fn measure(subject: &Subject, from: usize, to: usize) -> Result<Measured, DiagnoseError> {
    let record = |rule| Recorded::new(subject, rule, subject.part(from, to)?);
    let [full, detached] = [record(ResetGradient::Full)?, record(ResetGradient::Detached)?];
    let steps = subject.config.steps;
    let depth = full.layers.len();

    // Weights, then potentials.
    let [f, d] = [&full, &detached].map(|recorded| {
        let of: Vec<Var> = recorded.weights.iter().copied().chain(recorded.potentials(steps)).collect();
        recorded.tape.adjoints(recorded.loss, Tensor::scalar(1.0), &of)
    });
    let (mut f, mut d) = (f?, d?);
    let adjoints = sums(&f.split_off(depth), &d.split_off(depth), depth, steps);
    let adjoints = adjoints.into_iter().map(total).collect();

    let cotangent = full.tape.adjoints(full.loss, Tensor::scalar(1.0), &[full.output])?.remove(0);
    let mut lags = vec![vec![Sums::default(); steps]; depth];
    for s in 0..steps {
        let pulled = [&full, &detached].map(|recorded| {
            let injected = only_step(&cotangent, s)?;
            recorded.tape.adjoints(recorded.output, injected, &recorded.potentials(s + 1))
        });
        let [f, d] = pulled;
        for (lags, by_step) in lags.iter_mut().zip(sums(&f?, &d?, depth, s + 1)) {
            by_step.into_iter().enumerate().for_each(|(t, sums)| lags[s - t].add(sums));
        }
    }
    let spikes = full.layers.iter().map(|(_, run)| {
        let counts = run.spikes.iter().map(|&o| Ok(full.tape.value(o)?.as_slice().iter().sum::<f64>()));
        Ok(counts.collect::<Result<Vec<f64>, DiagnoseError>>()?.iter().sum())
    });
    let network_of = |index: usize| full.layers[index].1.potentials.first().copied();
    let neurons = (0..depth).map(|index| match network_of(index) {
        Some(potential) => Ok(full.tape.value(potential)?.len() / (to - from).max(1)),
        None => Ok(0),
    });
    Ok(Measured {
        names: names(subject)?,
        neurons: neurons.collect::<Result<_, DiagnoseError>>()?,
        spikes: spikes.collect::<Result<_, DiagnoseError>>()?,
        gradients: [f, d],
        adjoints,
        lags,
        growth: [full.growth()?, detached.growth()?],
    })
}

fn names(subject: &Subject) -> Result<Vec<String>, DiagnoseError> {
    let shape = subject.batch.input.shape();
    let network = Network::new(&subject.config, [shape[2], shape[3], shape[4]], subject.classes)?;
    Ok(network.names().to_vec())
}

/// A sequence `[T, ...]` with zeros in all steps but one.
fn only_step(sequence: &Tensor<f64>, step: usize) -> Result<Tensor<f64>, resurge_autodiff::AutodiffError> {
    let row = sequence.len() / sequence.shape()[0].max(1);
    let kept = step * row..(step + 1) * row;
    let values = sequence.as_slice().iter().enumerate();
    let values = values.map(|(i, &x)| if kept.contains(&i) { x } else { 0.0 }).collect();
    Ok(Tensor::from_vec(sequence.shape().clone(), values)?)
}

/// Of each layer and step.
fn sums(full: &[Tensor<f64>], detached: &[Tensor<f64>], depth: usize, steps: usize) -> Vec<Vec<Sums>> {
    let layer = |layer: usize| {
        let of =
            |t: usize| Sums::of(full[layer * steps + t].as_slice(), detached[layer * steps + t].as_slice());
        (0..steps).map(of).collect()
    };
    (0..depth).map(layer).collect()
}

fn total(parts: impl IntoIterator<Item = Sums>) -> Sums {
    parts.into_iter().fold(Sums::default(), |mut sum, part| {
        sum.add(part);
        sum
    })
}

impl Measured {
    fn add(&mut self, next: Self) {
        for (sums, next) in self.gradients.iter_mut().zip(&next.gradients) {
            for (sum, next) in sums.iter_mut().zip(next) {
                sum.as_mut_slice().iter_mut().zip(next.as_slice()).for_each(|(sum, x)| *sum += x);
            }
        }
        self.spikes.iter_mut().zip(next.spikes).for_each(|(sum, x)| *sum += x);
        self.adjoints.iter_mut().zip(next.adjoints).for_each(|(sum, x)| sum.add(x));
        let lags = self.lags.iter_mut().flatten().zip(next.lags.into_iter().flatten());
        lags.for_each(|(sum, x)| sum.add(x));
        let growth = self.growth.iter_mut().flatten().zip(next.growth.into_iter().flatten());
        growth.for_each(|(sum, x)| sum.add(x));
    }

    fn diagnosis(self, subject: &Subject) -> Result<Diagnosis, DiagnoseError> {
        let samples = subject.batch.classes.len();
        let [full, detached] = &self.gradients;
        let gradients: Vec<Sums> =
            full.iter().zip(detached).map(|(f, d)| Sums::of(f.as_slice(), d.as_slice())).collect();
        let lag = |(lag, sums): (usize, Sums)| Lag { lag, adjoint: sums.comparison() };
        let of_all = (0..subject.config.steps).map(|lag| total(self.lags.iter().map(|layer| layer[lag])));
        let lags = of_all.enumerate().map(lag).collect();
        let [full, detached] = self.growth;
        let growth = full.into_iter().zip(detached);
        let mut layers = Vec::new();
        for (index, ((name, lags), (full, detached))) in
            self.names.into_iter().zip(self.lags).zip(growth).enumerate()
        {
            let steps = (self.neurons[index] * samples * subject.config.steps).max(1);
            let layer = LayerDiagnosis {
                neurons: self.neurons[index],
                firing_rate: self.spikes[index] / steps as f64,
                gradient: gradients[index].comparison(),
                adjoint: self.adjoints[index].comparison(),
                lags: lags.into_iter().enumerate().map(lag).collect(),
                full: full.growth(),
                detached: detached.growth(),
                name,
            };
            layer.check()?;
            layers.push(layer);
        }
        let gradient = total(gradients).comparison();
        let (source, config) = (subject.source.clone(), subject.config.clone());
        Ok(Diagnosis { source, config, samples, gradient, lags, layers })
    }
}

impl LayerDiagnosis {
    fn check(&self) -> Result<(), DiagnoseError> {
        let along = self.full.along.iter().chain(&self.detached.along);
        let checks = [
            ("the gradient", self.gradient.is_finite()),
            ("the adjoint", self.adjoint.is_finite() && self.lags.iter().all(|lag| lag.adjoint.is_finite())),
            ("a product of temporal Jacobians", along.clone().all(|x| x.is_finite())),
        ];
        match checks.into_iter().find(|(_, finite)| !finite) {
            Some((what, _)) => Err(DiagnoseError::NotFinite { what, layer: self.name.clone() }),
            None => Ok(()),
        }
    }
}
