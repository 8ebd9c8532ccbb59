//! What a check of a cell found: its verdict, its errors and their bars.

use crate::evidence::largest;
use crate::{BARS, Skipped, Untested};
use serde::Serialize;

/// What became of a specimen.
///
/// ```
/// use resurge_gradcheck::{CellReport, check_cell};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let report = check_cell("mine".into(), cell, &[], 1)?;
/// let report: CellReport = report;
/// assert!(report.anchored_loss_exact && report.firing_rate > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellReport {
    /// The specimen's name.
    pub name: String,
    /// The seed of its point.
    pub seed: u64,
    /// How many points were drawn: more than one where the first proved nothing.
    pub draws: usize,
    /// The outcome.
    pub verdict: CellVerdict,
    /// The number of learnable numbers.
    pub parameters: usize,
    /// Spikes per neuron and step.
    pub firing_rate: f64,
    /// Whether its neurons reset at all.
    pub has_reset: bool,
    /// Spikes that another step follows, and so a reset, if there is one.
    pub resets: usize,
    /// The largest errors of the tape's gradient, normalised by its norm.
    pub errors: CellErrors,
    /// Whether the anchored program's loss at the base point is the spiking loss to the bit.
    pub anchored_loss_exact: bool,
    /// Directions in which finite differences were conclusive.
    pub conclusive: usize,
    /// Directions in which they were not, and why.
    pub skipped: Vec<Skipped>,
    /// The inputs whose gradient is zero at this point: nothing was proved of them.
    pub silent: Vec<String>,
}

/// The outcome of a check. Only [`Passed`](Self::Passed) is a pass.
///
/// ```
/// use resurge_gradcheck::{CellVerdict, check_cell};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let report = check_cell("mine".into(), cell, &[], 1)?;
/// assert_eq!(report.verdict, CellVerdict::Passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellVerdict {
    /// Every proof agrees.
    Passed,
    /// A proof disagrees.
    Failed,
    /// The whole gradient is zero: there is nothing to compare.
    Vacuous,
    /// Finite differences are not conclusive in any direction; the other proofs agree.
    Inconclusive,
    /// Every proof agrees, but no neuron fires, or none before the last step: the cell's reset was not exercised.
    Unexercised,
}

impl CellVerdict {
    /// What was not tested, where that leaves the outcome undecided.
    ///
    /// ```
    /// use resurge_gradcheck::{CellVerdict, Untested};
    ///
    /// assert_eq!(CellVerdict::Vacuous.untested(), Some(Untested::Gradient));
    /// assert_eq!(CellVerdict::Failed.untested(), None);
    /// ```
    pub fn untested(self) -> Option<Untested> {
        match self {
            Self::Passed | Self::Failed => None,
            Self::Vacuous => Some(Untested::Gradient),
            Self::Inconclusive => Some(Untested::Differences),
            Self::Unexercised => Some(Untested::Reset),
        }
    }
}

/// The largest normalised error of a cell's gradient by each means. Not a number where the gradient vanishes.
///
/// ```
/// use resurge_gradcheck::{CELL_BARS, CellErrors, check_cell};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let report = check_cell("mine".into(), cell, &[], 1)?;
/// let errors: CellErrors = report.errors;
/// assert!(errors.dual <= CELL_BARS.dual);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CellErrors {
    /// Against finite differences of the anchored program, in the directions in which they are conclusive; 0
    /// where there is none, which [`CellVerdict::Inconclusive`] tells.
    pub finite_difference: f64,
    /// Against the complex step on the anchored program.
    pub complex_step: f64,
    /// Against dual numbers on the anchored program.
    pub dual: f64,
    /// Against forward sensitivities on the real program, by the norm of the whole difference.
    pub rtrl: f64,
    /// Of the loss against that of the forward sensitivities, relative to the size of its terms.
    pub loss: f64,
}

/// The bars of the registry: those of every proof, [`BARS`].
///
/// Dual numbers, complex step and forward sensitivities differ from the tape by rounding alone: a few hundred
/// products and sums of 1e-16 each, in another order. Over the whole registry they reach a few 1e-15; where a
/// gradient is what is left of larger terms that cancel, a few 1e-14.
///
/// ```
/// use resurge_gradcheck::CELL_BARS;
///
/// assert!(CELL_BARS.within(&CELL_BARS));
/// ```
pub const CELL_BARS: CellErrors = CellErrors {
    finite_difference: BARS.finite_difference,
    complex_step: BARS.complex_step,
    dual: BARS.dual,
    rtrl: BARS.independent,
    loss: BARS.loss,
};

impl CellErrors {
    /// Whether every error is within its bar. An error that is not a number is not.
    ///
    /// ```
    /// use resurge_gradcheck::{CELL_BARS, check_cell};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let report = check_cell("mine".into(), cell, &[], 1)?;
    /// assert!(report.errors.within(&CELL_BARS));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within(&self, bars: &Self) -> bool {
        self.finite_difference <= bars.finite_difference
            && self.complex_step <= bars.complex_step
            && self.dual <= bars.dual
            && self.rtrl <= bars.rtrl
            && self.loss <= bars.loss
    }

    /// The larger of each error, or not a number as soon as one is not.
    ///
    /// ```
    /// use resurge_gradcheck::check_cell;
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let report = check_cell("mine".into(), cell, &[], 1)?;
    /// assert_eq!(report.errors.max(&report.errors), report.errors);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        let worse = |of: fn(&Self) -> f64| largest([of(self), of(other)].into_iter());
        Self {
            finite_difference: worse(|e| e.finite_difference),
            complex_step: worse(|e| e.complex_step),
            dual: worse(|e| e.dual),
            rtrl: worse(|e| e.rtrl),
            loss: worse(|e| e.loss),
        }
    }
}
