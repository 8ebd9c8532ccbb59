//! Dual numbers that know how large the terms were of which their derivative is the sum.

use resurge::tensor::{Dual, MatRef, Scalar};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A dual number with the sum of the sizes of all products of slopes, over all ways from the inputs to here: what the
/// rounding errors of a derivative are in proportion to, forward or backward, even where its terms cancel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traced {
    pub dual: Dual<f64>,
    pub size: f64,
}

/// A slope counts for this much at least. Reverse mode may compute a small slope as a difference of larger numbers,
/// such as `y (1 - y)`, with an error in proportion to those.
const LEAST_SLOPE: f64 = 1e-4;

impl Traced {
    pub fn new(value: f64, derivative: f64) -> Self {
        Self { dual: Dual::new(value, derivative), size: derivative.abs() }
    }

    fn through(self, function: impl Fn(Dual<f64>) -> Dual<f64>) -> Self {
        let slope = function(Dual::variable(self.dual.re)).eps;
        Self { dual: function(self.dual), size: self.size * (slope.abs() + LEAST_SLOPE) }
    }
}

impl Add for Traced {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self { dual: self.dual + rhs.dual, size: self.size + rhs.size }
    }
}

impl AddAssign for Traced {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl Sub for Traced {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self { dual: self.dual - rhs.dual, size: self.size + rhs.size }
    }
}

impl Mul for Traced {
    type Output = Self;
    fn mul(self, rhs: Self) -> Self {
        let size = self.size * rhs.dual.re.abs() + self.dual.re.abs() * rhs.size;
        Self { dual: self.dual * rhs.dual, size }
    }
}

impl Div for Traced {
    type Output = Self;
    fn div(self, rhs: Self) -> Self {
        let dual = self.dual / rhs.dual;
        Self { dual, size: (self.size + dual.re.abs() * rhs.size) / rhs.dual.re.abs() }
    }
}

impl Neg for Traced {
    type Output = Self;
    fn neg(self) -> Self {
        Self { dual: -self.dual, size: self.size }
    }
}

impl Scalar for Traced {
    fn from_f64(x: f64) -> Self {
        Self { dual: Dual::from_f64(x), size: 0.0 }
    }
    fn re(self) -> f64 {
        self.dual.re
    }
    fn is_finite(self) -> bool {
        self.dual.is_finite() && self.size.is_finite()
    }
    fn exp(self) -> Self {
        self.through(Scalar::exp)
    }
    fn ln(self) -> Self {
        self.through(Scalar::ln)
    }
    fn sqrt(self) -> Self {
        self.through(Scalar::sqrt)
    }
    fn sin(self) -> Self {
        self.through(Scalar::sin)
    }
    fn cos(self) -> Self {
        self.through(Scalar::cos)
    }
    fn tanh(self) -> Self {
        self.through(Scalar::tanh)
    }
    fn atan(self) -> Self {
        self.through(Scalar::atan)
    }
    fn erf(self) -> Self {
        self.through(Scalar::erf)
    }
    fn lift(self, order: usize, f: &dyn Fn(usize, f64) -> f64) -> Self {
        self.through(|x| x.lift(order, f))
    }

    /// The product of the duals, as they compute it, and of the sizes.
    fn matmul_into(a: MatRef<'_, Self>, b: MatRef<'_, Self>, out: &mut [Self]) {
        let part = |m: MatRef<'_, Self>, f: fn(&Self) -> f64| m.data().iter().map(f).collect::<Vec<f64>>();
        let product = |x: &[f64], y: &[f64]| {
            let mut z = vec![0.0; out.len()];
            f64::matmul_into(laid_out(a, x), laid_out(b, y), &mut z);
            z
        };
        let duals = |m: MatRef<'_, Self>| m.data().iter().map(|x| x.dual).collect::<Vec<_>>();
        let (x, y) = (duals(a), duals(b));
        let mut values = vec![Dual::default(); out.len()];
        Dual::matmul_into(laid_out(a, &x), laid_out(b, &y), &mut values);
        let re: fn(&Self) -> f64 = |x| x.dual.re.abs();
        let size: fn(&Self) -> f64 = |x| x.size;
        let left = product(&part(a, size), &part(b, re));
        let right = product(&part(a, re), &part(b, size));
        for (i, o) in out.iter_mut().enumerate() {
            *o = Self { dual: values[i], size: left[i] + right[i] };
        }
    }
}

/// Other values in the layout of a matrix, which is row-major or the transposed of one that is.
fn laid_out<'a, S, R>(like: MatRef<'_, S>, data: &'a [R]) -> MatRef<'a, R> {
    let matrix = if like.col_stride() == 1 && (like.row_stride() == like.cols() || like.rows() <= 1) {
        MatRef::new(data, like.rows(), like.cols())
    } else {
        MatRef::new(data, like.cols(), like.rows()).map(MatRef::t)
    };
    matrix.expect("as many values as the matrix has")
}
