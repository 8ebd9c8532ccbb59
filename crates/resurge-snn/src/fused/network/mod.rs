//! A feed-forward network of linear layers and cells as one operation on the tape, driven by spikes.

mod options;
mod parts;
mod replay;
mod sweep;
#[cfg(test)]
mod tests;

pub use parts::{EventPath, FusedLayer, NetworkOutput};

use super::pool::Pool;
use super::recurrence::Recurrence;
use super::{CellOutput, OpResult};
use crate::{Cell, Firing, Result, SnnError, SpikeTrain};
use replay::Chain;
use resurge_autodiff::{Anchor, AutodiffError, Contributions, Op, OpMode, Saved, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Shape, Tensor, TensorError};
use std::sync::Arc;
use sweep::Run;

/// A feed-forward network, `I[t] = W a[t] + b` into a cell, layer after layer, which runs whole sequences of spikes as
/// one operation with the adjoint of equation (6) written out: the fast form of [`linear`](crate::linear) and
/// [`Cell::run`] in turns.
///
/// * Spikes are few: `W o` is the sum of the weight rows at their positions, `dW` that of the adjoint rows. Above a
///   measured density a matrix product takes over ([`EventPath`]).
/// * Layers exchange traces `a` ([`Cell::trace_decay`]) as in the paper; since filter and weights commute, it is the
///   current that is filtered, and the events remain.
/// * A block of samples passes through some steps of all layers while these stay in the cache. Between the forward and
///   the backward pass the network keeps its potentials, `T B N` numbers a layer; or, with
///   [`with_checkpoints`](Self::with_checkpoints), the states between segments of time.
/// * Buffers of a pass are kept for the next one, until the network and its clones are dropped.
/// * Gradients are summed in an order that the sizes alone determine: the same bits for any number of threads.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Cell, CellOutput, FusedNetwork, NetworkOutput, SpikeTrain, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?).with_trace_decay(0.0)?;
/// let network = FusedNetwork::new([cell, cell])?.with_output(NetworkOutput::Sum(CellOutput::Spikes));
/// let input = SpikeTrain::from_tensor(&Tensor::full([10, 1, 3], 1.0_f64)?)?; // [T, B, N]
/// let mut tape = Tape::new();
/// let hidden = tape.leaf(Tensor::full([4, 3], 0.4)?);
/// let output = tape.leaf(Tensor::full([2, 4], 0.3)?);
/// let counts = network.run(&mut tape, &input, &[hidden.into(), output.into()])?; // [B, N]
/// let loss = tape.sum(counts)?;
/// assert_eq!(tape.value(counts)?.as_slice(), &[10.0, 10.0]);
/// assert_eq!(tape.backward(loss)?.wrt(hidden)?.shape().to_vec(), [4, 3]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FusedNetwork {
    cells: Vec<Cell>,
    input_trace: f64,
    output: NetworkOutput,
    path: EventPath,
    segment: Option<usize>,
    pool: Pool,
}

impl FusedNetwork {
    /// A network of one cell a layer, the input's side first.
    ///
    /// # Errors
    /// [`SnnError::NotFused`] for no layer, and for a cell that has no fused form ([`Cell::run_fused`]), fires
    /// several times in a step, or has a reset that acts on the input of the next step, too.
    ///
    /// ```
    /// use resurge_snn::{Cell, FusedNetwork, Surrogate};
    ///
    /// assert_eq!(FusedNetwork::new([Cell::lif(Surrogate::atan(2.0)?); 2])?.cells().len(), 2);
    /// assert!(FusedNetwork::new([]).unwrap_err().to_string().contains("no layer at all"));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn new(cells: impl IntoIterator<Item = Cell>) -> Result<Self> {
        let cells: Vec<Cell> = cells.into_iter().collect();
        if cells.is_empty() {
            return Err(SnnError::NotFused { option: "no layer at all" });
        }
        for cell in &cells {
            if Recurrence::<f64>::of(cell)?.gates_input() {
                return Err(SnnError::NotFused { option: "a reset that gates the input" });
            }
            if cell.firing() == Firing::Repeatedly {
                return Err(SnnError::NotFused { option: "several spikes in a step" });
            }
        }
        let output = NetworkOutput::Sequence(CellOutput::Traces);
        Ok(Self {
            cells,
            input_trace: 0.0,
            output,
            path: EventPath::Auto,
            segment: None,
            pool: Pool::default(),
        })
    }

    /// Runs the network on spikes `[T, B, N]`. The input has no gradient.
    ///
    /// # Errors
    /// [`SnnError::Layer`] for a weight or bias that does not fit its place, and for more or fewer layers than cells.
    ///
    /// ```
    /// # use resurge_autodiff::Tape;
    /// # use resurge_snn::{Cell, FusedNetwork, SpikeTrain, Surrogate};
    /// # use resurge_tensor::Tensor;
    /// let network = FusedNetwork::new([Cell::lif(Surrogate::atan(2.0)?)])?;
    /// let input = SpikeTrain::from_tensor(&Tensor::full([10, 2, 3], 1.0_f64)?)?;
    /// let mut tape = Tape::new();
    /// let weight = tape.leaf(Tensor::full([4, 3], 0.5)?);
    /// let output = network.run(&mut tape, &input, &[weight.into()])?;
    /// assert_eq!(tape.value(output)?.shape(), &[10, 2, 4].into());
    /// assert!(network.run(&mut tape, &input, &[]).is_err()); // no weight for its layer
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn run<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        input: &SpikeTrain,
        layers: &[FusedLayer],
    ) -> Result<Var> {
        if layers.len() != self.cells.len() {
            let (expected, actual) = (self.cells.len(), layers.len());
            return Err(SnnError::LayerCount { expected, actual });
        }
        let mut inputs = input.neurons();
        let mut parameters = Vec::new();
        let mut biased = Vec::new();
        for (layer, &FusedLayer { weight, bias }) in layers.iter().enumerate() {
            let shape = tape.value(weight)?.shape().clone();
            let outputs = shape.first().copied().unwrap_or(0);
            let check = |what, actual: Shape, expected: Shape| match actual == expected {
                true => Ok(()),
                false => Err(SnnError::Layer { layer, what, actual, expected }),
            };
            check("the weight", shape, [outputs, inputs].into())?;
            parameters.push(weight);
            biased.push(bias.is_some());
            if let Some(bias) = bias {
                check("the bias", tape.value(bias)?.shape().clone(), [outputs].into())?;
                parameters.push(bias);
            }
            inputs = outputs;
        }
        let op = NetworkOp { network: Arc::new(self.clone()), input: input.clone(), biased };
        Ok(tape.apply(op, &parameters)?)
    }

    /// The recurrences, and the filter of each layer's input: `beta` and `1 - beta`.
    fn recurrences<S: Scalar>(&self) -> OpResult<Vec<Stage<S>>> {
        let inputs = std::iter::once(self.input_trace).chain(self.cells.iter().map(Cell::trace_decay));
        let layer = |(cell, beta): (&Cell, f64)| {
            let recurrence = Recurrence::of_operation(cell, "fused_network")?;
            Ok((recurrence, (beta != 0.0).then(|| Filter::new(S::from_f64(beta)))))
        };
        self.cells.iter().zip(inputs).map(layer).collect()
    }
}

/// A layer's recurrence, and the filter of its current if its input is a trace.
type Stage<S> = (Recurrence<S>, Option<Filter<S>>);

/// Equation (3) on a layer's current, since it commutes with the weights: `beta` and `1 - beta`.
#[derive(Debug, Clone, Copy)]
struct Filter<S> {
    beta: S,
    gain: S,
}

impl<S: Scalar> Filter<S> {
    fn new(beta: S) -> Self {
        Self { beta, gain: S::one() - beta }
    }

    /// Makes `row` the filtered current, which `state` carries from step to step.
    #[inline(always)]
    fn forward(self, state: &mut [S], row: &mut [S]) {
        for (row, state) in row.iter_mut().zip(state) {
            *state = *state * self.beta + *row * self.gain;
            *row = *state;
        }
    }

    /// The transpose: makes `row` the adjoint of the current from that of the filtered one; `carry` goes back in time.
    #[inline(always)]
    fn reverse(self, carry: &mut [S], row: &mut [S]) {
        for (row, carry) in row.iter_mut().zip(carry) {
            *carry = *carry * self.beta + *row;
            *row = *carry * self.gain;
        }
    }
}

#[derive(Debug, Clone)]
struct NetworkOp {
    network: Arc<FusedNetwork>,
    input: SpikeTrain,
    biased: Vec<bool>,
}

/// Weight and bias of one layer.
#[derive(Debug, Clone, Copy)]
struct Parameters<'a, S> {
    weight: &'a Tensor<S>,
    bias: Option<&'a Tensor<S>>,
}

impl<S: Scalar> Parameters<'_, S> {
    fn outputs(&self) -> usize {
        self.weight.shape()[0]
    }

    fn inputs(&self) -> usize {
        self.weight.shape()[1]
    }
}

fn fits<S: Scalar>(parameter: &Tensor<S>, expected: Shape) -> OpResult<()> {
    match parameter.shape().clone() {
        actual if actual == expected => Ok(()),
        actual => Err(TensorError::Shape { op: "fused_network", expected, actual }.into()),
    }
}

impl NetworkOp {
    fn parameters<'a, S: Scalar>(&self, inputs: &[&'a Tensor<S>]) -> OpResult<Vec<Parameters<'a, S>>> {
        let expected = self.biased.iter().map(|&biased| 1 + usize::from(biased)).sum();
        let count = AutodiffError::InputCount { op: "fused_network", expected, actual: inputs.len() };
        let (mut given, mut below) = (inputs.iter().copied(), self.input.neurons());
        let mut parameters = Vec::new();
        for &biased in &self.biased {
            let weight = given.next().ok_or_else(|| count.clone())?;
            let outputs = weight.shape().first().copied().unwrap_or(0);
            fits(weight, [outputs, below].into())?;
            let bias = if biased { Some(given.next().ok_or_else(|| count.clone())?) } else { None };
            bias.map(|bias| fits(bias, [outputs].into())).transpose()?;
            parameters.push(Parameters { weight, bias });
            below = outputs;
        }
        if given.next().is_some() { Err(count) } else { Ok(parameters) }
    }

    fn replay<S: Scalar>(
        &self,
        inputs: &[&Tensor<S>],
        anchor: Option<&Anchor<S>>,
    ) -> OpResult<(Tensor<S>, Saved)> {
        let base: Option<Vec<&Tensor<S>>> = anchor.map(|anchor| anchor.inputs.iter().collect());
        let base = base.as_ref().map(|inputs| self.parameters(inputs)).transpose()?;
        let chain = Chain::run(&self.network, &self.input, &self.parameters(inputs)?, base.as_deref())?;
        let (value, pieces) = (chain.output(&self.network)?, chain.pieces(&self.network)?);
        Ok((value, Saved { state: Some(Arc::new(chain)), pieces: Some(pieces) }))
    }
}

impl<S: Scalar> Op<S> for NetworkOp {
    fn name(&self) -> &'static str {
        "fused_network"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        Ok(self.evaluate(inputs, OpMode::Real)?.0)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> OpResult<Contributions<S>> {
        let parameters = self.parameters(at.inputs)?;
        if let Some(chain) = at.saved::<Chain<S>>() {
            return chain.vjp(&self.network, &parameters, at.cotangent);
        }
        match at.saved::<Run<S>>() {
            Some(run) => run.vjp(&self.network, &self.input, &parameters, at.cotangent),
            None => {
                let run = Run::forward(&self.network, &self.input, &parameters)?;
                run.vjp(&self.network, &self.input, &parameters, at.cotangent)
            }
        }
    }

    fn is_surrogate(&self) -> bool {
        true
    }

    fn smooth(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        Ok(self.replay(inputs, None)?.0)
    }

    /// Equations (7) and (8) in every layer, around the real run with the recorded parameters.
    fn anchored(&self, inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> OpResult<Tensor<S>> {
        Ok(self.replay(inputs, Some(anchor))?.0)
    }

    fn evaluate(&self, inputs: &[&Tensor<S>], at: OpMode<'_, S>) -> OpResult<(Tensor<S>, Saved)> {
        match at {
            OpMode::Real => {
                let run = Run::forward(&self.network, &self.input, &self.parameters(inputs)?)?;
                Ok((run.output.clone(), Saved { state: Some(Arc::new(run)), pieces: None }))
            }
            OpMode::Smooth => self.replay(inputs, None),
            OpMode::Anchored(anchor) => self.replay(inputs, Some(anchor)),
        }
    }

    fn detail(&self) -> Option<String> {
        Some(format!("{} layers, {} steps", self.network.cells.len(), self.input.steps()))
    }
}
