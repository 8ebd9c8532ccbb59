//! The registry of cells: every neuron model, option, reset, reset gradient and surrogate as a program to check.

mod check;
mod models;
mod network;
mod registry;
mod report;

pub use check::{CellEvidence, Probes, check_cell};
pub use network::{CellExtents, CellNetwork};
pub use registry::{CellCase, cell_registry};
pub use report::{CELL_BARS, CellErrors, CellReport, CellVerdict};
