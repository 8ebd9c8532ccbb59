//! Training of spiking networks: settings, network, epochs, checkpoints.
//!
//! What `resurge train` does, as a library. A training is a function of its [`Config`], its data and nothing else: the
//! same seed gives the same bits, on any number of threads, and after it was stopped anywhere and resumed.

mod checkpoint;
mod config;
mod error;
mod examples;
mod layer;
mod log;
mod network;
mod preset;
mod progress;
mod run;
mod step;

pub use checkpoint::{Checkpoint, Origin};
pub use config::Config;
pub use error::{NotFinite, TrainError};
pub use examples::{Batch, Examples};
pub use layer::LayerSpec;
pub(crate) use log::fields;
pub use log::{Log, TrainingLog, csv};
pub use network::{Network, Parameter, Pass};
pub use preset::Preset;
pub use progress::{EpochRow, Progress, Totals};
pub use run::{End, Event, Training};
