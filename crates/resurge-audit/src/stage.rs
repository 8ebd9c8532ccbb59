//! Layers without a state and losses, from the pieces of `resurge-snn`, each on a small tape of its own: so that a
//! layer can be given the recorded spikes, and any cotangent.

use super::description::{Layer, Norm, Over};
use super::error::Result;
use super::file::LayerData;
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Loss, Target, avg_pool2d, batch_norm, conv2d, flatten, linear, max_pool2d, sum_pool2d};
use resurge_tensor::{Conv2d, Scalar, Tensor, Window2d};

/// What a layer without a state has besides its input: tensors, or variables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<X> {
    pub(super) weight: Option<X>,
    pub(super) bias: Option<X>,
    /// Is not learned.
    pub(super) mask: Option<X>,
}

impl<X> Default for Given<X> {
    fn default() -> Self {
        Self { weight: None, bias: None, mask: None }
    }
}

impl<'a> Given<&'a Tensor<f64>> {
    pub(super) fn of(data: &'a LayerData) -> Self {
        Self { weight: data.weight.as_ref(), bias: data.bias.as_ref(), mask: data.mask.as_ref() }
    }

    /// With a weight alone.
    pub(super) fn weight(weight: &'a Tensor<f64>) -> Self {
        Self { weight: Some(weight), ..Self::default() }
    }
}

/// Applies a layer without a state.
pub(super) fn apply<S: Scalar>(
    tape: &mut Tape<S>,
    layer: &Layer,
    input: Var,
    given: Given<Var>,
) -> resurge_snn::Result<Var> {
    let bias = given.bias;
    let window = |pool: &super::description::Pool| {
        Window2d::new(pool.kernel).with_stride(pool.stride.unwrap_or(pool.kernel)).with_padding(pool.padding)
    };
    match (layer, given.weight.or(given.mask)) {
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
        (Layer::BatchNorm(norm), Some(weight)) => normalised(tape, norm, input, weight, bias),
        (Layer::Mask(_), Some(mask)) => Ok(tape.mul(input, mask)?),
        // Layers with a state never come here, and a layer with weights has them: the reader sees to it.
        _ => Ok(input),
    }
}

/// Batch normalisation by the statistics of what goes in.
fn normalised<S: Scalar>(
    tape: &mut Tape<S>,
    norm: &Norm,
    input: Var,
    gamma: Var,
    beta: Option<Var>,
) -> resurge_snn::Result<Var> {
    let beta = match beta {
        Some(beta) => beta,
        None => {
            let zeros = Tensor::zeros(tape.value(gamma)?.shape().clone())?;
            tape.constant(zeros)
        }
    };
    if norm.over == Over::Run {
        return Ok(batch_norm(tape, input, gamma, beta, norm.epsilon)?.output);
    }
    let shape = tape.value(input)?.shape().clone();
    let one_step: Vec<usize> = std::iter::once(1).chain(shape[1..].iter().copied()).collect();
    let mut steps = Vec::with_capacity(shape[0]);
    for t in 0..shape[0] {
        let x = tape.select(input, t)?;
        let x = tape.reshape(x, &one_step[..])?;
        let y = batch_norm(tape, x, gamma, beta, norm.epsilon)?.output;
        steps.push(tape.reshape(y, &shape[1..])?);
    }
    Ok(tape.stack(&steps)?)
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
        given: Given<&Tensor<f64>>,
        input_needed: bool,
    ) -> Result<Self> {
        let mut tape = Tape::new();
        let input = if input_needed { tape.leaf(input) } else { tape.constant(input) };
        let weight = given.weight.map(|weight| tape.leaf(weight.cast()));
        let bias = given.bias.map(|bias| tape.leaf(bias.cast()));
        let mask = given.mask.map(|mask| tape.constant(mask.cast()));
        let output = apply(&mut tape, layer, input, Given { weight, bias, mask })?;
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

#[cfg(test)]
mod tests;
