//! `resurge config`: what it prints is what the commands read.

use crate::resurge;
use resurge::train::{Config, Preset};

#[test]
fn a_printed_preset_is_that_preset() {
    let directory = tempfile::tempdir().unwrap();
    for preset in Preset::ALL {
        let (status, text, stderr) = resurge(&["config", "--preset", preset.name()]);
        assert_eq!((status, stderr.as_str()), (0, ""));
        assert!(text.starts_with(&format!("# Settings of preset {}\n", preset.name())), "{text}");
        assert_eq!(Config::from_toml(&text).unwrap(), Config::preset(preset));
        // All of it stands there: nothing is left to a default.
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table.len(), 27, "{text}");
        // A command takes the file unchanged, and has the settings of the preset.
        let path = directory.path().join(format!("{}.toml", preset.name()));
        let file = path.to_str().unwrap();
        let (status, said, _) = resurge(&["config", "--preset", preset.name(), "--toml", file]);
        assert_eq!((status, said), (0, format!("Written to {file}\n")));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let (_, again, _) = resurge(&["config", "--config", file]);
        assert_eq!(Config::from_toml(&again).unwrap(), Config::preset(preset));
    }
}

#[test]
fn a_training_takes_what_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (status, ..) = resurge(&["config", "--preset", "small", "--toml", &path("small.toml")]);
    assert_eq!(status, 0);
    let of = |settings: &[&str], out: &str| {
        let fixed = ["diagnose", "--samples", "1", "--input-rate", "0.5", "--out", out];
        let (status, _, stderr) = resurge(&[&fixed, settings].concat());
        assert_eq!((status, stderr.as_str()), (0, ""));
        resurge::diagnose::Diagnosis::read(out.as_ref()).unwrap()
    };
    let printed = of(&["--config", &path("small.toml")], &path("printed"));
    let preset = of(&["--preset", "small", "--set", "gain=1"], &path("preset"));
    assert_eq!((printed.config, printed.gradient), (preset.config, preset.gradient));
}

#[test]
fn settings_are_overridden_and_filled_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.toml");
    let file = path.to_str().unwrap();
    std::fs::write(
        &path,
        "layers = [\"linear 10\"]\nsteps = 7\ntau_m = 5\ntau_s = 2\nloss = \"kernel\"\nlearning_rate = 0.1\n\
         batch = 3\nepochs = 2\n",
    )
    .unwrap();
    let (status, text, stderr) = resurge(&["config", "--config", file, "--set", "batch=9"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let config = Config::from_toml(&text).unwrap();
    assert_eq!((config.steps, config.batch, config.seed), (7, 9, 1));
    assert!(text.starts_with(&format!("# Settings of {file} with batch=9\n")), "{text}");
    // A line feed in what the comment names does not end it.
    let (_, text, _) = resurge(&["config", "--preset", "small", "--set", "loss=kernel\n"]);
    assert!(Config::from_toml(&text).is_ok(), "{text}");
}

/// The gradient of the reset in its one spelling, however it was written; and the file by its option of earlier versions.
#[test]
fn settings_are_written_in_the_words_of_today() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let of = |spelling: &str| {
        let (status, text, stderr) = resurge(&["config", "--preset", "small", "--set", spelling]);
        assert_eq!((status, stderr.as_str()), (0, ""));
        text.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()
    };
    let text = of("reset_gradient=scaled:0.5");
    assert!(text.contains("\nreset_gradient = \"scaled:0.5\"\n"), "{text}");
    assert_eq!(of("reset_gradient=scaled-0.5"), text);
    std::fs::write(path("old.toml"), text.replace("scaled:", "scaled-")).unwrap();
    let file = path("new.toml");
    let (status, said, _) = resurge(&["config", "--config", &path("old.toml"), "--out", &file]);
    assert_eq!((status, said), (0, format!("Written to {file}\n")));
    assert!(std::fs::read_to_string(&file).unwrap().ends_with(&text));
    let (_, shown, stderr) = resurge(&["config", "--config", &path("old.toml"), "--toml", "-"]);
    assert_eq!((shown, stderr), (std::fs::read_to_string(&file).unwrap(), String::new()));
}
