//! Whole forward and backward passes, with and without the reset term: `cargo bench -p resurge-benches --bench training`.

mod common;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use resurge_benches::{Workload, synthetic};
use resurge_snn::ResetGradient;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pass");
    group.sample_size(15);
    let workloads: [(&str, Workload); 5] = [
        ("A: 784-512-10, 10 % spikes", synthetic::mlp(100, 128, 512, 0.1).unwrap()),
        ("B: 784-512-10, 2 % spikes", synthetic::mlp(100, 128, 512, 0.02).unwrap()),
        ("B: 784-512-10, 50 % spikes", synthetic::mlp(100, 128, 512, 0.5).unwrap()),
        ("C: 2^18 cells x 32", synthetic::lif(32, 1 << 18).unwrap()),
        ("D: 15C5-P2-40C5-P2-300-10", synthetic::conv(5, 64).unwrap()),
    ];
    for (name, mut workload) in workloads {
        for rule in [ResetGradient::Full, ResetGradient::Detached] {
            workload.prepare(rule, None).unwrap();
            group.bench_function(BenchmarkId::new(name, rule.name()), |bencher| {
                bencher.iter(|| black_box(workload.run().unwrap()));
            });
        }
    }
    group.finish();
}

/// Growth with time, width and batch, and what checkpoints cost.
fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10);
    let mut bench = |name: String, mut workload: Workload, checkpoints: Option<usize>| {
        workload.prepare(ResetGradient::Full, checkpoints).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| black_box(workload.run().unwrap())));
    };
    for t in [25, 100, 400] {
        bench(format!("T = {t}"), synthetic::mlp(t, 32, 512, 0.1).unwrap(), None);
    }
    bench("T = 400, checkpoints".into(), synthetic::mlp(400, 32, 512, 0.1).unwrap(), Some(20));
    for width in [128, 512, 2048] {
        bench(format!("width {width}"), synthetic::mlp(50, 32, width, 0.1).unwrap(), None);
    }
    for batch in [16, 64, 256] {
        bench(format!("batch {batch}"), synthetic::mlp(50, batch, 512, 0.1).unwrap(), None);
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::quick();
    targets = steps, growth
}
criterion_main!(benches);
