//! The leaky integrate-and-fire cell with a post-synaptic trace, composed of operations on the tape.

use crate::error::check;
use crate::{Reset, ResetGradient, Result, SnnError, Surrogate, spike};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Scalar;

/// A leaky integrate-and-fire cell: equations (1) to (3).
///
/// This is the definition: plain operations, one step after the other, with the reset gradient visible on the
/// tape as a `detach` or a `scale_grad` node on the reset edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lif {
    decay: f64,
    trace_decay: f64,
    threshold: f64,
    surrogate: Surrogate,
    reset: Reset,
    reset_gradient: ResetGradient,
}

/// What a cell did with a sequence, one entry a time step, each of shape `[B, N]`.
#[derive(Debug, Clone, Default)]
pub struct LifRun {
    /// The membrane potential `u[t]` before the reset.
    pub potentials: Vec<Var>,
    /// The spikes `o[t]`.
    pub spikes: Vec<Var>,
    /// The post-synaptic trace `a[t]`.
    pub traces: Vec<Var>,
}

impl Lif {
    /// A cell with the paper's toy-task constants: threshold 1, membrane decay `1 - 1/5`, trace decay
    /// `1 - 1/2`, reset to zero, full gradient.
    pub fn new(surrogate: Surrogate) -> Self {
        Self {
            decay: 0.8,
            trace_decay: 0.5,
            threshold: 1.0,
            surrogate,
            reset: Reset::ToZero,
            reset_gradient: ResetGradient::Full,
        }
    }

    /// The same cell with another membrane decay, `lambda = 1 - 1/tau_m` (per step).
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless it lies in `0..=1`.
    pub fn with_decay(self, decay: f64) -> Result<Self> {
        let decay = check("membrane decay", decay, "between 0 and 1", (0.0..=1.0).contains(&decay))?;
        Ok(Self { decay, ..self })
    }

    /// The same cell with another trace decay, `beta_s = 1 - 1/tau_s` (per step); 0 makes the trace the spike.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless it lies in `0..1`.
    pub fn with_trace_decay(self, trace_decay: f64) -> Result<Self> {
        let holds = (0.0..1.0).contains(&trace_decay);
        let trace_decay = check("trace decay", trace_decay, "at least 0 and less than 1", holds)?;
        Ok(Self { trace_decay, ..self })
    }

    /// The same cell with another threshold, in units of the potential.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless it is positive and finite.
    pub fn with_threshold(self, threshold: f64) -> Result<Self> {
        let threshold = check("threshold", threshold, "positive and finite", threshold > 0.0)?;
        Ok(Self { threshold, ..self })
    }

    /// The same cell with another surrogate.
    #[must_use]
    pub fn with_surrogate(self, surrogate: Surrogate) -> Self {
        Self { surrogate, ..self }
    }

    /// The same cell with another reset.
    #[must_use]
    pub fn with_reset(self, reset: Reset) -> Self {
        Self { reset, ..self }
    }

    /// The same cell with another gradient of the reset.
    #[must_use]
    pub fn with_reset_gradient(self, reset_gradient: ResetGradient) -> Self {
        Self { reset_gradient, ..self }
    }

    /// The membrane decay `lambda`.
    pub fn decay(&self) -> f64 {
        self.decay
    }

    /// The trace decay `beta_s`.
    pub fn trace_decay(&self) -> f64 {
        self.trace_decay
    }

    /// The threshold `theta`.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The surrogate.
    pub fn surrogate(&self) -> Surrogate {
        self.surrogate
    }

    /// The reset.
    pub fn reset(&self) -> Reset {
        self.reset
    }

    /// The gradient of the reset.
    pub fn reset_gradient(&self) -> ResetGradient {
        self.reset_gradient
    }

    /// Runs the cell on an input current `[T, B, N]`, from rest.
    ///
    /// # Errors
    /// [`SnnError::Sequence`] for an input without time and batch axes or without steps.
    pub fn run<S: Scalar>(&self, tape: &mut Tape<S>, current: Var) -> Result<LifRun> {
        let shape = tape.value(current)?.shape().clone();
        if shape.rank() < 2 || shape[0] == 0 {
            return Err(SnnError::Sequence { what: "LIF cell", shape });
        }
        let mut run = LifRun::default();
        for t in 0..shape[0] {
            let input = tape.select(current, t)?;
            let u = match (run.potentials.last(), run.spikes.last()) {
                (Some(&u), Some(&o)) => self.integrate(tape, u, o, input)?,
                _ => input,
            };
            tape.label(u, "u", Some(t))?;
            let above = tape.shift(u, -self.threshold)?;
            let o = spike(tape, above, self.surrogate)?;
            tape.label(o, "o", Some(t))?;
            let a = self.filter(tape, run.traces.last().copied(), o)?;
            tape.label(a, "a", Some(t))?;
            run.potentials.push(u);
            run.spikes.push(o);
            run.traces.push(a);
        }
        Ok(run)
    }

    /// Equation (1), or its form for another reset.
    fn integrate<S: Scalar>(&self, tape: &mut Tape<S>, u: Var, o: Var, input: Var) -> Result<Var> {
        let u = match self.reset_gradient {
            ResetGradient::SpatialOnly => tape.detach(u)?,
            _ => u,
        };
        let kept = match self.reset {
            Reset::None => tape.scale(u, self.decay)?,
            Reset::ToZero => {
                let o = self.reset_spike(tape, o)?;
                let silent = tape.scale(o, -1.0)?;
                let silent = tape.shift(silent, 1.0)?;
                let kept = tape.mul(u, silent)?;
                tape.scale(kept, self.decay)?
            }
            Reset::Subtract => {
                let o = self.reset_spike(tape, o)?;
                let decayed = tape.scale(u, self.decay)?;
                let reset = tape.scale(o, self.threshold)?;
                tape.sub(decayed, reset)?
            }
        };
        Ok(tape.add(kept, input)?)
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

    /// Equation (3).
    fn filter<S: Scalar>(&self, tape: &mut Tape<S>, before: Option<Var>, o: Var) -> Result<Var> {
        let new = tape.scale(o, 1.0 - self.trace_decay)?;
        let Some(before) = before else { return Ok(new) };
        let old = tape.scale(before, self.trace_decay)?;
        Ok(tape.add(old, new)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_tensor::Tensor;

    fn cell() -> Lif {
        Lif::new(Surrogate::rectangle(4.0).unwrap()).with_decay(0.5).unwrap().with_trace_decay(0.25).unwrap()
    }

    /// Potentials, spikes and traces for the currents, by the tape.
    fn values(cell: Lif, currents: &[f64]) -> [Vec<f64>; 3] {
        let mut tape = Tape::new();
        let current = tape.leaf(Tensor::from_vec([currents.len(), 1], currents.to_vec()).unwrap());
        let run = cell.run(&mut tape, current).unwrap();
        [run.potentials, run.spikes, run.traces]
            .map(|vars| vars.iter().map(|&v| tape.value(v).unwrap().item().unwrap()).collect())
    }

    #[test]
    fn each_reset_follows_its_equation() {
        // Worked by hand; every number is dyadic, so the equalities are exact.
        let currents = [0.75, 1.0, 0.25, 1.0];
        let [u, o, a] = values(cell().with_reset(Reset::ToZero), &currents);
        assert_eq!(u, [0.75, 1.375, 0.25, 1.125]);
        assert_eq!(o, [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(a, [0.0, 0.75, 0.1875, 0.796875]);
        let [u, ..] = values(cell().with_reset(Reset::Subtract), &currents);
        assert_eq!(u, [0.75, 1.375, -0.0625, 0.96875]);
        let [u, ..] = values(cell().with_reset(Reset::None), &currents);
        assert_eq!(u, [0.75, 1.375, 0.9375, 1.46875]);
    }

    #[test]
    fn a_potential_at_the_threshold_does_not_fire() {
        let [_, o, _] = values(cell(), &[1.0, 0.5 + f64::EPSILON]);
        assert_eq!(o, [0.0, 1.0]);
    }

    /// Two steps by hand, with sigma' = 1/4 everywhere: loss u[1], so d loss / d I[0] is the factor in (5), (6).
    #[test]
    fn each_gradient_has_its_factor() {
        let factor = |reset, rule, current: f64| {
            let mut tape = Tape::new();
            let input = tape.leaf(Tensor::from_vec([2, 1], vec![current, 0.0]).unwrap());
            let cell = cell().with_reset(reset).with_reset_gradient(rule);
            let run = cell.run(&mut tape, input).unwrap();
            tape.backward(run.potentials[1]).unwrap().wrt(input).unwrap().as_slice()[0]
        };
        let half = ResetGradient::scaled(0.5).unwrap();
        let rules = [ResetGradient::Full, ResetGradient::Detached, half, ResetGradient::SpatialOnly];
        // lambda = 0.5, g = 0.25, theta = 1; u[0] = 0.5 is silent, u[0] = 2 fires.
        let at = |reset, current| rules.map(|rule| factor(reset, rule, current));
        assert_eq!(at(Reset::ToZero, 0.5), [0.5 * (1.0 - 0.125), 0.5, 0.5 * (1.0 - 0.0625), 0.0]);
        assert_eq!(at(Reset::ToZero, 2.0), [0.5 * -0.5, 0.0, 0.5 * -0.25, 0.0]);
        assert_eq!(at(Reset::Subtract, 2.0), [0.5 - 0.25, 0.5, 0.5 - 0.125, 0.0]);
        assert_eq!(at(Reset::None, 2.0), [0.5, 0.5, 0.5, 0.0]);
    }

    #[test]
    fn a_detached_reset_can_be_seen_on_the_drawing() {
        let drawing = |rule| {
            let mut tape = Tape::<f64>::new();
            let input = tape.leaf(Tensor::full([2, 1, 1], 0.7).unwrap());
            cell().with_reset_gradient(rule).run(&mut tape, input).unwrap();
            tape.to_dot()
        };
        let detached = drawing(ResetGradient::Detached);
        assert!(detached.contains("reset\\ndetach") && detached.contains("color=red"), "{detached}");
        assert!(drawing(ResetGradient::Scaled(0.5)).contains("reset\\nscale_grad x 0.5"));
        let full = drawing(ResetGradient::Full);
        assert!(!full.contains("detach") && full.contains("u[1]\\nadd"), "{full}");
    }

    #[test]
    fn bad_parameters_and_inputs_are_named() {
        let named = |result: Result<Lif>| match result {
            Err(SnnError::Parameter { parameter, .. }) => parameter,
            other => panic!("{other:?}"),
        };
        assert_eq!(named(cell().with_decay(1.1)), "membrane decay");
        assert_eq!(named(cell().with_decay(f64::NAN)), "membrane decay");
        assert_eq!(named(cell().with_trace_decay(1.0)), "trace decay");
        assert_eq!(named(cell().with_threshold(0.0)), "threshold");
        for shape in [&[][..], &[3], &[0, 2]] {
            let mut tape = Tape::<f64>::new();
            let input = tape.leaf(Tensor::zeros(shape).unwrap());
            assert!(matches!(cell().run(&mut tape, input), Err(SnnError::Sequence { what: "LIF cell", .. })));
        }
    }
}
