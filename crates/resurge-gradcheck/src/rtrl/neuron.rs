//! One step of one neuron, and the derivative of that step by one parameter: (R) and (F), written out.

use resurge_snn::{Cell, Firing, ResetGradient, ResetKind, ResetTiming, ThresholdInSpike};

/// The constants of a neuron, or their derivatives by one parameter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Constants {
    pub(super) decay: f64,
    pub(super) threshold: f64,
    pub(super) input_gain: f64,
    pub(super) drive: f64,
    pub(super) v_reset: f64,
    pub(super) trace_decay: f64,
    pub(super) synapse_decay: f64,
    pub(super) synapse_gain: f64,
    pub(super) adaptation_decay: f64,
    pub(super) adaptation_scale: f64,
}

impl Constants {
    /// The cell's own. A cell without a synapse or an adaptation is one whose decay and scale are 0.
    pub(super) fn of(cell: &Cell) -> Self {
        let v_reset = match cell.reset().kind {
            ResetKind::ToValue(v) | ResetKind::ToZeroThenAdd(v) => v,
            _ => 0.0,
        };
        Self {
            decay: cell.decay(),
            threshold: cell.threshold(),
            input_gain: cell.input_gain(),
            drive: cell.drive(),
            v_reset,
            trace_decay: cell.trace_decay(),
            synapse_decay: cell.synapse().map_or(0.0, |s| s.decay),
            synapse_gain: cell.synapse().map_or(1.0, |s| s.gain),
            adaptation_decay: cell.adaptation().map_or(0.0, |a| a.decay),
            adaptation_scale: cell.adaptation().map_or(0.0, |a| a.scale),
        }
    }
}

/// What a neuron carries to the next step. The state before the first step is 0.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    pub(super) carried: Carried,
    /// 1 where a reset was put off to the step after, as a potential stayed above the threshold.
    residual: f64,
    /// How many steps the neuron has yet to rest.
    resting: usize,
    /// Whether there was a step before this one.
    begun: bool,
}

/// The variables of a neuron, or their derivatives by one parameter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    /// `i[t]`
    synapse: f64,
    /// `gain i[t] + drive`
    driven: f64,
    /// `u[t]`
    pub(super) potential: f64,
    /// `A[t]`
    adaptation: f64,
    /// `theta[t] = theta + A[t]`
    threshold: f64,
    /// `o[t]`
    pub(super) spike: f64,
    /// `o[t]`, or `o[t-1]` where the output is delayed
    pub(super) output: f64,
    /// `a[t]`
    pub(super) trace: f64,
}

/// One step forward, from the state before and the input current.
pub(super) fn step(cell: &Cell, c: &Constants, before: &State, current: f64) -> State {
    let b = &before.carried;
    let synapse = c.synapse_decay * b.synapse + c.synapse_gain * current;
    let driven = c.input_gain * synapse + c.drive;

    let mut residual = 0.0;
    let taken = b.spike - before.residual;
    let potential = if !before.begun {
        c.decay * cell.initial_potential() + driven
    } else {
        match cell.reset().timing {
            ResetTiming::BeforeDecay => {
                let m = reset(cell.reset().kind, b.potential, b.spike, taken, b.threshold, c.v_reset);
                if cell.residual_reset() {
                    residual = count(cell.firing(), m - b.threshold);
                }
                c.decay * m - residual * b.threshold + driven
            }
            ResetTiming::AfterDecay => {
                let v = c.decay * b.potential;
                reset(cell.reset().kind, v, b.spike, taken, b.threshold, c.v_reset) + driven
            }
            ResetTiming::AfterInput => {
                let v = c.decay * b.potential + driven;
                reset(cell.reset().kind, v, b.spike, taken, b.threshold, c.v_reset)
            }
        }
    };

    let adaptation =
        c.adaptation_decay * b.adaptation + c.adaptation_scale * (1.0 - c.adaptation_decay) * b.spike;
    let threshold = c.threshold + adaptation;
    let awake = before.resting == 0;
    let spike = if awake { count(cell.firing(), above(cell, potential, threshold)) } else { 0.0 };
    let resting = if spike > 0.0 { cell.refractory_steps() } else { before.resting.saturating_sub(1) };

    let output = if cell.output_delay() { b.spike } else { spike };
    let trace = c.trace_decay * b.trace + (1.0 - c.trace_decay) * output;
    let carried = Carried { synapse, driven, potential, adaptation, threshold, spike, output, trace };
    State { carried, residual, resting, begun: true }
}

/// The derivative of that step by one parameter: from the derivatives `dc` of the constants, `db` of the state
/// before and `d_current` of the input current, those of the state after.
pub(super) fn sensitivity(
    cell: &Cell,
    (c, dc): (&Constants, &Constants),
    (before, db): (&State, &Carried),
    (current, d_current): (f64, f64),
    after: &State,
) -> Carried {
    let (b, now) = (&before.carried, &after.carried);
    let synapse = dc.synapse_decay * b.synapse
        + c.synapse_decay * db.synapse
        + dc.synapse_gain * current
        + c.synapse_gain * d_current;
    let driven = dc.input_gain * now.synapse + c.input_gain * synapse + dc.drive;

    // What the reset gradient lets through: in full the spike, scaled a part of it, else nothing; spatial only
    // takes the potential for a constant, too.
    let d_spike = cell.reset_gradient().alpha() * db.spike;
    let d_potential = if cell.reset_gradient() == ResetGradient::SpatialOnly { 0.0 } else { db.potential };
    let taken = b.spike - before.residual;
    let reset_slope = |v: f64, dv: f64| match cell.reset().kind {
        ResetKind::ToZero => dv * (1.0 - b.spike) - v * d_spike,
        ResetKind::ToValue(_) => dv * (1.0 - b.spike) + (c.v_reset - v) * d_spike + dc.v_reset * b.spike,
        ResetKind::ToZeroThenAdd(_) => dv * (1.0 - b.spike) - v * d_spike + dc.v_reset,
        ResetKind::Subtract => dv - b.threshold * d_spike - db.threshold * taken,
        _ => dv,
    };
    let potential = if !before.begun {
        dc.decay * cell.initial_potential() + driven
    } else {
        let (v, dv) = (c.decay * b.potential, dc.decay * b.potential + c.decay * d_potential);
        match cell.reset().timing {
            ResetTiming::BeforeDecay => {
                let m = reset(cell.reset().kind, b.potential, b.spike, taken, b.threshold, c.v_reset);
                let dm = reset_slope(b.potential, d_potential);
                dc.decay * m + c.decay * dm - after.residual * db.threshold + driven
            }
            ResetTiming::AfterDecay => reset_slope(v, dv) + driven,
            ResetTiming::AfterInput => reset_slope(v + now.driven, dv + driven),
        }
    };

    // The reset gradient does not touch the spike's way to the threshold.
    let rise = 1.0 - c.adaptation_decay;
    let adaptation = dc.adaptation_decay * (b.adaptation - c.adaptation_scale * b.spike)
        + c.adaptation_decay * db.adaptation
        + dc.adaptation_scale * rise * b.spike
        + c.adaptation_scale * rise * db.spike;
    let threshold = dc.threshold + adaptation;
    let seen = if cell.threshold_in_spike() == ThresholdInSpike::Attached { threshold } else { 0.0 };
    let d_above = if relative(cell) {
        (potential - seen * now.potential / now.threshold) / now.threshold
    } else {
        potential - seen
    };
    let awake = before.resting == 0;
    let slope = cell.surrogate().derivative(above(cell, now.potential, now.threshold));
    let spike = if awake { slope * d_above } else { 0.0 };

    let output = if cell.output_delay() { db.spike } else { spike };
    let trace =
        dc.trace_decay * (b.trace - now.output) + c.trace_decay * db.trace + (1.0 - c.trace_decay) * output;
    Carried { synapse, driven, potential, adaptation, threshold, spike, output, trace }
}

/// `R(v, o)`; a subtraction takes off `taken`, the spike less what a residual reset has taken off already.
fn reset(kind: ResetKind, v: f64, o: f64, taken: f64, threshold: f64, v_reset: f64) -> f64 {
    match kind {
        ResetKind::ToZero => v * (1.0 - o),
        ResetKind::ToValue(_) => v * (1.0 - o) + v_reset * o,
        ResetKind::ToZeroThenAdd(_) => v * (1.0 - o) + v_reset,
        ResetKind::Subtract => v - threshold * taken,
        _ => v,
    }
}

/// The argument of the step function.
fn above(cell: &Cell, potential: f64, threshold: f64) -> f64 {
    if relative(cell) { (potential - threshold) / threshold } else { potential - threshold }
}

fn relative(cell: &Cell) -> bool {
    cell.threshold_in_spike() == ThresholdInSpike::Relative || cell.firing() == Firing::Repeatedly
}

/// Equation (2), or its form for another rule of firing.
pub(super) fn count(firing: Firing, x: f64) -> f64 {
    match firing {
        Firing::Above if x > 0.0 => 1.0,
        Firing::AtOrAbove if x >= 0.0 => 1.0,
        Firing::Repeatedly if x >= 0.0 => 1.0 + x.floor(),
        _ => 0.0,
    }
}
