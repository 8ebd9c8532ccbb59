//! Every public type and free function has documentation with an example.

use crate::{files, read};

const CRATES: [&str; 10] = [
    "resurge-tensor",
    "resurge-autodiff",
    "resurge-snn",
    "resurge-gradcheck",
    "resurge-program",
    "resurge-data",
    "resurge-report",
    "resurge-audit",
    "resurge-experiments",
    "resurge",
];

/// The item that a line declares, if it is a public type, trait or free function, which stand at the
/// beginning of a line. Fields, variants and methods are shown by the example of their type.
fn public_item(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix("pub ")?;
    while let Some(rest) = ["const fn", "async fn", "unsafe fn"].iter().find_map(|both| {
        words.starts_with(both).then(|| words.split_once(' ').map(|(_, rest)| rest)).flatten()
    }) {
        words = rest;
    }
    let (kind, name) = words.split_once(' ')?;
    let kinds = ["fn", "struct", "enum", "union", "trait", "type"];
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    kinds.contains(&kind).then(|| &name[..end])
}

/// Whether documentation, its last line first, has a block of Rust that runs: not of text, nor one that is only compiled.
fn has_example(docs: &[&str]) -> bool {
    let fences = docs.iter().rev().filter_map(|line| line.strip_prefix("/// ```"));
    fences.step_by(2).any(|language| language.is_empty())
}

/// The public items of a file whose documentation has no example. With `unreachable_pub`, `pub` means public.
fn without_example(source: &str) -> Vec<String> {
    // A module of tests ends a file; `mod tests;`, in a file of its own, may stand anywhere.
    let source = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(name) = public_item(line) else { continue };
        let above = lines[..number].iter().rev().map(|line| line.trim());
        let above =
            above.take_while(|line| line.starts_with("///") || line.starts_with("#[") || *line == ")]");
        if !has_example(&above.collect::<Vec<_>>()) {
            found.push(format!("line {}: {name}", number + 1));
        }
    }
    found
}

#[test]
fn every_public_type_and_function_has_an_example() {
    let mut missing = Vec::new();
    for path in CRATES.into_iter().flat_map(|name| files(&format!("crates/{name}/src"), ".rs")) {
        if !path.ends_with("tests.rs") {
            missing.extend(without_example(&read(&path)).into_iter().map(|item| format!("{path}, {item}")));
        }
    }
    assert!(missing.is_empty(), "{} items have no example:\n{}", missing.len(), missing.join("\n"));
}

/// Modules inside of a file would hide what stands in them from `public_item`.
#[test]
fn public_modules_are_files() {
    for path in CRATES.into_iter().flat_map(|name| files(&format!("crates/{name}/src"), ".rs")) {
        for line in read(&path).lines().map(str::trim) {
            assert!(!(line.starts_with("pub mod ") && line.ends_with('{')), "{path}: {line}");
        }
    }
}

#[test]
fn an_item_without_an_example_is_found() {
    let source = "/// Text.\npub const fn a() {}\n\n/// ```\n/// b();\n/// ```\n#[must_use]\npub fn b() {}\n\
                  pub(crate) fn c() {}\n/// ```text\n/// x = y\n/// ```\npub struct D;\n#[cfg(test)]\nmod tests;\n\
                  pub fn e() {}\nimpl D {\n    /// A method.\n    pub fn f(&self) {}\n}\npub const G: u8 = 1;\n";
    assert_eq!(without_example(source), ["line 2: a", "line 13: D", "line 16: e"]);
}
