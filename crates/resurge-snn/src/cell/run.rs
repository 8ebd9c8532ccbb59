//! The recurrence of a cell, step by step on the tape.

use super::parameters::one_minus;
use super::{Cell, CellParameters, ThresholdInSpike};
use crate::refractory::{rested, resting};
use crate::{Firing, ResetGradient, ResetKind, ResetTiming, Result, SnnError, spike};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// What a cell did with a sequence, one entry a time step, each of shape `[B, N]`.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Cell, CellRun, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let cell = Cell::lif(Surrogate::sigmoid(0.2)?).with_decay(0.5)?;
/// let mut tape = Tape::new();
/// let current = tape.leaf(Tensor::full([3, 1, 1], 0.75)?); // [T, B, N]
/// let run: CellRun = cell.run(&mut tape, current)?;
/// let spikes = tape.stack(&run.spikes)?;
/// assert_eq!(tape.value(spikes)?.as_slice(), &[0.0, 1.0, 0.0]); // 0.75, 1.125, and 0.75 after the reset
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CellRun {
    /// The membrane potential `u[t]`, before a reset in the same step.
    pub potentials: Vec<Var>,
    /// The spikes `o[t]`.
    pub spikes: Vec<Var>,
    /// What the cell hands on: the spikes, or those of the step before.
    pub outputs: Vec<Var>,
    /// The post-synaptic trace `a[t]` of the outputs.
    pub traces: Vec<Var>,
}

/// What a cell carries from one step to the next.
#[derive(Clone, Copy)]
struct State {
    potential: Var,
    spike: Var,
    threshold: Var,
    /// The spikes that a residual reset has taken off already.
    residual: Option<Var>,
}

impl Cell {
    /// Runs the cell on an input current `[T, B, N]` with its own constants.
    ///
    /// # Errors
    /// [`SnnError::Sequence`] for an input without time and batch axes or without steps, and those of
    /// [`check`](Self::check).
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let cell = Cell::lif(Surrogate::sigmoid(0.2)?).with_decay(0.5)?;
    /// let mut tape = Tape::new();
    /// let current = tape.leaf(Tensor::full([3, 1, 1], 0.75)?); // [T, B, N]
    /// let run = cell.run(&mut tape, current)?;
    /// assert_eq!(tape.value(run.potentials[1])?.as_slice(), &[1.125]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn run<S: Scalar>(&self, tape: &mut Tape<S>, current: Var) -> Result<CellRun> {
        let parameters = self.parameters(tape);
        self.run_with(tape, current, &parameters)
    }

    /// Runs the cell on an input current `[T, B, N]` with the given parameters.
    ///
    /// # Errors
    /// As [`run`](Self::run), and shape errors where a parameter does not broadcast to `[B, N]`.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let cell = Cell::lif(Surrogate::sigmoid(0.2)?).with_decay(0.5)?;
    /// let mut tape = Tape::new();
    /// let current = tape.leaf(Tensor::full([3, 1, 1], 0.75)?); // [T, B, N]
    /// let mut parameters = cell.parameters(&mut tape);
    /// parameters.threshold = tape.leaf(Tensor::scalar(2.0)); // to be learned
    /// let run = cell.run_with(&mut tape, current, &parameters)?;
    /// assert_eq!(tape.value(run.spikes[1])?.as_slice(), &[0.0]);
    /// assert!(tape.backward(run.spikes[1])?.wrt(parameters.threshold)?.sum() < 0.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn run_with<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        current: Var,
        parameters: &CellParameters,
    ) -> Result<CellRun> {
        let shape = tape.value(current)?.shape().clone();
        if shape.rank() < 2 || shape[0] == 0 {
            return Err(SnnError::Sequence { what: "spiking cell", shape });
        }
        self.check()?;
        let silence = tape.constant(Tensor::zeros(&shape[1..])?);
        let trace = filter_constants(tape, parameters.trace_decay)?;
        let mut run = CellRun::default();
        let mut state: Option<State> = None;
        let (mut synapse, mut adaptation, mut count) = (None, None, None);
        for t in 0..shape[0] {
            let input = tape.select(current, t)?;
            let input = self.add_recurrent(tape, parameters, input, run.outputs.last().copied())?;
            let input = filter_current(tape, parameters, &mut synapse, input)?;
            let (u, residual) = match &state {
                Some(state) => self.integrate(tape, parameters, state, input)?,
                None => (first_step(tape, parameters, input)?, None),
            };
            tape.label(u, "u", Some(t))?;
            let before = state.map(|s| s.spike);
            let threshold = self.adapt(tape, parameters, &mut adaptation, before)?;
            let o = self.fire(tape, u, threshold, before, &mut count)?;
            tape.label(o, "o", Some(t))?;
            let output = if self.output_delay { before.unwrap_or(silence) } else { o };
            let a = filter_trace(tape, trace, run.traces.last().copied(), output)?;
            tape.label(a, "a", Some(t))?;
            state = Some(State { potential: u, spike: o, threshold, residual });
            run.potentials.push(u);
            run.spikes.push(o);
            run.outputs.push(output);
            run.traces.push(a);
        }
        Ok(run)
    }

    fn add_recurrent<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        parameters: &CellParameters,
        input: Var,
        output: Option<Var>,
    ) -> Result<Var> {
        let (Some(weight), Some(output)) = (parameters.recurrent, output) else { return Ok(input) };
        let feedback = tape.matmul_transposed(output, false, weight, true)?;
        Ok(tape.add(input, feedback)?)
    }

    /// `u[t]` for t > 0: equation (1), or its form for another reset; and the residual reset that it contains.
    fn integrate<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        parameters: &CellParameters,
        state: &State,
        input: Var,
    ) -> Result<(Var, Option<Var>)> {
        let u = match self.reset_gradient {
            ResetGradient::SpatialOnly => tape.detach(state.potential)?,
            _ => state.potential,
        };
        let input = drive(tape, parameters, input)?;
        match self.reset.timing {
            ResetTiming::BeforeDecay => {
                let m = self.apply_reset(tape, parameters, state, u)?;
                let residual = self.residual(tape, m, state.threshold)?;
                let m = parameters.bounded(tape, m)?;
                let mut kept = tape.mul(m, parameters.decay)?;
                if let Some(residual) = residual {
                    let taken = tape.mul(residual, state.threshold)?;
                    kept = tape.sub(kept, taken)?;
                }
                Ok((tape.add(kept, input)?, residual))
            }
            ResetTiming::AfterDecay => {
                let kept = tape.mul(u, parameters.decay)?;
                let kept = self.apply_reset(tape, parameters, state, kept)?;
                Ok((tape.add(kept, input)?, None))
            }
            ResetTiming::AfterInput => {
                let kept = tape.mul(u, parameters.decay)?;
                let both = tape.add(kept, input)?;
                Ok((self.apply_reset(tape, parameters, state, both)?, None))
            }
        }
    }

    /// `R(v, o)`.
    fn apply_reset<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        parameters: &CellParameters,
        state: &State,
        v: Var,
    ) -> Result<Var> {
        if self.reset.kind == ResetKind::None {
            return Ok(v);
        }
        let o = self.reset_spike(tape, state.spike)?;
        if self.reset.kind == ResetKind::Subtract {
            let taken = match state.residual {
                Some(residual) => tape.sub(o, residual)?,
                None => o,
            };
            let taken = tape.mul(taken, state.threshold)?;
            return Ok(tape.sub(v, taken)?);
        }
        let silent = one_minus(tape, o)?;
        let kept = tape.mul(v, silent)?;
        match (self.reset.kind, parameters.v_reset) {
            (ResetKind::ToValue(_), Some(v_reset)) => {
                let value = tape.mul(o, v_reset)?;
                Ok(tape.add(kept, value)?)
            }
            (ResetKind::ToZeroThenAdd(_), Some(v_reset)) => Ok(tape.add(kept, v_reset)?),
            _ => Ok(kept),
        }
    }

    /// The spike as the reset sees it: this node is where the gradients (4), (5) and (6) part.
    fn reset_spike<S: Scalar>(&self, tape: &mut Tape<S>, o: Var) -> Result<Var> {
        let seen = match self.reset_gradient {
            ResetGradient::Full => return Ok(o),
            ResetGradient::Scaled(alpha) => tape.scale_grad(o, alpha)?,
            ResetGradient::Detached | ResetGradient::SpatialOnly => tape.detach(o)?,
        };
        tape.label(seen, "reset", None)?;
        Ok(seen)
    }

    /// `R[t] = 1[m[t-1] > theta]`, without a gradient: the reset that a potential `m`, still above the threshold
    /// after its own, gets one step later.
    fn residual<S: Scalar>(&self, tape: &mut Tape<S>, m: Var, threshold: Var) -> Result<Option<Var>> {
        if !self.residual_reset {
            return Ok(None);
        }
        let above = tape.sub(m, threshold)?;
        let again = spike(tape, above, self.surrogate, self.firing)?;
        Ok(Some(tape.detach(again)?))
    }

    /// `theta[t]`, from the spike of the step before.
    fn adapt<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        parameters: &CellParameters,
        adaptation: &mut Option<Var>,
        before: Option<Var>,
    ) -> Result<Var> {
        let (Some(decay), Some(scale)) = (parameters.adaptation_decay, parameters.adaptation_scale) else {
            return Ok(parameters.threshold);
        };
        let Some(mut before) = before else { return Ok(parameters.threshold) };
        if parameters.adaptation_detached {
            before = tape.detach(before)?;
        }
        let rate = one_minus(tape, decay)?;
        let rate = tape.mul(rate, scale)?;
        let mut risen = tape.mul(before, rate)?;
        if let Some(previous) = *adaptation {
            let kept = tape.mul(previous, decay)?;
            risen = tape.add(kept, risen)?;
        }
        *adaptation = Some(risen);
        Ok(tape.add(risen, parameters.threshold)?)
    }

    /// Equation (2), with the refractory period: `count` is for how many steps neurons are still silent, from the spikes
    /// of the step before.
    fn fire<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        u: Var,
        threshold: Var,
        before: Option<Var>,
        count: &mut Option<Var>,
    ) -> Result<Var> {
        let seen = match self.threshold_in_spike {
            ThresholdInSpike::Attached => threshold,
            ThresholdInSpike::Detached | ThresholdInSpike::Relative => tape.detach(threshold)?,
        };
        let mut above = tape.sub(u, seen)?;
        if self.threshold_in_spike == ThresholdInSpike::Relative || self.firing == Firing::Repeatedly {
            above = tape.div(above, seen)?;
        }
        let o = spike(tape, above, self.surrogate, self.firing)?;
        let Some(before) = before.filter(|_| self.refractory_steps > 0) else { return Ok(o) };
        let still = resting(tape, self.refractory_steps, before, *count)?;
        *count = Some(still);
        let rested = rested(tape, still)?;
        Ok(tape.mul(o, rested)?)
    }
}

/// `gain * i[t] + drive`.
fn drive<S: Scalar>(tape: &mut Tape<S>, parameters: &CellParameters, input: Var) -> Result<Var> {
    let mut driven = input;
    if let Some(gain) = parameters.input_gain {
        driven = tape.mul(driven, gain)?;
    }
    if let Some(constant) = parameters.drive {
        driven = tape.add(driven, constant)?;
    }
    Ok(driven)
}

/// `i[t] = alpha_s i[t-1] + gain_s J[t]`.
fn filter_current<S: Scalar>(
    tape: &mut Tape<S>,
    parameters: &CellParameters,
    synapse: &mut Option<Var>,
    input: Var,
) -> Result<Var> {
    let Some(decay) = parameters.synapse_decay else { return Ok(input) };
    let mut current = match parameters.synapse_gain {
        Some(gain) => tape.mul(input, gain)?,
        None => input,
    };
    if let Some(before) = *synapse {
        let kept = tape.mul(before, decay)?;
        current = tape.add(kept, current)?;
    }
    *synapse = Some(current);
    Ok(current)
}

/// A decay with the gain `1 - decay` that goes with it.
fn filter_constants<S: Scalar>(tape: &mut Tape<S>, decay: Option<Var>) -> Result<Option<(Var, Var)>> {
    let Some(decay) = decay else { return Ok(None) };
    Ok(Some((decay, one_minus(tape, decay)?)))
}

/// Equation (3).
fn filter_trace<S: Scalar>(
    tape: &mut Tape<S>,
    constants: Option<(Var, Var)>,
    before: Option<Var>,
    output: Var,
) -> Result<Var> {
    let Some((decay, gain)) = constants else { return Ok(output) };
    let new = tape.mul(output, gain)?;
    let Some(before) = before else { return Ok(new) };
    let old = tape.mul(before, decay)?;
    Ok(tape.add(old, new)?)
}

/// `u[0]`, from the initial potential and no spike.
fn first_step<S: Scalar>(tape: &mut Tape<S>, parameters: &CellParameters, input: Var) -> Result<Var> {
    let driven = drive(tape, parameters, input)?;
    let Some(initial) = parameters.initial_potential else { return Ok(driven) };
    let kept = tape.mul(initial, parameters.decay)?;
    Ok(tape.add(kept, driven)?)
}
