//! Each relative link of a page leads somewhere, and each page is in the table of contents.

use crate::{files, read, root};

/// The lines outside of fenced blocks, and the fence that ends a block.
fn unfenced(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter(move |line| {
        fenced ^= line.starts_with("```");
        !fenced
    })
}

/// The targets of the links `[...](target)` outside of fenced blocks and of code.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in unfenced(page) {
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for part in prose.split("](").skip(1) {
            links.extend(part.split(')').next().map(str::to_owned));
        }
    }
    links
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
}

#[test]
fn every_relative_link_resolves() {
    let mut pages = files("docs", ".md");
    pages.extend(["README.md", "CHANGELOG.md", "tools/goldens/README.md"].map(String::from));
    let mut seen = 0;
    for page in &pages {
        let directory = root().join(page).parent().unwrap().to_owned();
        for link in links(&read(page)) {
            if link.contains("://") || link.is_empty() {
                continue;
            }
            seen += 1;
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { root().join(page) } else { directory.join(path) };
            assert!(target.exists(), "{page}: {link} leads nowhere");
            if !fragment.is_empty() && target.extension().is_some_and(|ending| ending == "md") {
                let text = std::fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let found = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
                assert!(found.into_iter().any(|a| a == fragment), "{page}: {link} has no such heading");
            }
        }
    }
    assert!(seen > 40, "only {seen} links were found in {} pages", pages.len());
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let contents = links(&read("docs/SUMMARY.md"));
    for page in files("docs", ".md") {
        let name = page.trim_start_matches("docs/");
        // Tables that `resurge compare` writes; the page of each run links to its own.
        let table = name.ends_with("/comparison.md");
        assert!(
            table || name == "SUMMARY.md" || contents.iter().any(|link| link == name),
            "{page} is not in SUMMARY.md"
        );
    }
}

/// The Rust files that a page names in code, such as `reset.rs`, without what follows their path; other crates' and those that
/// a reader is to write are not ours to check.
fn named_files(page: &str) -> Vec<String> {
    let mut named = Vec::new();
    for line in unfenced(page) {
        let spans = line.split('`').skip(1).step_by(2);
        let paths = spans.filter_map(|span| span.split("::").next());
        let is_path = |path: &&str| path.ends_with(".rs") && !path.contains([' ', '*', '{']);
        named.extend(paths.filter(is_path).map(str::to_owned));
    }
    named
}

#[test]
fn every_rust_file_that_a_page_names_is_there() {
    /// What a reader of the tutorial and the how-tos writes.
    const WRITTEN: [&str; 5] = ["my_cell.rs", "my_dendrite.rs", "my_op.rs", "my_surrogate.rs", "softplus.rs"];
    let sources: Vec<String> =
        ["crates", "benches", "fuzz"].iter().flat_map(|directory| files(directory, ".rs")).collect();
    let mut pages = files("docs", ".md");
    pages.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(String::from));
    let mut seen = 0;
    // The table of mutants leaves out "src"; its script does, too.
    for page in pages.iter().filter(|page| !page.ends_with("mutants.md")) {
        for path in named_files(&read(page)) {
            if WRITTEN.iter().any(|written| path.ends_with(written)) {
                continue;
            }
            seen += 1;
            let end = format!("/{path}");
            assert!(
                sources.iter().any(|source| format!("/{source}").ends_with(&end)),
                "{page}: there is no {path}"
            );
        }
    }
    assert!(seen > 30, "only {seen} files are named in {} pages", pages.len());
}
