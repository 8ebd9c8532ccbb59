//! Networks that plain loops have computed, and descriptions of every kind, of which the referee must be proved.

use crate::build::{Draft, Draw, Lif, Output};
use crate::{VERDICT, audited};
use resurge::audit::AuditOptions;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn both_gradients_of_loops_are_told_apart() {
    for double in [false, true] {
        let full = audited(&Lif { double, ..Lif::default() }.draft().bytes(), &AuditOptions::default());
        assert_eq!(full.code, "match");
        assert!(full.indistinguishable.is_empty() && full.proof.unwrap().passed);
        assert_eq!(full.by_step.len(), 2);
        let detached = Lif { double, reset_term: false, ..Lif::default() }.draft();
        let detached = audited(&detached.bytes(), &VERDICT);
        assert_eq!(detached.code, "detached");
        assert!(detached.words.contains("the reset term is missing"), "{}", detached.words);
        assert!(detached.relative_weight > 0.01, "{}", detached.relative_weight);
    }
}

/// Without anything recorded of the run, the network runs by itself.
#[test]
fn a_file_without_a_recorded_run_is_audited_as_well() {
    let mut draft = Lif::default().draft();
    draft.tensors.retain(|name, _| !name.starts_with("spikes") && !name.starts_with("potentials"));
    let report = audited(&draft.bytes(), &VERDICT);
    assert_eq!(report.code, "match");
    assert!(report.forward.layers.iter().all(|layer| !layer.spikes_recorded && !layer.potentials_recorded));
}

/// In f32, a potential an ulp above the threshold may have been one below in the framework: its spike is taken from the
/// file, whatever the layer hands on of it. A thousandth above, it cannot.
#[test]
fn a_spike_that_rounding_flipped_is_taken_from_the_file() {
    for (output, late) in [(Output::Spikes, 0), (Output::Delayed, 1), (Output::Trace, 0)] {
        let file =
            |part| Lif { double: false, rounded_off: Some(part), output, ..Lif::default() }.draft().bytes();
        let report = audited(&file(2e-7), &VERDICT);
        assert_eq!(report.code, "match", "{}", report.words);
        let first = &report.forward.layers[0];
        assert_eq!(first.taken_from_file, 1);
        assert!((1..5).contains(&first.near_threshold), "{}", first.near_threshold);
        assert_eq!(report.forward.layers[1].taken_from_file, 0);
        let spikes = audited(&file(1e-3), &VERDICT);
        let plain = Lif { double: false, rounded_off: Some(1e-3), ..Lif::default() }.draft().bytes();
        let at = audited(&plain, &VERDICT).forward.divergence.unwrap();
        let found = spikes.forward.divergence.unwrap_or_else(|| panic!("{}", spikes.words));
        assert_eq!((found.layer, found.sample, found.neuron), (1, at.sample, at.neuron));
        assert_eq!(found.step, at.step + late, "{}", spikes.words);
        if output == Output::Spikes {
            assert!(spikes.words.contains("the spike is 0 in the file and 1 rebuilt"), "{}", spikes.words);
        }
    }
}

/// Layers that hand on the last step's spikes, or traces, by loops that share nothing with the audit.
#[test]
fn delays_and_traces_are_those_of_loops() {
    for output in [Output::Delayed, Output::Trace] {
        for double in [false, true] {
            let right = Lif { double, output, ..Lif::default() }.draft();
            assert_eq!(audited(&right.bytes(), &VERDICT).code, "match");
            let detached = Lif { double, output, reset_term: false, ..Lif::default() }.draft();
            assert_eq!(audited(&detached.bytes(), &VERDICT).code, "detached");
        }
    }
}

/// The first place at which two runs differ: by step, then by layer, sample and neuron.
/// A plot shows sixty lags of a longer run.
#[test]
fn lags_end_after_sixty_steps() {
    let long = Lif { sizes: vec![2, 1], steps: 62, batch: 1, ..Lif::default() };
    let report = audited(&long.draft().bytes(), &AuditOptions { profiles: true, ..VERDICT });
    let lags = &report.by_lag[0];
    assert_eq!((report.by_step[0].claimed.len(), lags.full.len(), lags.reset_term.len()), (62, 60, 60));
}

#[test]
fn the_first_divergence_is_named() {
    let (batch, sizes) = (2, [5, 3]);
    let code = |places: &[(usize, usize, usize, usize)]| {
        let mut draft = Lif::default().draft();
        for &(layer, step, sample, neuron) in places {
            let at = (step * batch + sample) * sizes[layer / 2] + neuron;
            let name = format!("potentials.{layer}");
            crate::eyes::change(&mut draft, &name, |i, u| if i == at { u + 0.25 } else { u });
        }
        audited(&draft.bytes(), &VERDICT).code
    };
    let place = |(layer, step, sample, neuron): (usize, usize, usize, usize)| {
        format!("forward layer={layer} step={step} sample={sample} neuron={neuron}")
    };
    for (first, other) in [
        ((3, 5, 1, 2), (1, 6, 0, 0)),
        ((1, 5, 1, 4), (3, 5, 0, 0)),
        ((1, 5, 0, 4), (1, 5, 1, 0)),
        ((1, 5, 1, 2), (1, 5, 1, 3)),
        ((1, 4, 1, 3), (1, 5, 0, 0)),
        ((3, 0, 0, 0), (3, 11, 1, 2)),
    ] {
        assert_eq!(code(&[first, other]), place(first));
        assert_eq!(code(&[other, first]), place(first));
        assert_eq!(code(&[other]), place(other));
    }
}

/// A loss on the last layer's potentials besides its spikes; the adjoint is held against the tape.
#[test]
fn a_loss_with_weights_of_potentials_is_proved() {
    let mut draft = Lif::default().draft();
    let (steps, batch) = (12, 2);
    let mut draw = Draw(5);
    let weights: Vec<f64> = (0..steps * batch * 3).map(|_| draw.unit() - 0.5).collect();
    draft.put("loss.potential_weight", true, &[steps, batch, 3], &weights);
    let u = crate::eyes::values(&draft, "potentials.3");
    let more: f64 = u.iter().zip(&weights).map(|(u, w)| u * w).sum();
    crate::eyes::change(&mut draft, "loss", |_, loss| loss + more);
    let report = audited(&draft.bytes(), &AuditOptions::default());
    let proof = report.proof.unwrap();
    assert!(report.forward.loss_agrees && proof.passed && proof.adjoint < 1e-12, "{proof:?}");
    // The file's gradients know nothing of these weights.
    assert!(!report.matches && report.relative_weight > 0.1);
}

/// The loss is compared in units of its terms, however small they are.
#[test]
fn a_wrong_loss_is_seen_where_the_loss_is_small() {
    let scaled = |factor: f64, wrong: f64| {
        let mut draft = Lif { double: false, ..Lif::default() }.draft();
        for (name, (_, _, bytes)) in &mut draft.tensors {
            let factor = if name == "loss" { factor * wrong } else { factor };
            if name.starts_with("loss") || name.starts_with("gradients") {
                for x in bytes.as_chunks_mut::<4>().0 {
                    *x = (f32::from_le_bytes(*x) * factor as f32).to_le_bytes();
                }
            }
        }
        audited(&draft.bytes(), &VERDICT).code
    };
    for factor in [1.0, 1e-3, 1e-6] {
        assert_eq!(scaled(factor, 1.0), "match", "{factor}");
        assert_eq!(scaled(factor, 1.5), "loss", "{factor}");
    }
}

/// A readout without input is at zero in every step, a tie: the complex step must not move it, not even by the square of
/// the step.
#[test]
fn ties_of_a_maximum_do_not_spoil_the_proof() {
    let mut draft = Lif { steps: 6, drive: 0.6, ..Lif::default() }.draft();
    draft.tensors.remove("loss.weight");
    draft.put("target", true, &[2, 3], &[0.3; 6]);
    draft.description["loss"] = json!({"kind": "mse", "readout": "max"});
    draft.description["layers"][3] = json!({"kind": "integrator", "decay": 0.8});
    let mut input = vec![0.0; 6 * 2 * 6];
    input[60..].fill(1.0);
    draft.put("input", true, &[6, 2, 6], &input);
    draft.tensors.retain(|name, _| !name.starts_with("spikes") && !name.starts_with("potentials"));
    let proof = audited(&draft.bytes(), &AuditOptions::default()).proof.unwrap();
    assert!(proof.passed, "{proof:?}");
}

/// A step on the tape costs more than its arithmetic where there are few numbers in it.
#[test]
fn the_proof_of_a_long_run_is_cut() {
    let steps = 20_000;
    let mut draft = Lif { sizes: vec![1, 1], steps, batch: 1, drive: 0.3, ..Lif::default() }.draft();
    draft.put("loss.weight", true, &[steps, 1, 1], &vec![1.0; steps]);
    let proof = audited(&draft.bytes(), &AuditOptions::default()).proof.unwrap();
    assert!(proof.passed && (200..10_000).contains(&proof.steps), "{proof:?}");
}

/// A network of one neuron layer between two linear ones, with whatever options; its gradients are made up.
fn of(neuron: Value, recurrent: bool) -> Vec<u8> {
    let (steps, batch, n) = (9, 2, 4);
    let mut draw = Draw(3);
    let mut numbers = |count: usize, low: f64, high: f64| -> Vec<f64> {
        (0..count).map(|_| low + (high - low) * draw.unit()).collect()
    };
    let linear = json!({"kind": "linear", "bias": true});
    let integrator = json!({
        "kind": "integrator", "decay": 0.7, "drive": 0.1, "initial_potential": 0.2, "input_gain": 0.5,
        "synapse": {"decay": 0.4, "gain": 0.8},
        "learned": {"tau": {"decay": 1.0, "input_gain": -1.0}, "s": {"synapse_decay": 2.0, "synapse_gain": 0.5}},
    });
    let mut draft = Draft {
        description: json!({
            "version": 1, "framework": {"name": "none", "version": "0"},
            "layers": [linear, neuron, linear, integrator],
            "loss": {"kind": "mse", "readout": "mean", "reduction": "batch-mean", "scale": 1.5},
        }),
        tensors: BTreeMap::new(),
    };
    draft.put("input", true, &[steps, batch, 3], &numbers(steps * batch * 3, 0.0, 1.0));
    draft.put("loss", true, &[], &[0.0]);
    draft.put("target", true, &[batch, 2], &numbers(batch * 2, 0.0, 1.0));
    for (name, shape) in [
        ("layers.0.weight", vec![n, 3]),
        ("layers.0.bias", vec![n]),
        ("layers.2.weight", vec![2, n]),
        ("layers.2.bias", vec![2]),
    ] {
        let count = shape.iter().product();
        let values = numbers(count, -0.3, 1.0);
        draft.put(name, true, &shape, &values);
        draft.put(&format!("gradients.{name}"), true, &shape, &vec![0.0; count]);
    }
    if recurrent {
        draft.put("layers.1.recurrent", true, &[n, n], &numbers(n * n, -0.4, 0.4));
        draft.put("gradients.layers.1.recurrent", true, &[n, n], &vec![0.0; n * n]);
    }
    for (k, learned) in
        [(1, draft.description["layers"][1]["learned"].clone()), (3, json!({"tau": 0, "s": 0}))]
    {
        for name in learned.as_object().into_iter().flat_map(|all| all.keys()) {
            draft.put(&format!("gradients.layers.{k}.{name}"), true, &[1], &[0.0]);
        }
    }
    draft.bytes()
}

fn proved(neuron: Value) {
    let recurrent = neuron["recurrent"] == true;
    let report =
        audited(&of(neuron.clone(), recurrent), &AuditOptions { profiles: false, ..Default::default() });
    let proof = report.proof.unwrap_or_else(|| panic!("{neuron}: no proof"));
    assert!(proof.passed && proof.adjoint < 1e-12, "{neuron}: {proof:?}");
    let rate = report.forward.layers[0].firing_rate;
    assert!(rate > 0.02, "{neuron}: no spikes that could be reset, {rate}");
}

fn neuron(kind: &str, timing: &str, claim: Value) -> Value {
    json!({
        "kind": "neuron", "decay": 0.8, "input_gain": 0.9, "drive": 0.05, "initial_potential": 0.3, "threshold": 0.8,
        "reset": {"kind": kind, "timing": timing, "value": -0.2}, "reset_gradient": claim,
        "surrogate": {"kind": "sigmoid", "width": 0.3},
        "learned": {
            "a": {"decay": 1.0, "threshold": -0.5, "input_gain": 2.0, "drive": 1.0},
        },
    })
}

/// Every claim about a reset of some kind at some place.
fn the_adjoint_is_that_of(kind: &str, timing: &str) {
    for claim in [json!("full"), json!("detached"), json!("spatial-only"), json!({"scaled": 0.4})] {
        let mut neuron = neuron(kind, timing, claim);
        if matches!(kind, "value" | "zero-then-add") {
            neuron["learned"]["v"] = json!({"reset_value": 1.0});
        }
        proved(neuron);
    }
}

macro_rules! resets {
    ($($name:ident: $kind:literal $timing:literal),*) => {
        $(#[test]
        fn $name() {
            the_adjoint_is_that_of($kind, $timing);
        })*
    };
}

resets! {
    reset_none_before_decay: "none" "before-decay",
    reset_none_after_decay: "none" "after-decay",
    reset_none_after_input: "none" "after-input",
    reset_zero_before_decay: "zero" "before-decay",
    reset_zero_after_decay: "zero" "after-decay",
    reset_zero_after_input: "zero" "after-input",
    reset_value_before_decay: "value" "before-decay",
    reset_value_after_decay: "value" "after-decay",
    reset_value_after_input: "value" "after-input",
    reset_subtract_before_decay: "subtract" "before-decay",
    reset_subtract_after_decay: "subtract" "after-decay",
    reset_subtract_after_input: "subtract" "after-input",
    reset_zero_then_add_before_decay: "zero-then-add" "before-decay",
    reset_zero_then_add_after_decay: "zero-then-add" "after-decay",
    reset_zero_then_add_after_input: "zero-then-add" "after-input"
}

/// A neuron with an option, by its keys, with each of two resets, and with all its constants learned.
fn the_adjoint_is_that_of_the_option(option: &Value) {
    for kind in ["zero", "subtract"] {
        let mut neuron = neuron(kind, "before-decay", json!("full"));
        for (key, value) in option.as_object().unwrap() {
            neuron[key] = value.clone();
        }
        if neuron["synapse"].is_object() {
            neuron["learned"]["s"] = json!({"synapse_decay": 1.0, "synapse_gain": 1.0});
        }
        if neuron["adaptation"].is_object() {
            neuron["learned"]["r"] = json!({"adaptation_decay": 1.0, "adaptation_scale": -1.0});
        }
        proved(neuron);
    }
}

macro_rules! options {
    ($($name:ident: $option:tt),*) => {
        $(#[test]
        fn $name() {
            the_adjoint_is_that_of_the_option(&json!($option));
        })*
    };
}

options! {
    option_at_or_above: {"firing": "at-or-above"},
    option_repeatedly: {"firing": "repeatedly"},
    option_repeatedly_relative: {"firing": "repeatedly", "threshold_in_spike": "relative"},
    option_threshold_detached: {"threshold_in_spike": "detached"},
    option_threshold_relative: {"threshold_in_spike": "relative"},
    option_synapse: {"synapse": {"decay": 0.6, "gain": 0.7}},
    option_adaptation: {"adaptation": {"decay": 0.7, "scale": 0.9}},
    option_adaptation_relative_refractory: {
        "adaptation": {"decay": 0.7, "scale": 0.9}, "threshold_in_spike": "relative", "refractory": 1
    },
    option_refractory: {"refractory": 2},
    option_min_potential: {"min_potential": 0.1},
    option_min_potential_relative: {"min_potential": 0.2, "threshold_in_spike": "relative", "firing": "repeatedly"},
    option_adaptation_detached: {"adaptation": {"decay": 0.7, "scale": 0.9, "detached": true}},
    option_output_delay: {"output_delay": true},
    option_trace: {"output": "trace", "trace_decay": 0.6},
    option_trace_delayed: {"output": "trace", "trace_decay": 0.6, "output_delay": true},
    option_recurrent: {"recurrent": true},
    option_recurrent_all: {
        "recurrent": true, "output_delay": true, "synapse": {"decay": 0.5},
        "adaptation": {"decay": 0.3, "scale": 0.4}
    }
}

#[test]
fn option_residual() {
    let mut residual = neuron("subtract", "before-decay", json!("full"));
    residual["residual_reset"] = json!(true);
    residual["threshold"] = json!(0.3);
    proved(residual);
}

/// 10^6 parameters, 100 steps. The bar is for a release build.
#[test]
#[ignore = "a measurement: cargo test --release -p resurge --test audit -- --ignored --nocapture"]
fn a_million_parameters_over_a_hundred_steps_take_less_than_ten_seconds() {
    let lif = Lif {
        sizes: vec![800, 1000, 200, 10],
        steps: 100,
        batch: 8,
        double: false,
        drive: 0.2,
        ..Lif::default()
    };
    let bytes = lif.draft().bytes();
    let start = std::time::Instant::now();
    let report = audited(&bytes, &AuditOptions { profiles: false, ..AuditOptions::default() });
    let elapsed = start.elapsed();
    println!("{} parameters, {} in {elapsed:.2?}; {:?}", report.parameters, report.code, report.proof);
    assert_eq!(report.code, "match", "{}", report.words);
    assert!(report.parameters >= 1_000_000 && report.proof.unwrap().passed);
    assert!(elapsed.as_secs_f64() < 10.0);
}
