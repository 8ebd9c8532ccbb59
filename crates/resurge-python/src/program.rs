//! The check of a recorded program.

use crate::errors::exception;
use crate::work;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use resurge::program::{CheckOptions, ProgramFile, ProgramReport, check};

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
}

/// Checks the bytes of a program file.
#[pyfunction]
pub(crate) fn program(py: Python<'_>, data: PyBackedBytes) -> PyResult<Program> {
    let result = work::run(py, None, move |_| {
        let file = ProgramFile::parse(&data)?;
        check(&file, &CheckOptions::default())
    })?;
    result.map(Program).map_err(|error| exception(py, "FileError", &error.to_string()))
}
