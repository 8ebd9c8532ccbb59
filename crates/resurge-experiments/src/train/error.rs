//! What can stop a training.

use resurge_autodiff::AutodiffError;
use resurge_data::{DataError, LoadError};
use resurge_report::ClaimError;
use resurge_snn::SnnError;
use resurge_tensor::TensorError;
use std::fmt;
use std::path::PathBuf;

/// A training that cannot begin, go on or be resumed.
///
/// ```
/// use resurge_experiments::train::{Config, Preset, TrainError};
///
/// let error = Config::preset(Preset::Mnist).with(&["stepps=5"]).unwrap_err();
/// assert!(matches!(error, TrainError::Config(_)));
/// assert!(error.to_string().contains("stepps"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting that is unknown, malformed or out of its range; the message names it.
    #[error("setting {0}")]
    Config(String),
    /// Settings that are no TOML, or not of the right keys and types; the message has the line.
    #[error("the settings cannot be read: {0}")]
    Syntax(String),
    /// A file of settings that cannot be used.
    #[error("{}: {problem}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A layer that does not fit those before it, or the data.
    #[error("layer {position}, \"{layer}\": {problem}")]
    Layer {
        /// The position in the list of layers, from 1.
        position: usize,
        /// The layer as it is written.
        layer: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A number that is infinite or not a number.
    #[error(
        "epoch {epoch}, batch {batch} (update {update}): {value}; nothing was saved after update {saved}. Lower the \
         learning rate, or clip and clamp more (clip, clamp)"
    )]
    NotFinite {
        /// The epoch, from 1.
        epoch: u64,
        /// The batch of the epoch, from 1.
        batch: u64,
        /// The updates made before, plus this one.
        update: u64,
        /// Updates contained in the last checkpoint.
        saved: u64,
        /// Where it was found.
        value: NotFinite,
    },
    /// A checkpoint that cannot be used.
    #[error("{}: {problem}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A directory that another run writes into.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// A directory that holds another training, which a new one would overwrite.
    #[error("{} {problem}", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
        /// What it holds and what to do.
        problem: String,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}; make room, or name a directory that can be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] LoadError),
    /// The network cannot be built or run.
    #[error(transparent)]
    Network(#[from] SnnError),
}

impl From<DataError> for TrainError {
    fn from(error: DataError) -> Self {
        Self::Data(error.into())
    }
}

impl From<AutodiffError> for TrainError {
    fn from(error: AutodiffError) -> Self {
        Self::Network(error.into())
    }
}

impl From<TensorError> for TrainError {
    fn from(error: TensorError) -> Self {
        Self::Network(error.into())
    }
}

/// Where a number is infinite or not a number.
///
/// ```
/// use resurge_experiments::train::NotFinite;
///
/// let value = NotFinite::Current { layer: "conv1".into(), step: 2 };
/// assert_eq!(value.to_string(), "the current of layer conv1 is not finite in time step 2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotFinite {
    /// The input current of a layer's cells. A spike hides it: a potential that is not a number never fires.
    Current {
        /// The layer's name, such as `conv1`.
        layer: String,
        /// The first such time step, from 0.
        step: usize,
    },
    /// The loss.
    Loss,
    /// The gradient of a weight.
    Gradient {
        /// The layer's name.
        layer: String,
    },
    /// A weight after its update.
    Weight {
        /// The layer's name.
        layer: String,
    },
    /// AdamW's second moment of a weight: the squares of gradients beyond 1e19 are infinite in
    /// single precision, and a weight with such a moment never moves again.
    Moment {
        /// The layer's name.
        layer: String,
    },
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current { layer, step } => {
                write!(f, "the current of layer {layer} is not finite in time step {step}")
            }
            Self::Loss => write!(f, "the loss is not finite"),
            Self::Gradient { layer } => {
                write!(f, "the gradient of the weight of layer {layer} is not finite")
            }
            Self::Weight { layer } => write!(f, "the weight of layer {layer} is not finite after the update"),
            Self::Moment { layer } => {
                write!(
                    f,
                    "the moment of the squared gradient of layer {layer} is not finite after the update"
                )
            }
        }
    }
}
