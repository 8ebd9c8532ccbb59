//! What makes a program file unusable.

use resurge_autodiff::AutodiffError;
use resurge_gradcheck::GradcheckError;
use resurge_tensor::TensorError;
use thiserror::Error;

/// Why a program file cannot be used.
///
/// ```
/// use resurge_program::{ProgramError, ProgramFile};
///
/// let error = ProgramFile::parse(b"no safetensors").unwrap_err();
/// assert!(matches!(error, ProgramError::Container(_)), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The file system's.
    #[error("cannot be read: {0}")]
    Read(String),
    /// Not a whole safetensors file.
    #[error("not a whole safetensors file: {0}; record the program again")]
    Container(String),
    /// The description is missing, or is not what the format page says.
    #[error("{place}: {problem}; see docs/program-format.md")]
    Description {
        /// Where in the description.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// A tensor is missing, unknown, or not what the description says.
    #[error("tensor `{name}`: {problem}; {remedy}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The program would take more time or memory than a file of this size is given.
    #[error(
        "the program needs {needed} {what}, but a file of {bytes} bytes is given {allowed}; record its values, \
             or fewer steps or samples"
    )]
    Cost {
        /// What there is too much of.
        what: &'static str,
        /// How much of it.
        needed: usize,
        /// How much there may be.
        allowed: usize,
        /// The size of the file.
        bytes: usize,
    },
    /// A claim that says nothing, or names a place where there is nothing to claim.
    #[error("the claim `{claim}`: {problem}")]
    Claim {
        /// The claim.
        claim: String,
        /// What is wrong with it, and what there is.
        problem: String,
    },
    /// The program could not be computed.
    #[error("the program cannot be run: {0}")]
    Run(String),
}

/// The result of reading or checking a program.
///
/// ```
/// fn first(bytes: &[u8]) -> resurge_program::Result<()> {
///     resurge_program::ProgramFile::parse(bytes).map(drop)
/// }
/// assert!(first(b"").is_err());
/// ```
pub type Result<T> = std::result::Result<T, ProgramError>;

impl ProgramError {
    pub(crate) fn at(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Description { place: place.into(), problem: problem.into() }
    }

    pub(crate) fn node(node: usize, problem: impl Into<String>) -> Self {
        Self::at(format!("node {node}"), problem)
    }

    pub(crate) fn tensor(name: impl Into<String>, problem: impl Into<String>, remedy: &str) -> Self {
        Self::Tensor { name: name.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl From<AutodiffError> for ProgramError {
    fn from(error: AutodiffError) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<TensorError> for ProgramError {
    fn from(error: TensorError) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<GradcheckError> for ProgramError {
    fn from(error: GradcheckError) -> Self {
        Self::Run(error.to_string())
    }
}
