//! Shards, and `resurge merge`.

use crate::place::{Place, resurge};
use std::process::Command;

const REPORTS: fn(&str) -> bool =
    |name| name != "time.json" && name != "log.csv" && !name.ends_with("safetensors");

/// Takes the times away, which are never the same.
fn timeless(place: &Place, out: &str) {
    for path in place.files(out, |name| name == "time.json").keys() {
        std::fs::remove_file(place.path(out).join(path)).unwrap();
    }
}

#[test]
fn shards_joined_are_the_whole_to_the_byte() {
    let place = Place::new();
    let (status, whole, _) = place.compare("whole", &["--threads", "1"]);
    assert_eq!(status, 0);
    for (shard, out) in [("1/3", "a"), ("3/3", "a"), ("2/3", "b")] {
        let (status, stdout, stderr) = place.compare(out, &["--shard", shard]);
        assert_eq!((status, stderr.as_str()), (0, ""));
        assert!(stdout.contains(&format!("shard {shard} is done. Of all, ")), "{stdout}");
        assert!(stdout.contains("join them with: resurge merge "), "{stdout}");
        assert!(!place.path(out).join("comparison.md").exists());
    }
    let weights = |out| place.files(out, |name| name.ends_with("safetensors"));
    let parts: std::collections::BTreeMap<_, _> = weights("a").into_iter().chain(weights("b")).collect();
    assert_eq!((weights("a").len(), weights("b").len()), (3, 1));
    assert!(parts == weights("whole"));
    let (status, stdout, stderr) = place.merge(&["b", "a"], Some("joined"));
    assert_eq!((status, stderr.as_str()), (0, ""));
    // But for the times, which come last.
    let table = |text: &str| {
        let before = text.split("Wall time of the trials").next().unwrap();
        before.split_once("mnist").expect("a heading").1.to_owned()
    };
    assert!(table(&stdout).len() > 200, "{stdout}");
    assert_eq!(table(&stdout), table(&whole));
    for out in ["whole", "joined"] {
        assert!(place.text(&format!("{out}/comparison.md")).contains("\n## Wall time of the trials\n"));
        timeless(&place, out);
        assert_eq!(place.merge(&[out], None).0, 0);
    }
    let expected = place.files("whole", REPORTS);
    let names: Vec<String> = expected.keys().map(|path| path.to_str().unwrap().to_owned()).collect();
    assert_eq!(
        names[..5],
        ["comparison.csv", "comparison.json", "comparison.md", "comparison.svg", "plan.json"]
    );
    assert_eq!(names.len(), 5 + 4);
    assert!(place.files("joined", REPORTS) == expected);
    // From the logs alone, without a plan.
    place.copy_logs("whole", "logs");
    assert_eq!(place.merge(&["logs"], None).0, 0);
    for name in ["comparison.csv", "comparison.json", "comparison.md", "comparison.svg"] {
        assert!(place.text(&format!("logs/{name}")) == place.text(&format!("whole/{name}")), "{name}");
    }
    // A trial that was begun is on the list, also where its seed has no log yet.
    std::fs::remove_file(place.path("logs/plan.json")).unwrap();
    std::fs::create_dir(place.path("logs/trials/full-seed9")).unwrap();
    let (status, _, stderr) = place.merge(&["logs"], None);
    assert!(status == 2 && stderr.contains("detached-seed9") && stderr.contains("full-seed9"), "{stderr}");
}

#[test]
fn parts_that_are_missing_or_do_not_belong_together_are_named() {
    let place = Place::new();
    for (shard, out) in [("1/2", "a"), ("2/2", "b")] {
        assert_eq!(place.compare(out, &["--shard", shard]).0, 0);
    }
    let refused = |parts: &[&str], problems: &[&str]| {
        let (status, _, stderr) = place.merge(parts, Some("joined"));
        assert_eq!(status, 2, "{stderr}");
        for problem in problems {
            assert!(stderr.contains(problem), "{problem}: {stderr}");
        }
    };
    refused(&["a"], &["2 of 4 trials are missing: detached-seed1, detached-seed2; run them"]);
    refused(&["a", "nowhere"], &["nowhere"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    refused(&["a", "empty"], &["empty has neither trials of a comparison", "nor journals of a toy sweep"]);
    // Other settings, another list, other data, in the plan; then in logs alone.
    let other = |out: &str, more: &[&str]| {
        assert_eq!(place.compare(out, &[&["--shard", "2/2"], more].concat()).0, 0);
        place.copy_logs(out, &format!("{out}-logs"));
    };
    other("clip", &["--set", "clip=2"]);
    other("seeds", &["--seeds", "1-3"]);
    other("limit", &["--limit", "100"]);
    other("long", &["--epochs", "3"]);
    refused(
        &["a", "clip"],
        &["clip/plan.json does not belong", "a/plan.json: clip is 2.0 there and 1.0 here"],
    );
    refused(&["a", "clip-logs"], &["clip-logs/trials/detached-seed1 does not belong", "clip is 2.0 there"]);
    refused(&["a", "seeds"], &["seeds/plan.json does not belong", "another list of trials"]);
    refused(
        &["a", "b", "seeds-logs"],
        &["seeds-logs/trials/full-seed2 does not belong"].map(|_| "seeds-logs/trials/"),
    );
    refused(
        &["a", "limit"],
        &["limit/plan.json does not belong", "at most 100 samples of each split there and all samples here"],
    );
    refused(
        &["a", "limit-logs"],
        &[
            "limit-logs/trials/detached-seed1 does not belong",
            "at most 100 samples of each split there and all samples here",
        ],
    );
    refused(&["a", "long-logs"], &["epochs is 3 there and 2 here"]);
    // Other samples of the same number.
    let images = place.path("data/t10k-images-idx3-ubyte");
    let mut bytes = std::fs::read(&images).unwrap();
    let good = bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&images, bytes).unwrap();
    other("samples", &[]);
    std::fs::write(&images, good).unwrap();
    refused(&["a", "samples"], &["samples/plan.json does not belong", "other samples, by their digest"]);
    // A log by another version, of another trial, cut short, damaged; a trial that is not done; a name that is none.
    let log = "bad/trials/detached-seed1/log.json";
    place.copy_logs("b", "bad");
    let text = place.text(log);
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    for (from, to, problem) in [
        (&version[..], "\"version\": \"0.0.9\"", "bad/trials/detached-seed1 does not belong"),
        ("\"seed\": 1", "\"seed\": 7", "of detached and seed 7, but its directory is named detached-seed1"),
        ("\"epoch\": 2", "\"epoch\": 3", "log.json: epochs are missing"),
        ("\"finished\": true", "\"finished\": 1", "log.json: invalid type"),
        ("\"finished\": true", "\"finished\": false", "missing: detached-seed1 (2 of 2 epochs);"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        std::fs::write(place.path(log), text.replacen(from, to, 1)).unwrap();
        refused(&["a", "bad"], &[problem]);
    }
    // The same trial twice is fine; twice and different is not.
    std::fs::write(place.path(log), text.replacen("\"gradient_norm\": ", "\"gradient_norm\": 1", 1)).unwrap();
    refused(
        &["a", "b", "bad"],
        &["bad/trials/detached-seed1", "b/trials/detached-seed1", "not the same log"],
    );
    std::fs::write(place.path(log), &text).unwrap();
    assert_eq!(place.merge(&["a", "b", "bad"], Some("joined")).0, 0);
    std::fs::create_dir(place.path("bad/trials/half-seed1")).unwrap();
    refused(&["a", "bad"], &["bad/trials/half-seed1: no trial has this name"]);
    let (status, _, stderr) = place.merge(&["a", "b"], None);
    assert!(status == 2 && stderr.contains("name it with --out"), "{stderr}");
    // A later merge does not mix with an earlier one of something else.
    assert_eq!(place.compare("clip", &["--set", "clip=2"]).0, 0);
    let (status, _, stderr) = place.merge(&["clip"], Some("joined"));
    assert!(status == 2 && stderr.contains("joined/plan.json does not belong"), "{stderr}");
}

const TOY: &str =
    "toy --inputs 40 --seeds 3 --updates 12 --per-decade 1 --rate-min 1e-3 --reset-gradient full,detached";

fn toy(place: &Place, out: &str, more: &[&str]) -> (i32, String, String) {
    let mut arguments: Vec<String> = TOY.split(' ').map(str::to_owned).collect();
    arguments.extend(["--out".to_owned(), place.path(out).to_str().unwrap().to_owned()]);
    arguments.extend(more.iter().map(ToString::to_string));
    resurge(&arguments)
}

#[test]
fn shards_of_the_toy_task_joined_are_the_whole_to_the_byte() {
    let place = Place::new();
    assert_eq!(toy(&place, "whole", &[]).0, 0);
    for (shard, out) in [("1/4", "a"), ("2/4", "a"), ("3/4", "b"), ("4/4", "a")] {
        let (status, stdout, stderr) = toy(&place, out, &["--shard", shard]);
        assert_eq!((status, stderr.as_str()), (0, ""));
        assert!(
            stdout
                .starts_with(&format!("shard {shard} is done; when all are, join them with: resurge merge ")),
            "{stdout}"
        );
    }
    let refused = |parts: &[&str], problem: &str| {
        let (status, _, stderr) = place.merge(parts, Some("joined"));
        assert!(status == 2 && stderr.contains(problem), "{problem}: {stderr}");
    };
    refused(&["a"], "1 of 6 units of the sweep are missing, such as seed 2 by rule full; run the shards");
    assert_eq!(place.merge(&["a", "b"], Some("joined")).0, 0);
    assert!(place.files("joined", |_| true) == place.files("whole", |_| true));
    // A shard that was killed goes on; here one that wrote half a line.
    let (journal, name) = (place.text("a/journal-1-of-4.jsonl"), place.path("a/journal-1-of-4.jsonl"));
    std::fs::write(&name, &journal[..journal.len() - 40]).unwrap();
    refused(&["a", "b"], "1 of 6 units of the sweep are missing, such as seed ");
    assert_eq!(toy(&place, "a", &["--shard", "1/4"]).0, 0);
    assert_eq!(place.text("a/journal-1-of-4.jsonl"), journal);
    // Parts that do not belong together.
    let other = |text: String| {
        std::fs::create_dir_all(place.path("c")).unwrap();
        std::fs::write(place.path("c/journal-9-of-9.jsonl"), text).unwrap();
    };
    other(journal.replacen("\"updates\":12", "\"updates\":11", 1).lines().next().unwrap().to_owned() + "\n");
    refused(&["a", "b", "c"], "c/journal-9-of-9.jsonl is not of the same sweep as ");
    refused(&["a", "b", "c"], "updates: 11, 12");
    let version = format!("\"resurge\":\"{}\"", env!("CARGO_PKG_VERSION"));
    other(journal.replacen(&version, "\"resurge\":\"0.0.9\"", 1));
    refused(&["a", "b", "c"], "\", \"0.0.9\"; give that run's settings");
    other(journal.replacen("\"unit\":0,", "\"unit\":4,", 1));
    refused(&["a", "b", "c"], "is another result");
    assert_eq!(place.compare("trials", &["--shard", "1/4"]).0, 0);
    refused(&["a", "trials"], "is of a toy sweep and ");
}

#[test]
fn shards_run_side_by_side() {
    let place = Place::new();
    let arguments = place.arguments("out", &["--threads", "1", "--shard"]);
    let binary = assert_cmd::cargo::cargo_bin!("resurge");
    let parallel = Command::new("parallel").arg("--version").output();
    // GNU's, not that of moreutils, which has the same name.
    if parallel.is_ok_and(|output| output.stdout.starts_with(b"GNU parallel")) {
        let mut command = Command::new("parallel");
        command.args(["--will-cite", "--halt", "now,fail=1", "--jobs", "2"]).arg(binary).args(&arguments);
        let output = command.args(["{}/3", ":::", "1", "2", "3"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    } else {
        for shard in ["1/3", "2/3", "3/3"] {
            assert_eq!(resurge(&[&arguments[..], &[shard.to_owned()]].concat()).0, 0);
        }
    }
    assert_eq!(place.merge(&["out"], None).0, 0);
    assert_eq!(place.compare("whole", &[]).0, 0);
    assert_eq!(place.text("out/comparison.csv"), place.text("whole/comparison.csv"));
}
