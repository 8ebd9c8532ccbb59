//! The code cites equations that there are.

use crate::{files, read};
use std::collections::BTreeSet;

/// The labels of the numbered equations of a page.
fn labels(page: &str) -> BTreeSet<String> {
    page.split("\\tag{").skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect()
}

/// The labels that a text cites: `equation (6)`, `equations (4) to (6), or (B)`.
fn citations(text: &str) -> Vec<String> {
    // Comments wrap: without their marks they are one line.
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!']).trim());
    let text = lines.collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for rest in text.split("quation").skip(1) {
        let mut rest = rest.strip_prefix('s').unwrap_or(rest).trim_start();
        while let Some((label, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            if label.is_empty() || label.len() > 2 {
                break;
            }
            found.push(label.to_owned());
            let after = after.trim_start_matches([',', ' ']);
            let word = ["and ", "to ", "or "].into_iter().find_map(|word| after.strip_prefix(word));
            rest = word.unwrap_or(after);
        }
    }
    found
}

#[test]
fn every_equation_that_is_cited_exists() {
    let mut numbered = labels(&read("docs/derivation.md"));
    assert!((1..=8).all(|n| numbered.contains(&n.to_string())), "{numbered:?}");
    numbered.extend(labels(&read("docs/conventions.md")));
    let mut seen = 0;
    let code = files("crates", ".rs").into_iter().filter(|path| !path.contains("/tests/docs/"));
    for path in code.chain(files("docs", ".md")).chain(["README.md".to_owned()]) {
        for label in citations(&read(&path)) {
            assert!(numbered.contains(&label), "{path} cites equation ({label}), which no page has");
            seen += 1;
        }
    }
    assert!(seen > 80, "only {seen} citations were found");
}

#[test]
fn citations_are_found_in_lists_and_across_lines() {
    let text =
        "/// Equations (4) to (6), or\n/// (B); the equation\n    //! (7). Equations are fine (mostly).";
    assert_eq!(citations(text), ["4", "6", "B", "7"]);
}
