//! The command line as people meet it: what fits on a terminal, what is said of bad values, where things are written.
// Tests write whatever they need.
#![allow(clippy::disallowed_methods)]

mod errors;
mod output;
mod settings;
#[cfg(unix)]
mod width;

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// Status, standard output, standard error.
fn resurge(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("resurge").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A sweep that takes a fraction of a second.
const TOY: [&str; 11] =
    ["toy", "--inputs", "40", "--seeds", "2", "--updates", "3", "--per-decade", "1", "--rate-min", "1e-2"];

/// A diagnosis that takes a fraction of a second.
const DIAGNOSE: [&str; 5] = ["diagnose", "--preset", "small", "--samples", "1"];

/// A proof that takes a fraction of a second.
const VERIFY: [&str; 9] =
    ["verify", "--steps", "5", "--hidden", "8", "--batch", "1", "--surrogate", "sigmoid"];

/// A finished comparison that ships with the examples.
fn comparison() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/results/compare")
}

/// An audit file that matches.
fn audit_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/goldens/spikingjelly-lif-zero.safetensors")
}
