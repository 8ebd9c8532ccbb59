//! The audit of a recording.

use crate::errors::{exception, of_audit};
use crate::work;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use resurge::audit::{AuditFile, AuditOptions, AuditReport, AuditReports, html};

/// What an audit found.
#[pyclass(frozen, module = "resurge._resurge")]
pub(crate) struct Audit(AuditReport);

#[pymethods]
impl Audit {
    /// Everything in the report, as JSON.
    fn json(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(&self.0).map_err(|error| exception(py, "InternalError", &error.to_string()))
    }

    /// The report as a terminal shows it, in lines of at most so many columns.
    #[pyo3(signature = (name, width = None))]
    fn text(&self, name: &str, width: Option<usize>) -> String {
        resurge::cli::audit_text(name, &self.0, width.filter(|width| *width > 0))
    }

    /// The report as one HTML page.
    fn html(&self, py: Python<'_>, name: &str) -> PyResult<String> {
        let reports = AuditReports::new(vec![(name.to_owned(), Ok(self.0.clone()))]);
        html(&reports).map_err(|error| exception(py, "InternalError", &error.to_string()))
    }
}

/// Audits the bytes of an audit file.
#[pyfunction]
#[pyo3(signature = (data, *, proof, search, profiles, seed))]
pub(crate) fn audit(
    py: Python<'_>,
    data: PyBackedBytes,
    proof: bool,
    search: bool,
    profiles: bool,
    seed: u64,
) -> PyResult<Audit> {
    let options = AuditOptions { proof, search, profiles, seed };
    let result = work::run(py, None, move |_| {
        let file = AuditFile::parse(&data)?;
        resurge::audit::audit(&file, &options)
    })?;
    result.map(Audit).map_err(|error| of_audit(py, &error))
}
