//! Potentials exactly at the threshold: all numbers are multiples of 1/8, so that sums are exact.

use super::*;
use crate::Firing;

const FIRINGS: [Firing; 3] = [Firing::Above, Firing::AtOrAbove, Firing::Repeatedly];

/// Multiples of a quarter from -1/2 to 3/2.
fn quarters(shape: &[usize], seed: u64) -> Tensor<f64> {
    draw(shape, -2.5, 6.5, seed).map(|x| x.round() / 4.0)
}

fn cells() -> Vec<Cell> {
    let surrogate = Surrogate::rectangle(1.0).unwrap();
    let resets =
        [Reset::TO_ZERO, Reset::SUBTRACT, Reset::SUBTRACT_THEN_DECAY, Reset::GATED_INPUT, Reset::NONE];
    let mut cells = Vec::new();
    for (reset, firing) in resets.into_iter().flat_map(|reset| FIRINGS.map(|firing| (reset, firing))) {
        let cell = Cell::lif(surrogate).with_decay(0.5).unwrap().with_reset(reset).unwrap();
        let cell = cell.with_firing(firing);
        cells.extend([cell, cell.with_threshold_in_spike(ThresholdInSpike::Relative)]);
    }
    cells
}

/// Real, smooth and anchored at a record with ties: the spikes, their gradients and the sides of the kinks.
#[test]
fn ties_are_those_of_the_composed_cell() {
    for (index, cell) in cells().into_iter().enumerate() {
        for (output, shape) in [(CellOutput::Spikes, [3, 1, 67]), (CellOutput::Traces, [6, 1, 9])] {
            let mut sample = Sample::at(cell, output, quarters(&shape, index as u64));
            sample.check(None);
            // From a tie to other ties.
            sample.moved = quarters(&shape, index as u64 + 1);
            sample.check(None);
        }
        let sample = Sample::at(cell, CellOutput::Spikes, quarters(&[1, 40], index as u64));
        sample.check(Some(&[1.0, 0.5, -1.0, 2.0]));
    }
}

/// A current of exactly the threshold fires, or does not, wherever in a row it stands.
#[test]
fn a_tie_fires_by_the_rule_alone() {
    let current = Tensor::full([1, 1, 300], 1.0).unwrap();
    for (firing, fires) in FIRINGS.into_iter().zip([0.0, 1.0, 1.0]) {
        for rule in [ThresholdInSpike::Attached, ThresholdInSpike::Detached, ThresholdInSpike::Relative] {
            let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_firing(firing);
            let cell = cell.with_threshold_in_spike(rule);
            let sample = Sample::at(cell, CellOutput::Spikes, current.clone());
            let spikes = sample.outcome::<f64>(Program::Real, Form::Fused).output;
            assert!(spikes.as_slice().iter().all(|&o| o == fires), "{firing:?} {rule:?}");
            let spikes = sample.outcome::<f32>(Program::Real, Form::Fused).output;
            assert!(spikes.as_slice().iter().all(|&o| f64::from(o) == fires), "{firing:?} {rule:?}");
            // An anchored program is, at its base, the real one to the bit.
            let spikes = Sample { moved: current.clone(), ..sample };
            let spikes = spikes.outcome::<f64>(Program::Anchored, Form::Fused).output;
            assert!(spikes.as_slice().iter().all(|&o| o == fires), "{firing:?} {rule:?}");
        }
    }
}
