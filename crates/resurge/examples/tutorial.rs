//! The code of docs/tutorial.md: a cell of one's own, its gradient by hand, and the check that finds what is wrong.

use resurge::autodiff::{Tape, Var};
use resurge::gradcheck::{AnchoredProgram, CheckReport, GradCheck, Hints, Program, ProgramResult};
use resurge::snn::{Firing, Surrogate, linear, spike};
use resurge::tensor::{Scalar, Tensor};

type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

const DECAY: f64 = 0.8;
const THRESHOLD: f64 = 0.6;
const LOST: f64 = 0.7; // the part of the potential that a spike takes
const WIDTH: f64 = 0.2; // of the surrogate
const NEURONS: usize = 3;

struct MyCell {
    input: Tensor<f64>,   // [T, 1, inputs]
    targets: Tensor<f64>, // the number of spikes that each neuron should have, [1, NEURONS]
    detached: bool,       // whether the gradient ignores what the reset does
}

impl Program for MyCell {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let surrogate = Surrogate::sigmoid(WIDTH)?;
        let input = tape.constant(self.input.cast());
        let current = linear(tape, input, inputs[0], None)?; // [T, 1, NEURONS]
        let mut before: Option<(Var, Var)> = None; // u[t-1] and o[t-1]
        let mut counts = None;
        for t in 0..self.input.shape()[0] {
            let mut u = tape.select(current, t)?;
            if let Some((u_before, o_before)) = before {
                // u[t] = DECAY u[t-1] (1 - LOST o[t-1]) + I[t]
                let seen = if self.detached { tape.detach(o_before)? } else { o_before };
                let lost = tape.scale(seen, -LOST)?;
                let kept = tape.shift(lost, 1.0)?;
                let rest = tape.mul(u_before, kept)?;
                let rest = tape.scale(rest, DECAY)?;
                u = tape.add(rest, u)?;
            }
            let above = tape.shift(u, -THRESHOLD)?;
            let o = spike(tape, above, surrogate, Firing::Above)?;
            before = Some((u, o));
            counts = Some(match counts {
                Some(counts) => tape.add(counts, o)?,
                None => o,
            });
        }
        let targets = tape.constant(self.targets.cast());
        let error = tape.sub(counts.ok_or("no steps")?, targets)?;
        let square = tape.square(error)?;
        Ok(tape.sum(square)?)
    }
}

impl MyCell {
    fn new(detached: bool) -> AnyResult<Self> {
        let input = Tensor::from_fn([12, 1, 4], |i| (0.9 * i as f64).sin().abs())?;
        let targets = Tensor::from_vec([1, NEURONS], vec![2.5, 3.5, 1.5])?;
        Ok(Self { input, targets, detached })
    }
}

fn weights() -> AnyResult<Tensor<f64>> {
    Ok(Tensor::from_fn([NEURONS, 4], |i| 0.35 * (1.7 * i as f64).cos() + 0.1)?)
}

fn check_tape() -> AnyResult<CheckReport> {
    let cell = MyCell::new(false)?;
    Ok(GradCheck::new(&cell, vec![weights()?]).width(WIDTH).run()?)
}

impl MyCell {
    /// dL/dW by hand, as in any training loop without a tape.
    fn gradient_by_hand(
        &self,
        weights: &Tensor<f64>,
        factor: fn(f64, f64, f64) -> f64,
    ) -> AnyResult<Vec<f64>> {
        let (steps, inputs) = (self.input.shape()[0], self.input.shape()[2]);
        let surrogate = Surrogate::sigmoid(WIDTH)?;
        let mut gradient = Vec::new();
        for (w, target) in weights.as_slice().chunks(inputs).zip(self.targets.as_slice()) {
            let rows: Vec<&[f64]> = self.input.as_slice().chunks(inputs).collect();
            let (mut u, mut o) = (vec![0.0; steps], vec![0.0; steps]);
            for t in 0..steps {
                u[t] = rows[t].iter().zip(w).map(|(x, w)| x * w).sum();
                if t > 0 {
                    u[t] += DECAY * u[t - 1] * (1.0 - LOST * o[t - 1]);
                }
                o[t] = if u[t] > THRESHOLD { 1.0 } else { 0.0 };
            }
            let error = 2.0 * (o.iter().sum::<f64>() - target);
            let (mut delta, mut row) = (0.0, vec![0.0; inputs]);
            for t in (0..steps).rev() {
                let g = surrogate.derivative(u[t] - THRESHOLD);
                delta = error * g + factor(u[t], o[t], g) * delta; // delta[t] from delta[t+1]
                row.iter_mut().zip(rows[t]).for_each(|(sum, x)| *sum += delta * x);
            }
            gradient.extend(row);
        }
        Ok(gradient)
    }
}

/// How u[t+1] depends on u[t], by way of the decay.
fn first_try(_u: f64, o: f64, _g: f64) -> f64 {
    DECAY * (1.0 - LOST * o)
}

/// The same, and by way of the spike, which takes LOST of the potential.
fn with_reset_term(u: f64, o: f64, g: f64) -> f64 {
    DECAY * ((1.0 - LOST * o) - LOST * u * g)
}

fn check_hand(factor: fn(f64, f64, f64) -> f64) -> AnyResult<CheckReport> {
    let cell = MyCell::new(false)?;
    let by_hand = cell.gradient_by_hand(&weights()?, factor)?;
    Ok(GradCheck::new(&cell, vec![weights()?]).width(WIDTH).claim(by_hand).run()?)
}

fn check_hand_with_hint(factor: fn(f64, f64, f64) -> f64) -> AnyResult<CheckReport> {
    let (cell, without) = (MyCell::new(false)?, MyCell::new(true)?);
    let detached = AnchoredProgram::new(&without, vec![weights()?])?.gradient().to_vec();
    let by_hand = cell.gradient_by_hand(&weights()?, factor)?;
    let hints = Hints::new().gradient("the gradient without the reset term", detached);
    Ok(GradCheck::new(&cell, vec![weights()?]).width(WIDTH).claim(by_hand).hints(hints).run()?)
}

fn main() -> AnyResult<()> {
    println!("the tape\n{}\n", check_tape()?);
    println!("by hand\n{}\n", check_hand(first_try)?);
    println!("by hand, with a suspicion\n{}\n", check_hand_with_hint(first_try)?);
    println!("by hand, mended\n{}", check_hand(with_reset_term)?);
    Ok(())
}

#[cfg(test)]
#[path = "../tests/docs/shown.rs"]
mod shown;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_does_what_it_says() {
        let page = include_str!("../../../docs/tutorial.md");
        let shows = |report: &CheckReport, lines| {
            let text: Vec<String> = report.to_string().lines().take(lines).map(str::to_owned).collect();
            shown::assert_shown(page, &text.join("\n"));
        };
        let tape = check_tape().unwrap();
        assert!(tape.passed());
        shows(&tape, 1);
        let wrong = check_hand(first_try).unwrap();
        assert!(!wrong.passed() && wrong.hints.is_empty(), "{wrong}");
        shows(&wrong, 3);
        let explained = check_hand_with_hint(first_try).unwrap();
        assert_eq!(explained.hints, ["it is the gradient without the reset term"]);
        shows(&explained, 2);
        let mended = check_hand(with_reset_term).unwrap();
        assert!(mended.passed());
        shows(&mended, 1);
        main().unwrap();
    }
}
