//! The table.

use super::Operation;
use std::collections::BTreeSet;

#[test]
fn every_file_is_in_the_table_and_every_name_is_there_once() {
    let names: BTreeSet<&str> = Operation::NAMES.iter().copied().collect();
    assert_eq!(names.len(), Operation::NAMES.len());
    let families = ["mod", "tests", "index", "pairwise", "elementwise", "selection"];
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops")).unwrap();
    for file in files {
        let name = file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(families.contains(&&*name) || names.contains(&*name), "{name} is not in the table");
    }
}
