use super::*;
use resurge_snn::{Adaptation, Cell, Surrogate, Synapse};

fn plain() -> Constants {
    let cell = Cell { decay: 0.5, trace_decay: 0.0, ..Cell::lif(Surrogate::atan(2.0).unwrap()) };
    Constants::of_cell(cell, Output::Spikes)
}

/// One neuron on a current, a number a step.
fn sample(constants: Constants, current: &[f64]) -> Sample<f64> {
    let current = Tensor::from_vec([current.len(), 1, 1], current.to_vec()).unwrap();
    run(&LayerConstants::of_all(constants), &current, None, None).remove(0)
}

/// How many samples a thread takes, so that it has five thousand numbers to do.
#[test]
fn few_threads_share_small_samples() {
    let of = |steps: usize, width: usize| Extent { steps, batch: 3, width }.a_task();
    assert_eq!([of(1, 1), of(10, 25), of(50, 100), of(51, 100), of(5000, 2)], [5000, 20, 1, 1, 1]);
}

#[test]
fn a_sample_is_taken_out_of_a_batch_and_put_back() {
    let extent = Extent { steps: 3, batch: 2, width: 4 };
    let all: Vec<f64> = (0..24).map(f64::from).collect();
    let each = [extent.gather(&all, 0), extent.gather(&all, 1)];
    assert_eq!(each[1], [4.0, 5.0, 6.0, 7.0, 12.0, 13.0, 14.0, 15.0, 20.0, 21.0, 22.0, 23.0]);
    assert_eq!(extent.assemble(|k| &each[k]), all);
}

/// What a layer has no state for is empty.
#[test]
fn a_plain_neuron_has_a_potential_and_spikes() {
    let s = sample(plain(), &[2.0, 0.5, 0.25]);
    assert_eq!(s.current, [2.0, 0.5, 0.25]);
    assert_eq!((&s.potential[..], &s.spikes[..]), (&[2.0, 0.5, 0.5][..], &[1.0, 0.0, 0.0][..]));
    assert_eq!(s.computed, s.spikes);
    assert!(s.synapse.is_empty() && s.raised.is_empty() && s.taken.is_empty());
    assert!(s.trace.is_empty() && s.resting.is_empty());
}

#[test]
fn each_option_has_its_state() {
    let of = plain();
    let synapse = Cell { synapse: Some(Synapse { decay: 0.5, gain: 2.0 }), ..of.cell };
    assert_eq!(sample(Constants { cell: synapse, ..of }, &[1.0, 0.0]).synapse, [2.0, 1.0]);
    let adaptation = Cell { adaptation: Some(Adaptation { decay: 0.5, scale: 2.0 }), ..of.cell };
    let raised = sample(Constants { cell: adaptation, ..of }, &[2.0, 0.0, 0.0]).raised;
    assert_eq!(raised, [0.0, 1.0, 0.5]);
    let residual = Cell { residual_reset: true, reset: Reset::SUBTRACT_THEN_DECAY, ..of.cell };
    // 3.5 less 1 stays above 1: another 1 is taken off behind the decay.
    let s = sample(Constants { cell: residual, ..of }, &[3.5, 0.0]);
    assert_eq!((s.taken, s.potential), (vec![0.0, 1.0], vec![3.5, 0.25]));
    let silent = Cell { refractory_steps: 1, ..of.cell };
    let s = sample(Constants { cell: silent, ..of }, &[2.0, 2.0, 2.0]);
    assert_eq!((s.resting, s.spikes), (vec![false, true, false], vec![1.0, 0.0, 1.0]));
    let traced = Cell { trace_decay: 0.5, ..of.cell };
    let s = sample(Constants { cell: traced, output: Output::Trace, ..of }, &[2.0, 0.0]);
    assert_eq!(s.trace, [0.5, 0.25]);
}

#[test]
fn an_integrator_never_fires() {
    let s = sample(Constants { spiking: false, output: Output::Potential, ..plain() }, &[4.0, 4.0]);
    assert_eq!((s.potential, s.spikes, s.computed), (vec![4.0, 6.0], vec![0.0; 2], vec![0.0; 2]));
}

/// A step later, with nothing in the first; the last step's are not handed on.
#[test]
fn delayed_spikes_are_those_of_the_step_before() {
    let delayed = Constants { cell: Cell { output_delay: true, ..plain().cell }, ..plain() };
    let s = sample(plain(), &[0.0]);
    let of = |constants: &Constants| {
        let extent = Extent { steps: 3, batch: 1, width: 2 };
        s.delayed(constants, extent, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    };
    assert_eq!(of(&delayed), [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!(of(&plain()), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

/// At the least potential itself nothing goes to the step before.
#[test]
fn a_neuron_is_held_at_its_least_potential() {
    let least = Constants { min_potential: Some(-0.25), ..plain() };
    let held = |u: f64| Past { u, o: 0.0, threshold: 1.0, taken: 0.0 }.is_held(&Values::of(&least));
    assert_eq!([-0.5, -0.25, -0.125].map(held), [true, true, false]);
}
