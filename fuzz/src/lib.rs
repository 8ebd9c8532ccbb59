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
#[path = "../../crates/resurge/tests/bounded/header.rs"]
mod header;
#[allow(dead_code)]
#[path = "../../crates/resurge/tests/bounded/hostile.rs"]
mod hostile;
#[path = "../../crates/resurge/tests/bounded/images.rs"]
mod images;
#[allow(dead_code)]
#[path = "../../crates/resurge/tests/bounded/measure.rs"]
mod measure;
mod program;
mod recorded;
mod seeds;
mod settings;

pub use audit::audit;
pub use checkpoint::checkpoint;
pub use data::{cifar10, idx, nmnist};
pub use hostile::{Hostile, edited};
pub use measure::Measured;
pub use program::{Verdict, program};
pub use recorded::recorded;
pub use seeds::{Seed, seeds};
pub use settings::{config, options};

/// Counts what an audit takes.
#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// How much slower a build is that checks every sum and every access.
const SLOWER: f64 = 20.0;

/// An audit file that means harm: its number, and edits of its description. Memory is bounded by its size, and so is time,
/// with some room for the build.
pub fn bounded(bytes: &[u8]) {
    let (number, edits) = bytes.split_at(bytes.len().min(8));
    let mut eight = [0; 8];
    eight[..number.len()].copy_from_slice(number);
    let file = edited(u64::from_le_bytes(eight), edits);
    let found = measure::measured(&ALLOCATOR, &file.bytes);
    let [seconds, memory] = found.parts(file.bytes.len());
    assert!(seconds <= SLOWER, "{seconds} of the time: {} {found:?}", file.kind);
    assert!(memory <= 1.0, "{memory} of the memory: {} {found:?}", file.kind);
}

/// A target by its name: what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("idx", idx),
    ("cifar10", cifar10),
    ("nmnist", nmnist),
    ("checkpoint", checkpoint),
    ("audit", audit),
    ("bounded", bounded),
    ("config", config),
    ("options", options),
    ("program", |bytes| {
        program(bytes);
    }),
    ("recorded", recorded),
];
