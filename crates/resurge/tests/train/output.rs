//! No command panics where its output cannot be written, and none calls that a success.
#![cfg(target_os = "linux")]

use crate::place::Place;
use std::fs::File;
use std::process::{Command, Output};

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("resurge"));
    command.args(arguments);
    command
}

fn status(output: &Output) -> Option<i32> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    output.status.code()
}

#[test]
fn what_is_left_of_a_training_that_cannot_say_so_is_said_right() {
    let place = Place::new();
    let said = |out: &str, epochs: &str| {
        let arguments = place.arguments(out, &["--limit", "40", "--epochs", epochs]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = command(&arguments).stdout(full()).output().unwrap();
        assert_eq!(status(&output), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let (all, some) = (said("one", "1"), said("two", "2"));
    assert!(all.starts_with("resurge: the last of 1 epoch, and saved in "), "{all}");
    assert!(!all.contains("--resume") && all.contains("cannot write to standard output"), "{all}");
    assert!(some.contains(" of epoch 2, and saved in ") && some.contains("--resume"), "{some}");
}

#[test]
fn what_cannot_be_written_to_standard_output_is_an_error_of_every_command() {
    let place = Place::new();
    let [data, toy, empty] = ["data", "toy", "empty"].map(|name| place.path(name));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/damaged/delayed.safetensors");
    let verify = "verify --hidden 4 --steps 3 --batch 1 --reset zero --reset-gradient full --surrogate atan";
    let sweep =
        "toy --inputs 5 --seeds 2 --updates 1 --per-decade 1 --rate-min 0.1 --reset-gradient full --out";
    let diagnose = format!("diagnose --preset small --samples 2 --out {}", place.path("diagnosis"));
    let compare = format!(
        "compare mnist --preset small --no-verify --seeds 1-2 --epochs 1 --cost 0 --limit 10 --data {data} --out {}",
        place.path("compared")
    );
    let commands = [
        "--help".to_owned(),
        "--version".into(),
        "help train".into(),
        "completions bash".into(),
        verify.into(),
        format!("{verify} --json -"),
        format!("audit {file}"),
        format!("data check {data}"),
        format!("{sweep} {toy}"),
        diagnose,
        compare,
    ];
    for line in &commands {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = command(&arguments).stdout(full()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(status(&output), Some(2), "{line}: {stderr}");
        assert!(stderr.contains("cannot write to standard output"), "{line}: {stderr}");
    }
    // Where errors cannot be written either, the status is all there is to say.
    for (line, expected) in [
        (format!("data check {empty}"), 2),
        (format!("train mnist --data {empty} --out {}", place.path("none")), 2),
        ("train".into(), 2),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = command(&arguments).stdout(full()).stderr(full()).output().unwrap();
        assert_eq!(status(&output), Some(expected), "{line}");
    }
}
