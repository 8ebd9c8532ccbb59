use super::*;
use crate::{AnchoredProgram, CellExtents, cell_registry};
use rayon::prelude::*;
use resurge_snn::{Cell, Firing, Surrogate};

fn norm(v: impl Iterator<Item = f64>) -> f64 {
    v.map(|x| x * x).sum::<f64>().sqrt()
}

/// Every model, reset, reset gradient and surrogate among them; `tests/cells.rs` has all of the registry.
#[test]
fn a_sample_of_the_registry_agrees_with_the_tape() {
    // A stride that shares no factor with the 13 surrogates, 4 rules and 13 resets.
    let cases: Vec<_> = cell_registry().into_iter().step_by(17).collect();
    cases.par_iter().enumerate().for_each(|(seed, case)| {
        let network = case.network(CellExtents::REGISTRY, seed as u64).unwrap();
        let tape = AnchoredProgram::new(&network, network.parameters().to_vec()).unwrap();
        let forwards = rtrl(&network, network.parameters()).unwrap();
        let size = norm(tape.gradient().iter().copied());
        let off = norm(tape.gradient().iter().zip(&forwards.gradient).map(|(a, b)| a - b));
        // The bars of the whole registry: sums of a few hundred products of order 1.
        assert!((tape.loss() - forwards.loss).abs() <= 1e-12 * forwards.magnitude, "{}", case.name());
        assert!(off <= crate::CELL_BARS.rtrl * size, "{}: {:e}", case.name(), off / size);
    });
}

/// At the threshold the rules of firing part.
#[test]
fn spikes_are_counted_by_each_rule_of_firing() {
    let all = |firing| [-1.0, 0.0, 0.5, 2.5].map(|x| neuron::count(firing, x));
    assert_eq!(all(Firing::Above), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(all(Firing::AtOrAbove), [0.0, 1.0, 1.0, 1.0]);
    assert_eq!(all(Firing::Repeatedly), [0.0, 1.0, 1.0, 3.0]);
}

/// A network whose weights are 0, of one bias for each layer.
fn driven(cell: Cell, biases: [f64; 2]) -> CellNetwork {
    let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1).unwrap();
    let mut parameters = network.parameters().to_vec();
    for (layer, bias) in biases.into_iter().enumerate() {
        parameters[2 * layer] = parameters[2 * layer].map(|_: f64| 0.0);
        parameters[2 * layer + 1] = parameters[2 * layer + 1].map(|_: f64| bias);
    }
    network.with_parameters(parameters).unwrap()
}

#[test]
fn the_firing_rate_counts_both_layers() {
    let cell = Cell::lif(Surrogate::sigmoid(0.25).unwrap());
    let extents = CellExtents::REGISTRY;
    let [_, hidden, top] = extents.sizes.map(|size| size as f64);
    for (biases, expected) in [
        ([10.0, 10.0], 1.0),
        ([10.0, 0.0], hidden / (hidden + top)),
        ([0.0, 10.0], top / (hidden + top)),
        ([0.0, 0.0], 0.0),
    ] {
        let network = driven(cell, biases);
        let run = rtrl(&network, network.parameters()).unwrap();
        let rate = run.firing_rate;
        assert!((rate - expected).abs() < 1e-12, "{biases:?}: {rate}");
        // A neuron that fires in each step is reset after each but the last.
        let firing = rate * (hidden + top) * extents.batch as f64;
        assert_eq!(run.resets, firing.round() as usize * (extents.steps - 1), "{biases:?}");
    }
}

/// Without spikes the traces are 0 and the potentials those of a leaky sum: the loss by hand, with the sizes of its terms.
#[test]
fn the_loss_and_its_magnitude_by_hand() {
    let cell = Cell::lif(Surrogate::sigmoid(0.25).unwrap()).with_decay(0.5).unwrap();
    let network = driven(cell, [0.0, -1.0]);
    let extents = network.extents();
    let (mut loss, mut magnitude) = (0.0, 0.0);
    for (at, (target, readout)) in
        network.target().as_slice().iter().zip(network.readout().as_slice()).enumerate()
    {
        let t = at / (extents.batch * extents.sizes[2]);
        let potential = -2.0 * (1.0 - 0.5_f64.powi(t as i32 + 1));
        loss += 0.5 * target * target + readout * potential;
        magnitude += 0.5 * target * target + (readout * potential).abs();
    }
    let run = rtrl(&network, network.parameters()).unwrap();
    assert!((run.loss - loss).abs() < 1e-12 && (run.magnitude - magnitude).abs() < 1e-12, "{run:?}");
    assert!(run.magnitude > run.loss.abs() + 0.1, "terms of both signs");
}
