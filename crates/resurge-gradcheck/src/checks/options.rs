//! What every check may be told.

use super::base_point::record;
use crate::error::{not_negative, positive};
use crate::{AnchoredProgram, GradcheckError, Program, Result};
use resurge_tensor::Tensor;

/// What every check may be told, with one word for one thing. The checks have setters of the same
/// names.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AdjointCheck, CheckOptions, GradCheck, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Product; // of x and y
///
/// impl Program for Product {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let product = tape.mul(inputs[0], inputs[1])?;
///         Ok(tape.sum(product)?)
///     }
/// }
///
/// let at = vec![Tensor::scalar(0.4), Tensor::scalar(1.1)];
/// let names = vec!["rate".into(), "gain".into()];
/// let options = CheckOptions { seed: 7, directions: Some(3), names, ..CheckOptions::default() };
/// let report = AdjointCheck::new(&Product, at.clone()).options(options.clone()).run()?;
/// assert_eq!(report.pairs.len(), 3);
///
/// let wrong = GradCheck::new(&Product, at).options(options).claim(vec![1.1, 0.5]).run()?;
/// assert!(wrong.to_string().contains("wrong at `gain`, entry []"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CheckOptions {
    /// The relative tolerance. None is the check's own: 1e-7 of a gradient, 1e-6 with a fixed step and of a
    /// function;
    /// 1e-12 of an adjoint; 1e-11 of a Hessian; of the Taylor test, in which it is what a slope may
    /// differ by from its order, 0.15.
    pub rtol: Option<f64>,
    /// What is too small to matter: a difference of this size is allowed, and what is smaller on
    /// both sides counts as zero; in the Taylor test, as noise. In the units of what is compared.
    pub atol: f64,
    /// In how many directions, or pairs of them. None is the check's own: every entry of a
    /// gradient; 8 pairs of an adjoint; 4 of a Hessian; 4 in the Taylor test. Of a gradient, they
    /// are random signs and come besides its own direction.
    pub directions: Option<usize>,
    /// Draws the directions, and the cotangent of an output of several entries.
    pub seed: u64,
    /// Whether the smooth twin is checked in the place of the anchored program; see
    /// [`AnchoredProgram::smooth_twin`].
    pub smooth_twin: bool,
    /// What the inputs are called in reports and errors; "input 0", "input 1", ... where there are
    /// none.
    pub names: Vec<String>,
}

impl CheckOptions {
    /// The relative tolerance, `own` unless another was asked for; what makes no sense is refused.
    pub(super) fn checked(&self, own: f64) -> Result<f64> {
        let rtol = self.rtol.unwrap_or(own);
        positive("rtol", rtol)?;
        not_negative("atol", self.atol)?;
        Ok(rtol)
    }

    /// The base point of a check.
    pub(super) fn record<'p, P: Program>(
        &self,
        program: &'p P,
        inputs: &[Tensor<f64>],
    ) -> Result<AnchoredProgram<'p, P>> {
        GradcheckError::check_names(&self.names, inputs.len())?;
        record(program, inputs, self.smooth_twin, self.seed).map_err(|error| error.of_inputs(&self.names))
    }

    /// What of a difference is more than is allowed in any case. Not a number stays one.
    pub(super) fn beyond(&self, difference: f64) -> f64 {
        if difference <= self.atol { 0.0 } else { difference - self.atol }
    }
}

/// An input as reports call it.
pub(super) fn called(names: &[String], input: usize) -> String {
    names.get(input).map_or_else(|| format!("input {input}"), |name| format!("`{name}`"))
}

/// The setters of the options that every check has, those of functions too.
macro_rules! setters {
    () => {
        /// The relative tolerance; see [`CheckOptions::rtol`](crate::CheckOptions::rtol).
        #[must_use]
        pub fn rtol(mut self, rtol: f64) -> Self {
            self.options.rtol = Some(rtol);
            self
        }

        /// What is too small to matter; see [`CheckOptions::atol`](crate::CheckOptions::atol).
        #[must_use]
        pub fn atol(mut self, atol: f64) -> Self {
            self.options.atol = atol;
            self
        }

        /// In how many directions, or pairs of them; see [`CheckOptions::directions`](crate::CheckOptions::directions).
        #[must_use]
        pub fn directions(mut self, directions: usize) -> Self {
            self.options.directions = Some(directions);
            self
        }

        /// Draws the directions, and the cotangent of an output of several entries.
        #[must_use]
        pub fn seed(mut self, seed: u64) -> Self {
            self.options.seed = seed;
            self
        }
    };
}
pub(super) use setters;

/// Writes the constructor of a check, and the setters of its options.
macro_rules! options {
    ($check:ident { $($own:ident: $value:expr),* $(,)? }) => {
        impl<'p, P: Program> $check<'p, P> {
            /// A check at `inputs`, with all options at their defaults.
            pub fn new(program: &'p P, inputs: Vec<Tensor<f64>>) -> Self {
                Self { program, inputs, options: CheckOptions::default(), $($own: $value),* }
            }

            /// All that every check may be told, at once.
            #[must_use]
            pub fn options(self, options: CheckOptions) -> Self {
                Self { options, ..self }
            }

            $crate::checks::options::setters!();

            /// Checks the smooth twin in the place of the anchored program; see
            /// [`AnchoredProgram::smooth_twin`](crate::AnchoredProgram::smooth_twin).
            #[must_use]
            pub fn smooth_twin(mut self) -> Self {
                self.options.smooth_twin = true;
                self
            }

            /// What the inputs are called in reports and errors, one name each.
            #[must_use]
            pub fn names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
                self.options.names = names.into_iter().map(Into::into).collect();
                self
            }
        }
    };
}
pub(super) use options;
