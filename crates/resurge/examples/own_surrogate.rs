//! The code of docs/howto-surrogate.md: the hyperbolic secant as a surrogate of one's own.

use resurge::autodiff::{Tape, Var};
use resurge::gradcheck::{CheckReport, GradCheck, Program, ProgramResult};
use resurge::snn::{Cell, Surrogate};
use resurge::tensor::{Scalar, Tensor};
use std::f64::consts::PI;

type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

/// `sech(x/w) / (pi w)`, of area 1, with its primitive and its own derivative.
fn secant(w: f64) -> resurge::snn::Result<Surrogate> {
    Surrogate::custom(PI * w, move |order, x| {
        let z = x / w;
        match order {
            0 => 2.0 / PI * z.exp().atan(),
            1 => 1.0 / (PI * w * z.cosh()),
            _ => -z.tanh() / (PI * w * w * z.cosh()),
        }
    })
}

/// Two spiking neurons; the loss is the sum of their potentials, each weighted by its step.
struct Layer(Cell);

impl Program for Layer {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let run = self.0.run(tape, inputs[0])?;
        let potentials = tape.stack(&run.potentials)?;
        let weights = tape.constant(Tensor::from_fn([10, 1, 1], |t| S::from_f64(t as f64))?);
        let weighted = tape.mul(potentials, weights)?;
        Ok(tape.sum(weighted)?)
    }
}

fn check(surrogate: Surrogate) -> AnyResult<CheckReport> {
    let current = Tensor::from_fn([10, 1, 2], |i| 0.5 + 0.3 * (i as f64).sin())?; // [T, B, N]
    let layer = Layer(Cell::lif(surrogate));
    Ok(GradCheck::new(&layer, vec![current]).width(surrogate.width()).run()?)
}

fn main() -> AnyResult<()> {
    println!("{}", check(secant(0.2)?)?);
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
        let page = include_str!("../../../docs/howto-surrogate.md");
        let report = check(secant(0.2).unwrap()).unwrap();
        assert!(report.passed());
        shown::assert_shown(page, &report.to_string());
        main().unwrap();
        assert!((secant(0.2).unwrap().width() * secant(0.2).unwrap().derivative(0.0) - 1.0).abs() < 1e-15);
    }

    /// The mistake of the page: the factor `1/w` of the chain rule is forgotten.
    #[test]
    fn a_derivative_of_another_function_is_rejected() {
        let w = 0.2;
        let wrong = Surrogate::custom(PI * w, move |order, x: f64| match order {
            0 => 2.0 / PI * (x / w).exp().atan(),
            _ => 1.0 / (PI * (x / w).cosh()),
        });
        let report = check(wrong.unwrap()).unwrap();
        assert!(!report.passed() && report.failures > 0, "{report}");
        let page = include_str!("../../../docs/howto-surrogate.md");
        shown::assert_shown(page, report.to_string().lines().next().unwrap_or_default());
    }
}
