//! The recurrence of a cell over a row of neurons, forward and in reverse: the loops that the processor spends its
//! time in.
//!
//! A row holds one value a neuron. What differs between cells is decided outside of the loops, or is a factor of 0
//! or 1 inside, so that every loop is plain arithmetic over slices, which the compiler turns into vector code.

#[cfg(test)]
mod tests;

use super::OpResult;
use crate::{
    Cell, Firing, ResetGradient, ResetKind, ResetTiming, Result, SnnError, Surrogate, ThresholdInSpike,
};
use resurge_autodiff::AutodiffError;
use resurge_tensor::Scalar;
use std::ops::Range;

/// The constants of a cell as numbers of the scalar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recurrence<S> {
    decay: S,
    gain: S,
    drive: S,
    /// What is left of the initial potential in the first step, where there is one.
    initial: Option<S>,
    pub(super) threshold: S,
    /// `beta_s` and `1 - beta_s`, unless the trace is the spike.
    trace: Option<(S, S)>,
    reset: ResetFactors<S>,
    timing: ResetTiming,
    pub(super) rule: ResetGradient,
    alpha: S,
    firing: Firing,
    relative: bool,
    pub(super) surrogate: Surrogate,
}

/// `R(v, o) = v (1 - erase o) + by_spike o + always`: every reset by its factors.
#[derive(Debug, Clone, Copy)]
struct ResetFactors<S> {
    erase: S,
    by_spike: S,
    always: S,
}

impl<S: Scalar> ResetFactors<S> {
    #[inline(always)]
    fn apply(self, v: S, o: S) -> S {
        v * (S::one() - self.erase * o) + self.by_spike * o + self.always
    }
}

/// What one step hands back to the step before it, in the reverse pass; a value a neuron.
#[derive(Debug, Default)]
pub(super) struct Carry<S> {
    /// `delta[t + 1]`.
    pub(super) delta: Vec<S>,
    /// The gradient of the trace `a[t + 1]`, by every path.
    trace: Vec<S>,
}

/// Neurons that go through all the loops of a step before the next ones do: what passes from loop to loop stays in the
/// L1 cache, however long the rows are.
const PIECE: usize = 256;

/// The pieces of a row of so many neurons.
fn pieces(neurons: usize) -> impl Iterator<Item = Range<usize>> {
    (0..neurons).step_by(PIECE).map(move |start| start..(start + PIECE).min(neurons))
}

impl<S: Scalar> Carry<S> {
    pub(super) fn new(neurons: usize) -> Self {
        let mut carry = Self::default();
        carry.clear(neurons);
        carry
    }

    pub(super) fn clear(&mut self, neurons: usize) {
        for row in [&mut self.delta, &mut self.trace] {
            row.clear();
            row.resize(neurons, S::zero());
        }
    }
}

impl<S: Scalar> Recurrence<S> {
    /// The recurrence of a cell that has one in closed form.
    ///
    /// # Errors
    /// [`SnnError::NotFused`] names the option that the fused recurrence does not have.
    pub(super) fn of(cell: &Cell) -> Result<Self> {
        if let Some(option) = cell.beyond_one_recurrence() {
            return Err(SnnError::NotFused { option });
        }
        let c = S::from_f64;
        let threshold = c(cell.threshold());
        let reset = match cell.reset().kind {
            ResetKind::None => [0.0, 0.0, 0.0],
            ResetKind::ToZero => [1.0, 0.0, 0.0],
            ResetKind::ToValue(value) => [1.0, value, 0.0],
            ResetKind::Subtract => [0.0, -cell.threshold(), 0.0],
            ResetKind::ToZeroThenAdd(value) => [1.0, 0.0, value],
        };
        let [erase, by_spike, always] = reset.map(c);
        let (initial, decay) = (cell.initial_potential(), c(cell.decay()));
        let beta = c(cell.trace_decay());
        let relative = cell.threshold_in_spike() == ThresholdInSpike::Relative;
        Ok(Self {
            decay,
            gain: c(cell.input_gain()),
            drive: c(cell.drive()),
            initial: (initial != 0.0).then(|| c(initial) * decay),
            threshold,
            trace: (cell.trace_decay() != 0.0).then(|| (beta, S::one() - beta)),
            reset: ResetFactors { erase, by_spike, always },
            timing: cell.reset().timing,
            rule: cell.reset_gradient(),
            alpha: c(cell.reset_gradient().alpha()),
            firing: cell.firing(),
            relative: relative || cell.firing() == Firing::Repeatedly,
            surrogate: cell.surrogate(),
        })
    }

    /// As [`of`](Self::of), for an operation whose cell has been found to have a recurrence.
    pub(super) fn of_operation(cell: &Cell, op: &'static str) -> OpResult<Self> {
        Self::of(cell).map_err(|_| AutodiffError::Parameter {
            op,
            parameter: "cell",
            value: f64::NAN,
            expected: "one with a closed recurrence",
        })
    }

    /// `u[t]`: for `t = 0` from the current alone, else from `before`, the potentials `u[t - 1]`, and the spikes
    /// `o[t - 1]` as the reset sees them.
    #[inline(always)]
    pub(super) fn integrate(&self, t: usize, before: &[S], spikes: &[S], current: &[S], u: &mut [S]) {
        if t == 0 { self.start(current, u) } else { self.advance(before, spikes, current, u) }
    }

    /// [`integrate`](Self::integrate), and the spikes `o[t]` in place of `o[t - 1]`.
    #[inline(always)]
    pub(super) fn step(&self, t: usize, before: &[S], spikes: &mut [S], current: &[S], u: &mut [S]) {
        for piece in pieces(u.len()) {
            let before = if t == 0 { &[] } else { &before[piece.clone()] };
            let (u, spikes) = (&mut u[piece.clone()], &mut spikes[piece.clone()]);
            self.integrate(t, before, spikes, &current[piece], u);
            self.fire(u, spikes);
        }
    }

    #[inline(always)]
    fn start(&self, current: &[S], u: &mut [S]) {
        for (u, &i) in u.iter_mut().zip(current) {
            *u = i * self.gain + self.drive;
        }
        if let Some(initial) = self.initial {
            for u in u {
                *u = initial + *u;
            }
        }
    }

    #[inline(always)]
    fn advance(&self, before: &[S], spikes: &[S], current: &[S], u: &mut [S]) {
        let (reset, decay, gain, drive) = (self.reset, self.decay, self.gain, self.drive);
        let rows = u.iter_mut().zip(before).zip(spikes).zip(current);
        match self.timing {
            ResetTiming::BeforeDecay => {
                for (((u, &v), &o), &i) in rows {
                    *u = reset.apply(v, o) * decay + (i * gain + drive);
                }
            }
            ResetTiming::AfterDecay => {
                for (((u, &v), &o), &i) in rows {
                    *u = reset.apply(v * decay, o) + (i * gain + drive);
                }
            }
            ResetTiming::AfterInput => {
                for (((u, &v), &o), &i) in rows {
                    *u = reset.apply(v * decay + (i * gain + drive), o);
                }
            }
        }
    }

    /// The argument `x` of the step function.
    #[inline(always)]
    pub(super) fn above(&self, u: S) -> S {
        let x = u - self.threshold;
        if self.relative { x / self.threshold } else { x }
    }

    /// Equation (2) for a row.
    #[inline(always)]
    pub(super) fn fire(&self, u: &[S], spikes: &mut [S]) {
        let rows = spikes.iter_mut().zip(u);
        let (zero, one) = (S::zero(), S::one());
        // Once a step, in units of the threshold or not: the sign is the same, since what is left of a difference is no
        // smaller than the last place of the threshold.
        match self.firing {
            Firing::Above => {
                for (o, &u) in rows {
                    *o = if (u - self.threshold).re() > 0.0 { one } else { zero };
                }
            }
            Firing::AtOrAbove => {
                for (o, &u) in rows {
                    *o = if (u - self.threshold).re() >= 0.0 { one } else { zero };
                }
            }
            Firing::Repeatedly => {
                for (o, &u) in rows {
                    *o = S::from_f64(self.firing.count(self.above(u).re()));
                }
            }
        }
    }

    /// Equation (3) for a row: `a[t]` in place of `a[t - 1]`.
    #[inline(always)]
    pub(super) fn filter(&self, trace: &mut [S], spikes: &[S]) {
        match self.trace {
            Some((beta, gain)) => {
                for (a, &o) in trace.iter_mut().zip(spikes) {
                    *a = *a * beta + o * gain;
                }
            }
            None => trace.copy_from_slice(spikes),
        }
    }

    /// The surrogate derivative with respect to `u` for a row.
    #[inline(always)]
    fn slopes(&self, u: &[S], slopes: &mut [S]) {
        if self.relative {
            let unit = self.threshold;
            for (g, &u) in slopes.iter_mut().zip(u) {
                *g = (u - unit) / unit;
            }
            self.surrogate.derivatives(slopes);
            for g in slopes {
                *g = *g / unit;
            }
        } else {
            for (g, &u) in slopes.iter_mut().zip(u) {
                *g = u - self.threshold;
            }
            self.surrogate.derivatives(slopes);
        }
    }

    /// One step of the reverse pass. From `carry`, the state of step `t + 1`, it makes that of step `t`:
    ///
    /// ```text
    /// dL/do[t]  = eps[t] + alpha (dR/do) (dL/dR)[t+1]
    /// delta[t]  = sigma'(u[t] - theta) dL/do[t] + (dR/dv)(dv/du) (dL/dR)[t+1]       equation (6) and its relatives
    /// ```
    ///
    /// `of_traces` where the cotangent is that of a trace.
    #[inline(always)]
    pub(super) fn retreat(&self, carry: &mut Carry<S>, at: &ReverseStep<'_, S>, of_traces: bool) {
        let (mut slopes, mut fired) = ([S::zero(); PIECE], [S::zero(); PIECE]);
        for piece in pieces(at.u.len()) {
            let u = &at.u[piece.clone()];
            let slopes = &mut slopes[..u.len()];
            self.slopes(u, slopes);
            let spikes = match at.spikes {
                Some(spikes) => &spikes[piece.clone()],
                None => {
                    self.fire(u, &mut fired[..u.len()]);
                    &fired[..u.len()]
                }
            };
            let cotangent = &at.cotangent[piece.clone()];
            let epsilon: &[S] = match self.trace {
                Some((beta, gain)) if of_traces => {
                    let trace = &mut carry.trace[piece.clone()];
                    for (e, &c) in trace.iter_mut().zip(cotangent) {
                        *e = *e * beta + c * gain;
                    }
                    trace
                }
                _ => cotangent,
            };
            // At the last step delta is 0 and the current of the next does not matter.
            let next = at.next.map_or(u, |next| &next[piece.clone()]);
            self.retreat_piece(&mut carry.delta[piece], slopes, epsilon, [u, spikes, next]);
        }
    }

    #[inline(always)]
    fn retreat_piece(&self, delta: &mut [S], slopes: &[S], epsilon: &[S], [u, spikes, next]: [&[S]; 3]) {
        let (decay, alpha, reset) = (self.decay, self.alpha, self.reset);
        let through = if self.rule == ResetGradient::SpatialOnly { S::zero() } else { decay };
        let rows = delta.iter_mut().zip(slopes).zip(epsilon).zip(u.iter().zip(spikes));
        match self.timing {
            ResetTiming::BeforeDecay => {
                for (((delta, &g), &e), (&u, &o)) in rows {
                    let by_spike = alpha * (decay * (reset.by_spike - reset.erase * u));
                    let membrane = through * (S::one() - reset.erase * o);
                    *delta = g * (e + by_spike * *delta) + membrane * *delta;
                }
            }
            ResetTiming::AfterDecay => {
                for (((delta, &g), &e), (&u, &o)) in rows {
                    let by_spike = alpha * (reset.by_spike - reset.erase * (u * decay));
                    let membrane = through * (S::one() - reset.erase * o);
                    *delta = g * (e + by_spike * *delta) + membrane * *delta;
                }
            }
            ResetTiming::AfterInput => {
                for ((((delta, &g), &e), (&u, &o)), &i) in rows.zip(next) {
                    let v = u * decay + (i * self.gain + self.drive);
                    let by_spike = alpha * (reset.by_spike - reset.erase * v);
                    let membrane = through * (S::one() - reset.erase * o);
                    *delta = g * (e + by_spike * *delta) + membrane * *delta;
                }
            }
        }
    }

    /// `dL/dI[t]` from `delta[t]`; `gate` are the spikes of step `t - 1`, where there is one and
    /// [they act](Self::gates_input) on the current.
    #[inline(always)]
    pub(super) fn current_gradient(&self, delta: &[S], gate: Option<&[S]>, out: &mut [S]) {
        match gate {
            Some(before) => {
                for ((out, &delta), &o) in out.iter_mut().zip(delta).zip(before) {
                    *out = delta * (S::one() - self.reset.erase * o) * self.gain;
                }
            }
            None => {
                for (out, &delta) in out.iter_mut().zip(delta) {
                    *out = delta * self.gain;
                }
            }
        }
    }

    /// [`current_gradient`](Self::current_gradient): `delta[t]` itself where it is that, else written to `room`.
    #[inline(always)]
    pub(super) fn current_gradient_in<'a>(
        &self,
        delta: &'a [S],
        gate: Option<&[S]>,
        room: &'a mut [S],
    ) -> &'a [S] {
        if gate.is_none() && self.gain == S::one() {
            return delta;
        }
        self.current_gradient(delta, gate, room);
        room
    }

    /// Whether a spike acts on the current of the next step, too.
    pub(super) fn gates_input(&self) -> bool {
        self.timing == ResetTiming::AfterInput
    }
}

/// What one step of the reverse pass reads; rows of one value a neuron.
pub(super) struct ReverseStep<'a, S> {
    pub(super) u: &'a [S],
    /// The spikes of the step as the reset sees them; none where `u` says it.
    pub(super) spikes: Option<&'a [S]>,
    /// What reaches the output of the step.
    pub(super) cotangent: &'a [S],
    /// The current of the next step, if there is one.
    pub(super) next: Option<&'a [S]>,
}
