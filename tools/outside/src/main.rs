//! The code of docs/library.md: a step of a leaky neuron, written with the tape, and the proof of its gradient.

use resurge::autodiff::{Tape, Var};
use resurge::gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
use resurge::snn::{Firing, Surrogate, spike};
use resurge::tensor::{Scalar, Tensor};

/// Two steps: u[1] = I, o[1] = H(u[1] - 1), u[2] = 0.9 u[1] (1 - o[1]) + I; the loss is the sum of u[2].
struct Leaky(Surrogate);

impl Program for Leaky {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let current = inputs[0];
        let above = tape.shift(current, -1.0)?;
        let spikes = spike(tape, above, self.0, Firing::Above)?;
        let kept = tape.scale(spikes, -1.0)?;
        let kept = tape.shift(kept, 1.0)?;
        let left = tape.mul(current, kept)?;
        let left = tape.scale(left, 0.9)?;
        let potential = tape.add(left, current)?;
        Ok(tape.sum(potential)?)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let surrogate = Surrogate::sigmoid(0.2)?;
    let current = Tensor::from_vec([1, 4], vec![0.6, 0.9, 1.1, 1.4])?; // two of four neurons spike
    let program = Leaky(surrogate);
    let anchored = AnchoredProgram::new(&program, vec![current])?;
    let directions = Directions::new(anchored.gradient(), 8, 8, 1);
    let evidence = Evidence::gather(&anchored, &directions, surrogate.width())?;
    let errors = evidence.compare(anchored.gradient())?;
    println!("finite differences {:.1e}, dual numbers {:.1e}", errors.finite_difference, errors.dual);
    if errors.finite_difference < 1e-8 && errors.dual < 1e-12 {
        Ok(())
    } else {
        Err("the gradient is not the one it claims to be".into())
    }
}
