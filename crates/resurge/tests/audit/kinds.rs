//! Layers and losses that only the run decides: batch normalisation, masks, weights of hidden layers. The gradients of
//! the drafts are made up: it is the referee's own that is proved.

use crate::audited;
use crate::build::{Draft, Draw, Lif};
use resurge::audit::AuditOptions;
use serde_json::json;
use std::collections::BTreeMap;

const STEPS: usize = 7;
const BATCH: usize = 3;

/// A network of a batch norm, a neuron and a mask, on vectors or on images.
fn network(over: &str, images: bool) -> Draft {
    let mut draw = Draw(11);
    let mut draft = Draft {
        description: json!({
            "version": 2, "framework": {"name": "none", "version": "0"},
            "loss": {"kind": "weighted-sum", "scale": 0.5},
        }),
        tensors: BTreeMap::new(),
    };
    let neuron = json!({
        "kind": "neuron", "decay": 0.8, "reset": {"kind": "zero", "timing": "before-decay"},
        "reset_gradient": "full", "surrogate": {"kind": "sigmoid", "width": 0.3},
    });
    let norm = json!({"kind": "batch-norm", "bias": true, "over": over, "epsilon": 0.01});
    let (first, input, weight, hidden): (_, &[usize], &[usize], &[usize]) = match images {
        true => ("conv2d", &[2, 3, 3], &[4, 2, 2, 2], &[4, 2, 2]),
        false => ("linear", &[3], &[4, 3], &[4]),
    };
    let first = json!({"kind": first, "bias": true});
    let (flatten, last) = (json!({"kind": "flatten"}), json!({"kind": "linear", "bias": false}));
    draft.description["layers"] = json!([first, norm, neuron, {"kind": "mask"}, flatten, last]);
    let numbers: usize = hidden.iter().product();
    let of_run = |features: &[usize]| [&[STEPS, BATCH][..], features].concat();
    for (name, shape, low, high) in [
        ("input", of_run(input), 0.0, 2.0),
        ("layers.0.weight", weight.to_vec(), -1.0, 1.0),
        ("layers.0.bias", vec![4], -1.0, 1.0),
        ("layers.1.weight", vec![4], 0.5, 2.0),
        ("layers.1.bias", vec![4], 0.5, 1.0),
        ("layers.3.mask", of_run(hidden), 0.0, 2.0),
        ("layers.5.weight", vec![2, numbers], -1.0, 1.0),
        ("loss.weight", of_run(&[2]), -1.0, 1.0),
        ("loss.weight.2", of_run(hidden), -1.0, 1.0),
    ] {
        let count: usize = shape.iter().product();
        let values: Vec<f64> = (0..count).map(|_| low + (high - low) * draw.unit()).collect();
        draft.put(name, true, &shape, &values);
        if name.starts_with("layers") && !name.ends_with("mask") {
            draft.put(&format!("gradients.{name}"), true, &shape, &vec![0.0; count]);
        }
    }
    draft.put("loss", true, &[], &[0.0]);
    draft
}

#[test]
fn batch_norm_and_masks_are_proved() {
    for (over, images) in [("step", false), ("step", true), ("run", false), ("run", true)] {
        let report = audited(&network(over, images).bytes(), &AuditOptions::default());
        let proof = report.proof.unwrap_or_else(|| panic!("{over} {images}: {:?}", report.no_proof));
        assert!(proof.passed && proof.adjoint < 1e-11, "{over} {images}: {proof:?}");
        // What a bias before the norm adds, that takes away.
        assert_eq!(proof.without_gradient, ["layers.0.bias"], "{over} {images}");
        assert!(proof.samples >= 2, "{over} {images}: {proof:?}");
        let rate = report.forward.layers[0].firing_rate;
        assert!((0.1..0.9).contains(&rate), "{over} {images}: {rate}");
    }
}

/// The statistics of all steps are others than those of each.
#[test]
fn what_a_batch_norm_is_taken_over_matters() {
    let losses = ["step", "run"]
        .map(|over| audited(&network(over, false).bytes(), &AuditOptions::default()).forward.computed_loss);
    assert!((losses[0] - losses[1]).abs() > 1e-3, "{losses:?}");
}

/// A penalty on the spikes of hidden neurons goes into the loss and into its gradient.
#[test]
fn a_loss_with_weights_of_a_hidden_layer_is_proved() {
    let mut draft = Lif::default().draft();
    let (steps, batch) = (12, 2);
    let mut draw = Draw(5);
    let weights: Vec<f64> = (0..steps * batch * 5).map(|_| draw.unit() - 0.5).collect();
    draft.put("loss.weight.1", true, &[steps, batch, 5], &weights);
    let spikes = crate::eyes::values(&draft, "spikes.1");
    let more: f64 = spikes.iter().zip(&weights).map(|(o, w)| o * w).sum();
    crate::eyes::change(&mut draft, "loss", |_, loss| loss + more);
    let report = audited(&draft.bytes(), &AuditOptions::default());
    let proof = report.proof.unwrap();
    assert!(report.forward.loss_agrees && proof.passed && proof.adjoint < 1e-12, "{proof:?}");
    // The file's gradients know nothing of these weights; those of the last layer do not depend on them.
    assert!(!report.matches && report.relative_weight > 0.01);
    let wrong: Vec<bool> = report.gradients.iter().map(|gradient| gradient.wrong > 0).collect();
    assert_eq!(wrong, [true, false]);
}
