//! The backward pass of the recurrence, with a switch for each fault.

use crate::fault::Fault::{self, *};
use crate::recurrence::{Constants, Layer, Site, relative};
use resurge_gradcheck::CellNetwork;
use resurge_snn::{Cell, Learnable, ResetGradient, ResetKind, ResetTiming, ThresholdInSpike};

/// The gradients that have reached the variables of one neuron in one step.
#[derive(Clone, Copy, Default)]
struct Bar {
    i: f64,
    u: f64,
    /// The spike, by other paths than the reset; and by the reset, before the dial.
    o: f64,
    o_reset: f64,
    adaptation: f64,
    theta: f64,
    out: f64,
    a: f64,
}

/// The gradients of one layer's parameters, and of what it received.
struct LayerGradient {
    weight: Vec<f64>,
    bias: Vec<f64>,
    recurrent: Vec<f64>,
    constants: Vec<Constants>,
    input: Vec<f64>,
}

/// The flat gradient of a network, wrong in the way of `fault`.
pub(crate) fn gradient(network: &CellNetwork, fault: Fault) -> Vec<f64> {
    let parameters = network.parameters();
    let per_layer = parameters.len() / 2;
    let [n_in, n_mid, n_out] = network.extents().sizes;
    let below =
        Layer::new(network, &parameters[..per_layer], n_in, network.input().as_slice().to_vec(), fault);
    let traces = below.sites.iter().map(|s| s.a).collect();
    let top = Layer::new(network, &parameters[per_layer..], n_mid, traces, fault);

    let errors = top.sites.iter().zip(network.target().as_slice()).map(|(s, target)| s.a - target);
    let seeds = errors.zip(network.readout().as_slice()).map(|(error, &r)| match fault {
        PotentialNotRead => (error, 0.0, 0.0),
        PotentialReadAsSpike => (error, 0.0, r),
        _ => (error, r, 0.0),
    });
    let bars = seeds.map(|(a, u, o)| Bar { a, u, o, ..Bar::default() }).collect();
    let of_top = backward(network.cell(), &top, bars, fault);
    let bars = of_top.input.iter().map(|&a| Bar { a, ..Bar::default() }).collect();
    let of_below = backward(network.cell(), &below, bars, fault);

    let mut flat = flatten(network, &of_below, n_mid, &parameters[..per_layer], fault);
    flat.extend(flatten(network, &of_top, n_out, &parameters[per_layer..], fault));
    let norm = flat.iter().map(|g| g * g).sum::<f64>().sqrt();
    match fault {
        Scale => flat.iter_mut().for_each(|g| *g *= 1.0 + 1e-6),
        MeanForSum => flat.iter_mut().for_each(|g| *g /= network.extents().batch as f64),
        OneEntry => flat[7] += 1e-6 * norm,
        _ => {}
    }
    flat
}

fn flatten(
    network: &CellNetwork,
    gradient: &LayerGradient,
    neurons: usize,
    own: &[resurge_tensor::Tensor<f64>],
    fault: Fault,
) -> Vec<f64> {
    let mut flat = [&gradient.weight[..], &gradient.bias].concat();
    for (learnable, tensor) in network.learnables().iter().zip(&own[2..]) {
        let values = tensor.as_slice();
        let of = |n: usize| match learnable {
            Learnable::DecayLogit => {
                let s = 1.0 / (1.0 + (-values[if values.len() == 1 { 0 } else { n }]).exp());
                let sign = if fault == LogitSign { 1.0 } else { -1.0 };
                let slope = if fault == LogitWithoutSlope { 1.0 } else { s * (1.0 - s) };
                sign * slope * gradient.constants[n][Learnable::Decay as usize]
            }
            other => gradient.constants[n][*other as usize],
        };
        if *learnable == Learnable::Recurrent {
            flat.extend(&gradient.recurrent);
        } else if values.len() == neurons {
            flat.extend((0..neurons).map(of));
        } else if fault == SharedConstantOfOne {
            flat.push(of(0));
        } else {
            flat.push((0..neurons).map(of).sum());
        }
    }
    flat
}

fn backward(cell: &Cell, layer: &Layer<'_>, mut bars: Vec<Bar>, fault: Fault) -> LayerGradient {
    let (n, n_in, width) = (layer.n, layer.n_in, layer.batch * layer.n);
    let mut out = LayerGradient {
        weight: vec![0.0; layer.weight.len()],
        bias: vec![0.0; n],
        recurrent: vec![0.0; layer.recurrent.map_or(0, <[f64]>::len)],
        constants: vec![[0.0; 12]; n],
        input: vec![0.0; layer.input.len()],
    };
    for index in (0..layer.sites.len()).rev() {
        let (row, k) = (index / n, index % n);
        // Nothing comes before the first step; what is written there is dropped.
        let mut previous = layer.before(index).map_or(Bar::default(), |at| bars[at]);
        let late =
            if fault == ResetTermLate { bars.get(index + width).map_or(0.0, |b| b.o_reset) } else { 0.0 };
        let j = neuron(cell, layer, index, (bars[index], late), &mut previous, &mut out.constants[k], fault);
        if let Some(at) = layer.before(index) {
            bars[at] = previous;
        }

        out.bias[k] += j;
        let shifted = if fault == InputShifted { row.checked_sub(layer.batch) } else { Some(row) };
        for input in 0..n_in {
            if let Some(row) = shifted {
                out.weight[k * n_in + input] += j * layer.input[row * n_in + input];
            }
            // Read column by column, as if the matrix were its transpose.
            let weight = if fault == LayerTransposed { input * n + k } else { k * n_in + input };
            out.input[row * n_in + input] += j * layer.weight[weight];
        }
        let (Some(recurrent), true) = (layer.recurrent, index >= width) else { continue };
        let earlier = (row - layer.batch) * n;
        for m in 0..n {
            let seen = if fault == RecurrentShifted { row * n + m } else { earlier + m };
            out.recurrent[k * n + m] += j * layer.sites[seen].out;
            let weight = recurrent[if fault == RecurrentTransposed { m * n + k } else { k * n + m }];
            bars[earlier + m].out += match fault {
                RecurrentDetached => 0.0,
                RecurrentOnTheDial => cell.reset_gradient().alpha() * j * weight,
                _ => j * weight,
            };
        }
    }
    out
}

/// One neuron, one step back: adds to the gradients of its constants and of its step before; returns that of its
/// input current. `late` is the reset's part that a fault takes from the step after.
fn neuron(
    cell: &Cell,
    layer: &Layer<'_>,
    index: usize,
    (mut bar, late): (Bar, f64),
    previous: &mut Bar,
    constants: &mut Constants,
    fault: Fault,
) -> f64 {
    let value = |l: Learnable| layer.constants[index % layer.n][l as usize];
    let mut learn = |l: Learnable, g: f64| constants[l as usize] += g;
    let s = layer.sites[index];
    let begun = layer.before(index).is_some();
    let p = layer.before(index).map_or(Site::default(), |at| layer.sites[at]);

    // Equation (3).
    let beta = value(Learnable::TraceDecay);
    learn(Learnable::TraceDecay, bar.a * if fault == TraceDecayWithoutSpike { p.a } else { p.a - s.out });
    previous.a += if fault == TraceAdjointForgotten { 0.0 } else { beta * bar.a };
    bar.out += if fault == TraceGainForgotten { bar.a } else { (1.0 - beta) * bar.a };
    if cell.output_delay() && !matches!(fault, DelayForgotten | OutputNotDelayed) {
        previous.o += bar.out;
    } else {
        bar.o += bar.out;
    }

    // Equation (2), with the dial on the reset's part.
    let alpha = match (fault, cell.reset_gradient()) {
        (DetachedAsFull, _) => 0.0,
        (FullAsDetached | FullAsScaled, _) => 1.0,
        (_, rule) => rule.alpha(),
    };
    let sign = if fault == ResetTermSign { -1.0 } else { 1.0 };
    let by_reset = if fault == ResetTermLate { late } else { bar.o_reset };
    let total = bar.o + sign * alpha * by_reset;
    let at = match fault {
        SurrogateAtPotential => s.u,
        SurrogateEarly => p.x,
        _ => s.x,
    };
    let width = if fault == WithoutWidth { cell.surrogate().width() } else { 1.0 };
    let g = width * cell.surrogate().derivative(at);
    let x = if s.awake || fault == RefractoryLeak { total * g } else { 0.0 };
    let relative = relative(cell);
    bar.u += if relative && fault != RelativeWithoutTheta { x / s.theta } else { x };
    let attached = cell.threshold_in_spike() == ThresholdInSpike::Attached || fault == ThresholdLeaks;
    let through_spike = match fault {
        QuotientRule => -x / s.theta,
        ThresholdSign => x,
        ThresholdOnlyInReset => 0.0,
        _ if relative => -x * s.u / (s.theta * s.theta),
        _ => -x,
    };
    bar.theta += if attached { through_spike } else { 0.0 };

    // The threshold and its adaptation.
    learn(Learnable::Threshold, bar.theta);
    let rise = bar.adaptation + if fault == AdaptationSign { -bar.theta } else { bar.theta };
    let (rho, scale) = (value(Learnable::AdaptationDecay), value(Learnable::AdaptationScale));
    let rate = 1.0 - rho;
    let seen = if fault == AdaptationDecayWithoutSpike { 0.0 } else { scale * p.o };
    learn(Learnable::AdaptationDecay, rise * (p.adaptation - seen));
    learn(Learnable::AdaptationScale, rise * p.o * if fault == ScaleWithoutRate { 1.0 } else { rate });
    previous.adaptation += if fault == AdaptationAdjointForgotten { 0.0 } else { rho * rise };
    previous.o += match fault {
        AdaptationDetached => 0.0,
        AdaptationOnTheDial => alpha * scale * rate * rise,
        AdaptationWithoutRate | AdaptationRisesTooFar => scale * rise,
        _ => scale * rate * rise,
    };

    // The potential, and from it the input current.
    let driven = potential(cell, (s, p, begun), bar.u, value, &mut learn, previous, fault);
    if fault != DriveOnce || !begun {
        learn(Learnable::Drive, driven);
    }
    learn(Learnable::InputGain, driven * if fault == InputGainSeesCurrent { s.j } else { s.i });
    bar.i += if fault == InputGainForgotten { driven } else { driven * value(Learnable::InputGain) };
    learn(Learnable::SynapseDecay, bar.i * if fault == SynapseDecayShifted { s.i } else { p.i });
    learn(Learnable::SynapseGain, bar.i * s.j);
    previous.i += if fault == SynapseAdjointForgotten { 0.0 } else { value(Learnable::SynapseDecay) * bar.i };
    if fault == SynapseGainForgotten { bar.i } else { value(Learnable::SynapseGain) * bar.i }
}

/// (R) and (B): from the gradient of `u[t]` those of the step before and of the constants; returns that of
/// `gain i + drive`.
fn potential(
    cell: &Cell,
    (s, p, begun): (Site, Site, bool),
    u: f64,
    value: impl Fn(Learnable) -> f64,
    mut learn: impl FnMut(Learnable, f64),
    previous: &mut Bar,
    fault: Fault,
) -> f64 {
    let lambda = value(Learnable::Decay);
    if !begun {
        let initial = if fault == InitialForgotten { 0.0 } else { cell.initial_potential() };
        learn(Learnable::Decay, u * initial);
        return u;
    }
    let mut timing = cell.reset().timing;
    if fault == DecaysFirst && timing == ResetTiming::BeforeDecay {
        timing = ResetTiming::AfterDecay;
    }

    // m = R(v, o): its gradient, then those of its arguments.
    let m = if timing == ResetTiming::BeforeDecay { lambda * u } else { u };
    let silent = if fault == SpikeForSilence { p.o } else { 1.0 - p.o };
    let v_seen = match fault {
        ResetTermWithoutInput => s.v - s.c,
        _ => s.v,
    };
    let theta = match fault {
        ResetTermWithoutTheta => 1.0,
        ResetTermWithBaseTheta => value(Learnable::Threshold),
        _ => p.theta,
    };
    let v_reset = if fault == ResetTermWithoutValue { 0.0 } else { value(Learnable::VReset) };
    let (by_v, by_o) = match cell.reset().kind {
        ResetKind::ToZero | ResetKind::ToZeroThenAdd(_) => (silent, -v_seen),
        ResetKind::ToValue(_) => (silent, v_reset - v_seen),
        ResetKind::Subtract => (1.0, -theta),
        _ => (1.0, 0.0),
    };
    let m_of_term = if fault == ResetTermWithoutDecay { u } else { m };
    previous.o_reset += m_of_term * by_o;
    let m_of_value = if fault == ValueWithoutDecay { u } else { m };
    match cell.reset().kind {
        ResetKind::ToValue(_) => {
            learn(Learnable::VReset, m_of_value * if fault == ValueWithoutSpike { 1.0 } else { p.o });
        }
        ResetKind::ToZeroThenAdd(_) => {
            learn(Learnable::VReset, m_of_value * if fault == AddedAtSpikesOnly { p.o } else { 1.0 });
        }
        _ => {}
    }
    if cell.reset().kind == ResetKind::Subtract && fault != ThresholdOnlyInSpike {
        let taken = p.o - if fault == ResidualTakenTwice { 0.0 } else { p.residual };
        // The adapted threshold is the base and the adaptation; a fault sees only the base.
        if fault == AdaptationForgottenInReset {
            learn(Learnable::Threshold, -m * taken);
        } else {
            previous.theta -= m * taken;
        }
    }
    if fault != ResidualForgotten {
        previous.theta -= u * s.residual;
    }

    let decay_sees = match fault {
        DecaySeesNoReset => p.u,
        DecayShifted => s.u,
        _ if timing == ResetTiming::BeforeDecay => s.m,
        _ => p.u,
    };
    let v = m * by_v;
    let through_decay = if timing == ResetTiming::BeforeDecay { u } else { v };
    learn(Learnable::Decay, through_decay * decay_sees);
    let spatial = match fault {
        SpatialAsDetached | WrongEdgeDetached => true,
        DetachedAsSpatial => false,
        _ => cell.reset_gradient() == ResetGradient::SpatialOnly,
    };
    if fault == WrongEdgeDetached {
        // The spike's edge is attached in the potential's stead.
        previous.o += m * by_o;
    }
    if !spatial {
        previous.u += match fault {
            CarriedWithoutDecay => by_v * u,
            // v = u in front of the decay, lambda u behind it.
            _ if timing == ResetTiming::BeforeDecay => v,
            _ => lambda * v,
        };
    }
    if timing == ResetTiming::AfterInput && fault != GateForgotten { v } else { u }
}
