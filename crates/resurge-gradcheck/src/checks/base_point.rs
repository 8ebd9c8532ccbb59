//! The base point of a check.

use crate::{AnchoredProgram, GradcheckError, Program, Result};
use resurge_tensor::Tensor;

/// The program at its base point: anchored, or its smooth twin. A second evaluation there must give the recorded
/// loss to the bit; else the program is not a function of its inputs.
pub(super) fn record<'p, P: Program>(
    program: &'p P,
    inputs: &[Tensor<f64>],
    smooth_twin: bool,
    seed: u64,
) -> Result<AnchoredProgram<'p, P>> {
    let inputs = inputs.to_vec();
    let anchored = match smooth_twin {
        true => AnchoredProgram::smooth_twin(program, inputs, seed)?,
        false => AnchoredProgram::contracted(program, inputs, seed)?,
    };
    let again = anchored.evaluate(&vec![0.0; anchored.dimension()], 0.0)?.loss;
    if again.to_bits() == anchored.loss().to_bits() {
        return Ok(anchored);
    }
    Err(GradcheckError::BasePoint { recorded: anchored.loss(), again })
}
