//! The registry of cells: every neuron model, option, reset, reset gradient and surrogate as a program to check.

mod check;
mod learnable;
mod models;
mod network;
mod registry;

pub use check::{
    CELL_BARS, CellErrors, CellEvidence, CellReport, CellVerdict, Probes, SkipReason, Skipped, check_cell,
};
pub use learnable::Learnable;
pub use network::{CellExtents, CellNetwork};
pub use registry::{CellCase, cell_registry};
