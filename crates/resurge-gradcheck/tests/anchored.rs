//! The anchored program and the evidence: what they promise, and what they refuse.

use approx::assert_relative_eq;
use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, GradcheckError, Program, ProgramResult};
use resurge_snn::{Firing, Surrogate, spike};
use resurge_tensor::{Scalar, Tensor};

/// `sum(x * spike(x - 1/2))` with a chosen surrogate.
struct Weighted(Surrogate);

impl Program for Weighted {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let above = tape.shift(inputs[0], -0.5)?;
        let o = spike(tape, above, self.0, Firing::Above)?;
        let product = tape.mul(inputs[0], o)?;
        Ok(tape.sum(product)?)
    }
}

fn at(values: &[f64]) -> Vec<Tensor<f64>> {
    vec![Tensor::from_vec([values.len()], values.to_vec()).unwrap()]
}

#[test]
fn the_anchored_program_has_the_value_of_the_real_one_and_the_surrogate_slope() {
    let program = Weighted(Surrogate::sigmoid(0.25).unwrap());
    let anchored = AnchoredProgram::new(&program, at(&[0.25, 0.75])).unwrap();
    // Only the second entry is above 1/2.
    assert_eq!(anchored.loss(), 0.75);
    assert_eq!(anchored.evaluate(&[1.0, 1.0], 0.0).unwrap().loss, 0.75);
    // d/dx (x o) = o + x sigma'(x - 1/2).
    let slope = Surrogate::sigmoid(0.25).unwrap().derivative(0.25);
    let expected = [0.25 * slope, 1.0 + 0.75 * slope];
    for (direction, expected) in [[1.0, 0.0], [0.0, 1.0]].iter().zip(expected) {
        assert_relative_eq!(anchored.by_dual(direction).unwrap(), expected, max_relative = 1e-15);
        assert_relative_eq!(anchored.by_complex_step(direction).unwrap(), expected, max_relative = 1e-15);
    }
    assert_eq!(anchored.gradient().len(), 2);
}

#[test]
fn crossings_of_kinks_are_counted() {
    let program = Weighted(Surrogate::rectangle(0.5).unwrap());
    let anchored = AnchoredProgram::new(&program, at(&[0.3, 0.6, 2.0])).unwrap();
    let crossings = |step| anchored.evaluate(&[1.0, 1.0, 0.0], step).unwrap().crossings;
    // The kinks lie at 0.25 and 0.75.
    assert_eq!([0.0, 0.01, -0.1, 0.2, 1.0].map(crossings), [0, 0, 1, 1, 2]);
}

#[test]
fn a_point_on_a_kink_leaves_nothing_conclusive_and_passes_nothing() {
    let program = Weighted(Surrogate::triangle(0.5).unwrap());
    let anchored = AnchoredProgram::new(&program, at(&[0.5])).unwrap();
    let directions = Directions::new(anchored.gradient(), 1, 1, 1);
    let errors = Evidence::gather(&anchored, &directions, 0.5).unwrap().compare(anchored.gradient()).unwrap();
    assert_eq!((errors.conclusive, errors.skipped), (0, 3));
    assert_eq!(errors.finite_difference, f64::INFINITY);
}

#[test]
fn a_zero_gradient_proves_nothing() {
    let program = Weighted(Surrogate::rectangle(0.1).unwrap());
    let anchored = AnchoredProgram::new(&program, at(&[0.1])).unwrap();
    assert_eq!(anchored.gradient(), [0.0]);
    let directions = Directions::new(anchored.gradient(), 1, 1, 1);
    let errors = Evidence::gather(&anchored, &directions, 0.1).unwrap().compare(&[0.0]).unwrap();
    assert!(errors.dual.is_nan() && errors.complex_step.is_nan() && !errors.finite_difference.is_finite());
}

#[test]
fn a_gradient_that_is_not_a_number_does_not_pass() {
    let program = Weighted(Surrogate::sigmoid(0.25).unwrap());
    let anchored = AnchoredProgram::new(&program, at(&[0.25, 0.75])).unwrap();
    let directions = Directions::new(anchored.gradient(), 2, 2, 1);
    let evidence = Evidence::gather(&anchored, &directions, 0.25).unwrap();
    let errors = evidence.compare(&[f64::NAN, 1.0]).unwrap();
    assert!(errors.dual.is_nan() && errors.finite_difference.is_nan());
    assert_eq!(evidence.finite_differences().len(), 5);
}

/// Returns what it is told to, whatever its input.
struct Odd(&'static str);

impl Program for Odd {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        match self.0 {
            "vector" => Ok(inputs[0]),
            "nan" => {
                let x = tape.sum(inputs[0])?;
                Ok(tape.ln(x)?)
            }
            "steep" => {
                let x = tape.sum(inputs[0])?;
                Ok(tape.sqrt(x)?)
            }
            _ => Err("this program does not run".into()),
        }
    }
}

#[test]
fn programs_that_cannot_be_checked_are_refused_by_name() {
    let error = |kind, values: &[f64]| AnchoredProgram::new(&Odd(kind), at(values)).map(|_| ()).unwrap_err();
    assert!(matches!(error("vector", &[1.0, 2.0]), GradcheckError::NonScalarLoss(_)));
    assert!(matches!(error("nan", &[-1.0]), GradcheckError::NonFinite { what: "loss", .. }));
    assert!(matches!(error("steep", &[0.0]), GradcheckError::NonFinite { what: "gradient", .. }));
    assert_eq!(error("fails", &[1.0]).to_string(), "the program failed: this program does not run");
}

#[test]
fn lengths_and_scales_that_do_not_fit_are_named() {
    let program = Weighted(Surrogate::sigmoid(0.25).unwrap());
    let anchored = AnchoredProgram::new(&program, at(&[0.25, 0.75])).unwrap();
    let length = |e: GradcheckError| match e {
        GradcheckError::Length { what, expected, actual } => (what, expected, actual),
        other => panic!("{other}"),
    };
    assert_eq!(length(anchored.evaluate(&[1.0], 0.1).unwrap_err()), ("the direction", 2, 1));
    assert_eq!(length(anchored.by_dual(&[1.0; 3]).unwrap_err()), ("the direction", 2, 3));
    assert_eq!(length(anchored.by_complex_step(&[]).unwrap_err()), ("the direction", 2, 0));
    let directions = Directions::new(anchored.gradient(), 1, 0, 1);
    for width in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(Evidence::gather(&anchored, &directions, width), Err(GradcheckError::StepScale(_))));
    }
    let evidence = Evidence::gather(&anchored, &directions, 0.25).unwrap();
    assert_eq!(length(evidence.compare(&[1.0]).unwrap_err()), ("the gradient", 2, 1));
}

/// `1e16 sum (y - detach y)^2` with `y = x / (x + 1)`: its derivative is 0 as long as the two `y` are equal to the
/// bit, and of order 1 if they differ in the last.
struct LastBit;

impl Program for LastBit {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let below = tape.shift(inputs[0], 1.0)?;
        let y = tape.div(inputs[0], below)?;
        let held = tape.detach(y)?;
        let difference = tape.sub(y, held)?;
        let square = tape.square(difference)?;
        let sum = tape.sum(square)?;
        Ok(tape.scale(sum, 1e16)?)
    }
}

#[test]
fn every_arithmetic_is_anchored_at_its_own_record() {
    let x: Vec<f64> = (0..50).map(|i| 0.1 + 0.037 * f64::from(i)).collect();
    let anchored = AnchoredProgram::new(&LastBit, at(&x)).unwrap();
    let along = vec![1.0; 50];
    assert_eq!(anchored.by_complex_step(&along).unwrap(), 0.0);
    assert_eq!(anchored.by_dual(&along).unwrap(), 0.0);
}
