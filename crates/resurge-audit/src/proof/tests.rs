use super::*;
use crate::cell::LayerConstants;
use crate::description::{Layer, Linear, Norm, Over};
use crate::each::Each;
use resurge_gradcheck::AnchoredProgram;
use resurge_snn::{Adaptation, Cell, Reset, ResetGradient, ResetKind, ResetTiming, Surrogate, Synapse};

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

/// A small run whose neurons are all such cells and learn every constant that they have.
fn of_cells(cell: Cell, output: Output) -> AuditFile {
    let path = "../resurge/tests/audit/goldens/norse-box-subtract.safetensors";
    let mut file = AuditFile::open(path.as_ref()).unwrap().cropped(7, 2).unwrap();
    for (k, data) in file.layers.iter_mut().enumerate() {
        let Layer::Neuron(neuron) = &mut file.description.layers[k] else { continue };
        // The loss is of spikes: the last layer hands them on.
        let output = if k == 3 { Output::Spikes } else { output };
        let constants = Constants::of_cell(cell, output);
        neuron.learned = ALL
            .into_iter()
            .filter(|&constant| constants.has(constant))
            .map(|constant| (constant.to_string(), [(constant, Each::one())].into()))
            .collect();
        data.constants = Some(LayerConstants::of_all(constants));
    }
    file
}

/// The adjoint, written out, beside the tape: every number within its bounds, and every input with a gradient.
fn assert_agrees(cell: Cell, output: Output) {
    let file = of_cells(cell, output);
    let (names, at): (Vec<String>, Vec<Tensor<f64>>) = inputs(&file).unwrap().into_iter().unzip();
    let program = Rebuilt(&file);
    let anchored = AnchoredProgram::new(&program, at.clone()).unwrap();
    let run = NetworkRun::<Bounded>::new(&file).unwrap();
    let adjoint = flat(&file, &run.gradients(&Rule::default()).unwrap().layers);
    let mut from = 0;
    let ranges: Vec<Range<usize>> = at
        .iter()
        .map(|value| {
            from += value.len();
            from - value.len()..from
        })
        .collect();
    let (error, agrees) = beside_the_tape(&adjoint, anchored.gradient(), &ranges);
    // Sums of some hundred products, of one sign or another: a few hundred roundings of the largest.
    assert!(agrees && error < 1e-12, "{cell}: {error}");
    for (range, name) in ranges.into_iter().zip(names) {
        let gradient = &anchored.gradient()[range];
        assert!(gradient.iter().any(|g| g.abs() > 1e-9), "{cell}: {name} has no gradient");
    }
}

fn cell(reset: Reset) -> Cell {
    let cell = Cell::lif(Surrogate::sigmoid(0.3).unwrap()).with_decay(0.7).unwrap();
    Cell { reset, threshold: 0.6, input_gain: 0.8, drive: 0.15, initial_potential: 0.2, ..cell }
}

/// Each reset in each place, with gain, drive and an initial potential; each reset gradient.
#[test]
fn the_adjoint_is_that_of_the_tape_for_every_reset() {
    for entry in ResetKind::ALL {
        for &timing in ResetTiming::ALL {
            let kind = entry.of(entry.sample).unwrap();
            let reset = Reset { kind, timing };
            for gradient in [ResetGradient::Full, ResetGradient::Detached, ResetGradient::Scaled(0.4)] {
                assert_agrees(cell(reset).with_reset_gradient(gradient), Output::Spikes);
            }
        }
    }
}

#[test]
fn the_adjoint_is_that_of_the_tape_for_every_option() {
    let plain = cell(Reset::SUBTRACT_THEN_DECAY);
    let synapse = Some(Synapse { decay: 0.4, gain: 0.9 });
    let adaptation = Some(Adaptation { decay: 0.6, scale: 0.8 });
    assert_agrees(Cell { synapse, ..plain }, Output::Spikes);
    assert_agrees(Cell { adaptation, ..plain }, Output::Spikes);
    assert_agrees(Cell { synapse, adaptation, ..cell(Reset::TO_ZERO) }, Output::Spikes);
    assert_agrees(Cell { trace_decay: 0.5, ..plain }, Output::Trace);
    assert_agrees(Cell { refractory_steps: 1, ..plain }, Output::Spikes);
    assert_agrees(Cell { output_delay: true, ..plain }, Output::Spikes);
    assert_agrees(Cell { firing: resurge_snn::Firing::Repeatedly, ..plain }, Output::Spikes);
    let relative = resurge_snn::ThresholdInSpike::Attached;
    assert_agrees(Cell { threshold_in_spike: relative, ..cell(Reset::TO_ZERO) }, Output::Spikes);
}

#[test]
fn a_part_has_two_values_for_a_variance_where_there_are() {
    let linear = || Layer::Linear(Linear { bias: false, class: None });
    let norm = Layer::BatchNorm(Norm { bias: false, over: Over::Run, epsilon: 1e-5, class: None });
    assert_eq!(with_variance(&[linear(), linear()], (1, 1), (9, 9)), (1, 1));
    // One of them is enough, wherever it is.
    let layers = [linear(), norm, linear()];
    for (part, all, expected) in [
        ((1, 1), (9, 9), (2, 2)),
        ((1, 1), (1, 9), (1, 2)),
        ((1, 1), (9, 1), (2, 1)),
        ((2, 3), (9, 9), (2, 3)),
        ((5, 1), (5, 4), (5, 2)),
    ] {
        assert_eq!(with_variance(&layers, part, all), expected, "{part:?} of {all:?}");
    }
    assert!(has_others(10, 30) && has_others(10, 32) && !has_others(11, 32));
}

mod made;
