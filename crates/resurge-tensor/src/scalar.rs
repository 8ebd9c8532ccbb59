//! The arithmetic that one forward pass needs.

use crate::MatRef;
use crate::kernel;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};
use std::sync::Arc;

/// A number that a forward pass can be evaluated on.
///
/// A program is written once, generic over `Scalar`, and then runs for training (`f32`), for finite
/// differences (`f64`), for the complex step ([`Complex<f64>`](num_complex::Complex)), for forward mode
/// ([`Dual`](crate::Dual)) and for bounds of its rounding errors ([`Bounded`](crate::Bounded)).
///
/// Every function is the analytic continuation of the real one from the real axis, and decisions (`abs`, a
/// threshold) are taken on [`re`](Scalar::re) alone, so that the imaginary or dual part carries the
/// derivative. The complex functions keep the *relative* accuracy of an imaginary part as small as 1e-200;
/// that is what the complex step needs.
///
/// ```
/// use resurge_tensor::{Complex, Dual, Scalar};
///
/// fn f<S: Scalar>(x: S) -> S {
///     (x * x).exp() / (S::from_f64(1.0) + x.abs())
/// }
///
/// let h = 1e-30;
/// let by_complex_step = f(Complex::new(-0.5, h)).im / h;
/// let by_dual_number = f(Dual::variable(-0.5_f64)).eps;
/// assert!((by_complex_step - by_dual_number).abs() < 1e-15);
/// ```
pub trait Scalar:
    Copy
    + Debug
    + Default
    + PartialEq
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// The constant `x`, with no imaginary or dual part.
    fn from_f64(x: f64) -> Self;

    /// The real (primal) part, on which decisions are taken.
    fn re(self) -> f64;

    /// Whether every part is finite.
    fn is_finite(self) -> bool;

    /// `e^self`.
    fn exp(self) -> Self;

    /// Natural logarithm.
    fn ln(self) -> Self;

    /// Square root.
    fn sqrt(self) -> Self;

    /// Sine.
    fn sin(self) -> Self;

    /// Cosine.
    fn cos(self) -> Self;

    /// Hyperbolic tangent.
    fn tanh(self) -> Self;

    /// Arc tangent.
    fn atan(self) -> Self;

    /// The error function, `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `self`.
    fn erf(self) -> Self;

    /// The `order`-th derivative of a real function at `self`, where `f(k, x)` is its `k`-th derivative at `x`.
    ///
    /// Complex numbers take the first-order continuation, which is what a complex step needs; each level of dual
    /// numbers asks for one more derivative.
    ///
    /// ```
    /// use resurge_tensor::{Dual, Scalar};
    ///
    /// let cube = |k: usize, x: f64| [x * x * x, 3.0 * x * x, 6.0 * x, 6.0][k.min(3)];
    /// assert_eq!(Dual::variable(2.0).lift(0, &cube), Dual::new(8.0, 12.0));
    /// ```
    fn lift(self, order: usize, f: &dyn Fn(usize, f64) -> f64) -> Self;

    /// `out = a b`, row-major `out` of `a.rows * b.cols` elements.
    ///
    /// Callers use [`Tensor::matmul`](crate::Tensor::matmul), which checks the shapes. The order of summation
    /// is fixed: it does not depend on threads.
    fn matmul_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]);

    /// `out += a b`; otherwise as [`matmul_into`](Scalar::matmul_into).
    fn matmul_add_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
        let mut product = vec![Self::zero(); out.len()];
        Self::matmul_into(a, b, &mut product);
        out.iter_mut().zip(product).for_each(|(sum, x)| *sum += x);
    }

    /// So many zeros. Real numbers get pages that the system has cleared, without a pass of their own.
    fn zeroed(len: usize) -> Arc<[Self]> {
        std::iter::repeat_n(Self::zero(), len).collect()
    }

    /// 0.
    fn zero() -> Self {
        Self::from_f64(0.0)
    }

    /// 1.
    fn one() -> Self {
        Self::from_f64(1.0)
    }

    /// `-self` where the real part is negative, else `self`: the absolute value, continued analytically from
    /// either side of 0.
    fn abs(self) -> Self {
        if self.re() < 0.0 { -self } else { self }
    }

    /// `self` to an integer power, by repeated squaring.
    fn powi(self, n: i32) -> Self {
        let (mut base, mut left, mut out) = (self, n.unsigned_abs(), Self::one());
        while left > 0 {
            if left & 1 == 1 {
                out = out * base;
            }
            base = base * base;
            left >>= 1;
        }
        if n < 0 { Self::one() / out } else { out }
    }

    /// `1 / cosh(self)^2`, the derivative of `tanh`, with its relative accuracy in the tails, where `1 - tanh^2` has
    /// none left.
    fn sech2(self) -> Self {
        let e = (-(self.abs() + self.abs())).exp();
        let d = Self::one() + e;
        Self::from_f64(4.0) * e / (d * d)
    }

    /// `1 / (1 + e^-self)`, without overflow at either end.
    fn logistic(self) -> Self {
        if self.re() >= 0.0 {
            Self::one() / (Self::one() + (-self).exp())
        } else {
            let e = self.exp();
            e / (Self::one() + e)
        }
    }
}

macro_rules! real_scalar {
    ($float:ty, $gemm:path, $zeroed:path, $erf:path) => {
        impl Scalar for $float {
            #[inline]
            fn from_f64(x: f64) -> Self {
                x as $float
            }
            #[inline]
            fn re(self) -> f64 {
                self.into()
            }
            #[inline]
            fn is_finite(self) -> bool {
                <$float>::is_finite(self)
            }
            #[inline]
            fn exp(self) -> Self {
                <$float>::exp(self)
            }
            #[inline]
            fn ln(self) -> Self {
                <$float>::ln(self)
            }
            #[inline]
            fn sqrt(self) -> Self {
                <$float>::sqrt(self)
            }
            #[inline]
            fn sin(self) -> Self {
                <$float>::sin(self)
            }
            #[inline]
            fn cos(self) -> Self {
                <$float>::cos(self)
            }
            #[inline]
            fn tanh(self) -> Self {
                <$float>::tanh(self)
            }
            #[inline]
            fn atan(self) -> Self {
                <$float>::atan(self)
            }
            #[inline]
            fn erf(self) -> Self {
                $erf(self)
            }
            #[inline]
            fn lift(self, order: usize, f: &dyn Fn(usize, f64) -> f64) -> Self {
                f(order, self.into()) as $float
            }
            fn matmul_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
                $gemm(a, b, out, false);
            }

            fn matmul_add_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
                $gemm(a, b, out, true);
            }

            fn zeroed(len: usize) -> Arc<[Self]> {
                $zeroed(len)
            }
        }
    };
}

real_scalar!(f32, kernel::gemm_f32, kernel::zeroed_f32, libm::erff);
real_scalar!(f64, kernel::gemm_f64, kernel::zeroed_f64, libm::erf);
