//! The shapes of surrogate derivatives: formulas of unit area.

use resurge_tensor::Scalar;
use smallvec::{SmallVec, smallvec};
use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};
use std::fmt;

/// The shape of a surrogate derivative. The formulas are those of unit area.
///
/// ```
/// use resurge_snn::{Surrogate, SurrogateKind};
///
/// assert_eq!(Surrogate::triangle(0.5)?.kind(), SurrogateKind::Triangle { width: 0.5 });
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum SurrogateKind {
    /// `s (1 - s) / a` with `s = 1 / (1 + e^(-x/a))`.
    Sigmoid {
        /// The width `a`.
        width: f64,
    },
    /// `(a/2) / (1 + (pi a x / 2)^2)`.
    Atan {
        /// The inverse width `a`.
        slope: f64,
    },
    /// `(k/2) / (1 + k |x|)^2`; the peak-one form is SuperSpike's (Zenke and Ganguli 2018).
    FastSigmoid {
        /// The inverse width `k`.
        slope: f64,
    },
    /// `max(0, 1 - |x|/w) / w`.
    Triangle {
        /// Half the width of the base, `w`.
        width: f64,
    },
    /// `1/w` where `|x| < w/2`, else 0.
    Rectangle {
        /// The width `w`.
        width: f64,
    },
    /// `exp(-x^2 / (2 s^2)) / (s sqrt(2 pi))`.
    Gaussian {
        /// The standard deviation `s`.
        width: f64,
    },
    /// `e^(-|x|/w) / (2 w)`: SLAYER's, and Sinabs's default (Shrestha and Orchard 2018).
    Exponential {
        /// The width `w`.
        width: f64,
    },
    /// `(w^2 / 2) / (w^2 + x^2)^(3/2)`: Norse's `circ`.
    Algebraic {
        /// The width `w`.
        width: f64,
    },
    /// `[(1 + h) N(x; 0, s) - h N(x; s, r s) - h N(x; -s, r s)] / (1 - h)`, `N` the normal density: a bell with
    /// negative wings (Yin, Corradi and Bohte 2021).
    MultiGaussian {
        /// The standard deviation `s` of the middle.
        width: f64,
        /// The weight `h` of the wings.
        wings: f64,
        /// The ratio `r` of the wings' standard deviation to the middle's.
        ratio: f64,
    },
    /// 1 where `x >= -w`, else 0, so that no scale gives it unit area: Sinabs's `Heaviside`.
    Heaviside {
        /// How far below the threshold it begins, `w`.
        width: f64,
    },
    /// `e^(x/w)` below the threshold, and `e^(-2 |d|/w)` from there on, with `d` the distance to the nearest multiple of
    /// the period; of no finite area (Weidel and Sheik 2021).
    PeriodicExponential {
        /// The width `w`.
        width: f64,
        /// The period, a threshold: neurons may fire several times in a step.
        period: f64,
    },
    /// 1 everywhere, so that no scale gives it unit area (Bengio, Leonard and Courville 2013).
    StraightThrough,
    /// A function of the user's; the formulas are its own.
    Custom(CustomSurrogate),
}

/// A surrogate given by a closure.
///
/// ```
/// use resurge_snn::{Surrogate, SurrogateKind};
///
/// let line = Surrogate::custom(1.0, |order, x| if order == 0 { x } else { f64::from(u8::from(order == 1)) })?;
/// assert!(matches!(line.kind(), SurrogateKind::Custom(_)));
/// assert_eq!(line.derivative(3.0), 1.0);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Clone, Copy)]
pub struct CustomSurrogate {
    pub(super) width: f64,
    pub(super) function: &'static (dyn Fn(usize, f64) -> f64 + Send + Sync),
}

impl PartialEq for CustomSurrogate {
    fn eq(&self, other: &Self) -> bool {
        self.width == other.width && std::ptr::addr_eq(self.function, other.function)
    }
}

impl fmt::Debug for CustomSurrogate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomSurrogate").field("width", &self.width).finish_non_exhaustive()
    }
}

impl SurrogateKind {
    /// The name used on the command line and in reports.
    ///
    /// ```
    /// use resurge_snn::SurrogateKind;
    ///
    /// assert_eq!(SurrogateKind::FastSigmoid { slope: 25.0 }.name(), "fast-sigmoid");
    /// ```
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sigmoid { .. } => "sigmoid",
            Self::Atan { .. } => "atan",
            Self::FastSigmoid { .. } => "fast-sigmoid",
            Self::Triangle { .. } => "triangle",
            Self::Rectangle { .. } => "rectangle",
            Self::Gaussian { .. } => "gaussian",
            Self::Exponential { .. } => "exponential",
            Self::Algebraic { .. } => "algebraic",
            Self::MultiGaussian { .. } => "multi-gaussian",
            Self::Heaviside { .. } => "heaviside",
            Self::PeriodicExponential { .. } => "periodic-exponential",
            Self::StraightThrough => "straight-through",
            Self::Custom(_) => "custom",
        }
    }

    /// Its numbers, in the order of the parameters in [`Surrogate::ALL`](crate::Surrogate::ALL).
    pub(super) fn numbers(&self) -> SmallVec<[f64; 3]> {
        match *self {
            Self::Sigmoid { width }
            | Self::Triangle { width }
            | Self::Rectangle { width }
            | Self::Gaussian { width }
            | Self::Exponential { width }
            | Self::Algebraic { width }
            | Self::Heaviside { width } => smallvec![width],
            Self::Atan { slope } | Self::FastSigmoid { slope } => smallvec![slope],
            Self::MultiGaussian { width, wings, ratio } => smallvec![width, wings, ratio],
            Self::PeriodicExponential { width, period } => smallvec![width, period],
            Self::StraightThrough | Self::Custom(_) => SmallVec::new(),
        }
    }

    /// The points at which the derivative, or a derivative of it, jumps; in increasing order. Of the periodic
    /// exponential, the first two: they are half a period apart from 0 on.
    ///
    /// ```
    /// use resurge_snn::SurrogateKind;
    ///
    /// assert_eq!(SurrogateKind::Rectangle { width: 1.0 }.kinks(), [-0.5, 0.5]);
    /// assert!(SurrogateKind::Sigmoid { width: 1.0 }.kinks().is_empty());
    /// ```
    pub fn kinks(&self) -> Vec<f64> {
        match *self {
            Self::FastSigmoid { .. } | Self::Exponential { .. } => vec![0.0],
            Self::Triangle { width } => vec![-width, 0.0, width],
            Self::Rectangle { width } => vec![-width / 2.0, width / 2.0],
            Self::Heaviside { width } => vec![-width],
            Self::PeriodicExponential { period, .. } => vec![0.0, period / 2.0],
            _ => Vec::new(),
        }
    }

    /// `factor` times the derivative at each of `values`, in their place.
    #[inline(always)]
    pub(super) fn derivatives<S: Scalar>(&self, values: &mut [S], factor: S) {
        // Each arm knows its variant, so that the match inside of `derivative` vanishes from its loop.
        macro_rules! by_kind {
            ($($kind:pat => $known:expr),+ $(,)?) => {
                match *self {
                    $($kind => {
                        let known = $known;
                        for x in values {
                            *x = known.derivative(*x) * factor;
                        }
                    })+
                }
            };
        }
        by_kind!(
            Self::Sigmoid { width } => Self::Sigmoid { width },
            Self::Atan { slope } => Self::Atan { slope },
            Self::FastSigmoid { slope } => Self::FastSigmoid { slope },
            Self::Triangle { width } => Self::Triangle { width },
            Self::Rectangle { width } => Self::Rectangle { width },
            other => other,
        );
    }

    #[inline(always)]
    pub(super) fn derivative<S: Scalar>(&self, x: S) -> S {
        let c = S::from_f64;
        match *self {
            Self::Sigmoid { width } => {
                // s(-z) for 1 - s(z): no cancellation in the right tail.
                let z = x / c(width);
                z.logistic() * (-z).logistic() / c(width)
            }
            Self::Atan { slope } => {
                let z = x * c(PI * slope / 2.0);
                c(slope / 2.0) / (S::one() + z * z)
            }
            Self::FastSigmoid { slope } => {
                let d = S::one() + (x * c(slope)).abs();
                c(slope / 2.0) / (d * d)
            }
            Self::Triangle { width } => {
                if x.re().abs() < width {
                    (S::one() - x.abs() / c(width)) / c(width)
                } else {
                    S::zero()
                }
            }
            Self::Rectangle { width } => {
                if x.re().abs() < width / 2.0 {
                    c(1.0 / width)
                } else {
                    S::zero()
                }
            }
            Self::Gaussian { width } => normal_density(x, 0.0, width),
            Self::Exponential { width } => (-(x.abs() / c(width))).exp() * c(0.5 / width),
            Self::Algebraic { width } => {
                let z = x / c(width);
                let q = S::one() + z * z;
                c(0.5 / width) / (q * q.sqrt())
            }
            Self::MultiGaussian { width, wings, ratio } => {
                let side = normal_density(x, width, ratio * width) + normal_density(x, -width, ratio * width);
                (normal_density(x, 0.0, width) * c(1.0 + wings) - side * c(wings)) * c(1.0 / (1.0 - wings))
            }
            Self::Heaviside { width } => {
                if x.re() >= -width {
                    S::one()
                } else {
                    S::zero()
                }
            }
            Self::PeriodicExponential { width, .. } if x.re() < 0.0 => (x / c(width)).exp(),
            Self::PeriodicExponential { width, period } => {
                (-(from_multiple(x, period).1.abs() * c(2.0 / width))).exp()
            }
            Self::StraightThrough => S::one(),
            Self::Custom(custom) => x.lift(1, custom.function),
        }
    }

    pub(super) fn primitive<S: Scalar>(&self, x: S) -> S {
        let c = S::from_f64;
        match *self {
            Self::Sigmoid { width } => (x / c(width)).logistic(),
            Self::Atan { slope } => (x * c(PI * slope / 2.0)).atan() * c(1.0 / PI) + c(0.5),
            Self::FastSigmoid { slope } => {
                let z = x * c(slope);
                (z / (S::one() + z.abs())) * c(0.5) + c(0.5)
            }
            Self::Triangle { width } => {
                let z = x / c(width);
                if z.re() <= -1.0 {
                    S::zero()
                } else if z.re() < 1.0 {
                    // Both halves at once.
                    c(0.5) + z - z * z.abs() * c(0.5)
                } else {
                    S::one()
                }
            }
            Self::Rectangle { width } => {
                let z = x / c(width);
                if z.re() <= -0.5 {
                    S::zero()
                } else if z.re() < 0.5 {
                    z + c(0.5)
                } else {
                    S::one()
                }
            }
            Self::Gaussian { width } => normal_distribution(x, 0.0, width),
            Self::Exponential { width } => {
                let tail = (-(x.abs() / c(width))).exp() * c(0.5);
                if x.re() < 0.0 { tail } else { S::one() - tail }
            }
            Self::Algebraic { width } => {
                let z = x / c(width);
                z / (S::one() + z * z).sqrt() * c(0.5) + c(0.5)
            }
            Self::MultiGaussian { width, wings, ratio } => {
                let side = normal_distribution(x, width, ratio * width)
                    + normal_distribution(x, -width, ratio * width);
                (normal_distribution(x, 0.0, width) * c(1.0 + wings) - side * c(wings))
                    * c(1.0 / (1.0 - wings))
            }
            Self::Heaviside { width } => {
                if x.re() >= -width {
                    x + c(width)
                } else {
                    S::zero()
                }
            }
            Self::PeriodicExponential { width, .. } if x.re() < 0.0 => (x / c(width)).exp() * c(width),
            Self::PeriodicExponential { width, period } => {
                let (n, d) = from_multiple(x, period);
                // Of a whole period, and of the part of one beyond its middle.
                let whole = width * -(-period / width).exp_m1();
                let part = (S::one() - (-(d.abs() * c(2.0 / width))).exp()) * c(0.5 * width);
                let part = if d.re() < 0.0 { -part } else { part };
                part + c(width + n * whole)
            }
            Self::StraightThrough => x + c(0.5),
            Self::Custom(custom) => x.lift(0, custom.function),
        }
    }
}

/// The number of the nearest multiple of a period, and how far from it.
fn from_multiple<S: Scalar>(x: S, period: f64) -> (f64, S) {
    let n = (x.re() / period).round();
    (n, x - S::from_f64(n * period))
}

fn normal_density<S: Scalar>(x: S, mean: f64, deviation: f64) -> S {
    let z = (x - S::from_f64(mean)) / S::from_f64(deviation);
    (-(z * z) * S::from_f64(0.5)).exp() * S::from_f64(1.0 / (deviation * TAU.sqrt()))
}

fn normal_distribution<S: Scalar>(x: S, mean: f64, deviation: f64) -> S {
    let z = (x - S::from_f64(mean)) * S::from_f64(FRAC_1_SQRT_2 / deviation);
    z.erf() * S::from_f64(0.5) + S::from_f64(0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bells of a multi-Gaussian come in pairs, in which the sign of the mean would not show.
    #[test]
    fn a_normal_bell_is_centred_on_its_mean() {
        assert_eq!(normal_density(2.0, 2.0, 0.5), 2.0 / TAU.sqrt());
        assert_eq!(normal_distribution(2.0, 2.0, 0.5), 0.5);
    }
}
