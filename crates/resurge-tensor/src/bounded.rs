//! Running error analysis: numbers that carry a bound of their rounding error.

use crate::{MatRef, Scalar};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A value with a running, probabilistic bound of the error that rounding makes in it.
///
/// The value is computed in `f64`. The bound says how far the same computation may be off in *any* binary format: it
/// is in units of that format's unit roundoff `u`, 2^-24 of `f32` and 2^-53 of `f64`, to first order in `u`.
///
/// Each rounding is taken as a random number of mean 0 whose standard deviation is as large as its greatest value
/// (Higham and Mary 2019), a function of a library as four of them. Their variances are propagated like those of
/// independent numbers, and the bound is [`DEVIATIONS`](Self::DEVIATIONS) standard deviations. Only in a sum that is
/// added up by `+=` are the errors of its terms added as they are: such terms, one of each time step, often have one
/// error in common.
///
/// ```
/// use resurge_tensor::{Bounded, Scalar};
///
/// let third = Bounded::from_f64(1.0) / Bounded::from_f64(3.0);
/// let rest = Bounded::from_f64(1.0) - third - third - third; // 0, but for rounding
/// let u = f64::from(f32::EPSILON) / 2.0;
/// let in_f32 = 1.0 - 1.0_f32 / 3.0 - 1.0 / 3.0 - 1.0 / 3.0;
/// assert!((f64::from(in_f32) - rest.value).abs() <= u * rest.error());
/// assert!(rest.error() < 8.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounded {
    /// The value.
    pub value: f64,
    /// The variance of its error, in squared units of roundoff.
    variance: f64,
}

/// Roundings of its value by which a function of a library may be off: two to four units in the last place are
/// common in vectorised ones.
const FUNCTION: f64 = 4.0;

impl Bounded {
    /// The standard deviations that a bound is wide. A rounding's true deviation is at most 0.58 of what is assumed,
    /// so that this is some ten of them; it leaves room for errors that are not independent.
    ///
    /// ```
    /// use resurge_tensor::{Bounded, Scalar};
    ///
    /// let sum = Bounded::from_f64(1.0) + Bounded::from_f64(2.0); // 3, rounded once
    /// assert_eq!(sum.error(), Bounded::DEVIATIONS * 3.0);
    /// ```
    pub const DEVIATIONS: f64 = 6.0;

    /// A value that is off by at most `error` units of roundoff.
    ///
    /// ```
    /// use resurge_tensor::Bounded;
    ///
    /// assert_eq!(Bounded::new(2.0, 3.0).error(), 3.0);
    /// ```
    #[inline]
    pub fn new(value: f64, error: f64) -> Self {
        let deviation = error / Self::DEVIATIONS;
        Self { value, variance: deviation * deviation }
    }

    /// The bound of the error, in units of roundoff.
    ///
    /// ```
    /// use resurge_tensor::{Bounded, Scalar};
    ///
    /// let (x, y) = (Bounded::new(2.0, 3.0), Bounded::from_f64(5.0));
    /// let rounding = Bounded::DEVIATIONS * 10.0;
    /// assert_eq!((x * y).error(), f64::hypot(5.0 * 3.0, rounding)); // of the factor, and of the product
    /// ```
    #[inline]
    pub fn error(self) -> f64 {
        Self::DEVIATIONS * self.variance.sqrt()
    }

    /// Whether it is `x` or `-x` without an error, so that a sum with 0 or a product with 1 is not rounded.
    #[inline]
    fn is_exactly(self, x: f64) -> bool {
        self.value.abs() == x && self.variance == 0.0
    }

    /// What a function makes of it whose slope there is `slope`.
    #[inline]
    fn function(self, value: f64, slope: f64) -> Self {
        Self { value, variance: propagated(slope, self.variance) + square(FUNCTION * value) }
    }
}

#[inline]
fn square(x: f64) -> f64 {
    x * x
}

/// A variance behind a slope; an exact number has none, however steep the function.
#[inline]
fn propagated(slope: f64, variance: f64) -> f64 {
    if variance == 0.0 { 0.0 } else { square(slope) * variance }
}

impl Add for Bounded {
    type Output = Self;
    #[inline]
    fn add(self, rhs: Self) -> Self {
        let value = self.value + rhs.value;
        let rounding = if self.is_exactly(0.0) || rhs.is_exactly(0.0) { 0.0 } else { value };
        Self { value, variance: self.variance + rhs.variance + square(rounding) }
    }
}

impl AddAssign for Bounded {
    #[inline]
    fn add_assign(&mut self, rhs: Self) {
        let exact = self.is_exactly(0.0) || rhs.is_exactly(0.0);
        self.value += rhs.value;
        if rhs.variance > 0.0 {
            self.variance = square(self.variance.sqrt() + rhs.variance.sqrt());
        }
        if !exact {
            self.variance += square(self.value);
        }
    }
}

impl Sub for Bounded {
    type Output = Self;
    #[inline]
    fn sub(self, rhs: Self) -> Self {
        self + -rhs
    }
}

impl Mul for Bounded {
    type Output = Self;
    #[inline]
    fn mul(self, rhs: Self) -> Self {
        let value = self.value * rhs.value;
        let rounding = if self.is_exactly(1.0) || rhs.is_exactly(1.0) { 0.0 } else { value };
        let operands = propagated(rhs.value, self.variance) + propagated(self.value, rhs.variance);
        Self { value, variance: operands + square(rounding) }
    }
}

impl Div for Bounded {
    type Output = Self;
    #[inline]
    fn div(self, rhs: Self) -> Self {
        let value = self.value / rhs.value;
        let rounding = if rhs.is_exactly(1.0) { 0.0 } else { value };
        let upper = propagated(rhs.value.recip(), self.variance);
        let lower = propagated(value / rhs.value, rhs.variance);
        Self { value, variance: upper + lower + square(rounding) }
    }
}

impl Neg for Bounded {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl Scalar for Bounded {
    /// The number itself, without an error.
    #[inline]
    fn from_f64(x: f64) -> Self {
        Self { value: x, variance: 0.0 }
    }

    #[inline]
    fn re(self) -> f64 {
        self.value
    }

    #[inline]
    fn is_finite(self) -> bool {
        self.value.is_finite() && self.variance.is_finite()
    }

    #[inline]
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.function(e, e)
    }

    #[inline]
    fn ln(self) -> Self {
        self.function(self.value.ln(), self.value.recip())
    }

    #[inline]
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.function(root, 0.5 / root)
    }

    #[inline]
    fn sin(self) -> Self {
        self.function(self.value.sin(), self.value.cos())
    }

    #[inline]
    fn cos(self) -> Self {
        self.function(self.value.cos(), self.value.sin())
    }

    #[inline]
    fn tanh(self) -> Self {
        self.function(self.value.tanh(), self.value.sech2())
    }

    #[inline]
    fn atan(self) -> Self {
        self.function(self.value.atan(), 1.0 / (1.0 + square(self.value)))
    }

    #[inline]
    fn erf(self) -> Self {
        let slope = std::f64::consts::FRAC_2_SQRT_PI * (-square(self.value)).exp();
        self.function(libm::erf(self.value), slope)
    }

    fn lift(self, order: usize, f: &dyn Fn(usize, f64) -> f64) -> Self {
        self.function(f(order, self.value), f(order + 1, self.value))
    }

    /// Products of `f64`: the values, and the variances of `A^2 B^2`.
    ///
    /// A sum of `k` products has a rounding of each product, and those of its partial sums: were they to grow evenly,
    /// their squares would be `k/3` of the square of the result; were they a random walk, `k/2` of the squared products.
    fn matmul_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
        let each = |m: MatRef<'_, Self>, part: &dyn Fn(&Self) -> f64| -> Vec<f64> {
            m.data().iter().map(part).collect()
        };
        let product = |x: &[f64], y: &[f64]| {
            let mut z = vec![0.0; out.len()];
            f64::matmul_into(a.with_data(x), b.with_data(y), &mut z);
            z
        };
        let terms = a.cols() as f64;
        let (even, walk) = if a.cols() > 1 { (terms / 3.0, terms / 2.0) } else { (0.0, 0.0) };
        let values = product(&each(a, &|x| x.value), &each(b, &|x| x.value));
        let right = product(
            &each(a, &|x| square(x.value)),
            &each(b, &|x| x.variance + (1.0 + walk) * square(x.value)),
        );
        let variances = each(a, &|x| x.variance);
        let exact = variances.iter().all(|&v| v == 0.0);
        let left = if exact { Vec::new() } else { product(&variances, &each(b, &|x| square(x.value))) };
        for (i, o) in out.iter_mut().enumerate() {
            let inherited = left.get(i).copied().unwrap_or(0.0);
            *o = Self { value: values[i], variance: right[i] + inherited + even * square(values[i]) };
        }
    }
}

#[cfg(test)]
mod tests;
