//! The subcommands.

pub(crate) mod data;
mod render;
pub(crate) mod train;
pub(crate) mod verify;
