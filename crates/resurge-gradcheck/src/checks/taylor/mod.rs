//! The Taylor remainder test.

mod report;
mod run;

pub use report::{TaylorOrder, TaylorReport};

use super::CheckOptions;
use super::options::options;
use crate::{GradcheckError, Program, Result};
use resurge_tensor::Tensor;

/// The Taylor remainder test: along a direction `v`, the remainders
///
/// * `R1(h) = |L(h) - L(0)|`,
/// * `R2(h) = |L(h) - L(0) - h G v|`,
/// * `R3(h) = |L(h) - L(0) - h G v - h^2 v' H v / 2|`
///
/// of the anchored loss fall with slopes 1, 2 and 3; a wrong gradient leaves `R2` with slope 1, a wrong Hessian
/// `R3` with slope 2.
///
/// Slopes are fitted to the smallest steps at which the remainder is still well above the measured noise and no
/// kink is crossed. The window is thus chosen without regard to the slope expected, and where a fault shows
/// most. The slope is bounded on both sides: too small at the lowest steps is a failure; too large, or a remainder
/// that changes sign, means that the leading coefficient is small along this direction, which is then replaced. A remainder that
/// stays below the noise at every step, as that of a polynomial of lower degree, is as good as its order.
///
/// `H` is the Hessian of the anchored program; see [`hessian_vector_product`](crate::hessian_vector_product).
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, TaylorCheck};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Waves;
///
/// impl Program for Waves {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let sine = tape.sin(inputs[0])?;
///         let product = tape.mul(sine, inputs[1])?;
///         Ok(tape.sum(product)?)
///     }
/// }
///
/// let at = vec![Tensor::full([3], 0.3)?, Tensor::full([3], 2.0)?];
/// let report = TaylorCheck::new(&Waves, at.clone()).run()?;
/// assert!(report.passed() && report.orders.len() == 3);
///
/// let wrong = vec![1.0; 6];
/// assert!(!TaylorCheck::new(&Waves, at).claim(wrong).run()?.passed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TaylorCheck<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    options: CheckOptions,
    orders: usize,
    width: f64,
    claim: Option<Vec<f64>>,
}

/// At the smallest usable steps, 1e-7 (order 2) to 1e-4 (order 3) of the width, the next power contributes a few
/// per cent even where its coefficient is a hundred times larger. A fault changes the slope by up to 1.
const RTOL: f64 = 0.15;

/// In how many directions.
const DIRECTIONS: usize = 4;

options!(TaylorCheck { orders: 3, width: 1.0, claim: None });

impl<P: Program> TaylorCheck<'_, P> {
    /// An older word for [`rtol`](Self::rtol).
    #[doc(hidden)]
    #[must_use]
    pub fn slope_tolerance(self, tolerance: f64) -> Self {
        self.rtol(tolerance)
    }

    /// The highest order, 1 to 3: 3 unless told otherwise.
    #[must_use]
    pub fn orders(self, orders: usize) -> Self {
        Self { orders, ..self }
    }

    /// The length over which the program changes, from which steps are chosen: for a spiking network
    /// the width of its surrogate. 1 unless told otherwise.
    #[must_use]
    pub fn width(self, width: f64) -> Self {
        Self { width, ..self }
    }

    /// Holds another gradient than the tape's against the loss, flat.
    #[must_use]
    pub fn claim(self, gradient: Vec<f64>) -> Self {
        Self { claim: Some(gradient), ..self }
    }
}

/// Runs the Taylor test of orders 1 to 3 with all options at their defaults, and returns an error that says what
/// is wrong.
///
/// # Errors
/// [`GradcheckError::Rejected`] unless it passes, and those of [`TaylorCheck::run`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, check_taylor};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report = check_taylor(&Sine, at)?; // the sum of sin x
/// assert!(report.passed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_taylor<P: Program>(program: &P, inputs: Vec<Tensor<f64>>) -> Result<TaylorReport> {
    let report = TaylorCheck::new(program, inputs).run()?;
    if report.passed() {
        return Ok(report);
    }
    Err(GradcheckError::Rejected { check: "Taylor", report: report.to_string() })
}
