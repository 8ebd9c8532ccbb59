//! Networks that are made here, of every stage that a program is rebuilt from.

use super::*;
use crate::reader::tests::{Draft, chain, linear, normed, sum_times};
use serde_json::json;

fn proved(draft: &Draft) -> Proof {
    prove(&draft.read().unwrap(), 1).unwrap()
}

/// Proved, and the adjoint is the tape's; what has no gradient is named.
fn check(draft: &Draft, without: &[&str]) {
    let proof = proved(draft).unwrap();
    // A few products of numbers near 1.
    assert!(proof.passed && proof.adjoint < 1e-12, "{proof:?}");
    assert_eq!(proof.without_gradient, without);
}

/// A weight of 3 before an integrator, of two steps of one sample.
fn integrated() -> Draft {
    let leak = json!({"kind": "integrator", "decay": 0.5});
    let shape = [2, 1, 1];
    Draft::new(&json!([linear(false), leak]), &sum_times(0.5))
        .with("input", &shape, &[2.0, 1.0])
        .with("layers.0.weight", &[1, 1], &[3.0])
        .with("loss.weight", &shape, &[1.0, 2.0])
        .filled("gradients.layers.0.weight", &[1, 1])
}

/// A bias that batch normalisation takes away has no gradient, and is named where there is one.
#[test]
fn a_bias_before_a_norm_has_no_gradient() {
    check(&normed(true), &["layers.0.bias"]);
    check(&normed(false), &[]);
}

/// A bias that is large beside the rest takes digits from what is normalised, on the tape as in the adjoint.
#[test]
fn a_bias_before_a_norm_rounds_what_is_normalised() {
    let draft = normed(true).with("layers.0.bias", &[2], &[1e6, -3e6]);
    let proof = proved(&draft).unwrap();
    // The bias takes nine digits, but the same of both.
    assert!(proof.adjoint < 1e-12, "{proof:?}");
}

/// Where nothing spikes there is no spike to be missed.
#[test]
fn an_integrator_has_no_spikes_to_be_tested() {
    assert_eq!(proved(&integrated()).unwrap().spikes, None);
}

/// An adjoint that is not the tape's fails the proof, be the gradient itself as right as it may, or zero.
#[test]
fn a_wrong_adjoint_fails_the_proof() {
    let of = |weight: f64, adjoint: f64| {
        let one = [1, 1, 1];
        let draft = Draft::new(&json!([linear(false)]), &sum_times(0.5))
            .with("input", &one, &[2.0])
            .with("layers.0.weight", &[1, 1], &[3.0])
            .with("loss.weight", &one, &[weight])
            .filled("gradients.layers.0.weight", &[1, 1]);
        let file = draft.read().unwrap();
        prove_against(&file, 1, |_| Ok(vec![Bounded::new(adjoint, 1.0)])).unwrap()
    };
    // Half of 7 times 2.
    assert!(of(7.0, 7.0).unwrap().passed && !of(7.0, 7.5).unwrap().passed);
    assert!(of(0.0, 0.0).unwrap_err().starts_with("the gradient vanishes on the first 1 steps"));
    assert!(!of(0.0, 0.5).unwrap().passed);
}

/// The loss may be of layers between, which have no neurons.
#[test]
fn a_loss_of_layers_between_is_proved() {
    check(&chain(), &[]);
}

/// A state is held at the least potential from the second step on: where it began, and the first state, are below.
#[test]
fn an_integrator_is_proved() {
    let leak = json!({
        "kind": "integrator", "decay": 0.5, "min_potential": -0.25, "initial_potential": -1.0,
        "learned": {"tau": {"decay": 1.0}}
    });
    let shape = [4, 1, 1];
    let draft = Draft::new(&json!([leak]), &sum_times(0.5))
        .with("input", &shape, &[-3.0, 4.0, 0.5, 0.25])
        .with("loss.weight", &shape, &[1.0, -2.0, 3.0, 5.0])
        .filled("gradients.layers.0.tau", &[]);
    check(&draft, &[]);
}

/// Neurons that differ in more than one constant.
#[test]
fn neurons_of_their_own_are_proved() {
    let leak = json!({"kind": "integrator", "decay": [0.5, 0.75], "input_gain": [2.0, 3.0]});
    let shape = [3, 1, 2];
    let draft = Draft::new(&json!([linear(false), leak]), &sum_times(0.5))
        .with("input", &[3, 1, 1], &[1.0, -3.0, 0.5])
        .with("layers.0.weight", &[2, 1], &[0.7, -0.3])
        .with("loss.weight", &shape, &[1.0, -2.0, 3.0, 5.0, 0.5, 0.25])
        .filled("gradients.layers.0.weight", &[2, 1]);
    check(&draft, &[]);
}

/// A loss of an integrator's potentials beside what it hands on.
#[test]
fn a_loss_of_potentials_is_proved() {
    check(&integrated().with("loss.potential_weight", &[2, 1, 1], &[-3.0, 0.5]), &[]);
}

#[test]
fn without_a_parameter_there_is_nothing_to_prove() {
    let leak = json!({"kind": "integrator", "decay": 0.5});
    let shape = [2, 1, 1];
    let draft = Draft::new(&json!([leak]), &sum_times(0.5))
        .with("input", &shape, &[2.0, 1.0])
        .with("loss.weight", &shape, &[1.0, 2.0])
        .filled("gradients.input", &shape);
    assert_eq!(proved(&draft).unwrap_err(), "the network has no parameter");
}
