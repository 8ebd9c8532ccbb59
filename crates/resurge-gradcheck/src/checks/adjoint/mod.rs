//! The adjoint or dot-product test.

mod run;

use super::options::{called, options};
use super::{CheckOptions, Reason, Verdict};
use crate::{GradcheckError, Program, Result};
use resurge_tensor::Tensor;
use serde::Serialize;
use std::fmt;

/// The adjoint test: `<J v, w> = <v, J' w>` for random `v` in the inputs' space and `w` in the output's.
///
/// `J v` comes from dual numbers on the anchored program's forward pass, `J' w` from the backward pass of the
/// real one. Neither takes a step, so the two agree to rounding, at points next to a kink as well; they share
/// the forward formulas, so a wrong formula of a value goes unnoticed. That is for
/// [`GradCheck`](crate::GradCheck) to find.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AdjointCheck, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Linear;
///
/// impl Program for Linear {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         Ok(tape.matmul(inputs[0], inputs[1])?)
///     }
/// }
///
/// let at = vec![Tensor::full([2, 3], 0.5)?, Tensor::full([3, 4], -1.5)?];
/// let report = AdjointCheck::new(&Linear, at).directions(4).run()?;
/// assert!(report.passed() && report.max_error < 1e-15 && report.pairs.len() == 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AdjointCheck<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    options: CheckOptions,
}

/// The two sides for one pair of vectors.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AdjointPair, Program, ProgramResult, check_adjoint};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report = check_adjoint(&Sine, at)?; // the sum of sin x
/// let pair: &AdjointPair = &report.pairs[0];
/// assert!((pair.forward - pair.backward).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AdjointPair {
    /// `<J v, w>`, by dual numbers.
    pub forward: f64,
    /// `<v, J' w>`, by the tape.
    pub backward: f64,
    /// Their difference, relative to the sum of the sizes of all terms on both sides.
    pub error: f64,
}

/// The result of an [`AdjointCheck`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AdjointReport, Program, ProgramResult, Verdict, check_adjoint};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report: AdjointReport = check_adjoint(&Sine, at)?; // the sum of sin x
/// assert_eq!(report.verdict, Verdict::Passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdjointReport {
    /// The outcome; [`Verdict::Undecided`] where all products vanish, or those of one input.
    pub verdict: Verdict,
    /// What was not decided, and why; empty where everything was.
    pub undecided: Vec<Reason>,
    /// Each pair. For the first, `w` is `J v` itself, so that the product cannot be small by chance.
    pub pairs: Vec<AdjointPair>,
    /// The largest error.
    pub max_error: f64,
    /// The input tensor and multi-index of an entry at which `J' w` is wrong, for the worst pair.
    pub suspect: Option<(usize, Vec<usize>)>,
    /// What the inputs are called; empty where they have numbers alone.
    pub names: Vec<String>,
}

/// Either side is a sum of products, each from a chain of some hundred operations at 1e-16; the error is
/// relative to the sum of their sizes. Correct programs stay below 1e-14.
const RTOL: f64 = 1e-12;

/// How many pairs.
const PAIRS: usize = 8;

options!(AdjointCheck {});

impl<P: Program> AdjointCheck<'_, P> {
    /// An older word for [`directions`](Self::directions).
    #[doc(hidden)]
    #[must_use]
    pub fn pairs(self, pairs: usize) -> Self {
        self.directions(pairs)
    }

    /// An older word for [`rtol`](Self::rtol).
    #[doc(hidden)]
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        self.rtol(tolerance)
    }
}

/// False for an error that is not a number.
pub(super) fn within(error: f64, tolerance: f64) -> bool {
    error <= tolerance
}

impl AdjointReport {
    /// Whether the two sides agree.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, check_adjoint};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// assert!(check_adjoint(&Sine, at)?.passed()); // the sum of sin x
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }
}

impl fmt::Display for AdjointReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<String> = self.undecided.iter().map(|why| why.of_inputs(&self.names)).collect();
        match (&self.verdict, &self.suspect) {
            (Verdict::Undecided, _) => f.write_str(&reasons.join("; ")),
            (_, Some((input, index))) => {
                let input = called(&self.names, *input);
                write!(f, "error {:.1e}, wrong at {input}, entry {index:?}", self.max_error)
            }
            (_, None) => write!(f, "error {:.1e}", self.max_error),
        }
    }
}

/// Runs the adjoint test with all options at their defaults, and returns an error that says what is wrong.
///
/// # Errors
/// [`GradcheckError::Rejected`] unless it passes, and those of [`AdjointCheck::run`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, check_adjoint};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report = check_adjoint(&Sine, at)?; // the sum of sin x
/// assert!(report.passed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_adjoint<P: Program>(program: &P, inputs: Vec<Tensor<f64>>) -> Result<AdjointReport> {
    let report = AdjointCheck::new(program, inputs).run()?;
    if report.passed() {
        return Ok(report);
    }
    Err(GradcheckError::Rejected { check: "adjoint", report: report.to_string() })
}
