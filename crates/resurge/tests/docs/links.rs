//! Each relative link of a page leads somewhere, and each page is in the table of contents.

use crate::{files, read, root};

/// The lines outside of fenced blocks, and the fence that ends a block.
pub(crate) fn unfenced(page: &str) -> impl Iterator<Item = &str> {
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

/// The anchors of a page's headings, as mdBook makes them: the second of the same name ends in `-1`.
fn anchors(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in unfenced(page).filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let name: String =
            heading.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect();
        let next = (1..).map(|i| format!("{name}-{i}"));
        let free = std::iter::once(name.clone()).chain(next).find(|name| !found.contains(name));
        found.extend(free);
    }
    found
}

/// The pages of the book, below docs.
pub(crate) fn contents() -> Vec<String> {
    links(&read("docs/SUMMARY.md")).into_iter().filter(|link| !link.is_empty()).collect()
}

/// Where a relative link of a page of the book leads to, below docs; none where it leaves the book.
fn target(page: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    if !path.is_empty() {
        parts.pop();
        for part in path.split('/') {
            match part {
                ".." => drop(parts.pop()?),
                "." => {}
                part => parts.push(part),
            }
        }
    }
    Some(parts.join("/"))
}

/// What is wrong with a link in the built book, which has the pages of its table of contents, and whatever else lies below
/// docs but other Markdown.
fn dead(page: &str, link: &str, contents: &[String]) -> Option<&'static str> {
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let Some(target) = target(page, path) else { return Some("leaves the book") };
    if !target.ends_with(".md") {
        return (!root().join("docs").join(&target).is_file()).then_some("names no file of the book");
    }
    if !contents.contains(&target) {
        return Some("names a page that SUMMARY.md does not have");
    }
    let missing = || !anchors(&read(&format!("docs/{target}"))).iter().any(|name| name == fragment);
    (!fragment.is_empty() && missing()).then_some("has no such heading")
}

#[test]
fn every_link_of_the_book_leads_to_something_in_it() {
    let contents = contents();
    let mut seen = 0;
    for page in &contents {
        for link in links(&read(&format!("docs/{page}"))) {
            if !link.contains("://") && !link.is_empty() {
                seen += 1;
                assert_eq!(dead(page, &link, &contents), None, "{page}: {link}");
            }
        }
    }
    assert!(seen > 40, "only {seen} links were found");
    for (link, wrong) in [
        ("../CONTRIBUTING.md", Some("leaves the book")),
        ("results/none.svg", Some("names no file of the book")),
        ("SUMMARY.md", Some("names a page that SUMMARY.md does not have")),
        ("derivation.md#no-such-heading", Some("has no such heading")),
        ("derivation.md#notation", None),
        ("results/../derivation.md#what-the-missing-term-does", None),
    ] {
        assert_eq!(dead("tutorial.md", link, &contents), wrong, "{link}");
    }
}

#[test]
fn headings_of_one_name_have_anchors_of_their_own() {
    let page = "# In `Resurge`\n\n```sh\n# no heading\n```\n\n## In Resurge\n## What, where: why_not?\n";
    assert_eq!(anchors(page), ["in-resurge", "in-resurge-1", "what-where-why_not"]);
}

/// The pages outside of the book.
const BESIDE: [&str; 9] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "RELEASE.md",
    "SECURITY.md",
    "benches/README.md",
    "fuzz/README.md",
    "tools/goldens/README.md",
];

#[test]
fn every_relative_link_resolves() {
    let mut pages = files("docs", ".md");
    pages.extend(BESIDE.map(String::from));
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
                let found = anchors(&std::fs::read_to_string(&target).unwrap());
                assert!(found.iter().any(|name| name == fragment), "{page}: {link} has no such heading");
            }
        }
    }
    assert!(seen > 40, "only {seen} links were found in {} pages", pages.len());
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let contents = contents();
    for page in files("docs", ".md") {
        let name = page.trim_start_matches("docs/");
        assert!(
            name == "SUMMARY.md" || contents.iter().any(|link| link == name),
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
    pages.extend(BESIDE.map(String::from));
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
