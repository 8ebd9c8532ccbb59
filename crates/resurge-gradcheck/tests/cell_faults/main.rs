//! Seeded faults in cells and operations are rejected by every proof that applies; what is right by none.

mod adjoint;
mod bent_ops;
mod fault;
mod recurrence;
mod wrong_ops;

use fault::{FAULTS, Fault};
use rayon::prelude::*;
use resurge_gradcheck::{CELL_BARS, CellCase, CellEvidence, CellExtents, CellNetwork, Probes, cell_registry};
use std::collections::BTreeSet;

/// Seeds whose networks show every fault: each has spikes in both layers at the right places.
const SEEDS: [u64; 3] = [1, 2, 3];

/// Longer and wider than the registry's, so that what must happen for a fault to show does happen: a neuron that
/// would fire again while it rests, an adapted threshold, a count of two.
const EXTENTS: CellExtents = CellExtents { sizes: [5, 4, 3], steps: 10, batch: 2 };

/// A network whose first hidden neuron stands exactly at its threshold in the first step of the first sequence,
/// where that is possible: `>` and `>=` differ nowhere else.
fn network(case: &CellCase, seed: u64) -> CellNetwork {
    let network = case.network(EXTENTS, seed).unwrap();
    let plain = ["learnable-lif", "fires-at-threshold"].contains(&case.model());
    if !plain {
        return network;
    }
    let mut parameters = network.parameters().to_vec();
    let weighted = parameters[0].as_slice().iter().zip(&network.input().as_slice()[..EXTENTS.sizes[0]]);
    let weighted: f64 = weighted.map(|(w, x)| w * x).sum();
    // Decay, then threshold: the order of the learnables.
    parameters[1].as_mut_slice()[0] = parameters[3].as_slice()[0] - weighted;
    network.with_parameters(parameters).unwrap()
}

/// Which of the four proofs reject a gradient: finite differences, complex step, dual numbers, and forward
/// sensitivities.
fn rejected_by(evidence: &CellEvidence, gradient: &[f64]) -> [bool; 4] {
    let errors = evidence.compare(gradient).unwrap();
    [
        errors.finite_difference > CELL_BARS.finite_difference,
        errors.complex_step > CELL_BARS.complex_step,
        errors.dual > CELL_BARS.dual,
        errors.rtrl > CELL_BARS.rtrl,
    ]
}

#[test]
fn every_fault_in_a_cell_is_rejected_by_every_proof() {
    let registry = cell_registry();
    let missed: Vec<String> = FAULTS
        .par_iter()
        .flat_map_iter(|&(fault, name)| {
            let case = registry.iter().find(|c| c.name() == name);
            let case = case.unwrap_or_else(|| panic!("{name} is not in the registry"));
            SEEDS.into_iter().filter_map(move |seed| {
                let network = network(case, seed);
                let evidence = CellEvidence::gather(&network, Probes::EachInput, seed).unwrap();
                // The same recurrence without the fault passes, so it is the fault that is rejected.
                let right = rejected_by(&evidence, &adjoint::gradient(&network, Fault::Nothing));
                let wrong = rejected_by(&evidence, &adjoint::gradient(&network, fault));
                let caught = right == [false; 4] && wrong == [true; 4];
                (!caught)
                    .then(|| format!("{fault:?} in {name}, seed {seed}: right {right:?}, wrong {wrong:?}"))
            })
        })
        .collect();
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn the_table_has_fifty_faults_and_more() {
    let distinct: BTreeSet<Fault> = FAULTS.iter().map(|(fault, _)| *fault).collect();
    println!("{} faults of cells, in {} specimens", distinct.len(), FAULTS.len());
    assert!(distinct.len() >= 70, "{}", distinct.len());
    assert!(!distinct.contains(&Fault::Nothing));
}

/// The recurrence without a fault is a third way to the gradient, beside the tape and the forward sensitivities.
#[test]
fn the_recurrence_without_a_fault_agrees_with_the_tape_on_every_cell() {
    cell_registry().par_iter().enumerate().for_each(|(seed, case)| {
        let network = case.network(CellExtents::REGISTRY, seed as u64).unwrap();
        let tape = resurge_gradcheck::AnchoredProgram::new(&network, network.parameters().to_vec()).unwrap();
        let adjoint = adjoint::gradient(&network, Fault::Nothing);
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let off: Vec<f64> = adjoint.iter().zip(tape.gradient()).map(|(a, b)| a - b).collect();
        assert!(norm(&off) <= 1e-12 * norm(tape.gradient()), "{}", case.name());
    });
}
