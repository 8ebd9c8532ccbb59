//! The forward pass of one neuron, whose numbers are known: which spikes are too near to the threshold to tell, what is
//! taken from the file, and where the run of the file and the described one part.

use crate::build::Draft;
use crate::{VERDICT, audited};
use resurge::audit::{AuditOptions, ForwardReport};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A neuron that a current comes to; what it handed on and its potentials, as they were recorded.
fn forward(cell: Value, current: &[f64], y: Option<&[f64]>, u: &[f64]) -> ForwardReport {
    let steps = current.len();
    let mut draft = Draft {
        description: json!({
            "version": 2, "framework": {"name": "a hand", "version": "0"},
            "layers": [{"kind": "linear", "bias": false}, cell], "loss": {"kind": "weighted-sum"},
        }),
        tensors: BTreeMap::new(),
    };
    for (name, values) in [("input", current), ("potentials.1", u), ("loss.weight", &vec![0.0; steps])] {
        draft.put(name, true, &[steps, 1, 1], values);
    }
    if let Some(y) = y {
        draft.put("spikes.1", true, &[steps, 1, 1], y);
    }
    draft.put("loss", true, &[], &[0.0]);
    draft.put("layers.0.weight", true, &[1, 1], &[1.0]);
    draft.put("gradients.layers.0.weight", true, &[1, 1], &[0.0]);
    audited(&draft.bytes(), &AuditOptions { search: false, ..VERDICT }).forward
}

/// A neuron without a leak and a threshold of 1 that is reset to zero, with changes.
fn neuron(changes: Value) -> Value {
    let mut neuron = json!({
        "kind": "neuron", "decay": 1.0, "reset": {"kind": "zero", "timing": "before-decay"},
        "reset_gradient": "full", "surrogate": {"kind": "sigmoid", "width": 0.3},
    });
    for (key, value) in changes.as_object().unwrap() {
        neuron[key] = value.clone();
    }
    neuron
}

/// How many potentials are near the threshold, and how many spikes were taken from the file; it has to agree.
fn near_and_taken(cell: Value, current: &[f64], y: Option<&[f64]>, u: &[f64]) -> (usize, usize) {
    let report = forward(cell, current, y, u);
    assert_eq!(report.divergence, None);
    (report.layers[0].near_threshold, report.layers[0].taken_from_file)
}

/// The step of the first divergence, with what is handed on there in the file and by the description.
fn parts(report: &ForwardReport) -> (usize, Option<f64>, f64) {
    let at = report.divergence.expect("a divergence");
    (at.step, at.recorded_spike, at.computed_spike)
}

#[test]
fn a_spike_at_the_threshold_is_that_of_the_file() {
    let plain = neuron(json!({}));
    // 1 is not above 1; a framework whose sum is one unit larger fires.
    assert_eq!(near_and_taken(plain.clone(), &[1.0], Some(&[0.0]), &[1.0]), (1, 0));
    assert_eq!(near_and_taken(plain.clone(), &[1.0], Some(&[1.0]), &[1.0]), (1, 1));
    assert_eq!(near_and_taken(plain.clone(), &[3.0, 0.0], Some(&[1.0, 0.0]), &[3.0, 0.0]), (0, 0));
    assert_eq!(parts(&forward(plain, &[3.0], Some(&[0.0]), &[3.0])), (0, Some(0.0), 1.0));
}

/// One that fires as often as the threshold fits is near at every multiple of it; one that fires once is not.
#[test]
fn near_is_where_the_number_of_spikes_changes() {
    let often =
        neuron(json!({"firing": "repeatedly", "reset": {"kind": "subtract", "timing": "before-decay"}}));
    assert_eq!(near_and_taken(often.clone(), &[3.0], Some(&[3.0]), &[3.0]), (1, 0));
    assert_eq!(near_and_taken(often.clone(), &[3.0], Some(&[2.0]), &[3.0]), (1, 1));
    assert_eq!(near_and_taken(often.clone(), &[3.5], Some(&[3.0]), &[3.5]), (0, 0));
    // Below nothing there is no change.
    assert_eq!(near_and_taken(often.clone(), &[0.0], Some(&[0.0]), &[0.0]), (0, 0));
    assert_eq!(near_and_taken(often, &[1.0], Some(&[1.0]), &[1.0]), (1, 0));
    assert_eq!(near_and_taken(neuron(json!({})), &[3.0], Some(&[1.0]), &[3.0]), (0, 0));
}

#[test]
fn an_integrator_has_no_threshold_to_be_near_to() {
    let integrator = json!({"kind": "integrator", "decay": 0.5});
    assert_eq!(near_and_taken(integrator, &[1.0, 0.0], None, &[1.0, 0.5]), (0, 0));
}

/// The trace is what is handed on only where the output says so.
#[test]
fn traces_and_spikes_are_told_apart() {
    let current = [2.0, 0.0, 2.0];
    let spikes = [1.0, 0.0, 1.0];
    let unused = neuron(json!({"trace_decay": 0.5}));
    assert_eq!(near_and_taken(unused, &current, Some(&spikes), &current), (0, 0));
    let traced = neuron(json!({"trace_decay": 0.5, "output": "trace"}));
    assert_eq!(near_and_taken(traced.clone(), &current, Some(&[0.5, 0.25, 0.625]), &current), (0, 0));
    // Off by less than a spike.
    let off = forward(traced, &current, Some(&[0.5, 0.251, 0.625]), &current);
    assert_eq!(parts(&off), (1, Some(0.251), 0.25));
    // Of no decay, the trace is the spike.
    let bare = neuron(json!({"output": "trace"}));
    assert_eq!(near_and_taken(bare.clone(), &current, Some(&spikes), &current), (0, 0));
    let flipped = forward(bare, &current, Some(&[1.0, 0.0, 0.0]), &current);
    assert_eq!(parts(&flipped), (2, Some(0.0), 1.0));
}

#[test]
fn a_delayed_trace_begins_with_nothing() {
    let cell = neuron(json!({"trace_decay": 0.5, "output": "trace", "output_delay": true}));
    let current = [2.0, 0.0, 2.0];
    assert_eq!(near_and_taken(cell, &current, Some(&[0.0, 0.5, 0.25]), &current), (0, 0));
}

/// A potential may be off by its own rounding and by that of two thresholds, whatever their sign.
#[test]
fn a_potential_may_have_been_computed_from_its_distance_to_the_threshold() {
    let unit = f64::EPSILON;
    let agrees = |cell: &Value, current: &[f64], y: &[f64], u: &[f64]| {
        forward(cell.clone(), current, Some(y), u).divergence.is_none()
    };
    let high = neuron(json!({"threshold": 1000.0}));
    let off = |units: f64| agrees(&high, &[0.0], &[0.0], &[units * unit]);
    assert!(off(1900.0) && off(-1900.0) && !off(2100.0) && !off(-2100.0));
    // After a spike the threshold falls to 1 - 1500.
    let falling = neuron(json!({"adaptation": {"decay": 0.5, "scale": -3000.0}}));
    let off = |units: f64| agrees(&falling, &[2.0, 0.0], &[1.0, 1.0], &[2.0, units * unit]);
    assert!(off(2900.0) && !off(3100.0));
}
