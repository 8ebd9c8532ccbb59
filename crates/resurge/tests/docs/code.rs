//! The code of the README, the tutorial and the how-tos is that of the examples, which CI compiles and runs. That the pages show
//! what it prints, each example tests itself.

use crate::{blocks, files, read};

/// Each page with the example that it explains.
const PAGES: [(&str, &str); 5] = [
    ("README.md", "library"),
    ("docs/tutorial.md", "tutorial"),
    ("docs/howto-op.md", "own_op"),
    ("docs/howto-cell.md", "own_cell"),
    ("docs/howto-surrogate.md", "own_surrogate"),
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
        let source = read(&format!("crates/resurge/examples/{example}.rs"));
        let rust: Vec<_> = blocks(&read(page)).into_iter().filter(|(word, _)| word == "rust").collect();
        assert!(!rust.is_empty(), "{page} shows no code");
        for (_, block) in rust {
            let known = source.contains(&block) || quoted.iter().any(|text| text.contains(&block));
            assert!(known, "{page}: this is neither in {example}.rs nor in the crates:\n{block}");
        }
    }
}
