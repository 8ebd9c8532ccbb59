//! Checks program files and prints their reports; with `--json OUT` last, their data goes there.

use resurge_program::{CheckOptions, ProgramFile, check};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().position(|a| a == "--json").map(|at| arguments.split_off(at));
    let (mut right, mut data) = (true, Vec::new());
    for path in arguments {
        let start = Instant::now();
        let checked =
            ProgramFile::open(path.as_ref()).and_then(|file| check(&file, &CheckOptions::default()));
        match checked {
            Ok(report) => {
                right &= report.matches;
                print!("{path}: {:.2} s: {report}", start.elapsed().as_secs_f64());
                data.push(serde_json::json!({ "file": path, "program": report }));
            }
            Err(error) => {
                right = false;
                println!("{path}: {error}");
                data.push(serde_json::json!({ "file": path, "error": error.to_string() }));
            }
        }
    }
    if let Some([_, out]) = json.as_deref() {
        let text = serde_json::json!({ "programs": data }).to_string();
        if let Err(error) = resurge_report::write_atomically(out.as_ref(), text.as_bytes()) {
            eprintln!("{out}: {error}");
            return ExitCode::FAILURE;
        }
    }
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
