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
