//! One proof for every program: its gradient at a point against all means, with one set of bars.

mod bars;
mod proof;

pub use bars::{BARS, Bars};
pub use proof::{Independent, Proof, ProofErrors, ProofInput, SkipReason, Skipped};

use crate::anchored::Evaluate;
use crate::{AnchoredProgram, Directions, Evidence, GradcheckError, Program, Result};
use resurge_tensor::Tensor;

/// How much of a gradient to prove, and how to call its inputs.
///
/// ```
/// use resurge_gradcheck::ProofOptions;
///
/// let names = ["weight".to_owned(), "bias".to_owned()];
/// let options = ProofOptions { names: &names, ..ProofOptions::of_width(0.25) };
/// assert!(options.each_input && options.width == 0.25);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProofOptions<'a> {
    /// Directions of random signs over all inputs, besides the gradient's own.
    pub signs: usize,
    /// Directions along one entry alone, half of them where the gradient is largest.
    pub entries: usize,
    /// Whether each input has directions of its own, too, so that a small gradient of one is not hidden behind large
    /// ones of others. Along the gradient's own direction alone, without signs or entries, none has.
    pub each_input: bool,
    /// Draws the directions.
    pub seed: u64,
    /// The narrowest surrogate's width: steps of finite differences are in proportion to it.
    pub width: f64,
    /// The names of the inputs; "input 0", "input 1", ... where there are none.
    pub names: &'a [String],
}

impl ProofOptions<'_> {
    /// Six directions of signs, six single entries and directions of each input, for surrogates of a width.
    ///
    /// Of six directions of signs, each alone sees a 1 + 1e-6 scale with probability above 0.99: the projection must
    /// fall below a hundredth of its standard deviation to hide it. The gradient's own direction sees it for certain.
    ///
    /// ```
    /// use resurge_gradcheck::ProofOptions;
    ///
    /// assert_eq!(ProofOptions::of_width(0.25).signs, 6);
    /// ```
    pub fn of_width(width: f64) -> Self {
        Self { signs: 6, entries: 6, each_input: true, seed: 1, width, names: &[] }
    }
}

/// Proves the gradient of a program at a point: against finite differences, the complex step and dual numbers of its
/// anchored program.
///
/// # Errors
/// [`GradcheckError::Names`] for another number of names than inputs, [`GradcheckError::StepScale`] for a width that
/// is not positive, and the errors of [`AnchoredProgram::new`], which name the input by its name. A gradient that is
/// wrong is not an error but a verdict.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, ProofOptions, Verdict, prove};
/// use resurge_snn::{Firing, Surrogate, spike};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct OneSpike;
///
/// impl Program for OneSpike {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let o = spike(tape, inputs[0], Surrogate::sigmoid(0.2)?, Firing::Above)?;
///         let weighted = tape.mul(o, inputs[0])?;
///         Ok(tape.sum(weighted)?)
///     }
/// }
///
/// let at = vec![Tensor::from_vec([3], vec![-0.1, 0.05, 0.3])?];
/// let proof = prove(&OneSpike, at, &ProofOptions::of_width(0.2))?;
/// assert_eq!((proof.verdict(), proof.spikes), (Verdict::Passed, Some(true)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn prove<P: Program>(program: &P, at: Vec<Tensor<f64>>, options: &ProofOptions<'_>) -> Result<Proof> {
    let ProofOptions { names, .. } = options;
    GradcheckError::check_names(names, at.len())?;
    let anchored = AnchoredProgram::new(program, at).map_err(|error| error.of_inputs(names))?;
    of(&anchored, options)
}

fn of(anchored: &dyn Evaluate, options: &ProofOptions<'_>) -> Result<Proof> {
    let directions = Directions::new(anchored.gradient(), options.signs, options.entries, options.seed);
    let evidence = Evidence::of(anchored, &directions, options.width, options.each_input)?;
    Proof::new(anchored, evidence, options)
}

#[cfg(test)]
mod tests;
