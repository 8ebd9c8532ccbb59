//! The exceptions of `resurge._errors`, one a cause.

use pyo3::prelude::*;
use resurge::audit::AuditError;
use std::any::Any;

/// An exception of the package, by its name.
pub(crate) fn exception(py: Python<'_>, name: &str, words: &str) -> PyErr {
    let made = py.import("resurge._errors").and_then(|module| module.getattr(name)?.call1((words,)));
    match made {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

/// Why a recording cannot be audited.
pub(crate) fn of_audit(py: Python<'_>, error: &AuditError) -> PyErr {
    let name = match error {
        AuditError::Run(_) => "RunError",
        _ => "FileError",
    };
    exception(py, name, &error.to_string())
}

/// A panic, which is a mistake of Resurge's own.
pub(crate) fn of_panic(py: Python<'_>, panic: &(dyn Any + Send)) -> PyErr {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
    exception(
        py,
        "InternalError",
        &format!("this is a mistake of Resurge's own, please report it with the input: {words}"),
    )
}
