//! The `resurge` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Tensors of megabytes come and go with every batch: this allocator keeps their memory, where the system's gives it
/// back and asks for it again, page by page.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(resurge::cli::run(std::env::args_os()))
}
