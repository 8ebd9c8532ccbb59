//! What was computed is not lost: by a second run, by a resumption of something else, by two
//! signals, by a full disk.

use crate::place::Place;
use resurge::Claim;
use resurge::train::Checkpoint;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// All files of a directory.
fn files(directory: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
}

fn assert_refused(result: &(i32, String, String), parts: &[&str]) {
    let (status, stdout, stderr) = result;
    assert_eq!((*status, stdout.as_str()), (2, ""), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "no {part:?} in {stderr}");
    }
}

const SHORT: [&str; 4] = ["--epochs", "2", "--limit", "40"];

#[test]
fn a_directory_that_another_run_writes_into_is_refused() {
    let place = Place::new();
    let out = place.path("out");
    let claim = Claim::of(out.as_ref()).unwrap();
    let named = [&out[..], "is in use by another run", "choose another directory with --out"];
    assert_refused(&place.train("out", &SHORT), &named);
    drop(claim);
    assert!(!Path::new(&out).exists());
    assert_eq!(place.train("out", &SHORT).0, 0);
    let before = files(&out);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["checkpoint.safetensors", "log.csv", "log.json"]);
    let claim = Claim::of(out.as_ref()).unwrap();
    assert_refused(&place.train("out", &[&SHORT[..], &["--resume"]].concat()), &named);
    drop(claim);
    assert!(files(&out) == before);
    // A run that cannot begin leaves no directory behind.
    assert_eq!(place.train("new/of/mine", &["--set", "batch=0"]).0, 2);
    assert!(!Path::new(&place.path("new")).exists());
}

#[test]
fn logs_without_a_checkpoint_are_not_overwritten() {
    let place = Place::new();
    assert_eq!(place.train("out", &SHORT).0, 0);
    std::fs::remove_file(place.path("out/checkpoint.safetensors")).unwrap();
    let before = files(&place.path("out"));
    for resume in [&[][..], &["--resume"]] {
        let result = place.train("out", &[&SHORT[..], resume].concat());
        assert_refused(&result, &["out holds log.csv", "no checkpoint to go on from", "move the logs away"]);
        assert!(files(&place.path("out")) == before);
    }
    // One of the two logs is enough.
    std::fs::remove_file(place.path("out/log.csv")).unwrap();
    assert_refused(&place.train("out", &SHORT), &["out holds log.json"]);
}

#[test]
fn fewer_epochs_than_are_done_change_nothing_and_no_more_is_nothing_to_do() {
    let place = Place::new();
    assert_eq!(place.train("out", &SHORT).0, 0);
    let before = files(&place.path("out"));
    let resumed = |epochs: &str| place.train("out", &["--limit", "40", "--resume", "--epochs", epochs]);
    let parts = ["1 epoch is asked for, but 2 are done; nothing was changed. Ask for 2 or more"];
    assert_refused(&resumed("1"), &parts);
    assert!(files(&place.path("out")) == before);
    let (status, stdout, stderr) = resumed("2");
    assert_eq!((status, stderr.as_str()), (0, ""));
    let expected = format!("nothing to do: all 2 epochs are done, in {}; ask for more", place.path("out"));
    assert!(stdout.starts_with(&expected), "{stdout}");
    assert!(files(&place.path("out")) == before);
    let (status, stdout, _) = place.train("none", &["--limit", "40", "--epochs", "0"]);
    assert_eq!(status, 0);
    assert!(stdout.starts_with("nothing to do: 0 epochs are asked for; the initial weights are"), "{stdout}");
    // A rate that falls to 0 in so many epochs leaves none to add.
    let cosine = [&SHORT[..], &["--set", "schedule=cosine"]].concat();
    assert_eq!(place.train("cosine", &cosine).0, 0);
    let (_, stdout, _) = place.train("cosine", &[&cosine[..], &["--resume"]].concat());
    assert!(stdout.contains("all 2 epochs are done") && stdout.contains("cannot be made longer"), "{stdout}");
}

#[test]
fn other_samples_of_the_same_number_are_noticed() {
    let place = Place::new();
    assert_eq!(place.train("out", &SHORT).0, 0);
    let before = files(&place.path("out"));
    let more = ["--epochs", "3", "--resume"];
    for (file, split) in [
        ("train-images-idx3-ubyte", "training"),
        ("train-labels-idx1-ubyte", "training"),
        ("t10k-images-idx3-ubyte", "test"),
        ("t10k-labels-idx1-ubyte", "test"),
    ] {
        let path = place.path(&format!("data/{file}"));
        let right = std::fs::read(&path).unwrap();
        let mut other = right.clone();
        // A pixel, or the label, of the first image: 0 to 255, or class 0 to 1.
        other[if file.contains("images") { 16 } else { 8 }] ^= 1;
        std::fs::write(&path, other).unwrap();
        let parts =
            [&format!("the {split} samples are as many, but not the same")[..], "resume with the same data"];
        assert_refused(&place.train("out", &more), &parts);
        assert!(files(&place.path("out")) == before);
        std::fs::write(&path, right).unwrap();
    }
    // A checkpoint of before the digests were kept: that they cannot be checked is said.
    let path = place.path("out/checkpoint.safetensors");
    let old = Checkpoint { samples_sha256: None, ..Checkpoint::read(path.as_ref()).unwrap() };
    old.write(path.as_ref()).unwrap();
    let (status, stdout, stderr) = place.train("out", &more);
    assert!(status == 0 && stdout.starts_with("epoch 3/3"), "{stderr}");
    assert!(stderr.contains("without a digest of its samples") && stderr.lines().count() == 1, "{stderr}");
    assert!(Checkpoint::read(path.as_ref()).unwrap().samples_sha256.is_some());
}

/// A training of batches that each take long enough for two signals, which writes nothing but at
/// the ends of epochs.
#[cfg(unix)]
fn spawn(place: &Place, out: &str, more: &[&str]) -> std::process::Child {
    let slow = ["--set", "batch=400", "--set", "part=400", "--threads", "1", "--epochs", "400"];
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("resurge"));
    command.args(place.arguments(out, &[&slow[..], more].concat()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (path, start) = (place.path(&format!("{out}/checkpoint.safetensors")), Instant::now());
    while !Path::new(&path).exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[cfg(unix)]
#[test]
fn two_signals_at_once_are_one() {
    let place = Place::new();
    let child = spawn(&place, "out", &[]);
    let id = child.id().to_string();
    // What `timeout` does: the process, then its group.
    for signal in ["-TERM", "-TERM"] {
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("and saved in ") && stderr.contains("go on with --resume"), "{stderr}");
    assert!(Checkpoint::read(place.path("out/checkpoint.safetensors").as_ref()).is_ok());
    assert!(!Path::new(&place.path("out/.resurge.lock")).exists());
}

/// As the disk of the redirected output is full.
#[cfg(target_os = "linux")]
#[test]
fn a_training_whose_lines_cannot_be_written_saves_and_says_so() {
    let place = Place::new();
    let settings = ["--epochs", "3", "--limit", "40"];
    assert_eq!(place.train("whole", &settings).0, 0);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("resurge"));
    let output = command.args(place.arguments("out", &settings)).stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    for part in ["cannot write to standard output", "saved in ", "go on with --resume"] {
        assert!(stderr.contains(part), "{stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_eq!(place.train("out", &[&settings[..], &["--resume"]].concat()).0, 0);
    assert!(files(&place.path("out")) == files(&place.path("whole")));
    // A reader that closes early, such as `head`, stops nothing.
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("resurge"));
    command.args(place.arguments("piped", &settings)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(files(&place.path("piped")) == files(&place.path("whole")));
}
