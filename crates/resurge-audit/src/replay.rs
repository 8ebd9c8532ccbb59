//! A neuron layer run again, step by step: equation (C) of docs/conventions.md with every option of the format.
//! Where the framework's spikes were recorded, they are taken in the place of the computed ones, so that a spike which
//! rounding has flipped does not spoil all that comes after it.

use super::cell::{Constants, LayerConstants};
use super::description::Output;
use super::number::Number;
use rayon::prelude::*;
use resurge_snn::{Reset, ResetKind, ResetTiming};
use resurge_tensor::Tensor;

/// The extents of a layer: steps, samples, neurons.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) steps: usize,
    pub(super) batch: usize,
    pub(super) width: usize,
}

impl Extent {
    pub(super) fn of<S: Number>(tensor: &Tensor<S>) -> Self {
        let shape = tensor.shape();
        Self { steps: shape[0], batch: shape[1], width: shape[2..].iter().product() }
    }

    /// The sequence `[T, N]` of one sample.
    pub(super) fn gather<S: Number>(self, values: &[S], sample: usize) -> Vec<S> {
        let row = |t: usize| &values[(t * self.batch + sample) * self.width..][..self.width];
        (0..self.steps).flat_map(row).copied().collect()
    }

    /// How many samples a thread takes at least: with fewer, to hand them out costs more than they do.
    pub(super) fn a_task(self) -> usize {
        const NUMBERS: usize = 5000;
        (NUMBERS / (self.steps * self.width)).max(1)
    }

    /// The sequences `[T, N]` of all samples as one `[T, B, N]`.
    pub(super) fn assemble<'a, S: Number>(self, of: impl Fn(usize) -> &'a [S]) -> Vec<S> {
        let row = |t: usize, sample: usize| &of(sample)[t * self.width..][..self.width];
        (0..self.steps).flat_map(|t| (0..self.batch).flat_map(move |k| row(t, k))).copied().collect()
    }
}

/// What one sample's neurons did, each `[T, N]`; empty where the layer has no such state.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample<S> {
    /// The input with the recurrent current.
    pub(super) current: Vec<S>,
    /// The synapse's state `i`.
    pub(super) synapse: Vec<S>,
    pub(super) potential: Vec<S>,
    /// The spikes `o`, those of the file where there are any.
    pub(super) spikes: Vec<f64>,
    /// The spikes as computed, after the same past.
    pub(super) computed: Vec<f64>,
    /// By how much the thresholds are raised where they adapt.
    pub(super) raised: Vec<S>,
    /// The residual reset that a step contains.
    pub(super) taken: Vec<f64>,
    /// The trace `a` of what the layer hands on, where it hands on that.
    pub(super) trace: Vec<S>,
    /// Whether a spike before it keeps the neuron silent; empty where there is no such rest.
    pub(super) resting: Vec<bool>,
}

/// Runs a layer. `forced` are the spikes `o` of the file.
pub(super) fn run<S: Number>(
    constants: &LayerConstants,
    current: &Tensor<S>,
    recurrent: Option<&Tensor<f64>>,
    forced: Option<&[Vec<f64>]>,
) -> Vec<Sample<S>> {
    let extent = Extent::of(current);
    let c = LayerValues::of(constants);
    let recurrent: Option<Vec<S>> = recurrent.map(|w| w.as_slice().iter().map(|&w| S::from_f64(w)).collect());
    let one = |sample: usize| {
        let sequence = extent.gather(current.as_slice(), sample);
        let forced = forced.and_then(|all| all.get(sample)).map(Vec::as_slice);
        run_sample(&c, extent, sequence, recurrent.as_deref(), forced)
    };
    (0..extent.batch).into_par_iter().with_min_len(extent.a_task()).map(one).collect()
}

fn run_sample<S: Number>(
    layer: &LayerValues<'_, S>,
    extent: Extent,
    mut current: Vec<S>,
    recurrent: Option<&[S]>,
    forced: Option<&[f64]>,
) -> Sample<S> {
    let (steps, n, c) = (extent.steps, extent.width, layer.neuron(0));
    let zeros = |wanted: bool| vec![S::zero(); if wanted { steps * n } else { 0 }];
    let mut s = Sample {
        synapse: zeros(c.synapse.is_some()),
        potential: zeros(true),
        spikes: Vec::new(),
        computed: Vec::new(),
        raised: zeros(c.adaptation.is_some()),
        taken: Vec::new(),
        trace: zeros(c.of.output == Output::Trace),
        resting: Vec::new(),
        current: Vec::new(),
    };
    // For how many steps each neuron is still silent.
    let mut silent = vec![0_usize; n];
    for t in 0..steps {
        if let (Some(weights), true) = (recurrent, t > 0) {
            for (to, row) in weights.chunks_exact(n).enumerate() {
                let mut sum = S::zero();
                for (from, &w) in row.iter().enumerate() {
                    sum += w * S::from_f64(s.handed_on(c.of, n, t - 1, from));
                }
                current[t * n + to] += sum;
            }
        }
        for (k, silent) in silent.iter_mut().enumerate() {
            let (at, c) = (t * n + k, layer.neuron(k));
            let mut i = current[at];
            let still = t > 0 && i.re() == current[at - n].re();
            if let Some((decay, gain)) = c.synapse {
                let before = if t > 0 { s.synapse[at - n] } else { S::zero() };
                i = added(decay * before, gain * i, still);
                s.synapse[at] = i;
            }
            let d = c.input_gain * i + c.drive;
            let (u, taken) = if t == 0 {
                (c.decay * c.initial + d, 0.0)
            } else {
                let past = Past::at(&s, c, at - n);
                (past.charge(c, c.of.cell.reset, d, still), past.residual(c))
            };
            if c.of.cell.residual_reset {
                s.taken.push(taken);
            }
            s.potential[at] = u;
            if let (Some((decay, scale)), true) = (c.adaptation, t > 0) {
                let spike = S::from_f64(s.spikes[at - n]);
                s.raised[at] = decay * s.raised[at - n] + scale * (S::one() - decay) * spike;
            }
            let x = c.above(u, s.threshold(c, at));
            let rested = *silent == 0;
            if c.of.cell.refractory_steps > 0 {
                s.resting.push(!rested);
            }
            let computed = if c.of.spiking && rested { c.of.count(x.re()) } else { 0.0 };
            s.computed.push(computed);
            let o = match forced.map(|forced| forced[at]) {
                // A spike that the file cannot know: with an output delay, that of the last step.
                Some(spike) if !spike.is_nan() => spike,
                _ => computed,
            };
            s.spikes.push(o);
            *silent = if o != 0.0 { c.of.cell.refractory_steps } else { silent.saturating_sub(1) };
            if c.of.output == Output::Trace {
                let y = S::from_f64(s.handed_on(c.of, n, t, k));
                let trace = if t > 0 { s.trace[at - n] } else { S::zero() };
                s.trace[at] = c.trace_decay * trace + (S::one() - c.trace_decay) * y;
            }
        }
    }
    s.current = current;
    s
}

impl<S: Number> Sample<S> {
    /// The threshold of a neuron in a step.
    pub(super) fn threshold(&self, c: &Values<'_, S>, at: usize) -> S {
        self.raised.get(at).map_or(c.threshold, |&raised| c.threshold + raised)
    }

    /// `y[t]`: the spike, or that of the step before.
    pub(super) fn handed_on(&self, c: &Constants, width: usize, t: usize, neuron: usize) -> f64 {
        match (c.cell.output_delay, t) {
            (false, _) => self.spikes[t * width + neuron],
            (true, 0) => 0.0,
            (true, _) => self.spikes[(t - 1) * width + neuron],
        }
    }

    /// What the layer hands on, `[T, N]`.
    pub(super) fn output(&self, c: &Constants, extent: Extent) -> Vec<S> {
        match c.output {
            Output::Potential => self.potential.clone(),
            Output::Trace => self.trace.clone(),
            Output::Spikes => self.delayed(c, extent, &self.spikes).into_iter().map(S::from_f64).collect(),
        }
    }

    /// Spikes as the layer would hand them on.
    pub(super) fn delayed(&self, c: &Constants, extent: Extent, spikes: &[f64]) -> Vec<f64> {
        if !c.cell.output_delay {
            return spikes.to_vec();
        }
        let kept = (extent.steps - 1) * extent.width;
        let mut late = vec![0.0; extent.width];
        late.extend_from_slice(&spikes[..kept]);
        late
    }
}

/// The constants of a layer as numbers of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a, S> {
    /// What they are made of, with the choices.
    pub(super) of: &'a Constants,
    pub(super) decay: S,
    pub(super) input_gain: S,
    pub(super) drive: S,
    pub(super) initial: S,
    pub(super) threshold: S,
    pub(super) reset_value: S,
    pub(super) trace_decay: S,
    pub(super) min_potential: Option<S>,
    pub(super) synapse: Option<(S, S)>,
    pub(super) adaptation: Option<(S, S)>,
}

impl<'a, S: Number> Values<'a, S> {
    pub(super) fn of(c: &'a Constants) -> Self {
        let cell = &c.cell;
        let pair = |a: f64, b: f64| (S::constant(a), S::constant(b));
        Self {
            of: c,
            decay: S::constant(cell.decay),
            input_gain: S::constant(cell.input_gain),
            drive: S::constant(cell.drive),
            initial: S::constant(cell.initial_potential),
            threshold: S::constant(cell.threshold),
            reset_value: S::constant(c.reset_value),
            trace_decay: S::constant(cell.trace_decay),
            min_potential: c.min_potential.map(S::constant),
            synapse: cell.synapse.map(|s| pair(s.decay, s.gain)),
            adaptation: cell.adaptation.map(|a| pair(a.decay, a.scale)),
        }
    }

    /// The argument of the spike and of the surrogate.
    pub(super) fn above(&self, u: S, threshold: S) -> S {
        let x = u - threshold;
        if self.of.in_thresholds() { x / threshold } else { x }
    }
}

/// The constants of all neurons of a layer as numbers of a run.
#[derive(Debug, Clone)]
pub(super) struct LayerValues<'a, S> {
    each: Vec<Values<'a, S>>,
    first: Values<'a, S>,
    span: usize,
}

impl<'a, S: Number> LayerValues<'a, S> {
    pub(super) fn of(constants: &'a LayerConstants) -> Self {
        let (entries, span) = constants.entries();
        Self { each: entries.iter().map(Values::of).collect(), first: Values::of(constants.of(0)), span }
    }

    /// Those of one neuron.
    pub(super) fn neuron(&self, k: usize) -> &Values<'a, S> {
        self.each.get(k / self.span).unwrap_or(&self.first)
    }
}

/// A neuron at the end of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past<S> {
    pub(super) u: S,
    pub(super) o: S,
    pub(super) threshold: S,
    pub(super) taken: S,
}

impl<S: Number> Past<S> {
    pub(super) fn at(s: &Sample<S>, c: &Values<'_, S>, at: usize) -> Self {
        Self {
            u: s.potential[at],
            o: S::from_f64(s.spikes[at]),
            threshold: s.threshold(c, at),
            taken: S::from_f64(if c.of.cell.residual_reset { s.taken[at] } else { 0.0 }),
        }
    }

    /// `R(v, o)`.
    pub(super) fn reset(&self, c: &Values<'_, S>, kind: ResetKind, v: S, taken: S) -> S {
        let silent = S::one() - self.o;
        match kind {
            ResetKind::None => v,
            ResetKind::ToZero => v * silent,
            ResetKind::ToValue(_) => v * silent + c.reset_value * self.o,
            ResetKind::ToZeroThenAdd(_) => v * silent + c.reset_value,
            ResetKind::Subtract => v - self.threshold * (self.o - taken),
        }
    }

    /// What the reset leaves, and not less than the least potential; computed as frameworks do, so that it rounds as
    /// theirs.
    pub(super) fn left(&self, c: &Values<'_, S>, kind: ResetKind, v: S, taken: S) -> S {
        let m = self.reset(c, kind, v, taken);
        match c.min_potential {
            Some(least) if m.re() <= least.re() => least,
            Some(least) => (m - least) + least,
            None => m,
        }
    }

    /// Whether the neuron's own reset leaves no more than the least potential, so that nothing goes to the step before.
    pub(super) fn is_held(&self, c: &Values<'_, S>) -> bool {
        c.min_potential
            .is_some_and(|least| self.reset(c, c.of.cell.reset.kind, self.u, self.taken).re() <= least.re())
    }

    /// The residual reset of the step after this one.
    pub(super) fn residual(&self, c: &Values<'_, S>) -> f64 {
        if !c.of.cell.residual_reset {
            return 0.0;
        }
        let m = self.reset(c, c.of.cell.reset.kind, self.u, self.taken);
        c.of.count((m - self.threshold).re())
    }

    /// The potential one step later, `d` being what drives it, and `still` whether that is what it was.
    fn charge(&self, c: &Values<'_, S>, reset: Reset, d: S, still: bool) -> S {
        match reset.timing {
            ResetTiming::BeforeDecay => {
                let m = self.left(c, reset.kind, self.u, self.taken);
                added(c.decay * m - S::from_f64(self.residual(c)) * self.threshold, d, still)
            }
            ResetTiming::AfterDecay => {
                added(self.reset(c, reset.kind, c.decay * self.u, S::zero()), d, still)
            }
            ResetTiming::AfterInput => {
                self.reset(c, reset.kind, added(c.decay * self.u, d, still), S::zero())
            }
        }
    }
}

/// A state and what a step adds to it. Where that is the same at each step (an image that stands still), so is its
/// rounding error: `+=` adds errors as they are, where `+` takes them for independent.
fn added<S: Number>(mut state: S, term: S, still: bool) -> S {
    if still {
        state += term;
        return state;
    }
    state + term
}

#[cfg(test)]
mod tests;
