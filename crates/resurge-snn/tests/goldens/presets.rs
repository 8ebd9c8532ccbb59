//! From a framework's class and constructor settings to a convention.

use crate::file::About;
use resurge_snn::convention::*;
use resurge_snn::{Convention, Surrogate};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The convention that a user of the class with these settings would write down.
///
/// Settings that are not given are at their default. One that is given and not understood is an error.
pub(crate) fn convention(about: &About) -> Convention {
    let mut settings = Settings(about.settings.clone());
    let convention = match about.class.as_str() {
        "snntorch.Leaky" => snntorch(SnnTorch::leaky(settings.number("beta")), &mut settings).into(),
        "snntorch.Synaptic" => {
            let (alpha, beta) = (settings.number("alpha"), settings.number("beta"));
            snntorch(SnnTorch::synaptic(alpha, beta), &mut settings).into()
        }
        class if class.starts_with("spikingjelly.") => spikingjelly(class, &mut settings).into(),
        class if class.starts_with("norse.") => norse(class, &mut settings).into(),
        "sinabs.layers.LIF" => sinabs(Sinabs::lif(settings.number("tau_mem")), &mut settings).into(),
        "sinabs.layers.IAF" => sinabs(Sinabs::iaf(), &mut settings).into(),
        "sinabs.layers.ALIF" => sinabs(alif(&mut settings), &mut settings).into(),
        "sinabs.exodus.layers.LIF" => exodus(&mut settings).into(),
        class if class.starts_with("spyx.") => spyx(class, &mut settings).into(),
        class => panic!("no convention for {class}"),
    };
    // Remarks, and what is learned: that does not change the cell.
    for key in ["learn_beta", "learn_threshold", "note", "recurrent_weights"] {
        settings.0.remove(key);
    }
    assert!(settings.0.is_empty(), "settings that were not used: {:?}", settings.0);
    convention
}

fn snntorch(default: SnnTorch, settings: &mut Settings) -> SnnTorch {
    let reset = match settings.text("reset_mechanism").as_str() {
        "subtract" => SnnTorchReset::Subtract,
        "zero" => SnnTorchReset::Zero,
        "none" => SnnTorchReset::None,
        other => panic!("{other}"),
    };
    let surrogate = match settings.call("spike_grad") {
        Call { name: "atan", mut arguments } => SnnTorch::atan(arguments.take("alpha")),
        Call { name: "fast_sigmoid", mut arguments } => SnnTorch::fast_sigmoid(arguments.take("slope")),
        Call { name: "sigmoid", mut arguments } => SnnTorch::sigmoid(arguments.take("slope")),
        other => panic!("{other:?}"),
    };
    let reset_delay = settings.flag("reset_delay").unwrap_or(true);
    let threshold = settings.optional("threshold").unwrap_or(default.threshold);
    SnnTorch { reset, reset_delay, threshold, surrogate: surrogate.unwrap(), ..default }
}

fn spikingjelly(class: &str, settings: &mut Settings) -> SpikingJelly {
    let default = match class.rsplit('.').next() {
        Some("IFNode") => SpikingJelly::integrate_and_fire(),
        Some("LIFNode") => {
            let (tau, decay_input) = (settings.number("tau"), settings.flag("decay_input").unwrap());
            SpikingJelly { node: SpikingJellyNode::Lif { tau, decay_input }, ..SpikingJelly::lif() }
        }
        Some("ParametricLIFNode") => {
            let (init_tau, decay_input) =
                (settings.number("init_tau"), settings.flag("decay_input").unwrap());
            let node = SpikingJellyNode::ParametricLif { init_tau, decay_input };
            SpikingJelly { node, ..SpikingJelly::parametric_lif() }
        }
        Some("CUBALIFNode") => {
            let (c_decay, v_decay) = (settings.number("c_decay"), settings.number("v_decay"));
            let node = SpikingJellyNode::CubaLif { c_decay, v_decay };
            SpikingJelly { node, ..SpikingJelly::cuba_lif() }
        }
        _ => panic!("{class}"),
    };
    let surrogate = match settings.call("surrogate_function") {
        Call { name: "Sigmoid", mut arguments } => SpikingJelly::sigmoid(arguments.take("alpha")),
        Call { name: "ATan", mut arguments } => SpikingJelly::atan(arguments.take("alpha")),
        Call { name: "PiecewiseQuadratic", mut arguments } => {
            SpikingJelly::piecewise_quadratic(arguments.take("alpha"))
        }
        Call { name: "Rect", mut arguments } => SpikingJelly::rect(arguments.take("alpha")),
        other => panic!("{other:?}"),
    };
    SpikingJelly {
        v_threshold: settings.number("v_threshold"),
        v_reset: settings.0.remove("v_reset").unwrap().as_f64(),
        detach_reset: settings.flag("detach_reset").unwrap_or(false),
        surrogate: surrogate.unwrap(),
        ..default
    }
}

fn norse(class: &str, settings: &mut Settings) -> Norse {
    let mut norse = match class.rsplit(['(', '.']).next().map(|step| step.trim_end_matches(')')) {
        Some("lif_step") => Norse::lif_step(),
        Some("lif_feed_forward_step") => Norse::lif_feed_forward(),
        Some("lif_box_feed_forward_step") => {
            let reset_subtract = settings.text("reset_method") == "reset_subtract";
            Norse { step: NorseStep::LifBox { reset_subtract }, ..Norse::lif_box() }
        }
        Some("iaf_feed_forward_step") => Norse::iaf(),
        _ => panic!("{class}"),
    };
    let alpha = settings.number("alpha");
    let surrogate = match settings.text("method").as_str() {
        "super" => Ok(Norse::superspike()),
        "tanh" => Norse::tanh(alpha),
        "circ" => Norse::circ(alpha),
        "heavi_erfc" => Norse::heavi_erfc(alpha),
        "triangle" => Norse::triangle(alpha),
        other => panic!("{other}"),
    };
    norse.surrogate = surrogate.unwrap();
    for (key, field) in [
        ("dt", &mut norse.dt),
        ("tau_mem_inv", &mut norse.tau_mem_inv),
        ("tau_syn_inv", &mut norse.tau_syn_inv),
        ("v_leak", &mut norse.v_leak),
        ("v_th", &mut norse.v_th),
        ("v_reset", &mut norse.v_reset),
    ] {
        if let Some(value) = settings.optional(key) {
            *field = value;
        }
    }
    norse
}

fn alif(settings: &mut Settings) -> Sinabs {
    let (tau_mem, tau_adapt) = (settings.number("tau_mem"), settings.number("tau_adapt"));
    let neuron = SinabsNeuron::Alif { tau_mem, tau_adapt, adapt_scale: settings.number("adapt_scale") };
    Sinabs { neuron, ..Sinabs::alif(tau_mem, tau_adapt) }
}

fn sinabs(default: Sinabs, settings: &mut Settings) -> Sinabs {
    let reset_fn = match settings.call("reset_fn") {
        Call { name: "MembraneSubtract", .. } => SinabsReset::MembraneSubtract,
        Call { name: "MembraneReset", mut arguments } => {
            SinabsReset::MembraneReset(arguments.take("reset_value"))
        }
        other => panic!("{other:?}"),
    };
    let text = settings.0["surrogate_grad_fn"].to_string();
    let surrogate = match settings.call("surrogate_grad_fn") {
        Call { name: "SingleExponential", mut arguments } => SinabsSurrogate::SingleExponential {
            grad_width: arguments.take("grad_width"),
            grad_scale: arguments.take("grad_scale"),
        },
        Call { name: "Gaussian", mut arguments } => SinabsSurrogate::Gaussian {
            sigma: arguments.take("sigma"),
            grad_scale: arguments.take("grad_scale"),
        },
        Call { name: "MultiGaussian", mut arguments } => SinabsSurrogate::MultiGaussian {
            sigma: arguments.take("sigma"),
            h: arguments.take("h"),
            s: arguments.take("s"),
            grad_scale: arguments.take("grad_scale"),
        },
        other => panic!("{other:?}"),
    };
    // The only argument that no field is for.
    assert!(!text.contains("mu=") || text.contains("mu=0,"), "{text}");
    let spike_fn = match settings.text("spike_fn").as_str() {
        "MultiSpike" => SinabsSpike::Multi,
        "SingleSpike" => SinabsSpike::Single,
        other => panic!("{other}"),
    };
    let tau_syn = settings.optional("tau_syn");
    let norm_input = settings.flag("norm_input").unwrap();
    let spike_threshold = settings.optional("spike_threshold").unwrap_or(default.spike_threshold);
    Sinabs { spike_fn, reset_fn, surrogate, tau_syn, norm_input, spike_threshold, ..default }
}

fn exodus(settings: &mut Settings) -> Exodus {
    let tau_mem = settings.number("tau_mem");
    let like = sinabs(Sinabs::lif(tau_mem), settings);
    assert_eq!(like.reset_fn, SinabsReset::MembraneSubtract);
    let Sinabs { tau_syn, spike_threshold, spike_fn, surrogate, norm_input, .. } = like;
    Exodus { tau_mem, tau_syn, spike_threshold, spike_fn, surrogate, norm_input }
}

fn spyx(class: &str, settings: &mut Settings) -> Spyx {
    let default = match class {
        "spyx.nn.IF" => Spyx::integrate_and_fire(),
        "spyx.nn.LIF" => Spyx::lif(settings.number("beta")),
        "spyx.nn.CuBaLIF" => Spyx::cuba_lif(settings.number("alpha"), settings.number("beta")),
        "spyx.nn.ALIF" => Spyx::alif(settings.number("beta"), settings.number("gamma")),
        _ => panic!("{class}"),
    };
    let activation = match settings.call("activation") {
        Call { name: "superspike", mut arguments } => Spyx::superspike(arguments.take("k")),
        Call { name: "arctan", mut arguments } => Spyx::arctan(arguments.take("k")),
        Call { name: "tanh", mut arguments } => Spyx::tanh(arguments.take("k")),
        Call { name: "triangular", mut arguments } => Spyx::triangular(arguments.take("k")),
        Call { name: "boxcar", mut arguments } => {
            Spyx::boxcar(arguments.take("width"), arguments.take("height"))
        }
        other => panic!("{other:?}"),
    };
    let activation: Surrogate = activation.unwrap();
    Spyx { threshold: settings.number("threshold"), activation, ..default }
}

/// The constructor's settings, taken out one by one.
struct Settings(Map<String, Value>);

impl Settings {
    fn number(&mut self, key: &str) -> f64 {
        self.0.remove(key).and_then(|v| v.as_f64()).unwrap_or_else(|| panic!("no number {key}"))
    }

    fn optional(&mut self, key: &str) -> Option<f64> {
        self.0.remove(key).map(|v| v.as_f64().unwrap())
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.0.remove(key).map(|v| v.as_bool().unwrap())
    }

    fn text(&mut self, key: &str) -> String {
        let text = self.0.remove(key).and_then(|v| v.as_str().map(str::to_owned));
        text.unwrap_or_else(|| panic!("no text {key}"))
    }

    /// A constructor call such as `Gaussian(mu=0, sigma=0.5)`.
    fn call(&mut self, key: &str) -> Call {
        let text: &'static str = self.text(key).leak();
        let (name, arguments) = text.trim_end_matches(')').split_once('(').unwrap();
        let pairs = arguments.split(", ").filter(|pair| !pair.is_empty());
        let arguments = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name, value.parse().unwrap())
        });
        Call { name, arguments: Arguments(arguments.collect()) }
    }
}

#[derive(Debug)]
struct Call {
    name: &'static str,
    arguments: Arguments,
}

#[derive(Debug)]
struct Arguments(BTreeMap<&'static str, f64>);

impl Arguments {
    fn take(&mut self, name: &str) -> f64 {
        self.0.remove(name).unwrap_or_else(|| panic!("no argument {name} in {:?}", self.0))
    }
}
