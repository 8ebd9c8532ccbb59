//! Programs on the tape.

use crate::{GradcheckError, Result};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// What a program returns: the variable of its output, or any error.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::ProgramResult;
/// use resurge_tensor::{Scalar, Tensor};
///
/// fn half<S: Scalar>(tape: &mut Tape<S>, x: Var) -> ProgramResult {
///     Ok(tape.scale(x, 0.5)?)
/// }
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let y = half(&mut tape, x).map_err(|error| error.to_string())?;
/// assert_eq!(tape.value(y)?.item(), Some(1.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type ProgramResult = std::result::Result<Var, Box<dyn std::error::Error + Send + Sync>>;

/// A program that is written once and evaluated over any scalar: inputs to one output of any shape, most often
/// a single loss.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Product;
///
/// impl Program for Product {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         Ok(tape.mul(inputs[0], inputs[1])?)
///     }
/// }
///
/// let anchored = AnchoredProgram::new(&Product, vec![Tensor::scalar(3.0), Tensor::scalar(5.0)])?;
/// assert_eq!(anchored.gradient(), &[5.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Program: Sync {
    /// Runs the program on a tape that holds the inputs as leaves, and returns its output.
    ///
    /// It must be a function of the inputs alone: the same operations in the same order on every run.
    ///
    /// # Errors
    /// Whatever prevents the run.
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult;
}

/// Runs a program on a tape: the leaves of its inputs, and its output.
pub(crate) fn run<S: Scalar, P: Program>(
    program: &P,
    tape: &mut Tape<S>,
    inputs: Vec<Tensor<S>>,
) -> Result<(Vec<Var>, Var)> {
    let leaves: Vec<Var> = inputs.into_iter().map(|input| tape.leaf(input)).collect();
    let output = program.run(tape, &leaves).map_err(GradcheckError::Program)?;
    Ok((leaves, output))
}
