//! What a verification found, in the form in which it is written out.

use crate::Verdict;
use serde::Serialize;
use std::fmt;

/// One combination of reset, reset gradient and surrogate.
///
/// ```
/// use resurge_gradcheck::{CaseErrors, CaseReport, MissingTerm, Verdict};
///
/// let errors = CaseErrors { finite_difference: 1e-10, complex_step: 1e-14, dual: 1e-14, closed_form: 1e-15 };
/// let case = CaseReport {
///     reset: "zero".into(),
///     reset_gradient: "full".into(),
///     surrogate: "sigmoid".into(),
///     parameters: 8,
///     firing_rate: 0.2,
///     resets: 12,
///     errors,
///     missing_term: MissingTerm { relative_norm: 0.0, cosine: 1.0 },
///     anchored_loss_exact: true,
///     directions: 16,
///     skipped: 0,
///     verdict: Verdict::Passed,
///     untested: None,
///     passed: true,
/// };
/// assert!(case.passed);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
    /// The reset's name.
    pub reset: String,
    /// The reset gradient's name.
    pub reset_gradient: String,
    /// The surrogate's name.
    pub surrogate: String,
    /// The number of trainable numbers: weights and biases.
    pub parameters: usize,
    /// Spikes per neuron and step.
    pub firing_rate: f64,
    /// Spikes that another step follows, and so a reset, if there is one.
    pub resets: usize,
    /// The largest errors of the tape's gradient, normalised by its norm.
    pub errors: CaseErrors,
    /// What this rule leaves out of the full gradient.
    pub missing_term: MissingTerm,
    /// Whether the anchored program's loss at the base point is the spiking loss to the bit.
    pub anchored_loss_exact: bool,
    /// Directions in which finite differences were compared.
    pub directions: usize,
    /// Directions in which finite differences could not be conclusive, because a kink was too near.
    pub skipped: usize,
    /// The outcome.
    pub verdict: Verdict,
    /// What was not tested, where that leaves the outcome undecided.
    pub untested: Option<Untested>,
    /// Whether everything holds: whether the verdict is [`Verdict::Passed`].
    pub passed: bool,
}

/// What a run did not test, though nothing is wrong.
///
/// ```
/// use resurge_gradcheck::Untested;
///
/// assert_eq!(Untested::Gradient.to_string(), "the gradient is zero: nothing to prove");
/// assert_eq!(serde_json::to_string(&Untested::Reset)?, "\"reset\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Untested {
    /// The gradient is zero, by every means: any multiple of it would be as right.
    Gradient,
    /// There is a reset, but no spike before the last step: it never took place.
    Reset,
    /// Kinks or rounding leave no finite difference that could decide. The other means agree.
    Differences,
    /// The program can spike, but did not: nothing that a spike does was exercised.
    Spikes,
}

impl fmt::Display for Untested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gradient => "the gradient is zero: nothing to prove",
            Self::Reset => "no neuron fires before the last step: the reset was not exercised",
            Self::Differences => "kinks or rounding leave no finite difference that could decide",
            Self::Spikes => "no neuron fires: nothing that a spike does was exercised",
        })
    }
}

/// The largest normalised error by each means. Not a number, and `null` in JSON, where nothing can be compared
/// because the gradient vanishes.
///
/// ```
/// use resurge_gradcheck::CaseErrors;
///
/// let errors = CaseErrors { finite_difference: 1e-10, complex_step: 1e-14, dual: 1e-14, closed_form: 1e-15 };
/// assert!(errors.dual < errors.finite_difference);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CaseErrors {
    /// Against adaptive finite differences of the anchored program.
    pub finite_difference: f64,
    /// Against the complex step on the anchored program.
    pub complex_step: f64,
    /// Against dual numbers on the anchored program.
    pub dual: f64,
    /// Against the closed recurrences (4) to (6), by the norm of the whole difference.
    pub closed_form: f64,
}

/// What a rule leaves out of the full gradient of the same network: for the detached gradient, the missing term
/// of equation (6).
///
/// ```
/// use resurge_gradcheck::MissingTerm;
///
/// let detached = MissingTerm { relative_norm: 3.5, cosine: 0.9 };
/// assert!(detached.relative_norm > 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MissingTerm {
    /// `|full - this| / |full|`.
    pub relative_norm: f64,
    /// The cosine of the angle between this gradient and the full one.
    pub cosine: f64,
}

impl CaseReport {
    /// The report over both: the larger errors, the fewer directions, a pass only where both passed, and undecided where either
    /// is and neither failed.
    ///
    /// ```
    /// use resurge_gradcheck::{CaseErrors, CaseReport, MissingTerm, Verdict};
    ///
    /// let errors = CaseErrors { finite_difference: 1e-10, complex_step: 1e-14, dual: 1e-14, closed_form: 1e-15 };
    /// let case = CaseReport {
    ///     reset: "zero".into(),
    ///     reset_gradient: "full".into(),
    ///     surrogate: "sigmoid".into(),
    ///     parameters: 8,
    ///     firing_rate: 0.2,
    ///     resets: 12,
    ///     errors,
    ///     missing_term: MissingTerm { relative_norm: 0.0, cosine: 1.0 },
    ///     anchored_loss_exact: true,
    ///     directions: 16,
    ///     skipped: 0,
    ///     verdict: Verdict::Passed,
    ///     untested: None,
    ///     passed: true,
    /// };
    /// let failed = CaseReport { verdict: Verdict::Failed, passed: false, directions: 12, ..case.clone() };
    /// let both = case.worse(failed);
    /// assert_eq!((both.verdict, both.passed, both.directions), (Verdict::Failed, false, 12));
    /// ```
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let larger = |of: fn(&CaseErrors) -> f64| {
            crate::evidence::largest([of(&self.errors), of(&other.errors)].into_iter())
        };
        let rank = |case: &Self| match case.verdict {
            Verdict::Passed => 0,
            Verdict::Undecided => 1,
            Verdict::Failed => 2,
        };
        let worse = if rank(&other) > rank(&self) { &other } else { &self };
        let (verdict, untested) = (worse.verdict, worse.untested);
        Self {
            verdict,
            untested,
            resets: self.resets.min(other.resets),
            errors: CaseErrors {
                finite_difference: larger(|e| e.finite_difference),
                complex_step: larger(|e| e.complex_step),
                dual: larger(|e| e.dual),
                closed_form: larger(|e| e.closed_form),
            },
            anchored_loss_exact: self.anchored_loss_exact && other.anchored_loss_exact,
            directions: self.directions.min(other.directions),
            skipped: self.skipped.max(other.skipped),
            passed: self.passed && other.passed,
            ..self
        }
    }
}
