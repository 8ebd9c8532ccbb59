//! What the Taylor test found.

use crate::checks::{Reason, Verdict};
use serde::Serialize;
use std::fmt;

/// What was found for one order.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, TaylorOrder, Verdict, check_taylor};
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
/// let first: &TaylorOrder = &report.orders[0];
/// assert_eq!((first.order, first.verdict), (1, Verdict::Passed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaylorOrder {
    /// The order, which is the slope expected.
    pub order: usize,
    /// The outcome.
    pub verdict: Verdict,
    /// The slope along each direction that served.
    pub slopes: Vec<f64>,
    /// Along how many directions the remainder stayed below the noise at every step.
    pub vanishing: usize,
    /// How many directions were replaced, because their leading coefficient is small or kinks leave no window.
    pub replaced: usize,
    /// The smallest and the largest step over all windows.
    pub window: Option<(f64, f64)>,
}

/// The result of a [`TaylorCheck`](crate::TaylorCheck).
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, TaylorReport, Verdict, check_taylor};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report: TaylorReport = check_taylor(&Sine, at)?; // the sum of sin x
/// assert_eq!(report.verdict, Verdict::Passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaylorReport {
    /// Failed where one order failed, passed where all passed and every input was tested.
    pub verdict: Verdict,
    /// The inputs of which nothing was tested, since the loss does not change with them.
    pub undecided: Vec<Reason>,
    /// Each order, from 1.
    pub orders: Vec<TaylorOrder>,
    /// The absolute error of one evaluation of the loss.
    pub noise: f64,
    /// What the inputs are called; empty where they have numbers alone.
    pub names: Vec<String>,
}

impl TaylorReport {
    /// Whether every order has its slope.
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
    /// assert!(check_taylor(&Sine, at)?.passed()); // the sum of sin x
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }
}

impl fmt::Display for TaylorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |o: &TaylorOrder| format!("order {}: {:?}, slopes {:.3?}", o.order, o.verdict, o.slopes);
        let reasons = self.undecided.iter().map(|why| why.of_inputs(&self.names));
        let rows: Vec<String> = self.orders.iter().map(row).chain(reasons).collect();
        f.write_str(&rows.join("; "))
    }
}
