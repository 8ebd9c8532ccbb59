//! Resurge inside Python: the module `resurge._resurge`, which converts and hands on. The algorithms are those of the
//! other crates; what touches a framework is in `python/resurge`.
#![deny(unsafe_code)]

mod audit;
mod check;
mod command;
mod errors;
mod program;
mod verify;
mod work;

use pyo3::prelude::*;

/// The functions behind the package `resurge`, which is what to import.
#[pymodule]
mod _resurge {
    #[pymodule_export]
    use super::audit::{Audit, audit};
    #[pymodule_export]
    use super::check::{check, explain};
    #[pymodule_export]
    use super::command::run;
    #[pymodule_export]
    use super::program::{Program, program};
    #[pymodule_export]
    use super::verify::verify;
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
