//! What can be wrong with a spiking network.

use resurge_autodiff::AutodiffError;
use resurge_tensor::{Shape, TensorError};

/// A cell, layer, loss or encoder that cannot be built or run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SnnError {
    /// An operation on the tape failed.
    #[error(transparent)]
    Autodiff(#[from] AutodiffError),
    /// The shapes do not fit.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A parameter is outside its domain.
    #[error("{parameter} is {value}, but must be {expected}")]
    Parameter {
        /// The parameter's name.
        parameter: &'static str,
        /// The value given.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// A sequence that does not have the axes `[T, B, features...]`, or has no time step.
    #[error("{what}: expected a sequence [T, B, features...] of at least one time step, found shape {shape}")]
    Sequence {
        /// What received it.
        what: &'static str,
        /// The shape found.
        shape: Shape,
    },
    /// Parameters whose number is not the one that the network has.
    #[error(
        "the network has {expected} parameter tensors (weight and bias of each layer), {actual} were given"
    )]
    ParameterCount {
        /// How many it has.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// A name that no convention has.
    #[error("no convention is called \"{name}\"; take a framework ({frameworks}) or one of: {names}")]
    UnknownConvention {
        /// The name given.
        name: String,
        /// The frameworks' names.
        frameworks: String,
        /// The names of all conventions.
        names: String,
    },
    /// A setting of a framework that it does not have itself, or that no [`Cell`](crate::Cell) expresses.
    #[error("{framework}: {setting}; {remedy}")]
    Convention {
        /// The framework.
        framework: &'static str,
        /// What cannot be had.
        setting: &'static str,
        /// What to take instead.
        remedy: &'static str,
    },
    /// A network without layers.
    #[error("a network needs at least two sizes, input and output; {0} given")]
    TooFewSizes(usize),
}

/// Checks a parameter against its domain.
pub(crate) fn check(
    parameter: &'static str,
    value: f64,
    expected: &'static str,
    holds: bool,
) -> Result<f64, SnnError> {
    if holds && value.is_finite() {
        Ok(value)
    } else {
        Err(SnnError::Parameter { parameter, value, expected })
    }
}
