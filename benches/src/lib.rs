//! The workloads that are measured side by side with other frameworks: see `benches/peers/performance`.
//!
//! A [`Workload`] is read from a safetensors file that the Python side writes, so that every framework computes on the
//! same weights and data.

pub mod synthetic;

use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use resurge_autodiff::{Gradients, Tape, Var};
use resurge_snn::{
    Cell, CellOutput, FusedLayer, FusedNetwork, NetworkOutput, ResetGradient, SpikeTrain, Surrogate,
    avg_pool2d, conv2d, cross_entropy, flatten, linear,
};
use resurge_tensor::{Conv2d, Tensor, Window2d};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// A network with its data.
#[derive(Debug)]
pub enum Workload {
    /// Two linear layers with cells on spikes: A and B.
    Mlp {
        /// The constants of both cells.
        cell: Cell,
        /// The network with these cells.
        network: FusedNetwork,
        /// The input `[T, B, N]`.
        input: SpikeTrain,
        /// The weights `[out, in]`.
        weights: Vec<Tensor<f32>>,
        /// The class of each sample.
        labels: Vec<usize>,
    },
    /// A cell alone: C.
    Lif {
        /// The cell.
        cell: Cell,
        /// The current `[T, 1, N]`.
        current: Tensor<f32>,
        /// The loss is the sum of the spikes times this.
        cotangent: Tensor<f32>,
    },
    /// The network 15C5-P2-40C5-P2-300-10 on still images: D.
    Conv {
        /// The constants of all cells.
        cell: Cell,
        /// The number of time steps.
        steps: usize,
        /// The images `[B, 1, 28, 28]`.
        images: Tensor<f32>,
        /// The kernels of two convolutions and the weights of two linear layers.
        weights: Vec<Tensor<f32>>,
        /// The class of each sample.
        labels: Vec<usize>,
    },
}

/// What one forward and backward pass computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The loss.
    pub loss: f32,
    /// The gradient of each parameter.
    pub gradients: Vec<Tensor<f32>>,
}

impl Outcome {
    /// The norm of each gradient.
    pub fn norms(&self) -> Vec<f64> {
        let norm = |gradient: &Tensor<f32>| {
            gradient.as_slice().iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt()
        };
        self.gradients.iter().map(norm).collect()
    }
}

impl Workload {
    /// Reads a workload from the bytes of a safetensors file; see `benches/peers/performance` for its tensors.
    ///
    /// # Errors
    /// Where a tensor or a constant is missing or has another type or shape.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let metadata = header.metadata().clone().context("the file has no metadata")?;
        let text = |key: &str| metadata.get(key).with_context(|| format!("no `{key}` in the metadata"));
        let number = |key: &str| -> Result<f64> { text(key)?.parse().with_context(|| format!("`{key}`")) };
        let file = SafeTensors::deserialize(bytes)?;
        let cell = Cell::lif(Surrogate::atan(number("atan_slope")?)?)
            .with_decay(number("decay")?)?
            .with_threshold(number("threshold")?)?
            .with_trace_decay(0.0)?;
        let tensor = |name: &str| floats(&file.tensor(name).with_context(|| format!("tensor `{name}`"))?);
        let weights = |count: usize| (0..count).map(|k| tensor(&format!("w{k}"))).collect::<Result<Vec<_>>>();
        Ok(match text("workload")?.as_str() {
            "mlp" => {
                let network = FusedNetwork::new([cell, cell])?;
                Self::Mlp {
                    cell,
                    network,
                    input: SpikeTrain::from_tensor(&tensor("x")?)?,
                    weights: weights(2)?,
                    labels: labels(&file)?,
                }
            }
            "lif" => Self::Lif {
                cell,
                current: as_sequence(&tensor("current")?)?,
                cotangent: as_sequence(&tensor("cotangent")?)?,
            },
            "conv" => Self::Conv {
                cell,
                steps: text("steps")?.parse()?,
                images: tensor("images")?,
                weights: weights(4)?,
                labels: labels(&file)?,
            },
            other => bail!("unknown workload `{other}`"),
        })
    }

    /// The number of time steps.
    pub fn steps(&self) -> usize {
        match self {
            Self::Mlp { input, .. } => input.steps(),
            Self::Lif { current, .. } => current.shape()[0],
            Self::Conv { steps, .. } => *steps,
        }
    }

    /// Gives all cells this gradient of the reset and, of an MLP, the backward pass checkpoints every so many steps.
    ///
    /// # Errors
    /// Where the cells have no fused form.
    pub fn prepare(&mut self, rule: ResetGradient, checkpoints: Option<usize>) -> Result<()> {
        let (Self::Mlp { cell, .. } | Self::Lif { cell, .. } | Self::Conv { cell, .. }) = self;
        *cell = cell.with_reset_gradient(rule);
        if let Self::Mlp { cell, network, .. } = self {
            *network = FusedNetwork::new([*cell, *cell])?.with_output(NetworkOutput::Sum(CellOutput::Spikes));
            if let Some(steps) = checkpoints {
                *network = network.clone().with_checkpoints(steps);
            }
        }
        Ok(())
    }

    /// One forward and backward pass.
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn run(&self) -> Result<Outcome> {
        self.run_with(|_| ())
    }

    /// Spikes per neuron and step of each layer whose spikes stand on the tape.
    ///
    /// # Errors
    /// Where shapes do not fit.
    pub fn rates(&self) -> Result<Vec<f64>> {
        let mut rates = Vec::new();
        self.run_with(|spikes| rates.push(f64::from(spikes.mean())))?;
        Ok(rates)
    }

    fn run_with(&self, see: impl FnMut(&Tensor<f32>)) -> Result<Outcome> {
        match self {
            Self::Mlp { network, input, weights, labels, .. } => mlp(network, input, weights, labels, see),
            Self::Lif { cell, current, cotangent } => lif(*cell, current, cotangent, see),
            Self::Conv { cell, steps, images, weights, labels } => {
                conv(*cell, *steps, images, weights, labels, see)
            }
        }
    }
}

/// The line of least squares through some points: its slope, its value at 0, and the largest residual relative to the
/// point.
///
/// ```
/// let (slope, at_zero, residual) = resurge_benches::line(&[(1.0, 5.0), (2.0, 7.0), (4.0, 11.0)]);
/// assert!((slope - 2.0).abs() < 1e-12 && (at_zero - 3.0).abs() < 1e-12 && residual < 1e-12);
/// ```
pub fn line(points: &[(f64, f64)]) -> (f64, f64, f64) {
    let n = points.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let slope = covariance / points.iter().map(|p| (p.0 - x) * (p.0 - x)).sum::<f64>();
    let at_zero = y - slope * x;
    let residual = points.iter().map(|p| ((at_zero + slope * p.0 - p.1) / p.1).abs()).fold(0.0, f64::max);
    (slope, at_zero, residual)
}

fn mlp(
    network: &FusedNetwork,
    spikes: &SpikeTrain,
    weights: &[Tensor<f32>],
    labels: &[usize],
    mut see: impl FnMut(&Tensor<f32>),
) -> Result<Outcome> {
    let mut tape = Tape::new();
    let leaves: Vec<Var> = weights.iter().map(|w| tape.leaf(w.clone())).collect();
    let layers: Vec<FusedLayer> = leaves.iter().map(|&w| w.into()).collect();
    let counts = network.run(&mut tape, spikes, &layers)?;
    let loss = cross_entropy(&mut tape, counts, labels)?;
    see(&tape.value(counts)?.scale(1.0 / spikes.steps() as f32));
    outcome(&tape, loss, &leaves)
}

fn lif(
    cell: Cell,
    current: &Tensor<f32>,
    cotangent: &Tensor<f32>,
    mut see: impl FnMut(&Tensor<f32>),
) -> Result<Outcome> {
    let mut tape = Tape::new();
    let current = tape.leaf(current.clone());
    let spikes = cell.run_fused(&mut tape, current, CellOutput::Spikes)?;
    // sum(o c) has the gradient c.
    let gradients = tape.vjp(spikes, cotangent.clone())?;
    let spikes = tape.value(spikes)?;
    const PART: usize = 1 << 16;
    let parts = spikes.as_slice().par_chunks(PART).zip(cotangent.as_slice().par_chunks(PART));
    let loss: f64 = parts.map(|(o, c)| dot(o, c)).collect::<Vec<f64>>().into_iter().sum();
    see(spikes);
    Ok(Outcome { loss: loss as f32, gradients: read(&gradients, &[current])? })
}

/// The sum of products, on 16 lanes so that it can be vector code.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0_f32; 16];
    let (a, b) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.0.iter().zip(b.0) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest = a.1.iter().zip(b.1).map(|(a, b)| f64::from(a * b));
    lanes.iter().map(|&lane| f64::from(lane)).chain(rest).sum()
}

fn conv(
    cell: Cell,
    steps: usize,
    images: &Tensor<f32>,
    weights: &[Tensor<f32>],
    labels: &[usize],
    mut see: impl FnMut(&Tensor<f32>),
) -> Result<Outcome> {
    ensure!(weights.len() == 4, "four weights");
    let mut tape = Tape::new();
    let leaves: Vec<Var> = weights.iter().map(|w| tape.leaf(w.clone())).collect();
    let window = Window2d::new([2, 2]);
    let mut signal = tape.constant(images.clone());
    for (layer, &weight) in leaves.iter().enumerate() {
        signal = if layer == 0 {
            // The image stands still, and so does its convolution.
            let current = tape.conv2d(signal, weight, Conv2d::new())?;
            cell.run_still(&mut tape, current, &vec![1.0; steps], CellOutput::Spikes)?
        } else {
            let current = match layer {
                1 => conv2d(&mut tape, signal, weight, None, Conv2d::new())?,
                2 => {
                    let flat = flatten(&mut tape, signal)?;
                    linear(&mut tape, flat, weight, None)?
                }
                _ => linear(&mut tape, signal, weight, None)?,
            };
            cell.run_fused(&mut tape, current, CellOutput::Spikes)?
        };
        see(tape.value(signal)?);
        if layer < 2 {
            signal = avg_pool2d(&mut tape, signal, window)?;
        }
    }
    let counts = tape.sum_axis(signal, 0)?;
    let loss = cross_entropy(&mut tape, counts, labels)?;
    outcome(&tape, loss, &leaves)
}

fn outcome(tape: &Tape<f32>, loss: Var, leaves: &[Var]) -> Result<Outcome> {
    let gradients = tape.backward(loss)?;
    let loss = tape.value(loss)?.item().context("a loss of one number")?;
    Ok(Outcome { loss, gradients: read(&gradients, leaves)? })
}

fn read(gradients: &Gradients<f32>, leaves: &[Var]) -> Result<Vec<Tensor<f32>>> {
    leaves.iter().map(|&leaf| Ok(gradients.wrt(leaf)?.clone())).collect()
}

/// `[T, N]` as `[T, 1, N]`.
fn as_sequence(matrix: &Tensor<f32>) -> Result<Tensor<f32>> {
    let &[steps, neurons] = &matrix.shape()[..] else { bail!("a matrix [T, N] is needed") };
    Ok(matrix.reshape([steps, 1, neurons])?)
}

fn floats(view: &TensorView<'_>) -> Result<Tensor<f32>> {
    let values = match view.dtype() {
        Dtype::U8 => view.data().iter().map(|&byte| f32::from(byte)).collect(),
        Dtype::F32 => view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        other => bail!("expected F32 or U8 values, found {other:?}"),
    };
    Ok(Tensor::from_vec(view.shape(), values)?)
}

fn labels(file: &SafeTensors<'_>) -> Result<Vec<usize>> {
    let view = file.tensor("labels")?;
    ensure!(view.dtype() == Dtype::I64, "labels must be I64");
    let labels = view.data().as_chunks().0.iter().map(|&bytes| usize::try_from(i64::from_le_bytes(bytes)));
    Ok(labels.collect::<Result<_, _>>()?)
}
