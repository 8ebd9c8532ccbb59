//! Estimates, their errors, and where there is none.

use super::*;
use crate::GradcheckError;

const SCAN: DifferenceScan = DifferenceScan { first_step: 1.0, halvings: 20, noise: 2e-16 };

fn derivative(f: impl Fn(f64) -> f64) -> Estimate {
    ridders(SCAN, |h| Ok(Some(f(h)))).unwrap().unwrap()
}

#[test]
fn the_error_estimate_covers_the_error() {
    // Functions that vary on very different scales, so that no single step suits them all.
    for k in [0.01, 1.0, 7.0, 100.0, 3000.0] {
        for x in [0.0, 0.3, 1.1] {
            let estimate = derivative(|h| (k * (x + h)).sin());
            let exact = k * (k * x).cos();
            assert!(
                (estimate.value - exact).abs() <= estimate.error,
                "k {k}, x {x}: {estimate:?} against {exact}"
            );
            assert!(estimate.error <= 1e-11 * k.max(1.0), "k {k}, x {x}: {estimate:?}");
        }
    }
}

#[test]
fn polynomials_are_exact_after_extrapolation() {
    let estimate = derivative(|h| 1.0 + 2.0 * h + 3.0 * h.powi(3) - h.powi(5));
    assert!((estimate.value - 2.0).abs() < 1e-14, "{estimate:?}");
}

#[test]
fn steps_across_a_kink_are_left_out() {
    // |h + 0.01| has slope 1 at 0, and a kink 0.01 away.
    let f = |h: f64| Ok((h.abs() < 0.01).then(|| (h + 0.01).abs() + h * h));
    let estimate = ridders(SCAN, f).unwrap().unwrap();
    assert!(estimate.step < 0.01 && (estimate.value - 1.0).abs() < 1e-12, "{estimate:?}");
    // At the kink itself no step can be used.
    assert_eq!(ridders(SCAN, |_| Ok(None)).unwrap(), None);
    // One usable step allows no extrapolation, and so no error estimate.
    let smallest = 2f64.powi(-19);
    assert_eq!(ridders(SCAN, |h: f64| Ok((h.abs() <= smallest).then_some(h))).unwrap(), None);
}

#[test]
fn steps_out_of_the_domain_are_left_out() {
    // ln(0.3 - 1) is not a number.
    let estimate = derivative(|h| (0.3 + h).ln());
    assert!((estimate.value - 1.0 / 0.3).abs() <= estimate.error && estimate.error < 1e-11, "{estimate:?}");
}

#[test]
fn noise_is_part_of_the_error() {
    let quiet = ridders(SCAN, |h| Ok(Some(h.sin()))).unwrap().unwrap();
    let loud = ridders(DifferenceScan { noise: 1e-9, ..SCAN }, |h| Ok(Some(h.sin()))).unwrap().unwrap();
    assert!(loud.error > 100.0 * quiet.error && loud.step >= quiet.step);
}

/// Counts the evaluations of `ridders` of a function with the given central differences at 1, 1/2, 1/4, ...
fn counted(scan: DifferenceScan, difference: impl Fn(i32) -> f64) -> (Estimate, u32) {
    let mut evaluations = 0;
    let f = |h: f64| {
        evaluations += 1;
        Ok(Some(h * difference(-h.abs().log2() as i32)))
    };
    (ridders(scan, f).unwrap().unwrap(), evaluations)
}

/// Of a straight line every difference is exact, so that the error is the noise: 2 noise / h at the second
/// step and more at each that follows. Three of them confirm it; then the scan ends.
#[test]
fn a_straight_line_is_done_after_three_confirmations() {
    let line = counted(SCAN, |_| 0.75);
    let error = 2.0 * SCAN.noise / 0.5;
    assert_eq!(line, (Estimate { value: 0.75, error, step: 0.5, extrapolations: 1 }, 10));
    // Without noise, no later estimate is better, and none refutes it.
    let line = counted(DifferenceScan { noise: 0.0, ..SCAN }, |_| 0.75);
    assert_eq!(line, (Estimate { value: 0.75, error: 0.0, step: 0.5, extrapolations: 1 }, 10));
}

/// Differences of 22.5 noises with alternating signs: one extrapolation errs by |37.5 + 22.5| noises, in
/// which the noise of 4 at the step 1/2 is hidden. At 1/32 the noise alone is as large, 64.
#[test]
fn the_scan_ends_where_the_noise_reaches_the_error() {
    let scan = DifferenceScan { noise: 2f64.powi(-40), ..SCAN };
    let a = 22.5 * scan.noise;
    let (estimate, evaluations) = counted(scan, |i| if i % 2 == 0 { -a } else { a });
    assert_eq!(estimate.value, 37.5 * scan.noise);
    assert_eq!((estimate.error, estimate.step), (64.0 * scan.noise, 0.5));
    assert_eq!(evaluations, 10);
}

#[test]
fn agreement_by_accident_is_refuted_by_smaller_steps() {
    // sin(4 pi h) vanishes at the steps 1, 1/2 and 1/4.
    let k = 4.0 * std::f64::consts::PI;
    let estimate = derivative(|h| (k * h).sin() / k);
    assert!((estimate.value - 1.0).abs() <= estimate.error && estimate.error < 1e-11, "{estimate:?}");
}

#[test]
fn after_a_hole_the_tableau_starts_again() {
    let f = |h: f64| Ok((h.abs() != 0.25).then(|| h.exp()));
    let estimate = ridders(SCAN, f).unwrap().unwrap();
    assert!((estimate.value - 1.0).abs() <= estimate.error && estimate.step < 0.125, "{estimate:?}");
    assert!(estimate.error < 1e-12 && estimate.extrapolations > 1, "{estimate:?}");
}

#[test]
fn a_row_is_extrapolated_with_the_one_above() {
    assert_eq!(extrapolate(2.0, &[], 4.0), [2.0]);
    assert_eq!(extrapolate(2.0, &[5.0], 4.0), [2.0, 1.0]);
    assert_eq!(extrapolate(2.0, &[5.0, 16.0], 4.0), [2.0, 1.0, 0.0]);
    assert_eq!(extrapolate(2.0, &[2.0; 9], 4.0), [2.0; 1 + MAX_EXTRAPOLATIONS]);
}

#[test]
fn steps_are_rounded_down_to_powers_of_two() {
    for (x, power) in [(1.0, 1.0), (1.9, 1.0), (3.0, 2.0), (0.75, 0.5), (0.25, 0.25), (1e-3, 1.0 / 1024.0)] {
        assert_eq!(power_of_two_below(x), power, "{x}");
    }
}

#[test]
fn steps_and_noise_outside_their_domain_are_named() {
    let named = |scan| match ridders(scan, |h| Ok(Some(h))) {
        Err(GradcheckError::Option { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    for first_step in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(named(DifferenceScan { first_step, ..SCAN }), "first step");
    }
    for noise in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(named(DifferenceScan { noise, ..SCAN }), "noise");
    }
}

#[test]
fn a_bend_narrower_than_every_step_is_not_decided() {
    // sqrt(x^2 + e^2) at x = e / 10: the derivative is 0.0995, but every step sees |x|, whose differences are x / h.
    // Below some hundred units in the last place of the values, a bend is rounding.
    for e in [1e-8, 1e-10] {
        let bend = |h: f64| ((0.1 * e + h).powi(2) + e * e).sqrt();
        let scan = DifferenceScan { halvings: 18, ..SCAN };
        let got = ridders(scan, |h| Ok(Some(bend(h)))).unwrap();
        assert!(got.is_none_or(|g| (g.value - 0.0995).abs() <= g.error), "{e}: {got:?}");
        // Smaller steps than the bend know it.
        let scan = DifferenceScan { first_step: e, noise: 1e-16 * e, ..SCAN };
        let got = ridders(scan, |h| Ok(Some(bend(h)))).unwrap().unwrap();
        assert!((got.value - 0.1 / 1.01_f64.sqrt()).abs() <= got.error, "{e}: {got:?}");
    }
    // x ln |x| has no derivative at 0: each halving adds as much as the one before.
    assert_eq!(ridders(SCAN, |h: f64| Ok(Some(h * h.abs().ln()))).unwrap(), None);
}

#[test]
fn rounding_that_is_ten_times_what_was_said_does_not_unsettle() {
    let mut sign = 1.0;
    let rough = |h: f64| {
        sign = -sign;
        Ok(Some(h.sin() + sign * 1e-15))
    };
    let got = ridders(DifferenceScan { noise: 1e-16, halvings: 30, ..SCAN }, rough).unwrap().unwrap();
    assert!((got.value - 1.0).abs() < 1e-12, "{got:?}");
}

#[test]
fn one_sided_differences_cover_their_error_and_tell_the_sides_apart() {
    for k in [0.01, 1.0, 7.0, 300.0] {
        for x in [0.0, 0.3, 1.1] {
            let f = |h: f64| (k * (x + h)).sin();
            let got = one_sided(SCAN, f(0.0), |h| Ok(Some(f(h)))).unwrap().unwrap();
            let exact = k * (k * x).cos();
            assert!((got.value - exact).abs() <= got.error, "k {k}, x {x}: {got:?} against {exact}");
            assert!(got.error <= 1e-9 * k.max(1.0), "k {k}, x {x}: {got:?}");
        }
    }
    // A jump at 0 has no derivative.
    assert_eq!(one_sided(SCAN, 0.0, |h| Ok(Some(1.0 + h))).unwrap(), None);
    // Another kink on the way: only the steps before it count.
    let until = |h: f64| Ok((h < 0.1).then(|| h.exp()));
    let got = one_sided(SCAN, 1.0, until).unwrap().unwrap();
    assert!((got.value - 1.0).abs() <= got.error && got.step < 0.1, "{got:?}");
}

#[test]
fn errors_of_the_function_come_through() {
    let failing = |_| Err(crate::GradcheckError::StepScale(0.0));
    assert!(ridders(SCAN, failing).is_err());
}
