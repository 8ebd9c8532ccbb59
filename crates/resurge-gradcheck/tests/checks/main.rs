//! The checks on whole programs: correct ones always pass, faults are always rejected, and reports say where.

mod drawn;
mod faults;
mod kinks;
mod operations;
mod options;
mod programs;
mod reports;
mod vanishing;
