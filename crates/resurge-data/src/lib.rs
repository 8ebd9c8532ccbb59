//! Real data for Resurge's checks.
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
//! Every reader here takes untrusted bytes: a damaged, truncated or oversized file is answered with a
//! [`DataError`], never with a panic and never with unbounded memory.
//!
//! Origin, licence (CC BY 4.0) and checksum of the data are in `data/README.md`.

#![forbid(unsafe_code)]

pub mod digits;
mod error;

pub use digits::Digits;
pub use error::DataError;
