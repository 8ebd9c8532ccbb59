//! What can go wrong in a diagnosis.

use crate::train::TrainError;
use resurge_autodiff::AutodiffError;
use resurge_report::plot::PlotError;
use resurge_snn::SnnError;
use resurge_tensor::TensorError;
use std::path::PathBuf;

/// Why a diagnosis or a map could not be made, or not be read.
///
/// ```
/// use resurge_experiments::diagnose::{MapSettings, phase_map};
///
/// let settings = MapSettings { rates: vec![1.5], ..MapSettings::default() };
/// let error = phase_map(&settings, |_| {}).unwrap_err();
/// assert_eq!(error.to_string(), "rates holds 1.5, but each must be above 0 and below 1");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiagnoseError {
    /// A setting outside its domain.
    #[error("{name} {value}, but {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value, as a verb and a number.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A cell of which the potential alone does not determine the next one.
    #[error(
        "the temporal Jacobian is that of one state, the potential, but the cell has {option}; leave it out"
    )]
    Cell {
        /// What the cell has besides.
        option: &'static str,
    },
    /// Weights that are not those of the network.
    #[error(
        "weight {name} has shape {actual}, but the settings ask for {expected}; use the settings of the training"
    )]
    Weight {
        /// The layer, or "of layer N".
        name: String,
        /// The shape given.
        actual: String,
        /// The shape that fits.
        expected: String,
    },
    /// A number that is infinite or not a number.
    #[error("{what} of layer {layer} is not finite; a wider surrogate or fewer steps keep it in range")]
    NotFinite {
        /// The quantity.
        what: &'static str,
        /// The layer.
        layer: String,
    },
    /// The settings, the data or the network.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A picture could not be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A file could not be read or written.
    #[error("{}: {source}; name a directory that can be read and written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file with contents that no run writes.
    #[error("{}: {problem}; restore it, or run again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl From<SnnError> for DiagnoseError {
    fn from(error: SnnError) -> Self {
        Self::Train(error.into())
    }
}

impl From<AutodiffError> for DiagnoseError {
    fn from(error: AutodiffError) -> Self {
        Self::Train(error.into())
    }
}

impl From<TensorError> for DiagnoseError {
    fn from(error: TensorError) -> Self {
        Self::Train(error.into())
    }
}
