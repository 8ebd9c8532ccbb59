//! The kernels: `cargo bench -p resurge-benches --bench kernels`.

mod common;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use resurge_autodiff::Tape;
use resurge_benches::synthetic::{cell, spikes, uniform};
use resurge_snn::{CellOutput, EventPath, FusedNetwork, NetworkOutput, ResetGradient, SpikeTrain, Surrogate};
use resurge_tensor::{Conv2d, Tensor, Window2d};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A layer of cells alone, forward and backward: by surrogate, and by gradient of the reset.
fn cells(criterion: &mut Criterion) {
    let (steps, neurons) = (32, 1 << 16);
    let current = uniform([steps, 1, neurons], -1.7, 1.7, 1).unwrap();
    let cotangent = uniform([steps, 1, neurons], 0.0, 1.0, 2).unwrap();
    let mut group = criterion.benchmark_group("cell");
    group.throughput(Throughput::Elements((steps * neurons) as u64));
    let rules = [ResetGradient::Full, ResetGradient::Detached, ResetGradient::SpatialOnly];
    let surrogates =
        [Surrogate::atan(2.0), Surrogate::sigmoid(0.2), Surrogate::triangle(1.0)].map(Result::unwrap);
    let by_rule = rules.map(|rule| (rule.name(), cell().unwrap().with_reset_gradient(rule)));
    let by_surrogate = surrogates.map(|s| (s.name().to_owned(), cell().unwrap().with_surrogate(s)));
    for (name, cell) in by_rule.into_iter().chain(by_surrogate) {
        group.bench_function(BenchmarkId::new("fused", name), |bencher| {
            bencher.iter(|| {
                let mut tape = Tape::new();
                let current = tape.leaf(current.clone());
                let spikes = cell.run_fused(&mut tape, current, CellOutput::Spikes).unwrap();
                black_box(tape.vjp(spikes, cotangent.clone()).unwrap())
            });
        });
    }
    let composed = cell().unwrap();
    group.bench_function("composed", |bencher| {
        bencher.iter(|| {
            let mut tape = Tape::new();
            let current = tape.leaf(current.clone());
            let run = composed.run(&mut tape, current).unwrap();
            let spikes = tape.stack(&run.spikes).unwrap();
            black_box(tape.vjp(spikes, cotangent.clone()).unwrap())
        });
    });
    group.finish();
}

/// One layer 784-512 by events and by matrix products, from 2 to 80 % spikes: where they cross is
/// [`EventPath::CROSSOVER`].
fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("events");
    group.sample_size(20);
    let weight = uniform([512, 784], -0.1, 0.1, 3).unwrap();
    for percent in [2, 5, 10, 20, 30, 40, 50, 60, 80] {
        let input = spikes([16, 128, 784], percent as f32 / 100.0, 4).unwrap();
        let input = SpikeTrain::from_tensor(&input).unwrap();
        for path in [EventPath::Events, EventPath::Dense] {
            let network = FusedNetwork::new([cell().unwrap()]).unwrap().with_path(path);
            let network = network.with_output(NetworkOutput::Sum(CellOutput::Spikes));
            group.bench_function(BenchmarkId::new(format!("{path:?}"), format!("{percent}%")), |bencher| {
                bencher.iter(|| {
                    let mut tape = Tape::new();
                    let weight = tape.leaf(weight.clone());
                    let counts = network.run(&mut tape, &input, &[weight.into()]).unwrap();
                    let loss = tape.sum(counts).unwrap();
                    black_box(tape.backward(loss).unwrap())
                });
            });
        }
    }
    group.finish();
}

fn plain(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plain");
    group.sample_size(20);
    let numbers = spikes([100, 128, 784], 0.1, 5).unwrap();
    group.bench_function("pack spikes", |bencher| {
        bencher.iter(|| black_box(SpikeTrain::from_tensor(&numbers).unwrap()));
    });
    let (a, b) = (uniform([512, 512], -1.0, 1.0, 6).unwrap(), uniform([512, 512], -1.0, 1.0, 7).unwrap());
    group.bench_function("matmul 512", |bencher| bencher.iter(|| black_box(a.matmul(&b).unwrap())));
    let images = uniform([320, 15, 12, 12], 0.0, 1.0, 8).unwrap();
    let kernel = uniform([40, 15, 5, 5], -0.1, 0.1, 9).unwrap();
    let conv = Conv2d::new();
    let output: Tensor<f32> = conv.apply(&images, &kernel).unwrap();
    group.bench_function("conv2d", |bencher| {
        bencher.iter(|| black_box(conv.apply(&images, &kernel).unwrap()));
    });
    group.bench_function("conv2d to input", |bencher| {
        bencher.iter(|| black_box(conv.transposed_to_input(&output, &kernel, images.shape()).unwrap()));
    });
    group.bench_function("conv2d to weight", |bencher| {
        bencher.iter(|| black_box(conv.transposed_to_weight(&output, &images, kernel.shape()).unwrap()));
    });
    let window = Window2d::new([2, 2]);
    group.bench_function("avg_pool2d", |bencher| {
        bencher.iter(|| black_box(images.avg_pool2d(window).unwrap()));
    });
    group.finish();
}

/// A convolution that visits the spikes alone, for comparison with the product that [`Conv2d`] takes: each spike adds, at
/// the 25 positions that see it, a column of the filters. It is written for this kernel, one image on one thread, and its
/// output has the filters innermost, which the next layer would have to transpose: the least that events can take.
fn conv_by_events(spikes: &[f32], weight: &[[f32; FILTERS]], out: &mut [[f32; FILTERS]]) {
    out.fill([0.0; FILTERS]);
    for (at, _) in spikes.iter().enumerate().filter(|(_, spike)| **spike != 0.0) {
        let (channel, row, column) = (at / (IMAGE * IMAGE), at / IMAGE % IMAGE, at % IMAGE);
        for k in row.saturating_sub(PLACES - 1)..=row.min(KERNEL - 1) {
            for l in column.saturating_sub(PLACES - 1)..=column.min(KERNEL - 1) {
                let weight = &weight[(channel * KERNEL + k) * KERNEL + l];
                let sums = &mut out[(row - k) * PLACES + column - l];
                for f in 0..FILTERS {
                    sums[f] += weight[f];
                }
            }
        }
    }
}

const IMAGE: usize = 12;
const KERNEL: usize = 5;
const PLACES: usize = IMAGE - KERNEL + 1;
/// 40, as in the MNIST network, in whole vectors.
const FILTERS: usize = 48;

fn conv_events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("conv2d");
    group.sample_size(20);
    let filters: Tensor<f32> = uniform([FILTERS, 15, KERNEL, KERNEL], -0.1, 0.1, 9).unwrap();
    let taps = 15 * KERNEL * KERNEL;
    let columns: Vec<[f32; FILTERS]> =
        (0..taps).map(|tap| std::array::from_fn(|f| filters.as_slice()[f * taps + tap])).collect();
    for percent in [1, 2, 5, 10, 20, 34] {
        let image = spikes([1, 1, 15 * IMAGE * IMAGE], percent as f32 / 100.0, 10).unwrap();
        let image = image.reshape([1, 15, IMAGE, IMAGE]).unwrap();
        let mut out = vec![[0.0; FILTERS]; PLACES * PLACES];
        conv_by_events(image.as_slice(), &columns, &mut out);
        let product = Conv2d::new().apply(&image, &filters).unwrap();
        for (at, y) in product.as_slice().iter().enumerate() {
            let (filter, place) = (at / (PLACES * PLACES), at % (PLACES * PLACES));
            assert!((out[place][filter] - y).abs() < 1e-4, "sums of at most {taps} numbers below 0.1");
        }
        group.bench_function(BenchmarkId::new("Events", format!("{percent}%")), |bencher| {
            bencher.iter(|| conv_by_events(black_box(image.as_slice()), &columns, &mut out));
        });
        group.bench_function(BenchmarkId::new("Dense", format!("{percent}%")), |bencher| {
            bencher.iter(|| black_box(Conv2d::new().apply(black_box(&image), &filters).unwrap()));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::quick();
    targets = cells, events, conv_events, plain
}
criterion_main!(benches);
