//! The command line in process.

use crate::errors::of_panic;
use pyo3::prelude::*;
use std::ffi::OsString;
use std::panic::catch_unwind;

/// Runs the command line, program name first, and returns its exit status.
#[pyfunction]
pub(crate) fn run(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    py.detach(|| catch_unwind(|| resurge::cli::run(arguments))).map_err(|panic| of_panic(py, &*panic))
}
