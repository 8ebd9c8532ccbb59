//! Experiments with the reset term: trainings, comparisons, the toy task, diagnoses, and the proof of it all.
//!
//! * [`verify`]: the reset term on a real spiking network;
//! * [`toy`]: what the reset term is worth to the training of one neuron;
//! * [`train`]: training of spiking networks on images and events;
//! * [`compare`]: trainings with and without the reset term, seed by seed;
//! * [`diagnose`]: when the reset term matters, in a network and over decay, surrogate width and firing rate.
//!
//! It knows nothing of audits and of the command line.
#![forbid(unsafe_code)]
// Tests write whatever they need.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod compare;
pub mod diagnose;
mod rule;
mod seeds;
mod shard;
pub mod toy;
pub mod train;
pub mod verify;

pub use rule::Rule;
pub use seeds::Seeds;
pub use shard::Shard;
