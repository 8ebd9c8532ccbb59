//! `resurge train` and `resurge data` as a user runs them.

use crate::place::{Place, resurge};
use assert_cmd::Command;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn a_training_writes_its_logs_and_marks_what_it_is_of() {
    let place = Place::new();
    let (status, stdout, stderr) = place
        .train("out", &["--limit", "100", "--epochs", "2", "--reset-gradient", "detached", "--seed", "7"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{stdout}");
    assert!(lines[0].starts_with("epoch 1/2: loss "), "{stdout}");
    assert_eq!(lines[2], format!("Written to {}", place.path("out")));
    assert!(lines[..2].iter().all(|line| line.ends_with(" [subset of 100] [unverified files]")), "{stdout}");
    let csv = String::from_utf8(place.read("out/log.csv")).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0][..5], ["dataset", "subset", "verified", "epoch", "updates"]);
    assert_eq!(rows[0][10..], ["rate_conv1", "rate_linear2"]);
    assert_eq!(rows[2][..5], ["mnist", "100", "false", "2", "10"]);
    let log: serde_json::Value = serde_json::from_slice(&place.read("out/log.json")).unwrap();
    assert_eq!(
        (&log["dataset"], &log["subset"], &log["verified"]),
        (&"mnist".into(), &true.into(), &false.into())
    );
    assert_eq!(
        (&log["limit"], &log["train_samples"], &log["test_samples"]),
        (&100.into(), &100.into(), &40.into())
    );
    assert_eq!(log["config"]["reset_gradient"], "detached");
    assert_eq!((&log["config"]["seed"], &log["finished"]), (&7.into(), &true.into()));
    assert_eq!(log["epochs"].as_array().unwrap().len(), 2);
    assert_eq!(log["epochs"][1]["train_accuracy"].to_string(), rows[2][6]);
    // What is there is not overwritten; and it can be made longer, with what it is of known from the checkpoint.
    let (status, _, stderr) = place.train("out", &[]);
    assert_eq!(status, 2);
    assert!(
        stderr.contains("holds a training; go on with --resume, or choose another directory"),
        "{stderr}"
    );
    let (status, stdout, stderr) = resurge(&[
        "train",
        "mnist",
        "--data",
        &place.path("data"),
        "--out",
        &place.path("out"),
        "--resume",
        "--epochs",
        "3",
    ]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(
        stdout.starts_with("epoch 3/3: ")
            && stdout.contains(" [subset of 100] [unverified files]\nWritten to "),
        "{stdout}"
    );
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts a training that writes a checkpoint after every batch, and waits for some to be written.
#[cfg(unix)]
fn started(place: &Place, out: &str, more: &[&str]) -> std::process::Child {
    use std::os::unix::fs::MetadataExt;
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("resurge"));
    command.args(place.arguments(out, more)).args(["--checkpoint-every", "1"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let path = place.path(&format!("{out}/checkpoint.safetensors"));
    // A renamed file is another file.
    let inode = || std::fs::metadata(Path::new(&path)).map(|metadata| metadata.ino()).ok();
    let mut seen = Vec::new();
    wait_for("checkpoints", || {
        if let Some(inode) = inode().filter(|inode| seen.last() != Some(inode)) {
            seen.push(inode);
        }
        seen.len() >= 6
    });
    child
}

#[cfg(unix)]
#[test]
fn a_killed_training_goes_on_to_the_same_bits_on_any_number_of_threads() {
    let place = Place::new();
    let settings = ["--epochs", "10", "--seed", "3"];
    assert_eq!(place.train("whole", &[&settings[..], &["--threads", "1"]].concat()).0, 0);
    let mut child = started(&place, "killed", &[&settings[..], &["--threads", "2"]].concat());
    child.kill().unwrap(); // SIGKILL
    assert_eq!(child.wait().unwrap().code(), None, "it was still running");
    let log = String::from_utf8(place.read("killed/log.csv")).unwrap();
    assert!(log.lines().count() <= 10, "it was not done: {log}");
    let (status, _, stderr) = place.train("killed", &[&settings[..], &["--resume"]].concat());
    assert_eq!((status, stderr.as_str()), (0, ""));
    for file in ["checkpoint.safetensors", "log.csv", "log.json"] {
        assert!(place.read(&format!("killed/{file}")) == place.read(&format!("whole/{file}")), "{file}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_training_saves_and_ends_cleanly() {
    use std::io::Read;
    let place = Place::new();
    let settings = ["--epochs", "10"];
    assert_eq!(place.train("whole", &settings).0, 0);
    let mut child = started(&place, "stopped", &settings);
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.contains("and saved in ") && stderr.contains("go on with --resume"), "{stderr}");
    assert_eq!(place.train("stopped", &[&settings[..], &["--resume"]].concat()).0, 0);
    assert!(place.read("stopped/checkpoint.safetensors") == place.read("whole/checkpoint.safetensors"));
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let place = Place::new();
    let short = ["--epochs", "1", "--limit", "20"];
    assert_eq!(place.train("out", &short).0, 0);
    let path = place.path("out/checkpoint.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (status, _, stderr) = place.train("out", &["--resume"]);
    assert_eq!(status, 2);
    assert!(stderr.contains(&path) && stderr.contains("damaged"), "{stderr}");
    let (status, _, stderr) = place.train("nowhere", &["--resume"]);
    assert_eq!(status, 2);
    assert!(stderr.contains("nothing to resume"), "{stderr}");
}

#[test]
fn bad_settings_bad_data_and_divergence_are_named() {
    let place = Place::new();
    let expected: [(&[&str], i32, &str); 5] = [
        (&["--set", "stepps=3"], 2, "setting stepps is unknown"),
        (&["--reset-gradient", "half"], 2, "no rule is named half"),
        (
            &["--set", "layers=[\"linear 9\"]"],
            2,
            "layer 1, \"linear 9\": the last layer must be \"linear 10\"",
        ),
        (
            &["--set", "learning_rate=1e30", "--set", "clamp=0"],
            1,
            "epoch 1, batch 2 (update 2): the weight of layer conv1",
        ),
        (
            &["--set", "gain=1e38", "--set", "mean=[-30.0]"],
            1,
            "the current of layer conv1 is not finite in time step 0",
        ),
    ];
    for (index, (arguments, status, message)) in expected.into_iter().enumerate() {
        let (found, _, stderr) = place.train(&format!("out{index}"), arguments);
        assert_eq!(found, status, "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
    // A setting that does not fit the data is no fault of the data.
    let means = ["--set", "mean=[0.5,0.5]"];
    let data = ["--no-verify", "--data", &place.path("data")];
    let elsewhere = ["--out", &place.path("mean")];
    for command in [&["train", "mnist"][..], &["compare", "mnist"], &["diagnose", "--dataset", "mnist"]] {
        let (status, _, stderr) = resurge(&[command, &data, &elsewhere, &means].concat());
        let said = "resurge: setting mean has 2 numbers, but the images have 1 channel; ";
        assert!(status == 2 && stderr.starts_with(said), "{command:?}: {stderr}");
    }
    // And data that do not fit each other are not mended by another option.
    let path = place.path("data/train-labels-idx1-ubyte");
    let mut labels = std::fs::read(&path).unwrap();
    labels.truncate(8 + 290);
    labels[4..8].copy_from_slice(&290u32.to_be_bytes());
    std::fs::write(&path, labels).unwrap();
    let (status, _, stderr) = place.train("labels", &[]);
    let said = "290 labels found, but ";
    assert!(status == 2 && stderr.contains(said) && stderr.contains(" has 400 images"), "{stderr}");
    assert!(!stderr.contains("without verification"), "{stderr}");
    // The files are not the official ones.
    let (status, _, stderr) =
        resurge(&["train", "mnist", "--data", &place.path("data"), "--out", &place.path("official")]);
    assert_eq!(status, 2);
    assert!(
        stderr.contains("train-images-idx3-ubyte: sha256 ") && stderr.contains("official file has"),
        "{stderr}"
    );
}

#[test]
fn data_are_checked_and_fetching_off_line_says_so() {
    let place = Place::new();
    let (status, stdout, _) = resurge(&["data", "check", &place.path("data")]);
    assert_eq!((status, stdout.lines().count()), (1, 4), "{stdout}");
    assert!(stdout.lines().all(|line| line.starts_with("mnist         wrong checksum ")), "{stdout}");
    // Two sets of the same names, each in its folder of torchvision, or one beside the other's folder.
    for first in ["both/MNIST/raw", "beside"] {
        crate::data::write_bars(std::path::Path::new(&place.path(first)), 20, 10);
        let other = if first == "beside" { "beside/FashionMNIST/raw" } else { "both/FashionMNIST/raw" };
        crate::data::write_bars(std::path::Path::new(&place.path(other)), 30, 10);
        let dir = place.path(first.split('/').next().unwrap());
        let (status, stdout, _) = resurge(&["data", "check", &dir]);
        assert_eq!((status, stdout.lines().count()), (1, 8), "{stdout}");
        let of = |name: &str| stdout.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!((of("mnist "), of("fashion-mnist ")), (4, 4), "{stdout}");
        assert_eq!(stdout.matches("/FashionMNIST/raw/").count(), 4, "{stdout}");
    }
    std::fs::create_dir(place.path("empty")).unwrap();
    let (status, _, stderr) = resurge(&["data", "check", &place.path("empty")]);
    assert_eq!(status, 1);
    assert!(stderr.contains("holds no file of mnist, fashion-mnist, nmnist, cifar10"), "{stderr}");
    if cfg!(feature = "fetch") {
        let mut command = Command::cargo_bin("resurge").unwrap();
        // A proxy that is not there: no machine's connection matters.
        for proxy in ["ALL_PROXY", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
            command.env(proxy, "http://127.0.0.1:9");
        }
        let output = command.args(["data", "fetch", "mnist", "--data", &place.path("new")]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr.contains("no connection to https://") && stderr.contains("go on-line"), "{stderr}");
    }
}

/// The Python version of CIFAR-10, as torchvision leaves it: named, with what to fetch.
#[test]
fn another_version_of_a_set_is_named_by_check() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("cifar-10-batches-py")).unwrap();
    let output =
        Command::cargo_bin("resurge").unwrap().args(["data", "check"]).arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("cifar10") && stdout.contains("another set"), "{stdout}");
    assert!(stdout.contains("Python version") && stdout.contains("cifar-10-binary.tar.gz"), "{stdout}");
}
