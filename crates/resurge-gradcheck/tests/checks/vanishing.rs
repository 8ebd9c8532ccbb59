//! Losses that are zero, or nearly, because what they compare is equal: their rounding errors are those of the values compared.

use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{GradCheck, Program, ProgramResult, Verdict};
use resurge_tensor::{Scalar, Tensor};

/// The sum of `(sin x + offset - targets)^2`.
struct SquaredError {
    offset: f64,
    targets: Vec<f64>,
}

const AT: [f64; 3] = [0.7, 1.1, 2.9];

impl SquaredError {
    /// With an error of so much in each entry.
    fn of(error: f64) -> Self {
        Self::beyond(0.0, error)
    }

    fn beyond(offset: f64, error: f64) -> Self {
        Self { offset, targets: AT.iter().map(|x| (x.sin() + offset) - error).collect() }
    }
}

impl Program for SquaredError {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let targets = tape.constant(Tensor::from_vec([3], self.targets.clone())?.cast());
        let values = tape.sin(inputs[0])?;
        let values = tape.shift(values, self.offset)?;
        let error = tape.sub(values, targets)?;
        let square = tape.square(error)?;
        Ok(tape.sum(square)?)
    }
}

fn at() -> Vec<Tensor<f64>> {
    vec![Tensor::from_vec([3], AT.to_vec()).unwrap()]
}

#[test]
fn a_right_gradient_of_a_loss_near_zero_is_not_rejected() {
    for error in [0.0, 1e-16, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-3, 1.0] {
        let program = SquaredError::of(error);
        for seed in 0..20 {
            let check = || GradCheck::new(&program, at()).seed(seed);
            for report in [check().run().unwrap(), check().directions(4).run().unwrap()] {
                assert_ne!(report.verdict, Verdict::Failed, "error {error:e}, seed {seed}: {report}");
                // A gradient of zeros is no evidence, one of 1e-3 is.
                assert!(error != 0.0 || report.verdict == Verdict::Undecided, "seed {seed}: {report}");
                assert!(error < 1e-3 || report.conclusive == report.compared, "error {error:e}: {report}");
            }
        }
    }
}

#[test]
fn a_wrong_gradient_is_rejected_at_a_loss_of_zero() {
    let zero = SquaredError::of(0.0);
    let report = GradCheck::new(&zero, at()).claim(vec![0.0, 1e-6, 0.0]).run().unwrap();
    assert_eq!((report.verdict, report.failures), (Verdict::Failed, 1), "{report}");
}

#[test]
fn a_gradient_of_zeros_that_should_be_none_is_wrong_by_all_of_itself() {
    let program = SquaredError::of(0.5);
    let report = GradCheck::new(&program, at()).claim(vec![0.0; 3]).run().unwrap();
    assert_eq!((report.failures, report.max_error), (3, 1.0), "{report}");
}

#[test]
fn large_values_that_cancel_err_as_they_do() {
    for offset in [1e3, 1e5, 1e6, 1e8] {
        let program = SquaredError::beyond(offset, 0.0);
        for seed in 0..100 {
            let report = GradCheck::new(&program, at()).seed(seed).run().unwrap();
            assert_eq!(report.verdict, Verdict::Undecided, "offset {offset:e}, seed {seed}: {report}");
        }
    }
}

/// Outputs that are 0 of themselves, beside a mask of 1e9.
struct Lines;

impl Program for Lines {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        tape.constant(Tensor::scalar(S::from_f64(1e9)));
        Ok(tape.scale(inputs[0], 3.0)?)
    }
}

#[test]
fn an_output_of_zero_hides_nothing() {
    let at = || vec![Tensor::from_vec([2], vec![0.0, 0.0]).unwrap()];
    let check = |claim: Vec<f64>| GradCheck::new(&Lines, at()).claim(claim);
    let (right, wrong) = (vec![3.0, 0.0, 0.0, 3.0], vec![3.0, 0.0, 0.0, 3.0 + 1e-5]);
    assert!(check(right.clone()).run().unwrap().passed());
    assert!(check(right).directions(4).run().unwrap().passed());
    assert_eq!(check(wrong.clone()).run().unwrap().verdict, Verdict::Failed);
    assert_eq!(check(wrong).directions(4).run().unwrap().verdict, Verdict::Failed);
}
