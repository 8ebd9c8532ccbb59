//! The surrogates by name.

use super::{CustomSurrogate, Surrogate, SurrogateKind, SurrogateScale};
use crate::Result;
use crate::table::Range;
use std::f64::consts::FRAC_1_SQRT_2;

impl Surrogate {
    /// A sigmoid of the given width, unit area. The paper's author takes 0.2.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::sigmoid(0.25)?.derivative(0.0), 1.0);
    /// assert!(Surrogate::sigmoid(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn sigmoid(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Sigmoid { width: positive("sigmoid width", width)? }))
    }

    /// An arc tangent of the given slope, unit area (so that its peak is half the slope).
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::atan(2.0)?.derivative(0.0), 1.0);
    /// assert!(Surrogate::atan(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn atan(slope: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Atan { slope: positive("atan slope", slope)? }))
    }

    /// A fast sigmoid of the given slope, peak one.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::fast_sigmoid(25.0)?.derivative(0.0), 1.0);
    /// assert!(Surrogate::fast_sigmoid(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn fast_sigmoid(slope: f64) -> Result<Self> {
        let kind = SurrogateKind::FastSigmoid { slope: positive("fast sigmoid slope", slope)? };
        Ok(Self::unit_area(kind).with_scale(SurrogateScale::PeakOne))
    }

    /// A triangle that vanishes beyond `width` on either side, unit area.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::triangle(0.5)?.derivative(0.0), 2.0);
    /// assert!(Surrogate::triangle(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn triangle(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Triangle { width: positive("triangle width", width)? }))
    }

    /// A rectangle of the given full width, unit area.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::rectangle(0.5)?.derivative(0.0), 2.0);
    /// assert!(Surrogate::rectangle(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn rectangle(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Rectangle { width: positive("rectangle width", width)? }))
    }

    /// A Gaussian of the given standard deviation, unit area.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// let peak = 1.0 / (0.5 * std::f64::consts::TAU.sqrt());
    /// assert!((Surrogate::gaussian(0.5)?.derivative(0.0_f64) - peak).abs() < 1e-15);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn gaussian(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Gaussian { width: positive("Gaussian width", width)? }))
    }

    /// The error function's slope `(a / sqrt pi) e^(-(a x)^2)`, unit area: a Gaussian of deviation `1 / (a sqrt 2)`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// let peak = 2.0 / std::f64::consts::PI.sqrt();
    /// assert!((Surrogate::erf(2.0)?.derivative(0.0_f64) - peak).abs() < 1e-14);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn erf(slope: f64) -> Result<Self> {
        Self::gaussian(FRAC_1_SQRT_2 / positive("erf slope", slope)?)
    }

    /// The hyperbolic tangent's slope `1 - tanh(k x)^2`, peak one: a sigmoid of width `1 / (2 k)`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::tanh(3.0)?.derivative(0.0), 1.0);
    /// assert!(Surrogate::tanh(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn tanh(slope: f64) -> Result<Self> {
        Ok(Self::sigmoid(0.5 / positive("tanh slope", slope)?)?.with_scale(SurrogateScale::PeakOne))
    }

    /// The asymptotic SuperSpike `b / (b |x| + 1)^2` (Zenke and Vogels 2021): a fast sigmoid of peak `b`, which
    /// is neither of the customary scales; its area is 2.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::asymptotic_superspike(25.0)?.derivative(0.0), 25.0);
    /// assert!(Surrogate::asymptotic_superspike(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn asymptotic_superspike(slope: f64) -> Result<Self> {
        let kind = SurrogateKind::FastSigmoid { slope: positive("asymptotic SuperSpike slope", slope)? };
        Ok(Self::unit_area(kind).with_scale(SurrogateScale::Peak(slope)))
    }

    /// A two-sided exponential of the given width, unit area.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::exponential(0.25)?.derivative(0.0), 2.0);
    /// assert!(Surrogate::exponential(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn exponential(width: f64) -> Result<Self> {
        Ok(Self::unit_area(SurrogateKind::Exponential { width: positive("exponential width", width)? }))
    }

    /// The algebraic bell `w^3 / (w^2 + x^2)^(3/2)`, peak one.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::algebraic(0.25)?.derivative(0.0), 1.0);
    /// assert!(Surrogate::algebraic(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn algebraic(width: f64) -> Result<Self> {
        let kind = SurrogateKind::Algebraic { width: positive("algebraic width", width)? };
        Ok(Self::unit_area(kind).with_scale(SurrogateScale::PeakOne))
    }

    /// A Gaussian with negative wings, at its own scale (area `1 - wings`). The customary values are 0.5, 0.15
    /// and 6.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width and the ratio are positive and the
    /// wings lie in `0..0.5`.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// let surrogate = Surrogate::multi_gaussian(0.5, 0.15, 6.0)?;
    /// assert!(surrogate.derivative(0.0) > 0.0 && surrogate.derivative(3.0) < 0.0); // its wings are negative
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn multi_gaussian(width: f64, wings: f64, ratio: f64) -> Result<Self> {
        let kind = SurrogateKind::MultiGaussian {
            width: positive("multi-Gaussian width", width)?,
            wings: Range::BelowHalf.check("multi-Gaussian wings", wings)?,
            ratio: positive("multi-Gaussian ratio", ratio)?,
        };
        let peak = (1.0 - wings) * kind.derivative(0.0);
        Ok(Self::unit_area(kind).with_scale(SurrogateScale::Peak(peak)))
    }

    /// A step `width` below the threshold, peak one: Sinabs's `Heaviside`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// let step = Surrogate::heaviside(0.5)?;
    /// assert_eq!([-0.6, -0.5, 7.0].map(|x| step.derivative(x)), [0.0, 1.0, 1.0]);
    /// assert!(Surrogate::heaviside(0.0).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn heaviside(width: f64) -> Result<Self> {
        let kind = SurrogateKind::Heaviside { width: positive("Heaviside width", width)? };
        Ok(Self::new(kind, SurrogateScale::PeakOne))
    }

    /// An exponential that comes back at every multiple of the period above the threshold, peak one: for neurons that
    /// fire several times in a step (Weidel and Sheik 2021).
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless both are positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// let periodic = Surrogate::periodic_exponential(0.5, 1.0)?;
    /// assert_eq!([0.0, 1.0, 2.0].map(|x| periodic.derivative(x)), [1.0; 3]);
    /// assert!((periodic.derivative(-0.5_f64) - (-1.0_f64).exp()).abs() < 1e-15);
    /// assert!((periodic.derivative(1.25_f64) - (-1.0_f64).exp()).abs() < 1e-15);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn periodic_exponential(width: f64, period: f64) -> Result<Self> {
        let kind = SurrogateKind::PeriodicExponential {
            width: positive("periodic exponential width", width)?,
            period: positive("periodic exponential period", period)?,
        };
        Ok(Self::new(kind, SurrogateScale::PeakOne))
    }

    /// The straight-through estimator: slope 1 everywhere.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::straight_through().derivative(-7.0), 1.0);
    /// ```
    pub fn straight_through() -> Self {
        Self { kind: SurrogateKind::StraightThrough, scale: SurrogateScale::PeakOne }
    }

    /// A surrogate from a closure: `function(0, x)` is the primitive, `function(1, x)` the surrogate derivative,
    /// `function(2, x)` its derivative (asked for by second-order checks). `width` is its area over its peak, the
    /// scale for finite-difference steps.
    ///
    /// The closure is kept for the rest of the program's life, so that a surrogate stays a small copyable value.
    /// Whether its entries belong together is what the finite differences of a gradient check find out; the
    /// complex step and dual numbers take `function(1, x)` for the derivative of `function(0, x)`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the width is positive and finite.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// let steep = 3.0;
    /// let s = move |x: f64| 1.0 / (1.0 + (-steep * x).exp());
    /// let custom = Surrogate::custom(4.0 / steep, move |order, x| match order {
    ///     0 => s(x),
    ///     1 => steep * s(x) * (1.0 - s(x)),
    ///     _ => steep * steep * s(x) * (1.0 - s(x)) * (1.0 - 2.0 * s(x)),
    /// })?;
    /// assert_eq!(custom.derivative(0.0), 0.75);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn custom(width: f64, function: impl Fn(usize, f64) -> f64 + Send + Sync + 'static) -> Result<Self> {
        let width = positive("custom surrogate width", width)?;
        let custom = CustomSurrogate { width, function: Box::leak(Box::new(function)) };
        Ok(Self::unit_area(SurrogateKind::Custom(custom)))
    }

    fn unit_area(kind: SurrogateKind) -> Self {
        Self::new(kind, SurrogateScale::UnitArea)
    }
}

fn positive(parameter: &'static str, value: f64) -> Result<f64> {
    Range::Positive.check(parameter, value)
}
