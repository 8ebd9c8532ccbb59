//! The adjoint of one neuron layer, written out: equations (4) to (6) for every option of the format, and for every
//! other gradient of the same run that a framework may have computed instead.

use super::cell::Constants;
use super::description::{
    CONSTANTS, Constant, Output, Reset, ResetGradient, ResetKind, ThresholdInSpike, Timing,
};
use super::replay::{Extent, Past, Sample};
use crate::snn::Surrogate;
use crate::tensor::Tensor;
use rayon::prelude::*;

/// Through what nothing flows in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cuts {
    pub(super) decay: bool,
    pub(super) synapse: bool,
    pub(super) trace: bool,
    pub(super) adaptation: bool,
}

/// How a layer is differentiated.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerRule {
    pub(super) reset_gradient: ResetGradient,
    pub(super) surrogate: Surrogate,
    /// The surrogate is `factor` times its value at `x / width`.
    pub(super) factor: f64,
    pub(super) width: f64,
    /// States are detached before every step that is a multiple of this; 0 for never.
    pub(super) truncated: usize,
    pub(super) reset: Reset,
    pub(super) cuts: Cuts,
}

/// The cotangents of a layer, `[T, B, N]`.
#[derive(Debug)]
pub(super) struct Cotangents<'a> {
    /// Of what it hands on.
    pub(super) output: &'a Tensor<f64>,
    /// Of its potentials besides.
    pub(super) potential: Option<&'a Tensor<f64>>,
}

/// The gradients of a layer.
#[derive(Debug)]
pub(super) struct LayerGradients {
    /// At its input `J`, `[T, B, N]`.
    pub(super) current: Vec<f64>,
    pub(super) constants: [f64; CONSTANTS],
    /// At its recurrent weights, `[N, N]`.
    pub(super) recurrent: Vec<f64>,
}

/// Samples that are differentiated at the same time.
const AT_ONCE: usize = 8;

/// Runs the adjoint of a layer.
pub(super) fn back(
    c: &Constants,
    rule: &LayerRule,
    samples: &[Sample],
    recurrent: Option<&Tensor<f64>>,
    cotangents: &Cotangents<'_>,
) -> LayerGradients {
    let extent = Extent::of(cotangents.output);
    let one = |(sample, states): (usize, &Sample)| {
        let output = extent.gather(cotangents.output.as_slice(), sample);
        let potential = cotangents.potential.map(|u| extent.gather(u.as_slice(), sample));
        let layer = Layer { c, rule, s: states, n: extent.width, recurrent: recurrent.map(Tensor::as_slice) };
        layer.back(extent.steps, &output, potential.as_deref())
    };
    let mut each: Vec<LayerGradients> = Vec::with_capacity(samples.len());
    let mut constants = [0.0; CONSTANTS];
    let mut weights = vec![0.0; recurrent.map_or(0, Tensor::len)];
    // In the order of the samples; a few at a time, as each has recurrent weights of its own.
    for first in (0..samples.len()).step_by(AT_ONCE) {
        let some = &samples[first..samples.len().min(first + AT_ONCE)];
        each.par_extend(some.par_iter().enumerate().map(|(k, states)| one((first + k, states))));
        for gradients in &mut each[first..] {
            constants.iter_mut().zip(gradients.constants).for_each(|(sum, x)| *sum += x);
            let recurrent = std::mem::take(&mut gradients.recurrent);
            weights.iter_mut().zip(recurrent).for_each(|(sum, x)| *sum += x);
        }
    }
    let current = extent.assemble(|sample| &each[sample].current);
    LayerGradients { current, constants, recurrent: weights }
}

/// What flows back from a step to the one before, a neuron each.
#[derive(Debug, Clone, Copy, Default)]
struct Carry {
    potential: f64,
    spike: f64,
    threshold: f64,
    synapse: f64,
    adaptation: f64,
    trace: f64,
    /// At the output of the step after, which an output delay makes this step's spike.
    delayed: f64,
}

struct Layer<'a> {
    c: &'a Constants,
    rule: &'a LayerRule,
    s: &'a Sample,
    n: usize,
    recurrent: Option<&'a [f64]>,
}

impl Layer<'_> {
    fn back(&self, steps: usize, output: &[f64], potential: Option<&[f64]>) -> LayerGradients {
        let n = self.n;
        let mut carries = vec![Carry::default(); n];
        let mut feedback = vec![0.0; n];
        let mut found = LayerGradients {
            current: vec![0.0; steps * n],
            constants: [0.0; CONSTANTS],
            recurrent: vec![0.0; self.recurrent.map_or(0, <[f64]>::len)],
        };
        for t in (0..steps).rev() {
            for (k, carry) in carries.iter_mut().enumerate() {
                let at = t * n + k;
                let on_potential = potential.map_or(0.0, |all| all[at]);
                let cotangents = (output[at], on_potential, feedback[k]);
                (*carry, found.current[at]) = self.step(t, at, *carry, cotangents, &mut found.constants);
            }
            if let (Some(weights), true) = (self.recurrent, t > 0) {
                feedback.fill(0.0);
                for to in 0..n {
                    let g = found.current[t * n + to];
                    for from in 0..n {
                        found.recurrent[to * n + from] += g * self.s.handed_on(self.c, n, t - 1, from);
                        feedback[from] += weights[to * n + from] * g;
                    }
                }
                if self.cut_before(t) {
                    feedback.fill(0.0);
                }
            }
        }
        found
    }

    fn cut_before(&self, t: usize) -> bool {
        self.rule.truncated > 0 && t > 0 && t.is_multiple_of(self.rule.truncated)
    }

    /// One neuron in one step: what goes to the step before, and the gradient at the input.
    fn step(
        &self,
        t: usize,
        at: usize,
        carry: Carry,
        (output, on_potential, feedback): (f64, f64, f64),
        constants: &mut [f64; CONSTANTS],
    ) -> (Carry, f64) {
        let (c, s, n) = (self.c, self.s, self.n);
        let mut add = |constant: Constant, x: f64| constants[constant as usize] += x;
        let mut before = Carry::default();
        let [on_spike, on_trace, mut gu] = match c.output {
            Output::Spikes => [output, 0.0, 0.0],
            Output::Trace => [0.0, output, 0.0],
            Output::Potential => [0.0, 0.0, output],
        };
        gu += on_potential + carry.potential;
        if c.spiking {
            let ga = on_trace + carry.trace;
            before.trace = if self.rule.cuts.trace { 0.0 } else { c.trace_decay * ga };
            let gy = on_spike + (1.0 - c.trace_decay) * ga + feedback;
            before.delayed = gy;
            let mut go = carry.spike + if c.output_delay { carry.delayed } else { gy };
            if s.resting.get(at).is_some_and(|&resting| resting) {
                go = 0.0;
            }
            let (u, threshold) = (s.potential[at], s.threshold[at]);
            let x = c.above(u, threshold);
            let gx = go * self.rule.factor * self.rule.surrogate.derivative(x / self.rule.width);
            let attached = c.in_spike == ThresholdInSpike::Attached;
            let (du, dtheta) =
                if c.in_thresholds() { (1.0 / threshold, -u / (threshold * threshold)) } else { (1.0, -1.0) };
            gu += gx * du;
            let g_theta = carry.threshold + if attached { gx * dtheta } else { 0.0 };
            add(Constant::Threshold, g_theta);
            if let (Some((decay, scale)), true) = (c.adaptation, t > 0) {
                let g = g_theta + carry.adaptation;
                let spike = s.spikes[at - n];
                let level = if t > 1 { s.threshold[at - n] - c.threshold } else { 0.0 };
                add(Constant::AdaptationDecay, g * (level - scale * spike));
                add(Constant::AdaptationScale, g * (1.0 - decay) * spike);
                before.spike += scale * (1.0 - decay) * g;
                if t > 1 && !self.rule.cuts.adaptation {
                    before.adaptation = decay * g;
                }
            }
        }
        let i = if c.synapse.is_some() { s.synapse[at] } else { s.current[at] };
        let gd = if t == 0 {
            add(Constant::Decay, gu * c.initial);
            gu
        } else {
            self.discharge(Past::at(s, c, at - n), c.input_gain * i + c.drive, gu, &mut before, &mut add)
        };
        add(Constant::InputGain, gd * i);
        add(Constant::Drive, gd);
        let gi = c.input_gain * gd + carry.synapse;
        let mut current = gi;
        if let Some((decay, gain)) = c.synapse {
            if t > 0 {
                add(Constant::SynapseDecay, gi * s.synapse[at - n]);
            }
            add(Constant::SynapseGain, gi * s.current[at]);
            before.synapse = if self.rule.cuts.synapse { 0.0 } else { decay * gi };
            current = gain * gi;
        }
        if self.cut_before(t) {
            before = Carry::default();
        }
        (before, current)
    }

    /// The adjoint of `u[t]` at `past`: adds to what goes there, and returns the gradient at the drive.
    fn discharge(
        &self,
        past: Past,
        d: f64,
        gu: f64,
        before: &mut Carry,
        add: &mut impl FnMut(Constant, f64),
    ) -> f64 {
        let (c, reset) = (self.c, self.rule.reset);
        let (v, gv, gd, taken) = match reset.timing {
            Timing::BeforeDecay => (past.u, c.decay * gu, gu, past.taken),
            Timing::AfterDecay => (c.decay * past.u, gu, gu, 0.0),
            Timing::AfterInput => (c.decay * past.u + d, gu, 0.0, 0.0),
        };
        if reset.timing == Timing::BeforeDecay {
            before.threshold -= past.residual(c) * gu;
        }
        let alpha = match self.rule.reset_gradient {
            ResetGradient::Full => 1.0,
            ResetGradient::Scaled(alpha) => alpha,
            ResetGradient::Detached | ResetGradient::SpatialOnly => 0.0,
        };
        let silent = 1.0 - past.o;
        // At v, at o, at the value.
        let (on_v, on_o, on_value) = match reset.kind {
            ResetKind::None => (gv, 0.0, 0.0),
            ResetKind::Zero => (gv * silent, -v * gv, 0.0),
            ResetKind::Value => (gv * silent, (reset.value - v) * gv, past.o * gv),
            ResetKind::ZeroThenAdd => (gv * silent, -v * gv, gv),
            ResetKind::Subtract => {
                before.threshold -= (past.o - taken) * gv;
                (gv, -past.threshold * gv, 0.0)
            }
        };
        before.spike += alpha * on_o;
        add(Constant::ResetValue, on_value);
        let (through, gd) = match reset.timing {
            Timing::BeforeDecay => {
                add(Constant::Decay, gu * past.reset(reset, v, taken));
                (on_v, gd)
            }
            Timing::AfterDecay => {
                add(Constant::Decay, on_v * past.u);
                (c.decay * on_v, gd)
            }
            Timing::AfterInput => {
                add(Constant::Decay, on_v * past.u);
                (c.decay * on_v, on_v)
            }
        };
        if !(self.rule.cuts.decay || self.rule.reset_gradient == ResetGradient::SpatialOnly) {
            before.potential += through;
        }
        gd
    }
}
