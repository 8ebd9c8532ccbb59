//! Encoders: from intensities to spikes.

mod bernoulli;

pub use bernoulli::bernoulli;
