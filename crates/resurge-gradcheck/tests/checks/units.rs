//! Inputs of one program in units that are powers of ten apart: none hides another.

use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{
    AdjointCheck, AnchoredProgram, CheckReport, Directions, Evidence, GradCheck, Place, Program,
    ProgramResult, TaylorCheck, Verdict,
};
use resurge_snn::{Cell, Surrogate, linear};
use resurge_tensor::{Scalar, Tensor};

/// A spiking layer whose input is in a large unit, and its weights in the inverse of it; or a smooth one.
struct Units {
    unit: f64,
    spikes: bool,
}

impl Program for Units {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let current = linear(tape, inputs[0], inputs[1], Some(inputs[2]))?;
        let output = if self.spikes {
            let run = Cell::lif(Surrogate::sigmoid(0.3)?).run(tape, current)?;
            tape.stack(&run.traces)?
        } else {
            tape.tanh(current)?
        };
        let square = tape.square(output)?;
        let sum = tape.sum(square)?;
        Ok(tape.scale(sum, 1.0 / self.unit.sqrt())?)
    }
}

impl Units {
    fn at(&self) -> Vec<Tensor<f64>> {
        let unit = self.unit;
        vec![
            Tensor::from_fn([4, 1, 3], |i| unit * (0.3 + (i as f64 * 0.9).sin().abs())).unwrap(),
            Tensor::from_fn([2, 3], |i| (0.35 + 0.1 * (i as f64 * 1.7).cos()) / unit).unwrap(),
            Tensor::from_fn([2], |i| 0.1 + 0.05 * i as f64).unwrap(),
        ]
    }

    fn check(&self, claim: Option<Vec<f64>>, projections: bool) -> CheckReport {
        let check = GradCheck::new(self, self.at()).width(0.3);
        let check = if projections { check.directions(4) } else { check };
        let check = match claim {
            Some(claim) => check.claim(claim),
            None => check,
        };
        check.run().unwrap()
    }
}

const UNITS: [f64; 5] = [1.0, 1e5, 1e9, 1e-5, 1e-9];

type Fault = fn(&mut [f64]);
const FAULTS: [(&str, Fault); 3] = [
    ("zeroed", |g| g.fill(0.0)),
    ("flipped", |g| g.iter_mut().for_each(|x| *x = -*x)),
    ("scaled by 1 + 1e-5", |g| g.iter_mut().for_each(|x| *x *= 1.0 + 1e-5)),
];

/// Where each input begins, and the end.
const STARTS: [usize; 4] = [0, 12, 18, 20];

fn each(mut check: impl FnMut(&Units, String)) {
    for spikes in [false, true] {
        for unit in UNITS {
            check(&Units { unit, spikes }, format!("unit {unit:e}, spikes {spikes}"));
        }
    }
}

/// The gradient with a fault in one input.
fn faulty(program: &Units, input: usize, fault: Fault) -> Vec<f64> {
    let mut claim = AnchoredProgram::new(program, program.at()).unwrap().gradient().to_vec();
    fault(&mut claim[STARTS[input]..STARTS[input + 1]]);
    claim
}

#[test]
fn right_gradients_pass_in_every_unit() {
    each(|program, name| {
        for projections in [false, true] {
            let report = program.check(None, projections);
            assert_eq!(report.verdict, Verdict::Passed, "{name}, projections {projections}: {report}");
            assert_eq!(report.conclusive, report.compared, "{name}: {report}");
        }
        assert!(AdjointCheck::new(program, program.at()).run().unwrap().passed(), "{name}");
        let taylor = TaylorCheck::new(program, program.at()).width(0.3).run().unwrap();
        assert_eq!(taylor.verdict, Verdict::Passed, "{name}: {taylor:?}");
    });
}

#[test]
fn a_fault_in_any_input_is_found_in_every_unit() {
    each(|program, name| {
        for input in 0..3 {
            for (fault, change) in FAULTS {
                let claim = faulty(program, input, change);
                for projections in [false, true] {
                    let report = program.check(Some(claim.clone()), projections);
                    let what = format!("{name}, input {input} {fault}, projections {projections}: {report}");
                    assert_eq!(report.verdict, Verdict::Failed, "{what}");
                    let named = report.mismatches.iter().any(|m| match &m.place {
                        Place::Entry { input: at, .. } => *at == input,
                        Place::Direction { input: at, .. } => *at == Some(input),
                    });
                    assert!(named, "{what}");
                }
            }
        }
    });
}

#[test]
fn evidence_knows_every_input_in_its_own_unit() {
    each(|program, name| {
        let anchored = AnchoredProgram::new(program, program.at()).unwrap();
        let directions = Directions::new(anchored.gradient(), 4, 2, 1);
        let evidence = Evidence::gather(&anchored, &directions, 0.3).unwrap();
        let right = evidence.compare(anchored.gradient()).unwrap();
        assert!(right.finite_difference < 1e-8 && right.dual < 1e-12, "{name}: {right:?}");
        assert!(right.complex_step < 1e-12 && right.conclusive > right.skipped, "{name}: {right:?}");
        for input in 0..3 {
            for (fault, change) in FAULTS {
                let wrong = evidence.compare(&faulty(program, input, change)).unwrap();
                let seen = [wrong.finite_difference, wrong.complex_step, wrong.dual];
                assert!(seen.iter().all(|e| *e > 1e-6), "{name}, input {input} {fault}: {wrong:?}");
            }
        }
    });
}

#[test]
fn taylor_sees_a_fault_in_any_input() {
    each(|program, name| {
        for input in 0..3 {
            // Not the small one: a Taylor test is weak against relative errors of 1e-5.
            for (fault, change) in &FAULTS[..2] {
                let claim = faulty(program, input, *change);
                let taylor = TaylorCheck::new(program, program.at()).width(0.3).orders(2).claim(claim);
                let report = taylor.run().unwrap();
                assert_eq!(report.verdict, Verdict::Failed, "{name}, input {input} {fault}: {report:?}");
            }
        }
    });
}

/// A vector-Jacobian product that flips the gradient of its second operand alone.
#[derive(Debug, Clone, Copy)]
struct Flipped;

impl<S: Scalar> resurge_autodiff::Op<S> for Flipped {
    fn name(&self) -> &'static str {
        "flipped"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> resurge_autodiff::Result<Tensor<S>> {
        Ok(inputs[0].add(inputs[1])?)
    }

    fn vjp(
        &self,
        at: &resurge_autodiff::Vjp<'_, S>,
    ) -> resurge_autodiff::Result<resurge_autodiff::Contributions<S>> {
        let flipped = at.cotangent.scale(S::from_f64(-1.0));
        Ok(smallvec::smallvec![Some(at.cotangent.clone().into()), Some(flipped.into())])
    }
}

/// `1e9 x + y`, with the gradient of y flipped.
struct Drowned;

impl Program for Drowned {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let large = tape.scale(inputs[0], 1e9)?;
        let sum = tape.apply(Flipped, &[large, inputs[1]])?;
        Ok(tape.sum(sum)?)
    }
}

#[test]
fn a_product_with_a_large_input_does_not_drown_that_with_a_small_one() {
    let at = || vec![Tensor::full([2], 0.5).unwrap(), Tensor::full([2], 0.25).unwrap()];
    let report = AdjointCheck::new(&Drowned, at()).run().unwrap();
    assert_eq!((report.verdict, report.suspect.map(|(input, _)| input)), (Verdict::Failed, Some(1)));
    for check in [GradCheck::new(&Drowned, at()), GradCheck::new(&Drowned, at()).directions(3)] {
        let report = check.run().unwrap();
        assert_eq!(report.verdict, Verdict::Failed, "{report}");
    }
}

#[test]
fn units_can_be_given() {
    let program = Units { unit: 1e7, spikes: false };
    let check = |scales: Vec<f64>| GradCheck::new(&program, program.at()).scales(scales).run();
    let report = check(vec![1e7, 1e-7, 1.0]).unwrap();
    assert!(report.passed() && report.conclusive == 20, "{report}");
    assert!(check(vec![1.0]).is_err() && check(vec![1.0, -1.0, 1.0]).is_err());
}
