//! Whole sequences as one operation on the tape: of a cell, and of a network driven by spikes.

mod block;
mod events;
mod network;
mod pool;
mod recurrence;
mod replay;
#[cfg(test)]
mod tests;
mod train;
#[cfg(test)]
mod worst_case;

use crate::table::words;
use crate::{Cell, Result, SnnError};
use block::{Current, Plane};
pub use network::{EventPath, FusedLayer, FusedNetwork, NetworkOutput};
use recurrence::Recurrence;
use replay::{History, Mode};
use resurge_autodiff::ops::OpCase;
use resurge_autodiff::{Anchor, Contributions, Op, OpMode, Saved, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Shape, Tensor};
use smallvec::smallvec;
use std::sync::Arc;
pub use train::SpikeTrain;

type OpResult<T> = resurge_autodiff::Result<T>;

/// What a fused cell hands on.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Cell, CellOutput, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?); // trace decay 0.5
/// let mut tape = Tape::<f64>::new();
/// let current = tape.leaf(Tensor::from_vec([2, 1, 1], vec![2.0, 0.0])?);
/// let [spikes, traces] = [CellOutput::Spikes, CellOutput::Traces].map(|of| cell.run_fused(&mut tape, current, of));
/// assert_eq!(tape.value(spikes?)?.as_slice(), [1.0, 0.0]);
/// assert_eq!(tape.value(traces?)?.as_slice(), [0.5, 0.25]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellOutput {
    /// The spikes `o[t]`.
    Spikes,
    /// The traces `a[t]`, equation (3).
    #[default]
    Traces,
}

words!("output", CellOutput { Spikes = "spikes", Traces = "traces" });

#[derive(Debug, Clone)]
struct FusedCell {
    cell: Cell,
    output: CellOutput,
    /// What a current that stands still is multiplied by in each step; none where every step has its own.
    factors: Option<Arc<[f64]>>,
}

impl FusedCell {
    /// The recurrence: [`Cell::run_fused`] has made sure that there is one.
    fn recurrence<S: Scalar>(&self) -> OpResult<Recurrence<S>> {
        Recurrence::of_operation(&self.cell, "fused_cell")
    }

    fn factors<S: Scalar>(&self) -> Option<Vec<S>> {
        Some(self.factors.as_ref()?.iter().map(|&factor| S::from_f64(factor)).collect())
    }

    /// The shape of the output on such a current.
    fn shape(&self, current: &Shape) -> Shape {
        let steps = self.factors.iter().map(|factors| factors.len());
        steps.chain(current.iter().copied()).collect::<Vec<_>>().as_slice().into()
    }

    /// The one input.
    fn current<'a, S: Scalar>(&self, inputs: &[&'a Tensor<S>]) -> OpResult<&'a Tensor<S>> {
        let [current] = expect_inputs(Op::<S>::name(self), inputs)?;
        Ok(current)
    }

    /// The current of every step.
    fn every_step<S: Scalar>(&self, current: &Tensor<S>) -> OpResult<Tensor<S>> {
        let Some(factors) = self.factors::<S>() else { return Ok(current.clone()) };
        let values = factors.iter().flat_map(|&factor| current.as_slice().iter().map(move |&x| x * factor));
        Ok(Tensor::from_vec(self.shape(current.shape()), values.collect())?)
    }

    /// The transpose of [`every_step`](Self::every_step).
    fn share<S: Scalar>(&self, gradient: Tensor<S>, shape: &Shape) -> OpResult<Tensor<S>> {
        let Some(factors) = self.factors::<S>() else { return Ok(gradient) };
        let mut sum = Tensor::zeros(shape)?;
        let rows = gradient.as_slice().chunks_exact(sum.len().max(1));
        for (row, factor) in rows.zip(factors).rev() {
            sum.as_mut_slice().iter_mut().zip(row).for_each(|(sum, &x)| *sum += x * factor);
        }
        Ok(sum)
    }

    fn replay<S: Scalar>(
        &self,
        inputs: &[&Tensor<S>],
        anchor: Option<&Anchor<S>>,
    ) -> OpResult<(Tensor<S>, Saved)> {
        let recurrence = self.recurrence()?;
        let current = self.every_step(self.current(inputs)?)?;
        let base = anchor.map(|anchor| self.every_step(anchor.input()?)).transpose()?;
        let mode = base.as_ref().map_or(Mode::Smooth, |base| Mode::Anchored(base.as_slice()));
        let plane = Plane::of(&current);
        let history = History::run(&recurrence, current.as_slice(), plane, mode);
        let value = history.output(&recurrence, self.output, current.shape(), plane)?;
        let pieces = history.pieces(&recurrence);
        Ok((value, Saved { state: Some(Arc::new(history)), pieces: Some(pieces) }))
    }
}

impl<S: Scalar> Op<S> for FusedCell {
    fn name(&self) -> &'static str {
        match self.output {
            CellOutput::Spikes => "fused_spikes",
            CellOutput::Traces => "fused_traces",
        }
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        let (input, factors) = (self.current(inputs)?, self.factors());
        let current = Current::of(input, factors.as_deref());
        block::forward(&self.recurrence()?, current, self.output, &self.shape(input.shape()))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> OpResult<Contributions<S>> {
        let recurrence = self.recurrence()?;
        let of_traces = self.output == CellOutput::Traces;
        let input = self.current(at.inputs)?;
        let shape = input.shape();
        let gradient = match at.saved::<History<S>>() {
            Some(history) => {
                let current = self.every_step(input)?;
                self.share(history.vjp(&recurrence, &current, at.cotangent, of_traces)?, shape)?
            }
            None => {
                let factors = self.factors();
                let current = Current::of(input, factors.as_deref());
                block::vjp(&recurrence, current, at.cotangent, of_traces, shape)?
            }
        };
        Ok(smallvec![Some(gradient.into())])
    }

    fn is_surrogate(&self) -> bool {
        true
    }

    fn smooth(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        Ok(self.replay(inputs, None)?.0)
    }

    /// Equations (7) and (8) at every step, around the real run at the recorded current.
    fn anchored(&self, inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> OpResult<Tensor<S>> {
        Ok(self.replay(inputs, Some(anchor))?.0)
    }

    fn evaluate(&self, inputs: &[&Tensor<S>], at: OpMode<'_, S>) -> OpResult<(Tensor<S>, Saved)> {
        match at {
            // The reverse pass runs the recurrence again: cheaper than to write and read all potentials.
            OpMode::Real => Ok((self.forward(inputs)?, Saved::default())),
            OpMode::Smooth => self.replay(inputs, None),
            OpMode::Anchored(anchor) => self.replay(inputs, Some(anchor)),
        }
    }

    fn pieces(&self, inputs: &[&Tensor<S>], pieces: &mut Vec<i8>) {
        if self.cell.surrogate().is_smooth() {
            return;
        }
        let current = self.current(inputs).and_then(|input| self.every_step(input));
        if let (Ok(recurrence), Ok(current)) = (self.recurrence(), current) {
            let run = History::run(&recurrence, current.as_slice(), Plane::of(&current), Mode::Real);
            pieces.extend(run.pieces(&recurrence));
        }
    }

    fn detail(&self) -> Option<String> {
        let (reset, rule) = (self.cell.reset().name(), self.cell.reset_gradient().name());
        Some(format!("{}, reset {reset}, {rule}", self.cell.surrogate().name()))
    }
}

impl Cell {
    /// Runs the cell on an input current `[T, B, features...]` as one operation, with the adjoint of equation (6) (or
    /// its form for the cell's reset and gradient) written out: the fast form of [`Cell::run`]. The result is a
    /// sequence of the input's shape.
    ///
    /// Values agree with those of [`Cell::run`] to the bit, but for the sign of a zero; gradients to rounding, since
    /// terms are summed in another order. Neurons are independent, so the bits depend on no number of threads. None of
    /// this holds for a neuron whose potential is not finite: its gradients are NaN, where [`Cell::run`] has finite ones.
    ///
    /// # Errors
    /// [`SnnError::NotFused`] for a cell with a synapse, an adaptive threshold, a refractory period, a delayed output
    /// or a residual reset, [`SnnError::Sequence`] for an input without time and batch axes or without steps.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, CellOutput, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let mut tape = Tape::new();
    /// let current = tape.leaf(Tensor::full([4, 1, 1], 0.7)?); // [T, B, N]
    /// let spikes = cell.run_fused(&mut tape, current, CellOutput::Spikes)?;
    /// assert_eq!(tape.value(spikes)?.as_slice(), &[0.0, 1.0, 0.0, 1.0]);
    /// let count = tape.sum(spikes)?;
    /// let gradient = tape.backward(count)?;
    /// assert_eq!(gradient.wrt(current)?.shape(), tape.value(current)?.shape());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn run_fused<S: Scalar>(&self, tape: &mut Tape<S>, current: Var, output: CellOutput) -> Result<Var> {
        Recurrence::<S>::of(self)?;
        let shape = tape.value(current)?.shape().clone();
        if shape.rank() < 2 || shape[0] == 0 {
            return Err(SnnError::Sequence { what: "fused cell", shape });
        }
        Ok(tape.apply(FusedCell { cell: *self, output, factors: None }, &[current])?)
    }

    /// As [`run_fused`](Self::run_fused) on a current `[B, features...]` that stands still but for a factor,
    /// `I[t] = factors[t] * current`, such as that of an image which is shown in every step: the current is neither
    /// written nor read `T` times. The result is `[T, B, features...]`.
    ///
    /// # Errors
    /// [`SnnError::NotFused`] as there, [`SnnError::Sequence`] for a current without a batch axis or without steps.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, CellOutput, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let mut tape = Tape::new();
    /// let current = tape.leaf(Tensor::full([1, 1], 0.7)?); // [B, N]
    /// let spikes = cell.run_still(&mut tape, current, &[1.0; 4], CellOutput::Spikes)?;
    /// assert_eq!(tape.value(spikes)?.as_slice(), &[0.0, 1.0, 0.0, 1.0]); // [T, B, N]
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn run_still<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        current: Var,
        factors: &[f64],
        output: CellOutput,
    ) -> Result<Var> {
        Recurrence::<S>::of(self)?;
        let shape = tape.value(current)?.shape().clone();
        let op = FusedCell { cell: *self, output, factors: Some(factors.into()) };
        if shape.rank() < 1 || factors.is_empty() {
            return Err(SnnError::Sequence { what: "fused cell", shape: op.shape(&shape) });
        }
        Ok(tape.apply(op, &[current])?)
    }
}

/// Cells of every reset, gradient and surrogate, on sequences of sizes 0, 1 and more.
pub(crate) fn cases() -> Vec<OpCase> {
    let mut cases = Vec::new();
    for (index, cell) in fused_cells().into_iter().enumerate() {
        let shapes: [&[usize]; 5] = [&[1, 1, 1], &[2, 0, 3], &[6, 1, 2], &[5, 2, 1, 2], &[4, 3]];
        for output in [CellOutput::Spikes, CellOutput::Traces] {
            let shape = shapes[(index + usize::from(output == CellOutput::Traces)) % shapes.len()];
            let still = index % 3 == 0;
            let factors = still.then(|| [0.5, 1.0, 0.75, 1.25][..1 + index % 4].into());
            let op = FusedCell { cell, output, factors };
            cases.push(OpCase::new(op, vec![shape[usize::from(still)..].into()]).within(-1.0, 2.0));
        }
    }
    cases
}

/// A cell for each combination of reset, timing, gradient and surrogate that has a fused form. The constants come in
/// turns whose lengths share no factor, so that every reset, timing and gradient meets every value of them.
fn fused_cells() -> Vec<Cell> {
    use crate::{Firing, Reset, ResetGradient, ResetKind, ResetTiming, ThresholdInSpike};
    let kinds = [
        ResetKind::None,
        ResetKind::ToZero,
        ResetKind::ToValue(-0.3),
        ResetKind::Subtract,
        ResetKind::ToZeroThenAdd(0.1),
    ];
    let timings = [ResetTiming::BeforeDecay, ResetTiming::AfterDecay, ResetTiming::AfterInput];
    let rules = [
        ResetGradient::Full,
        ResetGradient::Detached,
        ResetGradient::Scaled(0.4),
        ResetGradient::SpatialOnly,
    ];
    let mut cells = Vec::new();
    for (index, surrogate) in crate::spike::surrogates().enumerate() {
        for (kind, timing) in kinds.into_iter().flat_map(|kind| timings.map(|timing| (kind, timing))) {
            for rule in rules {
                let n = cells.len();
                let firing = [Firing::Above, Firing::AtOrAbove, Firing::Repeatedly][(index + n) % 3];
                let in_spike = [ThresholdInSpike::Attached, ThresholdInSpike::Relative][n % 17 % 2];
                let cell = Cell::lif(surrogate)
                    .with_reset(Reset { kind, timing })
                    .and_then(|cell| cell.with_threshold(0.7))
                    .and_then(|cell| cell.with_input_gain([1.0, 0.6, 1.3][n % 7 % 3]))
                    .and_then(|cell| cell.with_drive([0.0, 0.1][n % 11 % 2]))
                    .and_then(|cell| cell.with_initial_potential([0.0, 0.5, -0.25][n % 13 % 3]))
                    .and_then(|cell| cell.with_trace_decay([0.5, 0.0, 0.3][n % 19 % 3]))
                    .map(|cell| cell.with_reset_gradient(rule).with_firing(firing))
                    .map(|cell| cell.with_threshold_in_spike(in_spike));
                cells.extend(cell);
            }
        }
        let options = Cell::integrate_and_fire(surrogate)
            .with_input_gain(0.6)
            .and_then(|cell| cell.with_drive(0.1))
            .and_then(|cell| cell.with_initial_potential(0.5))
            .and_then(|cell| cell.with_threshold(0.8));
        cells.extend(options.map(|cell| cell.with_threshold_in_spike(ThresholdInSpike::Relative)));
    }
    cells
}
