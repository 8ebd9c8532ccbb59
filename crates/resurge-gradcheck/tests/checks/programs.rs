//! Correct programs are never rejected; what is no function of its inputs, or has another gradient, is.

use crate::drawn::{Drawn, WIDTH};
use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{
    AdjointCheck, GradCheck, GradcheckError, HessianCheck, Program, ProgramResult, TaylorCheck, Verdict,
    check_gradient,
};
use resurge_snn::{Cell, ResetGradient, Surrogate, batch_norm_per_step};
use resurge_tensor::{Scalar, Tensor};

/// Checks the gradients of the programs that `seeds` draw; how many of them compared nothing.
fn gradients_pass(seeds: std::ops::Range<u64>) -> usize {
    let mut nothing = 0;
    for seed in seeds {
        let (program, at) = Drawn::new(seed);
        let width = program.cell.surrogate().width();
        let check = GradCheck::new(&program, at).width(width).seed(seed);
        let check = if seed % 2 == 0 { check.full() } else { check.directions(2) };
        let report = check.run().unwrap();
        assert_ne!(report.verdict, Verdict::Failed, "seed {seed}: {report}");
        nothing += usize::from(report.verdict == Verdict::Undecided);
    }
    nothing
}

fn other_checks_pass(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let (mut program, at) = Drawn::new(seed);
        program.vector = seed % 2 == 1;
        let width = program.cell.surrogate().width();
        let adjoint = AdjointCheck::new(&program, at.clone()).directions(3).seed(seed).run().unwrap();
        assert_ne!(adjoint.verdict, Verdict::Failed, "seed {seed}: {adjoint:?}");
        let hessian = HessianCheck::new(&program, at.clone()).directions(2).seed(seed).run().unwrap();
        assert_ne!(hessian.verdict, Verdict::Failed, "seed {seed}: {hessian:?}");
        let taylor = TaylorCheck::new(&program, at).width(width).directions(2).seed(seed).run().unwrap();
        assert_ne!(taylor.verdict, Verdict::Failed, "seed {seed}: {taylor:?}");
    }
}

#[test]
fn correct_programs_are_never_rejected() {
    let nothing = gradients_pass(0..2000);
    assert!(nothing < 40, "{nothing} of 2000 checks compared nothing");
}

#[test]
fn the_other_checks_never_reject_correct_programs() {
    other_checks_pass(0..300);
}

#[test]
#[ignore = "takes two minutes; run it with --release after a change of steps, windows or tolerances"]
fn ten_thousand_correct_programs_are_never_rejected() {
    gradients_pass(10_000..20_000);
    other_checks_pass(10_000..20_000);
}

/// Batch normalisation with the statistics and the scale of each step, in front of a cell.
struct PerStep(Cell);

impl Program for PerStep {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let (current, _) = batch_norm_per_step(tape, inputs[0], inputs[1], 1e-3)?;
        let run = self.0.run(tape, current)?;
        let traces = tape.stack(&run.traces)?;
        let weighted = tape.mul(traces, inputs[0])?;
        Ok(tape.sum(weighted)?)
    }
}

#[test]
fn statistics_of_each_step_are_differentiated_through() {
    let cell = Cell::lif(Surrogate::sigmoid(WIDTH).unwrap()).with_threshold(0.7).unwrap();
    let x = Tensor::from_fn([4, 3, 2], |i| (i as f64 * 1.7).sin()).unwrap();
    let gamma = Tensor::from_fn([4, 2], |i| 0.8 + 0.1 * i as f64).unwrap();
    let report = GradCheck::new(&PerStep(cell), vec![x, gamma]).width(WIDTH).run().unwrap();
    assert!(report.passed() && report.conclusive == 32, "{report}");
}

/// A program that counts its runs is not a function of its inputs.
struct Counting(std::sync::atomic::AtomicU32);

impl Program for Counting {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let runs = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let shifted = tape.shift(inputs[0], f64::from(runs))?;
        Ok(tape.sum(shifted)?)
    }
}

#[test]
fn a_program_with_a_memory_is_refused() {
    let at = vec![Tensor::full([2], 1.0).unwrap()];
    let error = check_gradient(&Counting(0.into()), at).unwrap_err();
    assert!(matches!(error, GradcheckError::BasePoint { recorded: 2.0, again: 4.0 }), "{error}");
}

/// The detached gradient is right for its own program, on the anchored program; on the smooth twin it is not the
/// derivative of anything.
#[test]
fn the_smooth_twin_rejects_a_detached_reset() {
    let (mut program, at) = Drawn::new(4);
    let check = |program: &Drawn| {
        let check = || GradCheck::new(program, at.clone()).width(0.5);
        [check(), check().smooth_twin()].map(|check| check.run().unwrap().verdict)
    };
    program.cell = Cell::lif(Surrogate::sigmoid(WIDTH).unwrap()).with_reset_gradient(ResetGradient::Detached);
    assert_eq!(check(&program), [Verdict::Passed, Verdict::Failed]);
    program.cell = program.cell.with_reset_gradient(ResetGradient::Full);
    assert_eq!(check(&program), [Verdict::Passed, Verdict::Passed]);
}
