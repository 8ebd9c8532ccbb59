//! Why a gradient could not be checked.

use crate::Result;
use crate::directions::multi_index;
use resurge_autodiff::{AutodiffError, NonFinite};
use resurge_snn::SnnError;
use resurge_tensor::TensorError;
use std::fmt;

/// A check that could not be carried out. A gradient that is wrong is not an error but a result.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, GradcheckError, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let anchored = AnchoredProgram::new(&Sine, at)?; // the sum of sin x
/// let error = anchored.by_dual(&[1.0]).unwrap_err();
/// assert!(matches!(error, GradcheckError::Length { .. }), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GradcheckError {
    /// The program itself failed.
    #[error("the program failed: {0}")]
    Program(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The tape refused an operation.
    #[error(transparent)]
    Autodiff(#[from] AutodiffError),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A network could not be built or run.
    #[error(transparent)]
    Snn(#[from] SnnError),
    /// A gradient or direction of the wrong length.
    #[error("{what} has {actual} entries, but the program has {expected} inputs in all")]
    Length {
        /// What was given.
        what: &'static str,
        /// How many entries the program's inputs have.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// A program that does not return one number.
    #[error("the program returned {0} numbers; reduce them to one loss first, for example with `sum`")]
    NonScalarLoss(usize),
    /// A loss or gradient that is not a finite number: nothing can be compared with it.
    #[error(
        "the {what} is not finite at the point of the check{origin}; choose another point, or keep the operation from it, \
         for example with a small positive number added"
    )]
    NonFinite {
        /// The loss or the gradient.
        what: &'static str,
        /// Where that comes from.
        origin: Box<Origin>,
    },
    /// A cell for which the derivation has no closed recurrence.
    #[error(
        "there is no closed recurrence for a cell with a synapse, adaptation, refractory steps, output delay, \
         residual reset, a relative threshold or another firing rule; use the other proofs"
    )]
    NoClosedForm,
    /// A step scale that is not a positive number.
    #[error("the step scale is {0}, but must be positive and finite; take the surrogate's width")]
    StepScale(f64),
    /// An option of a check that is outside its domain.
    #[error("{option} is {value}, but must be {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// The value given.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// A program that is not a function of its inputs.
    #[error(
        "run again at the same inputs, the program gave {again:e} in place of {recorded:e}; it must not depend on \
         anything but its inputs"
    )]
    BasePoint {
        /// The loss of the recorded run.
        recorded: f64,
        /// The loss of the second run.
        again: f64,
    },
    /// A program that gave another value when it was evaluated again elsewhere.
    #[error(
        "evaluated twice at a step of {step:e}, the program gave {first:e} and then {again:e}: now and then it depends on \
         something besides its inputs, such as a mask that is drawn anew; draw it once, outside of the program"
    )]
    Unsteady {
        /// The step along the direction of the check.
        step: f64,
        /// The value at first.
        first: f64,
        /// The value of the second evaluation.
        again: f64,
    },
    /// A derivative that has to be divided by, but vanishes.
    #[error(
        "the derivative along the direction is {derivative:e}; choose a direction along which it does not vanish"
    )]
    Vanishes {
        /// The derivative.
        derivative: f64,
    },
    /// A check that did not pass, from the functions that check in one line.
    #[error("{check} check: {report}")]
    Rejected {
        /// The check.
        check: &'static str,
        /// What it found.
        report: String,
    },
    /// Something to be learned of a cell that does not have it, or has it twice.
    #[error("this cell has no {learnable} to learn, or learns it as something else already")]
    NotLearnable {
        /// What was to be learned.
        learnable: resurge_snn::Learnable,
    },
    /// Another number of names than the program has inputs.
    #[error("the program has {expected} inputs, {actual} names were given; give one each, or none")]
    Names {
        /// How many inputs it has.
        expected: usize,
        /// How many names were given.
        actual: usize,
    },
    /// Another number of inputs than the program has.
    #[error("the cell network has {expected} inputs, {actual} were given; take those of `parameters`")]
    Inputs {
        /// How many it has.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
}

/// Where a number that is not finite comes from.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, GradcheckError, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Roots; // the sum of sqrt x
/// # impl Program for Roots {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let root = tape.sqrt(inputs[0])?;
/// #         Ok(tape.sum(root)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![4.0, 0.0])?];
/// let Err(GradcheckError::NonFinite { origin, .. }) = AnchoredProgram::new(&Roots, at) else { panic!() };
/// assert_eq!((&origin.input, origin.operation.as_ref().unwrap().op), (&Some((0, vec![1])), "sqrt"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The first input, counted from 0, with an entry whose gradient or value is not finite, and its multi-index.
    pub input: Option<(usize, Vec<usize>)>,
    /// The name of that input, where the check knows one.
    pub name: Option<String>,
    /// The operation that made the number.
    pub operation: Option<NonFinite>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.input, &self.name) {
            (Some((_, index)), Some(name)) => write!(f, " (`{name}`, entry {index:?})")?,
            (Some((input, index)), None) => write!(f, " (input {input}, entry {index:?})")?,
            (None, _) => {}
        }
        let Some(NonFinite { op, label, shape, entry, backward }) = &self.operation else { return Ok(()) };
        let label = label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
        let index = multi_index(shape, *entry);
        match backward {
            true => write!(f, ": the derivative of `{op}`{label} is not, at entry {index:?}"),
            false => write!(f, ": the value of `{op}`{label} is not, at entry {index:?}"),
        }
    }
}

impl GradcheckError {
    /// Refuses names that are not one for each input.
    pub(crate) fn check_names(names: &[String], inputs: usize) -> Result<()> {
        if names.is_empty() || names.len() == inputs {
            return Ok(());
        }
        Err(Self::Names { expected: inputs, actual: names.len() })
    }

    /// The error with the name of the input that it is about, where it is about one.
    pub(crate) fn of_inputs(mut self, names: &[String]) -> Self {
        if let Self::NonFinite { origin, .. } = &mut self {
            origin.name = origin.input.as_ref().and_then(|(input, _)| names.get(*input).cloned());
        }
        self
    }
}

/// Refuses a flat list of another length.
pub(crate) fn check_length(what: &'static str, flat: &[f64], expected: usize) -> Result<()> {
    if flat.len() == expected {
        return Ok(());
    }
    Err(GradcheckError::Length { what, expected, actual: flat.len() })
}

/// Refuses an option that is not positive and finite.
pub(crate) fn positive(option: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(GradcheckError::Option { option, value, expected: "positive and finite" })
}

/// Refuses an option that is negative, or not finite.
pub(crate) fn not_negative(option: &'static str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(GradcheckError::Option { option, value, expected: "at least 0 and finite" })
}

#[cfg(test)]
mod tests;
