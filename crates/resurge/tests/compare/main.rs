//! Comparisons: trials, shards, interruptions, tables, refusals, and the commands.

mod command;
#[path = "../train/data.rs"]
mod data;
mod merging;
mod place;
mod tables;
