//! Layers without a state and losses, from the pieces of `resurge-snn`, each on a small tape of its own: so that a
//! layer can be given the recorded spikes, and any cotangent.

use super::description::Layer;
use super::error::Result;
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Loss, Target, avg_pool2d, conv2d, flatten, linear, max_pool2d, sum_pool2d};
use resurge_tensor::{Conv2d, Scalar, Tensor, Window2d};

/// Applies a layer without a state.
pub(super) fn apply<S: Scalar>(
    tape: &mut Tape<S>,
    layer: &Layer,
    input: Var,
    weight: Option<Var>,
    bias: Option<Var>,
) -> resurge_snn::Result<Var> {
    let window = |pool: &super::description::Pool| {
        Window2d::new(pool.kernel).with_stride(pool.stride.unwrap_or(pool.kernel)).with_padding(pool.padding)
    };
    match (layer, weight) {
        (Layer::Linear(_), Some(weight)) => linear(tape, input, weight, bias),
        (Layer::Conv2d(conv), Some(weight)) => {
            let how =
                Conv2d::new().with_stride(conv.stride).with_padding(conv.padding).with_groups(conv.groups);
            conv2d(tape, input, weight, bias, how)
        }
        (Layer::AvgPool2d(pool), _) => avg_pool2d(tape, input, window(pool)),
        (Layer::SumPool2d(pool), _) => sum_pool2d(tape, input, window(pool)),
        (Layer::MaxPool2d(pool), _) => max_pool2d(tape, input, window(pool)),
        (Layer::Flatten(_), _) => flatten(tape, input),
        // Layers with a state never come here, and a layer with weights has them: the reader sees to it.
        _ => Ok(input),
    }
}

/// A layer without a state that has run.
#[derive(Debug)]
pub(super) struct Stage<S: Scalar> {
    tape: Tape<S>,
    input: Var,
    weight: Option<Var>,
    bias: Option<Var>,
    output: Var,
    input_needed: bool,
}

/// The gradients of a stage; `None` where there is no such input, or none is needed.
#[derive(Debug, Default)]
pub(super) struct StageGradients<S> {
    pub(super) input: Option<Tensor<S>>,
    pub(super) weight: Option<Tensor<S>>,
    pub(super) bias: Option<Tensor<S>>,
}

impl<S: Scalar> Stage<S> {
    pub(super) fn run(
        layer: &Layer,
        input: Tensor<S>,
        weight: Option<&Tensor<f64>>,
        bias: Option<&Tensor<f64>>,
        input_needed: bool,
    ) -> Result<Self> {
        let mut tape = Tape::new();
        let input = if input_needed { tape.leaf(input) } else { tape.constant(input) };
        let weight = weight.map(|weight| tape.leaf(weight.cast()));
        let bias = bias.map(|bias| tape.leaf(bias.cast()));
        let output = apply(&mut tape, layer, input, weight, bias)?;
        Ok(Self { tape, input, weight, bias, output, input_needed })
    }

    pub(super) fn output(&self) -> Result<&Tensor<S>> {
        Ok(self.tape.value(self.output)?)
    }

    pub(super) fn input(&self) -> Result<&Tensor<S>> {
        Ok(self.tape.value(self.input)?)
    }

    pub(super) fn back(&self, cotangent: Tensor<S>) -> Result<StageGradients<S>> {
        if !self.input_needed && self.weight.is_none() {
            return Ok(StageGradients { input: None, weight: None, bias: None });
        }
        let gradients = self.tape.vjp(self.output, cotangent)?;
        let of = |var: Var| gradients.wrt(var).cloned();
        Ok(StageGradients {
            input: if self.input_needed { Some(of(self.input)?) } else { None },
            weight: self.weight.map(of).transpose()?,
            bias: self.bias.map(of).transpose()?,
        })
    }
}

/// The format's losses have no traces of their own.
pub(super) const NO_TRACE: f64 = 0.0;

/// A loss that has been computed, with its gradients, which every backward pass begins with.
#[derive(Debug)]
pub(super) struct LossRun<S> {
    pub(super) value: S,
    pub(super) at_output: Tensor<S>,
    pub(super) at_potentials: Option<Tensor<S>>,
}

impl<S: Scalar> LossRun<S> {
    pub(super) fn run(
        how: &Loss,
        target: &Target,
        output: Tensor<S>,
        potentials: Option<Tensor<S>>,
    ) -> Result<Self> {
        let mut tape = Tape::new();
        let output = tape.leaf(output);
        let potentials = potentials.map(|u| tape.leaf(u));
        let loss = how.run(&mut tape, output, potentials, target, NO_TRACE)?;
        let value = tape.value(loss)?.item().unwrap_or(S::from_f64(f64::NAN));
        let gradients = tape.backward(loss)?;
        let at_potentials = potentials.map(|u| gradients.wrt(u).cloned()).transpose()?;
        Ok(Self { value, at_output: gradients.wrt(output)?.clone(), at_potentials })
    }
}
