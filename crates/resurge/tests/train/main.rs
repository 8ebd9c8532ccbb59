//! Training: settings, determinism, resumption, faults, and the command.

mod command;
mod data;
mod golden;
mod gradient;
mod kill;
mod real;
mod settings;
mod training;
