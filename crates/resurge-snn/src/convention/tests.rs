//! Conventions: their names, their errors and their surrogates.

use super::*;
use crate::{Firing, Reset, ResetGradient, ResetTiming};
use approx::assert_relative_eq;
use std::collections::HashSet;
use std::f64::consts::PI;

#[test]
fn names_are_unique_and_lead_back() {
    let names: HashSet<String> = Convention::all().map(|c| c.name()).collect();
    assert_eq!(names.len(), Convention::all().count());
    for convention in Convention::all() {
        assert_eq!(convention.name().parse::<Convention>(), Ok(convention));
        assert!(convention.name().starts_with(convention.framework()));
        assert_eq!(convention.to_string(), convention.name());
        assert_eq!(Convention::matching(&convention.to_string()).unwrap(), [convention]);
        assert!(!convention.version().is_empty() && !convention.source().is_empty());
    }
    let counts =
        Convention::FRAMEWORKS.map(|name| Convention::all().filter(|c| c.framework() == name).count());
    assert_eq!(counts, [1, 10, 32, 5, 9, 3, 4]);
    assert_eq!(Convention::matching("norse").unwrap().len(), 5);
}

#[test]
fn an_unknown_name_is_answered_with_all_names() {
    for error in ["leaky".parse::<Convention>().unwrap_err(), Convention::matching("leaky").unwrap_err()] {
        let text = error.to_string();
        assert!(
            text.starts_with("no convention is called \"leaky\"; take a framework (paper, snntorch,"),
            "{text}"
        );
        assert!(Convention::all().all(|c| text.contains(&c.name())));
    }
}

/// Who compares with `>` or `>=`, where in the step each resets, and who differentiates it.
#[test]
fn defaults_are_those_of_the_frameworks() {
    use Firing::*;
    use ResetGradient::*;
    for (name, firing, reset, gradient, delayed) in [
        ("paper", Above, Reset::TO_ZERO, Full, false),
        ("snntorch-leaky", Above, Reset::SUBTRACT, Detached, false),
        ("snntorch-leaky-zero", Above, Reset::TO_ZERO, Detached, false),
        ("snntorch-leaky-none", Above, Reset::NONE, Detached, false),
        ("snntorch-leaky-nodelay", Above, Reset::SUBTRACT_THEN_DECAY, Full, false),
        ("snntorch-leaky-zero-nodelay", Above, Reset::TO_ZERO, Full, false),
        ("snntorch-synaptic-zero", Above, Reset::GATED_INPUT, Detached, false),
        ("snntorch-synaptic-zero-nodelay", Above, Reset::TO_ZERO, Full, false),
        ("spikingjelly-if", AtOrAbove, Reset::TO_ZERO, Full, false),
        ("spikingjelly-lif-soft-detached", AtOrAbove, Reset::SUBTRACT_THEN_DECAY, Detached, false),
        ("spikingjelly-lif-to-value", AtOrAbove, Reset::to_value(-0.25), Full, false),
        ("spikingjelly-cubalif", AtOrAbove, Reset::TO_ZERO, Full, false),
        ("norse-lif-feed-forward", Above, Reset::TO_ZERO, Full, false),
        ("norse-lif-step", Above, Reset::TO_ZERO, Detached, false),
        ("norse-lif-box-subtract", Above, Reset::SUBTRACT_THEN_DECAY, Full, false),
        ("norse-iaf", Above, Reset::TO_ZERO, Full, false),
        ("sinabs-lif", Repeatedly, Reset::SUBTRACT_THEN_DECAY, Full, false),
        ("sinabs-lif-single-reset", AtOrAbove, Reset::TO_ZERO, Detached, false),
        ("sinabs-alif", AtOrAbove, Reset::SUBTRACT_THEN_DECAY, Full, false),
        ("exodus-lif", Repeatedly, Reset::SUBTRACT_THEN_DECAY, Full, false),
        ("spyx-lif", Above, Reset::SUBTRACT, Full, true),
        ("spyx-cubalif", Above, Reset::SUBTRACT_THEN_DECAY, Full, true),
    ] {
        let cell = name.parse::<Convention>().and_then(|c| c.cell()).unwrap();
        let found = (cell.firing(), cell.reset(), cell.reset_gradient(), cell.output_delay());
        assert_eq!(found, (firing, reset, gradient, delayed), "{name}");
    }
    let adding = "sinabs-lif-single-reset-value".parse::<Convention>().unwrap().cell().unwrap().reset();
    assert_eq!((adding.name(), adding.timing), ("zero-then-add", ResetTiming::BeforeDecay));
    let residual: Vec<String> =
        Convention::all().filter(|c| c.cell().unwrap().residual_reset()).map(|c| c.name()).collect();
    assert_eq!(residual, ["snntorch-leaky-nodelay", "snntorch-synaptic-nodelay"]);
}

/// As the signatures of the classes have them.
#[test]
fn constructors_have_the_defaults_of_the_classes() {
    let SnnTorch { threshold, reset, reset_delay, surrogate, .. } = SnnTorch::leaky(0.9);
    assert_eq!((threshold, reset, reset_delay), (1.0, SnnTorchReset::Subtract, true));
    assert_eq!(surrogate, SnnTorch::atan(2.0).unwrap());

    let lif = SpikingJelly::lif();
    assert_eq!(lif.node, SpikingJellyNode::Lif { tau: 2.0, decay_input: true });
    assert_eq!((lif.v_threshold, lif.v_reset, lif.detach_reset), (1.0, Some(0.0), false));
    assert_eq!(lif.surrogate, SpikingJelly::sigmoid(4.0).unwrap());
    let plif = SpikingJellyNode::ParametricLif { init_tau: 2.0, decay_input: true };
    assert_eq!(SpikingJelly::parametric_lif(), SpikingJelly { node: plif, ..lif });
    let node = SpikingJellyNode::CubaLif { c_decay: 0.5, v_decay: 0.75 };
    let surrogate = SpikingJelly::rect(1.0).unwrap();
    assert_eq!(SpikingJelly::cuba_lif(), SpikingJelly { node, surrogate, v_threshold: 0.5, ..lif });

    let Norse { dt, tau_mem_inv, tau_syn_inv, v_leak, v_th, v_reset, .. } = Norse::lif_step();
    assert_eq!([dt, tau_mem_inv, tau_syn_inv, v_leak, v_th, v_reset], [0.001, 100.0, 200.0, 0.0, 1.0, 0.0]);

    let exponential = SinabsSurrogate::SingleExponential { grad_width: 0.5, grad_scale: 1.0 };
    for lif in [Sinabs::lif(9.0), Sinabs::iaf(), Exodus::lif(9.0).as_sinabs()] {
        assert_eq!((lif.tau_syn, lif.spike_threshold, lif.norm_input), (None, 1.0, true));
        assert_eq!((lif.spike_fn, lif.reset_fn), (SinabsSpike::Multi, SinabsReset::MembraneSubtract));
        assert_eq!(lif.surrogate, exponential);
    }
    let neuron = SinabsNeuron::Alif { tau_mem: 9.0, tau_adapt: 8.0, adapt_scale: 1.8 };
    let alif = Sinabs { neuron, spike_fn: SinabsSpike::Single, ..Sinabs::lif(9.0) };
    assert_eq!(Sinabs::alif(9.0, 8.0), alif);

    let Spyx { threshold, activation, .. } = Spyx::alif(0.8, 0.7);
    assert_eq!((threshold, activation), (1.0, Spyx::superspike(25.0).unwrap()));
}

#[test]
fn only_the_paper_filters_its_spikes() {
    for convention in Convention::all() {
        let filtered = convention.cell().unwrap().trace_decay() != 0.0;
        assert_eq!(filtered, convention.framework() == "paper", "{convention}");
    }
}

/// Each framework's surrogates by their formulas as its code has them, off the kinks.
#[test]
fn surrogates_are_those_of_the_frameworks() {
    let s = |x: f64| 1.0 / (1.0 + (-x).exp());
    let normal = |x: f64, m: f64, d: f64| (-(x - m).powi(2) / (2.0 * d * d)).exp() / (d * (2.0 * PI).sqrt());
    let at = |surrogate: Result<Surrogate>, x: f64| surrogate.unwrap().derivative(x);
    for x in [-1.7, -0.31, -0.02, 0.013, 0.27, 0.9, 2.3] {
        let a = f64::abs(x);
        let triangle = |slope: f64| f64::max(0.0, 1.0 - slope * a);
        for (value, formula) in [
            (at(SnnTorch::atan(3.0), x), 1.5 / (1.0 + (PI * 1.5 * x).powi(2))),
            (at(SnnTorch::fast_sigmoid(7.0), x), (1.0 + 7.0 * a).powi(-2)),
            (at(SnnTorch::sigmoid(5.0), x), 5.0 * s(5.0 * x) * s(-5.0 * x)),
            (at(SpikingJelly::sigmoid(3.0), x), 3.0 * s(3.0 * x) * s(-3.0 * x)),
            (at(SpikingJelly::atan(3.0), x), 1.5 / (1.0 + (PI * 1.5 * x).powi(2))),
            (at(SpikingJelly::piecewise_quadratic(2.0), x), 2.0 * triangle(2.0)),
            (at(SpikingJelly::rect(0.7), x), if a < 0.5 / 0.7 { 0.7 } else { 0.0 }),
            (at(SpikingJelly::super_spike(3.0), x), 3.0 / (1.0 + a).powi(2)),
            (Norse::superspike().derivative(x), (1.0 + a).powi(-2)),
            (at(Norse::tanh(2.0), x), (2.0 * x).cosh().powi(-2)),
            (at(Norse::circ(0.5), x), 0.125 / (0.25 + x * x).powf(1.5)),
            (at(Norse::heavi_erfc(1.5), x), 2.0 / PI.sqrt() * (-(1.5 * x).powi(2)).exp()),
            (at(Norse::triangle(0.3), x), 0.3 * triangle(1.0)),
            (at(Spyx::superspike(25.0), x), (1.0 + 25.0 * a).powi(-2)),
            (at(Spyx::arctan(2.0), x), 1.0 / (PI * (1.0 + (PI * 2.0 * x).powi(2)))),
            (at(Spyx::tanh(1.5), x), (1.5 * x).cosh().powi(-2)),
            (at(Spyx::triangular(2.0), x), triangle(2.0)),
            (at(Spyx::boxcar(1.0, 0.5), x), if a < 0.5 { 0.5 } else { 0.0 }),
        ] {
            assert_relative_eq!(value, formula, max_relative = 1e-13);
        }
        // Sinabs's, at another threshold than 1, under each way of counting spikes.
        let theta = 1.25;
        let (w, d) = (0.5 * theta, 0.4);
        let wings = normal(x, d, 6.0 * d) + normal(x, -d, 6.0 * d);
        for (surrogate, formula) in [
            (
                SinabsSurrogate::SingleExponential { grad_width: 0.5, grad_scale: 0.8 },
                0.8 / w * (-a / w).exp(),
            ),
            (SinabsSurrogate::Gaussian { sigma: d, grad_scale: 0.8 }, 0.8 * normal(x, 0.0, d)),
            (
                SinabsSurrogate::MultiGaussian { sigma: d, h: 0.15, s: 6.0, grad_scale: 0.8 },
                0.8 * (1.15 * normal(x, 0.0, d) - 0.15 * wings),
            ),
        ] {
            for spike_fn in [SinabsSpike::Multi, SinabsSpike::Single] {
                let lif = Sinabs { spike_threshold: theta, spike_fn, surrogate, ..Sinabs::lif(4.0) };
                let cell = lif.cell().unwrap();
                let relative = cell.threshold_in_spike() == crate::ThresholdInSpike::Relative;
                let unit = if relative { theta } else { 1.0 };
                let value = cell.surrogate().derivative(x / unit) / unit;
                assert_relative_eq!(value, formula, max_relative = 1e-13);
            }
        }
    }
}

/// `ALIF` normalises the state of its synapse, `LIF` what it reads of it.
#[test]
fn the_synapse_of_an_alif_is_normalised_in_every_step() {
    let (a, s) = ((-0.25f64).exp(), (-0.5f64).exp());
    let constants = |neuron: Sinabs| {
        let cell = neuron.cell().unwrap();
        let synapse = cell.synapse().unwrap();
        (synapse.decay, synapse.gain, cell.input_gain())
    };
    let tau_syn = Some(2.0);
    let alif = Sinabs { tau_syn, ..Sinabs::alif(4.0, 8.0) };
    assert_eq!(constants(Sinabs { tau_syn, ..Sinabs::lif(4.0) }), (s, s, 1.0 - a));
    assert_eq!(constants(alif), ((1.0 - a) * s, (1.0 - a) * s, 1.0));
    assert_eq!(constants(Sinabs { norm_input: false, ..alif }), (s, s, 1.0));
    assert_eq!(constants(Sinabs { tau_syn, ..Sinabs::iaf() }), (s, s, 1.0));
}

#[test]
fn settings_outside_their_domain_are_named() {
    let named = |result: Result<Cell>| match result.unwrap_err() {
        SnnError::Parameter { parameter, .. } => parameter,
        other => panic!("{other:?}"),
    };
    let lif = |tau| {
        let node = SpikingJellyNode::Lif { tau, decay_input: true };
        SpikingJelly { node, ..SpikingJelly::lif() }.cell()
    };
    let plif = SpikingJellyNode::ParametricLif { init_tau: 1.0, decay_input: true };
    let gaussian = SinabsSurrogate::Gaussian { sigma: 0.5, grad_scale: -1.0 };
    for (result, parameter) in [
        (Paper { tau_m: 0.5, ..Paper::default() }.cell(), "tau_m"),
        (Paper { tau_s: f64::NAN, ..Paper::default() }.cell(), "tau_s"),
        (SnnTorch::leaky(1.1).cell(), "membrane decay"),
        (SnnTorch::synaptic(1.0, 0.9).cell(), "synapse decay"),
        (lif(0.9), "tau"),
        (SpikingJelly { node: plif, ..SpikingJelly::lif() }.cell(), "init_tau"),
        (Norse { tau_mem_inv: 2000.0, ..Norse::lif_box() }.cell(), "dt tau_mem_inv"),
        (Norse { v_th: -50.0, ..Norse::lif_box() }.cell(), "threshold"),
        (Sinabs::lif(0.0).cell(), "tau_mem"),
        (Sinabs { tau_syn: Some(f64::NAN), ..Sinabs::lif(9.0) }.cell(), "tau_syn"),
        (Sinabs::alif(9.0, -1.0).cell(), "tau_adapt"),
        (Sinabs { spike_threshold: 0.0, ..Sinabs::lif(9.0) }.cell(), "spike_threshold"),
        (Sinabs { surrogate: gaussian, ..Sinabs::lif(9.0) }.cell(), "grad_scale"),
        (Spyx::alif(0.9, 1.0).cell(), "adaptation decay"),
    ] {
        assert_eq!(named(result), parameter);
    }
    assert!(lif(1.0).is_ok());
    for (result, parameter) in [
        (SnnTorch::sigmoid(0.0), "sigmoid slope"),
        (SpikingJelly::super_spike(f64::INFINITY), "SuperSpike alpha"),
        (Norse::triangle(-1.0), "triangle alpha"),
        (Spyx::boxcar(1.0, 0.0), "boxcar height"),
        (Spyx::triangular(f64::NAN), "triangular k"),
    ] {
        assert!(matches!(result, Err(SnnError::Parameter { parameter: found, .. }) if found == parameter));
    }
}

#[test]
fn what_cannot_be_expressed_is_refused_with_a_remedy() {
    let fixed = SinabsSurrogate::Gaussian { sigma: 0.5, grad_scale: 1.0 };
    let multi = Sinabs { spike_fn: SinabsSpike::Multi, ..Sinabs::alif(10.0, 20.0) };
    for (result, remedy) in [
        (SpikingJelly { detach_reset: true, ..SpikingJelly::cuba_lif() }.cell(), "with_reset_gradient"),
        (Sinabs { reset_fn: SinabsReset::MembraneReset(0.0), ..Sinabs::lif(10.0) }.cell(), "SingleSpike"),
        (Sinabs { surrogate: fixed, ..multi }.cell(), "SingleExponential"),
    ] {
        let error = result.unwrap_err();
        assert!(
            matches!(error, SnnError::Convention { .. }) && error.to_string().contains(remedy),
            "{error}"
        );
    }
    assert!(multi.cell().is_ok());
}
