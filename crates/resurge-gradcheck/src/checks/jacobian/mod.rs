//! A gradient or Jacobian against its derivatives by the best evidence: every entry, or random projections.

mod run;

use super::CheckReport;
use crate::{GradcheckError, Hints, Program, Result, Scheme};
use resurge_tensor::Tensor;

/// A check of a program's gradient, or of its Jacobian where the output has several entries, against finite
/// differences of the anchored program.
///
/// By default every entry is compared ([`full`](Self::full)) with a central difference extrapolated by Ridders'
/// method, whose estimated error is part of the comparison:
///
/// `|claimed - reference| <= rtol max(|claimed|, |reference|) + safety * error`,
///
/// where `error` holds the spread of the extrapolation and the measured noise over the step, and each input has a unit of
/// its own ([`scales`](Self::scales)). At a kink the one-sided derivatives decide, and where differences cannot, dual numbers
/// and the complex step ([`CheckReport::evidence`]). What is not decided is not passed ([`CheckReport::undecided`]).
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{GradCheck, Hints, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Softplus;
///
/// impl Program for Softplus {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let e = tape.exp(inputs[0])?;
///         let shifted = tape.shift(e, 1.0)?;
///         Ok(tape.ln(shifted)?) // one output an input: the Jacobian is diagonal
///     }
/// }
///
/// let at = vec![Tensor::from_vec([3], vec![-1.0, 0.5, 2.0])?];
/// let report = GradCheck::new(&Softplus, at.clone()).run()?;
/// assert!(report.passed() && report.compared == 9 && report.max_error < 1e-9);
///
/// // A Jacobian that lacks a factor 2 somewhere, offered in its place.
/// let mut wrong: Vec<f64> = (0..9).map(|i| if i % 4 == 0 { 1.0 / (1.0 + (-[-1.0, 0.5, 2.0][i / 4] as f64).exp()) } else { 0.0 }).collect();
/// wrong[8] /= 2.0;
/// let report = GradCheck::new(&Softplus, at).claim(wrong).run()?;
/// assert!(report.to_string().contains("input 0, entry [2], output [2]"));
/// assert!(report.to_string().contains("a factor 2 is missing"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GradCheck<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    mode: Mode,
    scheme: Scheme,
    width: f64,
    rtol: Option<f64>,
    safety: f64,
    seed: u64,
    smooth_twin: bool,
    claim: Option<Vec<f64>>,
    scales: Option<Vec<f64>>,
    hints: Hints,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Full,
    Projections(usize),
}

/// On the estimated error, which is the smallest of many and hence optimistic (`docs/numerics.md`: 10 to 30).
const SAFETY: f64 = 10.0;

impl<'p, P: Program> GradCheck<'p, P> {
    /// A check of every entry at `inputs`.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(program: &'p P, inputs: Vec<Tensor<f64>>) -> Self {
        Self {
            program,
            inputs,
            mode: Mode::Full,
            scheme: Scheme::Ridders,
            width: 1.0,
            rtol: None,
            safety: SAFETY,
            seed: 0,
            smooth_twin: false,
            claim: None,
            scales: None,
            hints: Hints::new(),
        }
    }

    /// Compares every entry of the Jacobian: the cost is one derivative an input entry.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).full().run()?; // the sum of sin x
    /// assert!(report.passed() && report.compared == 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn full(self) -> Self {
        Self { mode: Mode::Full, ..self }
    }

    /// Compares projections only: along the gradient itself and along `signs` directions of random signs, whose
    /// mean square measures the error of the whole gradient. An output of several entries is contracted with a
    /// cotangent drawn by the seed. The bar is relative to the gradient's norm.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).projections(4).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// assert_eq!(report.compared, 5); // and the gradient's own direction
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn projections(self, signs: usize) -> Self {
        Self { mode: Mode::Projections(signs), ..self }
    }

    /// How finite differences are taken; [`Scheme::Ridders`] unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult, Scheme, Stencil};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).scheme(Scheme::Fixed { stencil: Stencil::Sixth, step: None }).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scheme(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// The length over which the program changes, from which steps are chosen: for a spiking network the width of
    /// its surrogate. 1 unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).width(0.5).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn width(self, width: f64) -> Self {
        Self { width, ..self }
    }

    /// The relative tolerance: 1e-7 unless told otherwise, 1e-6 with a fixed step.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).rtol(1e-9).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rtol(self, rtol: f64) -> Self {
        Self { rtol: Some(rtol), ..self }
    }

    /// The factor on the estimated error of the reference: 10 unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).safety(3.0).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn safety(self, safety: f64) -> Self {
        Self { safety, ..self }
    }

    /// Draws directions and cotangent.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).seed(7).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Checks the smooth twin in place of the anchored program; see
    /// [`AnchoredProgram::smooth_twin`](crate::AnchoredProgram::smooth_twin).
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).smooth_twin().run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn smooth_twin(self) -> Self {
        Self { smooth_twin: true, ..self }
    }

    /// The unit of each input: about how far it has to move for the output to notice. By default it is found from the
    /// input's own values and from how the output responds.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Product; // the sum of x y
    /// # impl Program for Product {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let product = tape.mul(inputs[0], inputs[1])?;
    /// #         Ok(tape.sum(product)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::scalar(3e9), Tensor::scalar(2e-6)];
    /// assert!(GradCheck::new(&Product, at).scales(vec![1e9, 1e-6]).run()?.passed()); // of x y
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scales(self, scales: Vec<f64>) -> Self {
        Self { scales: Some(scales), ..self }
    }

    /// Holds another Jacobian than the tape's against the reference, row-major `[outputs, inputs]`: for one
    /// output, the flat gradient.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
    /// let report = GradCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
    /// assert!(!report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn claim(self, jacobian: Vec<f64>) -> Self {
        Self { claim: Some(jacobian), ..self }
    }

    /// Explanations to try for what is wrong.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Hints, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).hints(Hints::new().factor("theta", 0.7)).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }
}

/// Checks every entry of a program's gradient at `inputs`, with all options at their defaults, and returns an
/// error that says what is wrong.
///
/// # Errors
/// [`GradcheckError::Rejected`] for a gradient that is wrong or that nothing could be compared with, and those
/// of [`GradCheck::run`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, check_gradient};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Energy;
///
/// impl Program for Energy {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let square = tape.square(inputs[0])?;
///         Ok(tape.sum(square)?)
///     }
/// }
///
/// check_gradient(&Energy, vec![Tensor::from_vec([2], vec![1.0, -3.0])?])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_gradient<P: Program>(program: &P, inputs: Vec<Tensor<f64>>) -> Result<CheckReport> {
    let report = GradCheck::new(program, inputs).run()?;
    if report.passed() {
        return Ok(report);
    }
    Err(GradcheckError::Rejected { check: "gradient", report: report.to_string() })
}
