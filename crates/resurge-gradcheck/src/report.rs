//! What a verification found, in the form in which it is written out.

use serde::Serialize;

/// One combination of reset, reset gradient and surrogate.
///
/// ```
/// use resurge_gradcheck::{CaseErrors, CaseReport, MissingTerm};
///
/// let errors = CaseErrors { finite_difference: 1e-10, complex_step: 1e-14, dual: 1e-14, closed_form: 1e-15 };
/// let case = CaseReport {
///     reset: "zero".into(),
///     reset_grad: "full".into(),
///     surrogate: "sigmoid".into(),
///     parameters: 8,
///     firing_rate: 0.2,
///     errors,
///     missing_term: MissingTerm { relative_norm: 0.0, cosine: 1.0 },
///     anchored_loss_exact: true,
///     directions: 16,
///     skipped: 0,
///     passed: true,
/// };
/// assert!(case.passed);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
    /// The reset's name.
    pub reset: String,
    /// The reset gradient's name.
    pub reset_grad: String,
    /// The surrogate's name.
    pub surrogate: String,
    /// The number of trainable numbers: weights and biases.
    pub parameters: usize,
    /// Spikes per neuron and step.
    pub firing_rate: f64,
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
    /// Whether everything holds.
    pub passed: bool,
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
    /// The report over both: the larger errors, the fewer directions, a pass only where both passed.
    ///
    /// ```
    /// use resurge_gradcheck::{CaseErrors, CaseReport, MissingTerm};
    ///
    /// let errors = CaseErrors { finite_difference: 1e-10, complex_step: 1e-14, dual: 1e-14, closed_form: 1e-15 };
    /// let case = CaseReport {
    ///     reset: "zero".into(),
    ///     reset_grad: "full".into(),
    ///     surrogate: "sigmoid".into(),
    ///     parameters: 8,
    ///     firing_rate: 0.2,
    ///     errors,
    ///     missing_term: MissingTerm { relative_norm: 0.0, cosine: 1.0 },
    ///     anchored_loss_exact: true,
    ///     directions: 16,
    ///     skipped: 0,
    ///     passed: true,
    /// };
    /// let failed = CaseReport { passed: false, directions: 12, ..case.clone() };
    /// let both = case.worse(failed);
    /// assert_eq!((both.passed, both.directions), (false, 12));
    /// ```
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let larger = |of: fn(&CaseErrors) -> f64| {
            crate::evidence::largest([of(&self.errors), of(&other.errors)].into_iter())
        };
        Self {
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
