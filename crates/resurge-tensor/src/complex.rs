//! Complex numbers as [`Scalar`]s, for the complex step.
//!
//! The step is tiny (1e-30), so each function must keep the relative accuracy of a tiny imaginary part.
//! num-complex's `atan` forms `1 + i z`, in which such a part is lost; the functions below are written so that
//! it is not.

use crate::kernel;
use crate::{MatRef, Scalar};
use num_complex::Complex;

type C = Complex<f64>;

impl Scalar for C {
    fn from_f64(x: f64) -> Self {
        C::new(x, 0.0)
    }

    fn re(self) -> f64 {
        self.re
    }

    fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }

    fn exp(self) -> Self {
        let (sin, cos) = self.im.sin_cos();
        let r = self.re.exp();
        C::new(r * cos, r * sin)
    }

    fn ln(self) -> Self {
        C::new(self.re.hypot(self.im).ln(), self.im.atan2(self.re))
    }

    fn sqrt(self) -> Self {
        // Principal branch. The part that is found by division never suffers cancellation.
        if self.re == 0.0 && self.im == 0.0 {
            return C::new(0.0, self.im);
        }
        let half = ((self.re.abs() + self.re.hypot(self.im)) / 2.0).sqrt();
        if self.re >= 0.0 {
            C::new(half, self.im / (2.0 * half))
        } else {
            C::new(self.im.abs() / (2.0 * half), half.copysign(self.im))
        }
    }

    fn sin(self) -> Self {
        C::new(self.re.sin() * self.im.cosh(), self.re.cos() * self.im.sinh())
    }

    fn cos(self) -> Self {
        C::new(self.re.cos() * self.im.cosh(), -self.re.sin() * self.im.sinh())
    }

    fn tanh(self) -> Self {
        // tanh(x + iy) = (t + i tan y) / (1 + i t tan y) with t = tanh x.
        let (t, s) = (self.re.tanh(), self.im.tan());
        let d = 1.0 + (t * s).powi(2);
        let sech2 = self.re.sech2();
        C::new(t * (1.0 + s * s) / d, s * sech2 / d)
    }

    fn atan(self) -> Self {
        let (x, y) = (self.re, self.im);
        let re = 0.5 * (2.0 * x).atan2((1.0 - x * x) - y * y);
        let im = 0.25 * (4.0 * y / (x * x + (1.0 - y) * (1.0 - y))).ln_1p();
        C::new(re, im)
    }

    /// Integrates `exp(-t^2)` from the real axis upwards, so it is meant for moderate imaginary parts: the cost
    /// grows with `|Im|`, and the complex step takes one panel.
    fn erf(self) -> Self {
        // erf(x + iy) = erf x + i (2/sqrt pi) int_0^y exp(-(x + is)^2) ds, by five-point Gauss-Legendre panels
        // of length at most 1/16, where the rule is exact to rounding.
        const NODES: [(f64, f64); 5] = [
            (0.0, 0.568_888_888_888_888_9),
            (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
            (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
            (0.906_179_845_938_664, 0.236_926_885_056_189_08),
            (-0.906_179_845_938_664, 0.236_926_885_056_189_08),
        ];
        if self.im.is_nan() {
            return C::new(f64::NAN, f64::NAN);
        }
        let panels = (self.im.abs() * 16.0).ceil().clamp(1.0, 4096.0);
        let half = self.im / panels / 2.0;
        let mut integral = C::new(0.0, 0.0);
        for panel in 0..panels as usize {
            let middle = (2.0 * panel as f64 + 1.0) * half;
            for (node, weight) in NODES {
                let z = C::new(self.re, middle + half * node);
                integral += Scalar::exp(-(z * z)) * (weight * half);
            }
        }
        let i_two_over_sqrt_pi = C::new(0.0, std::f64::consts::FRAC_2_SQRT_PI);
        C::new(libm::erf(self.re), 0.0) + i_two_over_sqrt_pi * integral
    }

    fn lift(self, order: usize, f: &dyn Fn(usize, f64) -> f64) -> Self {
        C::new(f(order, self.re), self.im * f(order + 1, self.re))
    }

    fn matmul_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
        kernel::gemm_c64(a, b, out, false);
    }

    fn matmul_add_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
        kernel::gemm_c64(a, b, out, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// Derivative of `f` by complex step, at a step that would drown in any sum with 1.
    fn step(f: fn(C) -> C, x: f64) -> f64 {
        f(C::new(x, 1e-200)).im / 1e-200
    }

    #[test]
    fn tiny_imaginary_parts_carry_the_derivative() {
        for x in [-3.0, -0.7, 0.3, 1.0, 2.5] {
            let sech2 = f64::cosh(x).powi(-2);
            let gauss = std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp();
            assert_relative_eq!(step(Scalar::exp, x), x.exp(), max_relative = 4e-16);
            assert_relative_eq!(step(Scalar::sin, x), x.cos(), max_relative = 4e-16);
            assert_relative_eq!(step(Scalar::cos, x), -x.sin(), max_relative = 4e-16);
            assert_relative_eq!(step(Scalar::tanh, x), sech2, max_relative = 1e-15);
            assert_relative_eq!(step(Scalar::atan, x), 1.0 / (1.0 + x * x), max_relative = 1e-15);
            assert_relative_eq!(step(Scalar::erf, x), gauss, max_relative = 4e-15);
            assert_relative_eq!(
                step(Scalar::logistic, x),
                x.logistic() * (-x).logistic(),
                max_relative = 1e-15
            );
            if x > 0.0 {
                assert_relative_eq!(step(Scalar::ln, x), 1.0 / x, max_relative = 4e-16);
                assert_relative_eq!(step(Scalar::sqrt, x), 0.5 / x.sqrt(), max_relative = 4e-16);
            }
        }
    }

    #[test]
    fn functions_agree_with_num_complex_away_from_the_axis() {
        for (x, y) in [(0.3, 0.4), (-0.8, 0.9), (1.7, -0.6), (-2.0, -1.1)] {
            let z = C::new(x, y);
            for (ours, theirs) in [
                (Scalar::exp(z), C::exp(z)),
                (Scalar::ln(z), C::ln(z)),
                (Scalar::sqrt(z), C::sqrt(z)),
                (Scalar::sin(z), C::sin(z)),
                (Scalar::cos(z), C::cos(z)),
                (Scalar::tanh(z), C::tanh(z)),
                (Scalar::atan(z), C::atan(z)),
            ] {
                assert!((ours - theirs).norm() <= 4e-15 * theirs.norm(), "{z}: {ours} against {theirs}");
            }
        }
    }

    #[test]
    fn erf_matches_its_maclaurin_series_off_the_axis() {
        for z in [C::new(0.5, 0.5), C::new(-1.0, 0.75), C::new(0.2, -1.5)] {
            let (mut term, mut sum) = (z, z);
            for n in 1..80 {
                term = -term * z * z / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            let series = sum * std::f64::consts::FRAC_2_SQRT_PI;
            assert!((Scalar::erf(z) - series).norm() < 1e-14 * series.norm().max(1.0));
        }
    }

    #[test]
    fn what_is_not_finite_is_seen_in_either_part() {
        assert!(Scalar::is_finite(C::new(1.0, 2.0)));
        assert!(!Scalar::is_finite(C::new(f64::NAN, 0.0)) && !Scalar::is_finite(C::new(0.0, f64::INFINITY)));
        assert!(Scalar::erf(C::new(0.0, f64::NAN)).re.is_nan());
    }

    #[test]
    fn square_root_of_zero_and_negatives() {
        assert_eq!(Scalar::sqrt(C::new(0.0, 0.0)), C::new(0.0, 0.0));
        assert_eq!(Scalar::sqrt(C::new(-4.0, 0.0)), C::new(0.0, 2.0));
        assert_eq!(Scalar::sqrt(C::new(-4.0, -0.0)), C::new(0.0, -2.0));
    }
}
