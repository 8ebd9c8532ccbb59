//! `resurge audit` on the frameworks' goldens, on damaged copies of them, on files that are none, and on networks that
//! plain loops have computed.
// Tests write whatever they need.
#![allow(clippy::disallowed_methods)]

mod build;
mod command;
mod constants;
mod explained;
mod eyes;
mod files;
mod forward;
mod kinds;
mod malformed;
mod mistakes;
mod networks;
mod power;
mod reports;
mod single;
mod undecided;

use resurge::audit::{AuditFile, AuditOptions, AuditReport, audit};
use std::path::{Path, PathBuf};

/// A folder of files, or a file in it.
fn tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit").join(name)
}

/// The verdict alone.
const VERDICT: AuditOptions = AuditOptions { proof: false, search: true, profiles: false, seed: 1 };

fn audited(bytes: &[u8], options: &AuditOptions) -> AuditReport {
    audit(&AuditFile::parse(bytes).unwrap(), options).unwrap()
}
