//! On real data, where there is any.

use resurge::data::{Dataset, Split, Verify};
use resurge::train::{Config, End, Examples, Preset, Training};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// The directory `mnist` in the one that `RESURGE_DATA` names.
fn mnist() -> Option<PathBuf> {
    let dir = std::env::var_os("RESURGE_DATA").map(|data| PathBuf::from(data).join("mnist"));
    let found = dir.filter(|dir| dir.is_dir());
    if found.is_none() {
        println!(
            "skipped: no data; `resurge data fetch mnist --data DATA/mnist`, then run the tests with RESURGE_DATA=DATA"
        );
    }
    found
}

#[test]
fn a_small_network_learns_a_part_of_mnist() {
    let Some(dir) = mnist() else { return };
    let config = Config::preset(Preset::Small).with(&["epochs=2"]).unwrap();
    let load =
        |split| Examples::load(Dataset::Mnist, &dir, split, Verify::Official, &config, Some(2_000)).unwrap();
    let mut training = Training::new(&config, "mnist", (load(Split::Train), load(Split::Test))).unwrap();
    assert_eq!(training.run(&AtomicBool::new(false), &mut |_| ()).unwrap(), End::Finished);
    let accuracy = training.progress().history[1].test_accuracy;
    assert!(accuracy > 0.7, "{accuracy}");
}
