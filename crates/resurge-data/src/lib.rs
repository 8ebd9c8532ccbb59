//! The data that Resurge's checks and trainings see.
//!
//! A gradient that is only ever checked on random noise is checked where spikes are rare and alike. This
//! crate therefore carries a small real data set: the UCI optical digits, 1,797 handwritten digits of 8 x 8
//! pixels. It is compiled into the library, so nothing is downloaded and no path has to be set.
//!
//! ```
//! use resurge_data::Digits;
//!
//! let digits = Digits::bundled()?;
//! assert_eq!(digits.len(), 1_797);
//! assert_eq!(digits.label(0), Some(0));
//! # Ok::<(), resurge_data::DataError>(())
//! ```
//!
//! Networks are trained on larger sets, which are read from a directory as their publishers give them: [`mnist`] and
//! Fashion-MNIST, [`nmnist`], [`cifar10`]. Whether a file is the official one is checked by its checksum, unless
//! [`Verify::Format`] is asked for.
//!
//! ```no_run
//! use resurge_data::{Batches, Split, Verify, mnist};
//!
//! let train = mnist::load("data/mnist".as_ref(), Split::Train, Verify::Official)?.limit(6_000)?;
//! for batch in Batches::new(train.len(), 64, 1, 0)? {
//!     let batch = train.select(&batch)?; // [64, 1, 28, 28] of 0 to 255
//! #   drop(batch);
//! }
//! # Ok::<(), resurge_data::LoadError>(())
//! ```
//!
//! Every reader here takes untrusted bytes: a damaged, truncated or oversized file is answered with a typed error
//! that names the file and the byte, never with a panic and never with unbounded memory.
//!
//! Origin, licence (CC BY 4.0) and checksum of the bundled data are in `data/README.md`.

#![forbid(unsafe_code)]
// Tests write whatever they need.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod archive;
mod batches;
mod check;
mod checksum;
pub mod cifar10;
mod dataset;
pub mod digits;
mod error;
#[cfg(feature = "fetch")]
pub mod fetch;
mod file;
mod foreign;
mod gzip;
pub mod idx;
mod input;
pub mod mnist;
pub mod nmnist;
mod place;
mod source;

pub use batches::Batches;
pub use check::{FileReport, Status, check};
pub use checksum::Checksum;
pub use dataset::{ImageDataset, balanced};
pub use digits::Digits;
pub use error::{DataError, LoadError};
pub use file::{Fault, FileError};
pub use source::{Dataset, OfficialFile, Split, Verify};
