//! A recorded program: what code in another framework computed, proved and explained.
//!
//! A program file (docs/program-format.md) holds the operations that a run consisted of, the marks where its gradient is not
//! the derivative of its value, where each comes from in the source, and what the framework computed: values, cotangents,
//! gradients. [`check`] runs the operations on the tape, holds the framework's numbers against it, proves the gradient on
//! this very input by finite differences of the anchored program, and says what the gradient is.
//!
//! ```
//! use resurge_program::{CheckOptions, ProgramFile, check};
//!
//! let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
//! let report = check(&file, &CheckOptions::default())?;
//! assert_eq!(report.code, "proved");
//! # Ok::<(), resurge_program::ProgramError>(())
//! ```
#![forbid(unsafe_code)]

mod check;
mod claim;
mod container;
mod cost;
mod error;
mod facts;
mod file;
mod forward;
mod gathered;
#[cfg(feature = "html")]
mod html;
mod interpret;
mod json;
mod locate;
mod node;
mod ops;
mod proof;
mod recurrence;
mod report;
mod rule;
mod search;
mod sites;
mod tensors;
mod text;

pub use check::{CheckOptions, check};
pub use claim::Claim;
pub use container::check_header;
pub use error::{ProgramError, Result};
pub use file::{METADATA, ProgramFile, VERSION};
#[cfg(feature = "html")]
pub use html::html;
pub use json::parse as parse_json;
pub use node::Frame;
pub use report::*;
