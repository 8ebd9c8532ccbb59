//! The code of docs/howto-cell.md: a cell with two compartments, one of which spikes.

use resurge::autodiff::{Tape, Var};
use resurge::gradcheck::{CheckReport, GradCheck, Program, ProgramResult};
use resurge::snn::{Firing, ResetGradient, Surrogate, spike};
use resurge::tensor::{Scalar, Tensor};

type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

/// A dendrite `d[t] = dendrite d[t-1] + I[t]` that drives a soma
/// `u[t] = decay u[t-1] - theta o[t-1] + (1 - decay) d[t]`, which spikes where `u[t] > theta`.
#[derive(Debug, Clone, Copy)]
struct TwoCompartments {
    dendrite: f64,
    decay: f64,
    threshold: f64,
    surrogate: Surrogate,
    reset_gradient: ResetGradient,
}

/// What the cell carries from one step to the next, each of shape `[B, N]`.
#[derive(Clone, Copy)]
struct State {
    d: Var,
    u: Var,
    o: Var,
}

impl TwoCompartments {
    fn step<S: Scalar>(&self, tape: &mut Tape<S>, before: Option<State>, input: Var) -> AnyResult<State> {
        let mut d = input;
        if let Some(before) = before {
            let kept = tape.scale(before.d, self.dendrite)?;
            d = tape.add(kept, input)?;
        }
        let mut u = tape.scale(d, 1.0 - self.decay)?;
        if let Some(before) = before {
            let kept = tape.scale(before.u, self.decay)?;
            u = tape.add(kept, u)?;
            let lost = self.reset_spike(tape, before.o)?;
            let lost = tape.scale(lost, self.threshold)?;
            u = tape.sub(u, lost)?;
        }
        let above = tape.shift(u, -self.threshold)?;
        let o = spike(tape, above, self.surrogate, Firing::Above)?;
        Ok(State { d, u, o })
    }

    /// The spike as the reset sees it: the one place where the gradients of the reset differ.
    fn reset_spike<S: Scalar>(&self, tape: &mut Tape<S>, o: Var) -> AnyResult<Var> {
        Ok(match self.reset_gradient {
            ResetGradient::Full => o,
            ResetGradient::Scaled(alpha) => tape.scale_grad(o, alpha)?,
            ResetGradient::Detached => tape.detach(o)?,
            ResetGradient::SpatialOnly => return Err("this cell has no spatial-only gradient".into()),
        })
    }

    /// Input current `[T, B, N]` to spikes of the same shape.
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, current: Var) -> AnyResult<Var> {
        let mut state = None;
        let mut spikes = Vec::new();
        for t in 0..tape.value(current)?.shape()[0] {
            let input = tape.select(current, t)?;
            let now = self.step(tape, state, input)?;
            spikes.push(now.o);
            state = Some(now);
        }
        Ok(tape.stack(&spikes)?)
    }
}

/// The loss: each spike times a number of its own, so that every path of the gradient counts.
struct Weighted(TwoCompartments);

impl Program for Weighted {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let spikes = self.0.run(tape, inputs[0]).map_err(|error| error.to_string())?;
        let shape = tape.value(spikes)?.shape().clone();
        let weights = tape.constant(Tensor::from_fn(shape, |i| S::from_f64((i as f64).cos()))?);
        let weighted = tape.mul(spikes, weights)?;
        Ok(tape.sum(weighted)?)
    }
}

fn cell(reset_gradient: ResetGradient) -> AnyResult<TwoCompartments> {
    let surrogate = Surrogate::atan(3.0)?;
    Ok(TwoCompartments { dendrite: 0.7, decay: 0.8, threshold: 0.6, surrogate, reset_gradient })
}

fn current() -> AnyResult<Tensor<f64>> {
    Ok(Tensor::from_fn([12, 2, 3], |i| 0.9 + 0.6 * (i as f64).sin())?) // [T, B, N]
}

fn check(reset_gradient: ResetGradient) -> AnyResult<CheckReport> {
    let cell = cell(reset_gradient)?;
    Ok(GradCheck::new(&Weighted(cell), vec![current()?]).width(cell.surrogate.width()).run()?)
}

fn main() -> AnyResult<()> {
    for rule in [ResetGradient::Full, ResetGradient::Detached, ResetGradient::scaled(0.5)?] {
        println!("{rule}: {}", check(rule)?);
    }
    Ok(())
}

#[cfg(test)]
#[path = "../tests/docs/shown.rs"]
mod shown;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gradient_of_the_reset_passes() {
        for rule in [ResetGradient::Full, ResetGradient::Detached, ResetGradient::Scaled(0.5)] {
            let report = check(rule).unwrap();
            assert!(report.passed(), "{report}");
            let line = format!("{rule}: {report}");
            shown::assert_shown(include_str!("../../../docs/howto-cell.md"), &line);
        }
        main().unwrap();
    }

    /// One compartment that keeps nothing of its input is a LIF cell with the reset by subtraction: spikes by hand.
    #[test]
    fn spikes_worked_out_by_hand() {
        let cell = TwoCompartments {
            dendrite: 0.0,
            decay: 0.5,
            threshold: 0.4,
            ..cell(ResetGradient::Full).unwrap()
        };
        let mut tape = Tape::<f64>::new();
        let input = tape.leaf(Tensor::from_vec([4, 1, 1], vec![1.0, 0.2, 0.0, 1.2]).unwrap());
        let spikes = cell.run(&mut tape, input).unwrap();
        // u = 0.5, 0.25 - 0.4 + 0.1 = -0.05, -0.025, -0.0125 + 0.6.
        assert_eq!(tape.value(spikes).unwrap().as_slice(), &[1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_gradients_of_the_reset_differ() {
        let gradient = |rule| {
            let program = Weighted(cell(rule).unwrap());
            resurge::gradcheck::AnchoredProgram::new(&program, vec![current().unwrap()])
                .unwrap()
                .gradient()
                .to_vec()
        };
        assert_ne!(gradient(ResetGradient::Full), gradient(ResetGradient::Detached));
    }
}
