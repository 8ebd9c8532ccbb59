//! What is tested, and by what: the groups of files in `groups.toml`, and the mutants of the chosen ones.

use crate::copy;
use crate::sites::{self, Site};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The crates, each behind those that it builds on.
pub const CRATES: [&str; 10] = [
    "resurge-tensor",
    "resurge-autodiff",
    "resurge-snn",
    "resurge-gradcheck",
    "resurge-data",
    "resurge-report",
    "resurge-program",
    "resurge-audit",
    "resurge-experiments",
    "resurge",
];

/// Files whose mutants are run against the same tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Patterns of files, from the root of the project.
    pub files: Vec<String>,
    /// Files among them that are left out: compiled into tests alone.
    #[serde(default)]
    pub except: Vec<String>,
    /// Functions of those files that are left out, as `file: function`: they list cases for tests, so that a mutant of
    /// one is another case and no fault.
    #[serde(default)]
    pub case_lists: Vec<String>,
    /// By package, the targets as cargo's options name them.
    pub tests: BTreeMap<String, Vec<String>>,
    /// Tests that are not run: too long for what they add.
    #[serde(default)]
    pub skip: Vec<String>,
}

/// A file with its mutants.
#[derive(Debug)]
pub struct SourceFile {
    pub path: PathBuf,
    /// The group that it belongs to, whose tests have to catch its mutants.
    pub group: String,
    pub source: String,
    pub sites: Vec<Site>,
    /// The number of the first mutant of each site.
    pub first: Vec<u32>,
}

/// One mutant.
#[derive(Debug, Clone)]
pub struct Mutant {
    pub id: u32,
    pub file: usize,
    pub site: usize,
    pub alternative: usize,
    /// The number of its site, by which what is reached is recorded.
    pub place: u32,
    /// What it is called, whatever lines stand above it: file, function, code, change and, of several the same, which.
    pub name: String,
}

/// All mutants of all groups, numbered through; those of the chosen groups are compiled together.
pub struct Plan {
    pub files: Vec<SourceFile>,
    pub mutants: Vec<Mutant>,
    /// Packages with mutants.
    pub instrumented: Vec<String>,
}

impl Plan {
    pub fn new(root: &Path, groups: &BTreeMap<String, Group>) -> Result<Self> {
        let mut patterns = Vec::new();
        for (name, group) in groups {
            for text in &group.files {
                let pattern = glob::Pattern::new(text).with_context(|| text.clone())?;
                patterns.push((pattern, name));
            }
        }
        let mut constants = HashMap::new();
        let mut files = Vec::new();
        for path in copy::list(root)? {
            let source_of_crate = path.extension().is_some_and(|e| e == "rs")
                && path.starts_with("crates")
                && path.iter().nth(2).is_some_and(|part| part == "src");
            if !source_of_crate {
                continue;
            }
            let source = std::fs::read_to_string(root.join(&path))
                .with_context(|| path.display().to_string())?;
            let found = sites::constants(&source).with_context(|| path.display().to_string())?;
            constants.extend(found);
            let group = patterns.iter().find(|(pattern, _)| pattern.matches_path(&path));
            // Tests beside the code are what mutants are run against.
            let of_tests = path.iter().any(|part| part == "tests" || part == "tests.rs");
            let left_out = group.is_some_and(|(_, name)| {
                groups[*name].except.iter().any(|file| path == Path::new(file))
            });
            if let Some((_, group)) = group
                && !of_tests
                && !left_out
            {
                files.push((path, source, (*group).clone()));
            }
        }
        for (pattern, group) in &patterns {
            if !files.iter().any(|(path, _, _)| pattern.matches_path(path)) {
                bail!("group {group}: no source file matches {pattern}");
            }
        }
        for (name, group) in groups {
            if let Some(gone) = group.except.iter().find(|file| !root.join(file).is_file()) {
                bail!("group {name}: there is no file {gone} to be left out");
            }
        }
        let mut listed: HashSet<&str> = HashSet::new();
        let mut plan = Plan { files: Vec::new(), mutants: Vec::new(), instrumented: Vec::new() };
        let mut next = 0;
        let mut names: HashMap<String, usize> = HashMap::new();
        for (path, source, group) in files {
            let mut sites =
                sites::sites(&source, &constants).with_context(|| path.display().to_string())?;
            sites.retain(|site| {
                let name = format!("{}: {}", path.display(), site.function);
                let list = groups[&group].case_lists.iter().find(|list| **list == name);
                listed.extend(list.map(String::as_str));
                list.is_none()
            });
            let package = path.iter().nth(1).unwrap_or_default().to_string_lossy().into_owned();
            if !plan.instrumented.contains(&package) {
                plan.instrumented.push(package);
            }
            let mut first = Vec::new();
            for (index, site) in sites.iter().enumerate() {
                first.push(next);
                for (alternative, a) in site.alternatives.iter().enumerate() {
                    let file = path.display();
                    let name =
                        format!("{file}: {}: {} -> {}", site.function, site.original, a.shown);
                    let count = names.entry(name.clone()).or_default();
                    *count += 1;
                    let name = if *count > 1 { format!("{name} ({count})") } else { name };
                    plan.mutants.push(Mutant {
                        id: next + alternative as u32,
                        file: plan.files.len(),
                        site: index,
                        alternative,
                        place: next,
                        name,
                    });
                }
                next += site.alternatives.len() as u32;
            }
            plan.files.push(SourceFile { path, group, source, sites, first });
        }
        for (name, group) in groups {
            if let Some(gone) = group.case_lists.iter().find(|list| !listed.contains(list.as_str()))
            {
                bail!("group {name}: there is no function {gone:?} to be left out");
            }
        }
        Ok(plan)
    }

    pub fn site(&self, mutant: &Mutant) -> &Site {
        &self.files[mutant.file].sites[mutant.site]
    }

    /// A mutant as a reader sees it: the place, the line, and the change.
    pub fn describe(&self, mutant: &Mutant) -> String {
        let (file, site) = (&self.files[mutant.file], self.site(mutant));
        let line = file.source.lines().nth(site.line - 1).unwrap_or_default().trim();
        let change = &site.alternatives[mutant.alternative].shown;
        format!(
            "{}:{}:{} {} [{}]\n    {line}\n  - {}\n  + {change}\n",
            file.path.display(),
            site.line,
            site.column,
            site.function,
            mutant.id,
            site.original,
        )
    }
}

/// Mutants that compute the same, each with its reason.
#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Equivalents {
    #[serde(default)]
    pub equivalent: Vec<Equivalent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    pub file: String,
    pub function: String,
    pub original: String,
    pub mutant: String,
    /// Which, where a function has several the same; without it, all of them.
    pub nth: Option<usize>,
    pub reason: String,
}

impl Equivalents {
    /// The mutants of a plan that are listed. An entry for a file of the plan that names no mutant is an error: the
    /// code has changed, and the reason may no longer hold.
    pub fn of(&self, plan: &Plan) -> Result<HashMap<u32, &str>> {
        let mut found = HashMap::new();
        for entry in &self.equivalent {
            let Equivalent { file, function, original, mutant, nth, reason } = entry;
            let here = plan.files.iter().any(|f| f.path == Path::new(file));
            if !here {
                continue;
            }
            if reason.trim().is_empty() {
                bail!("equivalent.toml: {original} -> {mutant} in {function} has no reason");
            }
            let name = match (original.as_str(), mutant.as_str()) {
                ("*", "*") => format!("{file}: {function}: "),
                (_, "*") => format!("{file}: {function}: {original} -> "),
                _ => format!("{file}: {function}: {original} -> {mutant}"),
            };
            let names = |m: &&Mutant| match nth {
                _ if mutant == "*" => m.name.starts_with(&name),
                Some(1) => m.name == name,
                Some(n) => m.name == format!("{name} ({n})"),
                None => m.name == name || m.name.starts_with(&format!("{name} (")),
            };
            let before = found.len();
            found.extend(plan.mutants.iter().filter(names).map(|m| (m.id, reason.as_str())));
            if found.len() == before {
                bail!("equivalent.toml: there is no mutant {name:?}; remove or mend the entry");
            }
        }
        Ok(found)
    }
}
