mod batches;
mod operation;
mod paths;

use super::*;
use crate::fused::tests::{PROGRAMS, Program};
use crate::fused::worst_case::WorstCase;
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

/// Parameters a little off.
fn nearby(parameter: &Tensor<f64>) -> Tensor<f64> {
    parameter.map(|x: f64| x + 0.003 * (x * 50.0).sin())
}

/// A network with everything that its run needs.
struct Sample {
    network: FusedNetwork,
    input: SpikeTrain,
    parameters: Vec<Tensor<f64>>,
    biased: bool,
}

/// A value and the gradients of the parameters.
type Outcome<S> = Vec<Tensor<S>>;

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

    /// The same network by plain operations on the tape, and whether every potential keeps clear of the threshold and
    /// of the kinks of its surrogate by more than rounding can move it.
    fn composed(&self, tape: &mut Tape<WorstCase>, vars: &[Var]) -> (Var, bool) {
        let mut signal = tape.constant(self.input.to_tensor().unwrap());
        if self.network.input_trace > 0.0 {
            signal = tape.constant(
                crate::trace_filter(tape.value(signal).unwrap(), self.network.input_trace).unwrap(),
            );
        }
        let last = self.network.cells.len() - 1;
        let mut clear = true;
        for (index, (cell, layer)) in self.network.cells.iter().zip(self.layers(vars)).enumerate() {
            let current = linear(tape, signal, layer.weight, layer.bias).unwrap();
            let run = cell.run(tape, current).unwrap();
            let recurrence = Recurrence::<WorstCase>::of(cell).unwrap();
            let jumps: Vec<f64> = cell.surrogate().kind().kinks().into_iter().chain([0.0]).collect();
            for u in run.potentials.iter().flat_map(|&u| tape.value(u).unwrap().as_slice()) {
                let x = recurrence.above(*u);
                // Twice: the fused form has an error of its own. Without any, both take the same side.
                clear &= u.error == 0.0 || jumps.iter().all(|jump| (x.value - jump).abs() > 2.0 * x.error);
            }
            let spikes = index == last && self.network.output.of() == CellOutput::Spikes;
            signal = tape.stack(if spikes { &run.spikes } else { &run.traces }).unwrap();
        }
        let output = match self.network.output {
            NetworkOutput::Sequence(_) => signal,
            NetworkOutput::Sum(_) => tape.sum_axis(signal, 0).unwrap(),
        };
        (output, clear)
    }

    fn outcome_of<S: Scalar>(
        &self,
        program: Program,
        run: impl Fn(&mut Tape<S>, &[Var]) -> Var,
    ) -> Outcome<S> {
        let leaves = |tape: &mut Tape<S>, at: &[Tensor<f64>]| -> Vec<Var> {
            at.iter().map(|p| tape.leaf(p.cast())).collect()
        };
        let (mut tape, mut at) = (Tape::new(), self.parameters.clone());
        match program {
            Program::Real => {}
            Program::Smooth => tape = Tape::with_mode(SpikeMode::Smooth),
            Program::Anchored => {
                let vars = leaves(&mut tape, &self.parameters);
                run(&mut tape, &vars);
                tape = Tape::anchored(Arc::new(tape.anchors()));
                at = at.iter().map(nearby).collect();
            }
        }
        let vars = leaves(&mut tape, &at);
        let output = run(&mut tape, &vars);
        let value = tape.value(output).unwrap().clone();
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let cotangent = value.map(|_: S| S::from_f64(rng.random::<f64>() - 0.3));
        let gradients = tape.vjp(output, cotangent).unwrap();
        std::iter::once(value).chain(vars.iter().map(|&var| gradients.wrt(var).unwrap().clone())).collect()
    }

    fn outcome<S: Scalar>(&self, program: Program) -> Outcome<S> {
        self.outcome_of(program, |tape, vars| self.fused(tape, vars))
    }

    /// As [`outcome`](Self::outcome) by the composed network; none where a potential is too near to a jump.
    fn expected(&self, program: Program) -> Option<Outcome<WorstCase>> {
        let clear = std::cell::Cell::new(true);
        let outcome = self.outcome_of(program, |tape, vars| {
            let (output, own) = self.composed(tape, vars);
            clear.set(clear.get() && own);
            output
        });
        clear.get().then_some(outcome)
    }

    /// The fused form against the composed one: sums in other orders, so that each value and gradient has to lie
    /// within the bounds of both forms' rounding errors. Where an unbounded surrogate makes the bound infinite there is
    /// nothing to compare. `None` where a potential is too near to a jump: it might take the other side of it.
    ///
    /// Gives the share of numbers whose bounds are at most a millionth of the largest: those that say something.
    fn compare(&self, what: &str, programs: &[Program]) -> Option<f64> {
        let (mut told, mut all) = (0, 0);
        for &program in programs {
            let expected = self.expected(program)?;
            let (fast, fused) = (self.outcome::<f64>(program), self.outcome::<WorstCase>(program));
            for (k, (expected, (fast, fused))) in expected.iter().zip(fast.iter().zip(&fused)).enumerate() {
                assert_eq!(fast.shape(), expected.shape(), "{what} {program:?}: tensor {k}");
                let size = fast.as_slice().iter().fold(0.0_f64, |a, &b| a.max(b.abs()));
                let pairs = fast.as_slice().iter().zip(fused.as_slice()).zip(expected.as_slice());
                for (at, ((&value, &WorstCase { error, .. }), y)) in pairs.enumerate() {
                    let x = WorstCase { value, error };
                    assert!(
                        !y.is_finite() || x.agrees(*y),
                        "{what} {program:?}: tensor {k} at {at}: {x:?} for {y:?}"
                    );
                    told += usize::from(x.error + y.error <= 1e-6 * size);
                    all += 1;
                }
            }
        }
        Some(if all == 0 { 1.0 } else { f64::from(told as u32) / f64::from(all as u32) })
    }

    /// [`compare`](Self::compare) in every program, for samples that are known to keep clear.
    fn check(&self, what: &str) {
        let share = self.compare(what, &PROGRAMS);
        assert!(share.is_some_and(|share| share > 0.9), "{what}: {share:?}");
    }
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_sizes(
        steps in 1usize..20, batch in 0usize..35, inputs in 0usize..70, hidden in 0usize..20, classes in 0usize..4,
        density in 0.0f64..1.0, segment in 0usize..8, output in 0usize..4, seed: u32, biased: bool,
    ) {
        let network = FusedNetwork::new([cell(), cell().with_trace_decay(0.5).unwrap()]).unwrap();
        let network = network.with_output(OUTPUTS[output]);
        let network = if segment > 0 { network.with_checkpoints(segment) } else { network };
        let sample = Sample::draw(network, &[steps, batch, inputs, hidden, classes], density, biased, u64::from(seed));
        let what = format!("{steps} {batch} {inputs} {hidden} {classes} {density} {segment}");
        prop_assume!(sample.compare(&what, &PROGRAMS).is_some());
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
    #[test]
    fn any_cells_and_options(
        first: usize, second: usize, steps in 1usize..14,
        batch in prop::sample::select(vec![0usize, 1, 2, 15, 16, 17, 33]),
        inputs in prop::sample::select(vec![0usize, 1, 63, 64, 65, 193]),
        hidden in prop::sample::select(vec![0usize, 1, 15, 16, 17, 33, 48]), classes in 1usize..4,
        density in 0.0f64..0.6, segment in 0usize..16, path in 0usize..3, output in 0usize..4, program in 0usize..3,
        betas in prop::array::uniform3(prop::sample::select(vec![0.0, 0.3, 0.9])), seed: u32, biased: bool,
    ) {
        let cells = [any_cell(first, betas[0], 1.0), any_cell(second, betas[1], 0.7)];
        let path = [EventPath::Auto, EventPath::Events, EventPath::Dense][path];
        let network = FusedNetwork::new(cells).unwrap().with_output(OUTPUTS[output]).with_path(path);
        let network = network.with_input_trace_decay(betas[2]).unwrap();
        let network = if segment > 0 { network.with_checkpoints(segment - 1) } else { network };
        let sizes = [steps, batch, inputs, hidden, classes];
        let what = format!("{sizes:?} {density} seed {seed} {biased} {network:?}");
        let sample = Sample::draw(network, &sizes, density, biased, u64::from(seed));
        prop_assume!(sample.compare(&what, &[PROGRAMS[program]]).is_some());
    }
}
