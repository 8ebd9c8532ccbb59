//! The check of a recorded program.

use crate::errors::exception;
use crate::work;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use resurge::audit::{AuditReports, html_with_programs};
use resurge::program::{CheckOptions, Claim, ProgramError, ProgramFile, ProgramReport, check};

/// What was found of a recorded program.
#[pyclass(frozen, module = "resurge._resurge")]
pub(crate) struct Program(ProgramReport);

#[pymethods]
impl Program {
    /// Everything in the report, as JSON.
    fn json(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(&self.0).map_err(|error| exception(py, "InternalError", &error.to_string()))
    }

    /// The report as a terminal shows it.
    fn text(&self) -> String {
        self.0.to_string()
    }

    /// The report as one HTML page.
    fn html(&self, py: Python<'_>, name: &str) -> PyResult<String> {
        let programs = [(name.to_owned(), Ok(self.0.clone()))];
        html_with_programs(&AuditReports::new(Vec::new()), &programs)
            .map_err(|error| exception(py, "InternalError", &error.to_string()))
    }
}

/// Checks the bytes of a program file, and a claim of what its gradient is.
#[pyfunction]
#[pyo3(signature = (data, *, claim = None))]
pub(crate) fn program(py: Python<'_>, data: PyBackedBytes, claim: Option<String>) -> PyResult<Program> {
    let result = work::run(py, None, move |_| {
        let claim = claim.map(|claim| claim.parse::<Claim>()).transpose()?;
        let file = ProgramFile::parse(&data)?;
        check(&file, &CheckOptions { claim, ..CheckOptions::default() })
    })?;
    result.map(Program).map_err(|error| {
        let name = match error {
            ProgramError::Claim { .. } => "OptionError",
            _ => "FileError",
        };
        exception(py, name, &error.to_string())
    })
}
