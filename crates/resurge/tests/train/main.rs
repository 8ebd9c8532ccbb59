//! Training: settings, determinism, resumption, faults, and the command.
// Tests write whatever they need.
#![allow(clippy::disallowed_methods)]

mod command;
mod data;
mod golden;
mod gradient;
mod kill;
mod nothing_lost;
mod notices;
mod output;
mod place;
mod real;
mod settings;
mod training;
