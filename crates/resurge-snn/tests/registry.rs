//! The operations that this crate adds to the tape, against their full Jacobians by dual numbers.

use resurge_autodiff::{Anchor, AutodiffError, Op, Tape, Vjp};
use resurge_snn::{Cell, CellOutput, FusedLayer, FusedNetwork, SpikeTrain, Surrogate, registry};
use resurge_tensor::Tensor;

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
    // Twelve surrogates, three rules of firing, five shapes; and the count and the mask of a refractory period.
    assert_eq!([count("spike"), count("resting"), count("rested")], [12 * 3 * 5, 3, 2]);
}

/// Whatever is called on it with so many inputs fails, but for what needs none of them.
fn refuses(op: &dyn Op<f64>, count: usize, expected: usize) {
    let x = Tensor::full([2, 2], 0.5).unwrap();
    let inputs = vec![&x; count];
    let refused = Err(AutodiffError::InputCount { op: op.name(), expected, actual: count });
    assert_eq!(op.forward(&inputs), refused);
    let constant = op.stops_gradient();
    assert!(constant || op.vjp(&Vjp::new(&inputs, &x, &x)).is_err(), "{op:?}");
    assert_eq!(op.smooth(&inputs), refused);
    let anchor = Anchor { op: op.name(), inputs: vec![x.clone(); count].into(), output: x.clone() };
    assert!(constant || op.anchored(&inputs, &anchor).is_err(), "{op:?}");
    let mut pieces = Vec::new();
    op.pieces(&inputs, &mut pieces);
    assert_eq!(pieces, []);
}

#[test]
fn another_number_of_inputs_is_an_error_and_never_a_panic() {
    for case in registry() {
        // The count of a refractory period has one before it but in the first step.
        let (counts, expected): (&[usize], _) =
            if case.name() == "resting" { (&[0, 3], 2) } else { (&[0, 2, 3], 1) };
        counts.iter().for_each(|&count| refuses(&*case.op, count, expected));
    }
    let cell = Cell::lif(Surrogate::triangle(1.0).unwrap());
    let mut tape = Tape::<f64>::new();
    let weight = tape.leaf(Tensor::full([2, 3], 0.5).unwrap());
    let bias = tape.leaf(Tensor::full([2], 0.5).unwrap());
    let current = tape.leaf(Tensor::full([4, 1, 2], 0.5).unwrap());
    let train = SpikeTrain::from_tensor(&Tensor::full([4, 1, 3], 1.0_f64).unwrap()).unwrap();
    cell.run_fused(&mut tape, current, CellOutput::Traces).unwrap();
    let network = FusedNetwork::new([cell]).unwrap();
    network.run(&mut tape, &train, &[FusedLayer { weight, bias: Some(bias) }]).unwrap();
    let [cell, network] = [3, 4].map(|node| tape.nodes()[node].op().unwrap());
    [0, 2, 3].iter().for_each(|&count| refuses(cell, count, 1));
    // With two inputs, their shapes do not fit.
    let x = Tensor::full([2, 2], 0.5).unwrap();
    assert!(matches!(network.forward(&[&x, &x]), Err(AutodiffError::Tensor(_))));
    let bad = Tensor::full([3], 0.5).unwrap();
    let good = Tensor::full([2, 3], 0.5).unwrap();
    assert!(matches!(network.forward(&[&good, &bad]), Err(AutodiffError::Tensor(_))));
    for count in [0, 1, 3] {
        let inputs = vec![&good; count];
        assert!(network.forward(&inputs).is_err() && network.smooth(&inputs).is_err());
    }
}
