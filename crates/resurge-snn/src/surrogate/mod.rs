//! Surrogate derivatives and their primitives.

mod constructors;
mod kind;
mod table;
#[cfg(test)]
mod tests;

pub use kind::{CustomSurrogate, SurrogateKind};
pub use table::SurrogateEntry;

use resurge_tensor::Scalar;

/// A surrogate: the derivative `sigma'(x)` that stands for that of the step function in the backward pass, with
/// its primitive `S`, `S' = sigma'`, which the smooth twin and the anchored program need.
///
/// `x` is the potential less the threshold. See the table in `docs/surrogates.md`.
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
///
/// // As text, and as JSON.
/// assert_eq!("sigmoid 0.2".parse::<Surrogate>()?, sigmoid);
/// assert_eq!("fast-sigmoid 25 scale unit-area".parse::<Surrogate>()?.derivative(0.0), 12.5);
/// let json = r#"{"kind":"sigmoid","width":0.2,"scale":"unit-area"}"#;
/// assert_eq!(serde_json::to_string(&sigmoid).unwrap(), json);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surrogate {
    /// The shape and its numbers.
    pub kind: SurrogateKind,
    /// The normalisation.
    pub scale: SurrogateScale,
}

/// The normalisation of a surrogate derivative.
///
/// ```
/// use resurge_snn::{Surrogate, SurrogateScale};
///
/// let tall = Surrogate::rectangle(0.5)?; // unit area: height 2
/// assert_eq!(tall.derivative(0.0), 2.0);
/// assert_eq!(tall.with_scale(SurrogateScale::Peak(0.3)).derivative(0.0), 0.3);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SurrogateScale {
    /// The integral is 1: the primitive rises from 0 to 1.
    UnitArea,
    /// The value at 0 is 1.
    PeakOne,
    /// The value at 0 is this.
    Peak(f64),
}

impl Surrogate {
    /// A shape at a scale, for parameters that are known to lie in their domain.
    pub(crate) const fn new(kind: SurrogateKind, scale: SurrogateScale) -> Self {
        Self { kind, scale }
    }

    /// The same shape under another normalisation.
    ///
    /// ```
    /// use resurge_snn::{Surrogate, SurrogateScale};
    ///
    /// let surrogate = Surrogate::sigmoid(0.2)?.with_scale(SurrogateScale::PeakOne);
    /// assert_eq!(surrogate.derivative(0.0), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_scale(self, scale: SurrogateScale) -> Self {
        Self { scale, ..self }
    }

    /// The shape and its parameter.
    ///
    /// ```
    /// use resurge_snn::{Surrogate, SurrogateKind};
    ///
    /// assert_eq!(Surrogate::atan(2.0)?.kind(), SurrogateKind::Atan { slope: 2.0 });
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn kind(&self) -> SurrogateKind {
        self.kind
    }

    /// The normalisation.
    ///
    /// ```
    /// use resurge_snn::{Surrogate, SurrogateScale};
    ///
    /// assert_eq!(Surrogate::fast_sigmoid(25.0)?.scale(), SurrogateScale::PeakOne);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn scale(&self) -> SurrogateScale {
        self.scale
    }

    /// The name used on the command line and in reports.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::atan(2.0)?.name(), "atan");
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The equivalent width, area over peak, in units of the potential: the scale for the step of a finite
    /// difference.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::triangle(0.5)?.width(), 0.5);
    /// assert!((Surrogate::sigmoid(0.2)?.width() - 0.8).abs() < 1e-15);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn width(&self) -> f64 {
        match self.kind {
            SurrogateKind::StraightThrough => 1.0,
            // Of no finite area; this is the length on which they vary.
            SurrogateKind::Heaviside { width } | SurrogateKind::PeriodicExponential { width, .. } => width,
            SurrogateKind::Custom(custom) => custom.width,
            kind => 1.0 / kind.derivative(0.0),
        }
    }

    /// The surrogate derivative `sigma'(x)`.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// assert_eq!(Surrogate::rectangle(1.0)?.derivative(0.7), 0.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn derivative<S: Scalar>(&self, x: S) -> S {
        self.kind.derivative(x) * S::from_f64(self.factor())
    }

    /// The derivative at each of `values`, in their place. The shape is looked at once, outside of the loop.
    #[inline(always)]
    pub(crate) fn derivatives<S: Scalar>(&self, values: &mut [S]) {
        self.kind.derivatives(values, S::from_f64(self.factor()));
    }

    /// A primitive of the derivative: `S' = sigma'`. It is 0 at minus infinity, but for straight through (`1/2 + x`) and
    /// custom ones (as given).
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// let surrogate = Surrogate::sigmoid(0.2)?;
    /// let (h, x) = (1e-5, 0.1_f64);
    /// let slope = (surrogate.primitive(x + h) - surrogate.primitive(x - h)) / (2.0 * h);
    /// assert!((slope - surrogate.derivative(x)).abs() < 1e-7);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn primitive<S: Scalar>(&self, x: S) -> S {
        self.kind.primitive(x) * S::from_f64(self.factor())
    }

    /// Which smooth piece of the derivative `x` lies on, counted from the left; `None` for a surrogate that is
    /// smooth everywhere. The count of a periodic one begins anew after 64 pieces.
    ///
    /// ```
    /// use resurge_snn::Surrogate;
    ///
    /// let surrogate = Surrogate::rectangle(1.0)?;
    /// assert_eq!([-0.6, 0.0, 0.6].map(|x| surrogate.piece(x)), [Some(0), Some(1), Some(2)]);
    /// assert_eq!(Surrogate::sigmoid(0.2)?.piece(0.0), None);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn piece(&self, x: f64) -> Option<i8> {
        if let SurrogateKind::PeriodicExponential { period, .. } = self.kind {
            let crossed = if x < 0.0 { 0.0 } else { (2.0 * x / period).floor() + 1.0 };
            return Some((crossed % 64.0) as i8);
        }
        let kinks = self.kind.kinks();
        if kinks.is_empty() {
            return None;
        }
        Some(kinks.iter().map(|&kink| i8::from(kink <= x)).sum())
    }

    /// Whether the derivative has no kink.
    pub(crate) fn is_smooth(&self) -> bool {
        self.piece(0.0).is_none()
    }

    /// The factor that the normalisation puts on the formulas of unit area.
    fn factor(&self) -> f64 {
        match self.scale {
            SurrogateScale::UnitArea => 1.0,
            SurrogateScale::PeakOne => 1.0 / self.kind.derivative(0.0),
            SurrogateScale::Peak(height) => height / self.kind.derivative(0.0),
        }
    }
}
