use super::*;
use resurge_snn::{Cell, Surrogate};

/// The adjoint is compared number by number within its bounds, each tensor in its own units.
#[test]
fn an_adjoint_that_is_off_anywhere_fails_the_proof() {
    let exact = |value: f64| Bounded::new(value, 8.0 * value.abs());
    let adjoint = [exact(1e9), exact(2e9), exact(1e-9), exact(3e-9)];
    let tape: Vec<f64> = adjoint.iter().map(|x| x.value).collect();
    assert_eq!(beside_the_tape(&adjoint, &tape, &[0..2, 2..4]), (0.0, true));
    for at in 0..4 {
        let with = |factor: f64| {
            let mut tape = tape.clone();
            tape[at] *= factor;
            beside_the_tape(&adjoint, &tape, &[0..2, 2..4])
        };
        assert!(with(1.0 + 4.0 * f64::EPSILON).1, "{at}");
        let (error, agrees) = with(1.0 + 1e-12);
        assert!(!agrees && (1e-13..2e-12).contains(&error), "{at}: {error}");
    }
    assert!(!beside_the_tape(&adjoint[..3], &tape, &[0..2, 2..3]).1);
}

#[test]
fn a_proof_says_what_it_did_not_test() {
    let report = |untested: &[Untested], zero: &[&str]| ProofReport {
        steps: 1,
        samples: 1,
        finite_difference: None,
        complex_step: 0.0,
        dual: 0.0,
        adjoint: 0.0,
        directions: 0,
        loss_exact: true,
        spikes: None,
        without_gradient: zero.iter().map(|&name| name.to_owned()).collect(),
        untested: untested.to_vec(),
        passed: true,
    };
    assert_eq!(report(&[], &[]).not_tested(), None);
    let zero = "the gradient of a, b is zero";
    assert_eq!(report(&[], &["a", "b"]).not_tested().unwrap(), zero);
    let spikes = Untested::Spikes.to_string();
    assert_eq!(report(&[Untested::Spikes], &[]).not_tested().unwrap(), spikes);
    let both = report(&[Untested::Spikes, Untested::Gradient], &["a", "b"]).not_tested().unwrap();
    assert_eq!(both, format!("{spikes}; {}; {zero}", Untested::Gradient));
}

/// An integrator has no surrogate.
#[test]
fn steps_are_in_proportion_to_the_narrowest_surrogate() {
    let of = |width: f64, spiking: bool| Constants {
        cell: Cell::lif(Surrogate::sigmoid(width).unwrap()),
        reset_value: 0.0,
        output: Output::Spikes,
        spiking,
        min_potential: None,
        adaptation_detached: false,
    };
    let width = of(1.0, true).cell.surrogate.width();
    let all = [of(8.0, true), of(2.0, true), of(4.0, true), of(0.5, false)];
    assert_eq!(narrowest(all.iter()), 2.0 * width);
    assert_eq!(narrowest(all[3..].iter()), 1.0);
    assert_eq!(narrowest([].iter()), 1.0);
}
