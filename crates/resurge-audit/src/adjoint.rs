//! The adjoint of one neuron layer, written out: equations (4) to (6) for every option of the format, and for every
//! other gradient of the same run that a framework may have computed instead.

use super::cell::LayerConstants;
use super::description::{CONSTANTS, Constant, Output};
use super::number::Number;
use super::replay::{Extent, LayerValues, Past, Sample, Values};
use rayon::prelude::*;
use resurge_snn::{Reset, ResetGradient, ResetKind, ResetTiming, Surrogate};
use resurge_tensor::Tensor;

/// Through what nothing flows in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cuts {
    pub(super) decay: bool,
    pub(super) synapse: bool,
    pub(super) trace: bool,
    pub(super) adaptation: bool,
}

/// Through what the threshold has a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ThresholdPaths {
    /// A reset that subtracts it.
    pub(super) reset: bool,
    /// The spike.
    pub(super) spike: bool,
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
    pub(super) threshold: ThresholdPaths,
    /// The unit roundoff of the file's type.
    pub(super) roundoff: f64,
    /// Whether each neuron's own constants have a gradient.
    pub(super) per_neuron: bool,
}

/// The cotangents of a layer, `[T, B, N]`.
#[derive(Debug)]
pub(super) struct Cotangents<'a, S> {
    /// Of what it hands on.
    pub(super) output: &'a Tensor<S>,
    /// Of its potentials besides.
    pub(super) potential: Option<&'a Tensor<S>>,
}

/// The gradients of a layer.
#[derive(Debug)]
pub(super) struct LayerGradients<S> {
    /// At its input `J`, `[T, B, N]`.
    pub(super) current: Vec<S>,
    /// At its constants: of each neuron, or of all together.
    pub(super) constants: Vec<[S; CONSTANTS]>,
    /// At its recurrent weights, `[N, N]`.
    pub(super) recurrent: Vec<S>,
}

/// Samples that are differentiated at the same time: so many at least, and so many that their gradients of what they share
/// are not more numbers than this.
pub(super) const AT_ONCE: (usize, usize) = (8, 5_000);

/// Samples that are differentiated at the same time, each with a gradient of every constant of so many neurons, and of so
/// many weights.
fn at_once(neurons: usize, weights: usize) -> usize {
    let (least, numbers) = AT_ONCE;
    least.max(numbers / (neurons * CONSTANTS + weights))
}

/// Runs the adjoint of a layer.
pub(super) fn back<S: Number>(
    c: &LayerConstants,
    rule: &LayerRule,
    samples: &[Sample<S>],
    recurrent: Option<&Tensor<f64>>,
    cotangents: &Cotangents<'_, S>,
) -> LayerGradients<S> {
    let extent = Extent::of(cotangents.output);
    let values = LayerValues::of(c);
    let rows = if rule.per_neuron { extent.width } else { 1 };
    let recurrent: Option<Vec<S>> = recurrent.map(|w| w.as_slice().iter().map(|&w| S::from_f64(w)).collect());
    let one = |(sample, states): (usize, &Sample<S>)| {
        let output = extent.gather(cotangents.output.as_slice(), sample);
        let potential = cotangents.potential.map(|u| extent.gather(u.as_slice(), sample));
        let layer =
            Layer { c: &values, rule, s: states, n: extent.width, rows, recurrent: recurrent.as_deref() };
        layer.back(extent.steps, &output, potential.as_deref())
    };
    let mut each: Vec<LayerGradients<S>> = Vec::with_capacity(samples.len());
    let mut constants = vec![[S::zero(); CONSTANTS]; rows];
    let mut weights = vec![S::zero(); recurrent.as_ref().map_or(0, Vec::len)];
    // In the order of the samples; a few at a time, as each has recurrent weights of its own.
    for some in samples.chunks(at_once(rows, weights.len())) {
        let first = each.len();
        let indexed = some.par_iter().with_min_len(extent.a_task()).enumerate();
        each.par_extend(indexed.map(|(k, states)| one((first + k, states))));
        for gradients in &mut each[first..] {
            let own = std::mem::take(&mut gradients.constants);
            let both = constants.as_flattened_mut().iter_mut().zip(own.as_flattened());
            both.for_each(|(sum, &x)| *sum += x);
            let recurrent = std::mem::take(&mut gradients.recurrent);
            weights.iter_mut().zip(recurrent).for_each(|(sum, x)| *sum += x);
        }
    }
    let current = extent.assemble(|sample| &each[sample].current);
    LayerGradients { current, constants, recurrent: weights }
}

/// What flows back from a step to the one before, a neuron each.
///
/// Potential and spike get their parts from one number, the gradient at the next potential. They are kept as factors
/// of it, to be added before they meet it, as in equation (6): the two often have opposite signs, and added as products
/// their errors would not cancel where the errors of the gradient do.
#[derive(Debug, Clone, Copy, Default)]
struct Carry<S> {
    /// The gradient at the next potential.
    next: S,
    /// The next potential's derivative by this one, and by this spike.
    by_potential: S,
    by_spike: S,
    /// At the spike besides: through an adaptive threshold.
    spike: S,
    threshold: S,
    synapse: S,
    adaptation: S,
    trace: S,
    /// At the output of the step after, which an output delay makes this step's spike.
    delayed: S,
}

struct Layer<'a, S> {
    c: &'a LayerValues<'a, S>,
    rule: &'a LayerRule,
    s: &'a Sample<S>,
    n: usize,
    rows: usize,
    recurrent: Option<&'a [S]>,
}

impl<S: Number> Layer<'_, S> {
    fn back(&self, steps: usize, output: &[S], potential: Option<&[S]>) -> LayerGradients<S> {
        let n = self.n;
        let mut carries = vec![Carry::default(); n];
        let mut feedback = vec![S::zero(); n];
        let mut found = LayerGradients {
            current: vec![S::zero(); steps * n],
            constants: vec![[S::zero(); CONSTANTS]; self.rows],
            recurrent: vec![S::zero(); self.recurrent.unwrap_or_default().len()],
        };
        for t in (0..steps).rev() {
            for (k, carry) in carries.iter_mut().enumerate() {
                let at = t * n + k;
                let on_potential = potential.map_or(S::zero(), |all| all[at]);
                let at_output =
                    AtOutput { output: output[at], potential: on_potential, feedback: feedback[k] };
                (*carry, found.current[at]) =
                    self.step(t, at, *carry, at_output, &mut found.constants[k % self.rows]);
            }
            if let (Some(weights), true) = (self.recurrent, t > 0) {
                feedback.fill(S::zero());
                for to in 0..n {
                    let g = found.current[t * n + to];
                    for from in 0..n {
                        let spike = S::from_f64(self.s.handed_on(self.c.neuron(from).of, n, t - 1, from));
                        found.recurrent[to * n + from] += g * spike;
                        feedback[from] += weights[to * n + from] * g;
                    }
                }
                if self.cut_before(t) {
                    feedback.fill(S::zero());
                }
            }
        }
        found
    }

    /// Whether nothing goes to the step before: of 0, which is no truncation, only 0 is a multiple, and before the first
    /// step there is none.
    fn cut_before(&self, t: usize) -> bool {
        t.is_multiple_of(self.rule.truncated)
    }

    /// One neuron in one step: what goes to the step before, and the gradient at the input.
    fn step(
        &self,
        t: usize,
        at: usize,
        carry: Carry<S>,
        from: AtOutput<S>,
        constants: &mut [S; CONSTANTS],
    ) -> (Carry<S>, S) {
        let (c, s, n) = (self.c.neuron(at % self.n), self.s, self.n);
        let (zero, one) = (S::zero(), S::one());
        let mut add = |constant: Constant, x: S| constants[constant as usize] += x;
        let mut before = Carry::default();
        let [on_spike, on_trace, on_output] = match c.of.output {
            Output::Spikes => [from.output, zero, zero],
            Output::Trace => [zero, from.output, zero],
            Output::Potential => [zero, zero, from.output],
        };
        let mut gu = on_output + from.potential;
        let mut factor = carry.by_potential;
        if c.of.spiking {
            let ga = on_trace + carry.trace;
            before.trace = if self.rule.cuts.trace { zero } else { c.trace_decay * ga };
            let gy = on_spike + (one - c.trace_decay) * ga + from.feedback;
            before.delayed = gy;
            let mut go = carry.spike + if c.of.cell.output_delay { carry.delayed } else { gy };
            let mut by_spike = carry.by_spike;
            if s.resting.get(at).is_some_and(|&resting| resting) {
                (go, by_spike) = (zero, zero);
            }
            let (u, threshold) = (s.potential[at], s.threshold(c, at));
            let slope =
                c.above(u, threshold).slope(&self.rule.surrogate, self.rule.width, self.rule.roundoff);
            let slope = S::from_f64(self.rule.factor) * slope;
            let gx = (go + by_spike * carry.next) * slope;
            let attached = self.rule.threshold.spike;
            let (du, dtheta) = if c.of.in_thresholds() {
                (one / threshold, -u / (threshold * threshold))
            } else {
                (one, -one)
            };
            (gu, factor) = (gu + go * slope * du, factor + by_spike * slope * du);
            let g_theta = carry.threshold + if attached { gx * dtheta } else { zero };
            add(Constant::Threshold, g_theta);
            if let (Some((decay, scale)), true) = (c.adaptation, t > 0) {
                let g = g_theta + carry.adaptation;
                let spike = S::from_f64(s.spikes[at - n]);
                add(Constant::AdaptationDecay, g * (s.raised[at - n] - scale * spike));
                add(Constant::AdaptationScale, g * (one - decay) * spike);
                if !c.of.adaptation_detached {
                    before.spike = scale * (one - decay) * g;
                }
                if !self.rule.cuts.adaptation {
                    before.adaptation = decay * g;
                }
            }
        }
        // What comes from later steps may have its errors in common with this one's: `+=` adds them as they are.
        gu += factor * carry.next;
        let i = if c.synapse.is_some() { s.synapse[at] } else { s.current[at] };
        let gd = if t == 0 {
            add(Constant::Decay, gu * c.initial);
            gu
        } else {
            self.discharge(c, Past::at(s, c, at - n), c.input_gain * i + c.drive, gu, &mut before, &mut add)
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
            before.synapse = if self.rule.cuts.synapse { zero } else { decay * gi };
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
        c: &Values<'_, S>,
        past: Past<S>,
        d: S,
        gu: S,
        before: &mut Carry<S>,
        add: &mut impl FnMut(Constant, S),
    ) -> S {
        let reset = self.rule.reset;
        let (zero, one) = (S::zero(), S::one());
        // What the reset is applied to, what of it was taken before and what is taken now, and the derivatives: of u by
        // what the reset makes of it, and of it by the potential.
        let (v, taken, residual, outer, inner) = match reset.timing {
            ResetTiming::BeforeDecay => (past.u, past.taken, past.residual(c), c.decay, one),
            ResetTiming::AfterDecay => (c.decay * past.u, zero, 0.0, one, c.decay),
            ResetTiming::AfterInput => (c.decay * past.u + d, zero, 0.0, one, c.decay),
        };
        let silent = one - past.o;
        // By v, by o, by the value.
        let (by_v, by_o, by_value) = match reset.kind {
            _ if past.is_held(c) => (zero, zero, zero),
            ResetKind::None => (one, zero, zero),
            ResetKind::ToZero => (silent, -v, zero),
            ResetKind::ToValue(_) => (silent, c.reset_value - v, past.o),
            ResetKind::ToZeroThenAdd(_) => (silent, -v, one),
            ResetKind::Subtract => {
                if self.rule.threshold.reset {
                    before.threshold = -(S::from_f64(residual) * gu) - (past.o - taken) * outer * gu;
                }
                (one, -past.threshold, zero)
            }
        };
        before.next = gu;
        before.by_spike = S::from_f64(self.rule.reset_gradient.alpha()) * by_o * outer;
        if !(self.rule.cuts.decay || self.rule.reset_gradient == ResetGradient::SpatialOnly) {
            before.by_potential = by_v * inner * outer;
        }
        add(Constant::ResetValue, by_value * outer * gu);
        let by_decay = match reset.timing {
            ResetTiming::BeforeDecay => past.left(c, reset.kind, v, taken),
            ResetTiming::AfterDecay | ResetTiming::AfterInput => by_v * past.u,
        };
        add(Constant::Decay, gu * by_decay);
        match reset.timing {
            ResetTiming::AfterInput => by_v * gu,
            ResetTiming::BeforeDecay | ResetTiming::AfterDecay => gu,
        }
    }
}

/// What comes to a neuron from outside of it, in one step.
#[derive(Debug, Clone, Copy)]
struct AtOutput<S> {
    output: S,
    potential: S,
    /// From the next step's currents, through the recurrent weights.
    feedback: S,
}

#[cfg(test)]
mod tests {
    use super::at_once;

    /// Eight at the least, and so many that they keep no more than 5,000 numbers.
    #[test]
    fn few_samples_are_differentiated_at_once_where_each_keeps_much() {
        let [one, ten, many] = [at_once(1, 0), at_once(10, 410), at_once(100, 5000)];
        assert_eq!((one, ten, many), (5000 / 9, 10, 8));
    }
}
