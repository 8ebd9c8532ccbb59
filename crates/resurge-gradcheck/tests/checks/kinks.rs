//! Where there is nothing to compare, a check says so.

use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{
    AdjointCheck, GradCheck, GradcheckError, HessianCheck, Means, Place, Program, ProgramResult, TaylorCheck,
    Verdict, check_adjoint, check_gradient, check_hessian, check_taylor,
};
use resurge_snn::{Firing, Surrogate, spike};
use resurge_tensor::{Scalar, Tensor};
use std::collections::BTreeMap;

struct Kinked;

impl Program for Kinked {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let size = tape.abs(inputs[0])?;
        let bent = tape.mul(size, inputs[0])?;
        let both = tape.add(bent, size)?;
        Ok(tape.sum(both)?)
    }
}

#[test]
fn kinks_are_counted_and_located() {
    let at = vec![Tensor::from_vec([3], vec![0.5, -2f64.powi(-10), 0.0]).unwrap()];
    let report = GradCheck::new(&Kinked, at).run().unwrap();
    assert!(report.passed(), "{report}");
    // Entries 0 and 1 keep steps below their distance; at a kink itself there are none on both sides.
    assert_eq!((report.compared, report.conclusive, report.kinks), (3, 3, 3));
    let expected = [(Means::FiniteDifferences, 2), (Means::OneSidedDifferences, 1)];
    assert_eq!(report.evidence, BTreeMap::from(expected));
    let here = |entry: usize| Place::Entry { input: 0, index: vec![entry], output: vec![] };
    let (nearest, next) = (&report.nearest_kinks[0], &report.nearest_kinks[1]);
    assert_eq!(nearest.place, here(2));
    assert_eq!((&next.place, next.nearest_step), (&here(1), 2f64.powi(-10)));
    assert!(report.to_string().contains("1 by one-sided differences"), "{report}");
}

struct Silent;

impl Program for Silent {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let o = spike(tape, inputs[0], Surrogate::rectangle(1.0)?, Firing::Above)?;
        Ok(tape.sum(o)?)
    }
}

#[test]
fn a_vanishing_gradient_is_no_proof() {
    let at = vec![Tensor::full([2], 7.0).unwrap()];
    for check in [GradCheck::new(&Silent, at.clone()), GradCheck::new(&Silent, at.clone()).directions(3)] {
        assert_eq!(check.run().unwrap().verdict, Verdict::Undecided);
    }
    assert_eq!(AdjointCheck::new(&Silent, at.clone()).run().unwrap().verdict, Verdict::Undecided);
    assert_eq!(HessianCheck::new(&Silent, at.clone()).run().unwrap().verdict, Verdict::Undecided);
    assert_eq!(TaylorCheck::new(&Silent, at.clone()).run().unwrap().verdict, Verdict::Undecided);
    for error in [
        check_gradient(&Silent, at.clone()).map(drop),
        check_adjoint(&Silent, at.clone()).map(drop),
        check_hessian(&Silent, at.clone()).map(drop),
        check_taylor(&Silent, at).map(drop),
    ] {
        assert!(matches!(error, Err(GradcheckError::Rejected { .. })));
    }
}
