//! A program that now and then depends on something besides its inputs is found; and numbers that are not finite are traced.

use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{AnchoredProgram, GradCheck, GradcheckError, Program, ProgramResult, Verdict};
use resurge_tensor::{Scalar, Tensor};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Draws a new mask in one call of so many.
struct Dropout {
    calls: AtomicUsize,
    every: usize,
    first: usize,
}

impl Program for Dropout {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + self.first;
        let kept = |i: usize| !i.is_multiple_of(if call.is_multiple_of(self.every) { 3 } else { 4 });
        let mask = Tensor::from_fn([8], |i| S::from_f64(f64::from(u8::from(kept(i)))))?;
        let mask = tape.constant(mask);
        let sine = tape.tanh(inputs[0])?;
        let masked = tape.mul(sine, mask)?;
        let square = tape.square(masked)?;
        Ok(tape.sum(square)?)
    }
}

fn at() -> Vec<Tensor<f64>> {
    vec![Tensor::from_fn([8], |i| 0.2 + 0.1 * i as f64).unwrap()]
}

#[test]
fn a_mask_that_is_seldom_drawn_anew_never_passes() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut named = 0;
    for first in 1..50 {
        let program = Dropout { calls: 0.into(), every: 50, first };
        match pool.install(|| GradCheck::new(&program, at()).run()) {
            Err(GradcheckError::Unsteady { .. } | GradcheckError::BasePoint { .. }) => named += 1,
            Err(other) => panic!("{first}: {other}"),
            Ok(report) => assert_ne!(report.verdict, Verdict::Passed, "{first}: {report}"),
        }
    }
    assert!(named >= 45, "named in {named} of 49");
}

#[test]
fn how_far_that_was_tested_is_said() {
    let program = Dropout { calls: 0.into(), every: usize::MAX, first: 1 };
    let report = GradCheck::new(&program, at()).run().unwrap();
    assert!(report.passed(), "{report}");
    assert!(report.repeats >= 8 && report.repeats < report.evaluations / 4, "{report}");
    let said = format!("{} of {} evaluations repeated", report.repeats, report.evaluations);
    assert!(report.to_string().contains(&said), "{report}");
}

#[derive(Debug, Clone, Copy)]
enum Spoilt {
    Root,
    Quotient,
    Logarithm,
}

impl Program for Spoilt {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let good = tape.sum(inputs[0])?;
        let bad = match self {
            Self::Root => tape.sqrt(inputs[1])?,
            Self::Logarithm => tape.ln(inputs[1])?,
            Self::Quotient => {
                let one = tape.constant(Tensor::scalar(S::one()));
                let inverse = tape.div(one, inputs[1])?;
                tape.label(inverse, "rate", None)?;
                // Only the first, which is finite, is used.
                tape.select(inverse, 0)?
            }
        };
        let bad = tape.sum(bad)?;
        Ok(tape.add(good, bad)?)
    }
}

#[test]
fn what_is_not_finite_is_traced_to_its_input_and_operation() {
    for (program, what, op, says) in [
        (
            Spoilt::Root,
            "gradient",
            "sqrt",
            "(input 1, entry [2]): the derivative of `sqrt` is not, at entry [2]",
        ),
        (Spoilt::Quotient, "gradient", "div", "(input 1, entry [2]): the derivative of `div` (rate) is not"),
        (Spoilt::Logarithm, "loss", "ln", "(input 1, entry [2]): the value of `ln` is not, at entry [2]"),
    ] {
        let at = vec![Tensor::full([2], 1.0).unwrap(), Tensor::from_vec([3], vec![1.0, 4.0, 0.0]).unwrap()];
        let error = AnchoredProgram::new(&program, at).unwrap_err();
        assert!(error.to_string().contains(says), "{program:?}: {error}");
        let GradcheckError::NonFinite { what: found, origin } = error else { panic!("{program:?}") };
        assert_eq!((found, &origin.input), (what, &Some((1, vec![2]))), "{program:?}");
        assert_eq!(origin.operation.unwrap().op, op, "{program:?}");
    }
}
