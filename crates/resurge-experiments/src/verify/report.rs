//! What a verification found in all, in the form in which it is written out.

use resurge_gradcheck::{CaseReport, CellReport, CellVerdict, Untested, Verdict};
use resurge_snn::Reset;
use serde::Serialize;

/// Everything that was verified, with a summary.
///
/// ```
/// use resurge_experiments::Seeds;
/// use resurge_experiments::verify::{Report, conventions, verify_specimens};
///
/// let paper = verify_specimens(&conventions(&["paper".into()])?, &Seeds::first(1), || {})?;
/// let report = Report::new(vec![], vec![], paper);
/// assert_eq!((report.summary.cases, report.summary.passed, report.conventions.len()), (1, 1, 1));
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
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
/// use resurge_experiments::verify::Report;
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
    /// How many failed.
    pub failed: usize,
    /// How many are neither: nothing is wrong, but not all was tested.
    pub undecided: usize,
    /// The outcome of all.
    pub verdict: Verdict,
    /// What the undecided cases did not test.
    pub untested: ReportUntested,
    /// Whether a reset took place in every case that has one, and there is such a case.
    pub reset_exercised: bool,
    /// The largest error over all cases.
    pub max_error: ReportErrors,
}

/// How many cases are undecided, by what they did not test.
///
/// ```
/// use resurge_experiments::verify::{Report, ReportUntested};
///
/// let summary = Report::new(vec![], vec![], vec![]).summary;
/// assert_eq!(summary.untested, ReportUntested { gradient: 0, reset: 0, differences: 0 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReportUntested {
    /// The gradient is zero: there is nothing to prove.
    pub gradient: usize,
    /// No neuron fires before the last step: the reset was not exercised.
    pub reset: usize,
    /// Kinks or rounding leave no finite difference that could decide.
    pub differences: usize,
}

/// The largest normalised error by each means, over the cases in which it could be compared; none where there is none.
///
/// ```
/// use resurge_experiments::Seeds;
/// use resurge_experiments::verify::{Report, conventions, verify_specimens};
///
/// let paper = verify_specimens(&conventions(&["paper".into()])?, &Seeds::first(1), || {})?;
/// let errors = Report::new(vec![], vec![], paper).summary.max_error;
/// assert!(errors.dual < Some(1e-10) && errors.rtrl < Some(1e-10));
/// assert_eq!(errors.closed_form, None); // of the network on digits alone
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
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
    /// use resurge_experiments::verify::Report;
    ///
    /// let nothing = Report::new(vec![], vec![], vec![]);
    /// assert_eq!((nothing.summary.cases, nothing.summary.max_error.dual), (0, None));
    /// ```
    pub fn new(cases: Vec<CaseReport>, cells: Vec<CellReport>, conventions: Vec<CellReport>) -> Self {
        let specimens = || cells.iter().chain(&conventions);
        let total = cases.len() + cells.len() + conventions.len();
        let verdicts = || {
            let of_specimen = |s: &CellReport| match (s.verdict, s.verdict.untested()) {
                (CellVerdict::Passed, _) => Verdict::Passed,
                (_, Some(_)) => Verdict::Undecided,
                (_, None) => Verdict::Failed,
            };
            cases.iter().map(|c| c.verdict).chain(specimens().map(of_specimen))
        };
        let count = |verdict| verdicts().filter(|v| *v == verdict).count();
        let (passed, undecided) = (count(Verdict::Passed), count(Verdict::Undecided));
        let failed = count(Verdict::Failed);
        let reasons = || {
            let of_specimens = specimens().map(|s| s.verdict.untested());
            cases.iter().map(|c| c.untested).chain(of_specimens).flatten()
        };
        let untested = |what| reasons().filter(|reason| *reason == what).count();
        let untested = ReportUntested {
            gradient: untested(Untested::Gradient),
            reset: untested(Untested::Reset),
            differences: untested(Untested::Differences),
        };
        let verdict = match (failed, undecided) {
            (1.., _) => Verdict::Failed,
            (0, 1..) => Verdict::Undecided,
            (0, 0) => Verdict::Passed,
        };
        // Where the gradient is zero, no means has an error; where no difference decides, that one has none.
        let compared_cases = || cases.iter().filter(|c| c.untested != Some(Untested::Gradient));
        let compared = || specimens().filter(|s| s.verdict.untested() != Some(Untested::Gradient));
        let both = |of_case: fn(&CaseReport) -> f64, of_specimen: fn(&CellReport) -> f64| {
            largest(compared_cases().map(of_case).chain(compared().map(of_specimen)))
        };
        let decided_cases = compared_cases().filter(|c| c.untested != Some(Untested::Differences));
        let decided = compared().filter(|s| s.verdict.untested() != Some(Untested::Differences));
        let differences = decided_cases.map(|c| c.errors.finite_difference);
        let max_error = ReportErrors {
            finite_difference: largest(differences.chain(decided.map(|s| s.errors.finite_difference))),
            complex_step: both(|c| c.errors.complex_step, |s| s.errors.complex_step),
            dual: both(|c| c.errors.dual, |s| s.errors.dual),
            closed_form: largest(compared_cases().map(|c| c.errors.closed_form)),
            rtrl: largest(compared().map(|s| s.errors.rtrl)),
        };
        let of_cases = cases.iter().filter(|c| c.reset != Reset::NONE.name()).map(|c| c.resets);
        let resets: Vec<usize> =
            of_cases.chain(specimens().filter(|s| s.has_reset).map(|s| s.resets)).collect();
        let reset_exercised = !resets.is_empty() && resets.iter().all(|&resets| resets > 0);
        let summary = ReportSummary {
            cases: total,
            passed,
            failed,
            undecided,
            verdict,
            untested,
            reset_exercised,
            max_error,
        };
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
