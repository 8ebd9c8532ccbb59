//! Every named convention, proved on a network of its cells by the anchored program. No golden file is needed:
//! those show that the forward pass is the framework's, this that the gradient is that of the forward pass.

use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
use resurge_snn::{Cell, CellParameters, CellRun, Convention, ResetGradient, ResetKind, linear};
use resurge_tensor::{Scalar, Tensor};

const SIZES: [usize; 3] = [6, 5, 4];
const STEPS: usize = 12;
const BATCH: usize = 2;

/// Dual numbers and the complex step differ from the tape by rounding alone.
const EXACT: f64 = 1e-12;

/// Finite differences attain 1e-11 here: their rounding noise, some 1e-15 of the loss, over a step of a hundredth of
/// the surrogate's width. Two digits are left for a kink that forces the step to be smaller.
const DIFFERENCES: f64 = 1e-9;

/// Two recurrent layers of a cell, every constant of which is an input of the program.
struct Layers {
    cell: Cell,
    c: Tensor<f64>,
    d: Tensor<f64>,
}

impl Layers {
    fn layers<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        inputs: &[Var],
    ) -> Result<Vec<CellRun>, resurge_snn::SnnError> {
        let (weights, constants) = inputs[1..].split_at(6);
        let mut signal = inputs[0];
        let mut runs = Vec::new();
        for layer in weights.chunks(3) {
            let current = linear(tape, signal, layer[0], Some(layer[1]))?;
            let mut parameters = self.cell.parameters(tape);
            for (constant, &leaf) in used(&mut parameters).into_iter().zip(constants) {
                *constant = leaf;
            }
            parameters.recurrent = Some(layer[2]);
            let run = self.cell.run_with(tape, current, &parameters)?;
            signal = tape.stack(&run.traces)?;
            runs.push(run);
        }
        Ok(runs)
    }
}

/// The constants that the cell uses.
fn used(parameters: &mut CellParameters) -> Vec<&mut Var> {
    let CellParameters {
        decay,
        threshold,
        input_gain,
        drive,
        initial_potential: _,
        v_reset,
        trace_decay,
        synapse_decay,
        synapse_gain,
        adaptation_decay,
        adaptation_scale,
        recurrent: _,
        min_potential: _,
        adaptation_detached: _,
    } = parameters;
    let optional = [
        input_gain,
        drive,
        v_reset,
        trace_decay,
        synapse_decay,
        synapse_gain,
        adaptation_decay,
        adaptation_scale,
    ];
    [decay, threshold].into_iter().chain(optional.into_iter().flatten()).collect()
}

impl Program for Layers {
    /// `sum(c * traces) + sum(d * potentials)` of the last layer.
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let runs = self.layers(tape, inputs)?;
        let last = &runs[runs.len() - 1];
        let mut sums = Vec::new();
        for (weight, of) in [(&self.c, &last.traces), (&self.d, &last.potentials)] {
            let weight = tape.constant(weight.cast());
            let of = tape.stack(of)?;
            let product = tape.mul(weight, of)?;
            sums.push(tape.sum(product)?);
        }
        Ok(tape.add(sums[0], sums[1])?)
    }
}

/// Numbers in -1..1 that look random, on the grid on which a power-of-two step moves a point exactly.
fn numbers(shape: &[usize], seed: f64) -> Tensor<f64> {
    let at = |i: usize| on_grid(((i as f64 + 1.0) * 12.9898 + seed * 78.233).sin() * 43_758.5 % 1.0);
    Tensor::from_fn(shape, at).unwrap()
}

fn on_grid(x: f64) -> f64 {
    (x * f64::from(1 << 24)).round() / f64::from(1 << 24)
}

/// The program of a convention, and inputs at which every layer fires, but not always.
fn setting(convention: Convention) -> (Layers, Vec<Tensor<f64>>) {
    let cell = convention.cell().unwrap();
    let outputs = [STEPS, BATCH, SIZES[2]];
    let layers = Layers { cell, c: numbers(&outputs, 1.0), d: numbers(&outputs, 2.0) };
    let mut inputs = vec![numbers(&[STEPS, BATCH, SIZES[0]], 3.0).map(|x| on_grid(x.abs()))];
    for (k, pair) in SIZES.windows(2).enumerate() {
        let seed = 10.0 * k as f64;
        inputs.push(numbers(&[pair[1], pair[0]], 4.0 + seed));
        inputs.push(numbers(&[pair[1]], 5.0 + seed).map(|x| on_grid(0.1 * x)));
        inputs.push(numbers(&[pair[1], pair[1]], 6.0 + seed).map(|x| on_grid(0.2 * x)));
    }
    // The preset's constants, but for a threshold that is not 1: a factor that is forgotten would not show.
    let mut tape = Tape::<f64>::new();
    let mut parameters = cell.parameters(&mut tape);
    let constants = used(&mut parameters).into_iter().map(|var| tape.value(*var).unwrap().item().unwrap());
    inputs.extend(
        constants.enumerate().map(|(i, x)| Tensor::scalar(on_grid(if i == 1 { 1.125 * x } else { x }))),
    );
    for k in 0..2 {
        let plain = inputs[1 + 3 * k].clone();
        let with_gain = |gain: f64| plain.map(|x| on_grid(gain * (x + 0.35)));
        let miss = |gain: f64| {
            let mut trial = inputs.clone();
            trial[1 + 3 * k] = with_gain(gain);
            (rates(&layers, &trial)[k] - 0.25).abs()
        };
        let gains = (0..40).map(|i| 0.2 * 1.15f64.powi(i));
        let best = gains.min_by(|a, b| miss(*a).total_cmp(&miss(*b))).unwrap();
        inputs[1 + 3 * k] = with_gain(best);
    }
    (layers, inputs)
}

/// The share of steps with a spike, for each layer.
fn rates(layers: &Layers, inputs: &[Tensor<f64>]) -> Vec<f64> {
    let mut tape = Tape::new();
    let leaves: Vec<Var> = inputs.iter().map(|input| tape.leaf(input.clone())).collect();
    let runs = layers.layers(&mut tape, &leaves).unwrap();
    let share = |run: &CellRun| {
        let spikes = run.spikes.iter().flat_map(|&o| tape.value(o).unwrap().as_slice().to_vec());
        let fired: Vec<f64> = spikes.map(|o| f64::from(u8::from(o > 0.0))).collect();
        fired.iter().sum::<f64>() / fired.len() as f64
    };
    runs.iter().map(share).collect()
}

#[test]
fn every_convention_has_the_gradient_of_its_forward_pass() {
    for (i, convention) in Convention::all().enumerate() {
        let (layers, inputs) = setting(convention);
        let rates = rates(&layers, &inputs);
        assert!(rates.iter().all(|rate| (0.1..0.7).contains(rate)), "{convention} fires at {rates:?}");

        let anchored = AnchoredProgram::new(&layers, inputs.clone()).unwrap();
        let at_base = anchored.evaluate(&vec![0.0; anchored.dimension()], 0.0).unwrap().loss;
        assert_eq!(at_base.to_bits(), anchored.loss().to_bits(), "{convention}");

        let directions = Directions::new(anchored.gradient(), 6, 8, i as u64);
        let width = layers.cell.surrogate().width();
        let evidence = Evidence::gather(&anchored, &directions, width).unwrap();
        let errors = evidence.compare(anchored.gradient()).unwrap();
        assert!(errors.dual <= EXACT, "{convention}: dual {:.1e}", errors.dual);
        assert!(errors.complex_step <= EXACT, "{convention}: complex step {:.1e}", errors.complex_step);
        assert!(errors.finite_difference <= DIFFERENCES, "{convention}: {:.1e}", errors.finite_difference);
        // 15 of all inputs together, and two of each alone that has a gradient.
        let mut from = 0;
        let with_gradient = inputs.iter().filter(|input| {
            let part = &anchored.gradient()[from..from + input.len()];
            from += input.len();
            part.iter().any(|&g| g != 0.0)
        });
        let expected = 15 + 2 * with_gradient.count();
        assert_eq!((errors.conclusive, errors.skipped), (expected, 0), "{convention}");

        // The gradient with the other reset rule is not the derivative of this program.
        let cell = layers.cell;
        let other = match cell.reset_gradient() {
            ResetGradient::Full => ResetGradient::Detached,
            _ => ResetGradient::Full,
        };
        let other = Layers { cell: cell.with_reset_gradient(other), ..layers };
        let other = AnchoredProgram::new(&other, inputs).unwrap();
        let errors = evidence.compare(other.gradient()).unwrap();
        if cell.reset().kind != ResetKind::None {
            assert!(errors.dual > 1e-3, "{convention}: the other gradient passes, too: {errors:?}");
        }
    }
}
