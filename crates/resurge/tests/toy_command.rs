//! `resurge toy` as a user runs it.
// Tests write whatever they need.
#![allow(clippy::disallowed_methods)]

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A setting that takes a fraction of a second.
const SMALL: [&str; 11] =
    ["toy", "--inputs", "40", "--seeds", "3", "--updates", "12", "--per-decade", "1", "--rate-min", "1e-3"];

fn resurge(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("resurge").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn small(out: &Path, more: &[&str]) -> (i32, String, String) {
    resurge(&[&SMALL[..], &["--out", out.to_str().unwrap()], more].concat())
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
}

#[test]
fn the_same_files_on_one_thread_on_two_after_an_interruption_and_from_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let [one, two, resumed, again] =
        ["one", "two", "resumed", "again"].map(|name| directory.path().join(name));
    let (status, stdout, stderr) = small(&one, &["--threads", "1"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    for text in ["40 inputs, 3 seeds, 12 updates", "SGD, norm-matched", "spatial-only", "Adam"] {
        assert!(stdout.contains(text), "{text}: {stdout}");
    }
    let expected = files(&one);
    let mut names: Vec<&str> = resurge::toy::DATA_FILES.into_iter().chain(resurge::toy::FIGURES).collect();
    names.push("summary.json");
    names.sort_unstable();
    assert_eq!(expected.keys().collect::<Vec<_>>(), names, "and no journal");
    small(&two, &["--threads", "2"]);
    assert_eq!(files(&two), expected);

    // A journal as a run leaves it that is killed while it writes its third unit.
    let settings = resurge::toy::Data::read(&one).unwrap().settings;
    let journal = directory.path().join("journal");
    resurge::toy::sweep(&settings, &journal, &AtomicBool::new(false), |_| {}).unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    let end = text.match_indices('\n').nth(2).unwrap().0;
    std::fs::create_dir(&resumed).unwrap();
    std::fs::write(resumed.join("journal.jsonl"), &text[..end + 100]).unwrap();
    let (status, _, stderr) = small(&resumed, &["--reset-gradient", "full"]);
    assert!(status == 2 && stderr.contains("other settings"), "{stderr}");
    assert!(stderr.contains("reset_gradients: "), "{stderr}");
    small(&resumed, &[]);
    assert_eq!(files(&resumed), expected);

    let from = one.to_str().unwrap();
    assert_eq!(resurge(&["toy", "--from", from, "--out", again.to_str().unwrap()]).0, 0);
    let figures: BTreeMap<_, _> =
        expected.into_iter().filter(|(name, _)| name.ends_with(".svg") || name == "summary.json").collect();
    assert_eq!(files(&again), figures);
}

#[test]
fn a_finished_run_is_drawn_again_and_not_overwritten_by_one_with_other_settings() {
    let directory = tempfile::tempdir().unwrap();
    let [out, other] = ["out", "other"].map(|name| directory.path().join(name));
    assert_eq!(small(&out, &[]).0, 0);
    let before = files(&out);
    std::fs::remove_file(out.join("summary.json")).unwrap();
    let (status, stdout, stderr) = small(&out, &[]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("This run was done before, in "), "{stdout}");
    assert_eq!(files(&out), before);
    let journal = other.join("journal-1-of-1.jsonl");
    assert_eq!(small(&other, &["--reset-gradient", "full", "--shard", "1/1"]).0, 0);
    assert!(journal.exists());
    for arguments in [
        [&SMALL[..], &["--reset-gradient", "full", "--out", out.to_str().unwrap()]].concat(),
        [&SMALL[..], &["--reset-gradient", "full", "--shard", "1/2", "--out", out.to_str().unwrap()]]
            .concat(),
        vec!["merge", other.to_str().unwrap(), "--out", out.to_str().unwrap()],
    ] {
        let (status, _, stderr) = resurge(&arguments);
        assert!(status == 2 && stderr.contains("out/settings.json"), "{stderr}");
        assert!(stderr.contains("another directory with --out"), "{stderr}");
        assert!(
            stderr.contains(": reset-gradient is ") && stderr.contains(" there and full here"),
            "{stderr}"
        );
        assert_eq!(files(&out), before);
    }
    // Data that are not complete are no finished run.
    std::fs::remove_file(out.join("curves.csv")).unwrap();
    let (status, stdout, _) = small(&out, &[]);
    assert!(status == 0 && !stdout.contains("done before"), "{stdout}");
    assert_eq!(files(&out), before);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_so_and_goes_on() {
    use std::process::{Command, Stdio};
    let directory = tempfile::tempdir().unwrap();
    let [out, whole] = ["out", "whole"].map(|name| directory.path().join(name));
    // Long enough to be stopped before the end: units of work are of one seed and one rule.
    let arguments = ["toy", "--inputs", "40", "--seeds", "40", "--updates", "100", "--per-decade", "1"];
    let arguments =
        [&arguments[..], &["--rate-min", "1e-3", "--reset-gradient", "full,detached", "--out"]].concat();
    let mut child = Command::new(env!("CARGO_BIN_EXE_resurge"))
        .args([&arguments[..], &[out.to_str().unwrap()]].concat())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let units = || std::fs::read_to_string(out.join("journal.jsonl")).map_or(0, |text| text.lines().count());
    while units() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it could be stopped");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("of 800 trials; the same command goes on"), "{stderr}");
    assert!((3..80).contains(&units()), "{} lines", units());
    for out in [&out, &whole] {
        assert_eq!(resurge(&[&arguments[..], &[out.to_str().unwrap()]].concat()).0, 0);
    }
    assert_eq!(files(&out), files(&whole));
}

#[test]
fn bad_usage_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let new = directory.path().join("new");
    for (more, problem) in [
        (&["--reset-gradient", "half"][..], "no rule is named half"),
        (&["--reset-gradient", "full,full"], "each once"),
        (&["--rate-max", "1e-4"], "rate-max is 0.0001 and rate-min 0.001, but must be larger than rate-min"),
        (&["--from", "/nowhere"], "cannot be used with"),
    ] {
        let (status, _, stderr) = small(&new, more);
        assert!(status == 2 && stderr.contains(problem), "{stderr}");
    }
    let out = new.to_str().unwrap();
    let (status, _, stderr) = resurge(&["toy", "--from", "/nowhere", "--out", out]);
    assert!(status == 2 && stderr.contains("there is no directory /nowhere: name one with"), "{stderr}");
    assert!(!new.exists(), "what is refused leaves no directory");
}

#[test]
fn a_sweep_into_a_directory_that_another_writes_into_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let claim = resurge::Claim::of(&out).unwrap();
    let (status, _, stderr) = small(&out, &[]);
    assert!(status == 2 && stderr.contains("out is in use by another run: wait until it ends"), "{stderr}");
    // A shard has a journal of its own.
    assert_eq!(small(&out, &["--shard", "1/2", "--reset-gradient", "full"]).0, 0);
    drop(claim);
    // The same where the other is a run of the same part.
    let journal = std::fs::File::open(out.join("journal-1-of-2.jsonl")).unwrap();
    journal.lock().unwrap();
    let (status, _, stderr) = small(&out, &["--shard", "1/2", "--reset-gradient", "full"]);
    assert!(status == 2 && stderr.contains("journal-1-of-2.jsonl is in use by another run"), "{stderr}");
}

/// What earlier versions took and wrote: their words and their files are read.
#[test]
fn the_old_words_and_files_are_still_taken() {
    let directory = tempfile::tempdir().unwrap();
    let [new, old, resumed] = ["new", "old", "resumed"].map(|name| directory.path().join(name));
    let rules = "full,detached,scaled:0.5";
    let (status, _, stderr) = small(&new, &["--reset-gradient", rules]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let expected = files(&new);
    let text = |name: &str| String::from_utf8(expected[name].clone()).unwrap();
    assert!(text("settings.json").contains("\"reset_gradients\": ["), "{}", text("settings.json"));
    assert!(text("losses.csv").starts_with("reset_gradient,optimiser,"), "{}", text("losses.csv"));
    assert!(text("losses.csv").contains("\nscaled:0.5,sgd,raw,"), "{}", text("losses.csv"));
    assert!(text("summary.json").contains("\"reset_gradient\": \"scaled:0.5\""));

    let earlier = |text: &str| {
        let text = text.replace("reset_gradients", "rules").replace("scaled:0.5", "scaled-0.5");
        text.replace("reset_gradient", "rule")
    };
    std::fs::create_dir(&old).unwrap();
    for name in resurge::toy::DATA_FILES {
        std::fs::write(old.join(name), earlier(&text(name))).unwrap();
    }
    assert!(std::fs::read_to_string(old.join("losses.csv")).unwrap().contains("\nscaled-0.5,sgd,"));
    let from = directory.path().join("from");
    let (status, _, stderr) =
        resurge(&["toy", "--from", old.to_str().unwrap(), "--out", from.to_str().unwrap()]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    for (name, contents) in files(&from) {
        assert_eq!(contents, expected[&name], "{name}");
    }
    // So are the committed data of a run of 14,784 trials, as an earlier version wrote them.
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results/toy");
    let header = std::fs::read_to_string(committed.join("losses.csv")).unwrap();
    assert!(header.starts_with("rule,"));
    let rules = resurge::toy::Data::read(&committed).unwrap().settings.rules;
    assert_eq!(rules, resurge::Rule::all());
    // A directory that is finished, and the option of earlier versions.
    let (status, stdout, stderr) = small(&old, &["--rules", "full,detached,scaled-0.5"]);
    assert!(status == 0 && stdout.starts_with("This run was done before"), "{stdout}{stderr}");

    // A journal that an earlier version began.
    let settings = resurge::toy::Data::read(&new).unwrap().settings;
    let journal = directory.path().join("journal");
    resurge::toy::sweep(&settings, &journal, &AtomicBool::new(false), |_| {}).unwrap();
    let lines = std::fs::read_to_string(&journal).unwrap();
    let begun: String = lines.split_inclusive('\n').take(4).collect();
    std::fs::create_dir(&resumed).unwrap();
    std::fs::write(resumed.join("journal.jsonl"), earlier(&begun)).unwrap();
    let (status, _, stderr) =
        small(&resumed, &["--reset-gradient", "full,detached", "--reset-gradient", "scaled:0.5"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(files(&resumed), expected);
}

/// Seeds are a list, too: a trial is the same whichever seeds are beside it.
#[test]
fn seeds_are_how_many_or_a_list() {
    let directory = tempfile::tempdir().unwrap();
    let sweep = |name: &str, seeds: &str| {
        let out = directory.path().join(name);
        let few = ["toy", "--inputs", "40", "--updates", "3", "--per-decade", "1", "--rate-min", "1e-1"];
        let rules = ["--reset-gradient", "full", "--optimisers", "sgd", "--seeds", seeds];
        let (status, stdout, stderr) =
            resurge(&[&few[..], &rules, &["--out", out.to_str().unwrap()]].concat());
        assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
        files(&out)
    };
    let three = sweep("three", "3");
    assert_eq!(sweep("range", "1-3"), three);
    assert!(String::from_utf8_lossy(&three["settings.json"]).contains("\"seeds\": 3"));
    // Finished in the same directory, however they are written.
    assert_eq!(sweep("three", "1,2,3"), three);
    let listed = sweep("listed", "3,9");
    let rows = |files: &BTreeMap<String, Vec<u8>>| {
        let text = String::from_utf8(files["seeds.csv"].clone()).unwrap();
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rows(&listed).len(), 2);
    assert_eq!(rows(&listed)[0], rows(&three)[2]);
    assert!(rows(&listed)[1].starts_with("9,"));
    assert!(String::from_utf8_lossy(&listed["losses.csv"]).contains(",rate,seed_3,seed_9\n"));
    assert!(String::from_utf8_lossy(&listed["rasters.csv"]).contains("\n9,full,"));
}
