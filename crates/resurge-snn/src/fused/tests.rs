use super::*;
use crate::{Reset, ResetGradient, Surrogate};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::SpikeMode;

/// A value and a gradient of one form of a cell, in one mode.
struct Outcome {
    output: Tensor<f64>,
    gradient: Tensor<f64>,
}

fn draw(shape: &[usize], low: f64, high: f64, seed: u64) -> Tensor<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::from_fn(shape, |_| low + (high - low) * rng.random::<f64>()).unwrap()
}

fn composed(cell: &Cell, tape: &mut Tape<f64>, current: Var, output: CellOutput) -> Var {
    let run = cell.run(tape, current).unwrap();
    let steps = if output == CellOutput::Traces { run.traces } else { run.spikes };
    tape.stack(&steps).unwrap()
}

fn outcome(mut tape: Tape<f64>, cell: &Cell, current: &Tensor<f64>, out: CellOutput, fused: bool) -> Outcome {
    let current = tape.leaf(current.clone());
    let output = match fused {
        true => cell.run_fused(&mut tape, current, out).unwrap(),
        false => composed(cell, &mut tape, current, out),
    };
    let cotangent = draw(tape.value(output).unwrap().shape(), -1.0, 1.0, 7);
    let gradient = tape.vjp(output, cotangent).unwrap().wrt(current).unwrap().clone();
    Outcome { output: tape.value(output).unwrap().clone(), gradient }
}

/// The record of the real run, for an anchored tape.
fn record(cell: &Cell, current: &Tensor<f64>, out: CellOutput, fused: bool) -> Tape<f64> {
    let mut tape = Tape::new();
    let current = tape.leaf(current.clone());
    match fused {
        true => drop(cell.run_fused(&mut tape, current, out).unwrap()),
        false => drop(composed(cell, &mut tape, current, out)),
    }
    Tape::anchored(Arc::new(tape.anchors()))
}

/// Values to the bit in the real pass; gradients, and the values of the other programs, to `tolerance` of the norm.
fn agree(a: &Outcome, b: &Outcome, exact: bool, what: &str) {
    let norm = |t: &Tensor<f64>| t.as_slice().iter().map(|x| x * x).sum::<f64>().sqrt();
    if exact {
        assert_eq!(a.output, b.output, "{what}: values");
    }
    for (name, x, y) in [("values", &a.output, &b.output), ("gradients", &a.gradient, &b.gradient)] {
        let error = norm(&x.sub(y).unwrap());
        assert!(error <= 1e-13 * norm(y), "{what}: {name} differ by {error:e} of {:e}", norm(y));
    }
}

/// Sums of a few dozen terms of 1e-16 relative error each: 1e-13 of the norm.
fn check_cell(cell: &Cell, shape: &[usize], seed: u64, out: CellOutput) {
    let base = draw(shape, -0.4, 1.6, seed);
    let moved = base.add(&draw(shape, -0.01, 0.01, seed + 1)).unwrap();
    let what = format!("{cell:?} {shape:?} seed {seed}");
    let both = |make: &dyn Fn(bool) -> Tape<f64>, at: &Tensor<f64>| {
        [true, false].map(|fused| outcome(make(fused), cell, at, out, fused))
    };
    let [fused, reference] = both(&|_| Tape::new(), &base);
    agree(&fused, &reference, true, &what);
    // The twin of straight-through, o = x + 1/2, makes the reset a quadratic map, which multiplies rounding errors
    // without bound: a few steps alone are compared.
    if cell.surrogate() != Surrogate::straight_through() || shape[0] < 4 {
        let [fused, reference] = both(&|_| Tape::with_mode(SpikeMode::Smooth), &base);
        agree(&fused, &reference, false, &format!("smooth {what}"));
    }
    let [fused, reference] = both(&|fused| record(cell, &base, out, fused), &moved);
    agree(&fused, &reference, false, &format!("anchored {what}"));
}

#[test]
fn every_fused_cell_is_the_composed_cell() {
    let cells = fused_cells();
    assert_eq!(cells.len(), 10 * (5 * 3 * 4 + 1));
    for (index, cell) in cells.iter().enumerate() {
        for out in [CellOutput::Spikes, CellOutput::Traces] {
            check_cell(cell, &[9, 2, 3], index as u64, out);
            check_cell(cell, &[3, 1, 2], index as u64, out);
        }
    }
}

#[test]
fn blocks_join_without_a_seam() {
    // 200 neurons x 700 steps: three blocks of 64 and a rest, on several threads.
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_reset(Reset::GATED_INPUT).unwrap();
    check_cell(&cell, &[700, 4, 50], 3, CellOutput::Traces);
    check_cell(&cell, &[700, 4, 50], 4, CellOutput::Spikes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn any_shape_and_any_constants(
        which in 0usize..610, steps in 1usize..12, batch in 0usize..4, neurons in 0usize..70,
        decay in 0.0f64..=1.0, threshold in 0.05f64..2.0, beta in 0.0f64..0.99, seed: u32,
    ) {
        let cell = fused_cells()[which]
            .with_decay(decay).unwrap()
            .with_threshold(threshold).unwrap()
            .with_trace_decay(beta).unwrap();
        let out = if seed % 2 == 0 { CellOutput::Spikes } else { CellOutput::Traces };
        check_cell(&cell, &[steps, batch, neurons], u64::from(seed), out);
    }
}

#[test]
fn pieces_are_those_of_the_composed_cell() {
    let cell = Cell::lif(Surrogate::triangle(0.9).unwrap());
    let base = draw(&[6, 1, 3], -0.4, 1.6, 5);
    let moved = base.add(&draw(&[6, 1, 3], -0.3, 0.3, 6)).unwrap();
    let pieces = |mut tape: Tape<f64>, at: &Tensor<f64>, fused: bool| {
        let current = tape.leaf(at.clone());
        match fused {
            true => drop(cell.run_fused(&mut tape, current, CellOutput::Spikes).unwrap()),
            false => drop(composed(&cell, &mut tape, current, CellOutput::Spikes)),
        }
        tape.pieces()
    };
    let real = pieces(Tape::new(), &base, true);
    assert_eq!(real, pieces(Tape::new(), &base, false));
    let anchored = |fused| pieces(record(&cell, &base, CellOutput::Spikes, fused), &moved, fused);
    assert_eq!(anchored(true), anchored(false));
    assert_ne!(anchored(true), real, "the move crosses a kink");
}

#[test]
fn the_gradients_of_the_rules_differ() {
    let base = draw(&[12, 2, 5], -0.2, 1.2, 9);
    let gradient = |rule| {
        let cell = Cell::lif(Surrogate::sigmoid(0.3).unwrap()).with_reset_gradient(rule);
        outcome(Tape::new(), &cell, &base, CellOutput::Traces, true).gradient
    };
    let full = gradient(ResetGradient::Full);
    for other in [ResetGradient::Detached, ResetGradient::Scaled(0.5), ResetGradient::SpatialOnly] {
        assert!(full.sub(&gradient(other)).unwrap().as_slice().iter().any(|d| d.abs() > 0.01), "{other:?}");
    }
}

#[test]
fn a_cell_without_a_closed_recurrence_is_refused_by_name() {
    let lif = Cell::lif(Surrogate::atan(2.0).unwrap());
    let cells = [
        (lif.with_synapse(0.5, 1.0).unwrap(), "a synapse"),
        (lif.with_adaptation(0.5, 1.0).unwrap(), "an adaptive threshold"),
        (lif.with_refractory_steps(1), "a refractory period"),
        (lif.with_output_delay(true), "a delayed output"),
    ];
    for (cell, option) in cells {
        let mut tape = Tape::<f64>::new();
        let current = tape.leaf(Tensor::zeros([2, 1, 1]).unwrap());
        let error = cell.run_fused(&mut tape, current, CellOutput::Spikes).unwrap_err();
        assert_eq!(error, SnnError::NotFused { option });
    }
    let mut tape = Tape::<f64>::new();
    let current = tape.leaf(Tensor::zeros([0, 1, 1]).unwrap());
    assert!(matches!(
        lif.run_fused(&mut tape, current, CellOutput::Spikes),
        Err(SnnError::Sequence { what: "fused cell", .. })
    ));
}

#[test]
fn a_still_current_is_that_of_every_step() {
    let all: [&[f64]; 5] = [&[1.0], &[0.0, 0.0], &[1.0, -1.0, 0.0, 2.5], &[-0.0, 1.0], &[f64::NAN, 1.0, 1.0]];
    for (index, cell) in fused_cells().into_iter().enumerate() {
        let factors = all[index % all.len()];
        let shape: &[usize] = [&[2, 3][..], &[0, 3], &[1], &[1, 65], &[3, 0, 2], &[3, 2]][index % 6];
        let out = if index % 2 == 0 { CellOutput::Spikes } else { CellOutput::Traces };
        let mut tape = Tape::new();
        let current = tape.leaf(draw(shape, -0.4, 1.6, index as u64));
        let still = cell.run_still(&mut tape, current, factors, out).unwrap();
        let steps: Vec<Var> = factors.iter().map(|&f| tape.scale(current, f).unwrap()).collect();
        let steps = tape.stack(&steps).unwrap();
        let moving = cell.run_fused(&mut tape, steps, out).unwrap();
        let cotangent = draw(tape.value(moving).unwrap().shape(), -1.0, 1.0, 7);
        let [a, b] = [still, moving].map(|output| {
            let gradients = tape.vjp(output, cotangent.clone()).unwrap();
            (tape.value(output).unwrap(), gradients.wrt(current).unwrap().clone())
        });
        let what = format!("{cell:?} {factors:?} {shape:?}");
        assert_eq!(a.0.shape(), b.0.shape(), "{what}");
        // At most four terms, in one order or another.
        let pairs = |x: &Tensor<f64>, y: &Tensor<f64>, tolerance: f64| {
            x.as_slice().iter().zip(y.as_slice()).all(|(x, y)| {
                x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= tolerance * (1.0 + y.abs())
            })
        };
        assert!(pairs(a.0, b.0, 0.0), "{what}: values");
        assert!(pairs(&a.1, &b.1, 1e-13), "{what}: gradients");
    }
}
