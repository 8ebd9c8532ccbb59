//! docs/formats.md against the files that are written.

use crate::{read, root};
use resurge::Rule;
use resurge::compare::Plan;
use resurge::train::{Checkpoint, Config, EpochRow, Log, Origin, Preset, Progress, csv};
use resurge_tensor::Tensor;
use safetensors::SafeTensors;

fn origin() -> Origin {
    Origin { dataset: "mnist".into(), limit: Some(60), verified: true, train_samples: 60, test_samples: 60 }
}

fn row() -> EpochRow {
    EpochRow {
        epoch: 1,
        updates: 3,
        train_loss: 0.5,
        train_accuracy: 0.25,
        test_loss: 0.5,
        test_accuracy: 0.25,
        gradient_norm: 1.0,
        firing_rates: vec![0.1],
    }
}

/// The names of all keys of a document, those inside of `config` left out: they are those of docs/configuration.md.
fn keys(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                found.push(key.clone());
                if key != "config" {
                    keys(value, found);
                }
            }
        }
        serde_json::Value::Array(entries) => entries.iter().for_each(|entry| keys(entry, found)),
        _ => {}
    }
}

fn assert_named(section: &str, value: &serde_json::Value) {
    let mut found = Vec::new();
    keys(value, &mut found);
    assert!(found.len() > 4, "{found:?}");
    for key in found {
        assert!(section.contains(&format!("`{key}`")), "docs/formats.md does not name {key}");
    }
}

/// What a command prints as JSON.
fn json_of(arguments: &[&str]) -> serde_json::Value {
    let mut command = assert_cmd::Command::cargo_bin("resurge").unwrap();
    serde_json::from_slice(&command.args(arguments).assert().success().get_output().stdout).unwrap()
}

/// The part of the page under a heading.
fn section(heading: &str) -> String {
    let page = read("docs/formats.md");
    let part = page.split("\n## ").find(|part| part.starts_with(heading));
    part.unwrap_or_else(|| panic!("no section begins with {heading}")).to_owned()
}

#[test]
fn the_header_of_the_table_of_epochs() {
    let text = csv(&origin(), &["conv1".to_owned()], &[]);
    let header = text.trim_end().trim_end_matches("rate_conv1");
    assert!(section("Logs of a training").contains(header), "{header}");
}

#[test]
fn every_key_of_a_log() {
    let (origin, config, layers, epochs) =
        (origin(), Config::preset(Preset::Small), ["conv1".to_owned()], [row()]);
    let log = Log {
        version: "0.1.0",
        origin: &origin,
        subset: true,
        config: &config,
        layers: &layers,
        parameters: 10,
        finished: true,
        epochs: &epochs,
        notices: &[],
    };
    assert_named(&section("Logs of a training"), &serde_json::to_value(&log).unwrap());
}

#[test]
fn every_key_of_a_plan() {
    let plan = Plan::new(&Config::preset(Preset::Small), origin(), vec![Rule::FULL], vec![1]).unwrap();
    assert_named(&section("A comparison"), &serde_json::to_value(&plan).unwrap());
}

#[test]
fn every_key_of_the_summaries() {
    for (heading, path) in [
        ("A comparison", "docs/results/mnist/comparison.json"),
        ("The toy task", "docs/results/toy/summary.json"),
    ] {
        assert_named(&section(heading), &serde_json::from_str(&read(path)).unwrap());
    }
}

#[test]
fn every_key_of_a_proof() {
    let small =
        ["verify", "--json", "-", "--surrogate", "atan", "--reset", "zero", "--reset-gradient", "full"];
    let digits = ["--hidden", "8", "--steps", "10", "--batch", "2"];
    let convention = ["verify", "--convention", "spyx-lif", "--json", "-"].to_vec();
    for (arguments, list) in [
        ([&small[..], &digits].concat(), "cases"),
        ([&small[..], &["--cell", "lif"]].concat(), "cells"),
        (convention, "conventions"),
    ] {
        let report = json_of(&arguments);
        assert!(report[list][0].is_object(), "no {list}");
        assert_named(&section("Proofs"), &report);
    }
}

#[test]
fn every_key_of_an_audit() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("audit.json");
    let [damaged, unusable] = ["damaged/delayed", "unusable/no-description"]
        .map(|name| root().join(format!("crates/resurge/tests/audit/{name}.safetensors")));
    let mut command = assert_cmd::Command::cargo_bin("resurge").unwrap();
    command.arg("audit").args([damaged, unusable]).arg("--json").arg(&out).output().unwrap();
    let audits: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert!(audits["files"][0]["audit"].is_object() && audits["files"][1]["error"].is_string(), "{audits}");
    assert_named(&section("Audits"), &audits);
}

#[test]
fn tensors_and_metadata_of_a_checkpoint() {
    let weight = Tensor::from_vec([2], vec![1.0_f32, 2.0]).unwrap();
    let progress = Progress { updates: 1, history: vec![row()], ..Progress::default() };
    let checkpoint = Checkpoint {
        origin: origin(),
        config: Config::preset(Preset::Small),
        progress,
        weights: vec![("conv1".into(), weight.clone())],
        moments: [vec![weight.clone()], vec![weight]],
        samples_sha256: Some(["0".repeat(64), "1".repeat(64)]),
    };
    let bytes = checkpoint.to_bytes().unwrap();
    let section = section("Checkpoints");
    for name in SafeTensors::deserialize(&bytes).unwrap().names() {
        let kind = name.rsplit('.').next().unwrap();
        assert!(section.contains(&format!("`LAYER.{kind}`")), "docs/formats.md does not name {name}");
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let state = header.metadata().as_ref().unwrap()["resurge"].split_once(' ').unwrap().1.to_owned();
    assert_named(&section, &serde_json::from_str(&state).unwrap());
}
