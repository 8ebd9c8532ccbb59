//! The committed files: goldens, damaged copies, files that are none.

use crate::{VERDICT, tests};
use resurge::audit::{AuditFile, AuditOptions, audit};
use serde_json::Value;

fn manifest(folder: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(tests(folder).join("manifest.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every safetensors file of a folder is in its manifest.
fn all_listed(folder: &str, manifest: &[Value]) {
    let files = std::fs::read_dir(tests(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "safetensors")).count();
    assert_eq!(files, manifest.len(), "{folder}");
}

#[test]
fn every_golden_has_its_verdict_and_the_referee_is_proved_on_it() {
    let manifest = manifest("goldens");
    all_listed("goldens", &manifest);
    assert!(manifest.len() >= 40);
    let options = AuditOptions { profiles: false, ..AuditOptions::default() };
    let mut decided = 0;
    for golden in &manifest {
        let name = golden["file"].as_str().unwrap();
        let file = AuditFile::open(&tests("goldens").join(name)).unwrap();
        let report = audit(&file, &options).unwrap();
        let expected = golden["expected"].as_str().unwrap();
        let verdict = (report.code.as_str(), report.matches);
        assert_eq!(verdict, (expected, expected == "match"), "{name}: {}", report.words);
        let proof = report.proof.unwrap();
        assert!(proof.passed && proof.adjoint <= 1e-12, "{name}: {proof:?}");
        decided += usize::from(proof.finite_difference.is_some());
    }
    // Kinks and long runs may leave a finite difference without a step, but hardly ever.
    assert!(decided * 10 >= manifest.len() * 9, "{decided} of {}", manifest.len());
}

#[test]
fn every_damaged_copy_is_named() {
    let manifest = manifest("damaged");
    all_listed("damaged", &manifest);
    assert!(manifest.len() >= 20);
    for damaged in &manifest {
        let name = damaged["file"].as_str().unwrap();
        let file = AuditFile::open(&tests("damaged").join(name)).unwrap();
        let report = audit(&file, &VERDICT).unwrap();
        assert_eq!(Some(report.code.as_str()), damaged["expected"].as_str(), "{name}: {}", report.words);
        assert!(!report.matches, "{name}");
    }
}

#[test]
fn a_file_that_is_none_is_refused_by_name() {
    let manifest = manifest("unusable");
    all_listed("unusable", &manifest);
    for unusable in &manifest {
        let name = unusable["file"].as_str().unwrap();
        let error = AuditFile::open(&tests("unusable").join(name)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(unusable["names"].as_str().unwrap()), "{error}");
    }
}
