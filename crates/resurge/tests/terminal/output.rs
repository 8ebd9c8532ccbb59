//! Where results go, and what happens where they cannot.

use crate::{DIAGNOSE, TOY, VERIFY, audit_file, comparison, resurge};
use std::process::{Command, Stdio};

#[test]
fn every_command_that_writes_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (comparison, audit) = (comparison().display().to_string(), audit_file().display().to_string());
    let map = ["diagnose", "--map", "--rates", "0.1", "--neurons", "20", "--steps", "20", "--repeats", "1"];
    let commands: Vec<(Vec<&str>, Vec<&str>, &str)> = vec![
        (TOY.to_vec(), vec!["--out"], "toy"),
        (TOY.to_vec(), vec!["--shard", "1/2", "--out"], "shard"),
        (DIAGNOSE.to_vec(), vec!["--out"], "diagnosis"),
        (map.to_vec(), vec!["--out"], "map"),
        (vec!["merge", &comparison], vec!["--out"], "comparison"),
        (VERIFY.to_vec(), vec!["--plot"], "errors.svg"),
        (VERIFY.to_vec(), vec!["--json"], "report.json"),
        (VERIFY.to_vec(), vec!["--markdown"], "report.md"),
        (VERIFY.to_vec(), vec!["--out"], "proof"),
        (vec!["audit", &audit], vec!["--html"], "report.html"),
        (vec!["audit", &audit], vec!["--json"], "audit.json"),
        (vec!["config", "--preset", "small"], vec!["--toml"], "small.toml"),
        (vec!["man"], vec![], "man"),
        (vec!["reference"], vec![], "commands.md"),
    ];
    for (command, options, name) in commands {
        let place = path(name);
        let (status, stdout, stderr) = resurge(&[&command[..], &options, &[&place]].concat());
        assert_eq!((status, stderr.as_str()), (0, ""), "{command:?}");
        let place = if name == "shard" { path("shard/journal-1-of-2.jsonl") } else { place };
        assert!(stdout.ends_with(&format!("Written to {place}\n")), "{command:?}: {stdout}");
        assert_eq!(stdout.matches("Written to").count(), 1, "{stdout}");
        assert!(std::path::Path::new(&place).exists());
    }
    // Where the result itself is for machines, nothing else stands between.
    let (_, stdout, stderr) = resurge(&[&VERIFY[..], &["--json", "-", "--plot", &path("p.svg")]].concat());
    assert!(serde_json::from_str::<serde_json::Value>(&stdout).is_ok(), "{stdout}");
    assert_eq!(stderr, format!("resurge: Written to {}\n", path("p.svg")));
    #[cfg(unix)]
    {
        let (_, stdout, _) = resurge(&[&VERIFY[..], &["--format", "json", "--out", "/dev/stdout"]].concat());
        assert!(serde_json::from_str::<serde_json::Value>(&stdout).is_ok(), "{stdout}");
    }
}

/// Plain words, not `1 seeds`.
#[test]
fn what_is_one_is_not_many() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let audit = audit_file().display().to_string();
    let one = ["--reset", "zero", "--reset-gradient", "full"];
    let map = ["diagnose", "--map", "--rates", "0.1", "--decays", "0.5", "--widths", "0.2", "--steps", "20"];
    for command in [
        [&VERIFY[..], &one].concat(),
        [&DIAGNOSE[..], &["--set", "steps=1", "--out", &path("diagnosis")]].concat(),
        [&map[..], &["--neurons", "1", "--repeats", "1", "--out", &path("map")]].concat(),
        vec![
            "toy",
            "--inputs",
            "1",
            "--seeds",
            "2",
            "--updates",
            "1",
            "--rate-min",
            "0.1",
            "--out",
            &path("toy"),
        ],
        vec!["audit", &audit],
        vec!["audit", "/dev/null"],
    ] {
        let (_, stdout, stderr) = resurge(&command);
        let text = format!("{stdout}{stderr}");
        let words: Vec<&str> = text.split([' ', '\n', ',', ';', '(', ')']).collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "1") {
            assert!(!pair[1].ends_with('s'), "{pair:?} in {text}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_is_gone_and_a_full_device_are_no_panic() {
    let directory = tempfile::tempdir().unwrap();
    let places = ["toy", "diagnosis", "comparison", "man", "commands.md"];
    let [toy, diagnosis, merged, man, page] =
        places.map(|name| directory.path().join(name).to_str().unwrap().to_owned());
    let (comparison, audit) = (comparison().display().to_string(), audit_file().display().to_string());
    let commands = [
        [&TOY[..], &["--out", &toy]].concat(),
        [&DIAGNOSE[..], &["--out", &diagnosis]].concat(),
        VERIFY.to_vec(),
        [&VERIFY[..], &["--json", "-"]].concat(),
        vec!["merge", &comparison, "--out", &merged],
        vec!["audit", &audit],
        vec!["data", "check", "/", "--dataset", "mnist"],
        vec!["config", "--preset", "mnist"],
        vec!["completions", "bash"],
        vec!["man", &man],
        vec!["reference", &page],
        vec!["--help"],
    ];
    for command in commands {
        let run = |stdout: Stdio, stderr: Stdio| {
            let mut resurge = Command::new(env!("CARGO_BIN_EXE_resurge"));
            let output = resurge.args(&command).stdout(stdout).stderr(stderr).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!said.contains("panicked"), "{command:?}: {said}");
            (output.status.code(), said)
        };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (status, said) = run(writer.into(), Stdio::piped());
        let expected = if command[0] == "data" { 1 } else { 0 };
        assert_eq!((status, said.as_str()), (Some(expected), ""), "{command:?}");
        if cfg!(target_os = "linux") {
            let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
            let (status, said) = run(full(), Stdio::piped());
            assert_eq!(status, Some(2), "{command:?}");
            assert!(said.starts_with("resurge: cannot write to standard output: No space"), "{said}");
            assert!(said.trim_end().ends_with("; make room, or send it elsewhere"), "{said}");
            assert_eq!(run(full(), full()).0, Some(2), "{command:?}");
        }
    }
}
