//! How the time of a pass grows with steps, width and batch: `growth [ROUNDS]` prints JSON, medians of rounds in which all
//! sizes take turns, and the slope of a line through their logarithms.

use anyhow::{Context, Result};
use resurge_benches::{Workload, line, synthetic};
use resurge_snn::ResetGradient;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let rounds =
        std::env::args().nth(1).map_or(Ok(5), |text| text.parse::<usize>()).context("ROUNDS")?.max(1);
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global()?;
    let mut series = serde_json::Map::new();
    for (name, sizes) in [
        ("steps", vec![25_usize, 100, 400, 1600]),
        ("steps with checkpoints", vec![25, 100, 400, 1600]),
        ("width", vec![128, 256, 512, 1024, 2048]),
        ("batch", vec![16, 32, 64, 128, 256, 512]),
    ] {
        let workload = |&size: &usize| -> Result<Workload> {
            let mut workload = match name {
                "width" => synthetic::mlp(50, 64, size, 0.1)?,
                "batch" => synthetic::mlp(50, size, 512, 0.1)?,
                _ => synthetic::mlp(size, 32, 512, 0.1)?,
            };
            let segment = name.ends_with("checkpoints").then(|| size.isqrt());
            workload.prepare(ResetGradient::Full, segment)?;
            workload.run()?;
            Ok(workload)
        };
        let workloads = sizes.iter().map(workload).collect::<Result<Vec<_>>>()?;
        let mut seconds = vec![Vec::new(); sizes.len()];
        for _ in 0..rounds {
            for (workload, seconds) in workloads.iter().zip(&mut seconds) {
                workload.run()?;
                let start = Instant::now();
                workload.run()?;
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        let medians: Vec<f64> = seconds
            .iter_mut()
            .map(|seconds| {
                seconds.sort_by(f64::total_cmp);
                seconds[seconds.len() / 2]
            })
            .collect();
        let logarithms: Vec<(f64, f64)> =
            sizes.iter().zip(&medians).map(|(&size, &seconds)| ((size as f64).ln(), seconds.ln())).collect();
        series.insert(
            name.into(),
            serde_json::json!({ "sizes": sizes, "median_seconds": medians, "slope": line(&logarithms).0 }),
        );
    }
    println!("{:#}", serde_json::Value::Object(series));
    Ok(())
}
