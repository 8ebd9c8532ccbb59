//! What each fuzz target does with its bytes.
//!
//! A target is a function here and one line in `fuzz_targets/`, so that an ordinary test can run it over the seeds,
//! and over whatever a campaign found, without libFuzzer. A target panics when what it checks does not hold.

mod audit;
#[path = "../../crates/resurge/tests/audit/build.rs"]
#[allow(dead_code)]
mod build;
mod checkpoint;
mod data;
mod program;
mod seeds;
mod settings;

pub use audit::audit;
pub use checkpoint::checkpoint;
pub use data::{cifar10, idx, nmnist};
pub use program::{Verdict, program};
pub use seeds::{Seed, seeds};
pub use settings::{config, options};

/// A target by its name: what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 8] = [
    ("idx", idx),
    ("cifar10", cifar10),
    ("nmnist", nmnist),
    ("checkpoint", checkpoint),
    ("audit", audit),
    ("config", config),
    ("options", options),
    ("program", |bytes| {
        program(bytes);
    }),
];
