//! `resurge diagnose` as a user runs it.
// Tests write whatever they need.
#![allow(clippy::disallowed_methods)]

use assert_cmd::Command;
use resurge::diagnose::{DIAGNOSIS_FILES, Diagnosis, MAP_FILES, PhaseMap};
use resurge::train::{Checkpoint, Config, Network, Origin, Preset, Progress};
use std::collections::BTreeMap;
use std::path::Path;

fn resurge(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("resurge").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn into(out: &Path, arguments: &[&str]) -> (i32, String, String) {
    resurge(&[&["diagnose", "--out", out.to_str().unwrap()], arguments].concat())
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
}

#[test]
fn a_fresh_network_the_same_on_any_threads_and_from_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let [one, two, again] = ["one", "two", "again"].map(|name| directory.path().join(name));
    let fresh =
        ["--preset", "small", "--set", "gain=4", "--samples", "6", "--seed", "7", "--input-rate", "0.2"];
    let (status, stdout, stderr) = into(&one, &[&fresh[..], &["--threads", "1"]].concat());
    assert_eq!((status, stderr.as_str()), (0, ""));
    for text in [
        "fresh weights of preset small with gain=4, seed 7",
        "6 synthetic samples of the size of mnist: Bernoulli spikes of rate 0.2, filtered; seed 7",
        "conv1",
        "linear2",
        "missing",
    ] {
        assert!(stdout.contains(text), "{text}: {stdout}");
    }
    let expected = files(&one);
    let mut names = [&DIAGNOSIS_FILES[..], &["depth.svg", "lags.svg", "products.svg"]].concat();
    names.sort_unstable();
    assert_eq!(expected.keys().collect::<Vec<_>>(), names);
    // Of what an earlier diagnosis drew nothing stays that this one does not draw.
    let one_step = [
        "--preset",
        "small",
        "--samples",
        "2",
        "--set",
        "gain=4",
        "--set",
        "steps=1",
        "--set",
        "loss=kernel 1",
    ];
    into(&two, &one_step);
    assert!(two.join("depth.svg").exists() && !two.join("products.svg").exists());
    into(&two, &[&fresh[..], &["--threads", "2"]].concat());
    assert_eq!(files(&two), expected);
    assert_eq!(into(&again, &["--from", one.to_str().unwrap()]).0, 0);
    assert_eq!(files(&again), expected);
    into(&again, &one_step);
    assert!(!again.join("products.svg").exists());
    let diagnosis = Diagnosis::read(&one).unwrap();
    assert_eq!((diagnosis.samples, diagnosis.config.seed, diagnosis.lags.len()), (6, 7, 5));
    // A header; the network and its lags; of each layer gradient, adjoint, lags and products.
    let rows = String::from_utf8(expected["diagnosis.csv"].clone()).unwrap().lines().count();
    assert_eq!(rows, 1 + (1 + 5) + 2 * (2 + 5 + 4));
}

#[test]
fn a_checkpoint_is_diagnosed_with_its_own_weights_and_settings() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let config = Config::preset(Preset::Small).with(&["gain=4", "seed=3"]).unwrap();
    let network = Network::new(&config, [1, 28, 28], 10).unwrap();
    let weights = network.names().iter().cloned().zip(network.init::<f32>(3).unwrap()).collect();
    let dataset = "mnist".to_owned();
    let origin = Origin { dataset, limit: None, verified: true, train_samples: 1, test_samples: 1 };
    let progress = Progress { epochs: 2, ..Progress::default() };
    let checkpoint =
        Checkpoint { origin, config, progress, weights, moments: [vec![], vec![]], samples_sha256: None };
    checkpoint.write(&path("c.safetensors")).unwrap();
    let file = path("c.safetensors").to_str().unwrap().to_owned();
    let (status, stdout, stderr) = into(&path("of-file"), &[&file, "--samples", "4"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("c.safetensors after 2 epochs on mnist"), "{stdout}");
    let (status, ..) =
        into(&path("fresh"), &["--preset", "small", "--set", "gain=4", "--seed", "3", "--samples", "4"]);
    assert_eq!(status, 0);
    let [of_file, fresh] = ["of-file", "fresh"].map(|name| Diagnosis::read(&path(name)).unwrap());
    // The checkpoint's weights are in single precision.
    let (a, b) = (of_file.gradient.full, fresh.gradient.full);
    assert!(a > 0.0 && (a - b).abs() < 1e-4 * b, "{a} {b}");

    let (status, _, stderr) = into(&path("x"), &[&file, "--dataset", "cifar10"]);
    assert!(status == 2 && stderr.contains("weight conv1 has shape [4, 1, 5, 5]"), "{stderr}");
    // The directory of a training stands for its checkpoint.
    std::fs::create_dir(path("run")).unwrap();
    let run = path("run").to_str().unwrap().to_owned();
    let (status, _, stderr) = into(&path("x"), &[&run]);
    assert!(status == 2 && stderr.contains("run holds no checkpoint.safetensors: name a dir"), "{stderr}");
    std::fs::create_dir(path("run/trials")).unwrap();
    let (_, _, stderr) = into(&path("x"), &[&run]);
    assert!(stderr.contains("such as ") && stderr.contains("run/trials/full-seed1"), "{stderr}");
    std::fs::copy(path("c.safetensors"), path("run/checkpoint.safetensors")).unwrap();
    let (status, stdout, _) = into(&path("of-run"), &[&run, "--samples", "4"]);
    assert!(status == 0 && stdout.contains("run/checkpoint.safetensors after 2 epochs on mnist"), "{stdout}");
    assert_eq!(Diagnosis::read(&path("of-run")).unwrap().gradient, of_file.gradient);
    let (status, _, stderr) = into(&path("x"), &["/nowhere.safetensors"]);
    assert!(status == 2 && stderr.contains("/nowhere.safetensors"), "{stderr}");
    assert!(!path("x").exists(), "nothing is written when nothing was found");
}

/// A network without spikes has no reset that could matter. Below 0.05 a neuron spikes in 5 steps less than once in four
/// samples.
#[test]
fn a_fresh_network_fires_in_every_layer() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    for preset in [&[][..], &["--preset", "small"]] {
        let (status, stdout, _) = into(&out, &[preset, &["--samples", "2"]].concat());
        assert!(status == 0 && stdout.contains(" with gain=3, seed 1"), "{stdout}");
        assert!(!stdout.contains("No neuron of"), "{stdout}");
        for layer in Diagnosis::read(&out).unwrap().layers {
            assert!(layer.firing_rate > 0.05, "{preset:?}: {} {}", layer.name, layer.firing_rate);
        }
    }
    // What was asked for is not changed.
    let (_, stdout, _) = into(&out, &["--preset", "small", "--set", "gain=1", "--samples", "1"]);
    assert!(stdout.starts_with("fresh weights of preset small with gain=1, seed 1\n1 synthetic sample of"));
    assert!(stdout.contains("would say more"), "{stdout}");
}

#[test]
fn a_map_the_same_on_any_threads_and_from_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let [one, two, again] = ["one", "two", "again"].map(|name| directory.path().join(name));
    let grid = [
        "--map",
        "--decays",
        "0.5,0.9",
        "--widths",
        "0.1,0.5",
        "--rates",
        "0.1,0.95",
        "--neurons",
        "50",
        "--steps",
        "40",
        "--repeats",
        "2",
        "--reset",
        "gated",
        "--surrogate",
        "triangle",
        "--seed",
        "5",
    ];
    let (status, stdout, stderr) = into(&one, &[&grid[..], &["--threads", "1"]].concat());
    assert_eq!((status, stderr.as_str()), (0, ""));
    for text in ["Reset gated, surrogate triangle, 50 neurons", "At 4 of 8 points", "seed 5"] {
        assert!(stdout.contains(text), "{text}: {stdout}");
    }
    let expected = files(&one);
    let mut names = [&MAP_FILES[..], &["map-missing.svg", "map-cosine.svg", "map-growth.svg"]].concat();
    names.sort_unstable();
    assert_eq!(expected.keys().collect::<Vec<_>>(), names);
    into(&two, &[&grid[..], &["--threads", "2"]].concat());
    assert_eq!(files(&two), expected);
    assert_eq!(into(&again, &["--map", "--from", one.to_str().unwrap()]).0, 0);
    assert_eq!(files(&again), expected);
    let map = PhaseMap::read(&one).unwrap();
    assert!(map.cells.iter().all(|cell| cell.met == (cell.rate == 0.1)));
}

#[test]
fn the_committed_figures_are_those_of_the_committed_data() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results/diagnose");
    let directory = tempfile::tempdir().unwrap();
    let (status, _, stderr) = into(directory.path(), &["--map", "--from", committed.to_str().unwrap()]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let committed = files(&committed);
    for (name, contents) in files(directory.path()) {
        assert!(committed.get(&name) == Some(&contents), "{name} differs");
    }
}

#[test]
fn bad_usage_is_named() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, problem) in [
        (&["--preset", "tiny"][..], "'tiny' for '--preset"),
        (&["--preset", "small", "--set", "colour=1"], "setting colour is unknown"),
        (&["--preset", "small", "--input-rate", "2"], "intensity is 2"),
        (&["--samples", "0"], "'0' for '--samples"),
        (&["--rates", "0.1"], "--map"),
        (&["--preset", "small", "--steps", "50"], "--steps is of a map"),
        (&["--preset", "small", "--reset", "subtract", "--neurons", "3"], "--reset is of a map"),
        (&["--set", "gain=4", "--surrogate", "atan", "--widths", "9"], "--widths is of a map"),
        (&["--preset", "small", "--no-verify"], "--data"),
        (
            &["--preset", "small", "--no-verify", "--input-rate", "0.2"],
            "--no-verify is of the files of --data",
        ),
        (&["--map", "--no-verify"], "--data"),
        (&["--map", "--preset", "small"], "cannot be used with"),
        (&["--map", "--rates", "1"], "rates holds 1, but each must be above 0 and below 1"),
        (&["--map", "--decays", "0.5,0.5"], "decays holds 0.5 twice"),
        (&["--map", "--widths", "0"], "widths holds 0"),
        (&["--map", "--surrogate", "step"], "setting surrogate is \"step 0.025\""),
        (&["--map", "--reset", "maybe"], "setting reset is \"maybe\""),
        (&["--map", "--steps", "1"], "steps is 1, but it must be 2 to 10000"),
        (&["--map", "--from", "/nowhere"], "there is no directory /nowhere: name one with a map"),
        (&["--from", "/nowhere"], "there is no directory /nowhere: name one with a diagnosis"),
        (
            &["--config", "/nowhere.toml"],
            "/nowhere.toml: cannot be read: No such file or directory (os error 2); name a file of",
        ),
        (&["--data", "/nowhere"], "there is no directory /nowhere: name the one with the mnist files"),
    ] {
        let (status, _, stderr) = into(&directory.path().join("out"), arguments);
        assert!(status == 2 && stderr.contains(problem), "{arguments:?}: {stderr}");
    }
    assert!(!directory.path().join("out").exists());
}
