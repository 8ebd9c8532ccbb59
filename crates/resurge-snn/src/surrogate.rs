//! Surrogate derivatives and their primitives.

use crate::Result;
use crate::error::check;
use resurge_tensor::Scalar;
use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

/// A surrogate: the derivative `sigma'(x)` that stands for that of the step function in the backward pass, with
/// its primitive `S`, `S' = sigma'`, which the smooth twin and the anchored program need.
///
/// `x` is the potential less the threshold. See the table in `docs/derivation.md`.
///
/// ```
/// use resurge_snn::{Surrogate, SurrogateScale};
///
/// let sigmoid = Surrogate::sigmoid(0.2)?; // s (1 - s) / a, the paper author's
/// assert_eq!(sigmoid.derivative(0.0), 1.25);
/// assert_eq!(sigmoid.primitive(0.0), 0.5);
///
/// let superspike = Surrogate::fast_sigmoid(25.0)?; // 1 / (1 + k |x|)^2: peak 1 by custom
/// assert_eq!(superspike.derivative(0.0), 1.0);
/// assert_eq!(superspike.with_scale(SurrogateScale::UnitArea).derivative(0.0), 12.5);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surrogate {
    kind: SurrogateKind,
    scale: SurrogateScale,
}

/// The shape of a surrogate derivative. The formulas are those of unit area.
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
}

/// Which of the two customary normalisations a surrogate derivative has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SurrogateScale {
    /// The integral is 1: the primitive rises from 0 to 1.
    UnitArea,
    /// The value at 0 is 1.
    PeakOne,
}

impl Surrogate {
    /// A sigmoid of the given width, unit area. The paper's author takes 0.2.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    pub fn sigmoid(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Sigmoid { width: positive("sigmoid width", width)? }))
    }

    /// An arc tangent of the given slope, unit area (so that its peak is half the slope).
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    pub fn atan(slope: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Atan { slope: positive("atan slope", slope)? }))
    }

    /// A fast sigmoid of the given slope, peak one.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    pub fn fast_sigmoid(slope: f64) -> Result<Self> {
        let kind = SurrogateKind::FastSigmoid { slope: positive("fast sigmoid slope", slope)? };
        Ok(Self::unit_area(kind).with_scale(SurrogateScale::PeakOne))
    }

    /// A triangle that vanishes beyond `width` on either side, unit area.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    pub fn triangle(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Triangle { width: positive("triangle width", width)? }))
    }

    /// A rectangle of the given full width, unit area.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    pub fn rectangle(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Rectangle { width: positive("rectangle width", width)? }))
    }

    /// A Gaussian of the given standard deviation, unit area.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    pub fn gaussian(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Gaussian { width: positive("Gaussian width", width)? }))
    }

    fn unit_area(kind: SurrogateKind) -> Self {
        Self { kind, scale: SurrogateScale::UnitArea }
    }

    /// The same shape under another normalisation.
    #[must_use]
    pub fn with_scale(self, scale: SurrogateScale) -> Self {
        Self { scale, ..self }
    }

    /// The shape and its parameter.
    pub fn kind(&self) -> SurrogateKind {
        self.kind
    }

    /// The normalisation.
    pub fn scale(&self) -> SurrogateScale {
        self.scale
    }

    /// The name used on the command line and in reports.
    pub fn name(&self) -> &'static str {
        match self.kind {
            SurrogateKind::Sigmoid { .. } => "sigmoid",
            SurrogateKind::Atan { .. } => "atan",
            SurrogateKind::FastSigmoid { .. } => "fast-sigmoid",
            SurrogateKind::Triangle { .. } => "triangle",
            SurrogateKind::Rectangle { .. } => "rectangle",
            SurrogateKind::Gaussian { .. } => "gaussian",
        }
    }

    /// The equivalent width, area over peak, in units of the potential: the scale for the step of a finite
    /// difference.
    pub fn width(&self) -> f64 {
        1.0 / self.unit_derivative(0.0)
    }

    /// The surrogate derivative `sigma'(x)`.
    pub fn derivative<S: Scalar>(&self, x: S) -> S {
        self.unit_derivative(x) * S::from_f64(self.factor())
    }

    /// A primitive of the derivative: `S' = sigma'`, 0 at minus infinity.
    pub fn primitive<S: Scalar>(&self, x: S) -> S {
        self.unit_primitive(x) * S::from_f64(self.factor())
    }

    /// Which smooth piece of the derivative `x` lies on, counted from the left; `None` for a surrogate that is
    /// smooth everywhere.
    pub fn piece(&self, x: f64) -> Option<i8> {
        match self.kind {
            SurrogateKind::Sigmoid { .. } | SurrogateKind::Atan { .. } | SurrogateKind::Gaussian { .. } => {
                None
            }
            SurrogateKind::FastSigmoid { .. } => Some(i8::from(x >= 0.0)),
            SurrogateKind::Triangle { width } => Some(count_below(&[-width, 0.0, width], x)),
            SurrogateKind::Rectangle { width } => Some(count_below(&[-width / 2.0, width / 2.0], x)),
        }
    }

    /// The factor that the normalisation puts on the formulas of unit area.
    fn factor(&self) -> f64 {
        match self.scale {
            SurrogateScale::UnitArea => 1.0,
            SurrogateScale::PeakOne => self.width(),
        }
    }

    fn unit_derivative<S: Scalar>(&self, x: S) -> S {
        let c = S::from_f64;
        match self.kind {
            SurrogateKind::Sigmoid { width } => {
                // s(-z) for 1 - s(z): no cancellation in the right tail.
                let z = x / c(width);
                z.logistic() * (-z).logistic() / c(width)
            }
            SurrogateKind::Atan { slope } => {
                let z = x * c(PI * slope / 2.0);
                c(slope / 2.0) / (S::one() + z * z)
            }
            SurrogateKind::FastSigmoid { slope } => {
                let d = S::one() + (x * c(slope)).abs();
                c(slope / 2.0) / (d * d)
            }
            SurrogateKind::Triangle { width } => {
                if x.re().abs() < width {
                    (S::one() - x.abs() / c(width)) / c(width)
                } else {
                    S::zero()
                }
            }
            SurrogateKind::Rectangle { width } => {
                if x.re().abs() < width / 2.0 {
                    c(1.0 / width)
                } else {
                    S::zero()
                }
            }
            SurrogateKind::Gaussian { width } => {
                let z = x / c(width);
                (-(z * z) * c(0.5)).exp() * c(1.0 / (width * TAU.sqrt()))
            }
        }
    }

    fn unit_primitive<S: Scalar>(&self, x: S) -> S {
        let c = S::from_f64;
        match self.kind {
            SurrogateKind::Sigmoid { width } => (x / c(width)).logistic(),
            SurrogateKind::Atan { slope } => (x * c(PI * slope / 2.0)).atan() * c(1.0 / PI) + c(0.5),
            SurrogateKind::FastSigmoid { slope } => {
                let z = x * c(slope);
                (z / (S::one() + z.abs())) * c(0.5) + c(0.5)
            }
            SurrogateKind::Triangle { width } => {
                let z = x / c(width);
                if z.re() <= -1.0 {
                    S::zero()
                } else if z.re() < 1.0 {
                    // Both halves at once: 1/2 + z - z |z| / 2.
                    c(0.5) + z - z * z.abs() * c(0.5)
                } else {
                    S::one()
                }
            }
            SurrogateKind::Rectangle { width } => {
                let z = x / c(width);
                if z.re() <= -0.5 {
                    S::zero()
                } else if z.re() < 0.5 {
                    z + c(0.5)
                } else {
                    S::one()
                }
            }
            SurrogateKind::Gaussian { width } => (x * c(FRAC_1_SQRT_2 / width)).erf() * c(0.5) + c(0.5),
        }
    }
}

fn positive(parameter: &'static str, value: f64) -> Result<f64> {
    check(parameter, value, "positive and finite", value > 0.0)
}

/// How many of the bounds lie at or below `x`.
fn count_below(bounds: &[f64], x: f64) -> i8 {
    bounds.iter().map(|&bound| i8::from(bound <= x)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;
    use approx::assert_relative_eq;
    use resurge_tensor::Dual;

    fn all() -> Vec<Surrogate> {
        let plain = [
            Surrogate::sigmoid(0.2),
            Surrogate::atan(2.0),
            Surrogate::fast_sigmoid(5.0),
            Surrogate::triangle(0.8),
            Surrogate::rectangle(1.5),
            Surrogate::gaussian(0.4),
        ]
        .map(|s| s.unwrap());
        let scales = [SurrogateScale::UnitArea, SurrogateScale::PeakOne];
        plain.iter().flat_map(|s| scales.map(|scale| s.with_scale(scale))).collect()
    }

    /// Points on every piece, on no kink.
    fn points() -> impl Iterator<Item = f64> {
        (-40..40).map(|i| f64::from(i) * 0.0937 + 0.0123)
    }

    #[test]
    fn the_derivative_is_that_of_the_primitive() {
        for s in all() {
            for x in points() {
                let slope = s.primitive(Dual::variable(x)).eps;
                assert_relative_eq!(s.derivative(x), slope, max_relative = 1e-13, epsilon = 1e-15);
            }
        }
    }

    #[test]
    fn formulas_at_hand_picked_points() {
        let at = |s: Result<Surrogate>, x: f64| s.unwrap().derivative(x);
        assert_relative_eq!(at(Surrogate::sigmoid(0.5), 0.5), 2.0 * 0.196_611_933_241_481_85);
        assert_relative_eq!(at(Surrogate::atan(2.0), 1.0 / PI), 0.5);
        assert_relative_eq!(at(Surrogate::fast_sigmoid(10.0), -0.1), 0.25);
        assert_relative_eq!(at(Surrogate::triangle(0.5), 0.25), 1.0);
        assert_relative_eq!(at(Surrogate::rectangle(0.5), 0.2), 2.0);
        assert_eq!(at(Surrogate::rectangle(0.5), 0.3), 0.0);
        assert_eq!(at(Surrogate::triangle(0.5), -0.6), 0.0);
        assert_relative_eq!(at(Surrogate::gaussian(0.5), 0.5), 0.483_941_449_038_286_7, max_relative = 1e-15);
    }

    #[test]
    fn scales_are_what_they_are_called() {
        for s in all() {
            match s.scale() {
                SurrogateScale::PeakOne => assert_relative_eq!(s.derivative(0.0), 1.0),
                SurrogateScale::UnitArea => {
                    // Heavy tails: atan and the fast sigmoid approach 1 like 1/x.
                    assert_relative_eq!(s.primitive(1e9) - s.primitive(-1e9), 1.0, max_relative = 1e-8);
                    assert_relative_eq!(s.primitive(0.0), 0.5);
                }
            }
        }
    }

    #[test]
    fn derivatives_are_even_and_pieces_change_only_at_kinks() {
        for s in all() {
            for x in points() {
                assert_relative_eq!(s.derivative(x), s.derivative(-x));
                assert_eq!(s.piece(x), s.piece(x + 1e-9));
            }
        }
        let piece = |s: Result<Surrogate>, x| s.unwrap().piece(x);
        assert_eq!([-2.0, -0.5, 0.5, 2.0].map(|x| piece(Surrogate::triangle(1.0), x).unwrap()), [0, 1, 2, 3]);
        assert_eq!([-0.6, 0.4, 0.6].map(|x| piece(Surrogate::rectangle(1.0), x).unwrap()), [0, 1, 2]);
        assert_eq!([-0.1, 0.1].map(|x| piece(Surrogate::fast_sigmoid(1.0), x).unwrap()), [0, 1]);
        assert_eq!(piece(Surrogate::gaussian(1.0), 0.1), None);
    }

    #[test]
    fn the_width_is_area_over_peak_under_either_scale() {
        for s in all() {
            let area = s.primitive(1e9) - s.primitive(-1e9);
            assert_relative_eq!(s.width(), area / s.derivative(0.0), max_relative = 1e-8);
        }
        assert_relative_eq!(Surrogate::sigmoid(0.2).unwrap().width(), 0.8);
        assert_relative_eq!(Surrogate::rectangle(0.7).unwrap().width(), 0.7);
    }

    #[test]
    fn parameters_outside_their_domain_are_named() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            for (result, parameter) in [
                (Surrogate::sigmoid(bad), "sigmoid width"),
                (Surrogate::atan(bad), "atan slope"),
                (Surrogate::fast_sigmoid(bad), "fast sigmoid slope"),
                (Surrogate::triangle(bad), "triangle width"),
                (Surrogate::rectangle(bad), "rectangle width"),
                (Surrogate::gaussian(bad), "Gaussian width"),
            ] {
                let Err(SnnError::Parameter { parameter: named, expected, .. }) = result else {
                    panic!("{parameter} = {bad} was accepted");
                };
                assert_eq!((named, expected), (parameter, "positive and finite"));
            }
        }
    }
}
