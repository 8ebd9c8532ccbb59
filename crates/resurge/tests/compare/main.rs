//! Comparisons: trials, shards, interruptions, tables, refusals, and the commands.
// Tests write whatever they need.
#![allow(clippy::disallowed_methods)]

mod command;
#[path = "../train/data.rs"]
mod data;
mod merging;
mod place;
mod tables;
