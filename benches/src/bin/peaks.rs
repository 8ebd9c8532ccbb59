//! What this machine can do at best, for the physical limits in docs/results/performance.md: `peaks --threads 2`.
//!
//! Prints JSON: bytes read plus bytes written a second by copying 256 MB, and floating-point operations a second in a
//! product of matrices of 1024 x 1024, each on all threads at once; the best of 20 runs.

use anyhow::{Result, bail};
use rayon::prelude::*;
use resurge_benches::synthetic::uniform;
use std::hint::black_box;
use std::time::Instant;

fn best(mut work: impl FnMut()) -> f64 {
    let timed = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..20).map(timed).fold(f64::INFINITY, f64::min)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let threads: usize = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--threads", threads] => threads.parse()?,
        _ => bail!("usage: peaks --threads N"),
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;

    let from = vec![1.0_f32; 1 << 26];
    let mut to = vec![0.0_f32; 1 << 26];
    let part = from.len() / threads;
    let copy = best(|| {
        to.par_chunks_mut(part).zip(from.par_chunks(part)).for_each(|(to, from)| to.copy_from_slice(from));
        black_box(&to);
    });

    const N: usize = 1024;
    let a = uniform([N, N], -1.0, 1.0, 1)?;
    let multiply = best(|| {
        (0..threads).into_par_iter().for_each(|_| {
            black_box(a.matmul(black_box(&a)).map_or(0, |product| product.len()));
        });
    });
    let peaks = serde_json::json!({
        "threads": threads,
        "copy_bytes_per_s": (2 * size_of_val(&from[..])) as f64 / copy,
        "flops": (2 * N * N * N * threads) as f64 / multiply,
    });
    println!("{peaks}");
    Ok(())
}
