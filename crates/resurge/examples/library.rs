//! The library example of the README.

use resurge::autodiff::{Tape, Var};
use resurge::gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
use resurge::snn::{Cell, ResetGradient, Surrogate};
use resurge::tensor::{Scalar, Tensor};

struct LastPotential(Cell); // the sum of the potentials of a LIF layer at the end of a sequence

impl Program for LastPotential {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let run = self.0.run(tape, inputs[0])?;
        Ok(tape.sum(*run.potentials.last().ok_or("no steps")?)?)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cell = Cell::lif(Surrogate::sigmoid(0.2)?).with_reset_gradient(ResetGradient::Full);
    let current = Tensor::from_fn([10, 1, 4], |i| 0.3 + 0.01 * i as f64)?; // [T, B, N]
    let program = LastPotential(cell);
    let anchored = AnchoredProgram::new(&program, vec![current])?; // runs the spiking network, and backward
    let directions = Directions::new(anchored.gradient(), 8, 8, 1);
    let evidence = Evidence::gather(&anchored, &directions, cell.surrogate().width())?;
    let errors = evidence.compare(anchored.gradient())?; // or a gradient of your own
    assert!(errors.finite_difference < 1e-8 && errors.dual < 1e-12 && errors.complex_step < 1e-12);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_holds() {
        super::main().unwrap();
    }
}
