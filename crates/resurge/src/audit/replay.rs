//! A neuron layer run again, step by step in f64: equation (C) of docs/conventions.md with every option of the format.
//! Where the framework's spikes were recorded, they are taken in the place of the computed ones, so that a spike which
//! rounding has flipped does not spoil all that comes after it.

use super::cell::Constants;
use super::description::{Output, Reset, ResetKind, Timing};
use crate::tensor::Tensor;
use rayon::prelude::*;

/// The extents of a layer: steps, samples, neurons.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) steps: usize,
    pub(super) batch: usize,
    pub(super) width: usize,
}

impl Extent {
    pub(super) fn of(tensor: &Tensor<f64>) -> Self {
        let shape = tensor.shape();
        Self { steps: shape[0], batch: shape[1], width: shape[2..].iter().product() }
    }

    /// The sequence `[T, N]` of one sample.
    pub(super) fn gather(self, values: &[f64], sample: usize) -> Vec<f64> {
        let row = |t: usize| &values[(t * self.batch + sample) * self.width..][..self.width];
        (0..self.steps).flat_map(row).copied().collect()
    }

    /// The sequences `[T, N]` of all samples as one `[T, B, N]`.
    pub(super) fn assemble<'a>(self, of: impl Fn(usize) -> &'a [f64]) -> Vec<f64> {
        let mut all = Vec::with_capacity(self.steps * self.batch * self.width);
        for t in 0..self.steps {
            for sample in 0..self.batch {
                all.extend_from_slice(&of(sample)[t * self.width..][..self.width]);
            }
        }
        all
    }
}

/// What one sample's neurons did, each `[T, N]`; empty where the layer has no such state.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// The input with the recurrent current.
    pub(super) current: Vec<f64>,
    /// The synapse's state `i`.
    pub(super) synapse: Vec<f64>,
    pub(super) potential: Vec<f64>,
    /// The spikes `o`, those of the file where there are any.
    pub(super) spikes: Vec<f64>,
    /// The spikes as computed, after the same past.
    pub(super) computed: Vec<f64>,
    pub(super) threshold: Vec<f64>,
    /// The residual reset that a step contains.
    pub(super) taken: Vec<f64>,
    /// The trace `a` of what the layer hands on.
    pub(super) trace: Vec<f64>,
    /// How far rounding can move the potential.
    pub(super) margin: Vec<f64>,
    /// Whether a spike before it keeps the neuron silent.
    pub(super) resting: Vec<bool>,
}

/// The rounding of a layer's current: how large its terms are, and how many.
#[derive(Debug)]
pub(super) struct Rounding<'a> {
    pub(super) magnitude: &'a Tensor<f64>,
    pub(super) terms: usize,
    pub(super) roundoff: f64,
}

impl Rounding<'_> {
    /// The error of a sum of `terms` products grows with the root of their number (Higham and Mary 2019), here with a
    /// factor of 4: that of a sum in any order stays below it with a probability of 1 - 2 exp(-8) a sum.
    fn of_current(&self, magnitude: f64) -> f64 {
        4.0 * (self.terms as f64).sqrt().max(1.0) * self.roundoff * magnitude
    }
}

/// Runs a layer. `forced` are the spikes `o` of the file.
pub(super) fn run(
    constants: &Constants,
    current: &Tensor<f64>,
    recurrent: Option<&Tensor<f64>>,
    forced: Option<&[Vec<f64>]>,
    rounding: &Rounding<'_>,
) -> Vec<Sample> {
    let extent = Extent::of(current);
    let one = |sample: usize| {
        let sequence = extent.gather(current.as_slice(), sample);
        let magnitude = extent.gather(rounding.magnitude.as_slice(), sample);
        let forced = forced.and_then(|all| all.get(sample)).map(Vec::as_slice);
        run_sample(constants, extent, sequence, recurrent.map(Tensor::as_slice), forced, &magnitude, rounding)
    };
    (0..extent.batch).into_par_iter().map(one).collect()
}

fn run_sample(
    c: &Constants,
    extent: Extent,
    mut current: Vec<f64>,
    recurrent: Option<&[f64]>,
    forced: Option<&[f64]>,
    magnitude: &[f64],
    rounding: &Rounding<'_>,
) -> Sample {
    let (steps, n) = (extent.steps, extent.width);
    let zeros = |wanted: bool| vec![0.0; if wanted { steps * n } else { 0 }];
    let mut s = Sample {
        synapse: zeros(c.synapse.is_some()),
        potential: zeros(true),
        spikes: zeros(true),
        computed: zeros(true),
        threshold: vec![c.threshold; steps * n],
        taken: zeros(c.residual),
        trace: zeros(true),
        margin: zeros(true),
        resting: vec![false; if c.refractory > 0 { steps * n } else { 0 }],
        current: Vec::new(),
    };
    let mut adaptation = vec![0.0; n];
    // For how many steps each neuron is still silent.
    let mut silent = vec![0; n];
    let mut synapse_margin = vec![0.0; n];
    for t in 0..steps {
        let mut feedback = vec![0.0; if recurrent.is_some() { n } else { 0 }];
        if let (Some(weights), true) = (recurrent, t > 0) {
            for (to, (row, size)) in weights.chunks_exact(n).zip(&mut feedback).enumerate() {
                let terms = row.iter().enumerate().map(|(from, w)| w * s.handed_on(c, n, t - 1, from));
                current[t * n + to] += terms.clone().sum::<f64>();
                *size = terms.map(f64::abs).sum();
            }
        }
        for k in 0..n {
            let at = t * n + k;
            let size = magnitude[at] + feedback.get(k).copied().unwrap_or(0.0);
            let mut error = rounding.of_current(size);
            let mut i = current[at];
            if let Some((decay, gain)) = c.synapse {
                let before = if t > 0 { s.synapse[at - n] } else { 0.0 };
                i = decay * before + gain * i;
                s.synapse[at] = i;
                error = decay * synapse_margin[k] + gain.abs() * error + 3.0 * rounding.roundoff * i.abs();
                synapse_margin[k] = error;
            }
            let d = c.input_gain * i + c.drive;
            let (u, taken) = if t == 0 {
                (c.decay * c.initial + d, 0.0)
            } else {
                let past = Past::at(&s, c, at - n);
                (past.charge(c, c.reset, d), past.residual(c))
            };
            if c.residual {
                s.taken[at] = taken;
            }
            // What the potential was made of, each term rounded a few times.
            let before = if t > 0 { s.potential[at - n].abs() } else { c.initial.abs() };
            let moved = c.decay * before + c.threshold + c.input_gain.abs() * i.abs() + c.drive.abs();
            let kept = match (t, c.reset.kind) {
                (0, _) => 0.0,
                (_, ResetKind::None | ResetKind::Subtract) => s.margin[at - n],
                _ => s.margin[at - n] * (1.0 - s.spikes[at - n]).abs(),
            };
            s.margin[at] = c.decay * kept + c.input_gain.abs() * error + 4.0 * rounding.roundoff * moved;
            s.potential[at] = u;
            if !c.spiking {
                continue;
            }
            if let (Some((decay, scale)), true) = (c.adaptation, t > 0) {
                adaptation[k] = decay * adaptation[k] + scale * (1.0 - decay) * s.spikes[at - n];
                s.threshold[at] = c.threshold + adaptation[k];
            }
            let rested = silent[k] == 0;
            if c.refractory > 0 {
                s.resting[at] = !rested;
            }
            let o = if rested { c.count(c.above(u, s.threshold[at])) } else { 0.0 };
            s.computed[at] = o;
            s.spikes[at] = match forced.map(|forced| forced[at]) {
                // A spike that the file cannot know: with an output delay, that of the last step.
                Some(spike) if !spike.is_nan() => spike,
                _ => o,
            };
            silent[k] = if s.spikes[at] != 0.0 { c.refractory } else { silent[k].saturating_sub(1) };
            let y = s.handed_on(c, n, t, k);
            let trace = if t > 0 { s.trace[at - n] } else { 0.0 };
            s.trace[at] = c.trace_decay * trace + (1.0 - c.trace_decay) * y;
        }
    }
    s.current = current;
    s
}

impl Sample {
    /// `y[t]`: the spike, or that of the step before.
    pub(super) fn handed_on(&self, c: &Constants, width: usize, t: usize, neuron: usize) -> f64 {
        match (c.output_delay, t) {
            (false, _) => self.spikes[t * width + neuron],
            (true, 0) => 0.0,
            (true, _) => self.spikes[(t - 1) * width + neuron],
        }
    }

    /// What the layer hands on, `[T, N]`.
    pub(super) fn output(&self, c: &Constants, extent: Extent) -> Vec<f64> {
        match c.output {
            Output::Potential => self.potential.clone(),
            Output::Trace => self.trace.clone(),
            Output::Spikes => self.delayed(c, extent, &self.spikes),
        }
    }

    /// Spikes as the layer would hand them on.
    pub(super) fn delayed(&self, c: &Constants, extent: Extent, spikes: &[f64]) -> Vec<f64> {
        if !c.output_delay {
            return spikes.to_vec();
        }
        let kept = (extent.steps - 1) * extent.width;
        let mut late = vec![0.0; extent.width];
        late.extend_from_slice(&spikes[..kept]);
        late
    }
}

/// A neuron at the end of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    pub(super) u: f64,
    pub(super) o: f64,
    pub(super) threshold: f64,
    pub(super) taken: f64,
}

impl Past {
    pub(super) fn at(s: &Sample, c: &Constants, at: usize) -> Self {
        Self {
            u: s.potential[at],
            o: s.spikes[at],
            threshold: s.threshold[at],
            taken: if c.residual { s.taken[at] } else { 0.0 },
        }
    }

    /// `R(v, o)`.
    pub(super) fn reset(&self, reset: Reset, v: f64, taken: f64) -> f64 {
        match reset.kind {
            ResetKind::None => v,
            ResetKind::Zero => v * (1.0 - self.o),
            ResetKind::Value => v * (1.0 - self.o) + reset.value * self.o,
            ResetKind::ZeroThenAdd => v * (1.0 - self.o) + reset.value,
            ResetKind::Subtract => v - self.threshold * (self.o - taken),
        }
    }

    /// The residual reset of the step after this one.
    pub(super) fn residual(&self, c: &Constants) -> f64 {
        if !c.residual {
            return 0.0;
        }
        let m = self.reset(c.reset, self.u, self.taken);
        c.count(m - self.threshold)
    }

    /// The potential one step later, `d` being what drives it.
    fn charge(&self, c: &Constants, reset: Reset, d: f64) -> f64 {
        match reset.timing {
            Timing::BeforeDecay => {
                let m = self.reset(reset, self.u, self.taken);
                c.decay * m - self.residual(c) * self.threshold + d
            }
            Timing::AfterDecay => self.reset(reset, c.decay * self.u, 0.0) + d,
            Timing::AfterInput => self.reset(reset, c.decay * self.u + d, 0.0),
        }
    }
}
