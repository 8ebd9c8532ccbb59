//! The operations that this crate adds to the tape, against their full Jacobians by dual numbers.

use resurge_snn::registry;

#[test]
fn every_vjp_is_the_transposed_jacobian_of_the_anchored_program() {
    assert!(!registry().is_empty());
    for case in registry() {
        for seed in 0..64 {
            case.check(seed).unwrap_or_else(|error| panic!("inputs {:?}: {error}", case.inputs));
        }
    }
}

#[test]
fn every_operation_has_its_cases() {
    let count = |name| registry().iter().filter(|case| case.name() == name).count();
    // Ten surrogates, three rules of firing, five shapes; and the windows of a refractory period.
    assert_eq!((count("spike"), count("rested")), (10 * 3 * 5, 4));
}
