//! The constants of a preset against those that the golden file's reference was run with.

use crate::file::{Formula, Neuron};
use approx::assert_relative_eq;
use resurge_snn::{Cell, Firing, ResetGradient, ResetKind, ResetTiming, ThresholdInSpike};
use std::f64::consts::PI;

/// Asserts that the cell is the one that the file describes.
pub(crate) fn agree(name: &str, cell: Cell, neuron: &Neuron) {
    let close = |ours: f64, theirs: f64, what: &str| {
        assert!((ours - theirs).abs() <= 4.0 * f64::EPSILON, "{name}: {what} {ours} against {theirs}");
    };
    close(cell.decay(), neuron.decay, "decay");
    close(cell.input_gain(), neuron.input_gain, "input gain");
    close(cell.drive(), neuron.constant, "constant");
    close(cell.threshold(), neuron.threshold, "threshold");
    close(cell.initial_potential(), neuron.initial_potential, "initial potential");
    assert_eq!(cell.synapse().is_some(), neuron.synapse.is_some(), "{name}: synapse");
    if let (Some(ours), Some(theirs)) = (cell.synapse(), &neuron.synapse) {
        close(ours.decay, theirs.decay, "synapse decay");
        close(ours.gain, theirs.gain, "synapse gain");
    }
    assert_eq!(cell.adaptation().is_some(), neuron.adaptation.is_some(), "{name}: adaptation");
    if let (Some(ours), Some(theirs)) = (cell.adaptation(), &neuron.adaptation) {
        close(ours.decay, theirs.rho, "adaptation decay");
        close(ours.scale, theirs.scale, "adaptation scale");
        let attached = cell.threshold_in_spike() == ThresholdInSpike::Attached;
        assert_eq!(attached, theirs.in_spike, "{name}: the threshold in the spike");
    }
    reset(name, cell, neuron);
    firing(name, cell, neuron);
    for i in -60..60 {
        surrogate(cell, &neuron.surrogate, f64::from(i) * 0.0371 + 0.0123, neuron.threshold);
    }
}

fn reset(name: &str, cell: Cell, neuron: &Neuron) {
    let (kind, value) = match cell.reset().kind {
        ResetKind::None => ("none", 0.0),
        ResetKind::ToZero => ("zero", 0.0),
        ResetKind::ToValue(v) => ("to_value", v),
        ResetKind::ToZeroThenAdd(v) => ("zero_then_add", v),
        ResetKind::Subtract => ("subtract", 0.0),
    };
    let (timing, gates) = match cell.reset().timing {
        ResetTiming::BeforeDecay => ("before_decay", false),
        ResetTiming::AfterDecay => ("after_decay", false),
        ResetTiming::AfterInput => ("after_input", true),
    };
    let attached = match cell.reset_gradient() {
        ResetGradient::Full => true,
        ResetGradient::Detached => false,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(
        (kind, value, timing),
        (neuron.reset.as_str(), neuron.v_reset, neuron.reset_timing.as_str()),
        "{name}"
    );
    assert_eq!((attached, gates), (neuron.attached, neuron.gates_input), "{name}: attached, gates the input");
    assert_eq!(cell.residual_reset(), neuron.residual_reset, "{name}: residual reset");
}

fn firing(name: &str, cell: Cell, neuron: &Neuron) {
    let (fires_at, multi_spike) = match cell.firing() {
        Firing::Above => (">", false),
        Firing::AtOrAbove => (">=", false),
        Firing::Repeatedly => (">=", true),
    };
    assert_eq!((fires_at, multi_spike), (neuron.fires_at.as_str(), neuron.multi_spike), "{name}: firing");
    assert_eq!(usize::from(cell.output_delay()), neuron.output_delay, "{name}: output delay");
    assert_eq!((cell.trace_decay(), cell.refractory_steps()), (0.0, 0), "{name}: what no framework has");
}

/// The derivative of the spike by the potential, `x` above the threshold.
fn surrogate(cell: Cell, formula: &Formula, x: f64, threshold: f64) {
    let relative =
        cell.threshold_in_spike() == ThresholdInSpike::Relative || cell.firing() == Firing::Repeatedly;
    let unit = if relative { threshold } else { 1.0 };
    let ours = cell.surrogate().derivative(x / unit) / unit;
    assert_relative_eq!(ours, derivative(formula, x, threshold), max_relative = 1e-12, epsilon = 1e-15);
}

/// The formulas of tools/goldens/reference.py.
fn derivative(formula: &Formula, x: f64, threshold: f64) -> f64 {
    let p = |name: &str| formula.params[name];
    let normal = |mean: f64, s: f64| (-(x - mean).powi(2) / (2.0 * s * s)).exp() / (s * (2.0 * PI).sqrt());
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let a = x.abs();
    match formula.name.as_str() {
        "atan" => p("alpha") / 2.0 / (1.0 + (PI / 2.0 * p("alpha") * x).powi(2)),
        "arctan" => 1.0 / (PI * (1.0 + (p("k") * PI * x).powi(2))),
        "sigmoid" => p("slope") * logistic(p("slope") * x) * logistic(-p("slope") * x),
        "fast_sigmoid" => (1.0 + p("k") * a).powi(-2),
        "tanh" => (p("k") * x).cosh().powi(-2),
        "triangle" => p("height") * f64::max(0.0, 1.0 - p("slope") * a),
        "rectangle" if a < p("half_width") => p("height"),
        "rectangle" => 0.0,
        "heavi_erfc" => 2.0 / PI.sqrt() * (-(p("k") * x).powi(2)).exp(),
        "circ" => p("alpha").powi(3) / (p("alpha").powi(2) + x * x).powf(1.5),
        "gaussian" => p("scale") * normal(p("mu"), p("sigma")),
        "multi_gaussian" => {
            let (h, sigma, wide) = (p("h"), p("sigma"), p("s") * p("sigma"));
            p("scale") * ((1.0 + h) * normal(0.0, sigma) - h * (normal(sigma, wide) + normal(-sigma, wide)))
        }
        "single_exponential" => {
            let w = p("width") * threshold;
            p("scale") / w * (-a / w).exp()
        }
        other => panic!("no formula for {other}"),
    }
}
