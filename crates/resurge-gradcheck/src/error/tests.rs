//! Every variant of [`GradcheckError`] is the answer to a call that deserves it, and its text names what is wrong.
//!
//! A new variant does not compile here until it is listed, and once listed has to be provoked.

use crate::{
    AnchoredProgram, CellExtents, CellNetwork, Directions, Evidence, GradcheckError, Program, ProgramResult,
    ProofOptions, check_gradient, closed_form, convergence, prove, rtrl,
};
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Cell, Learnable, Network, Surrogate};
use resurge_tensor::{Scalar, Tensor};
use std::sync::atomic::{AtomicU32, Ordering};

/// The names of the variants, and of the variant of an error.
macro_rules! variants {
    ($error:ident: $($variant:ident),+ $(,)?) => {
        const VARIANTS: &[&str] = &[$(stringify!($variant)),+];

        fn variant(error: &$error) -> &'static str {
            match error {
                $($error::$variant { .. } => stringify!($variant),)+
            }
        }
    };
}

variants!(GradcheckError:
    Program, Autodiff, Tensor, Snn, Length, NonScalarLoss, NonFinite, NoClosedForm, StepScale, Option, BasePoint,
    Unsteady, Vanishes, Rejected, NotLearnable, Inputs, Names
);

/// Programs of one input, most of which cannot be checked.
enum Sample {
    Square,
    Held,
    Fails,
    Vector,
    Logarithm,
    Counting(AtomicU32),
    Seldom(AtomicU32),
}

impl Program for Sample {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let shifted = match self {
            Self::Square => tape.square(inputs[0])?,
            Self::Held => tape.detach(inputs[0])?,
            Self::Fails => return Err("this program does not run".into()),
            Self::Vector => return Ok(inputs[0]),
            Self::Logarithm => tape.ln(inputs[0])?,
            // Steady at the point itself, and another value at every run far from it.
            Self::Seldom(runs) => {
                let far = tape.value(inputs[0])?.as_slice()[0].re() > 1.5;
                let runs = runs.fetch_add(1, Ordering::Relaxed);
                tape.shift(inputs[0], if far { f64::from(runs) } else { 0.0 })?
            }
            Self::Counting(runs) => tape.shift(inputs[0], f64::from(runs.fetch_add(1, Ordering::Relaxed)))?,
        };
        Ok(tape.sum(shifted)?)
    }
}

fn provoked() -> Vec<(GradcheckError, &'static str)> {
    [of_programs(), of_checks(), of_cells()].into_iter().flatten().collect()
}

fn at(values: &[f64]) -> Vec<Tensor<f64>> {
    vec![Tensor::from_vec([values.len()], values.to_vec()).unwrap()]
}

fn of_programs() -> Vec<(GradcheckError, &'static str)> {
    let refused =
        |program: Sample, values: &[f64]| AnchoredProgram::new(&program, at(values)).map(|_| ()).unwrap_err();
    vec![
        (refused(Sample::Fails, &[1.0]), "the program failed: this program does not run"),
        (refused(Sample::Vector, &[1.0, 2.0]), "the program returned 2 numbers"),
        (refused(Sample::Logarithm, &[1.0, -1.0]), "the value of `ln` is not, at entry [1]"),
        (check_gradient(&Sample::Counting(0.into()), at(&[1.0])).unwrap_err(), "in place of"),
        (check_gradient(&Sample::Seldom(0.into()), at(&[1.0, 2.0])).unwrap_err(), "evaluated twice"),
    ]
}

fn of_checks() -> Vec<(GradcheckError, &'static str)> {
    let anchored = AnchoredProgram::new(&Sample::Square, at(&[1.0, 2.0])).unwrap();
    let directions = Directions::new(anchored.gradient(), 1, 0, 1);
    let names = ["rate".to_owned(), "bias".to_owned()];
    let named = |program: Sample, values: &[f64], names: &[String]| {
        let options = ProofOptions { names, ..ProofOptions::of_width(1.0) };
        prove(&program, at(values), &options).map(|_| ()).unwrap_err()
    };
    vec![
        (named(Sample::Square, &[1.0], &names), "the program has 1 inputs, 2 names were given"),
        (named(Sample::Logarithm, &[1.0, 0.0], &names[..1]), "(`rate`, entry [1])"),
        (check_gradient(&Sample::Held, at(&[1.0])).unwrap_err(), "gradient check"),
        (anchored.by_dual(&[1.0]).unwrap_err(), "the direction has 1 entries"),
        (anchored.vjp(&Tensor::zeros([3]).unwrap()).unwrap_err(), "expected shape"),
        (Evidence::gather(&anchored, &directions, 0.0).map(|_| ()).unwrap_err(), "the step scale is 0"),
        (convergence(&anchored, &[1.0, 1.0], -1.0).map(|_| ()).unwrap_err(), "width is -1"),
        (
            convergence(&anchored, &[2.0, -1.0], 1.0).map(|_| ()).unwrap_err(),
            "the derivative along the direction",
        ),
    ]
}

fn of_cells() -> Vec<(GradcheckError, &'static str)> {
    let cell = Cell::lif(Surrogate::sigmoid(0.25).unwrap());
    let network = CellNetwork::new(cell, &[Learnable::Drive], CellExtents::REGISTRY, 1).unwrap();
    let delayed = Network::new(&[1, 1], cell.with_output_delay(true)).unwrap();
    let parameters = [Tensor::full([1, 1], 2.0).unwrap(), Tensor::zeros([1]).unwrap()];
    let sequence = Tensor::zeros([2, 1, 1]).unwrap();
    let form = |network: &Network, parameters: &[Tensor<f64>], input: &Tensor<f64>| {
        closed_form(network, parameters, input, &sequence).map(|_| ()).unwrap_err()
    };
    let not_learnable = CellNetwork::new(cell, &[Learnable::VReset], CellExtents::REGISTRY, 1);
    vec![
        (form(&delayed, &parameters, &sequence), "there is no closed recurrence"),
        (form(&delayed, &parameters[..1], &sequence), "2 parameter tensors"),
        (form(&delayed, &parameters, &Tensor::zeros([2]).unwrap()), "closed form input"),
        (not_learnable.map(|_| ()).unwrap_err(), "to learn"),
        (rtrl(&network, &network.parameters()[1..]).map(|_| ()).unwrap_err(), "6 inputs, 5 were given"),
    ]
}

#[test]
fn every_variant_is_reached_and_names_what_is_wrong() {
    let provoked = provoked();
    for (error, says) in &provoked {
        assert!(error.to_string().contains(says), "{error} does not say {says:?}");
    }
    for name in VARIANTS {
        assert!(provoked.iter().any(|(error, _)| variant(error) == *name), "nothing provokes {name}");
    }
}
