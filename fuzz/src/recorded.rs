//! The reader of program files, and the check of what it accepts.

use crate::audit::assemble;
use resurge::program::{CheckOptions, METADATA, ProgramFile, check};

/// Bytes as the target `audit` takes them: a file as it is, or a text from which one is made.
pub fn recorded(bytes: &[u8]) {
    match bytes.split_first() {
        Some((0, file)) => checked(file, false),
        _ => {
            let Some((file, proof)) = assemble(bytes, METADATA) else { return };
            checked(&file, proof);
        }
    }
}

fn checked(file: &[u8], proof: bool) {
    let options = CheckOptions { proof, ..CheckOptions::default() };
    match ProgramFile::parse(file).and_then(|file| check(&file, &options)) {
        Ok(report) => assert!(!report.code.is_empty() && !report.words.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
