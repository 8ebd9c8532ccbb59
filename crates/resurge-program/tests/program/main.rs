//! Program files, written down here, recorded from Resurge's own cells, and damaged.

mod cells;
mod claims;
mod draft;
mod facts;
#[cfg(feature = "html")]
mod page;
mod programs;
