//! The subcommands.

mod render;
pub(crate) mod verify;
