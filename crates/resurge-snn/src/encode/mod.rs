//! Encoders: from intensities to spikes.

mod bernoulli;
mod delta;
mod direct;
mod latency;

pub use bernoulli::bernoulli;
pub use delta::{DeltaPolarity, delta};
pub use direct::direct;
pub use latency::{Latency, latency};

use crate::{Result, SnnError};
use resurge_tensor::Tensor;

/// Checks that every intensity lies between 0 and 1.
fn check_intensities(intensities: &Tensor<f64>) -> Result<()> {
    match intensities.as_slice().iter().find(|x| !(0.0..=1.0).contains(*x)) {
        Some(&value) => {
            Err(SnnError::Parameter { parameter: "intensity", value, expected: "between 0 and 1" })
        }
        None => Ok(()),
    }
}
