//! Real-time recurrent learning: equation (F), forward sensitivities on the real spiking pass, in plain loops.
//!
//! Nothing here uses the tape, dual numbers or the cell's own recurrence; only the description of the network is
//! shared. It runs forwards, keeps no history, and shares no order of operations with the backward pass.

mod neuron;
#[cfg(test)]
mod tests;

use crate::{CellNetwork, Result};
use neuron::{Carried, Constants, State, sensitivity, step};
use resurge_snn::Learnable;
use resurge_tensor::Tensor;

/// Loss and gradient of a network by forward sensitivities.
///
/// ```
/// use resurge_gradcheck::{CellExtents, CellNetwork, Rtrl, rtrl};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
/// let run: Rtrl = rtrl(&network, network.parameters())?;
/// assert!(run.loss.is_finite() && run.gradient.len() == 23);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rtrl {
    /// The loss.
    pub loss: f64,
    /// The sum of the absolute values of the loss's terms: the scale of its rounding error.
    pub magnitude: f64,
    /// The gradient, flat, in the order of the parameters.
    pub gradient: Vec<f64>,
    /// Spikes over both layers divided by steps, sequences and neurons.
    pub firing_rate: f64,
    /// Spikes that another step follows, and so a reset.
    pub resets: usize,
}

/// One number of one parameter: whose it is and which.
#[derive(Debug, Clone, Copy)]
struct Place {
    layer: usize,
    /// 0 for the weight, 1 for the bias, 2 and on for the learnables.
    input: usize,
    entry: usize,
}

/// One layer's parameters, with the constants of each neuron.
struct Layer<'a> {
    weight: &'a [f64],
    bias: &'a [f64],
    recurrent: Option<&'a [f64]>,
    constants: Vec<Constants>,
    inputs: usize,
}

/// Loss and gradient of `network` at `parameters` by forward sensitivities: for every parameter, the derivatives
/// of all potentials, spikes, traces, synapses and thresholds are carried from step to step beside their values.
///
/// # Errors
/// [`GradcheckError::Inputs`](crate::GradcheckError::Inputs) and shape errors for parameters that are not the
/// network's.
///
/// ```
/// use resurge_gradcheck::{CellExtents, CellNetwork, rtrl};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::sigmoid(0.25)?);
/// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
/// let run = rtrl(&network, network.parameters())?;
/// assert_eq!(run.gradient.len(), 3 * 4 + 3 + 2 * 3 + 2);
/// assert!(run.firing_rate > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rtrl(network: &CellNetwork, parameters: &[Tensor<f64>]) -> Result<Rtrl> {
    network.check_parameters(parameters)?;
    let places = places(network, parameters);
    let per_layer = parameters.chunks_exact(network.per_layer());
    let layers: Vec<Layer<'_>> = per_layer.enumerate().map(|(l, own)| Layer::new(network, l, own)).collect();
    let slopes: Vec<Vec<Constants>> = places
        .iter()
        .map(|place| constant_slopes(network, place, parameters, layers[place.layer].constants.len()))
        .collect();

    let extents = network.extents();
    let gradient = vec![0.0; places.len()];
    let mut out = Rtrl { loss: 0.0, magnitude: 0.0, gradient, firing_rate: 0.0, resets: 0 };
    let sites = extents.steps * extents.batch * (extents.sizes[1] + extents.sizes[2]);
    for sequence in 0..extents.batch {
        let mut states: Vec<Vec<State>> = layers.iter().map(Layer::at_rest).collect();
        let mut tangents = vec![layers.iter().map(Layer::unmoved).collect::<Vec<_>>(); places.len()];
        for t in 0..extents.steps {
            let row = t * extents.batch + sequence;
            let mut received =
                network.input().as_slice()[row * extents.sizes[0]..][..extents.sizes[0]].to_vec();
            // The input does not depend on any parameter.
            let mut d_received = vec![vec![0.0; received.len()]; places.len()];
            for (l, layer) in layers.iter().enumerate() {
                let before = std::mem::take(&mut states[l]);
                let currents = layer.currents(&received, &before);
                let each = layer.constants.iter().zip(&before).zip(&currents);
                let after: Vec<State> =
                    each.map(|((c, before), &current)| step(network.cell(), c, before, current)).collect();
                for (p, place) in places.iter().enumerate() {
                    let d_before = std::mem::take(&mut tangents[p][l]);
                    let here = (place.layer == l).then_some(place);
                    let d_after: Vec<Carried> = (0..after.len())
                        .map(|n| {
                            let d_current = layer.current_slope(network, here, n, &received, &before)
                                + layer.current_tangent(n, &d_received[p], &d_before);
                            let unmoved = Constants::default();
                            let dc = if here.is_some() { &slopes[p][n] } else { &unmoved };
                            let constants = (&layer.constants[n], dc);
                            let state = (&before[n], &d_before[n]);
                            sensitivity(network.cell(), constants, state, (currents[n], d_current), &after[n])
                        })
                        .collect();
                    d_received[p] = d_after.iter().map(|d| d.trace).collect();
                    tangents[p][l] = d_after;
                }
                received = after.iter().map(|s| s.carried.trace).collect();
                let fired = after.iter().filter(|s| s.carried.spike != 0.0).count();
                out.resets += if t + 1 < extents.steps { fired } else { 0 };
                out.firing_rate += after.iter().map(|s| s.carried.spike).sum::<f64>() / sites as f64;
                states[l] = after;
            }
            read_loss(network, row, &states[1], &tangents, &mut out);
        }
    }
    Ok(out)
}

/// Adds the terms of the loss at one step of one sequence, and their derivatives.
fn read_loss(
    network: &CellNetwork,
    row: usize,
    top: &[State],
    tangents: &[Vec<Vec<Carried>>],
    out: &mut Rtrl,
) {
    for (n, state) in top.iter().enumerate() {
        let at = row * top.len() + n;
        let error = state.carried.trace - network.target().as_slice()[at];
        let r = network.readout().as_slice()[at];
        let terms = [0.5 * error * error, r * state.carried.potential];
        out.loss += terms[0] + terms[1];
        out.magnitude += terms[0] + terms[1].abs();
        for (gradient, tangent) in out.gradient.iter_mut().zip(tangents) {
            let d = &tangent[1][n];
            *gradient += error * d.trace + r * d.potential;
        }
    }
}

fn places(network: &CellNetwork, parameters: &[Tensor<f64>]) -> Vec<Place> {
    let per_layer = network.per_layer();
    let of = |(i, tensor): (usize, &Tensor<f64>)| {
        (0..tensor.len()).map(move |entry| Place { layer: i / per_layer, input: i % per_layer, entry })
    };
    parameters.iter().enumerate().flat_map(of).collect()
}

/// The derivatives of each neuron's constants by one number of a parameter.
fn constant_slopes(
    network: &CellNetwork,
    place: &Place,
    parameters: &[Tensor<f64>],
    neurons: usize,
) -> Vec<Constants> {
    let mut slopes = vec![Constants::default(); neurons];
    if let Some(learnable) = place.learnable(network) {
        let values = &parameters[place.layer * network.per_layer() + place.input];
        for (n, slope) in slopes.iter_mut().enumerate() {
            // One value for all neurons, or each its own.
            if values.len() == 1 || n == place.entry {
                let value = values.as_slice()[place.entry];
                let logistic = 1.0 / (1.0 + (-value).exp());
                match learnable {
                    Learnable::DecayLogit => slope.decay = -logistic * (1.0 - logistic),
                    other => set(slope, other, 1.0),
                }
            }
        }
    }
    slopes
}

fn set(constants: &mut Constants, learnable: Learnable, x: f64) {
    match learnable {
        Learnable::Recurrent => {}
        Learnable::Decay => constants.decay = x,
        Learnable::DecayLogit => constants.decay = 1.0 - 1.0 / (1.0 + (-x).exp()),
        Learnable::Threshold => constants.threshold = x,
        Learnable::InputGain => constants.input_gain = x,
        Learnable::Drive => constants.drive = x,
        Learnable::VReset => constants.v_reset = x,
        Learnable::TraceDecay => constants.trace_decay = x,
        Learnable::SynapseDecay => constants.synapse_decay = x,
        Learnable::SynapseGain => constants.synapse_gain = x,
        Learnable::AdaptationDecay => constants.adaptation_decay = x,
        Learnable::AdaptationScale => constants.adaptation_scale = x,
    }
}

impl Place {
    fn learnable(&self, network: &CellNetwork) -> Option<Learnable> {
        network.learnables().get(self.input.checked_sub(2)?).copied()
    }
}

impl<'a> Layer<'a> {
    fn new(network: &CellNetwork, layer: usize, own: &'a [Tensor<f64>]) -> Self {
        let neurons = own[1].len();
        let mut constants = vec![Constants::of(network.cell()); neurons];
        let mut recurrent = None;
        for (&learnable, values) in network.learnables().iter().zip(&own[2..]) {
            if learnable == Learnable::Recurrent {
                recurrent = Some(values.as_slice());
                continue;
            }
            for (n, constants) in constants.iter_mut().enumerate() {
                set(constants, learnable, values.as_slice()[if values.len() == 1 { 0 } else { n }]);
            }
        }
        let inputs = network.extents().sizes[layer];
        Self { weight: own[0].as_slice(), bias: own[1].as_slice(), recurrent, constants, inputs }
    }

    fn at_rest(&self) -> Vec<State> {
        vec![State::default(); self.constants.len()]
    }

    fn unmoved(&self) -> Vec<Carried> {
        vec![Carried::default(); self.constants.len()]
    }

    /// `J = W x + b + V o[t-1]`, for each neuron.
    fn currents(&self, received: &[f64], before: &[State]) -> Vec<f64> {
        let outputs: Vec<f64> = before.iter().map(|s| s.carried.output).collect();
        (0..self.constants.len()).map(|n| self.weighted(n, received, &outputs) + self.bias[n]).collect()
    }

    /// The part of `dJ/dp` that comes from the layer's inputs and from its own outputs of the step before.
    fn current_tangent(&self, n: usize, d_received: &[f64], d_before: &[Carried]) -> f64 {
        let d_outputs: Vec<f64> = d_before.iter().map(|d| d.output).collect();
        self.weighted(n, d_received, &d_outputs)
    }

    fn weighted(&self, n: usize, received: &[f64], outputs: &[f64]) -> f64 {
        let row = &self.weight[n * self.inputs..][..self.inputs];
        let fed = row.iter().zip(received).map(|(w, x)| w * x).sum::<f64>();
        let Some(recurrent) = self.recurrent else { return fed };
        let row = &recurrent[n * outputs.len()..][..outputs.len()];
        fed + row.iter().zip(outputs).map(|(v, o)| v * o).sum::<f64>()
    }

    /// The part of `dJ/dp` that comes from `p` being a weight or a bias of this neuron.
    fn current_slope(
        &self,
        network: &CellNetwork,
        here: Option<&Place>,
        n: usize,
        received: &[f64],
        before: &[State],
    ) -> f64 {
        let Some(place) = here else { return 0.0 };
        let of_row = |width: usize| (place.entry / width == n).then_some(place.entry % width);
        match place.input {
            0 => of_row(self.inputs).map_or(0.0, |k| received[k]),
            1 => f64::from(u8::from(place.entry == n)),
            _ if place.learnable(network) == Some(Learnable::Recurrent) => {
                of_row(before.len()).map_or(0.0, |m| before[m].carried.output)
            }
            _ => 0.0,
        }
    }
}
