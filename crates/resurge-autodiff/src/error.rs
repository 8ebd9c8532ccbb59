//! What can be wrong with a program on a tape.

use resurge_tensor::{Shape, TensorError};

/// An operation on a tape that cannot be carried out.
///
/// ```
/// use resurge_autodiff::{AutodiffError, Tape};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let pair = tape.leaf(Tensor::from_vec([2], vec![1.0, 2.0])?);
/// let error = tape.backward(pair).unwrap_err();
/// assert!(matches!(error, AutodiffError::NonScalarLoss { .. }), "{error}");
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AutodiffError {
    /// The shapes do not fit.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A variable of one tape was given to another.
    #[error("{op}: the variable belongs to another tape; use variables only with the tape that made them")]
    ForeignVariable {
        /// The operation.
        op: &'static str,
    },
    /// A gradient was asked of something that is not a single number.
    #[error("backward: the loss has shape {shape}; reduce it to one number first, for example with `sum`")]
    NonScalarLoss {
        /// The shape of the supposed loss.
        shape: Shape,
    },
    /// A gradient was asked with respect to a node that is not a leaf.
    #[error("gradients: {node} is not a leaf of the tape; only leaves keep their gradients")]
    NotALeaf {
        /// What the node is.
        node: &'static str,
    },
    /// An adjoint was asked of a variable that no leaf enters.
    #[error("adjoints: no leaf of the tape enters this {node}; make one of its inputs a leaf")]
    NoGradient {
        /// What the node is.
        node: &'static str,
    },
    /// A parameter of an operation is outside its domain.
    #[error("{op}: {parameter} is {value}, but must be {expected}")]
    Parameter {
        /// The operation.
        op: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// The value given.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// An operation was given more or fewer inputs than it takes.
    #[error("{op}: {actual} inputs were given, but it takes {expected}")]
    InputCount {
        /// The operation.
        op: &'static str,
        /// How many it takes.
        expected: usize,
        /// How many it was given.
        actual: usize,
    },
    /// A vector-Jacobian product without one entry an input.
    #[error(
        "{op}: its vjp gave {actual} contributions for {expected} inputs; give one each, `None` where nothing flows"
    )]
    Contributions {
        /// The operation.
        op: &'static str,
        /// How many inputs there are.
        expected: usize,
        /// How many contributions came.
        actual: usize,
    },
    /// The program that is evaluated is not the one that was recorded.
    #[error(
        "anchored evaluation: surrogate operation {index} is {found} but {recorded} was recorded; evaluate the \
         same program, with inputs of the same shapes, that made the record"
    )]
    ReplayDiverged {
        /// The position among the surrogate operations, counted from 0.
        index: usize,
        /// The operation and shape met now.
        found: String,
        /// The operation and shape on record.
        recorded: String,
    },
}

#[cfg(test)]
mod tests;
