//! Mutation tests in one build: every mutant of a group of files is compiled into the tests, and an environment
//! variable chooses one at run time, so that a mutant costs a run of the tests that reach it and no build.
//! `tools/mutants` starts it; docs/results/mutants.md describes it.

mod campaign;
mod changes;
mod compile;
mod copy;
mod operators;
mod plan;
mod report;
mod run;
mod sites;
mod splice;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, bail};
use campaign::{Campaign, Results};
use clap::Parser;
use plan::{Equivalents, Group, Mutant, Plan};
use report::Report;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Puts every change into the code, one at a time, and sees whether a test fails")]
struct Arguments {
    /// Groups of files, as in groups.toml; all of them where none is named
    groups: Vec<String>,
    /// Only files that match a pattern
    #[arg(long, value_name = "GLOB")]
    file: Option<String>,
    /// Only the mutants of these numbers, run again whatever is known
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<u32>,
    /// Names the mutants and runs nothing
    #[arg(long)]
    list: bool,
    /// Tells what is known already, and runs nothing
    #[arg(long)]
    report: bool,
    /// Forgets earlier results
    #[arg(long)]
    fresh: bool,
    /// Mutants at a time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Only tests that take less processor time, alone: a first pass, of which what is missed is run again without
    #[arg(long, value_name = "SECONDS")]
    below: Option<f64>,
    /// The profile of the tests' build
    #[arg(long, default_value = "dev")]
    profile: String,
    /// The root of the project
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let root = std::fs::canonicalize(&arguments.root)?;
    let own = root.join("tools/schemata");
    let groups: BTreeMap<String, Group> = read(&own.join("groups.toml"))?;
    let equivalents: Equivalents = read(&own.join("equivalent.toml"))?;
    if let Some(unknown) = arguments.groups.iter().find(|name| !groups.contains_key(*name)) {
        let names: Vec<&str> = groups.keys().map(String::as_str).collect();
        bail!("there is no group {unknown:?}; groups.toml has {}", names.join(", "));
    }
    let chosen: Vec<(&String, &Group)> = groups
        .iter()
        .filter(|(name, _)| arguments.groups.is_empty() || arguments.groups.contains(name))
        .collect();
    let plan = Plan::new(&root, &groups)?;
    let pattern = arguments.file.as_deref().map(glob::Pattern::new).transpose()?;
    let asked = |mutant: &&Mutant| {
        let file = &plan.files[mutant.file];
        chosen.iter().any(|(name, _)| **name == file.group)
            && pattern.as_ref().is_none_or(|p| p.matches_path(&file.path))
            && (arguments.only.is_empty() || arguments.only.contains(&mutant.id))
    };
    let mutants: Vec<Mutant> = plan.mutants.iter().filter(asked).cloned().collect();
    if mutants.is_empty() {
        bail!("there is no such mutant; --list names them");
    }
    if arguments.list {
        for mutant in &mutants {
            print!("{}", plan.describe(mutant));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let equivalent = equivalents.of(&plan)?;
    let state = root.join("target/mutants");
    std::fs::create_dir_all(&state)?;
    // Two at once would take each other's build.
    let lock = std::fs::File::create(state.join("lock"))?;
    if !arguments.report && lock.try_lock().is_err() {
        bail!("another run is at work in {}", state.display());
    }
    let mut unviable = known_unviable(&state, &plan);
    let mut results = Results::open(state.join("results.jsonl"), arguments.fresh)?;
    if !arguments.report {
        if !arguments.only.is_empty() {
            mutants.iter().for_each(|mutant| results.forget(mutant));
        }
        let compiler = compile::Compiler {
            root: &root,
            copy: state.join("source"),
            build: state.join("build"),
            profile: &arguments.profile,
        };
        let skip: Vec<&str> =
            chosen.iter().flat_map(|(_, group)| group.skip.iter().map(String::as_str)).collect();
        let keep = |unviable: &HashSet<u32>| keep_unviable(&state, &plan, unviable);
        let binaries = compiler.build(&plan, &chosen, &mut unviable, keep)?;
        let (mut tests, mut digest) = campaign::baseline(&binaries, &skip, &state)?;
        if let Some(below) = arguments.below {
            tests.retain(|test| test.seconds < below);
            digest ^= below.to_bits();
        }
        let seconds: f64 = tests.iter().map(|t| t.seconds).sum();
        let viable = |m: &&Mutant| !unviable.contains(&m.id) && !equivalent.contains_key(&m.id);
        let to_run: Vec<Mutant> = mutants.iter().filter(viable).cloned().collect();
        eprintln!(
            "{} viable mutants in {} tests, which take {seconds:.1} s",
            to_run.len(),
            tests.len()
        );
        let campaign = Campaign {
            plan: &plan,
            binaries: &binaries,
            tests: &tests,
            digest,
            jobs: arguments.jobs,
        };
        results = campaign.run(&to_run, results)?;
    }
    let report = Report {
        plan: &plan,
        mutants: &mutants,
        results: &results,
        unviable: &unviable,
        equivalent: &equivalent,
    };
    let survivors = report.survivors();
    std::fs::write(state.join("survivors.txt"), &survivors)?;
    let (table, alive, open) = report.table();
    println!("{survivors}\n{table}");
    if open > 0 {
        println!("{open} were not run");
    }
    Ok(if alive || open > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// What did not compile the last time, by name: most of it will not now, and a build is spared.
fn known_unviable(state: &Path, plan: &Plan) -> HashSet<u32> {
    let text = std::fs::read_to_string(state.join("unviable.txt")).unwrap_or_default();
    let names: HashSet<&str> = text.lines().collect();
    plan.mutants.iter().filter(|m| names.contains(m.name.as_str())).map(|m| m.id).collect()
}

fn keep_unviable(state: &Path, plan: &Plan, unviable: &HashSet<u32>) -> Result<()> {
    let names = plan.mutants.iter().filter(|m| unviable.contains(&m.id));
    let text: String = names.map(|m| format!("{}\n", m.name)).collect();
    Ok(std::fs::write(state.join("unviable.txt"), text)?)
}
