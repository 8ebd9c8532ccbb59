//! Settings in TOML, and values of the command line.

use resurge::compare::TrialId;
use resurge::data::{Dataset, ImageDataset};
use resurge::diagnose::MapSettings;
use resurge::train::{Config, End, Examples, LayerSpec, Network, Preset, Training};
use resurge::{Rule, toy::Settings};
use resurge::{Seeds, Shard};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

/// The most weights, and potentials of a sample, of a network that is trained here.
const SMALL: usize = 2000;

/// Settings from TOML: they are written as TOML and read again as they were, their networks are refused or built, and
/// small ones are trained on a few images.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Config::from_toml(text) {
        Ok(config) => check(&config),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check(config: &Config) {
    if let Ok(text) = config.to_toml() {
        let again = Config::from_toml(&text).expect("what was written can be read");
        assert_eq!(again.difference(config).ok(), Some(None));
    }
    config.cell().expect("checked when it was read");
    config.loss().expect("checked when it was read");
    for updates in [0, 1, 1000] {
        let schedule = config.schedule(updates).expect("checked when it was read");
        for update in [0, 1, updates, usize::MAX] {
            assert!(schedule.at(update) >= 0.0);
        }
    }
    let mut networks = Vec::new();
    for (image, classes) in [([1, 4, 4], 2), ([1, 28, 28], 10), ([2, 34, 34], 10), ([3, 32, 32], 10)] {
        networks.push(Network::new(config, image, classes).ok());
    }
    if let Some(Some(network)) = networks.first() {
        let weights: usize = network.parameters().iter().map(|one| one.shape.iter().product::<usize>()).sum();
        let potentials = network.neurons().iter().sum::<usize>().saturating_mul(config.steps);
        if weights <= SMALL && potentials <= SMALL {
            train(config);
        }
    }
}

/// Two passes over four images: done, or an error that says why not.
fn train(config: &Config) {
    let mut config = config.clone();
    config.epochs = config.epochs.min(2);
    let pixels: Vec<u8> = (0..64).map(|i| (i * 37 % 256) as u8).collect();
    let images = || ImageDataset::new(pixels.clone(), &[1, 4, 4], vec![0, 1, 1, 0], 2).expect("a data set");
    let examples = || Examples::of_images(images(), &config);
    let (Ok(train), Ok(test)) = (examples(), examples()) else { return };
    let Ok(mut training) = Training::new(&config, "mnist", (train, test)) else { return };
    match training.run(&AtomicBool::new(false), &mut |_| {}) {
        Ok(end) => {
            assert_eq!(end, End::Finished);
            assert!(training.weights().iter().all(|weight| weight.is_finite()));
            let checkpoint = training.checkpoint();
            let bytes = checkpoint.to_bytes().expect("a finite training can be written");
            assert_eq!(resurge::train::Checkpoint::from_bytes(&bytes), Ok(checkpoint));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Lines of `--set`, and in each the values that options take: a shard, a rule, a trial, seeds, a layer, a data set,
/// and the settings of a sweep and of a map as JSON.
pub fn options(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines: Vec<&str> = text.lines().take(8).collect();
    let presets = [Preset::Small, Preset::Mnist, Preset::NMnist, Preset::Cifar10];
    let preset = presets[lines.len() % presets.len()];
    match Config::preset(preset).with(&lines) {
        Ok(config) => check(&config),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    for line in lines {
        reads_what_it_writes::<Shard>(line);
        reads_what_it_writes::<Rule>(line);
        reads_what_it_writes::<TrialId>(line);
        reads_what_it_writes::<Seeds>(line);
        reads_what_it_writes::<LayerSpec>(line);
        if let Ok(shard) = line.parse::<Shard>() {
            assert!((0..3).all(|place| shard.takes(place) == (place % shard.count() + 1 == shard.index())));
        }
        if let Ok(Seeds(seeds)) = line.parse() {
            assert!(!seeds.is_empty() && seeds.iter().all(|&seed| i64::try_from(seed).is_ok()));
        }
        if let Ok(dataset) = line.parse::<Dataset>() {
            assert_eq!(dataset.name(), line);
        }
        if let Ok(settings) = serde_json::from_str::<Settings>(line)
            && settings.check().is_ok()
        {
            assert!(!settings.rates().is_empty() && !settings.arms().is_empty());
            assert!(settings.recorded().contains(&settings.updates));
        }
        if let Ok(settings) = serde_json::from_str::<MapSettings>(line) {
            let _ = settings.check();
        }
    }
}

fn reads_what_it_writes<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert!(value.to_string().parse::<T>().is_ok_and(|again| again == value), "{text} as {value}");
    }
}
