//! Building the copy: what does not compile is found by rustc's errors and left out.

use crate::copy;
use crate::plan::{CRATES, Group, Plan, SourceFile};
use crate::splice::{Spliced, splice};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An executable of tests.
#[derive(Debug, Clone)]
pub struct TestBinary {
    /// The package and the target, as `resurge-snn lib`.
    pub name: String,
    pub executable: PathBuf,
    /// Where cargo would run it.
    pub folder: PathBuf,
    /// The groups of files whose tests are in it.
    pub groups: Vec<String>,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    message: Option<Diagnostic>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

#[derive(Deserialize)]
pub struct Diagnostic {
    level: String,
    code: Option<Code>,
    rendered: Option<String>,
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    is_primary: bool,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Span,
}

/// The crates of the workspace: the folders of `crates` without a workspace of their own.
fn members(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let path = entry?.path();
        let Ok(manifest) = std::fs::read_to_string(path.join("Cargo.toml")) else { continue };
        if !manifest.lines().any(|line| line == "[workspace]") {
            found.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    Ok(found)
}

/// Where the sources are, and the copy, and the build.
pub struct Compiler<'a> {
    pub root: &'a Path,
    pub copy: PathBuf,
    pub build: PathBuf,
    pub profile: &'a str,
}

impl Compiler<'_> {
    /// Builds the tests with every mutant that compiles; returns the mutants that do not, beside those known before.
    pub fn build(
        &self,
        plan: &Plan,
        groups: &[(&String, &Group)],
        unviable: &mut HashSet<u32>,
        keep: impl Fn(&HashSet<u32>) -> Result<()>,
    ) -> Result<Vec<TestBinary>> {
        if let Some(other) =
            members(self.root)?.iter().find(|member| !CRATES.contains(&member.as_str()))
        {
            bail!("tools/schemata/src/plan.rs does not list the crate {other}");
        }
        let files = copy::list(self.root)?;
        for round in 1.. {
            let (texts, spliced) = self.texts(plan, groups, unviable)?;
            copy::copy(self.root, &files, &self.copy, &texts)?;
            let before = unviable.len();
            // All of the workspace, as features depend on what is chosen, and dependencies on features. The errors
            // of a crate come when those that it builds on compile.
            let (binaries, errors) = self.cargo(&self.targets(groups))?;
            blame(&errors, plan, &spliced, unviable)?;
            eprintln!("round {round}: {} mutants do not compile", unviable.len());
            keep(unviable)?;
            if unviable.len() == before {
                return Ok(grouped(binaries, groups));
            }
        }
        unreachable!()
    }

    fn targets(&self, groups: &[(&String, &Group)]) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["test", "--no-run", "--workspace"].map(str::to_owned).into();
        let named: BTreeSet<&str> = groups
            .iter()
            .flat_map(|(_, group)| group.tests.values().flatten())
            .map(String::as_str)
            .collect();
        for target in named {
            let option = if target == "lib" { vec!["--lib"] } else { vec!["--test", target] };
            arguments.extend(option.into_iter().map(str::to_owned));
        }
        arguments
    }

    fn texts(
        &self,
        plan: &Plan,
        groups: &[(&String, &Group)],
        unviable: &HashSet<u32>,
    ) -> Result<(BTreeMap<PathBuf, String>, Vec<Spliced>)> {
        let mut texts = BTreeMap::new();
        let mut all = Vec::new();
        for SourceFile { path, group, source, sites, first } in &plan.files {
            let chosen = groups.iter().any(|(name, _)| *name == group);
            let sites = if chosen { &sites[..] } else { &[] };
            let spliced = splice(source, sites, first, unviable);
            texts.insert(path.clone(), spliced.text.clone());
            all.push(spliced);
        }
        for package in &plan.instrumented {
            let lib = PathBuf::from(format!("crates/{package}/src/lib.rs"));
            let text = match texts.get(&lib) {
                Some(text) => text.clone(),
                None => std::fs::read_to_string(self.root.join(&lib))
                    .with_context(|| lib.display().to_string())?,
            };
            texts.insert(lib, text + include_str!("switch.txt"));
        }
        // What comes behind the tested crates is selected with the workspace, but nothing of it is needed.
        let tested =
            |name: &&&str| groups.iter().any(|(_, group)| group.tests.contains_key(**name));
        let last = CRATES.iter().rposition(|name| tested(&name)).unwrap_or(CRATES.len());
        for name in CRATES.iter().skip(last + 1) {
            texts.insert(format!("crates/{name}/src/lib.rs").into(), "//! Left out.\n".into());
        }
        texts.insert("benches/src/lib.rs".into(), "//! Left out.\n".into());
        Ok((texts, all))
    }

    /// Runs cargo; returns the test executables and the errors of the compiler.
    fn cargo(
        &self,
        arguments: &[impl AsRef<std::ffi::OsStr>],
    ) -> Result<(Vec<TestBinary>, Vec<Diagnostic>)> {
        let output = Command::new("cargo")
            .args(arguments)
            .args(["--message-format=json", "--profile", self.profile, "--quiet"])
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", &self.build)
            .output()
            .context("cargo cannot be started")?;
        let (mut binaries, mut errors) = (Vec::new(), Vec::new());
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Ok(message) = serde_json::from_str::<Message>(line) else { continue };
            match (message.reason.as_str(), message.message) {
                ("compiler-message", Some(diagnostic)) if diagnostic.level.starts_with("error") => {
                    errors.push(diagnostic);
                }
                ("compiler-artifact", _) => {
                    if let (Some(executable), Some(target), Some(manifest)) =
                        (message.executable, message.target, message.manifest_path)
                        && message.profile.is_some_and(|p| p.test)
                    {
                        let folder = manifest.parent().unwrap_or(&manifest).to_owned();
                        let package = folder.file_name().unwrap_or_default().to_string_lossy();
                        let test = target.kind.first().is_some_and(|kind| kind == "test");
                        let target = if test { target.name } else { "lib".to_owned() };
                        let name = format!("{package} {target}");
                        let groups = Vec::new();
                        binaries.push(TestBinary { name, executable, folder, groups });
                    }
                }
                _ => {}
            }
        }
        let rendered: Vec<String> = errors.iter().filter_map(|e| e.rendered.clone()).collect();
        errors.retain(|e| !e.spans.is_empty());
        if !output.status.success() && errors.is_empty() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("cargo failed: {said}\n{}", rendered.concat());
        }
        Ok((binaries, errors))
    }
}

/// The executables whose tests count for a group.
fn grouped(binaries: Vec<TestBinary>, groups: &[(&String, &Group)]) -> Vec<TestBinary> {
    let with_groups = binaries.into_iter().map(|mut binary| {
        let wanted = groups.iter().filter(|(_, group)| {
            let named = |(package, targets): (&String, &Vec<String>)| {
                targets.iter().any(|target| binary.name == format!("{package} {target}"))
            };
            group.tests.iter().any(named)
        });
        binary.groups = wanted.map(|(name, _)| (*name).clone()).collect();
        binary
    });
    with_groups.filter(|binary| !binary.groups.is_empty()).collect()
}

/// Finds the mutants that are to blame for errors.
pub fn blame(
    errors: &[Diagnostic],
    plan: &Plan,
    spliced: &[Spliced],
    unviable: &mut HashSet<u32>,
) -> Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    let before = unviable.len();
    let mut guessed: Vec<u32> = Vec::new();
    for error in errors {
        let mut spans = Vec::new();
        collect(error, &mut spans);
        let located = |primary: bool| {
            spans.iter().filter(move |s| s.is_primary || !primary).filter_map(|span| {
                let at = plan.files.iter().position(|f| Path::new(&span.file_name) == f.path)?;
                Some((at, span.byte_start..span.byte_end))
            })
        };
        let in_arms = |primary: bool| -> Vec<u32> {
            located(primary)
                .flat_map(|(file, range)| {
                    let arms = spliced[file].arms.iter();
                    arms.filter(move |(arm, _)| arm.start <= range.start && range.end <= arm.end)
                        .map(|&(_, mutant)| mutant)
                })
                .collect()
        };
        let mut found = in_arms(true);
        if found.is_empty() {
            found = in_arms(false);
        }
        if !found.is_empty() {
            unviable.extend(found);
            continue;
        }
        // The code as it stands does not compile in this place: a value that is borrowed for longer, say. It is the
        // place around what the error is about, or those within; or so for what else the error shows; or all of
        // those between.
        let mut places: Vec<(usize, usize)> = Vec::new();
        for primary in [true, false] {
            for (file, range) in located(primary) {
                if !places.is_empty() && !primary {
                    break;
                }
                let there = || spliced[file].places.iter();
                let around = there()
                    .filter(|(place, _)| place.start <= range.start && range.end <= place.end)
                    .min_by_key(|(place, _)| place.len());
                let within = there()
                    .filter(|(place, _)| range.start <= place.start && place.end <= range.end);
                match (around, primary) {
                    (Some((_, index)), false) => places.push((file, *index)),
                    _ => {
                        places.extend(within.map(|&(_, index)| (file, index)));
                        if let (true, Some((_, index))) = (places.is_empty(), around) {
                            places.push((file, *index));
                        }
                    }
                }
            }
        }
        if places.is_empty() {
            for (file, range) in located(true) {
                let ends = || located(false).filter(|(f, _)| *f == file).map(|(_, range)| range);
                let start = ends().map(|r| r.start).min().unwrap_or(range.start);
                let end = ends().map(|r| r.end).max().unwrap_or(range.end);
                let between =
                    spliced[file].places.iter().filter(|(p, _)| start <= p.start && p.end <= end);
                places.extend(between.map(|&(_, index)| (file, index)));
            }
        }
        if places.is_empty() {
            eprintln!(
                "no mutant is to blame for: {}",
                error.rendered.as_deref().unwrap_or_default()
            );
        }
        let places = places.into_iter().flat_map(|(file, index)| {
            let file = &plan.files[file];
            file.first[index]..file.first[index] + file.sites[index].alternatives.len() as u32
        });
        // Errors of types outside of the mutants are often a consequence of those inside, and come again if not;
        // errors of borrows are not.
        let borrows = error.code.as_ref().is_some_and(|c| c.code.as_str() >= "E0499");
        if borrows {
            unviable.extend(places);
        } else {
            guessed.extend(places);
        }
    }
    if unviable.len() == before {
        unviable.extend(guessed);
    }
    if unviable.len() == before {
        let rendered = errors.iter().filter_map(|e| e.rendered.as_deref());
        bail!("the copy does not compile:\n{}", rendered.collect::<String>());
    }
    Ok(())
}

fn collect<'d>(diagnostic: &'d Diagnostic, spans: &mut Vec<&'d Span>) {
    for span in &diagnostic.spans {
        let mut span = span;
        spans.push(span);
        while let Some(expansion) = &span.expansion {
            span = &expansion.span;
            spans.push(span);
        }
    }
    for child in &diagnostic.children {
        collect(child, spans);
    }
}
