//! The options of the checks, and the independence of threads.

use crate::drawn::{Drawn, WIDTH};
use resurge_gradcheck::{
    AdjointCheck, GradCheck, GradcheckError, HessianCheck, Scheme, Stencil, TaylorCheck,
};

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
            let fast = GradCheck::new(&program, at.clone()).projections(5).width(WIDTH).run().unwrap();
            let adjoint = AdjointCheck::new(&program, at.clone()).run().unwrap();
            let hessian = HessianCheck::new(&program, at.clone()).run().unwrap();
            let taylor = TaylorCheck::new(&program, at.clone()).width(WIDTH).run().unwrap();
            (full, fast, adjoint, hessian, taylor)
        })
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(3));
}
