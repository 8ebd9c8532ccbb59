use super::*;
use crate::{GradcheckError, Place, Reason, Verdict};

fn at(values: &[f64]) -> Vec<Tensor<f64>> {
    vec![Tensor::from_vec([values.len()], values.to_vec()).unwrap()]
}

fn check(point: &[f64], claim: &[f64], f: impl Fn(&[f64]) -> f64) -> CheckReport {
    FunctionCheck::new(at(point), &[], claim.to_vec()).run(|x| Ok(vec![f(x)])).unwrap()
}

#[test]
fn smooth_functions_in_any_unit() {
    for scale in [1e-12, 1e-9, 1e-3, 1.0, 1e3, 1e9] {
        // One that varies over the size of its input, and one that varies over 1.
        let f = |x: &[f64]| (x[0] / scale).sin() + (x[1] / scale).exp();
        let right = [1.1_f64.cos() / scale, 0.4_f64.exp() / scale];
        let point = [1.1 * scale, 0.4 * scale];
        assert!(check(&point, &right, f).passed(), "{scale}: {}", check(&point, &right, f));
        for wrong in [[right[0] * 1.01, right[1]], [-right[0], right[1]], [right[0], 0.0]] {
            assert_eq!(check(&point, &wrong, f).verdict, Verdict::Failed, "{scale}");
        }
        assert!(
            check(&point, &[point[0].cos(), 0.0], |x| x[0].sin() + 0.0 * x[1]).verdict != Verdict::Failed
        );
    }
}

#[test]
fn the_wrong_entry_is_named_with_a_hint() {
    let f = |x: &[f64]| Ok(vec![x[0] * x[1], x[2] * x[3]]);
    let claim = vec![2.0, 1.0, 0.0, 0.0, 0.0, 0.0, -4.0, 3.0];
    let inputs = vec![
        Tensor::from_vec([2], vec![1.0, 2.0]).unwrap(),
        Tensor::from_vec([1, 2], vec![3.0, 4.0]).unwrap(),
    ];
    let report = FunctionCheck::new(inputs, &[2], claim).run(f).unwrap();
    assert_eq!((report.verdict, report.failures), (Verdict::Failed, 1));
    let found = &report.mismatches[0];
    assert_eq!(found.place, Place::Entry { input: 1, index: vec![0, 0], output: vec![1] });
    assert_eq!(found.hints, ["the reference with the opposite sign"]);
}

#[test]
fn at_a_kink_a_subgradient_is_right_and_nothing_else() {
    let relu = |x: &[f64]| x[0].max(0.0);
    for (claim, verdict) in
        [(0.5, Verdict::Passed), (1.0, Verdict::Passed), (1.5, Verdict::Failed), (-1e6, Verdict::Failed)]
    {
        let report = check(&[0.0], &[claim], relu);
        assert_eq!(report.verdict, verdict, "{claim}: {report}");
        assert_eq!(report.kinks, 1);
    }
    let abs = |x: &[f64]| (x[0] - 3.0).abs() + x[0];
    assert!(check(&[3.0], &[1.0], abs).passed());
    assert_eq!(check(&[3.0], &[2.5], abs).verdict, Verdict::Failed);
    // Two tied for a maximum: each slope is between 0 and 1, and together they are 1.
    let max = |x: &[f64]| x[0].max(x[1]);
    assert!(check(&[2.0, 2.0], &[0.5, 0.5], max).passed());
    assert!(check(&[2.0, 2.0], &[1.0, 0.0], max).passed());
    assert_eq!(check(&[2.0, 2.0], &[1.0, 1.0], max).verdict, Verdict::Failed);
}

#[test]
fn a_kink_beside_the_point_is_none_there() {
    for distance in [1e-9, 1e-6, 1e-3] {
        let report = check(&[distance], &[1.0], |x| x[0].max(0.0));
        assert_ne!(report.verdict, Verdict::Failed, "{distance}: {report}");
        assert_eq!(check(&[distance], &[1.5], |x| x[0].max(0.0)).verdict, Verdict::Failed, "{distance}");
    }
}

#[test]
fn nothing_passes_untested() {
    let nothing = check(&[0.3, 0.7], &[0.0, 0.0], |_| 4.0);
    assert_eq!((nothing.verdict, &nothing.undecided[..]), (Verdict::Undecided, &[Reason::Vanishes][..]));
    let none = FunctionCheck::new(at(&[]), &[], vec![]).run(|_| Ok(vec![1.0])).unwrap();
    assert_eq!(none.verdict, Verdict::Undecided);
    let inputs = [at(&[0.5]), at(&[0.5])].concat();
    let one = FunctionCheck::new(inputs, &[], vec![1.0, 0.0]).run(|x| Ok(vec![x[0]])).unwrap();
    assert_eq!(one.undecided, [Reason::InputVanishes { input: 1 }]);
    // A jump: no difference settles.
    let jump = check(&[0.0], &[0.0], |x| if x[0] >= 0.0 { 1.0 } else { 0.0 });
    assert_ne!(jump.verdict, Verdict::Passed, "{jump}");
}

#[test]
fn noise_widens_the_tolerance_and_may_leave_nothing_decided() {
    let rough = |level: f64| move |x: &[f64]| x[0].sin() + level * (x[0] * 1e13).sin();
    let fine = check(&[0.7], &[0.7_f64.cos()], rough(1e-10));
    assert!(fine.passed() && fine.noise > 1e-11, "{fine}");
    let coarse = check(&[0.7], &[0.7_f64.cos()], rough(1e-3));
    assert_eq!(coarse.verdict, Verdict::Undecided, "{coarse}");
    assert_eq!(check(&[0.7], &[2.0], rough(1e-3)).verdict, Verdict::Failed);
}

#[test]
fn a_function_in_single_precision() {
    let f = |x: &[f64]| {
        let (a, b) = (x[0] as f32, x[1] as f32);
        Ok(vec![f64::from((a * b).tanh() + a)])
    };
    let (a, b) = (0.75_f64, 0.625);
    let sech = 1.0 - (a * b).tanh().powi(2);
    let right = vec![sech * b + 1.0, sech * a];
    let checked = |claim: Vec<f64>| {
        let check = FunctionCheck::new(at(&[a, b]), &[], claim).roundoff(2f64.powi(-24)).rtol(1e-3);
        check.run(f).unwrap()
    };
    assert!(checked(right.clone()).passed(), "{}", checked(right.clone()));
    assert_eq!(checked(vec![right[0], right[1] * 1.02]).verdict, Verdict::Failed);
}

#[test]
fn a_function_that_is_none_is_refused() {
    let mut calls = 0;
    let random = |x: &[f64]| {
        calls += 1;
        Ok(vec![x[0] + 1e-9 * f64::from(calls)])
    };
    let error = FunctionCheck::new(at(&[1.0]), &[], vec![1.0]).run(random).unwrap_err();
    assert!(matches!(error, GradcheckError::BasePoint { .. }));
    let mut calls = 0;
    let random = |x: &[f64]| {
        calls += 1;
        Ok(vec![x[0] + 1e-9 * f64::from(calls % 2)])
    };
    let check = FunctionCheck::new(at(&[1.0]), &[], vec![1.0]).nondeterminism(1e-8);
    assert_ne!(check.run(random).unwrap().verdict, Verdict::Failed);
}

#[test]
fn steps_out_of_the_domain_are_not_taken() {
    let logarithm = |x: &[f64]| match x[0] > 0.0 {
        true => Ok(vec![x[0].ln()]),
        false => Err("only positive numbers have one".into()),
    };
    assert!(FunctionCheck::new(at(&[1e-3]), &[], vec![1e3]).run(logarithm).unwrap().passed());
    let error = FunctionCheck::new(at(&[-1.0]), &[], vec![1.0]).run(logarithm).unwrap_err();
    assert_eq!(error.to_string(), "the program failed: only positive numbers have one");
}

#[test]
fn what_is_no_claim_is_refused() {
    let run = |claim: Vec<f64>| FunctionCheck::new(at(&[1.0, 2.0]), &[], claim).run(|x| Ok(vec![x[0]]));
    assert!(matches!(run(vec![1.0]).unwrap_err(), GradcheckError::Length { .. }));
    assert!(run(vec![1.0, f64::NAN]).unwrap_err().to_string().contains("input 0, entry [1]"));
    let option = |check: FunctionCheck| check.run(|x| Ok(vec![x[0]])).unwrap_err();
    assert!(matches!(
        option(FunctionCheck::new(at(&[1.0]), &[], vec![1.0]).rtol(0.0)),
        GradcheckError::Option { .. }
    ));
    assert!(matches!(
        option(FunctionCheck::new(at(&[1.0]), &[], vec![1.0]).atol(-1.0)),
        GradcheckError::Option { .. }
    ));
}

#[test]
fn a_given_step_and_directions() {
    let cube = |x: &[f64]| Ok(vec![x.iter().map(|x| x.powi(3)).sum::<f64>()]);
    let point: Vec<f64> = (1..40).map(f64::from).collect();
    let right: Vec<f64> = point.iter().map(|x| 3.0 * x * x).collect();
    let scheme = Scheme::Fixed { stencil: crate::Stencil::Second, step: Some(1e-6) };
    let fixed = FunctionCheck::new(at(&point), &[], right.clone()).scheme(scheme).rtol(1e-3).atol(1e-5);
    assert!(fixed.run(cube).unwrap().passed(), "{}", fixed.run(cube).unwrap());
    let cheap = FunctionCheck::new(at(&point), &[], right.clone()).directions(4);
    let report = cheap.run(cube).unwrap();
    assert!(report.passed() && report.compared == 4, "{report}");
    let mut wrong = right;
    wrong[7] *= -1.0;
    assert_eq!(
        FunctionCheck::new(at(&point), &[], wrong).directions(4).run(cube).unwrap().verdict,
        Verdict::Failed
    );
}
