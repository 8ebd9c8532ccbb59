//! Dual numbers: forward-mode differentiation as arithmetic.

use crate::{MatRef, Scalar};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// `re + eps * e` with `e^2 = 0`: a value and its derivative along one direction.
///
/// Generic over the scalar, so that duals nest (`Dual<Dual<f64>>` carries second derivatives) and a tape over
/// `Dual<f64>` gives Hessian-vector products.
///
/// ```
/// use resurge_tensor::{Dual, Scalar};
///
/// let x = Dual::variable(3.0_f64);
/// let y = x * x * x;
/// assert_eq!((y.re, y.eps), (27.0, 27.0)); // x^3 and 3 x^2
///
/// let x = Dual::new(Dual::variable(3.0), Dual::from_f64(1.0));
/// assert_eq!((x * x * x).eps.eps, 18.0); // 6 x
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dual<S> {
    /// The value.
    pub re: S,
    /// The derivative.
    pub eps: S,
}

impl<S: Scalar> Dual<S> {
    /// The dual number `re + eps * e`.
    ///
    /// ```
    /// use resurge_tensor::Dual;
    ///
    /// let x = Dual::new(3.0, 1.0); // 3 with the tangent 1
    /// assert_eq!(x * x, Dual::new(9.0, 6.0));
    /// ```
    pub fn new(re: S, eps: S) -> Self {
        Self { re, eps }
    }

    /// The variable itself: derivative 1.
    ///
    /// ```
    /// use resurge_tensor::Dual;
    ///
    /// assert_eq!(Dual::variable(3.0), Dual::new(3.0, 1.0));
    /// ```
    pub fn variable(re: S) -> Self {
        Self { re, eps: S::one() }
    }

    /// A function value with the derivative of that function: the chain rule.
    #[inline]
    fn chain(self, value: S, derivative: S) -> Self {
        Self { re: value, eps: self.eps * derivative }
    }
}

impl<S: Scalar> Add for Dual<S> {
    type Output = Self;
    #[inline]
    fn add(self, rhs: Self) -> Self {
        Self { re: self.re + rhs.re, eps: self.eps + rhs.eps }
    }
}

impl<S: Scalar> AddAssign for Dual<S> {
    #[inline]
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl<S: Scalar> Sub for Dual<S> {
    type Output = Self;
    #[inline]
    fn sub(self, rhs: Self) -> Self {
        Self { re: self.re - rhs.re, eps: self.eps - rhs.eps }
    }
}

impl<S: Scalar> Mul for Dual<S> {
    type Output = Self;
    #[inline]
    fn mul(self, rhs: Self) -> Self {
        Self { re: self.re * rhs.re, eps: self.eps * rhs.re + self.re * rhs.eps }
    }
}

impl<S: Scalar> Div for Dual<S> {
    type Output = Self;
    #[inline]
    fn div(self, rhs: Self) -> Self {
        let re = self.re / rhs.re;
        Self { re, eps: (self.eps - re * rhs.eps) / rhs.re }
    }
}

impl<S: Scalar> Neg for Dual<S> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { re: -self.re, eps: -self.eps }
    }
}

impl<S: Scalar> Scalar for Dual<S> {
    #[inline]
    fn from_f64(x: f64) -> Self {
        Self { re: S::from_f64(x), eps: S::zero() }
    }

    #[inline]
    fn re(self) -> f64 {
        self.re.re()
    }

    #[inline]
    fn is_finite(self) -> bool {
        self.re.is_finite() && self.eps.is_finite()
    }

    #[inline]
    fn exp(self) -> Self {
        let e = self.re.exp();
        self.chain(e, e)
    }

    #[inline]
    fn ln(self) -> Self {
        self.chain(self.re.ln(), S::one() / self.re)
    }

    #[inline]
    fn sqrt(self) -> Self {
        let root = self.re.sqrt();
        self.chain(root, S::from_f64(0.5) / root)
    }

    #[inline]
    fn sin(self) -> Self {
        self.chain(self.re.sin(), self.re.cos())
    }

    #[inline]
    fn cos(self) -> Self {
        self.chain(self.re.cos(), -self.re.sin())
    }

    #[inline]
    fn tanh(self) -> Self {
        self.chain(self.re.tanh(), self.re.sech2())
    }

    #[inline]
    fn atan(self) -> Self {
        self.chain(self.re.atan(), S::one() / (S::one() + self.re * self.re))
    }

    #[inline]
    fn erf(self) -> Self {
        let slope = S::from_f64(std::f64::consts::FRAC_2_SQRT_PI) * (-(self.re * self.re)).exp();
        self.chain(self.re.erf(), slope)
    }

    fn lift(self, order: usize, f: &dyn Fn(usize, f64) -> f64) -> Self {
        self.chain(self.re.lift(order, f), self.re.lift(order + 1, f))
    }

    /// `(A + A' e)(B + B' e) = AB + (A'B + AB') e`: three products of the inner scalar, so the value is to the
    /// bit what the inner scalar computes.
    fn matmul_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
        let (a_re, a_eps) = split(a);
        let (b_re, b_eps) = split(b);
        let product = |x: &[S], y: &[S]| {
            let mut z = vec![S::zero(); out.len()];
            S::matmul_into(a.with_data(x), b.with_data(y), &mut z);
            z
        };
        let (re, left, right) = (product(&a_re, &b_re), product(&a_eps, &b_re), product(&a_re, &b_eps));
        for (i, o) in out.iter_mut().enumerate() {
            *o = Self { re: re[i], eps: left[i] + right[i] };
        }
    }
}

fn split<S: Scalar>(m: MatRef<'_, Dual<S>>) -> (Vec<S>, Vec<S>) {
    m.data().iter().map(|x| (x.re, x.eps)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use num_dual::{Dual64, DualNum};
    use proptest::prelude::*;

    /// Values are products and quotients of a few roundings, or the same sum. Derivatives are sums of `terms`, which may
    /// cancel: ten roundings of them in either form, at 1.1e-16 each, are less than 1e-14 of their size.
    fn check<const N: usize>(ours: Dual<f64>, theirs: Dual64, terms: [f64; N]) {
        assert_relative_eq!(ours.re, theirs.re, max_relative = 1e-14, epsilon = 1e-300);
        let size: f64 = terms.iter().map(|term| term.abs()).sum();
        assert!((ours.eps - theirs.eps).abs() <= 1e-14 * size, "{ours:?} for {theirs:?}");
    }

    proptest! {
        /// num-dual is the independent reference for every operation that it has.
        #[test]
        fn agrees_with_num_dual(x in -3.0..3.0_f64, dx in -2.0..2.0_f64, y in 0.1..3.0_f64, dy in -2.0..2.0_f64) {
            let (a, b) = (Dual::new(x, dx), Dual::new(y, dy));
            let (c, d) = (Dual64::new(x, dx), Dual64::new(y, dy));
            check(a + b, c + d, [dx, dy]);
            check(a - b, c - d, [dx, dy]);
            check(a * b, c * d, [dx * y, x * dy]);
            check(a / b, c / d, [dx / y, x * dy / (y * y)]);
            check(-a, -c, [dx]);
            check(a.exp(), c.exp(), [x.exp() * dx]);
            check(b.ln(), d.ln(), [dy / y]);
            check(b.sqrt(), d.sqrt(), [dy / y.sqrt()]);
            check(a.sin(), c.sin(), [x.cos() * dx]);
            check(a.cos(), c.cos(), [x.sin() * dx]);
            // 1 - tanh^2 in one of the two: its terms are 1 and less.
            check(a.tanh(), c.tanh(), [dx]);
            check(a.atan(), c.atan(), [dx / (1.0 + x * x)]);
            check(a.powi(3), c.powi(3), [3.0 * x * x * dx]);
            check(b.powi(-2), d.powi(-2), [2.0 * dy / (y * y * y)]);
            let e = (-x).exp();
            check(a.logistic(), ((-c).exp() + 1.0).recip(), [dx * e / ((1.0 + e) * (1.0 + e))]);
            check(a.abs(), if x < 0.0 { -c } else { c }, [dx]);
        }
    }

    /// Nearly equal terms of opposite signs: what is left of a quotient's derivative has lost its digits in any form.
    #[test]
    fn terms_that_cancel_have_a_bar_of_their_own_size() {
        let (x, dx, y) = (2.7, 1.9, 0.11);
        for off in [0.0, 1e-15, -1e-12, 1e-9] {
            let dy = dx * y / x * (1.0 + off);
            let (ours, theirs) =
                (Dual::new(x, dx) / Dual::new(y, dy), Dual64::new(x, dx) / Dual64::new(y, dy));
            check(ours, theirs, [dx / y, x * dy / (y * y)]);
        }
    }

    #[test]
    fn erf_has_the_gaussian_as_its_derivative() {
        for x in [-2.0, -0.1, 0.0, 1.3] {
            let y = Dual::variable(x).erf();
            assert_relative_eq!(y.re, libm::erf(x));
            assert_relative_eq!(y.eps, std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp());
        }
    }

    #[test]
    fn a_lifted_function_asks_for_one_derivative_more_at_each_level() {
        let sine = |k: usize, x: f64| [f64::sin, f64::cos][k % 2](x) * if k % 4 > 1 { -1.0 } else { 1.0 };
        let x = Dual::new(Dual::variable(0.7), Dual::from_f64(1.0));
        let (lifted, direct) = (x.lift(0, &sine), x.sin());
        assert_relative_eq!(lifted.re.re, direct.re.re);
        assert_relative_eq!(lifted.eps.re, direct.eps.re);
        assert_relative_eq!(lifted.eps.eps, direct.eps.eps);
        let step = num_complex::Complex::new(0.7, 1e-30).lift(1, &sine);
        assert_relative_eq!(step.im / 1e-30, -0.7_f64.sin());
    }

    #[test]
    fn assignment_and_finiteness_see_both_parts() {
        let mut x = Dual::new(1.0, 2.0);
        x += Dual::new(0.5, 0.25);
        assert_eq!(x, Dual::new(1.5, 2.25));
        assert!(x.is_finite());
        assert!(!Dual::new(1.0, f64::NAN).is_finite());
        assert!(!Dual::new(f64::INFINITY, 0.0).is_finite());
    }
}
