//! The smooth twin and the anchored program of a fused network: dense products and fused cells in turns.

use super::{CellOutput, Filter, FusedNetwork, NetworkOutput, OpResult, Parameters};
use crate::SpikeTrain;
use crate::fused::block::Plane;
use crate::fused::replay::{History, Mode};
use resurge_autodiff::Contributions;
use resurge_tensor::{Scalar, Tensor};

/// The run of every layer.
#[derive(Debug)]
pub(super) struct Chain<S> {
    layers: Vec<Link<S>>,
}

#[derive(Debug)]
struct Link<S> {
    /// What entered the weights, `[T B, in]`: spikes of the layer before.
    input: Tensor<S>,
    /// The current `[T, B, out]`, filter and bias included.
    current: Tensor<S>,
    history: History<S>,
}

impl<S: Scalar> Chain<S> {
    /// Runs the smooth twin, or, with `base` parameters, the program anchored at the real run with them.
    pub(super) fn run(
        network: &FusedNetwork,
        input: &SpikeTrain,
        parameters: &[Parameters<'_, S>],
        base: Option<&[Parameters<'_, S>]>,
    ) -> OpResult<Self> {
        let (steps, batch) = (input.steps(), input.batch());
        let mut spikes = input.dense()?.reshape([steps * batch, input.neurons()])?;
        let mut real = spikes.clone();
        let mut layers = Vec::new();
        for (layer, (recurrence, filter)) in network.recurrences::<S>()?.into_iter().enumerate() {
            let current = current(&spikes, &parameters[layer], filter, steps, batch)?;
            let plane = Plane::of(&current);
            let flat =
                |history: &History<S>, shape| history.output(&recurrence, CellOutput::Spikes, shape, plane);
            let rows = [steps * batch, parameters[layer].outputs()].into();
            let history = match base {
                None => History::run(&recurrence, current.as_slice(), plane, Mode::Smooth),
                Some(base) => {
                    let at = self::current(&real, &base[layer], filter, steps, batch)?;
                    let run = History::run(&recurrence, at.as_slice(), plane, Mode::Real);
                    real = flat(&run, &rows)?;
                    History::run(&recurrence, current.as_slice(), plane, Mode::Anchored(at.as_slice()))
                }
            };
            let input = std::mem::replace(&mut spikes, flat(&history, &rows)?);
            layers.push(Link { input, current, history });
        }
        Ok(Self { layers })
    }

    pub(super) fn output(&self, network: &FusedNetwork) -> OpResult<Tensor<S>> {
        let (recurrence, _) = network.recurrences::<S>()?[self.layers.len() - 1];
        let Link { current, history, .. } = &self.layers[self.layers.len() - 1];
        let of = network.output.of();
        let sequence = history.output(&recurrence, of, current.shape(), Plane::of(current))?;
        Ok(match network.output {
            NetworkOutput::Sequence(_) => sequence,
            NetworkOutput::Sum(_) => sequence.sum_axis(0)?,
        })
    }

    pub(super) fn pieces(&self, network: &FusedNetwork) -> OpResult<Vec<i8>> {
        let recurrences = network.recurrences::<S>()?;
        let pieces = self
            .layers
            .iter()
            .zip(&recurrences)
            .map(|(link, (recurrence, _))| link.history.pieces(recurrence));
        Ok(pieces.flatten().collect())
    }

    pub(super) fn vjp(
        &self,
        network: &FusedNetwork,
        parameters: &[Parameters<'_, S>],
        cotangent: &Tensor<S>,
    ) -> OpResult<Contributions<S>> {
        let recurrences = network.recurrences::<S>()?;
        let last = &self.layers[self.layers.len() - 1];
        let mut cotangent = cotangent.broadcast_to(last.current.shape())?;
        let mut of_traces = network.output.of() == CellOutput::Traces;
        let mut reversed = Vec::new();
        for (layer, Link { input, current, history }) in self.layers.iter().enumerate().rev() {
            let (recurrence, filter) = &recurrences[layer];
            let mut adjoint = history.vjp(recurrence, current, &cotangent, of_traces)?;
            let outputs = parameters[layer].outputs();
            let rows = input.shape()[0];
            let bias =
                parameters[layer].bias.map(|_| adjoint.reshape([rows, outputs])?.sum_axis(0)).transpose()?;
            if let Some(filter) = filter {
                let width = Plane::of(current).neurons;
                let mut carry = vec![S::zero(); width];
                let rows = adjoint.as_mut_slice().chunks_mut(width.max(1)).rev();
                rows.for_each(|row| filter.reverse(&mut carry, row));
            }
            let adjoint = adjoint.reshape([rows, outputs])?;
            let weight = adjoint.matmul_transposed(true, input, false)?;
            reversed.extend(bias.map(|bias| Some(bias.into())));
            reversed.push(Some(weight.into()));
            if let Some(below) = layer.checked_sub(1) {
                let shape = self.layers[below].current.shape();
                cotangent = adjoint.matmul(parameters[layer].weight)?.reshape(shape)?;
                of_traces = false;
            }
        }
        Ok(reversed.into_iter().rev().collect())
    }
}

/// `W a[t] + b` for all steps, `[T, B, out]`.
fn current<S: Scalar>(
    spikes: &Tensor<S>,
    parameters: &Parameters<'_, S>,
    filter: Option<Filter<S>>,
    steps: usize,
    batch: usize,
) -> OpResult<Tensor<S>> {
    let outputs = parameters.outputs();
    let mut current =
        spikes.matmul_transposed(false, parameters.weight, true)?.reshape([steps, batch, outputs])?;
    if let Some(filter) = filter {
        let mut state = vec![S::zero(); batch * outputs];
        let rows = current.as_mut_slice().chunks_mut(state.len().max(1));
        rows.for_each(|row| filter.forward(&mut state, row));
    }
    Ok(match parameters.bias {
        Some(bias) => current.add(bias)?,
        None => current,
    })
}
