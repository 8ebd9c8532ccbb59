//! What a verification found in all, in the form in which it is written out.

use crate::gradcheck::{CaseReport, CellReport, CellVerdict};
use serde::Serialize;

/// Everything that was verified, with a summary.
///
/// ```
/// use resurge::verify::{Report, conventions, verify_specimens};
///
/// let paper = verify_specimens(&conventions(&["paper".into()])?, 1, 1, || {})?;
/// let report = Report::new(vec![], vec![], paper);
/// assert_eq!((report.summary.cases, report.summary.passed, report.conventions.len()), (1, 1, 1));
/// # Ok::<(), resurge::verify::VerifyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The cases counted, and the largest error by each means.
    pub summary: ReportSummary,
    /// Each combination of reset, reset gradient and surrogate on the network that sees digits.
    pub cases: Vec<CaseReport>,
    /// Each specimen of the registry of cells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellReport>,
    /// Each named convention.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conventions: Vec<CellReport>,
}

/// The cases counted, and the largest error by each means.
///
/// ```
/// use resurge::verify::Report;
///
/// let summary = Report::new(vec![], vec![], vec![]).summary;
/// assert_eq!((summary.cases, summary.passed, summary.failed), (0, 0, 0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportSummary {
    /// How many cases there are, specimens included.
    pub cases: usize,
    /// How many passed.
    pub passed: usize,
    /// How many did not.
    pub failed: usize,
    /// The largest error over all cases.
    pub max_error: ReportErrors,
}

/// The largest normalised error by each means; none where that means was not used.
///
/// ```
/// use resurge::verify::{Report, conventions, verify_specimens};
///
/// let paper = verify_specimens(&conventions(&["paper".into()])?, 1, 1, || {})?;
/// let errors = Report::new(vec![], vec![], paper).summary.max_error;
/// assert!(errors.dual < Some(1e-10) && errors.rtrl < Some(1e-10));
/// assert_eq!(errors.closed_form, None); // of the network on digits alone
/// # Ok::<(), resurge::verify::VerifyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReportErrors {
    /// Against adaptive finite differences of the anchored program.
    pub finite_difference: Option<f64>,
    /// Against the complex step on the anchored program.
    pub complex_step: Option<f64>,
    /// Against dual numbers on the anchored program.
    pub dual: Option<f64>,
    /// Against the closed recurrences.
    pub closed_form: Option<f64>,
    /// Against forward sensitivities on the real program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtrl: Option<f64>,
}

impl Report {
    /// A report of the given results.
    ///
    /// ```
    /// use resurge::verify::Report;
    ///
    /// let nothing = Report::new(vec![], vec![], vec![]);
    /// assert_eq!((nothing.summary.cases, nothing.summary.max_error.dual), (0, None));
    /// ```
    pub fn new(cases: Vec<CaseReport>, cells: Vec<CellReport>, conventions: Vec<CellReport>) -> Self {
        let specimens = || cells.iter().chain(&conventions);
        let total = cases.len() + cells.len() + conventions.len();
        let passed = cases.iter().filter(|c| c.passed).count()
            + specimens().filter(|s| s.verdict == CellVerdict::Passed).count();
        let both = |of_case: fn(&CaseReport) -> f64, of_specimen: fn(&CellReport) -> f64| {
            largest(cases.iter().map(of_case).chain(specimens().map(of_specimen)))
        };
        let max_error = ReportErrors {
            finite_difference: both(|c| c.errors.finite_difference, |s| s.errors.finite_difference),
            complex_step: both(|c| c.errors.complex_step, |s| s.errors.complex_step),
            dual: both(|c| c.errors.dual, |s| s.errors.dual),
            closed_form: largest(cases.iter().map(|c| c.errors.closed_form)),
            rtrl: largest(specimens().map(|s| s.errors.rtrl)),
        };
        let summary = ReportSummary { cases: total, passed, failed: total - passed, max_error };
        Self { summary, cases, cells, conventions }
    }
}

/// The largest value, not a number as soon as one is not, and none of none.
fn largest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.reduce(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_none_is_none_and_nan_is_not_swallowed() {
        assert_eq!(largest(std::iter::empty()), None);
        assert_eq!(largest([1.0, 3.0, 2.0].into_iter()), Some(3.0));
        assert!(largest([1.0, f64::NAN, 2.0].into_iter()).is_some_and(f64::is_nan));
    }
}
