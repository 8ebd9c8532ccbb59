//! The Jacobian of a function of which nothing but its values can be had.

mod line;
mod run;
#[cfg(test)]
mod tests;

use super::options::{CheckOptions, setters};
use crate::{CheckReport, Hints, Result, Scheme};
use resurge_tensor::Tensor;
use std::error::Error;

/// What a function gives, or why it cannot be evaluated.
///
/// ```
/// fn logarithm(x: &[f64]) -> resurge_gradcheck::FunctionValue {
///     if x[0] <= 0.0 { return Err("only positive numbers have one".into()) }
///     Ok(vec![x[0].ln()])
/// }
/// assert!(logarithm(&[0.0]).is_err());
/// ```
pub type FunctionValue = std::result::Result<Vec<f64>, Box<dyn Error + Send + Sync>>;

/// A claimed Jacobian held against finite differences of the function's values.
///
/// The function is foreign: it is not on the tape, so that there are no dual numbers to decide where differences cannot.
/// Steps are found by a scan; the noise of its values is measured; at a kink a valid subgradient is accepted, by
/// one-sided differences. What cannot be compared is `Undecided`, not passed. With [`directions`](Self::directions) it looks
/// along so many of random signs for each input instead of along every entry: cheap for many inputs, but a fault may hide,
/// and its entry is not named.
///
/// ```
/// use resurge_gradcheck::{FunctionCheck, Verdict};
/// use resurge_tensor::Tensor;
///
/// let at = vec![Tensor::from_vec([2], vec![0.5, 2.0])?];
/// let product = |x: &[f64]| Ok(vec![x[0] * x[1]]);
/// assert!(FunctionCheck::new(at.clone(), &[], vec![2.0, 0.5]).run(product)?.passed());
/// let wrong = FunctionCheck::new(at, &[], vec![2.0, 0.25]).run(product)?;
/// assert_eq!((wrong.verdict, wrong.failures), (Verdict::Failed, 1));
/// assert!(wrong.mismatches[0].to_string().starts_with("input 0, entry [1]: the gradient says 2.5e-1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FunctionCheck {
    inputs: Vec<Tensor<f64>>,
    output: Vec<usize>,
    claim: Vec<f64>,
    hints: Hints,
    scheme: Scheme,
    roundoff: f64,
    nondeterminism: f64,
    options: CheckOptions,
}

/// A difference of a function in f64 is right to this, relative to the larger of the entry and the claim.
const RTOL: f64 = 1e-6;

impl FunctionCheck {
    /// A check at these inputs of a function whose output has this shape, of the Jacobian that is claimed: row-major, a
    /// row for each number of the output, a column for each number of all inputs.
    ///
    /// ```
    /// use resurge_gradcheck::FunctionCheck;
    /// use resurge_tensor::Tensor;
    ///
    /// let at = vec![Tensor::from_vec([1], vec![0.4])?];
    /// let check = FunctionCheck::new(at, &[2], vec![0.4_f64.cos(), -0.4_f64.sin()]);
    /// assert!(check.run(|x| Ok(vec![x[0].sin(), x[0].cos()]))?.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(inputs: Vec<Tensor<f64>>, output: &[usize], claim: Vec<f64>) -> Self {
        Self {
            inputs,
            output: output.to_vec(),
            claim,
            hints: Hints::new(),
            scheme: Scheme::Ridders,
            roundoff: f64::EPSILON / 2.0,
            nondeterminism: 0.0,
            options: CheckOptions { seed: 1, ..CheckOptions::default() },
        }
    }

    setters!();

    /// Takes differences otherwise: [`Scheme::Fixed`] with a step has this step in every entry. The tolerance then has
    /// to cover its truncation error.
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The unit roundoff of the type in which the function computes: 2^-53 of f64 by default, 2^-24 of f32.
    #[must_use]
    pub fn roundoff(mut self, roundoff: f64) -> Self {
        self.roundoff = roundoff;
        self
    }

    /// By how much values may differ when the function is evaluated again at the same point.
    #[must_use]
    pub fn nondeterminism(mut self, tolerance: f64) -> Self {
        self.nondeterminism = tolerance;
        self
    }

    /// Explanations to try where the claim is wrong.
    #[must_use]
    pub fn hints(mut self, hints: Hints) -> Self {
        self.hints = hints;
        self
    }

    /// Runs the check. A value that cannot be computed at a step, or is not finite there, makes the step useless; at
    /// the point itself it is an error.
    ///
    /// # Errors
    /// [`Length`](crate::GradcheckError::Length) for a claim of another size, [`Option`](crate::GradcheckError::Option)
    /// for a tolerance that is none, [`Program`](crate::GradcheckError::Program) for an error of the function at the
    /// point, [`NonFinite`](crate::GradcheckError::NonFinite) for a value or a claim that is not finite,
    /// [`BasePoint`](crate::GradcheckError::BasePoint) for a function that is none.
    pub fn run(&self, function: impl FnMut(&[f64]) -> FunctionValue) -> Result<CheckReport> {
        run::run(self, function)
    }
}
