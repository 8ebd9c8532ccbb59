use super::*;
use crate::{Reset, ResetGradient, Surrogate, linear};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::SpikeMode;

const OUTPUTS: [NetworkOutput; 4] = [
    NetworkOutput::Sequence(CellOutput::Spikes),
    NetworkOutput::Sequence(CellOutput::Traces),
    NetworkOutput::Sum(CellOutput::Spikes),
    NetworkOutput::Sum(CellOutput::Traces),
];

/// A network with everything that its run needs.
struct Sample {
    network: FusedNetwork,
    input: SpikeTrain,
    parameters: Vec<Tensor<f64>>,
    biased: bool,
}

impl Sample {
    /// `sizes`: steps, batch, then the neurons of the input and of each layer.
    fn draw(network: FusedNetwork, sizes: &[usize], density: f64, biased: bool, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let input =
            Tensor::<f64>::from_fn(&sizes[..3], |_| f64::from(rng.random::<f64>() < density)).unwrap();
        let mut parameters = Vec::new();
        for layer in sizes[2..].windows(2) {
            let scale = 1.5 / (layer[0] as f64 * density.max(0.15)).max(1.0).sqrt();
            let mut uniform = |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
            parameters.push(Tensor::from_fn([layer[1], layer[0]], |_| uniform(-0.4, 1.0) * scale).unwrap());
            if biased {
                parameters.push(Tensor::from_fn([layer[1]], |_| uniform(-0.1, 0.3)).unwrap());
            }
        }
        Self { network, input: SpikeTrain::from_tensor(&input).unwrap(), parameters, biased }
    }

    fn layers(&self, vars: &[Var]) -> Vec<FusedLayer> {
        let per_layer = if self.biased { 2 } else { 1 };
        vars.chunks(per_layer).map(|v| FusedLayer { weight: v[0], bias: v.get(1).copied() }).collect()
    }

    fn fused<S: Scalar>(&self, tape: &mut Tape<S>, vars: &[Var]) -> Var {
        self.network.run(tape, &self.input, &self.layers(vars)).unwrap()
    }

    /// The same network by plain operations on the tape.
    fn composed<S: Scalar>(&self, tape: &mut Tape<S>, vars: &[Var]) -> Var {
        let mut signal = tape.constant(self.input.to_tensor().unwrap());
        if self.network.input_trace > 0.0 {
            signal = tape.constant(
                crate::trace_filter(tape.value(signal).unwrap(), self.network.input_trace).unwrap(),
            );
        }
        let last = self.network.cells.len() - 1;
        for (index, (cell, layer)) in self.network.cells.iter().zip(self.layers(vars)).enumerate() {
            let current = linear(tape, signal, layer.weight, layer.bias).unwrap();
            let run = cell.run(tape, current).unwrap();
            let spikes = index == last && self.network.output.of() == CellOutput::Spikes;
            signal = tape.stack(if spikes { &run.spikes } else { &run.traces }).unwrap();
        }
        match self.network.output {
            NetworkOutput::Sequence(_) => signal,
            NetworkOutput::Sum(_) => tape.sum_axis(signal, 0).unwrap(),
        }
    }

    fn outcome<S: Scalar>(&self, mut tape: Tape<S>, at: &[Tensor<f64>], fused: bool) -> Vec<Tensor<S>> {
        let vars: Vec<Var> = at.iter().map(|p| tape.leaf(p.cast())).collect();
        let output = if fused { self.fused(&mut tape, &vars) } else { self.composed(&mut tape, &vars) };
        let value = tape.value(output).unwrap().clone();
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let cotangent = value.map(|_: S| S::from_f64(rng.random::<f64>() - 0.3));
        let gradients = tape.vjp(output, cotangent).unwrap();
        std::iter::once(value).chain(vars.iter().map(|&var| gradients.wrt(var).unwrap().clone())).collect()
    }

    fn record(&self, fused: bool) -> Tape<f64> {
        let mut tape = Tape::new();
        let vars: Vec<Var> = self.parameters.iter().map(|p| tape.leaf(p.clone())).collect();
        if fused {
            self.fused(&mut tape, &vars)
        } else {
            self.composed(&mut tape, &vars)
        };
        Tape::anchored(Arc::new(tape.anchors()))
    }

    /// Potentials are sums of at most 100 weights in another order; a rounding of 1e-16 each, through at most 40 steps:
    /// 1e-13 of the norm. A potential that near its threshold would fire otherwise; the seeds have none.
    fn check(&self, what: &str) {
        self.check_modes(what, &["real", "smooth", "anchored"]);
    }

    /// [`check`](Self::check) in some of the modes.
    fn check_modes(&self, what: &str, modes: &[&str]) {
        let moved: Vec<Tensor<f64>> =
            self.parameters.iter().map(|p| p.map(|x: f64| x + 0.003 * (x * 50.0).sin())).collect();
        for &mode in modes {
            let at = if mode == "anchored" { &moved } else { &self.parameters };
            let tape = |fused| match mode {
                "real" => Tape::new(),
                "smooth" => Tape::with_mode(SpikeMode::Smooth),
                _ => self.record(fused),
            };
            let [fused, composed] = [true, false].map(|fused| self.outcome(tape(fused), at, fused));
            for (k, (a, b)) in fused.iter().zip(&composed).enumerate() {
                let error = norm(&a.sub(b).unwrap());
                assert!(
                    error <= 1e-13 * norm(b),
                    "{what} {mode}: tensor {k} differs by {error:e} of {:e}",
                    norm(b)
                );
            }
        }
    }
}

fn norm(t: &Tensor<f64>) -> f64 {
    t.as_slice().iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn cell() -> Cell {
    Cell::lif(Surrogate::atan(2.0).unwrap()).with_trace_decay(0.0).unwrap()
}

#[test]
fn every_option_agrees_with_the_composed_network() {
    let traced = cell().with_trace_decay(0.4).unwrap();
    let rules = [
        ResetGradient::Full,
        ResetGradient::Detached,
        ResetGradient::Scaled(0.3),
        ResetGradient::SpatialOnly,
    ];
    let mut seed = 0;
    for cells in [vec![cell()], vec![cell(), traced], vec![traced, traced, cell()]] {
        for (rule, output) in rules.into_iter().zip(OUTPUTS) {
            for (path, segment) in
                [(EventPath::Events, None), (EventPath::Dense, Some(4)), (EventPath::Auto, Some(1))]
            {
                let resets = [Reset::TO_ZERO, Reset::SUBTRACT, Reset::to_value(-0.2)];
                let cells = cells
                    .iter()
                    .zip(resets)
                    .map(|(cell, reset)| cell.with_reset(reset).unwrap().with_reset_gradient(rule));
                let network =
                    FusedNetwork::new(cells.collect::<Vec<_>>()).unwrap().with_output(output).with_path(path);
                let network = match segment {
                    Some(steps) => network.with_checkpoints(steps).with_input_trace_decay(0.3).unwrap(),
                    None => network,
                };
                seed += 1;
                let sizes = [&[11, 19, 40][..], &[21, 17, 3][..network.cells.len()]].concat();
                let what = format!("{network:?}, seed {seed}");
                Sample::draw(network, &sizes, 0.25, seed % 2 == 0, seed).check(&what);
            }
        }
    }
}

#[test]
fn chunks_and_blocks_join_without_a_seam() {
    // 3 blocks of samples; chunks of 16 steps, segments of 9.
    for segment in [None, Some(9), Some(1000)] {
        let network = FusedNetwork::new([cell(), cell()]).unwrap();
        let network = match segment {
            Some(steps) => network.with_checkpoints(steps),
            None => network,
        };
        Sample::draw(network, &[40, 37, 30, 70, 3], 0.2, false, 5).check(&format!("{segment:?}"));
    }
}

#[test]
fn checkpoints_change_no_bit() {
    let plain = FusedNetwork::new([cell(), cell()]).unwrap();
    let outcome = |network: FusedNetwork| {
        let sample = Sample::draw(network, &[36, 32, 30, 12, 3], 0.2, true, 6);
        sample.outcome(Tape::<f32>::new(), &sample.parameters, true)
    };
    // Segments of whole chunks, so that sums run over the same rows.
    assert!(outcome(plain.clone()) == outcome(plain.with_checkpoints(12)));
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    let sample =
        Sample::draw(FusedNetwork::new([cell(), cell()]).unwrap(), &[20, 150, 30, 12, 3], 0.2, true, 7);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| sample.outcome(Tape::<f32>::new(), &sample.parameters, true))
    };
    let one = with(1);
    for threads in [2, 3, 7] {
        assert!(with(threads) == one, "{threads} threads");
    }
}

/// The fast path is as accurate as f32 allows: 24 bits, some hundred terms.
#[test]
fn single_precision_is_within_1e_5_of_the_composed_network_in_double() {
    for (seed, path) in [(11, EventPath::Events), (12, EventPath::Dense), (13, EventPath::Auto)] {
        let network = FusedNetwork::new([cell(), cell()]).unwrap().with_path(path);
        let sample = Sample::draw(network, &[50, 16, 100, 64, 10], 0.1, false, seed);
        let fast = sample.outcome(Tape::<f32>::new(), &sample.parameters, true);
        let exact = sample.outcome(Tape::<f64>::new(), &sample.parameters, false);
        assert_eq!(fast[0].cast::<f64>(), exact[0], "the same spikes");
        for (fast, exact) in fast.iter().zip(&exact).skip(1) {
            let error = norm(&fast.cast::<f64>().sub(exact).unwrap()) / norm(exact);
            assert!(error < 1e-5, "{path:?}: {error:e}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_sizes(
        steps in 1usize..20, batch in 0usize..35, inputs in 0usize..70, hidden in 0usize..20, classes in 1usize..4,
        density in 0.0f64..1.0, segment in 0usize..8, output in 0usize..4, seed: u32, biased: bool,
    ) {
        let network = FusedNetwork::new([cell(), cell().with_trace_decay(0.5).unwrap()]).unwrap();
        let network = network.with_output(OUTPUTS[output]);
        let network = if segment > 0 { network.with_checkpoints(segment) } else { network };
        let sample = Sample::draw(network, &[steps, batch, inputs, hidden, classes], density, biased, u64::from(seed));
        sample.check(&format!("{steps} {batch} {inputs} {hidden} {classes} {density} {segment}"));
    }
}

/// A cell that a network takes, of every surrogate, reset, rule and option.
fn any_cell(which: usize, beta: f64, gain: f64) -> Cell {
    let mut cells = crate::fused::fused_cells();
    cells.retain(|&cell| FusedNetwork::new([cell]).is_ok());
    cells[which % cells.len()].with_trace_decay(beta).unwrap().with_input_gain(gain).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    /// In the real pass alone: the anchored one subtracts primitives near 1, whose rounding may be most of a small output.
    #[test]
    fn any_cells_and_options(
        first: usize, second: usize, steps in 1usize..14,
        batch in prop::sample::select(vec![0usize, 1, 2, 15, 16, 17, 33]),
        inputs in prop::sample::select(vec![0usize, 1, 63, 64, 65, 193]),
        hidden in prop::sample::select(vec![0usize, 1, 15, 16, 17, 33, 48]), classes in 1usize..4,
        density in 0.0f64..0.6, segment in 0usize..16, path in 0usize..3, output in 0usize..4,
        betas in prop::array::uniform3(prop::sample::select(vec![0.0, 0.3, 0.9])), seed: u32, biased: bool,
    ) {
        let cells = [any_cell(first, betas[0], 1.0), any_cell(second, betas[1], 0.7)];
        let path = [EventPath::Auto, EventPath::Events, EventPath::Dense][path];
        let network = FusedNetwork::new(cells).unwrap().with_output(OUTPUTS[output]).with_path(path);
        let network = network.with_input_trace_decay(betas[2]).unwrap();
        let network = if segment > 0 { network.with_checkpoints(segment - 1) } else { network };
        let sizes = [steps, batch, inputs, hidden, classes];
        let what = format!("{sizes:?} {density} seed {seed} {biased} {network:?}");
        Sample::draw(network, &sizes, density, biased, u64::from(seed)).check_modes(&what, &["real"]);
    }
}

#[test]
fn passes_leave_no_more_buffers_than_they_use_at_once() {
    for segment in [None, Some(3)] {
        let network = FusedNetwork::new([cell(), cell()]).unwrap();
        let network = match segment {
            Some(steps) => network.with_checkpoints(steps),
            None => network,
        };
        // 4 blocks: 4 histories and 4 lanes.
        let sample = Sample::draw(network, &[12, 64, 30, 12, 3], 0.2, true, 6);
        for _ in 0..8 {
            sample.outcome(Tape::<f32>::new(), &sample.parameters, true);
        }
        let buffers = sample.network.pool.len();
        assert!(buffers <= 8, "{segment:?}: {buffers}");
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let input = SpikeTrain::from_tensor(&Tensor::<f64>::zeros([3, 2, 4]).unwrap()).unwrap();
    let network = FusedNetwork::new([cell(), cell()]).unwrap();
    let mut tape = Tape::<f64>::new();
    let mut leaf = |shape: &[usize]| tape.leaf(Tensor::zeros(shape).unwrap());
    let (good, bad, last, bias) = (leaf(&[5, 4]), leaf(&[5, 3]), leaf(&[2, 5]), leaf(&[4]));
    let error = |layers: &[FusedLayer], tape: &mut Tape<f64>| network.run(tape, &input, layers).unwrap_err();
    assert_eq!(
        error(&[bad.into(), last.into()], &mut tape).to_string(),
        "layer 0 of a fused network: the weight has shape [5, 3], but [5, 4] is needed"
    );
    let biased = FusedLayer { weight: last, bias: Some(bias) };
    assert!(matches!(
        error(&[good.into(), biased], &mut tape),
        SnnError::Layer { layer: 1, what: "the bias", .. }
    ));
    assert_eq!(error(&[good.into()], &mut tape), SnnError::LayerCount { expected: 2, actual: 1 });
    let refused = [
        (FusedNetwork::new([]), "no layer at all"),
        (FusedNetwork::new([cell().with_reset(Reset::GATED_INPUT).unwrap()]), "a reset that gates the input"),
        (FusedNetwork::new([cell().with_firing(Firing::Repeatedly)]), "several spikes in a step"),
        (FusedNetwork::new([cell().with_synapse(0.5, 1.0).unwrap()]), "a synapse"),
    ];
    for (network, option) in refused {
        assert_eq!(network.unwrap_err(), SnnError::NotFused { option });
    }
    assert!(network.with_input_trace_decay(1.0).is_err());
}
