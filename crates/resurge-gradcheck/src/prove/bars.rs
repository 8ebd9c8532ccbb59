//! The one set of bars.

use serde::Serialize;

/// The largest error with which a gradient passes, by each means. Normalised by the gradient's norm.
///
/// There is one set, [`BARS`]; no other crate can make another.
///
/// ```
/// use resurge_gradcheck::BARS;
///
/// assert!(BARS.dual < BARS.finite_difference);
/// ```
///
/// ```compile_fail
/// use resurge_gradcheck::{BARS, Bars};
///
/// let lenient = Bars { dual: 1e-3, ..BARS };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bars {
    /// Against finite differences.
    pub finite_difference: f64,
    /// Against the complex step.
    pub complex_step: f64,
    /// Against dual numbers.
    pub dual: f64,
    /// Of a gradient that was found independently, by the norm of the whole difference.
    pub independent: f64,
    /// Of a loss that was found independently, relative to the size of its terms.
    pub loss: f64,
}

/// The bars of every proof.
///
/// Finite differences attain 1e-13 to 1e-10 where the step is free, and a few 1e-9 where kinks force it to be
/// small; estimates with a larger error are left out as not conclusive, so 1e-8 is never met by luck. The others
/// differ from the tape by rounding alone: 25 steps of recurrence and sums of some thousand terms, at 1e-16 each,
/// stay below 1e-13, and a fault of scale 1e-6 is a million times the bar.
///
/// ```
/// use resurge_gradcheck::BARS;
///
/// assert_eq!((BARS.finite_difference, BARS.dual), (1e-8, 1e-12));
/// ```
pub const BARS: Bars =
    Bars { finite_difference: 1e-8, complex_step: 1e-12, dual: 1e-12, independent: 1e-12, loss: 1e-12 };

/// Roundings of the largest number in the pass that a derivative may be off by.
const ROUNDINGS: f64 = 64.0;

/// What rounding can excuse: a gradient that it hides is not proved.
const AT_MOST: f64 = 1e-3;

impl Bars {
    /// The bar of derivatives without a step, for a gradient of a norm in a pass whose largest number is
    /// `magnitude`: a gradient far smaller than the numbers that it is made of, as behind a saturated softmax, is
    /// known to their rounding.
    pub(crate) fn exact(&self, magnitude: f64, norm: f64) -> f64 {
        self.dual.max((ROUNDINGS * f64::EPSILON * magnitude / norm).min(AT_MOST))
    }
}
