//! Where differences cannot decide, exact derivatives do, and the report says so.

use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{AnchoredProgram, CheckReport, GradCheck, Means, Program, ProgramResult, Verdict};
use resurge_tensor::{Scalar, Tensor};

#[derive(Debug, Clone, Copy)]
enum Narrow {
    /// `offset + sqrt(x^2 + e^2)`, summed: a bend of width e.
    Bend { offset: f64, e: f64 },
    /// The distance of two vectors.
    Distance,
    /// One minus the cosine of the angle between two vectors.
    Angle,
}

impl Program for Narrow {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        if let Self::Bend { offset, e } = *self {
            let square = tape.square(inputs[0])?;
            let square = tape.shift(square, e * e)?;
            let root = tape.sqrt(square)?;
            let root = tape.shift(root, offset)?;
            return Ok(tape.sum(root)?);
        }
        let mut product = |a: Var, b: Var| -> Result<Var, resurge_autodiff::AutodiffError> {
            let product = tape.mul(a, b)?;
            tape.sum(product)
        };
        let (a, b) = (inputs[0], inputs[1]);
        if let Self::Angle = self {
            let (ab, aa, bb) = (product(a, b)?, product(a, a)?, product(b, b)?);
            let sizes = tape.mul(aa, bb)?;
            let sizes = tape.sqrt(sizes)?;
            let cosine = tape.div(ab, sizes)?;
            let negative = tape.neg(cosine)?;
            return Ok(tape.shift(negative, 1.0)?);
        }
        let apart = tape.sub(a, b)?;
        let square = tape.square(apart)?;
        let sum = tape.sum(square)?;
        Ok(tape.sqrt(sum)?)
    }
}

fn pair(apart: f64) -> Vec<Tensor<f64>> {
    let a = vec![0.6, -0.3, 0.8];
    let b = a.iter().zip([0.7, 0.4, -0.5]).map(|(x, d)| x + apart * d).collect();
    vec![Tensor::from_vec([3], a).unwrap(), Tensor::from_vec([3], b).unwrap()]
}

fn cases() -> Vec<(Narrow, Vec<Tensor<f64>>)> {
    let mut cases = Vec::new();
    for e in [1e-8, 1e-10, 1e-12] {
        for offset in [0.0, 1.0] {
            let at = vec![Tensor::from_vec([3], vec![0.1 * e, -0.7 * e, 3.0 * e]).unwrap()];
            cases.push((Narrow::Bend { offset, e }, at));
        }
    }
    for apart in [1e-3, 1e-5, 1e-7, 1e-9] {
        cases.push((Narrow::Distance, pair(apart)));
        if apart > 1e-7 {
            cases.push((Narrow::Angle, pair(apart)));
        }
    }
    cases
}

fn check(program: Narrow, at: &[Tensor<f64>], claim: Option<Vec<f64>>, projections: bool) -> CheckReport {
    let check = GradCheck::new(&program, at.to_vec());
    let check = if projections { check.directions(4) } else { check };
    match claim {
        Some(claim) => check.claim(claim).run().unwrap(),
        None => check.run().unwrap(),
    }
}

#[test]
fn right_gradients_pass_by_the_best_evidence() {
    let mut exact = 0;
    for (program, at) in cases() {
        for projections in [false, true] {
            let report = check(program, &at, None, projections);
            assert_eq!(report.verdict, Verdict::Passed, "{program:?}, {projections}: {report}");
            exact += report.evidence.get(&Means::DualNumbers).copied().unwrap_or(0);
        }
    }
    assert!(exact > 20, "{exact}");
}

#[test]
fn wrong_gradients_fail_by_the_best_evidence() {
    type Fault = fn(&mut [f64]);
    let faults: [(&str, Fault); 4] = [
        ("one flipped", |g| g[1] = -g[1]),
        ("one zero", |g| g[2] = 0.0),
        ("doubled", |g| g.iter_mut().for_each(|x| *x *= 2.0)),
        ("one off by 1e-3", |g| g[0] *= 1.001),
    ];
    for (program, at) in cases() {
        let right = AnchoredProgram::new(&program, at.clone()).unwrap().gradient().to_vec();
        for (fault, change) in faults {
            let mut claim = right.clone();
            change(&mut claim);
            let report = check(program, &at, Some(claim), false);
            assert_eq!(report.verdict, Verdict::Failed, "{program:?}, {fault}: {report}");
        }
    }
}

#[test]
fn the_report_names_the_evidence() {
    let at = vec![Tensor::from_vec([1], vec![1e-13]).unwrap()];
    let report = check(Narrow::Bend { offset: 1.0, e: 1e-12 }, &at, Some(vec![0.5]), false);
    assert_eq!(report.mismatches[0].evidence, Means::DualNumbers, "{report}");
    assert!(report.to_string().contains("dual numbers and the complex step say 9.95"), "{report}");
    let report = check(Narrow::Bend { offset: 1.0, e: 1e-12 }, &at, None, false);
    assert!(report.to_string().contains("(1 by dual numbers and the complex step)"), "{report}");
}

/// `x^2 + x`, where the second term has left the tape: dual numbers and the complex step lose it as the gradient does.
struct Escaped;

impl Program for Escaped {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let kept = tape.square(inputs[0])?;
        let lost = tape.value(inputs[0])?.map(|x| S::from_f64(x.re()));
        let lost = tape.constant(lost);
        let both = tape.add(kept, lost)?;
        Ok(tape.sum(both)?)
    }
}

#[test]
fn differences_overrule_duals_that_lose_a_path() {
    let at = vec![Tensor::from_vec([2], vec![0.4, 1.5]).unwrap()];
    for check in [GradCheck::new(&Escaped, at.clone()), GradCheck::new(&Escaped, at.clone()).directions(3)] {
        let report = check.run().unwrap();
        assert_eq!(report.verdict, Verdict::Failed, "{report}");
        assert!(report.mismatches.iter().all(|m| m.evidence == Means::FiniteDifferences), "{report}");
    }
    let right = GradCheck::new(&Escaped, at).claim(vec![1.8, 4.0]).run().unwrap();
    assert_eq!((right.verdict, right.conclusive), (Verdict::Passed, 2), "{right}");
}
