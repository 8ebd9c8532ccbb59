//! What an option does, and which are refused.

use super::*;

#[test]
fn the_gradients_of_the_rules_differ() {
    let gradient = |rule| {
        let cell = Cell::lif(Surrogate::sigmoid(0.3).unwrap()).with_reset_gradient(rule);
        let sample = Sample::at(cell, CellOutput::Traces, draw(&[12, 2, 5], -0.2, 1.2, 9));
        sample.outcome::<f64>(Program::Real, Form::Fused).gradient
    };
    let full = gradient(ResetGradient::Full);
    for other in [ResetGradient::Detached, ResetGradient::Scaled(0.5), ResetGradient::SpatialOnly] {
        assert!(full.sub(&gradient(other)).unwrap().as_slice().iter().any(|d| d.abs() > 0.01), "{other:?}");
    }
}

/// Also the one that is 1.
#[test]
fn a_cell_starts_at_its_initial_potential() {
    for initial in [0.0, 0.25, 1.0, 1.5] {
        let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_initial_potential(initial).unwrap();
        let sample = Sample::draw(cell, CellOutput::Spikes, &[4, 1, 9], 2);
        sample.check(None);
    }
}

#[test]
fn pieces_move_with_the_potentials() {
    let cell = Cell::lif(Surrogate::triangle(0.9).unwrap());
    let mut sample = Sample::draw(cell, CellOutput::Spikes, &[6, 1, 3], 5);
    sample.moved = sample.base.add(&draw(&[6, 1, 3], -0.3, 0.3, 6)).unwrap();
    let pieces = |program, form| sample.outcome::<f64>(program, form).pieces;
    let real = pieces(Program::Real, Form::Fused);
    assert_eq!(real, pieces(Program::Real, Form::Composed(None)));
    let anchored = pieces(Program::Anchored, Form::Fused);
    assert_eq!(anchored, pieces(Program::Anchored, Form::Composed(None)));
    assert_ne!(anchored, real, "the move crosses a kink");
    let smooth = Cell::lif(Surrogate::atan(2.0).unwrap());
    let smooth = Sample::draw(smooth, CellOutput::Spikes, &[6, 1, 3], 5);
    assert!(smooth.outcome::<f64>(Program::Real, Form::Fused).pieces.is_empty());
}

#[test]
fn a_cell_without_a_closed_recurrence_is_refused_by_name() {
    let lif = Cell::lif(Surrogate::atan(2.0).unwrap());
    let residual = lif.with_reset(Reset::SUBTRACT_THEN_DECAY).unwrap().with_residual_reset(true);
    let cells = [
        (lif.with_synapse(0.5, 1.0).unwrap(), "a synapse"),
        (lif.with_adaptation(0.5, 1.0).unwrap(), "an adaptive threshold"),
        (lif.with_refractory_steps(1), "a refractory period"),
        (lif.with_output_delay(true), "a delayed output"),
        (residual, "a residual reset"),
    ];
    for (cell, option) in cells {
        let mut tape = Tape::<f64>::new();
        let current = tape.leaf(Tensor::zeros([2, 1, 1]).unwrap());
        let refused = [
            cell.run_fused(&mut tape, current, CellOutput::Spikes),
            cell.run_still(&mut tape, current, &[1.0], CellOutput::Spikes),
        ];
        assert_eq!(refused, [(); 2].map(|()| Err(SnnError::NotFused { option })));
    }
}

#[test]
fn a_current_without_time_or_batch_is_refused() {
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap());
    let mut tape = Tape::<f64>::new();
    let leaf = |tape: &mut Tape<f64>, shape: &[usize]| tape.leaf(Tensor::zeros(shape).unwrap());
    for shape in [&[0, 1, 1][..], &[3]] {
        let current = leaf(&mut tape, shape);
        let refused = cell.run_fused(&mut tape, current, CellOutput::Spikes);
        assert_eq!(refused, Err(SnnError::Sequence { what: "fused cell", shape: shape.into() }));
    }
    let (scalar, row) = (leaf(&mut tape, &[]), leaf(&mut tape, &[2]));
    for (current, factors, shape) in [(scalar, &[1.0, 1.0][..], &[2][..]), (row, &[], &[0, 2])] {
        let refused = cell.run_still(&mut tape, current, factors, CellOutput::Spikes);
        assert_eq!(refused, Err(SnnError::Sequence { what: "fused cell", shape: shape.into() }));
    }
    // A batch and nothing else is enough of either.
    let flat = leaf(&mut tape, &[3, 2]);
    assert!(cell.run_fused(&mut tape, flat, CellOutput::Spikes).is_ok());
    assert!(cell.run_still(&mut tape, row, &[1.0], CellOutput::Spikes).is_ok());
}

#[test]
fn an_operation_says_what_it_is() {
    let sample = Sample::draw(Cell::lif(Surrogate::atan(2.0).unwrap()), CellOutput::Spikes, &[1, 1], 1);
    let mut tape = Tape::<f64>::new();
    let current = tape.leaf(sample.base.clone());
    sample.apply(&mut tape, current, Form::Fused);
    assert!(tape.to_string().ends_with("%1 = fused_spikes(%0) [1, 1] atan, reset zero, full\n"), "{tape}");
}
