//! What an audit found, in the form in which it is written out.

use super::compare::{Worst, norm};
use super::error::FileError;
use super::file::AuditFile;
use super::forward::ForwardReport;
use super::profile::{LagProfile, StepProfile};
use super::proof::ProofReport;
use super::search::Explanation;
use super::{Precision, description::FORMATS};
use resurge_tensor::Tensor;
use serde::Serialize;

/// The code of a verdict on which the referee's own proof casts doubt.
const UNPROVED: &str = "unproved";

/// The code of a verdict where the gradients are those of the claim, and this run cannot tell the claim from another.
pub(super) const UNDECIDED: &str = "undecided";

impl AuditReport {
    /// Withdraws a verdict about gradients whose proof fails: there is none where numbers are of a size that no bound
    /// and no proof can have, and else the referee is to be mended.
    pub(super) fn doubted(&mut self, file: &AuditFile) {
        if self.proof.as_ref().is_some_and(|proof| !proof.passed) {
            if let Some(reason) = self.extreme(file) {
                self.words = format!("no verdict: {reason}");
                (self.code, self.matches) = (UNDECIDED.into(), false);
                (self.explanations, self.undecided) = (Vec::new(), Some(reason));
                return;
            }
            self.words = format!(
                "the referee fails its own proof on this input, so that its verdict counts for nothing, which would be \
                 `{}`: {}; please report this file",
                self.code, self.words
            );
            (self.code, self.matches, self.undecided) = (UNPROVED.into(), false, None);
        }
    }

    /// The tensor whose numbers are farthest from 1, if their squares leave what 64 bits hold.
    fn extreme(&self, file: &AuditFile) -> Option<String> {
        let of = |name: String, value: &Tensor<f64>| (name, norm(value.as_slice()));
        let mut sizes = vec![("loss".to_owned(), file.loss.abs()), of("input".into(), &file.input)];
        for (k, layer) in file.layers.iter().enumerate() {
            let all = [("weight", &layer.weight), ("bias", &layer.bias), ("recurrent", &layer.recurrent)];
            sizes.extend(
                all.iter().filter_map(|(name, x)| Some(of(format!("layers.{k}.{name}"), (*x).as_ref()?))),
            );
        }
        sizes.extend(file.gradients.iter().map(|g| of(format!("gradients.{}", g.name), &g.value)));
        sizes.extend(self.gradients.iter().map(|g| (format!("the claimed gradient of {}", g.name), g.norm)));
        let (name, size) = most_extreme(sizes)?;
        Some(format!(
            "the norm of {name} is {size:.1e}, and the squares of such numbers, of which bounds and proofs are made, leave \
             what 64 bits hold; multiply the loss, or the input and what it meets, by a constant, so that all numbers \
             lie between 1e-100 and 1e100, and record again"
        ))
    }
}

/// The norm that is the most decades from 1, if that is too many.
fn most_extreme(sizes: Vec<(String, f64)>) -> Option<(String, f64)> {
    let decades = |size: f64| size.log10().abs();
    let extreme = sizes.into_iter().filter(|(_, size)| *size > 0.0 && decades(*size) > EXTREME);
    extreme.max_by(|a, b| decades(a.1).total_cmp(&decades(b.1)))
}

/// Decades from 1 beyond which squares, some thousand of them and their roundings, leave 64 bits (1e-308 to 1e308).
const EXTREME: f64 = 130.0;

/// One file's audit.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions::default())?;
/// assert_eq!((&report.code[..], report.matches), ("detached", false));
/// assert!(report.framework.starts_with("norse"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditReport {
    /// The framework's name and version.
    pub framework: String,
    /// The version of the format in which the file is written.
    pub format: u64,
    /// The classes of the layers with a state, as the file names them.
    pub classes: Vec<String>,
    /// The file's own notes.
    pub notes: Vec<String>,
    /// The type of the file's numbers.
    pub precision: Precision,
    /// Steps.
    pub steps: usize,
    /// Samples.
    pub batch: usize,
    /// Numbers that are learned and have a gradient in the file.
    pub parameters: usize,
    /// `match`, the code of the diagnosis, `undecided` or `unproved`.
    pub code: String,
    /// Whether the gradients are those that the file claims, and could have been others.
    pub matches: bool,
    /// Why a run whose gradients are those of the claim cannot tell the claim from another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
    /// The verdict in words.
    pub words: String,
    /// The forward pass.
    pub forward: ForwardReport,
    /// Each gradient against the claim; empty where the forward pass differs.
    pub gradients: Vec<GradientReport>,
    /// The norm of what the claimed gradient has and the file's has not, over that of the claimed one.
    pub relative_weight: f64,
    /// Where the gradients do not match: the explanations, the best first.
    pub explanations: Vec<Explanation>,
    /// Where they match: other gradients of the reset that this input cannot tell from the claimed one.
    pub indistinguishable: Vec<String>,
    /// What was proved of the rebuilt network on this input.
    pub proof: Option<ProofReport>,
    /// Why there is no proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_proof: Option<String>,
    /// The gradient by layer and step.
    pub by_step: Vec<StepProfile>,
    /// The reset term by time lag.
    pub by_lag: Vec<LagProfile>,
}

/// One gradient against the claim.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions::default())?;
/// let gradient = &report.gradients[0];
/// assert_eq!(gradient.name, "layers.0.weight");
/// assert!(!gradient.matches && gradient.error > gradient.tolerance && gradient.wrong > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GradientReport {
    /// The tensor's name without `gradients.`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The norm of the claimed gradient.
    pub norm: f64,
    /// The norm of the difference over it.
    pub error: f64,
    /// The error that its entries may make together: the norm of their bounds over the norm. As the error, infinite
    /// where the claimed gradient is zero.
    pub tolerance: f64,
    /// The norm of the difference.
    pub difference: f64,
    /// The norm of the bounds of its entries: how large the difference may be.
    pub allowed: f64,
    /// Entries whose difference is larger than the bound of their own rounding errors.
    pub wrong: usize,
    /// The row (neuron, filter) that exceeds its tolerance most, or comes nearest to it; none of a vector.
    pub worst_row: Option<Worst>,
    /// The same of entries.
    pub worst_entry: Option<Worst>,
    /// Whether no entry is wrong.
    pub matches: bool,
}

impl GradientReport {
    /// The error and its tolerance as tables have them: relative, or, where the claimed gradient is zero, the norms
    /// themselves, which `abs` says.
    ///
    /// ```
    /// use resurge_audit::{AuditFile, AuditOptions, GradientReport, audit};
    ///
    /// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
    /// let gradient = audit(&file, &AuditOptions::default())?.gradients.remove(0);
    /// assert_eq!(gradient.shown()[0], format!("{:.2e}", gradient.error));
    /// let zero = GradientReport { norm: 0.0, difference: 0.5, allowed: 1e-7, ..gradient };
    /// assert_eq!(zero.shown(), ["abs 5.00e-1", "abs 1.00e-7"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shown(&self) -> [String; 2] {
        match self.norm == 0.0 {
            true => [self.difference, self.allowed].map(|x| format!("abs {x:.2e}")),
            false => [self.error, self.tolerance].map(|x| format!("{x:.2e}")),
        }
    }
}

/// The audits of several files.
///
/// ```
/// use resurge_audit::{AuditError, AuditReports, FileError};
///
/// let error = FileError { path: "run".into(), error: AuditError::Read("it is gone".into()) };
/// let reports = AuditReports::new(vec![("run".into(), Err(error))]);
/// assert_eq!((reports.matched, reports.mismatched, reports.undecided, reports.unusable), (0, 0, 0, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditReports {
    /// The newest version of the audit format that is read; each file's report has its own.
    pub format: u64,
    /// Files whose gradients are as claimed.
    pub matched: usize,
    /// Files whose gradients are not.
    pub mismatched: usize,
    /// Files whose run cannot tell the claim from another.
    pub undecided: usize,
    /// Files of which there is no verdict, since the referee's own proof fails on them.
    pub unproved: usize,
    /// Files that could not be audited.
    pub unusable: usize,
    /// Each file, in the order in which they were named.
    pub files: Vec<FileReport>,
}

/// What became of one file.
///
/// ```
/// use resurge_audit::{AuditError, AuditReports, FileError};
///
/// let error = FileError { path: "run".into(), error: AuditError::Read("it is gone".into()) };
/// let reports = AuditReports::new(vec![("run".into(), Err(error))]);
/// let file = &reports.files[0];
/// assert_eq!((&file.file[..], file.error.as_deref()), ("run", Some("cannot be read: it is gone")));
/// assert!(file.audit.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileReport {
    /// The file.
    pub file: String,
    /// Why it could not be audited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its audit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditReport>,
}

impl AuditReports {
    /// A report of files and what became of them.
    ///
    /// ```
    /// use resurge_audit::{AuditFile, AuditOptions, AuditReports, audit};
    ///
    /// let file = AuditFile::open("../resurge/tests/audit/goldens/spikingjelly-lif-zero.safetensors".as_ref())?;
    /// let report = audit(&file, &AuditOptions::default())?;
    /// let reports = AuditReports::new(vec![("run".into(), Ok(report))]);
    /// assert_eq!((reports.matched, reports.files.len()), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(files: Vec<(String, Result<AuditReport, FileError>)>) -> Self {
        let count = |what: fn(&Result<AuditReport, FileError>) -> bool| {
            files.iter().filter(|(_, result)| what(result)).count()
        };
        let matched = count(|result| result.as_ref().is_ok_and(|report| report.matches));
        let unusable = count(Result::is_err);
        let unproved = count(|result| result.as_ref().is_ok_and(|report| report.code == UNPROVED));
        let undecided = count(|result| result.as_ref().is_ok_and(|report| report.undecided.is_some()));
        let mismatched = files.len() - matched - undecided - unproved - unusable;
        let files = files
            .into_iter()
            .map(|(file, result)| match result {
                Ok(report) => FileReport { file, error: None, audit: Some(report) },
                Err(error) => FileReport { file, error: Some(error.error.to_string()), audit: None },
            })
            .collect();
        Self { format: FORMATS[1], matched, mismatched, undecided, unproved, unusable, files }
    }

    /// How many files came to which end, in words.
    pub fn summary(&self) -> String {
        let Self { matched, mismatched, undecided, unproved, unusable, .. } = self;
        let some = |count: &usize, what: &str| match count {
            0 => String::new(),
            _ => format!("{count} {what}, "),
        };
        let others = some(undecided, "undecided") + &some(unproved, "unproved");
        format!("{matched} matched, {mismatched} mismatched, {others}{unusable} unusable")
    }
}

#[cfg(test)]
mod tests;
