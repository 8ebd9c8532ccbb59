//! Losses: from a sequence of outputs to one number.

mod trace;

pub use trace::trace_loss;
