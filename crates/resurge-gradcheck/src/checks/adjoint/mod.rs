//! The adjoint or dot-product test.

mod run;

use super::{Reason, Verdict};
use crate::{GradcheckError, Program, Result};
use resurge_tensor::Tensor;
use serde::Serialize;

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
/// let report = AdjointCheck::new(&Linear, at).pairs(4).run()?;
/// assert!(report.passed() && report.max_error < 1e-15 && report.pairs.len() == 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AdjointCheck<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    pairs: usize,
    tolerance: f64,
    seed: u64,
    smooth_twin: bool,
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
}

/// Either side is a sum of products, each from a chain of some hundred operations at 1e-16; the error is
/// relative to the sum of their sizes. Correct programs stay below 1e-14.
const TOLERANCE: f64 = 1e-12;

impl<'p, P: Program> AdjointCheck<'p, P> {
    /// A test with 8 pairs at `inputs`.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AdjointCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = AdjointCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(program: &'p P, inputs: Vec<Tensor<f64>>) -> Self {
        Self { program, inputs, pairs: 8, tolerance: TOLERANCE, seed: 0, smooth_twin: false }
    }

    /// The number of pairs.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AdjointCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = AdjointCheck::new(&Sine, at).pairs(3).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// assert_eq!(report.pairs.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn pairs(self, pairs: usize) -> Self {
        Self { pairs, ..self }
    }

    /// The largest error with which it passes: 1e-12 unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AdjointCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = AdjointCheck::new(&Sine, at).tolerance(1e-13).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Draws the vectors.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AdjointCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = AdjointCheck::new(&Sine, at).seed(7).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Checks the smooth twin; see
    /// [`AnchoredProgram::smooth_twin`](crate::AnchoredProgram::smooth_twin).
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{AdjointCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = AdjointCheck::new(&Sine, at).smooth_twin().run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn smooth_twin(self) -> Self {
        Self { smooth_twin: true, ..self }
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
    let what = match (&report.verdict, &report.suspect) {
        (Verdict::Undecided, _) => {
            report.undecided.iter().map(Reason::to_string).collect::<Vec<_>>().join("; ")
        }
        (_, Some((input, index))) => {
            format!("error {:.1e}, wrong at input {input}, entry {index:?}", report.max_error)
        }
        (_, None) => format!("error {:.1e}", report.max_error),
    };
    Err(GradcheckError::Rejected { check: "adjoint", report: what })
}
