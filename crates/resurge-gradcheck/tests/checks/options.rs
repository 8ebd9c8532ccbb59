//! The options of the checks, and the independence of threads.

use crate::drawn::{Drawn, WIDTH};
use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{
    AdjointCheck, CheckOptions, GradCheck, GradcheckError, HessianCheck, Program, ProgramResult, Reason,
    Result, Scheme, Stencil, TaylorCheck, Verdict,
};
use resurge_tensor::{Scalar, Tensor};

#[test]
fn every_scheme_agrees_and_every_option_is_checked() {
    let (program, at) = Drawn::new(8);
    let width = program.cell.surrogate().width();
    let check = || GradCheck::new(&program, at.clone()).width(width);
    for stencil in Stencil::ALL {
        for scheme in [Scheme::Fixed { stencil, step: None }, Scheme::Scanned { stencil }] {
            let report = check().scheme(scheme).run().unwrap();
            assert!(report.passed() && report.conclusive == 8, "{scheme:?}: {report}");
        }
    }
    let options = [check().width(0.0), check().width(f64::NAN), check().rtol(-1.0), check().safety(0.0)];
    for check in options {
        assert!(matches!(check.run(), Err(GradcheckError::Option { .. })));
    }
    let fixed = check().scheme(Scheme::Fixed { stencil: Stencil::Second, step: Some(-1.0) });
    assert!(matches!(fixed.run(), Err(GradcheckError::StepScale(_))));
    assert!(matches!(
        check().claim(vec![1.0]).run(),
        Err(GradcheckError::Length { expected: 8, actual: 1, .. })
    ));
    let taylor = TaylorCheck::new(&program, at.clone()).orders(4).run();
    assert!(matches!(taylor, Err(GradcheckError::Option { option: "orders", .. })));
}

#[test]
fn reports_do_not_depend_on_the_number_of_threads() {
    let (mut program, at) = Drawn::new(5);
    program.vector = true;
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let full = GradCheck::new(&program, at.clone()).width(WIDTH).run().unwrap();
            let fast = GradCheck::new(&program, at.clone()).directions(5).width(WIDTH).run().unwrap();
            let adjoint = AdjointCheck::new(&program, at.clone()).run().unwrap();
            let hessian = HessianCheck::new(&program, at.clone()).run().unwrap();
            let taylor = TaylorCheck::new(&program, at.clone()).width(WIDTH).run().unwrap();
            (full, fast, adjoint, hessian, taylor)
        })
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(3));
}

/// `sum(x^2 ln y) + 0 z`, so that the gradient of `z` is zero.
struct Logarithm;

impl Program for Logarithm {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let (square, logarithm) = (tape.square(inputs[0])?, tape.ln(inputs[1])?);
        let product = tape.mul(square, logarithm)?;
        let zero = tape.constant(Tensor::scalar(S::zero()));
        let nothing = tape.mul(zero, inputs[2])?;
        let sum = tape.add(product, nothing)?;
        Ok(tape.sum(sum)?)
    }
}

fn at(y: f64) -> Vec<Tensor<f64>> {
    vec![Tensor::scalar(0.75), Tensor::scalar(y), Tensor::scalar(1.0)]
}

/// Every check, run with these options: its verdict and what it says.
fn all(options: &CheckOptions, y: f64) -> [Result<(Verdict, String)>; 4] {
    let told = |verdict, report: &dyn std::fmt::Display| (verdict, report.to_string());
    [
        GradCheck::new(&Logarithm, at(y)).options(options.clone()).run().map(|r| told(r.verdict, &r)),
        AdjointCheck::new(&Logarithm, at(y)).options(options.clone()).run().map(|r| told(r.verdict, &r)),
        TaylorCheck::new(&Logarithm, at(y)).options(options.clone()).run().map(|r| told(r.verdict, &r)),
        HessianCheck::new(&Logarithm, at(y)).options(options.clone()).run().map(|r| told(r.verdict, &r)),
    ]
}

fn named() -> CheckOptions {
    let names = ["rate", "gain", "offset"].map(String::from).into();
    CheckOptions { names, ..CheckOptions::default() }
}

#[test]
fn every_check_names_an_input_and_the_operation_that_is_not_finite() {
    for result in all(&named(), 0.0) {
        let text = result.unwrap_err().to_string();
        assert!(text.contains("`ln`"), "{text}");
    }
    // What is no number itself is named before what it spoils.
    let Err(error) = GradCheck::new(&Logarithm, at(f64::NAN)).names(["rate", "gain", "offset"]).run() else {
        panic!("not a number is no point")
    };
    let text = error.to_string();
    assert!(text.contains("`gain`, entry []") && text.contains("`leaf`"), "{text}");
    for names in [vec!["one".to_owned()], vec!["n".to_owned(); 4]] {
        let wrong = CheckOptions { names: names.clone(), ..CheckOptions::default() };
        for result in all(&wrong, 2.0) {
            let error = result.unwrap_err();
            let GradcheckError::Names { expected: 3, actual } = error else { panic!("{error}") };
            assert_eq!(actual, names.len());
        }
    }
}

#[test]
fn an_input_without_a_gradient_is_called_by_its_name() {
    let [gradient, adjoint, taylor, hessian] = all(&named(), 2.0).map(Result::unwrap);
    for (verdict, text) in [gradient, adjoint, taylor] {
        assert_eq!(verdict, Verdict::Undecided, "{text}");
        assert!(text.contains("the gradient of `offset` is zero"), "{text}");
    }
    // A loss that is linear in an input has no second derivative to compare.
    assert_eq!(hessian.0, Verdict::Passed, "{}", hessian.1);
    let numbered = TaylorCheck::new(&Logarithm, at(2.0)).run().unwrap();
    assert_eq!(numbered.undecided, [Reason::InputVanishes { input: 2 }]);
    assert!(numbered.to_string().contains("the gradient of input 2 is zero"));
    // A claim that it has one is wrong, and no doubt.
    let right = [1.5 * 2.0_f64.ln(), 0.75 * 0.75 / 2.0];
    let claim = vec![right[0], right[1], 0.5];
    let taylor = TaylorCheck::new(&Logarithm, at(2.0)).claim(claim).run().unwrap();
    assert_eq!((taylor.verdict, &taylor.undecided[..]), (Verdict::Failed, &[][..]), "{taylor}");
}

#[test]
fn a_mismatch_is_at_the_input_of_its_name() {
    let wrong = vec![1.5 * 2.0_f64.ln(), 0.75 * 0.75 / 2.5, 0.0];
    let check = || GradCheck::new(&Logarithm, at(2.0)).options(named()).claim(wrong.clone());
    let text = check().run().unwrap().to_string();
    assert!(text.contains("`gain`, entry []: the gradient says"), "{text}");
    let text = check().directions(3).run().unwrap().to_string();
    assert!(text.contains("of `gain` (wrong at `gain`, entry [])"), "{text}");
}

/// Each option reaches every check: what is too strict rejects what is right, what is too lax accepts what is wrong.
#[test]
fn every_option_is_heard_by_every_check() {
    let (program, at) = Drawn::new(8);
    let width = program.cell.surrogate().width();
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        for (option, options) in [
            ("atol", CheckOptions { atol: bad, ..CheckOptions::default() }),
            ("rtol", CheckOptions { rtol: Some(bad), ..CheckOptions::default() }),
        ] {
            for result in all(&options, 2.0) {
                let error = result.unwrap_err();
                assert!(
                    matches!(error, GradcheckError::Option { option: named, .. } if named == option),
                    "{error}"
                );
            }
        }
    }
    let gradient = GradCheck::new(&program, at.clone()).width(width);
    let adjoint = || AdjointCheck::new(&program, at.clone());
    let hessian = || HessianCheck::new(&program, at.clone());
    let taylor = || TaylorCheck::new(&program, at.clone()).width(width);
    let passed = gradient.run().unwrap();
    assert!(passed.passed(), "{passed}");
    // Rounding is more than 1e-30 of anything, and what a product errs by it is measured only then.
    assert_ne!(adjoint().rtol(1e-30).run().unwrap().max_error, adjoint().run().unwrap().max_error);
    assert!(!hessian().rtol(1e-30).run().unwrap().passed());
    assert!(!taylor().rtol(1e-30).run().unwrap().passed());
    // What is too small to matter excuses it, ...
    assert!(adjoint().rtol(1e-30).atol(1e-9).run().unwrap().passed());
    assert!(hessian().rtol(1e-30).atol(1e-6).run().unwrap().passed());
    // ... and where that is everything, nothing was tested.
    assert_eq!(adjoint().atol(1e9).run().unwrap().undecided, [Reason::Vanishes]);
    assert_eq!(hessian().atol(1e9).run().unwrap().verdict, Verdict::Undecided);
    assert_eq!(taylor().atol(1e9).run().unwrap().orders[0].verdict, Verdict::Undecided);
    let claim = |off: f64| {
        let claim = vec![1.5 * 2.0_f64.ln() + off, 0.75 * 0.75 / 2.0, 0.0];
        GradCheck::new(&Logarithm, self::at(2.0)).claim(claim)
    };
    for (off, rtol, atol, failures) in
        [(1e-3, 1e-7, 0.0, 1), (1e-3, 1e-2, 0.0, 0), (1e-3, 1e-7, 2e-3, 0), (1e-3, 1e-7, 5e-4, 1)]
    {
        let report = claim(off).rtol(rtol).atol(atol).run().unwrap();
        assert_eq!(report.failures, failures, "{off} {rtol} {atol}: {report}");
    }
    let hidden = claim(0.0).atol(1e9).run().unwrap();
    assert_eq!((hidden.conclusive, &hidden.undecided[..]), (0, &[Reason::Vanishes][..]), "{hidden}");

    assert_eq!(adjoint().directions(3).run().unwrap().pairs.len(), 3);
    assert_eq!(hessian().directions(3).run().unwrap().pairs, 3);
    let order = &taylor().directions(3).run().unwrap().orders[0];
    assert_eq!(order.slopes.len() + order.vanishing, 3);
    // Four of both inputs, and three of each.
    assert_eq!(GradCheck::new(&program, at.clone()).width(width).directions(3).run().unwrap().compared, 10);
    // Another seed draws others.
    assert_ne!(adjoint().seed(1).run().unwrap().pairs, adjoint().seed(2).run().unwrap().pairs);
    assert_ne!(hessian().seed(1).run().unwrap(), hessian().seed(2).run().unwrap());
    assert_ne!(taylor().seed(1).run().unwrap().orders, taylor().seed(2).run().unwrap().orders);
    let projected = |seed| GradCheck::new(&program, at.clone()).width(width).directions(3).seed(seed);
    assert_ne!(projected(1).run().unwrap(), projected(2).run().unwrap());
    // The twin of a network that spikes is another program.
    let twin = CheckOptions { smooth_twin: true, ..CheckOptions::default() };
    assert_ne!(adjoint().run().unwrap().pairs, adjoint().options(twin).run().unwrap().pairs);
    assert_ne!(hessian().run().unwrap(), hessian().smooth_twin().run().unwrap());
}

/// The older words say the same.
#[test]
fn older_words_are_understood() {
    let (program, at) = Drawn::new(3);
    let adjoint = || AdjointCheck::new(&program, at.clone());
    assert_eq!(adjoint().pairs(2).run().unwrap(), adjoint().directions(2).run().unwrap());
    assert_eq!(adjoint().tolerance(1e-30).run().unwrap(), adjoint().rtol(1e-30).run().unwrap());
    let hessian = || HessianCheck::new(&program, at.clone());
    assert_eq!(hessian().pairs(2).run().unwrap(), hessian().directions(2).run().unwrap());
    assert_eq!(hessian().tolerance(1e-30).run().unwrap(), hessian().rtol(1e-30).run().unwrap());
    let taylor = || TaylorCheck::new(&program, at.clone()).width(WIDTH);
    assert_eq!(taylor().slope_tolerance(1e-3).run().unwrap(), taylor().rtol(1e-3).run().unwrap());
    let gradient = || GradCheck::new(&program, at.clone()).width(WIDTH);
    assert_eq!(gradient().projections(2).run().unwrap(), gradient().directions(2).run().unwrap());
}
