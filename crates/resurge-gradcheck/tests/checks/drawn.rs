//! The programs that a seed draws.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{Program, ProgramResult};
use resurge_snn::{Cell, Reset, ResetGradient, Surrogate, linear};
use resurge_tensor::{Scalar, Tensor};

pub(crate) const WIDTH: f64 = 0.2;

/// A spiking layer under a weighted readout, or a smooth map, drawn by a seed. Small enough for a check of every
/// entry in a fraction of a millisecond.
pub(crate) struct Drawn {
    pub(crate) cell: Cell,
    input: Tensor<f64>,
    readout: Tensor<f64>,
    pub(crate) vector: bool,
}

impl Drawn {
    pub(crate) fn new(seed: u64) -> (Self, Vec<Tensor<f64>>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let surrogate = match rng.random_range(0..4) {
            0 => Surrogate::sigmoid(WIDTH),
            1 => Surrogate::atan(3.0),
            2 => Surrogate::fast_sigmoid(4.0),
            _ => Surrogate::triangle(0.9),
        };
        let rules = [ResetGradient::Full, ResetGradient::Detached, ResetGradient::Scaled(0.4)];
        let cell = Cell::lif(surrogate.unwrap())
            .with_reset([Reset::TO_ZERO, Reset::SUBTRACT][rng.random_range(0..2)])
            .unwrap()
            .with_reset_gradient(rules[rng.random_range(0..3)])
            .with_threshold(0.7)
            .unwrap();
        let mut draw = |shape: &[usize], low: f64, high: f64| {
            Tensor::from_fn(shape, |_| low + (high - low) * rng.random::<f64>()).unwrap()
        };
        let input = draw(&[5, 1, 3], 0.0, 1.0);
        let readout = draw(&[5, 1, 2], -1.0, 1.0);
        let parameters = vec![draw(&[2, 3], 0.0, 0.9), draw(&[2], 0.0, 0.3)];
        (Self { cell, input, readout, vector: false }, parameters)
    }
}

impl Program for Drawn {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let input = tape.constant(self.input.cast());
        let current = linear(tape, input, inputs[0], Some(inputs[1]))?;
        let run = self.cell.run(tape, current)?;
        let traces = tape.stack(&run.traces)?;
        let readout = tape.constant(self.readout.cast());
        let weighted = tape.mul(traces, readout)?;
        if self.vector { Ok(tape.sum_axis(weighted, 0)?) } else { Ok(tape.sum(weighted)?) }
    }
}
