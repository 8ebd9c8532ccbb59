//! What can go wrong in a comparison.

use crate::train::TrainError;
use resurge_report::ClaimError;
use resurge_report::plot::PlotError;
use std::path::PathBuf;

/// Why a comparison could not be carried out, or its parts not be joined.
///
/// ```
/// use resurge_experiments::compare::{CompareError, Comparison};
///
/// let error = Comparison::read(&["/no/such/place"]).unwrap_err();
/// assert!(matches!(error, CompareError::File { .. }));
/// assert_eq!(error.to_string(), "/no/such/place: no such directory");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A list of rules or seeds that makes no sense.
    #[error("{name}: {problem}")]
    List {
        /// `rules` or `seeds`.
        name: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A file that cannot be used.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A trial or plan that does not belong to the same comparison as another.
    #[error("{} does not belong to the same comparison as {}: {difference}", path.display(), other.display())]
    Mismatch {
        /// What does not belong.
        path: PathBuf,
        /// What it was held against.
        other: PathBuf,
        /// What differs.
        difference: String,
    },
    /// Trials of the list that are not done.
    #[error(
        "{} of {of} trials are missing: {}; run them (resurge compare, with the same settings), or name the directories that hold them",
        missing.len(),
        missing.join(", ")
    )]
    Incomplete {
        /// Their ids, with how far they are.
        missing: Vec<String>,
        /// The trials of the list.
        of: usize,
    },
    /// A trial, or the measurement of costs, that another process runs.
    #[error("{} is in use by another run: wait for it, or give each run its own --shard or --out", path.display())]
    InUse {
        /// The directory of the trial.
        path: PathBuf,
    },
    /// A training could not be carried out.
    #[error(transparent)]
    Train(TrainError),
    /// The figure could not be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

impl From<TrainError> for CompareError {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Claim(error) => error.into(),
            error => Self::Train(error),
        }
    }
}

impl From<ClaimError> for CompareError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::InUse { path } => Self::InUse { path },
            ClaimError::File { path, source } => {
                Self::file(path, format!("cannot be written into: {source}; name a directory that can be"))
            }
        }
    }
}

impl CompareError {
    pub(super) fn file(path: impl Into<PathBuf>, problem: impl ToString) -> Self {
        Self::File { path: path.into(), problem: problem.to_string() }
    }
}
