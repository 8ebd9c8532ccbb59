//! Training of spiking networks: settings, network, epochs, checkpoints.
//!
//! What `resurge train` does, as a library. A training is a function of its [`Config`], its data and nothing else: the
//! same seed gives the same bits, on any number of threads, and after it was stopped anywhere and resumed.

mod config;
mod error;
mod examples;
mod layer;
mod network;

pub use config::{Config, Loss, Preset};
pub use error::{NotFinite, TrainError};
pub use examples::{Batch, Examples};
pub use layer::LayerSpec;
pub use network::{Network, Pass};
