//! The checks on whole programs: correct ones always pass, faults are always rejected, and reports say where.

mod drawn;
mod exercised;
mod faults;
mod kinks;
mod narrow;
mod operations;
mod options;
mod programs;
mod reports;
mod steady;
mod ties;
mod units;
mod vanishing;
