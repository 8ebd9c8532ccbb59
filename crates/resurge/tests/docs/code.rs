//! The code of the README, the tutorial and the how-tos is that of the examples, which CI compiles and runs. That the pages show
//! what it prints, each example tests itself.

use crate::{blocks, files, read};

/// Each page with the example that it explains.
const PAGES: [(&str, &str); 6] = [
    ("README.md", "crates/resurge/examples/library.rs"),
    ("docs/library.md", "tools/outside/src/main.rs"),
    ("docs/tutorial.md", "crates/resurge/examples/tutorial.rs"),
    ("docs/howto-op.md", "crates/resurge/examples/own_op.rs"),
    ("docs/howto-cell.md", "crates/resurge/examples/own_cell.rs"),
    ("docs/howto-surrogate.md", "crates/resurge/examples/own_surrogate.rs"),
];

/// Files of the crates that a page may quote besides.
fn quoted() -> Vec<String> {
    ["crates/resurge-autodiff/src", "crates/resurge-snn/src"]
        .iter()
        .flat_map(|directory| files(directory, ".rs"))
        .map(|path| read(&path))
        .collect()
}

#[test]
fn every_block_of_rust_is_compiled_somewhere() {
    let quoted = quoted();
    for (page, example) in PAGES {
        let source = read(example);
        let rust: Vec<_> = blocks(&read(page)).into_iter().filter(|(word, _)| word == "rust").collect();
        assert!(!rust.is_empty(), "{page} shows no code");
        for (_, block) in rust {
            let known = source.contains(&block) || quoted.iter().any(|text| text.contains(&block));
            assert!(known, "{page}: this is neither in {example} nor in the crates:\n{block}");
        }
    }
}

#[test]
fn the_lines_of_the_manifest_are_those_of_the_crate_outside() {
    let manifest = read("tools/outside/Cargo.toml");
    let mut seen = 0;
    for (_, block) in blocks(&read("docs/library.md")).iter().filter(|(word, _)| word == "toml") {
        seen += 1;
        assert!(manifest.contains(block), "tools/outside/Cargo.toml has not:\n{block}");
    }
    assert!(seen > 0, "docs/library.md shows no manifest");
}
