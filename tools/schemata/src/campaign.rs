//! Every mutant against the tests that reach it, and what came of it.

use crate::compile::TestBinary;
use crate::plan::{Mutant, Plan};
use crate::run::{self, Outcome, Test};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    Caught,
    /// Caught by the clock: the tests take a tenth of the time otherwise, at most.
    Timeout,
    Missed,
    /// Missed, as no test comes there.
    Unreached,
}

/// A line of the file of results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub mutant: String,
    pub fate: Fate,
    /// The test that failed.
    pub test: Option<String>,
    /// Of the file of the mutant: what was caught stays so while this stays.
    file: u64,
    /// Of all executables: what was missed is missed while these stay.
    tests: u64,
}

/// The results so far, by the name of the mutant, in a file that grows by a line each.
pub struct Results {
    path: PathBuf,
    pub known: HashMap<String, Record>,
}

impl Results {
    pub fn open(path: PathBuf, fresh: bool) -> Result<Self> {
        if fresh && path.exists() {
            fs::remove_file(&path)?;
        }
        let text = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
        let records = text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
        let known = records.map(|r| (r.mutant.clone(), r)).collect();
        Ok(Self { path, known })
    }

    /// Lets a mutant run again.
    pub fn forget(&mut self, mutant: &Mutant) {
        self.known.remove(&mutant.name);
    }

    fn add(&mut self, record: Record) -> Result<()> {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.path)?;
        writeln!(file, "{}", serde_json::to_string(&record)?)?;
        self.known.insert(record.mutant.clone(), record);
        Ok(())
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Times and reach of every test; kept in a file as long as the executables are the same.
pub fn baseline(binaries: &[TestBinary], skip: &[&str], state: &Path) -> Result<(Vec<Test>, u64)> {
    let mut all = DefaultHasher::new();
    for binary in binaries {
        fs::read(&binary.executable)?.hash(&mut all);
    }
    skip.hash(&mut all);
    let all = all.finish();
    let kept = state.join(format!("baseline-{all:016x}.json"));
    if let Ok(text) = fs::read(&kept) {
        return Ok((serde_json::from_slice(&text)?, all));
    }
    let record = state.join("reached.tmp");
    let mut tests = Vec::new();
    for (index, binary) in binaries.iter().enumerate() {
        for name in run::names(binary)? {
            if skip.contains(&name.as_str()) {
                continue;
            }
            let test = run::alone(binary, index, &name, &record)?;
            if !test.reached.is_empty() {
                tests.push(test);
            }
        }
        eprintln!("{}: seen", binary.name);
    }
    fs::write(kept, serde_json::to_vec(&tests)?)?;
    Ok((tests, all))
}

pub struct Campaign<'a> {
    pub plan: &'a Plan,
    pub binaries: &'a [TestBinary],
    pub tests: &'a [Test],
    /// The digest of the executables.
    pub digest: u64,
    pub jobs: usize,
}

impl Campaign<'_> {
    /// Runs what is not known yet. Returns what came of each.
    pub fn run(&self, mutants: &[Mutant], results: Results) -> Result<Results> {
        let next = AtomicUsize::new(0);
        // By test, how many it killed in a file: it is the first to be tried on the next there.
        let kills: Mutex<HashMap<(usize, String), usize>> = Mutex::default();
        let results = Mutex::new(results);
        let work = || -> Result<()> {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(mutant) = mutants.get(at) else { return Ok(()) };
                let file = digest(self.plan.files[mutant.file].source.as_bytes());
                let before = lock(&results).known.get(&mutant.name).cloned();
                if let Some(record) = &before
                    && record.file == file
                {
                    let caught = matches!(record.fate, Fate::Caught | Fate::Timeout);
                    if caught || record.tests == self.digest {
                        continue;
                    }
                }
                let history = lock(&kills).clone();
                let (fate, test) = self.judge(mutant, &history)?;
                if let Some(test) = &test {
                    *lock(&kills).entry((mutant.file, test.clone())).or_default() += 1;
                }
                let name = mutant.name.clone();
                let record = Record { mutant: name, fate, test, file, tests: self.digest };
                lock(&results).add(record)?;
                if at.is_multiple_of(50) {
                    eprintln!("{at} of {}", mutants.len());
                }
            }
        };
        std::thread::scope(|scope| -> Result<()> {
            let workers: Vec<_> = (0..self.jobs).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                worker.join().ok().context("a worker failed")??;
            }
            Ok(())
        })?;
        Ok(results.into_inner().unwrap_or_else(|e| e.into_inner()))
    }

    fn judge(
        &self,
        mutant: &Mutant,
        kills: &HashMap<(usize, String), usize>,
    ) -> Result<(Fate, Option<String>)> {
        let full = |test: &Test| format!("{} {}", self.binaries[test.binary].name, test.name);
        let killed = |test: &Test| kills.get(&(mutant.file, full(test))).copied().unwrap_or(0);
        let group = &self.plan.files[mutant.file].group;
        let counts = |t: &&Test| {
            t.reached.contains(&mutant.place) && self.binaries[t.binary].groups.contains(group)
        };
        let mut reaching: Vec<&Test> = self.tests.iter().filter(counts).collect();
        if reaching.is_empty() {
            return Ok((Fate::Unreached, None));
        }
        // What killed most by the second comes first, then what is fast.
        let worth = |t: &Test| killed(t) as f64 / (t.seconds + 0.02);
        reaching
            .sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.seconds.total_cmp(&b.seconds)));
        let mut bound = 0.1;
        let mut left = &reaching[..];
        while !left.is_empty() {
            let mut total = 0.0;
            let fits = left.iter().take_while(|test| {
                total += test.seconds;
                total <= bound
            });
            let count = fits.count().max(1);
            let (now, later) = left.split_at(count);
            left = later;
            bound *= 2.0;
            let used: HashSet<usize> = now.iter().map(|t| t.binary).collect();
            for (index, binary) in self.binaries.iter().enumerate() {
                if !used.contains(&index) {
                    continue;
                }
                let chosen: Vec<&&Test> = now.iter().filter(|t| t.binary == index).collect();
                let names: Vec<&str> = chosen.iter().map(|t| t.name.as_str()).collect();
                let seconds = chosen.iter().map(|t| t.seconds).sum();
                match run::against(binary, &names, mutant.id, seconds)? {
                    Outcome::Passed => {}
                    Outcome::Failed(test) => return Ok((Fate::Caught, Some(test))),
                    Outcome::Timeout(test) => return Ok((Fate::Timeout, Some(test))),
                }
            }
        }
        Ok((Fate::Missed, None))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
