//! What all of Resurge writes: files that appear whole or not at all, statistics, tables and figures.
//!
//! It knows nothing of networks, gradients or commands.
#![forbid(unsafe_code)]
// Tests write whatever they need.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod appended;
mod claim;
mod counted;
mod disk;
mod output;
pub mod page;
#[cfg(feature = "plot")]
pub mod plot;
#[cfg(feature = "statistics")]
pub mod statistics;
pub mod text;

pub use appended::Appended;
pub use claim::{Claim, ClaimError};
pub use counted::counted;
pub use disk::{make_directory, remove_file};
pub use output::{MOMENT, csv, remove_left_behind, write_atomically};
