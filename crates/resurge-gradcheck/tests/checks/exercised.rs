//! What was not tested is said: entries that are zero on both sides, inputs that do not matter, runs without spikes.

use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{
    AdjointCheck, AnchoredProgram, GradCheck, Program, ProgramResult, Reason, Verdict, check_gradient,
};
use resurge_snn::{Cell, Reset, Surrogate};
use resurge_tensor::{Scalar, Tensor};

/// The potentials of a layer whose reset value is learned. Without a spike it does not matter.
struct Learned {
    surrogate: Surrogate,
}

impl Program for Learned {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let cell = Cell::lif(self.surrogate).with_reset(Reset::to_value(-0.1))?;
        let mut parameters = cell.parameters(tape);
        parameters.v_reset = Some(inputs[1]);
        let run = cell.run_with(tape, inputs[0], &parameters)?;
        let potentials = tape.stack(&run.potentials)?;
        let square = tape.square(potentials)?;
        Ok(tape.sum(square)?)
    }
}

fn at(current: f64) -> Vec<Tensor<f64>> {
    let input = Tensor::from_fn([7, 1, 2], |i| current * (1.0 + 0.1 * i as f64)).unwrap();
    vec![input, Tensor::scalar(-0.1)]
}

#[test]
fn a_learned_constant_of_the_reset_is_not_proved_by_a_run_without_spikes() {
    let program = Learned { surrogate: Surrogate::rectangle(0.2).unwrap() };
    for current in [0.05, 0.9] {
        let mut claim = AnchoredProgram::new(&program, at(current)).unwrap().gradient().to_vec();
        // As if a factor had been forgotten.
        *claim.last_mut().unwrap() /= 1.5;
        for projections in [false, true] {
            let check = GradCheck::new(&program, at(current)).width(0.2).claim(claim.clone());
            let check = if projections { check.directions(4) } else { check };
            let report = check.run().unwrap();
            if current > 0.5 {
                assert_eq!((report.verdict, report.silent), (Verdict::Failed, false), "{report}");
                continue;
            }
            assert_eq!(report.verdict, Verdict::Undecided, "{report}");
            assert_eq!(report.undecided, [Reason::InputVanishes { input: 1 }], "{report}");
            assert!(report.silent && report.vanishing > 0 && report.conclusive > 0, "{report}");
            let text = report.to_string();
            assert!(text.starts_with("undecided (the gradient of input 1 is zero"), "{text}");
            assert!(text.contains("no spike occurs"), "{text}");
        }
    }
    let adjoint = AdjointCheck::new(&program, at(0.05)).run().unwrap();
    assert_eq!(adjoint.verdict, Verdict::Undecided);
    assert_eq!(adjoint.undecided, [Reason::InputVanishes { input: 1 }]);
    assert!(AdjointCheck::new(&program, at(0.9)).run().unwrap().passed());
}

/// The product of the first two inputs; the third is not used, and the fourth only where no gradient flows.
struct Unused;

impl Program for Unused {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let product = tape.mul(inputs[0], inputs[1])?;
        let held = tape.detach(inputs[3])?;
        let sum = tape.add(product, held)?;
        Ok(tape.sum(sum)?)
    }
}

#[test]
fn an_input_that_cannot_matter_is_no_doubt_and_one_that_happens_not_to_is() {
    let at = |x: f64| vec![Tensor::scalar(x), Tensor::scalar(2.0), Tensor::scalar(1.0), Tensor::scalar(1.0)];
    for projections in [false, true] {
        let check = |x: f64| {
            let check = GradCheck::new(&Unused, at(x));
            if projections { check.directions(2) } else { check }.run().unwrap()
        };
        let report = check(3.0);
        assert_eq!(report.verdict, Verdict::Passed, "{report}");
        assert!(report.vanishing >= 2, "{report}");
        // The gradient of the second is the first.
        let report = check(0.0);
        assert_eq!(report.undecided, [Reason::InputVanishes { input: 1 }], "{report}");
    }
}

#[test]
fn entries_that_are_zero_on_both_sides_are_counted_apart() {
    struct Masked;
    impl Program for Masked {
        fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
            let mask = Tensor::from_vec([4], vec![S::one(), S::zero(), S::one(), S::zero()])?;
            let mask = tape.constant(mask);
            let sine = tape.sin(inputs[0])?;
            let masked = tape.mul(sine, mask)?;
            Ok(tape.sum(masked)?)
        }
    }
    let at = || vec![Tensor::from_vec([4], vec![0.3, 0.4, 0.5, 0.6]).unwrap()];
    let report = check_gradient(&Masked, at()).unwrap();
    assert_eq!((report.compared, report.conclusive, report.vanishing), (4, 2, 2), "{report}");
    assert!(report.to_string().contains("2 of 4 comparisons conclusive, 2 zero on both sides"), "{report}");
    // Zero in evidence alone is wrong, and so is zero in the claim alone.
    for (entry, value) in [(1, 1e-6), (0, 0.0)] {
        let mut claim = vec![0.3_f64.cos(), 0.0, 0.5_f64.cos(), 0.0];
        claim[entry] = value;
        let report = GradCheck::new(&Masked, at()).claim(claim).run().unwrap();
        assert_eq!((report.verdict, report.failures), (Verdict::Failed, 1), "{report}");
    }
}
