//! A report names the place, the values and a likely reason.

use crate::drawn::{Drawn, WIDTH};
use resurge_gradcheck::{AnchoredProgram, GradCheck, Hints, Place};

#[test]
fn a_report_names_place_values_and_reason() {
    let (program, at) = Drawn::new(4);
    let mut gradient = AnchoredProgram::new(&program, at.clone()).unwrap().gradient().to_vec();
    let right = gradient[4];
    gradient[4] *= 0.7;
    let hints = Hints::new().factor("theta", 0.7);
    let check = GradCheck::new(&program, at).width(WIDTH).claim(gradient).hints(hints);
    let report = check.run().unwrap();
    assert_eq!((report.failures, report.mismatches.len()), (1, 1));
    let mismatch = &report.mismatches[0];
    assert_eq!(mismatch.place, Place::Entry { input: 0, index: vec![1, 1], output: vec![] });
    assert_eq!(mismatch.claimed, right * 0.7);
    assert!((mismatch.reference - right).abs() <= 10.0 * mismatch.reference_error);
    assert!(mismatch.step > 0.0 && mismatch.allowed < 1e-5 * right.abs().max(1.0));
    assert_eq!(mismatch.hints, ["theta times the reference: a factor theta too many"]);
    let text = report.to_string();
    assert!(text.contains("input 0, entry [1, 1]") && text.contains("a factor theta too many"), "{text}");

    // A projection alone does not say which entry; halving its support does.
    let projected = check.directions(3).run().unwrap();
    let Place::Direction { suspect, .. } = &projected.mismatches[0].place else { panic!("{projected}") };
    assert_eq!(suspect, &Some((0, vec![1, 1])));
}

#[test]
fn whole_gradients_are_explained() {
    let (program, at) = Drawn::new(4);
    let gradient = AnchoredProgram::new(&program, at.clone()).unwrap().gradient().to_vec();
    let mean: Vec<f64> = gradient.iter().map(|g| g / 5.0).collect();
    let hints = Hints::new().factor("number of steps", 5.0);
    let report = GradCheck::new(&program, at).width(WIDTH).claim(mean).hints(hints).run().unwrap();
    assert!(report.hints.iter().any(|h| h.contains("a factor number of steps is missing")), "{report}");
}
