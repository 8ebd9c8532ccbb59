//! Finite differences whose step is chosen, and whose error is known.

use crate::{GradcheckError, Result};

/// An estimate of a derivative with its own error.
///
/// ```
/// use resurge_gradcheck::{DifferenceScan, Estimate, ridders};
///
/// let scan = DifferenceScan { first_step: 0.5, halvings: 16, noise: 1e-16 };
/// let estimate: Estimate = ridders(scan, |h| Ok(Some(h.sin())))?.ok_or("no kinks")?;
/// assert!((estimate.value - 1.0).abs() <= estimate.error && estimate.step <= 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The derivative.
    pub value: f64,
    /// An estimate of its error: the spread of the extrapolation plus the noise floor at its step.
    pub error: f64,
    /// The smaller of the steps that it was extrapolated from.
    pub step: f64,
    /// How many orders of the truncation error were eliminated.
    pub extrapolations: usize,
}

/// The steps to scan, and what is known of the function's rounding noise.
///
/// ```
/// use resurge_gradcheck::{DifferenceScan, ridders};
///
/// let scan = DifferenceScan { first_step: 0.5, halvings: 16, noise: 1e-16 };
/// assert!(ridders(scan, |_| Ok(None))?.is_none()); // a kink at every step
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DifferenceScan {
    /// The largest step. It is rounded to a power of two, so that points on a dyadic grid move exactly.
    pub first_step: f64,
    /// How many steps, each half of the one before.
    pub halvings: usize,
    /// The absolute rounding error of one evaluation of the function.
    pub noise: f64,
}

impl DifferenceScan {
    fn check(&self) -> Result<()> {
        let option = |option, value, expected| Err(GradcheckError::Option { option, value, expected });
        if !(self.first_step > 0.0 && self.first_step.is_finite()) {
            return option("first step", self.first_step, "positive and finite");
        }
        if !(self.noise >= 0.0 && self.noise.is_finite()) {
            return option("noise", self.noise, "at least 0 and finite");
        }
        Ok(())
    }
}

/// At most this many orders are eliminated: beyond it, the tableau amplifies noise and gains nothing.
const MAX_EXTRAPOLATIONS: usize = 5;

/// How many smaller steps have had the chance to refute an estimate before it is final.
pub(crate) const CONFIRMATIONS: usize = 3;

/// The derivative at 0 of `f`, by central differences over a geometric scan of steps, extrapolated by Ridders'
/// method; the entry of the tableau with the smallest estimated error.
///
/// `f(h)` is `None` where `h` cannot be used, because a kink lies between it and 0: extrapolation then starts
/// again from the next smaller step. The result is `None` when fewer than two steps can be used.
///
/// # Errors
/// [`GradcheckError::Option`] for a first step or a noise outside its domain, and those of `f`.
///
/// ```
/// use resurge_gradcheck::{DifferenceScan, ridders};
///
/// let scan = DifferenceScan { first_step: 0.5, halvings: 16, noise: 1e-16 };
/// let estimate = ridders(scan, |h| Ok(Some((1.0 + h).exp())))?.expect("no kinks");
/// assert!((estimate.value - 1f64.exp()).abs() <= estimate.error);
/// assert!(estimate.error < 1e-12);
/// # Ok::<(), resurge_gradcheck::GradcheckError>(())
/// ```
pub fn ridders(
    scan: DifferenceScan,
    mut f: impl FnMut(f64) -> Result<Option<f64>>,
) -> Result<Option<Estimate>> {
    scan.check()?;
    let mut best: Option<Estimate> = None;
    let mut above: Vec<f64> = Vec::new();
    let mut since_best = 0;
    let mut h = power_of_two_below(scan.first_step);
    for _ in 0..scan.halvings {
        // Each central difference carries the noise of two evaluations over 2h, and extrapolation weighs the
        // differences by less than 2 in all: (4/3)(16/15)... + 1/3 + ....
        let noise = 2.0 * scan.noise / h;
        if since_best >= CONFIRMATIONS && best.is_some_and(|b| noise >= b.error) {
            // No smaller step can do better.
            break;
        }
        // A value that is not finite, such as a logarithm stepped out of its domain, is as useless as a kink.
        let (Some(ahead), Some(behind)) = (finite(f(h)?), finite(f(-h)?)) else {
            above.clear();
            h /= 2.0;
            continue;
        };
        let row = extrapolate((ahead - behind) / (2.0 * h), &above);
        // The other difference that is often taken, `row[k] - row[k - 1]`, is never larger than this one.
        let error = |k: usize| (row[k] - above[k - 1]).abs() + noise;
        since_best += 1;
        if row.len() > 1 && best.is_some_and(|b| (row[1] - b.value).abs() > b.error + 2.0 * error(1)) {
            // Larger steps can agree by accident, for example on a periodic function. Smaller ones refute them.
            best = None;
        }
        for (k, &value) in row.iter().enumerate().skip(1) {
            if best.is_none_or(|b| error(k) < b.error) {
                best = Some(Estimate { value, error: error(k), step: h, extrapolations: k });
                since_best = 0;
            }
        }
        above = row;
        h /= 2.0;
    }
    Ok(best)
}

/// A row of the tableau: the central difference and its extrapolations with the row of twice the step.
pub(crate) fn extrapolate(difference: f64, above: &[f64]) -> Vec<f64> {
    let mut row = vec![difference];
    let mut power = 1.0;
    for k in 0..above.len().min(MAX_EXTRAPOLATIONS) {
        power *= 4.0;
        row.push(row[k] + (row[k] - above[k]) / (power - 1.0));
    }
    row
}

pub(crate) fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|y| y.is_finite())
}

pub(crate) fn power_of_two_below(x: f64) -> f64 {
    x.log2().floor().exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(
            (estimate.value - 1.0 / 0.3).abs() <= estimate.error && estimate.error < 1e-11,
            "{estimate:?}"
        );
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
        assert_eq!(extrapolate(2.0, &[]), [2.0]);
        assert_eq!(extrapolate(2.0, &[5.0]), [2.0, 1.0]);
        assert_eq!(extrapolate(2.0, &[5.0, 16.0]), [2.0, 1.0, 0.0]);
        assert_eq!(extrapolate(2.0, &[2.0; 9]), [2.0; 1 + MAX_EXTRAPOLATIONS]);
    }

    #[test]
    fn steps_are_rounded_down_to_powers_of_two() {
        for (x, power) in
            [(1.0, 1.0), (1.9, 1.0), (3.0, 2.0), (0.75, 0.5), (0.25, 0.25), (1e-3, 1.0 / 1024.0)]
        {
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
    fn errors_of_the_function_come_through() {
        let failing = |_| Err(crate::GradcheckError::NonFinite { what: "loss" });
        assert!(ridders(SCAN, failing).is_err());
    }
}
