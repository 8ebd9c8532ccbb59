//! Serves one workload to `benches/peers/performance`: `workload FILE.safetensors --threads 2`.
//!
//! It prints `ready`, then answers each line of the input (`full` or `detached`, with `checkpoint` behind it or not)
//! with one forward and backward pass and a line of JSON.

use anyhow::{Context, Result, bail};
use resurge_benches::Workload;
use resurge_snn::ResetGradient;
use std::io::{BufRead, Write};
use std::time::Instant;

// Keeps the pages of one pass for the next; PyTorch and XLA have caching allocators of their own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (file, threads) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [file, "--threads", threads] => (file, threads.parse()?),
        _ => bail!("usage: workload FILE.safetensors --threads N"),
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let bytes = std::fs::read(file).with_context(|| file.to_owned())?;
    let mut workload = Workload::read(&bytes)?;
    drop(bytes);
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    let (mut wanted, mut rates) = (None, Vec::new());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let rule = match words.next() {
            Some("full") => ResetGradient::Full,
            Some("detached") => ResetGradient::Detached,
            Some("memory") => {
                writeln!(out, "{}", serde_json::json!({ "peak_rss_bytes": peak_rss()? }))?;
                out.flush()?;
                continue;
            }
            _ => bail!("expected `full`, `detached` or `memory`, found `{line}`"),
        };
        let checkpoints = match words.next() {
            None => None,
            Some("checkpoint") => Some(workload.steps().isqrt()),
            Some(other) => bail!("expected `checkpoint` or nothing, found `{other}`"),
        };
        if wanted != Some((rule.name(), checkpoints)) {
            workload.prepare(rule, checkpoints)?;
            wanted = Some((rule.name(), checkpoints));
            rates = workload.rates()?;
        }
        let start = Instant::now();
        let outcome = workload.run()?;
        let seconds = start.elapsed().as_secs_f64();
        let answer = serde_json::json!({
            "seconds": seconds, "loss": outcome.loss, "grad_norms": outcome.norms(), "rates": rates,
        });
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// The most memory that the process has had, from Linux's `/proc`.
fn peak_rss() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("peak memory is read from /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in /proc")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
