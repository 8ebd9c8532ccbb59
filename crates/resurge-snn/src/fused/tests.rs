mod options;
mod ties;

use super::worst_case::WorstCase;
use super::*;
use crate::{Reset, ResetGradient, Surrogate, ThresholdInSpike};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::SpikeMode;

/// A value and a gradient of one form of a cell, in one mode, and the pieces of its surrogate.
struct Outcome<S: Scalar> {
    output: Tensor<S>,
    gradient: Tensor<S>,
    pieces: Vec<i8>,
}

/// How a cell is run.
#[derive(Debug, Clone, Copy)]
enum Form<'a> {
    Fused,
    /// On the current of one step, times a factor in each.
    Still(&'a [f64]),
    /// By plain operations on the tape; on the current of one step, times a factor in each, where there are any.
    Composed(Option<&'a [f64]>),
}

/// What a tape runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Program {
    Real,
    Smooth,
    Anchored,
}

pub(super) const PROGRAMS: [Program; 3] = [Program::Real, Program::Smooth, Program::Anchored];

fn draw(shape: &[usize], low: f64, high: f64, seed: u64) -> Tensor<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::from_fn(shape, |_| low + (high - low) * rng.random::<f64>()).unwrap()
}

/// A cell, the current that it is run on and recorded at, and one a little off.
struct Sample {
    cell: Cell,
    output: CellOutput,
    base: Tensor<f64>,
    moved: Tensor<f64>,
}

impl Sample {
    fn draw(cell: Cell, output: CellOutput, shape: &[usize], seed: u64) -> Self {
        Self::at(cell, output, draw(shape, -0.4, 1.6, seed))
    }

    fn at(cell: Cell, output: CellOutput, base: Tensor<f64>) -> Self {
        let moved = base.add(&draw(base.shape(), -0.01, 0.01, 77)).unwrap();
        Self { cell, output, base, moved }
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, current: Var, form: Form<'_>) -> Var {
        let current = match form {
            Form::Fused => return self.cell.run_fused(tape, current, self.output).unwrap(),
            Form::Still(factors) => return self.cell.run_still(tape, current, factors, self.output).unwrap(),
            Form::Composed(None) => current,
            Form::Composed(Some(factors)) => {
                let steps: Vec<Var> = factors.iter().map(|&f| tape.scale(current, f).unwrap()).collect();
                tape.stack(&steps).unwrap()
            }
        };
        let run = self.cell.run(tape, current).unwrap();
        let steps = if self.output == CellOutput::Traces { run.traces } else { run.spikes };
        tape.stack(&steps).unwrap()
    }

    /// The tape of a program; an anchored one is recorded with the same form.
    fn tape<S: Scalar>(&self, program: Program, form: Form<'_>) -> Tape<S> {
        match program {
            Program::Real => Tape::new(),
            Program::Smooth => Tape::with_mode(SpikeMode::Smooth),
            Program::Anchored => {
                let mut tape = Tape::new();
                let current = tape.leaf(self.base.cast());
                self.apply(&mut tape, current, form);
                Tape::anchored(Arc::new(tape.anchors()))
            }
        }
    }

    fn outcome<S: Scalar>(&self, program: Program, form: Form<'_>) -> Outcome<S> {
        let mut tape = self.tape(program, form);
        let at = if program == Program::Anchored { &self.moved } else { &self.base };
        let current = tape.leaf(at.cast::<S>());
        let output = self.apply(&mut tape, current, form);
        let cotangent = draw(tape.value(output).unwrap().shape(), -1.0, 1.0, 7).cast();
        let gradient = tape.vjp(output, cotangent).unwrap().wrt(current).unwrap().clone();
        Outcome { output: tape.value(output).unwrap().clone(), gradient, pieces: tape.pieces() }
    }

    /// The fused form against the composed one, in every program.
    ///
    /// Values are those of the composed cell to the bit, since they are computed by the same operations in the same
    /// order. Gradients are the same sums in another order: each entry has to lie within the bounds of both.
    /// Where an unbounded surrogate has made a potential overflow there is nothing to compare.
    ///
    /// Gives the share of gradients whose bounds are at most a millionth of the largest: those that say something.
    fn check(&self, factors: Option<&[f64]>) -> f64 {
        let form = factors.map_or(Form::Fused, Form::Still);
        let (mut told, mut all) = (0, 0);
        for program in PROGRAMS {
            let what = || format!("{program:?} {:?} {:?} {factors:?}", self.cell, self.base.shape());
            let fast = self.outcome::<f64>(program, form);
            let fused = self.outcome::<WorstCase>(program, form);
            let composed = self.outcome::<WorstCase>(program, Form::Composed(factors));
            assert_eq!(fast.output.shape(), composed.output.shape(), "{}", what());
            assert_eq!(fast.pieces, composed.pieces, "{}", what());
            let neurons = self.base.len() / if factors.is_some() { 1 } else { self.base.shape()[0] };
            let mut finite = vec![true; neurons];
            let values = fast.output.as_slice().iter().zip(composed.output.as_slice());
            for (at, (x, y)) in values.enumerate() {
                finite[at % neurons] &= y.is_finite();
                assert!(!finite[at % neurons] || *x == y.value, "{}: value {at}: {x} for {y:?}", what());
            }
            let size = fast.gradient.as_slice().iter().fold(0.0_f64, |a, &b| a.max(b.abs()));
            let gradients = fused.gradient.as_slice().iter().zip(composed.gradient.as_slice());
            for (at, ((x, y), &fast)) in gradients.zip(fast.gradient.as_slice()).enumerate() {
                // The arithmetic of a number with a bound is that of the number.
                assert!(fast == x.value || fast.is_nan() && x.value.is_nan(), "{}: {at}: {fast}", what());
                if finite[at % neurons] && y.is_finite() {
                    assert!(x.agrees(*y), "{}: gradient {at}: {x:?} for {y:?}", what());
                }
                told += usize::from(x.error + y.error <= 1e-6 * size);
                all += 1;
            }
        }
        if all == 0 { 1.0 } else { f64::from(told as u32) / f64::from(all as u32) }
    }
}

#[test]
fn every_fused_cell_is_the_composed_cell() {
    let cells = fused_cells();
    // Surrogates, resets, timings and rules; and none.
    assert_eq!(cells.len(), 12 * (5 * 3 * 4 + 1));
    let mut told = 0.0;
    for (index, &cell) in cells.iter().enumerate() {
        for (output, shape) in [(CellOutput::Spikes, [9, 1, 3]), (CellOutput::Traces, [7, 2, 2])] {
            told += Sample::draw(cell, output, &shape, index as u64).check(None);
        }
    }
    // The twin of straight-through makes the reset a quadratic map, which multiplies rounding errors without bound.
    let share = told / (2 * cells.len()) as f64;
    assert!(share > 0.97, "{share}");
}

/// Used by itself, without a tape: each of its programs is that of a tape.
#[test]
fn the_operation_stands_by_itself() {
    let cell = Cell::lif(Surrogate::sigmoid(0.3).unwrap());
    let op = FusedCell { cell, output: CellOutput::Traces, factors: None };
    let [base, moved] = [(0.4, 7), (0.5, 8)].map(|(low, seed)| draw(&[9, 2, 3], low - 0.8, low + 0.8, seed));
    let output = Op::forward(&op, &[&base]).unwrap();
    let anchor = Anchor { op: "fused_traces", inputs: smallvec![base], output };
    let (expected, _) = op.evaluate(&[&moved], OpMode::Anchored(&anchor)).unwrap();
    assert_eq!(op.anchored(&[&moved], &anchor).unwrap(), expected);
    assert_ne!(expected, Op::smooth(&op, &[&moved]).unwrap());
}

#[test]
fn a_still_current_is_that_of_every_step_in_every_program() {
    let all: [&[f64]; 5] = [&[1.0], &[0.0, 0.0], &[1.0, -1.0, 0.0, 2.5], &[-0.0, 1.0], &[0.5, 1.0, 1.5]];
    for (index, cell) in fused_cells().into_iter().enumerate() {
        let shape: &[usize] = [&[2, 3][..], &[0, 3], &[1, 1], &[1, 65], &[3, 0, 2], &[3, 2]][index % 6];
        let output = if index % 2 == 0 { CellOutput::Spikes } else { CellOutput::Traces };
        Sample::draw(cell, output, shape, index as u64).check(Some(all[index % all.len()]));
    }
}

/// A factor that is not a number reaches the values and gradients of its step and of later ones alone.
#[test]
fn a_still_current_without_a_number_in_it() {
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_reset(Reset::NONE).unwrap();
    let sample = Sample::draw(cell, CellOutput::Spikes, &[1, 2], 1);
    let outcome = sample.outcome::<f64>(Program::Real, Form::Still(&[1.0, f64::NAN, 1.0]));
    assert!(outcome.output.is_finite() && outcome.gradient.as_slice().iter().all(|x| x.is_nan()));
}

#[test]
fn blocks_join_without_a_seam() {
    // 200 neurons x 700 steps: three blocks of 64 and a rest, on several threads.
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_reset(Reset::GATED_INPUT).unwrap();
    for (output, seed) in [(CellOutput::Traces, 3), (CellOutput::Spikes, 4)] {
        Sample::draw(cell, output, &[700, 4, 50], seed).check(None);
    }
    // Rows longer than a piece of one go through the loops piece by piece.
    let cell = cell.with_drive(0.1).unwrap().with_input_gain(0.8).unwrap();
    for neurons in [255, 256, 257, 513] {
        Sample::draw(cell, CellOutput::Traces, &[3, 1, neurons], neurons as u64).check(None);
        Sample::draw(cell, CellOutput::Spikes, &[1, neurons], neurons as u64).check(Some(&[0.5, 1.0, 2.0]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn any_shape_and_any_constants(
        which in 0usize..610, steps in 1usize..12, batch in 0usize..4, neurons in 0usize..70,
        decay in 0.0f64..=1.0, threshold in 0.05f64..2.0, beta in prop_oneof![Just(0.0), 0.0f64..0.99],
        gain in prop::sample::select(vec![1.0, 0.6, -1.3]), drive in -0.2f64..0.3, initial in -1.0f64..1.5, seed: u32,
    ) {
        let cell = fused_cells()[which].with_decay(decay).unwrap().with_threshold(threshold).unwrap();
        let cell = cell.with_trace_decay(beta).unwrap().with_input_gain(gain).unwrap();
        let cell = cell.with_drive(drive).unwrap().with_initial_potential(initial).unwrap();
        let output = if seed % 2 == 0 { CellOutput::Spikes } else { CellOutput::Traces };
        Sample::draw(cell, output, &[steps, batch, neurons], u64::from(seed)).check(None);
    }
}
