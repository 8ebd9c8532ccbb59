//! What makes a file unusable.

use resurge_autodiff::AutodiffError;
use resurge_gradcheck::GradcheckError;
use resurge_snn::SnnError;
use resurge_tensor::TensorError;
use std::path::PathBuf;
use thiserror::Error;

/// Why an audit file cannot be used.
///
/// ```
/// use resurge_audit::{AuditError, AuditFile};
///
/// let error = AuditFile::parse(b"no safetensors").unwrap_err();
/// assert!(matches!(error, AuditError::Container(_)));
/// assert!(error.to_string().ends_with("write it again, with safetensors.numpy.save_file"));
/// ```
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file system's.
    #[error("cannot be read: {0}")]
    Read(String),
    /// Not a whole safetensors file: truncated, overlapping, with a header larger than the file.
    #[error("not a whole safetensors file: {0}; write it again, with safetensors.numpy.save_file")]
    Container(String),
    /// The description is missing, or is not what the format page says.
    #[error("{place}: {problem}; see docs/audit-format.md")]
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
    /// The network could not be computed.
    #[error("the network cannot be run: {0}")]
    Run(String),
}

/// An [`AuditError`] with the file that it is about.
///
/// ```
/// use resurge_audit::AuditFile;
///
/// let error = AuditFile::open("../resurge/tests/audit/unusable/version-3.safetensors".as_ref()).unwrap_err();
/// assert!(error.path.ends_with("version-3.safetensors"));
/// assert!(error.to_string().starts_with("../resurge/tests/audit/unusable/version-3.safetensors: "));
/// ```
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}: {error}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: AuditError,
}

/// The result of reading or auditing.
///
/// ```
/// fn first(bytes: &[u8]) -> resurge_audit::Result<()> {
///     resurge_audit::AuditFile::parse(bytes).map(drop)
/// }
/// assert!(first(b"").is_err());
/// ```
pub type Result<T> = std::result::Result<T, AuditError>;

impl AuditError {
    pub(super) fn tensor(
        name: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Tensor { name: name.into(), problem: problem.into(), remedy: remedy.into() }
    }

    pub(super) fn description(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Description { place: place.into(), problem: problem.into() }
    }
}

impl From<SnnError> for AuditError {
    fn from(error: SnnError) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<AutodiffError> for AuditError {
    fn from(error: AutodiffError) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<TensorError> for AuditError {
    fn from(error: TensorError) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<GradcheckError> for AuditError {
    fn from(error: GradcheckError) -> Self {
        Self::Run(error.to_string())
    }
}
