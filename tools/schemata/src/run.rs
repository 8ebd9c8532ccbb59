//! Running tests: alone, to see what they reach, and together, against a mutant.

use crate::compile::TestBinary;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A test, with what was seen of it as the code stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Test {
    /// The index of its executable.
    pub binary: usize,
    pub name: String,
    /// Of processor time.
    pub seconds: f64,
    /// The places that it reaches, by the number of their first mutant.
    pub reached: HashSet<u32>,
}

/// How a run of tests ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// With the test that failed, or all of them where the process died.
    Failed(String),
    /// Ended after many times of what the tests take otherwise.
    Timeout(String),
}

/// No test needs as much; a mutant that asks for memory without end must not take that of others.
const MEMORY_KB: u64 = 6_000_000;

/// Names of the tests of an executable.
pub fn names(binary: &TestBinary) -> Result<Vec<String>> {
    let list = |extra: &[&str]| -> Result<Vec<String>> {
        let output = Command::new(&binary.executable)
            .args(["--list", "--format", "terse"])
            .args(extra)
            .current_dir(&binary.folder)
            .output()
            .with_context(|| binary.executable.display().to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    };
    let ignored: HashSet<String> = list(&["--ignored"])?.into_iter().collect();
    Ok(list(&[])?.into_iter().filter(|name| !ignored.contains(name)).collect())
}

fn command(binary: &TestBinary, tests: &[&str], processor_seconds: u64) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!(
            "ulimit -v {MEMORY_KB} && ulimit -t {processor_seconds} && exec \"$0\" \"$@\""
        ))
        .arg(&binary.executable)
        .args(["--exact", "--test-threads", "1"])
        .args(tests)
        .current_dir(&binary.folder)
        // A failure is enough: no search for a smaller one, no file about it, the same cases each time.
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .env("PROPTEST_RNG_SEED", "15")
        .env("RUST_BACKTRACE", "0")
        .env_remove("SCHEMATA_RECORD")
        .env_remove("SCHEMATA_MUTANT")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command
}

/// Processor time of all that was started and has ended: other work on the machine does not count.
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name, in brackets, may have blanks; the third field follows it. Ticks are hundredths of a second.
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat has no name")?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(13).take(2).map_while(|field| field.parse().ok()).collect();
    match ticks[..] {
        [user, system] => Ok((user + system) / 100.0),
        _ => bail!("/proc/self/stat has no times of children"),
    }
}

/// Runs one test as the code stands.
pub fn alone(binary: &TestBinary, index: usize, name: &str, record: &Path) -> Result<Test> {
    if record.exists() {
        std::fs::remove_file(record)?;
    }
    let start = processor_seconds()?;
    let status = command(binary, &[name], 3600)
        .env("SCHEMATA_RECORD", record)
        .stdout(Stdio::null())
        .status()
        .with_context(|| binary.executable.display().to_string())?;
    let seconds = processor_seconds()? - start;
    if !status.success() {
        bail!("{} {name} fails without a mutant", binary.name);
    }
    let bytes = if record.exists() { std::fs::read(record)? } else { Vec::new() };
    let reached = bytes.as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b)).collect();
    Ok(Test { binary: index, name: name.to_owned(), seconds, reached })
}

/// Runs tests of one executable against a mutant, until the first fails. `seconds` is what they take otherwise.
pub fn against(binary: &TestBinary, tests: &[&str], mutant: u32, seconds: f64) -> Result<Outcome> {
    // Of processor time, which other work on the machine does not use up.
    let limit = (10.0 * seconds + 5.0).ceil();
    let mut child = command(binary, tests, limit as u64)
        .env("SCHEMATA_MUTANT", mutant.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| binary.executable.display().to_string())?;
    let output = child.stdout.take().context("no output")?;
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + Duration::from_secs_f64(8.0 * limit);
    let of = |name: &str| format!("{} {name}", binary.name);
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let failed = line.strip_prefix("test ").and_then(|l| l.strip_suffix(" ... FAILED"));
                if let Some(name) = failed {
                    end(&mut child);
                    return Ok(Outcome::Failed(of(name)));
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                end(&mut child);
                return Ok(Outcome::Timeout(of(tests[0])));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    Ok(match (status.success(), std::os::unix::process::ExitStatusExt::signal(&status)) {
        (true, _) => Outcome::Passed,
        // The limit of processor time, as the first or the second of its signals.
        (false, Some(9 | 24)) => Outcome::Timeout(of(tests[0])),
        (false, _) => Outcome::Failed(of(tests[0])),
    })
}

/// Ends a process and those that it started.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = child.wait();
}
