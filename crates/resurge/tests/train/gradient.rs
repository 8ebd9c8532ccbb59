//! The gradient that training follows, proved on the network itself.

use resurge::autodiff::{Tape, Var};
use resurge::gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
use resurge::tensor::{Scalar, Tensor};
use resurge::train::{Config, Network, Preset};

/// The loss of a batch as a function of the weights.
struct LossOfWeights {
    network: Network,
    input: Tensor<f64>,
    classes: Vec<usize>,
    seed: Option<u64>,
}

impl Program for LossOfWeights {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, weights: &[Var]) -> ProgramResult {
        let input = tape.constant(self.input.cast());
        let pass = self.network.forward(tape, weights, input, self.seed)?;
        Ok(self.network.loss(tape, pass.output, &self.classes)?)
    }
}

const LAYERS: &str = "layers=[\"conv 3 3 pad 1\", \"pool 2\", \"dropout 0.2\", \"linear 6\", \"linear 4\"]";

fn check(more: &[&str], still: bool) {
    let config = Config::preset(Preset::Small).with(&[&[LAYERS, "gain=2"], more].concat()).unwrap();
    let network = Network::new(&config, [2, 6, 6], 4).unwrap();
    let (network, steps) = if still { (network, 1) } else { (network.of_traces(), config.steps) };
    let input = Tensor::from_fn([steps, 3, 2, 6, 6], |i| 0.5 + 0.5 * (i as f64 * 0.7).sin()).unwrap();
    let weights: Vec<Tensor<f64>> = network.init(5).unwrap();
    let program = LossOfWeights { network, input, classes: vec![0, 2, 3], seed: Some(9) };
    let anchored = AnchoredProgram::new(&program, weights.clone()).unwrap();
    let mut rest = anchored.gradient();
    for weight in &weights {
        let (own, others) = rest.split_at(weight.len());
        assert!(own.iter().any(|x| x.abs() > 1e-3), "{more:?}: every layer learns");
        rest = others;
    }
    let directions = Directions::new(anchored.gradient(), 6, 6, 1);
    let evidence =
        Evidence::gather(&anchored, &directions, config.cell().unwrap().surrogate().width()).unwrap();
    let errors = evidence.compare(anchored.gradient()).unwrap();
    assert!(errors.finite_difference < 1e-8, "{more:?}: {errors:?}");
    assert!(errors.dual < 1e-12 && errors.complex_step < 1e-12, "{more:?}: {errors:?}");
    // Another gradient of the reset is another gradient: the evidence refuses it.
    let other =
        if config.reset_gradient == "full" { "reset_gradient=detached" } else { "reset_gradient=full" };
    let config = config.with(&[other]).unwrap();
    let network = Network::new(&config, [2, 6, 6], 4).unwrap();
    let network = if still { network } else { network.of_traces() };
    let program = LossOfWeights { network, ..program };
    let wrong = AnchoredProgram::new(&program, weights).unwrap();
    assert!(evidence.compare(wrong.gradient()).unwrap().dual > 1e-4, "{more:?}");
}

#[test]
fn the_gradient_of_training_is_proved_for_stills_and_events_and_losses() {
    check(&[], true);
    check(&["reset_gradient=detached"], true);
    check(&["loss=count 4 1", "tau_s=4", "tau_m=8"], false);
    check(&["reset=subtract", "surrogate=atan 2", "reset_gradient=scaled-0.5"], false);
    // Between whole numbers: at one the squares have a kink.
    check(&["loss=count 3.5 0.5 one-sided"], true);
}

/// What runs step by step: recurrent weights, learned constants, more options, spikes between layers, other losses.
#[test]
fn the_gradient_of_every_cell_and_constant_is_proved() {
    let recurrent = "layers=[\"linear 6 recurrent\", \"dropout 0.2\", \"linear 4 recurrent\"]";
    check(&[recurrent, "learned=[\"decay\", \"threshold\"]", "loss=cross-entropy sum"], true);
    let adaptive = ["cell=adaptation 0.8 0.5", "learned=[\"adaptation scale\"]", "between=spikes"];
    check(&[&[recurrent, "loss=mse mean", "surrogate=atan 2"], &adaptive[..]].concat(), false);
    check(&["cell=synapse 0.5 1 refractory 1", "learned=[\"synapse decay\"]", "loss=mse last"], true);
    let value = ["layers=[\"linear 6\", \"linear 4\"]", "gain=4", "reset=value 0.1"];
    let value = [&value[..], &["learned=[\"v_reset\", \"decay logit\"]", "surrogate=atan 2"]].concat();
    check(&[&value[..], &["loss=cross-entropy all", "output=traces", "tau_s=4"]].concat(), false);
}
