//! Peak memory of a pass by live bytes, and how it grows with the number of steps: `memory` prints JSON.
//!
//! Every allocation is counted, so that pages which an allocator had kept from before hide nothing. What a pass is given,
//! its weights and spikes, is there before and not counted; buffers that the network keeps for the next pass are.

use anyhow::Result;
use resurge_benches::{Workload, line, synthetic};
use resurge_snn::ResetGradient;

#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// The most bytes that were live in a first pass beyond those before it.
fn peak(mut workload: Workload, checkpoints: Option<usize>) -> Result<usize> {
    workload.prepare(ResetGradient::Full, checkpoints)?;
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let outcome = workload.run()?;
    let peak = ALLOCATOR.peak_usage();
    drop(outcome);
    Ok(peak - before)
}

fn main() -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global()?;
    // Starts the threads, whose stacks are no part of a pass.
    peak(synthetic::mlp(2, 32, 16, 0.1)?, None)?;
    let (mut kept, mut checkpoints) = (Vec::new(), Vec::new());
    for steps in [25_usize, 100, 400, 1600] {
        let pass = |segment| peak(synthetic::mlp(steps, 128, 512, 0.1)?, segment);
        kept.push((steps as f64, pass(None)? as f64));
        checkpoints.push((steps as f64, pass(Some(steps.isqrt()))? as f64));
    }
    let roots: Vec<(f64, f64)> = checkpoints.iter().map(|&(steps, bytes)| (steps.sqrt(), bytes)).collect();
    let (per_root, fixed, worst) = line(&roots);
    let answer = serde_json::json!({
        "workload": "784-512-10, batch 128, 10 % spikes, full gradient, 2 threads",
        "peak_bytes_by_steps": kept,
        "peak_bytes_by_steps_with_checkpoints_every_root_of_steps": checkpoints,
        "line_of_checkpoints_over_root_of_steps": {
            "bytes_per_root": per_root, "fixed_bytes": fixed, "worst_relative_residual": worst,
        },
    });
    println!("{answer:#}");
    Ok(())
}
