//! Surrogate-gradient back-propagation through time with the reset term, proved numerically.
//!
//! This crate re-exports the others and holds what the `resurge` command does:
//!
//! * [`tensor`]: scalars, shapes and tensors;
//! * [`autodiff`]: the explicit tape;
//! * [`snn`]: surrogates, resets, cells, losses, encoders;
//! * [`gradcheck`]: anchored programs, finite differences, complex step, dual numbers, reports;
//! * [`data`]: the digits that ship with Resurge, and the readers of larger sets;
//! * [`audit`]: whether the gradients of another framework are what they claim to be;
//! * [`program`]: recorded programs, proved and explained;
//! * [`verify`]: the reset term on a real spiking network;
//! * [`toy`]: what the reset term is worth to the training of one neuron;
//! * [`train`]: training of spiking networks on images and events;
//! * [`compare`]: trainings with and without the reset term, seed by seed;
//! * [`diagnose`]: when the reset term matters, in a network and over decay, surrogate width and firing rate;
//! * [`statistics`]: intervals and paired tests;
//! * [`plot`]: line charts and heat maps as SVG and PNG;
#![cfg_attr(feature = "cli", doc = "* [`cli`]: the `resurge` command itself.")]
#![forbid(unsafe_code)]

#[cfg(feature = "cli")]
extern crate self as resurge;

#[cfg(feature = "cli")]
pub mod cli;
// They panic where nothing can be written: `command::print` and `command::say` do not.
#[cfg(feature = "cli")]
#[deny(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_macros)]
mod command;

#[cfg(feature = "cli")]
use cli::{STOPPED, Verdict};

pub use resurge_audit as audit;
pub use resurge_autodiff as autodiff;
pub use resurge_data as data;
pub use resurge_experiments::{Rule, Seeds, Shard, compare, diagnose, toy, train, verify};
pub use resurge_gradcheck as gradcheck;
pub use resurge_program as program;
pub use resurge_report::{Claim, ClaimError, counted, plot, statistics, write_atomically};
pub use resurge_snn as snn;
pub use resurge_tensor as tensor;
