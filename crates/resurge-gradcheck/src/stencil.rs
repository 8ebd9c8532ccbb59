//! Central difference formulas, with a fixed or a scanned step.

use crate::difference::{CONFIRMATIONS, Settling, finite, power_of_two_below};
use crate::{DifferenceScan, Estimate, GradcheckError, Result, ridders};

/// A central difference formula on equally spaced points.
///
/// ```
/// use resurge_gradcheck::Stencil;
///
/// assert_eq!(Stencil::Fourth.order(), 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stencil {
    /// `(f(h) - f(-h)) / 2h`.
    Second,
    /// `(8 [f(h) - f(-h)] - [f(2h) - f(-2h)]) / 12h`.
    Fourth,
    /// `(45 [f(h) - f(-h)] - 9 [f(2h) - f(-2h)] + [f(3h) - f(-3h)]) / 60h`.
    Sixth,
}

/// How finite differences are taken.
///
/// ```
/// use resurge_gradcheck::{Scheme, Stencil};
///
/// assert_ne!(Scheme::Ridders, Scheme::Fixed { stencil: Stencil::Second, step: None });
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scheme {
    /// One step, and so two to six evaluations. The estimated error holds the noise only: the tolerance has to
    /// cover the truncation error.
    Fixed {
        /// The formula.
        stencil: Stencil,
        /// The step; [`Stencil::best_step`] of the width where there is none.
        step: Option<f64>,
    },
    /// The step of a geometric scan at which truncation, estimated from the step above, and noise balance.
    Scanned {
        /// The formula.
        stencil: Stencil,
    },
    /// Central differences over the scan, extrapolated by Ridders' method: [`ridders`].
    Ridders,
}

impl Stencil {
    /// All of them, by rising order.
    ///
    /// ```
    /// use resurge_gradcheck::Stencil;
    ///
    /// assert_eq!(Stencil::ALL.map(Stencil::order), [2, 4, 6]);
    /// ```
    pub const ALL: [Self; 3] = [Self::Second, Self::Fourth, Self::Sixth];

    /// The power of the step with which the truncation error falls.
    ///
    /// ```
    /// use resurge_gradcheck::Stencil;
    ///
    /// assert_eq!(Stencil::Sixth.order(), 6);
    /// ```
    pub fn order(self) -> u32 {
        match self {
            Self::Second => 2,
            Self::Fourth => 4,
            Self::Sixth => 6,
        }
    }

    /// The weight of `[f(ih) - f(-ih)] / h` for `i` = 1, 2, ...
    ///
    /// ```
    /// use resurge_gradcheck::Stencil;
    ///
    /// assert_eq!(Stencil::Second.weights(), &[0.5]);
    /// ```
    pub fn weights(self) -> &'static [f64] {
        match self {
            Self::Second => &[1.0 / 2.0],
            Self::Fourth => &[2.0 / 3.0, -1.0 / 12.0],
            Self::Sixth => &[3.0 / 4.0, -3.0 / 20.0, 1.0 / 60.0],
        }
    }

    /// What a noise of 1 in each evaluation can do to the derivative at step 1.
    fn amplification(self) -> f64 {
        2.0 * self.weights().iter().map(|w| w.abs()).sum::<f64>()
    }

    /// The step at which truncation and rounding balance in f64 for a function that changes over `width`:
    /// `width * eps^(1/(order+1))`, rounded down to a power of two.
    ///
    /// ```
    /// use resurge_gradcheck::Stencil;
    ///
    /// assert_eq!(Stencil::Second.best_step(1.0), 2f64.powi(-18)); // 4e-6
    /// ```
    pub fn best_step(self, width: f64) -> f64 {
        power_of_two_below(width * f64::EPSILON.powf(1.0 / f64::from(self.order() + 1)))
    }

    /// The derivative at 0 of `f` at step `h`; `None` where `f` is `None`, because a kink lies in between, or
    /// not finite.
    ///
    /// # Errors
    /// Those of `f`.
    ///
    /// ```
    /// use resurge_gradcheck::Stencil;
    ///
    /// let derivative = Stencil::Sixth.derivative(0.01, |h| Ok(Some(h.sin())))?;
    /// assert!((derivative.expect("no kinks") - 1.0).abs() < 1e-13);
    /// # Ok::<(), resurge_gradcheck::GradcheckError>(())
    /// ```
    pub fn derivative(self, h: f64, mut f: impl FnMut(f64) -> Result<Option<f64>>) -> Result<Option<f64>> {
        let mut sum = 0.0;
        for (i, weight) in (1..).zip(self.weights()) {
            let reach = f64::from(i) * h;
            let (Some(ahead), Some(behind)) = (finite(f(reach)?), finite(f(-reach)?)) else {
                return Ok(None);
            };
            sum += weight * (ahead - behind);
        }
        Ok(Some(sum / h))
    }
}

impl Scheme {
    /// The derivative at 0 of `f` by this scheme. `scan.first_step` is the length over which `f` changes; the
    /// other conditions are those of [`ridders`].
    ///
    /// # Errors
    /// [`GradcheckError::StepScale`] for a fixed step that is not positive, and the errors of `f`.
    ///
    /// ```
    /// use resurge_gradcheck::{DifferenceScan, Scheme, Stencil};
    ///
    /// let scan = DifferenceScan { first_step: 1.0, halvings: 16, noise: 1e-16 };
    /// let scheme = Scheme::Fixed { stencil: Stencil::Fourth, step: Some(0.01) };
    /// let estimate = scheme.derivative(scan, |h| Ok(Some(h.sin())))?.ok_or("no kinks")?;
    /// assert!((estimate.value - 1.0).abs() < 1e-8 && estimate.step == 0.01);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn derivative(
        self,
        scan: DifferenceScan,
        f: impl FnMut(f64) -> Result<Option<f64>>,
    ) -> Result<Option<Estimate>> {
        match self {
            Self::Ridders => ridders(scan, f),
            Self::Scanned { stencil } => scanned(stencil, scan, f),
            Self::Fixed { stencil, step } => {
                let step = step.unwrap_or_else(|| stencil.best_step(scan.first_step));
                if !(step > 0.0 && step.is_finite()) {
                    return Err(GradcheckError::StepScale(step));
                }
                let error = stencil.amplification() * scan.noise / step;
                let value = stencil.derivative(step, f)?;
                Ok(value.map(|value| Estimate { value, error, step, extrapolations: 0 }))
            }
        }
    }
}

fn scanned(
    stencil: Stencil,
    scan: DifferenceScan,
    mut f: impl FnMut(f64) -> Result<Option<f64>>,
) -> Result<Option<Estimate>> {
    let mut best: Option<Estimate> = None;
    let mut above: Option<f64> = None;
    let mut since_best = 0;
    let mut settling = Settling::default();
    // Halving the step divides the truncation error by 2^order: the change is 2^order - 1 times what is left.
    let left = 1.0 / (f64::from(stencil.order()).exp2() - 1.0);
    let mut h = power_of_two_below(scan.first_step);
    for _ in 0..scan.halvings {
        let noise = stencil.amplification() * scan.noise / h;
        if since_best >= CONFIRMATIONS && best.is_some_and(|b| noise >= b.error) {
            break;
        }
        let value = stencil.derivative(h, &mut f)?;
        if let (Some(value), Some(above)) = (value, above) {
            let error = (value - above).abs() * left + noise;
            since_best += 1;
            if best.is_some_and(|b| (value - b.value).abs() > b.error + 2.0 * error) {
                // Larger steps agreed by accident, as in `ridders`.
                best = None;
            }
            let settles = settling.goes_on(Some((value - above).abs()), noise);
            if !settles {
                best = None;
            }
            if settles && best.is_none_or(|b| error < b.error) {
                best = Some(Estimate { value, error, step: h, extrapolations: 0 });
                since_best = 0;
            }
        }
        if value.is_none() {
            settling = Settling::default();
        }
        above = value;
        h /= 2.0;
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: DifferenceScan = DifferenceScan { first_step: 1.0, halvings: 30, noise: 2e-16 };

    /// A formula of order p is exact for polynomials up to degree p and errs from degree p + 1 on by a known
    /// multiple of h^p: 1, -4, 36 for the derivative of x^(p+1) at 0.
    #[test]
    fn formulas_are_exact_up_to_their_order() {
        for (stencil, leading) in Stencil::ALL.into_iter().zip([1.0, -4.0, 36.0]) {
            let order = stencil.order() as i32;
            for degree in 1..=order {
                let got = stencil.derivative(0.5, |x| Ok(Some(1.0 + x.powi(degree)))).unwrap().unwrap();
                let exact = if degree == 1 { 1.0 } else { 0.0 };
                assert!((got - exact).abs() < 1e-14, "{stencil:?}, degree {degree}: {got}");
            }
            let got = stencil.derivative(0.5, |x| Ok(Some(x.powi(order + 1)))).unwrap().unwrap();
            assert!((got / (leading * 0.5f64.powi(order)) - 1.0).abs() < 1e-13, "{stencil:?}: {got}");
        }
    }

    /// The table of `docs/numerics.md`: 4e-11, 3e-13 at the best step, with all scales of order 1; 1e-14 at order
    /// 6. A factor 30 covers the constants and the scatter of rounding.
    #[test]
    fn the_best_step_attains_the_accuracy_of_the_order() {
        for (stencil, attained) in Stencil::ALL.into_iter().zip([4e-11, 3e-13, 4e-14]) {
            for x in [0.2, 0.7, 1.0, 1.3] {
                let f = |h: f64| Ok(Some((x + h).sin()));
                let got = stencil.derivative(stencil.best_step(1.0), f).unwrap().unwrap();
                assert!((got - x.cos()).abs() < 30.0 * attained, "{stencil:?} at {x}: {}", got - x.cos());
            }
        }
    }

    #[test]
    fn the_scan_finds_a_step_for_steep_and_flat_functions() {
        for stencil in Stencil::ALL {
            for k in [0.01, 1.0, 100.0, 3000.0] {
                let f = |h: f64| Ok(Some((k * (0.3 + h)).sin()));
                let got = Scheme::Scanned { stencil }.derivative(SCAN, f).unwrap().unwrap();
                let error = (got.value - k * (k * 0.3).cos()).abs();
                // The estimate is the best of many, hence optimistic: a factor of 10.
                assert!(error <= 10.0 * got.error, "{stencil:?}, k {k}: {error} for {got:?}");
                assert!(got.error < 3e-9 * k.max(1.0), "{stencil:?}, k {k}: {got:?}");
            }
        }
    }

    #[test]
    fn kinks_and_edges_of_the_domain_are_left_out() {
        let kinked = |h: f64| Ok((h.abs() < 0.01).then(|| (h + 0.01).abs()));
        for stencil in Stencil::ALL {
            assert_eq!(stencil.derivative(0.01, kinked).unwrap(), None);
            let scanned = Scheme::Scanned { stencil }.derivative(SCAN, kinked).unwrap().unwrap();
            assert!((scanned.value - 1.0).abs() < 1e-12 && scanned.step < 0.01);
            let logarithm = |h: f64| Ok(Some((0.1 + h).ln()));
            assert_eq!(stencil.derivative(0.2, logarithm).unwrap(), None);
        }
    }

    #[test]
    fn a_fixed_step_is_taken_as_given() {
        let fixed = |step| Scheme::Fixed { stencil: Stencil::Second, step };
        let got = fixed(Some(0.25)).derivative(SCAN, |h| Ok(Some(h * h * h))).unwrap().unwrap();
        assert_eq!((got.value, got.step), (0.0625, 0.25));
        assert_eq!(got.error, 2e-16 / 0.25);
        // One noise in each of two, four and six evaluations, by their weights.
        for (stencil, sum) in Stencil::ALL.into_iter().zip([1.0, 3.0 / 2.0, 11.0 / 6.0]) {
            let fixed = Scheme::Fixed { stencil, step: Some(0.25) };
            let error = fixed.derivative(SCAN, |h| Ok(Some(h))).unwrap().unwrap().error;
            assert!((error / (sum * 2e-16 / 0.25) - 1.0).abs() < 1e-14, "{stencil:?}: {error}");
        }
        let got = fixed(None).derivative(SCAN, |h| Ok(Some(h))).unwrap().unwrap();
        assert_eq!(got.step, Stencil::Second.best_step(1.0));
        for step in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(fixed(Some(step)).derivative(SCAN, |h| Ok(Some(h))).is_err());
        }
    }

    #[test]
    fn the_best_step_is_a_power_of_two_below_the_balance() {
        for (stencil, at_1, at_3) in
            [(Stencil::Second, -18, -16), (Stencil::Fourth, -11, -9), (Stencil::Sixth, -8, -6)]
        {
            assert_eq!(stencil.best_step(1.0), 2f64.powi(at_1), "{stencil:?}");
            assert_eq!(stencil.best_step(3.0), 2f64.powi(at_3), "{stencil:?}");
        }
    }

    /// The evaluations of a scan of a function with the given central differences at 1, 1/2, 1/4, ...
    fn counted(scan: DifferenceScan, difference: impl Fn(i32) -> f64) -> (Estimate, u32) {
        let mut evaluations = 0;
        let f = |h: f64| {
            evaluations += 1;
            Ok(Some(h * difference(-h.abs().log2() as i32)))
        };
        (Scheme::Scanned { stencil: Stencil::Second }.derivative(scan, f).unwrap().unwrap(), evaluations)
    }

    /// As for `ridders`: the error of a straight line is the noise, at its least at the second step.
    #[test]
    fn a_straight_line_is_done_after_three_confirmations() {
        for noise in [SCAN.noise, 0.0] {
            let expected = Estimate { value: 0.75, error: noise / 0.5, step: 0.5, extrapolations: 0 };
            assert_eq!(counted(DifferenceScan { noise, ..SCAN }, |_| 0.75), (expected, 10));
        }
    }

    /// Differences of 45 noises with alternating signs change by 90, of which a third is taken for the error,
    /// with the noise of 2 at the step 1/2. At 1/32 the noise alone is as large, 32.
    #[test]
    fn the_scan_ends_where_the_noise_reaches_the_error() {
        let scan = DifferenceScan { noise: 2f64.powi(-40), ..SCAN };
        let a = 45.0 * scan.noise;
        let (estimate, evaluations) = counted(scan, |i| if i % 2 == 0 { -a } else { a });
        assert_eq!((estimate.value, estimate.step), (a, 0.5));
        assert_eq!((estimate.error, evaluations), (32.0 * scan.noise, 10));
    }

    /// `x^(p+1)` for a formula of order p: the change from one step to the next is 2^p - 1 times what is left.
    #[test]
    fn the_error_of_a_power_is_what_is_left_of_it() {
        let scan = DifferenceScan { halvings: 2, noise: 0.0, ..SCAN };
        for (stencil, value) in Stencil::ALL.into_iter().zip([1.0 / 4.0, -4.0 / 16.0, 36.0 / 64.0]) {
            let f = |h: f64| Ok(Some(h.powi(stencil.order() as i32 + 1)));
            let got = Scheme::Scanned { stencil }.derivative(scan, f).unwrap().unwrap();
            assert_eq!(got.step, 0.5);
            assert!((got.value - value).abs() < 1e-14, "{stencil:?}: {got:?}");
            assert!((got.error - value.abs()).abs() < 1e-14, "{stencil:?}: {got:?}");
        }
    }

    #[test]
    fn a_bend_narrower_than_every_step_is_not_decided() {
        let bend = |h: f64| Ok(Some(((1e-9 + h).powi(2) + 1e-16).sqrt()));
        for stencil in Stencil::ALL {
            let scan = DifferenceScan { halvings: 18, ..SCAN };
            let got = Scheme::Scanned { stencil }.derivative(scan, bend).unwrap();
            assert!(got.is_none_or(|g| (g.value - 0.0995).abs() <= g.error), "{stencil:?}: {got:?}");
        }
    }

    #[test]
    fn agreement_by_accident_is_refuted_by_smaller_steps() {
        // sin(4 pi h) vanishes at the steps 1, 1/2 and 1/4.
        let k = 4.0 * std::f64::consts::PI;
        for stencil in Stencil::ALL {
            let f = |h: f64| Ok(Some((k * h).sin() / k));
            let got = Scheme::Scanned { stencil }.derivative(SCAN, f).unwrap().unwrap();
            assert!((got.value - 1.0).abs() < 1e-9 && got.error < 1e-9, "{stencil:?}: {got:?}");
        }
    }
}
