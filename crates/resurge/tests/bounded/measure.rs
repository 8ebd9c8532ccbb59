//! What an audit took.

use crate::hostile::Hostile;
use peak_alloc::PeakAlloc;
use resurge::audit::{AuditFile, AuditOptions, AuditReports, FileError, html};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

/// Seconds that a file may take on one core, in a release build: for every file, and for each of its bytes.
const SECONDS: [f64; 2] = [1.0, 5e-6];

/// Bytes of memory that a file may take: for every file, and for each of its own.
const BYTES: [f64; 2] = [64.0 * 1024.0 * 1024.0, 200.0];

/// What one file took.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Seconds of processor time, of all threads.
    pub seconds: f64,
    /// Bytes, at the most, besides the file's own.
    pub bytes: usize,
    /// The code of the verdict; `None` where the file was refused.
    pub code: Option<String>,
}

impl Measured {
    /// The time and the memory in parts of the bounds for a file of so many bytes.
    pub fn parts(&self, size: usize) -> [f64; 2] {
        let of = |[always, per_byte]: [f64; 2]| always + per_byte * size as f64;
        [self.seconds / of(SECONDS), self.bytes as f64 / of(BYTES)]
    }
}

/// Reads and audits a file as `resurge audit --html --format json` does. It never panics.
pub fn measured(allocator: &PeakAlloc, bytes: &[u8]) -> Measured {
    allocator.reset_peak_usage();
    let before = allocator.current_usage();
    let clock = Clock::start();
    let result = AuditFile::parse(bytes)
        .and_then(|file| resurge::audit::audit(&file, &AuditOptions::default()))
        .map_err(|error| FileError { path: "hostile".into(), error });
    let code = result.as_ref().ok().map(|report| report.code.clone());
    let reports = AuditReports::new(vec![("hostile".into(), result)]);
    let page = html(&reports).map(|page| page.len());
    let text = serde_json::to_string_pretty(&reports).map(|text| text.len());
    assert!(page.is_ok() && text.is_ok(), "{page:?} {text:?}");
    let seconds = clock.seconds();
    Measured { seconds, bytes: allocator.peak_usage().saturating_sub(before), code }
}

/// Processor time of this process where the system tells it, else time.
struct Clock {
    start: Instant,
    used: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { start: Instant::now(), used: used() }
    }

    fn seconds(&self) -> f64 {
        match (self.used, used()) {
            (Some(before), Some(now)) => now - before,
            _ => self.start.elapsed().as_secs_f64(),
        }
    }
}

/// Seconds for which the threads of this process have run, as Linux counts them.
fn used() -> Option<f64> {
    let mut all = 0.0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        all += text.split(' ').next()?.parse::<f64>().ok()? * 1e-9;
    }
    Some(all)
}

/// The worst of many files.
#[derive(Debug, Default)]
pub struct Worst {
    kinds: BTreeMap<&'static str, Kind>,
    /// The longest time, whatever the size of its file, and the file's number.
    longest: (f64, u64),
}

/// The worst of a kind: in parts of the bounds, and what it is in seconds and bytes, with the numbers of the files.
#[derive(Debug, Default)]
struct Kind {
    files: usize,
    judged: usize,
    seconds: (f64, f64, u64),
    bytes: (f64, f64, u64),
    codes: BTreeMap<String, usize>,
}

impl Worst {
    /// Adds a file.
    pub fn add(&mut self, number: u64, file: &Hostile, found: &Measured) {
        let kind = self.kinds.entry(file.kind).or_default();
        kind.files += 1;
        kind.judged += usize::from(found.code.is_some());
        let code = found.code.as_deref().unwrap_or("refused");
        *kind.codes.entry(code.split(' ').next().unwrap_or_default().to_owned()).or_default() += 1;
        if found.seconds > self.longest.0 {
            self.longest = (found.seconds, number);
        }
        let [seconds, bytes] = found.parts(file.bytes.len());
        let (seconds, bytes) = ((seconds, found.seconds, number), (bytes, found.bytes as f64, number));
        if seconds.0 > kind.seconds.0 {
            kind.seconds = seconds;
        }
        if bytes.0 > kind.bytes.0 {
            kind.bytes = bytes;
        }
    }

    /// The worst time, in parts of its bound.
    pub fn seconds(&self) -> f64 {
        self.kinds.values().map(|kind| kind.seconds.0).fold(0.0, f64::max)
    }

    /// The longest time, in seconds.
    pub fn longest(&self) -> f64 {
        self.longest.0
    }

    /// The worst memory, in parts of its bound.
    pub fn memory(&self) -> f64 {
        self.kinds.values().map(|kind| kind.bytes.0).fold(0.0, f64::max)
    }

    /// How many got a verdict.
    pub fn judged(&self) -> usize {
        self.kinds.values().map(|kind| kind.judged).sum()
    }
}

impl fmt::Display for Worst {
    /// A line for each kind: files, those with a verdict, the worst time and memory with their part of the bound and the
    /// file's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<18} {:>6} {:>7} {:>8} {:>6} {:>8} {:>8} {:>6} {:>8}",
            "kind", "files", "judged", "seconds", "bound", "number", "MB", "bound", "number"
        )?;
        for (name, kind) in &self.kinds {
            let (seconds, bytes) = (kind.seconds, kind.bytes);
            writeln!(
                f,
                "{name:<18} {:>6} {:>7} {:>8.3} {:>6.2} {:>8} {:>8.1} {:>6.2} {:>8}  {:?}",
                kind.files,
                kind.judged,
                seconds.1,
                seconds.0,
                seconds.2,
                bytes.1 / 1e6,
                bytes.0,
                bytes.2,
                kind.codes
            )?;
        }
        let (longest, number) = self.longest;
        write!(
            f,
            "worst: {:.2} of the time, {:.2} of the memory; the longest took {longest:.2} s ({number})",
            self.seconds(),
            self.memory()
        )
    }
}
