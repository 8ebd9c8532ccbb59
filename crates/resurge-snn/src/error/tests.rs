//! Every variant of [`SnnError`] is the answer to a call that deserves it, and its text names what is wrong.
//!
//! A new variant does not compile here until it is listed, and once listed has to be provoked.

use crate::Convention;
use crate::convention::SpikingJelly;
use crate::{
    Cell, FusedLayer, FusedNetwork, Network, Optimiser, Reset, RunningStatistics, Sgd, SnnError, SpikeTrain,
    Surrogate, avg_pool2d, batch_norm, batch_norm_per_step_inference, cross_entropy, direct, flatten,
};
use resurge_autodiff::Tape;
use resurge_tensor::{Tensor, Window2d};

/// The names of the variants, and of the variant of an error.
macro_rules! variants {
    ($error:ident: $($variant:ident),+ $(,)?) => {
        const VARIANTS: &[&str] = &[$(stringify!($variant)),+];

        fn variant(error: &$error) -> &'static str {
            match error {
                $($error::$variant { .. } => stringify!($variant),)+
            }
        }
    };
}

variants!(SnnError:
    Autodiff, Tensor, Parameter, Form, Sequence, Axes, NotFused, NotASpike, LayerCount, Layer, TooFewSamples, StepCount,
    NonFinite, ClassCount, Class, GradientCount, GradientShape, NonFiniteGradient, OptimiserState, ParameterCount,
    UnknownConvention, Convention, ResidualReset, TooFewSizes
);

fn zeros(shape: &[usize]) -> Tensor<f64> {
    Tensor::zeros(shape).unwrap()
}

fn provoked() -> Vec<(SnnError, &'static str)> {
    [of_cells(), of_layers_and_losses(), of_networks(), of_optimisers()].into_iter().flatten().collect()
}

fn of_cells() -> Vec<(SnnError, &'static str)> {
    let cell = Cell::lif(Surrogate::sigmoid(0.25).unwrap());
    let mut tape = Tape::new();
    let (current, flat) = (tape.leaf(zeros(&[2, 1, 3])), tape.leaf(zeros(&[0, 1, 3])));
    let theirs = Tape::<f64>::new().leaf(zeros(&[2, 1, 3]));
    let detached_cuba = SpikingJelly { detach_reset: true, ..SpikingJelly::cuba_lif() };
    let residual = cell.with_reset(Reset::TO_ZERO).unwrap().with_residual_reset(true);
    vec![
        (cell.run(&mut tape, theirs).unwrap_err(), "another tape"),
        (cell.with_decay(f64::NAN).unwrap_err(), "is NaN, but must be"),
        (
            "sigmoidal 2".parse::<Surrogate>().unwrap_err(),
            "surrogate is \"sigmoidal 2\"; it must be one of: sigmoid",
        ),
        (cell.run(&mut tape, flat).unwrap_err(), "found shape [0, 1, 3]"),
        (residual.run(&mut tape, current).unwrap_err(), "a residual reset with the reset \"zero\""),
        (Convention::matching("tensorflow").unwrap_err(), "no convention is called \"tensorflow\""),
        (detached_cuba.cell().unwrap_err(), "with_reset_gradient"),
    ]
}

fn of_layers_and_losses() -> Vec<(SnnError, &'static str)> {
    let mut tape = Tape::new();
    let (one, gamma) = (tape.leaf(zeros(&[1, 1, 3])), tape.leaf(zeros(&[3])));
    let (two, gammas) = (tape.leaf(zeros(&[2, 2, 3])), tape.leaf(zeros(&[2, 3])));
    let logits = tape.leaf(zeros(&[2, 3]));
    let statistics = [RunningStatistics::new(3).unwrap()];
    let not_finite = Tensor::from_vec([1], vec![f64::NAN]).unwrap();
    vec![
        (
            batch_norm(&mut tape, one, gamma, gamma, 1e-5).unwrap_err(),
            "1 values per channel have no variance",
        ),
        (
            batch_norm_per_step_inference(&mut tape, two, gammas, &statistics, 1e-5).unwrap_err(),
            "1 running statistics for a sequence of 2 steps",
        ),
        (flatten(&mut tape, gamma).unwrap_err(), "found shape [3]"),
        (avg_pool2d(&mut tape, two, Window2d::new([2, 2])).unwrap_err(), "found shape [2, 2, 3]"),
        (direct::<f64>(&not_finite, 2).unwrap_err(), "direct encoder: the input is not finite"),
        (cross_entropy(&mut tape, logits, &[0]).unwrap_err(), "1 class targets for a batch of 2"),
        (cross_entropy(&mut tape, logits, &[0, 3]).unwrap_err(), "sample 1 is of class 3, but there are 3"),
        (RunningStatistics::<f64>::new(usize::MAX).unwrap_err(), "too many elements"),
    ]
}

fn of_networks() -> Vec<(SnnError, &'static str)> {
    let cell = Cell::lif(Surrogate::sigmoid(0.25).unwrap());
    let graded = Tensor::from_vec([1, 1, 2], vec![1.0, 0.5]).unwrap();
    let input = SpikeTrain::from_tensor(&zeros(&[3, 2, 4])).unwrap();
    let fused = FusedNetwork::new([cell]).unwrap();
    let mut tape = Tape::new();
    let weight: FusedLayer = tape.leaf(zeros(&[5, 3])).into();
    let sequence = tape.leaf(zeros(&[3, 2, 4]));
    let network = Network::new(&[4, 2], cell).unwrap();
    vec![
        (FusedNetwork::new([]).unwrap_err(), "no layer at all"),
        (SpikeTrain::from_tensor(&graded).unwrap_err(), "entry 1 is 0.5"),
        (fused.run(&mut tape, &input, &[]).unwrap_err(), "0 layers of parameters for 1 cells"),
        (fused.run(&mut tape, &input, &[weight]).unwrap_err(), "layer 0 of a fused network: the weight"),
        (network.run(&mut tape, &[], sequence).unwrap_err(), "2 parameter tensors"),
        (Network::new(&[4], cell).unwrap_err(), "1 given"),
    ]
}

fn of_optimisers() -> Vec<(SnnError, &'static str)> {
    let mut sgd = Sgd::<f64>::new(0.1).unwrap().with_momentum(0.9).unwrap();
    let mut parameters = [zeros(&[2])];
    sgd.step(&mut parameters, &[zeros(&[2])]).unwrap();
    let not_finite = Tensor::from_vec([2], vec![0.0, f64::INFINITY]).unwrap();
    vec![
        (sgd.step(&mut parameters, &[]).unwrap_err(), "0 gradients for 1 parameters"),
        (
            sgd.step(&mut parameters, &[zeros(&[3])]).unwrap_err(),
            "parameter 0 has shape [2], but its gradient",
        ),
        (sgd.step(&mut parameters, &[not_finite]).unwrap_err(), "the gradient of parameter 0 is not finite"),
        (
            sgd.step(&mut [zeros(&[3])], &[zeros(&[3])]).unwrap_err(),
            "parameters of another number or other shapes",
        ),
    ]
}

#[test]
fn every_variant_is_reached_and_names_what_is_wrong() {
    let provoked = provoked();
    for (error, says) in &provoked {
        assert!(error.to_string().contains(says), "{error} does not say {says:?}");
    }
    for name in VARIANTS {
        assert!(provoked.iter().any(|(error, _)| variant(error) == *name), "nothing provokes {name}");
    }
}
