//! `resurge compare` as a user runs it.

use crate::place::{Place, resurge};
use std::process::Stdio;
use std::time::{Duration, Instant};

const TRIALS: [&str; 4] = ["full-seed1", "detached-seed1", "full-seed2", "detached-seed2"];

#[test]
fn trials_are_those_of_train_are_marked_and_are_not_run_again() {
    let place = Place::new();
    // A trial that was run on its own.
    let train =
        "train mnist --preset small --no-verify --epochs 2 --limit 100 --reset-gradient detached --seed 2";
    let mut arguments: Vec<String> = train.split(' ').map(str::to_owned).collect();
    for (option, name) in [("--data", "data"), ("--out", "out/trials/detached-seed2")] {
        arguments.extend([option.to_owned(), place.path(name).to_str().unwrap().to_owned()]);
    }
    assert_eq!(resurge(&arguments).0, 0);
    let files = |out: &str| place.files(out, |name| name.starts_with("log") || name.ends_with("safetensors"));
    let alone = files("out");
    let (status, stdout, stderr) = place.compare("out", &["--limit", "100"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("\ndetached-seed2 was done before\n"), "{stdout}");
    assert!(stdout.contains("full-seed1, epoch 2/2: loss "), "{stdout}");
    assert!(!place.path("out/trials/detached-seed2/time.json").exists(), "nobody took its time");
    // All the same where the comparison runs every trial, one thread or two.
    assert_eq!(place.compare("other", &["--limit", "100", "--threads", "1"]).0, 0);
    let (one, other) = (files("out"), files("other"));
    assert_eq!(one.len(), 4 * 3);
    assert!(one == other);
    assert!(alone.iter().all(|(path, bytes)| one[path] == *bytes));
    // Marked everywhere.
    for name in ["md", "svg"] {
        let text = place.text(&format!("out/comparison.{name}"));
        assert!(text.contains("[subset of 100] [unverified files]"), "{name}");
    }
    let csv = place.text("out/comparison.csv");
    assert_eq!(csv.lines().count(), 1 + 4 * 2);
    assert!(csv.lines().skip(1).all(|line| line.contains(",false,mnist,100,false,")), "{csv}");
    let json: serde_json::Value = serde_json::from_str(&place.text("out/comparison.json")).unwrap();
    assert_eq!(
        (&json["subset"], &json["limit"], &json["verified"]),
        (&true.into(), &100.into(), &false.into())
    );
    let names: Vec<&str> =
        json["trials"].as_array().unwrap().iter().map(|t| t["id"].as_str().unwrap()).collect();
    assert_eq!(names, TRIALS);
    // Nothing is left to do.
    let before = place.files("out", |_| true);
    let (status, stdout, _) = place.compare("out", &["--limit", "100"]);
    assert_eq!((status, stdout.matches(" was done before").count()), (0, 4));
    assert!(place.files("out", |_| true) == before);
    // More seeds are added; other settings are refused.
    let (status, stdout, _) = place.compare("out", &["--limit", "100", "--seeds", "1-3"]);
    assert_eq!((status, stdout.matches(" was done before").count()), (0, 4));
    for (more, problem) in [
        (&["--limit", "100", "--seeds", "1-3", "--epochs", "3"][..], "epochs is 2 there and 3 here"),
        (&["--limit", "100"], "it has full-seed3, detached-seed3 too"),
        (&["--limit", "60", "--seeds", "1-3"], "at most 100 samples of each split there and at most 60"),
        (&["--limit", "100", "--seeds", "1-3", "--set", "clip=2"], "clip is 1.0 there and 2.0 here"),
    ] {
        let (status, _, stderr) = place.compare("out", more);
        assert!(status == 2 && stderr.contains("out/plan.json") && stderr.contains(problem), "{stderr}");
    }
}

#[cfg(unix)]
fn started(place: &Place, out: &str, more: &[&str]) -> std::process::Child {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("resurge"));
    command.args(place.arguments(out, more)).args(["--checkpoint-every", "1"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let second = place.path(&format!("{out}/trials/detached-seed1/checkpoint.safetensors"));
    let start = Instant::now();
    while !second.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "no second trial");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[cfg(unix)]
#[test]
fn a_killed_and_an_interrupted_comparison_go_on_to_the_same_bits() {
    use std::io::Read;
    let place = Place::new();
    let settings = ["--epochs", "4"];
    assert_eq!(place.compare("whole", &settings).0, 0);
    // All but the files with times.
    let all = |out: &str| {
        place.files(out, |name| !["time.json", "comparison.json", "comparison.md"].contains(&name))
    };
    let whole = all("whole");
    let trials = 4 * ["log.json", "log.csv", "checkpoint.safetensors"].len();
    assert_eq!(whole.len(), trials + ["plan.json", "comparison.csv", "comparison.svg"].len());
    let mut child = started(&place, "killed", &settings);
    child.kill().unwrap(); // SIGKILL
    assert_eq!(child.wait().unwrap().code(), None, "it was still running");
    // As it leaves one if it is killed in the middle of a write.
    std::fs::write(place.path("killed/trials/detached-seed1/.resurge-left.tmp"), "half").unwrap();
    let mut child = started(&place, "stopped", &settings);
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.contains("stopped in trial ") && stderr.contains("the same command goes on"), "{stderr}");
    for out in ["killed", "stopped"] {
        assert!(all(out) != whole, "it was not done");
        assert!(!place.path(&format!("{out}/comparison.md")).exists());
        let (status, stdout, stderr) = place.compare(out, &settings);
        assert_eq!((status, stderr.as_str()), (0, ""));
        assert!(stdout.contains("full-seed1 was done before"), "{stdout}");
        assert!(all(out) == whole, "{out}");
        // And these, but for the times.
        let without_times = |name: &str| {
            let mut json: serde_json::Value = serde_json::from_str(&place.text(name)).unwrap();
            assert_eq!(json["wall_time"].as_array().map(Vec::len), Some(4), "{json}");
            json.as_object_mut().unwrap().remove("wall_time");
            json
        };
        assert_eq!(without_times(&format!("{out}/comparison.json")), without_times("whole/comparison.json"));
    }
    // What was learnt before a stop and after it adds up.
    let time: serde_json::Value =
        serde_json::from_str(&place.text("stopped/trials/detached-seed1/time.json")).unwrap();
    assert_eq!(time[0]["samples"], 4 * 200, "{time}");
    assert!(time[0]["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_diverges_is_reported_and_the_rest_goes_on() {
    let place = Place::new();
    let settings = ["--set", "learning_rate=1e30", "--set", "clamp=0", "--cost", "2"];
    let (status, stdout, _) = place.compare("out", &settings);
    assert_eq!(status, 0, "{stdout}");
    let report = place.text("out/comparison.md");
    for id in TRIALS {
        assert!(
            stdout.contains(&format!("{id} diverged in epoch 1, batch 2: the weight of layer conv1")),
            "{stdout}"
        );
        assert!(report.contains(&format!("| {id} (**diverged** in epoch 1, batch 2: ")), "{report}");
    }
    assert!(report.contains("| full | 0 (2 diverged) | n/a | n/a | n/a |"), "{report}");
    assert!(report.contains("no pair of trials"), "{report}");
    let (status, stdout, _) = place.compare("out", &settings);
    assert_eq!((status, stdout.matches(" was done before").count()), (0, 4));
    assert_eq!(place.merge(&["out"], None).0, 0);
}

#[test]
fn wrong_settings_leave_no_plan_behind() {
    let place = Place::new();
    for (more, problem) in [
        (&["--epochs", "0"][..], "epochs is 0, but must be at least 1"),
        (&["--set", "layers=[\"conv 4 99\", \"linear 10\"]"], "conv"),
        (&["--seeds", "18446744073709551615-18446744073709551615"], "at most 9223372036854775807 (2^63 - 1)"),
    ] {
        let (status, _, stderr) = place.compare("out", more);
        assert!(status == 2 && stderr.contains(problem), "{stderr}");
        assert!(!place.path("out").exists(), "{more:?}");
    }
}

#[test]
fn the_cost_of_a_step_is_measured_in_pairs() {
    let place = Place::new();
    let (status, _, stderr) = place.compare("out", &["--seeds", "4-4", "--epochs", "1", "--cost", "3"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let cost: serde_json::Value = serde_json::from_str(&place.text("out/cost.json")).unwrap();
    assert_eq!(cost["reset_gradients"], serde_json::json!(["full", "detached"]));
    for rule in 0..2 {
        let times = cost["seconds"][rule].as_array().unwrap();
        assert_eq!(times.len(), 3);
        assert!(
            times.iter().all(|pair| pair[0].as_f64() > Some(0.0) && pair[1].as_f64() > Some(0.0)),
            "{cost}"
        );
        if cfg!(target_os = "linux") {
            let memory = |of: &str| cost["memory"][rule][of].as_u64().unwrap();
            // The network alone has 1,840 weights, and a process some megabytes.
            assert!(memory("before") > 1 << 20 && memory("peak") > memory("before"), "{cost}");
        }
    }
    let summary: serde_json::Value = serde_json::from_str(&place.text("out/comparison.json")).unwrap();
    assert_eq!(summary["cost"]["reference"], "detached");
    assert_eq!(summary["cost"]["reset_gradients"][1]["ratio"]["value"], 1.0, "of the reference to itself");
    let report = place.text("out/comparison.md");
    assert!(report.contains("| detached |") && report.contains("1.0000 (1.0000 to 1.0000)"), "{report}");
    // It is not measured again, and is part of what is merged.
    let before = place.text("out/cost.json");
    place.compare("out", &["--seeds", "4-4", "--epochs", "1", "--cost", "5"]);
    assert_eq!(place.text("out/cost.json"), before);
    assert_eq!(place.merge(&["out"], Some("merged")).0, 0);
    assert_eq!(place.text("merged/cost.json"), before);
    assert_eq!(place.text("merged/comparison.md"), report);
}

#[test]
fn bad_usage_is_named() {
    let place = Place::new();
    for (more, problem) in [
        (&["--reset-gradient", "half"][..], "no rule is named half"),
        (&["--reset-gradient", "full,full"], "reset-gradient: name one or more, each once"),
        (&["--seeds", "1,1"], "seeds: name one or more, each once"),
        (&["--seeds", "3-1"], "\"3-1\" of the seeds ends before it begins: write it as 1-3"),
        (&["--shard", "3/2"], "\"3/2\" is no shard"),
        (&["--set", "seed=4"], "setting seed differs from trial to trial: give --seeds instead"),
        (&["--set", " reset_gradient = full"], "give --reset-gradient instead"),
        (&["--data", "/nowhere"], "there is no directory /nowhere: name the one with the mnist files"),
    ] {
        let (status, _, stderr) = place.compare("out", more);
        assert!(status == 2 && stderr.contains(problem), "{stderr}");
    }
}

#[test]
fn a_trial_that_is_in_use_and_one_that_lost_its_checkpoint_are_not_run() {
    let place = Place::new();
    let settings = ["--epochs", "1", "--limit", "40"];
    let directory = place.path("out/trials/full-seed1");
    let claim = resurge::Claim::of(&directory).unwrap();
    let (status, _, stderr) = place.compare("out", &settings);
    assert_eq!(status, 2);
    assert!(stderr.contains("full-seed1 is in use by another run") && stderr.contains("--shard"), "{stderr}");
    drop(claim);
    assert_eq!(place.compare("out", &settings).0, 0);
    // As a log that was copied, of a trial that is not done.
    std::fs::remove_file(directory.join("checkpoint.safetensors")).unwrap();
    let log =
        place.text("out/trials/full-seed1/log.json").replace("\"finished\": true", "\"finished\": false");
    std::fs::write(directory.join("log.json"), &log).unwrap();
    let (status, _, stderr) = place.compare("out", &settings);
    assert_eq!(status, 2);
    assert!(stderr.contains("full-seed1 holds log.csv of a training, but no checkpoint"), "{stderr}");
    assert_eq!(place.text("out/trials/full-seed1/log.json"), log);
    // The costs are measured by one at a time.
    let cost = ["--epochs", "1", "--limit", "40", "--cost", "2"];
    let claim = resurge::Claim::of_part(&place.path("costs"), "cost").unwrap();
    let (status, _, stderr) = place.compare("costs", &cost);
    assert!(status == 2 && stderr.contains("costs is in use by another run"), "{stderr}");
    drop(claim);
    assert_eq!(place.compare("costs", &cost).0, 0);
}

/// What earlier versions took and wrote: a plan, a trial and a measured cost of theirs are gone on with.
#[test]
fn the_old_words_and_files_are_still_taken() {
    let place = Place::new();
    let few = ["--limit", "60", "--epochs", "1", "--cost", "1", "--seeds", "1"];
    let with = |option: &'static str, rules: &'static str| [&few[..], &[option, rules]].concat();
    let new = with("--reset-gradient", "full,scaled:0.5");
    let (status, _, stderr) = place.compare("out", &new);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let names = ["plan.json", "cost.json", "trials/scaled-0.5-seed1/log.json"];
    let written = names.map(|name| place.text(&format!("out/{name}")));
    let report = place.text("out/comparison.json");
    assert!(written[0].contains("\"reset_gradients\": [") && written[2].contains("\"scaled:0.5\""));
    assert!(report.contains("\"reset_gradient\": \"scaled:0.5\"") && !report.contains("\"rule"), "{report}");
    let csv = place.text("out/comparison.csv");
    assert!(csv.starts_with("trial,reset_gradient,seed,"), "{csv}");
    assert!(csv.contains("\nscaled-0.5-seed1,scaled:0.5,1,"), "{csv}");
    for (name, text) in names.iter().zip(&written) {
        let old = text.replace("reset_gradients", "rules").replace("scaled:0.5", "scaled-0.5");
        assert_ne!(*text, old, "{name}");
        std::fs::write(place.path("out").join(name), old).unwrap();
    }
    let tables = || ["json", "csv", "md", "svg"].map(|end| place.text(&format!("out/comparison.{end}")));
    let expected = tables();
    let (status, stdout, _) = place.compare("out", &with("--rules", "full,scaled-0.5"));
    assert_eq!((status, stdout.matches(" was done before").count()), (0, 2), "{stdout}");
    assert!(tables() == expected);
    assert_eq!(place.merge(&["out"], None).0, 0);
    assert!(tables() == expected);
    assert_eq!(place.text("out/plan.json"), written[0], "written anew in the new words");
}

#[test]
fn a_lone_number_of_seeds_is_how_many_and_it_is_said() {
    let place = Place::new();
    let one = ["--limit", "20", "--epochs", "1", "--reset-gradient", "full"];
    let seeds = |out: &str, text: &'static str| {
        let (status, _, stderr) = place.compare(out, &[&one[..], &["--seeds", text]].concat());
        assert_eq!(status, 0, "{stderr}");
        let plan: serde_json::Value = serde_json::from_str(&place.text(&format!("{out}/plan.json"))).unwrap();
        // A training has notices of its own: a layer that does not fire yet.
        let said = stderr.lines().filter(|line| line.contains("--seeds")).map(str::to_owned);
        (plan["seeds"].clone(), said.collect::<Vec<_>>())
    };
    let notice = "resurge: notice: --seeds 2 is the seeds 1 to 2; the seed 2 alone is --seeds 2-2";
    assert_eq!(seeds("two", "2"), (serde_json::json!([1, 2]), vec![notice.to_owned()]));
    assert_eq!(seeds("alone", "2-2"), (serde_json::json!([2]), vec![]));
    assert_eq!(seeds("range", "1-2"), (serde_json::json!([1, 2]), vec![]));
    assert_eq!(seeds("first", "1"), (serde_json::json!([1]), vec![]));
}
