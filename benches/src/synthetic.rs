//! The workloads on numbers drawn here, for benchmarks that need no file.

use crate::Workload;
use anyhow::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_snn::{Cell, FusedNetwork, SpikeTrain, Surrogate};
use resurge_tensor::{Shape, Tensor};

/// The cell of every workload: decay 0.9, threshold 1, reset to zero, arctan surrogate of slope 2, no trace.
///
/// # Errors
/// None in fact: the constants are in their domains.
pub fn cell() -> Result<Cell> {
    Ok(Cell::lif(Surrogate::atan(2.0)?).with_decay(0.9)?.with_trace_decay(0.0)?)
}

/// Numbers between `low` and `high`, drawn by `seed`.
///
/// # Errors
/// For a shape that cannot be addressed.
pub fn uniform(shape: impl Into<Shape>, low: f32, high: f32, seed: u64) -> Result<Tensor<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Ok(Tensor::from_fn(shape, |_| low + (high - low) * rng.random::<f32>())?)
}

/// 0 or 1, the latter with probability `density`.
///
/// # Errors
/// For a shape that cannot be addressed.
pub fn spikes(shape: impl Into<Shape>, density: f32, seed: u64) -> Result<Tensor<f32>> {
    Ok(uniform(shape, 0.0, 1.0, seed)?.map(|x: f32| if x < density { 1.0 } else { 0.0 }))
}

/// A weight `[out, in, ...]` with the deviation `scale / sqrt(fan-in times density)`.
fn weight(shape: &[usize], density: f32, scale: f32, seed: u64) -> Result<Tensor<f32>> {
    let fan_in: usize = shape[1..].iter().product();
    let bound = scale * (3.0 / (fan_in as f32 * density)).sqrt();
    uniform(shape, -bound, bound, seed)
}

fn classes(batch: usize) -> Vec<usize> {
    (0..batch).map(|sample| sample * 7 % 10).collect()
}

/// Workloads A and B: 784-512-10 on spikes of this density.
///
/// # Errors
/// For sizes that cannot be addressed.
pub fn mlp(steps: usize, batch: usize, hidden: usize, density: f32) -> Result<Workload> {
    let cell = cell()?;
    Ok(Workload::Mlp {
        cell,
        network: FusedNetwork::new([cell, cell])?,
        input: SpikeTrain::from_tensor(&spikes([steps, batch, 784], density, 1)?)?,
        weights: vec![weight(&[hidden, 784], density, 0.8, 2)?, weight(&[10, hidden], 0.1, 0.7, 3)?],
        labels: classes(batch),
    })
}

/// Workload C: a layer of cells alone.
///
/// # Errors
/// For sizes that cannot be addressed.
pub fn lif(steps: usize, neurons: usize) -> Result<Workload> {
    let shape = [steps, 1, neurons];
    Ok(Workload::Lif {
        cell: cell()?,
        current: uniform(shape, -1.7, 1.7, 4)?,
        cotangent: uniform(shape, 0.0, 1.0, 5)?,
    })
}

/// Workload D: 15C5-P2-40C5-P2-300-10 on still images.
///
/// # Errors
/// For sizes that cannot be addressed.
pub fn conv(steps: usize, batch: usize) -> Result<Workload> {
    let shapes: [(&[usize], f32); 4] =
        [(&[15, 1, 5, 5], 0.83), (&[40, 15, 5, 5], 2.4), (&[300, 640], 3.86), (&[10, 300], 0.81)];
    let weights = shapes.iter().zip(6..).map(|(&(shape, scale), seed)| weight(shape, 1.0, scale, seed));
    Ok(Workload::Conv {
        cell: cell()?,
        steps,
        images: uniform([batch, 1, 28, 28], 0.0, 1.0, 10)?,
        weights: weights.collect::<Result<_>>()?,
        labels: classes(batch),
    })
}
