//! Numbers that carry a bound of their own rounding error, so that a test's bar follows from the arithmetic.

use resurge_tensor::{MatRef, Scalar};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A number as `f64` computes it, and how far from it the exact result of the same operations can lie: a running
/// error bound (Higham, Accuracy and Stability of Numerical Algorithms, 3.3), here with the terms of second order.
/// Two orders of summation of the same terms lie within the sum of their two bounds, whatever cancels.
///
/// `resurge_tensor::Bounded` is smaller by far, and probable; this one is certain, and for tests of a few operations.
///
/// Decisions are taken on the value: a bound says nothing about a number that lies within it of a jump.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct WorstCase {
    pub(super) value: f64,
    pub(super) error: f64,
}

/// Half a unit in the last place: what a sum, product or quotient is off by, in units of itself.
const ROUND: f64 = f64::EPSILON / 2.0;
/// The same for the functions of the standard library and of `libm`, good to two units in the last place.
const FUNCTION: f64 = 4.0 * ROUND;
/// The last place where there are no more digits.
const TINY: f64 = 5e-324;

impl WorstCase {
    fn new(value: f64, error: f64) -> Self {
        Self::rounded(value, error, ROUND)
    }

    fn function(value: f64, error: f64) -> Self {
        Self::rounded(value, error, FUNCTION)
    }

    /// A bound that overflows, such as that of an unbounded recurrence, is infinite and says nothing.
    fn rounded(value: f64, error: f64, unit: f64) -> Self {
        let error = error + value.abs() * unit + TINY;
        Self { value, error: if error.is_nan() { f64::INFINITY } else { error } }
    }

    /// 0 without an error: its product with a finite number is the same, whatever that one's bound.
    fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Whether the two can be the same number. The bounds are rounded, too, by far less than a hundredth of them.
    pub(super) fn agrees(self, other: Self) -> bool {
        let apart = (self.value - other.value).abs();
        self.value == other.value || apart <= 1.01 * (self.error + other.error) && apart.is_finite()
    }
}

impl Add for WorstCase {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.value + other.value, self.error + other.error)
    }
}

impl AddAssign for WorstCase {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for WorstCase {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl Sub for WorstCase {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for WorstCase {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let (a, b) = (self, other);
        if a.is_nothing() && b.value.is_finite() || b.is_nothing() && a.value.is_finite() {
            return Self::default();
        }
        Self::new(a.value * b.value, a.value.abs() * b.error + a.error * (b.value.abs() + b.error))
    }
}

impl Div for WorstCase {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value;
        let least = (other.value.abs() - other.error).max(0.0);
        Self::new(quotient, (self.error + quotient.abs() * other.error) / least)
    }
}

impl Scalar for WorstCase {
    fn from_f64(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    fn re(self) -> f64 {
        self.value
    }

    fn is_finite(self) -> bool {
        self.value.is_finite() && self.error.is_finite()
    }

    fn exp(self) -> Self {
        // With a small error as a product, so that nothing cancels; with a large one as it is, so that 0 times infinity
        // does not become a bound.
        let value = self.value.exp();
        let error = match self.error < 1.0 {
            true => value * self.error.exp_m1(),
            false => (self.value + self.error).exp(),
        };
        Self::function(value, error)
    }

    fn ln(self) -> Self {
        Self::function(self.value.ln(), self.error / (self.value - self.error).max(0.0))
    }

    /// `sqrt x - sqrt (x - e) <= e / sqrt x`.
    fn sqrt(self) -> Self {
        Self::function(self.value.sqrt(), self.error / self.value.sqrt())
    }

    fn sin(self) -> Self {
        Self::function(self.value.sin(), self.error)
    }

    fn cos(self) -> Self {
        Self::function(self.value.cos(), self.error)
    }

    fn tanh(self) -> Self {
        Self::function(self.value.tanh(), self.error)
    }

    fn atan(self) -> Self {
        Self::function(self.value.atan(), self.error)
    }

    /// Its slope is at most `2 / sqrt pi`.
    fn erf(self) -> Self {
        Self::function(<f64 as Scalar>::erf(self.value), 1.13 * self.error)
    }

    fn lift(self, order: usize, f: &dyn Fn(usize, f64) -> f64) -> Self {
        Self::function(f(order, self.value), f(order + 1, self.value).abs() * self.error)
    }

    /// The kernels of `f64` sum in an order of their own: `k` roundings of sums of absolute values cover any, and
    /// two more the factor and the sum before it that a kernel adds to.
    fn matmul_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
        let (columns, inner) = (b.cols(), a.cols());
        for (at, out) in out.iter_mut().enumerate() {
            let entry = |m: &MatRef<'_, Self>, i, j| m.data()[i * m.row_stride() + j * m.col_stride()];
            let (mut sum, mut error, mut size) = (0.0, 0.0, 0.0);
            for k in 0..inner {
                let (a, b): (Self, Self) = (entry(&a, at / columns, k), entry(&b, k, at % columns));
                // Most factors are neurons that do not spike, exactly.
                if (a * b).is_nothing() {
                    continue;
                }
                sum += a.value * b.value;
                size += (a.value * b.value).abs();
                error += (a * b).error;
            }
            *out = Self { value: sum, error: error + size * ROUND * (inner + 2) as f64 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the errors themselves, which a sum gives away to Knuth's two-sum and a product to a fused one.
        #[test]
        fn a_bound_covers_the_error(a in 0.1..1e3_f64, b in -1e3..-0.1_f64) {
            let [x, y] = [a, b].map(WorstCase::from_f64);
            let (sum, product, quotient) = (x + y, x * y, x / y);
            let of_b = sum.value - a;
            let lost = (a - (sum.value - of_b)) + (b - of_b);
            prop_assert!(lost.abs() <= sum.error && sum.error <= 1e-12);
            prop_assert!(a.mul_add(b, -product.value).abs() <= product.error);
            prop_assert!(quotient.value.mul_add(-b, a).abs() <= quotient.error * b.abs());
            // What came in with an error goes on with it: (a + b) - a is off by what the sum has lost.
            prop_assert!((sum - x).agrees(y) && (product / x).agrees(y));
        }
    }

    #[test]
    fn what_lies_beyond_both_bounds_does_not_agree() {
        let at = |value| WorstCase { value, error: 0.1 };
        assert!(at(1.0).agrees(at(1.19)) && at(1.19).agrees(at(1.0)));
        assert!(!at(1.0).agrees(at(1.21)) && !at(1.21).agrees(at(1.0)) && !at(1.0).agrees(at(f64::NAN)));
        // Nothing is known of a number with an infinite bound but that it is one; 0 times it is 0.
        let unknown = WorstCase::one() / WorstCase { value: 1.0, error: 2.0 };
        assert!(unknown.error.is_infinite() && unknown.agrees(at(7.0)));
        assert!([f64::NAN, f64::INFINITY].iter().all(|&x| !unknown.agrees(at(x))));
        assert_eq!([unknown * WorstCase::zero(), WorstCase::zero() * unknown], [WorstCase::zero(); 2]);
        assert!((unknown - unknown).error.is_infinite() && (unknown * at(0.0)).error.is_infinite());
    }

    /// Slopes times the error, by hand: each is met to within a hundredth, and the rounding is far below.
    #[test]
    fn functions_hand_errors_on() {
        let x = WorstCase { value: 2.0, error: 1e-6 };
        let slopes = [
            (x.exp(), 2.0_f64.exp()),
            (x.ln(), 0.5),
            (x.sqrt(), 1.0 / 2.0_f64.sqrt()),
            (x.sin(), 1.0),
            (x.cos(), 1.0),
            (x.tanh(), 1.0),
            (x.atan(), 1.0),
            (x.erf(), 1.13),
            (x.lift(0, &|order, x| [x * x, 2.0 * x][order]), 4.0),
            (x * x, 4.0),
            (WorstCase::one() / x, 0.25),
            (-x, 1.0),
        ];
        for (index, (y, slope)) in slopes.into_iter().enumerate() {
            assert!((y.error / 1e-6 / slope - 1.0).abs() < 0.01, "{index}: {y:?}");
        }
    }

    #[test]
    fn a_product_has_the_bound_of_any_order() {
        let row: Vec<WorstCase> = [1e16, 1.0, -1e16, 1.0].map(WorstCase::from_f64).into();
        let ones = vec![WorstCase::one(); 4];
        let mut out = [WorstCase::zero()];
        let (a, b) = (MatRef::new(&row, 1, 4).unwrap(), MatRef::new(&ones, 4, 1).unwrap());
        WorstCase::matmul_into(a, b, &mut out);
        for any_order in [0.0, 1.0, 2.0] {
            assert!(out[0].agrees(WorstCase::from_f64(any_order)));
        }
        assert!(!out[0].agrees(WorstCase::from_f64(100.0)));
    }
}
