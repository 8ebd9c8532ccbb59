//! The gradients of layers on the tape against dual numbers and the complex step, entry by entry.

mod gradient;

use gradient::{Program, check, check_surrogate, numbers};
use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp};
use resurge_snn::{
    Cell, ResetGradient, Result, RunningStatistics, Surrogate, avg_pool2d, batch_norm, batch_norm_inference,
    batch_norm_per_step, conv2d, dropout, flatten, linear, max_pool2d, residual, sum_pool2d,
};
use resurge_tensor::{Conv2d, Scalar, Tensor, Window2d};

program!(PlainConv, |tape, inputs| conv2d(tape, inputs[0], inputs[1], Some(inputs[2]), Conv2d::new()));

program!(GroupedConv, |tape, inputs| {
    let conv = Conv2d::new().with_groups(2).with_stride([2, 1]).with_padding([1, 2]);
    conv2d(tape, inputs[0], inputs[1], Some(inputs[2]), conv)
});

#[test]
fn convolution() {
    let bias = numbers(&[2], 0.4);
    check(&PlainConv, &[numbers(&[2, 2, 2, 3, 4], 0.1), numbers(&[2, 2, 2, 3], 0.7), bias.clone()]);
    check(&PlainConv, &[numbers(&[1, 1, 1, 1, 1], 0.1), numbers(&[2, 1, 1, 1], 0.7), bias.clone()]);
    check(&GroupedConv, &[numbers(&[2, 1, 4, 3, 3], 0.1), numbers(&[2, 2, 3, 2], 0.7), bias]);
}

program!(Linear, |tape, inputs| linear(tape, inputs[0], inputs[1], Some(inputs[2])));

#[test]
fn linear_layer() {
    check(&Linear, &[numbers(&[3, 2, 4], 0.1), numbers(&[2, 4], 0.7), numbers(&[2], 0.4)]);
}

program!(AvgPool, |tape, inputs| {
    avg_pool2d(tape, inputs[0], Window2d::new([2, 3]).with_stride([1, 2]).with_padding([1, 0]))
});
program!(SumPool, |tape, inputs| sum_pool2d(tape, inputs[0], Window2d::new([2, 2])));
program!(MaxPool, |tape, inputs| {
    max_pool2d(tape, inputs[0], Window2d::new([2, 2]).with_stride([1, 1]).with_padding([0, 1]))
});

#[test]
fn pooling() {
    let images = [numbers(&[2, 2, 2, 3, 5], 0.3)];
    check(&AvgPool, &images);
    check(&SumPool, &images);
    check(&MaxPool, &images);
}

program!(Flatten, |tape, inputs| flatten(tape, inputs[0]));
program!(Dropout, |tape, inputs| dropout(tape, inputs[0], 0.4, 11));
program!(Residual, |tape, inputs| {
    let branch = tape.square(inputs[0])?;
    residual(tape, inputs[0], branch)
});

#[test]
fn flatten_dropout_residual() {
    check(&Flatten, &[numbers(&[2, 2, 3, 2], 0.3)]);
    check(&Dropout, &[numbers(&[3, 2, 8], 0.3)]);
    check(&Residual, &[numbers(&[2, 2, 3], 0.3)]);
}

program!(BatchNorm, |tape, inputs| Ok(batch_norm(tape, inputs[0], inputs[1], inputs[2], 1e-3)?.output));
program!(BatchNormInference, |tape, inputs| {
    let statistics = RunningStatistics {
        mean: Tensor::from_vec([2], vec![S::from_f64(0.25), S::from_f64(-1.0)])?,
        variance: Tensor::from_vec([2], vec![S::from_f64(0.5), S::from_f64(2.0)])?,
    };
    batch_norm_inference(tape, inputs[0], inputs[1], inputs[2], &statistics, 1e-3)
});

program!(BatchNormPerStep, |tape, inputs| Ok(batch_norm_per_step(tape, inputs[0], inputs[1], 1e-3)?.0));

#[test]
fn batch_normalisation_per_step() {
    for shape in [&[3, 2, 2][..], &[2, 2, 2, 2, 3], &[1, 3, 2]] {
        check(&BatchNormPerStep, &[numbers(shape, 0.3), numbers(&[shape[0], 2], 1.0)]);
    }
}

#[test]
fn batch_normalisation() {
    for shape in [&[3, 2, 2][..], &[2, 2, 2, 2, 3], &[2, 1, 2]] {
        let inputs = [numbers(shape, 0.3), numbers(&[2], 1.0), numbers(&[2], 2.0)];
        check(&BatchNorm, &inputs);
        check(&BatchNormInference, &inputs);
    }
}

fn cell() -> Cell {
    let cell = Cell::lif(Surrogate::sigmoid(0.3).unwrap()).with_threshold(0.4).unwrap();
    cell.with_reset_gradient(ResetGradient::Full)
}

// The layers between cells: the surrogate gradient of a small convolutional network, on its anchored program.
program!(SpikingNetwork, |tape, inputs| {
    let current = conv2d(tape, inputs[0], inputs[1], None, Conv2d::new().with_padding([1, 1]))?;
    let current = batch_norm(tape, current, inputs[2], inputs[3], 1e-3)?.output;
    let run = cell().run(tape, current)?;
    let traces = tape.stack(&run.traces)?;
    let pooled = avg_pool2d(tape, traces, Window2d::new([2, 2]))?;
    let kept = dropout(tape, pooled, 0.25, 5)?;
    let features = flatten(tape, kept)?;
    let current = linear(tape, features, inputs[4], None)?;
    let run = cell().run(tape, current)?;
    Ok(tape.stack(&run.traces)?)
});

#[test]
fn a_spiking_convolutional_network() {
    let inputs = [
        numbers(&[4, 2, 1, 4, 4], 0.5),
        numbers(&[2, 1, 3, 3], 1.1),
        numbers(&[2], 1.5),
        numbers(&[2], 2.2),
        numbers(&[3, 8], 0.2),
    ];
    let mut tape = Tape::new();
    let leaves: Vec<Var> = inputs.iter().map(|input| tape.leaf(input.clone())).collect();
    let output = SpikingNetwork.run(&mut tape, &leaves).unwrap();
    assert!(tape.value(output).unwrap().as_slice().iter().any(|&a| a > 0.0), "the network must spike");
    check_surrogate(&SpikingNetwork, &inputs);
}

/// `x^2` with a slope that is off by one part in 10^11.
#[derive(Debug)]
struct NearlySquare;

impl<S: Scalar> Op<S> for NearlySquare {
    fn name(&self) -> &'static str {
        "nearly_square"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> resurge_autodiff::Result<Tensor<S>> {
        Ok(inputs[0].map(|x| x * x))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> resurge_autodiff::Result<Contributions<S>> {
        let slope = at.inputs[0].scale(S::from_f64(2.0 * (1.0 + 1e-11)));
        Ok([Some(at.cotangent.mul(&slope)?.into())].into_iter().collect())
    }
}

program!(Wrong, |tape, inputs| Ok(tape.apply(NearlySquare, &[inputs[0]])?));

#[test]
#[should_panic(expected = "input 0, entry 0: reverse")]
fn the_check_rejects_a_slope_off_by_one_part_in_a_hundred_thousand_million() {
    check(&Wrong, &[numbers(&[3], 1.0)]);
}

program!(Unrelated, |tape, inputs| Ok(tape.scale(inputs[0], 0.0)?));

#[test]
#[should_panic(expected = "proves nothing")]
fn the_check_rejects_a_gradient_that_vanishes_everywhere() {
    check(&Unrelated, &[numbers(&[3], 1.0)]);
}

program!(Detached, |tape, inputs| {
    let held = tape.detach(inputs[0])?;
    Ok(tape.mul(inputs[0], held)?)
});

#[test]
#[should_panic(expected = "is to be a true derivative")]
fn the_check_rejects_a_layer_that_detaches() {
    check(&Detached, &[numbers(&[3], 1.0)]);
}
