//! A gradient or Jacobian against its derivatives by the best evidence: every entry, or random projections.

mod run;

use super::options::options;
use super::{CheckOptions, CheckReport};
use crate::{GradcheckError, Hints, Program, Result, Scheme};
use resurge_tensor::Tensor;

/// A check of a program's gradient, or of its Jacobian where the output has several entries, against finite
/// differences of the anchored program.
///
/// By default every entry is compared ([`full`](Self::full)), else projections: on the gradient
/// itself and on [`directions`](Self::directions) of random signs, whose mean square measures the
/// error of the whole gradient. An output of several entries is then contracted with a cotangent
/// drawn by the seed, and the bar is relative to the gradient's norm. The reference is a central
/// difference extrapolated by Ridders' method, whose estimated error is part of the comparison:
///
/// `|claimed - reference| <= rtol max(|claimed|, |reference|) + atol + safety * error`,
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
    options: CheckOptions,
    scheme: Scheme,
    width: f64,
    safety: f64,
    claim: Option<Vec<f64>>,
    scales: Option<Vec<f64>>,
    hints: Hints,
}

/// On the estimated error, which is the smallest of many and hence optimistic (`docs/numerics.md`: 10 to 30).
pub(super) const SAFETY: f64 = 10.0;

options!(GradCheck {
    scheme: Scheme::Ridders,
    width: 1.0,
    safety: SAFETY,
    claim: None,
    scales: None,
    hints: Hints::new(),
});

impl<P: Program> GradCheck<'_, P> {
    /// An older word for [`directions`](Self::directions).
    #[doc(hidden)]
    #[must_use]
    pub fn projections(self, signs: usize) -> Self {
        self.directions(signs)
    }

    /// Compares every entry of the Jacobian, as it does unless told otherwise: the cost is one derivative
    /// an input entry.
    #[must_use]
    pub fn full(self) -> Self {
        Self { options: CheckOptions { directions: None, ..self.options }, ..self }
    }

    /// How finite differences are taken; [`Scheme::Ridders`] unless told otherwise.
    #[must_use]
    pub fn scheme(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// The length over which the program changes, from which steps are chosen: for a spiking network
    /// the width of its surrogate. 1 unless told otherwise.
    #[must_use]
    pub fn width(self, width: f64) -> Self {
        Self { width, ..self }
    }

    /// The factor on the estimated error of the reference: 10 unless told otherwise.
    #[must_use]
    pub fn safety(self, safety: f64) -> Self {
        Self { safety, ..self }
    }

    /// The unit of each input: about how far it has to move for the output to notice. By default it is
    /// found from the input's own values and from how the output responds.
    #[must_use]
    pub fn scales(self, scales: Vec<f64>) -> Self {
        Self { scales: Some(scales), ..self }
    }

    /// Holds another Jacobian than the tape's against the reference, row-major `[outputs, inputs]`: for
    /// one output, the flat gradient.
    #[must_use]
    pub fn claim(self, jacobian: Vec<f64>) -> Self {
        Self { claim: Some(jacobian), ..self }
    }

    /// Explanations to try for what is wrong.
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
