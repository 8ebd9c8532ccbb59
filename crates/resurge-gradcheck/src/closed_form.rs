//! Equations (1) to (6), and (R) and (B) for the other resets, in plain loops: a second, independent way to loss
//! and gradient.
//!
//! Nothing here uses the tape, its operations or its cells; only the description of the network is shared.

use crate::{GradcheckError, Result};
use resurge_snn::{Cell, Firing, Network, ResetGradient, ResetKind, ResetTiming, SnnError, ThresholdInSpike};
use resurge_tensor::{Tensor, TensorError};

/// Loss and gradient of a network by the closed recurrences.
///
/// ```
/// use resurge_gradcheck::{ClosedForm, closed_form};
/// use resurge_snn::{Cell, Network, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
/// let parameters = network.init(1.5, 0.5, 1)?;
/// let (input, target) = (Tensor::full([5, 1, 3], 0.75)?, Tensor::zeros([5, 1, 2])?); // [T, B, N]
/// let run: ClosedForm = closed_form(&network, &parameters, &input, &target)?;
/// assert_eq!(run.gradient.len(), 2 * 3 + 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedForm {
    /// `0.5 * sum (a - a*)^2`.
    pub loss: f64,
    /// The gradient, flat, in the order of the parameters.
    pub gradient: Vec<f64>,
    /// Spikes over all layers divided by steps, batch and neurons.
    pub firing_rate: f64,
    /// Spikes that another step follows, and so a reset.
    pub resets: usize,
}

/// One layer's sequences, each indexed `[t][b][n]` in one flat vector.
struct LayerRun {
    inputs: usize,
    neurons: usize,
    /// The traces that the layer receives.
    input: Vec<f64>,
    /// What is added to the potential: the input after its gain, with the drive.
    current: Vec<f64>,
    potential: Vec<f64>,
    spike: Vec<f64>,
    trace: Vec<f64>,
}

/// Loss and gradient of `network` for input traces `[T, B, N_in]` and target traces `[T, B, N_out]`, by
/// equations (1) to (3) forward and (4) to (6) backward.
///
/// # Errors
/// [`GradcheckError::NoClosedForm`] for a cell with more state than potential and trace,
/// [`GradcheckError::Snn`] for another number of parameters, and shape errors where parameters, input or target do
/// not fit the network.
///
/// ```
/// use resurge_gradcheck::closed_form;
/// use resurge_snn::{Cell, Network, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let network = Network::new(&[3, 2], Cell::lif(Surrogate::sigmoid(0.2)?))?;
/// let parameters = network.init(1.5, 0.5, 1)?;
/// let (input, target) = (Tensor::full([5, 1, 3], 0.75)?, Tensor::zeros([5, 1, 2])?); // [T, B, N]
/// let run = closed_form(&network, &parameters, &input, &target)?;
/// assert!(run.loss >= 0.0 && run.firing_rate <= 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn closed_form(
    network: &Network,
    parameters: &[Tensor<f64>],
    input: &Tensor<f64>,
    target: &Tensor<f64>,
) -> Result<ClosedForm> {
    let (steps, batch) = check_shapes(network, parameters, input, target)?;
    let cell = network.cell();
    let simple = cell.synapse().is_none()
        && cell.adaptation().is_none()
        && cell.refractory_steps() == 0
        && !cell.output_delay()
        && !cell.residual_reset()
        && cell.firing() == Firing::Above
        && cell.threshold_in_spike() != ThresholdInSpike::Relative;
    if !simple {
        return Err(GradcheckError::NoClosedForm);
    }

    let mut layers: Vec<LayerRun> = Vec::new();
    for (layer, size) in network.sizes().windows(2).enumerate() {
        let received = layers.last().map_or(input.as_slice(), |below| &below.trace);
        let (weight, bias) = (parameters[2 * layer].as_slice(), parameters[2 * layer + 1].as_slice());
        layers.push(forward(&cell, weight, bias, received, size[0], size[1], steps, batch));
    }

    let output = layers.last().map_or(&[][..], |top| &top.trace);
    // dL/da of the top layer is the error itself.
    let mut cotangent: Vec<f64> = output.iter().zip(target.as_slice()).map(|(a, t)| a - t).collect();
    let loss = 0.5 * cotangent.iter().map(|e| e * e).sum::<f64>();

    let mut by_layer: Vec<[Vec<f64>; 2]> = Vec::new();
    for (layer, run) in layers.iter().enumerate().rev() {
        let to_current = input_current_gradient(&cell, run, &cotangent, steps, batch);
        by_layer.push(parameter_gradient(run, &to_current, steps * batch));
        cotangent = input_gradient(run, &to_current, parameters[2 * layer].as_slice(), steps * batch);
    }
    by_layer.reverse();

    let spikes: f64 = layers.iter().flat_map(|l| &l.spike).sum();
    let sites: usize = layers.iter().map(|l| l.spike.len()).sum();
    Ok(ClosedForm {
        loss,
        gradient: by_layer.into_iter().flatten().flatten().collect(),
        firing_rate: spikes / sites as f64,
        resets: layers.iter().map(|layer| followed(&layer.spike, steps)).sum(),
    })
}

/// Spikes before the last of the steps, of which there is one at least.
fn followed(spikes: &[f64], steps: usize) -> usize {
    let before_last = spikes.len() / steps * (steps - 1);
    spikes[..before_last].iter().filter(|o| **o != 0.0).count()
}

fn check_shapes(
    network: &Network,
    parameters: &[Tensor<f64>],
    input: &Tensor<f64>,
    target: &Tensor<f64>,
) -> Result<(usize, usize)> {
    let sizes = network.sizes();
    let expected = 2 * (sizes.len() - 1);
    if parameters.len() != expected {
        return Err(SnnError::ParameterCount { expected, actual: parameters.len() }.into());
    }
    let fits = |op, tensor: &Tensor<f64>, expected: resurge_tensor::Shape| {
        if tensor.shape() == &expected {
            return Ok(());
        }
        Err(TensorError::Shape { op, expected, actual: tensor.shape().clone() })
    };
    for (pair, size) in parameters.chunks_exact(2).zip(sizes.windows(2)) {
        fits("closed form weight", &pair[0], [size[1], size[0]].into())?;
        fits("closed form bias", &pair[1], [size[1]].into())?;
    }
    let &[steps, batch, _] = &input.shape()[..] else {
        return Err(TensorError::Rank {
            op: "closed form input",
            expected: 3,
            actual: input.shape().clone(),
        }
        .into());
    };
    if steps == 0 || batch == 0 {
        return Err(SnnError::Sequence { what: "closed form", shape: input.shape().clone() }.into());
    }
    fits("closed form input", input, [steps, batch, sizes[0]].into())?;
    fits("closed form target", target, [steps, batch, sizes[sizes.len() - 1]].into())?;
    Ok((steps, batch))
}

/// Equations (1) to (3).
#[allow(clippy::too_many_arguments)]
fn forward(
    cell: &Cell,
    weight: &[f64],
    bias: &[f64],
    input: &[f64],
    inputs: usize,
    neurons: usize,
    steps: usize,
    batch: usize,
) -> LayerRun {
    let mut run = LayerRun {
        inputs,
        neurons,
        input: input.to_vec(),
        current: Vec::new(),
        potential: Vec::new(),
        spike: Vec::new(),
        trace: Vec::new(),
    };
    let (beta, theta) = (cell.trace_decay(), cell.threshold());
    for t in 0..steps {
        for b in 0..batch {
            for n in 0..neurons {
                let now = (t * batch + b) * neurons + n;
                let row = &input[(t * batch + b) * inputs..][..inputs];
                let weighted =
                    weight[n * inputs..][..inputs].iter().zip(row).map(|(w, a)| w * a).sum::<f64>();
                let current = cell.input_gain() * (weighted + bias[n]) + cell.drive();
                let before = (t > 0).then(|| now - batch * neurons);
                let u = match before {
                    Some(p) => next_potential(cell, run.potential[p], run.spike[p], current),
                    None => cell.decay() * cell.initial_potential() + current,
                };
                let o = if u > theta { 1.0 } else { 0.0 };
                let a = before.map_or(0.0, |p| beta * run.trace[p]) + (1.0 - beta) * o;
                run.current.push(current);
                run.potential.push(u);
                run.spike.push(o);
                run.trace.push(a);
            }
        }
    }
    run
}

/// `R(v, o)` with its two partial derivatives.
fn reset(cell: &Cell, v: f64, o: f64) -> [f64; 3] {
    match cell.reset().kind {
        ResetKind::ToZero => [v * (1.0 - o), 1.0 - o, -v],
        ResetKind::ToValue(v_r) => [v * (1.0 - o) + v_r * o, 1.0 - o, v_r - v],
        ResetKind::ToZeroThenAdd(v_r) => [v * (1.0 - o) + v_r, 1.0 - o, -v],
        ResetKind::Subtract => [v - cell.threshold() * o, 1.0, -cell.threshold()],
        _ => [v, 1.0, 0.0],
    }
}

/// `F(u, o, I)`: equation (R).
fn next_potential(cell: &Cell, u: f64, o: f64, current: f64) -> f64 {
    let lambda = cell.decay();
    match cell.reset().timing {
        ResetTiming::BeforeDecay => lambda * reset(cell, u, o)[0] + current,
        ResetTiming::AfterDecay => reset(cell, lambda * u, o)[0] + current,
        ResetTiming::AfterInput => reset(cell, lambda * u + current, o)[0],
    }
}

/// `F_u`, `F_o` and `F_I` at `(u[t], o[t], I[t+1])`.
fn partials(cell: &Cell, u: f64, o: f64, current: f64) -> [f64; 3] {
    let lambda = cell.decay();
    match cell.reset().timing {
        ResetTiming::BeforeDecay => {
            let [_, r_v, r_o] = reset(cell, u, o);
            [lambda * r_v, lambda * r_o, 1.0]
        }
        ResetTiming::AfterDecay => {
            let [_, r_v, r_o] = reset(cell, lambda * u, o);
            [lambda * r_v, r_o, 1.0]
        }
        ResetTiming::AfterInput => {
            let [_, r_v, r_o] = reset(cell, lambda * u + current, o);
            [lambda * r_v, r_o, r_v]
        }
    }
}

/// `dL/dI[t]` for the layer's input `W a_in + b`, from the direct gradient `dL/da[t]`: equations (4) to (6), or (B)
/// for another reset, with the trace adjoint.
fn input_current_gradient(
    cell: &Cell,
    run: &LayerRun,
    trace_gradient: &[f64],
    steps: usize,
    batch: usize,
) -> Vec<f64> {
    let (beta, theta) = (cell.trace_decay(), cell.threshold());
    let alpha = cell.reset_gradient().alpha();
    let width = batch * run.neurons;
    let mut to_current = vec![0.0; steps * width];
    // delta[t+1], and the gradient that reaches a[t], later steps included: dL/da[t] + beta * (the same at t + 1).
    let mut delta = vec![0.0; width];
    let mut through_trace = vec![0.0; width];
    for t in (0..steps).rev() {
        #[allow(clippy::needless_range_loop)] // i indexes five sequences at once
        for i in 0..width {
            let now = t * width + i;
            through_trace[i] = trace_gradient[now] + beta * through_trace[i];
            let eps = (1.0 - beta) * through_trace[i];
            let (u, o) = (run.potential[now], run.spike[now]);
            let g = cell.surrogate().derivative(u - theta);
            let carried = if t + 1 < steps && cell.reset_gradient() != ResetGradient::SpatialOnly {
                let [f_u, f_o, _] = partials(cell, u, o, run.current[now + width]);
                (f_u + alpha * g * f_o) * delta[i]
            } else {
                0.0
            };
            delta[i] = eps * g + carried;
            let enters = if t > 0 {
                let before = now - width;
                partials(cell, run.potential[before], run.spike[before], run.current[now])[2]
            } else {
                1.0
            };
            to_current[now] = cell.input_gain() * enters * delta[i];
        }
    }
    to_current
}

/// `dL/dW = sum dL/dI[t] a_in[t]` and `dL/db = sum dL/dI[t]`.
fn parameter_gradient(run: &LayerRun, to_current: &[f64], rows: usize) -> [Vec<f64>; 2] {
    let mut weight = vec![0.0; run.neurons * run.inputs];
    let mut bias = vec![0.0; run.neurons];
    for row in 0..rows {
        let input = &run.input[row * run.inputs..][..run.inputs];
        for n in 0..run.neurons {
            let d = to_current[row * run.neurons + n];
            bias[n] += d;
            for (w, a) in weight[n * run.inputs..][..run.inputs].iter_mut().zip(input) {
                *w += d * a;
            }
        }
    }
    [weight, bias]
}

/// `dL/da_in[t] = W' dL/dI[t]`.
fn input_gradient(run: &LayerRun, to_current: &[f64], weight: &[f64], rows: usize) -> Vec<f64> {
    let mut gradient = vec![0.0; rows * run.inputs];
    for row in 0..rows {
        for n in 0..run.neurons {
            let d = to_current[row * run.neurons + n];
            for i in 0..run.inputs {
                gradient[row * run.inputs + i] += d * weight[n * run.inputs + i];
            }
        }
    }
    gradient
}

#[cfg(test)]
mod tests;
