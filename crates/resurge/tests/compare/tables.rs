//! The figures in the tables, against values computed by hand and by SciPy.

use resurge::compare::{Comparison, Summary, markdown};
use serde_json::{Value, json};
use std::path::Path;

/// Writes the log of a trial as a training of MNIST would have: the test accuracies and losses of its epochs.
fn write_log(out: &Path, rule: &str, seed: u64, epochs: &[(f64, f64)]) {
    let config = resurge::train::Config::preset(resurge::train::Preset::Mnist);
    let mut config = serde_json::to_value(config).unwrap();
    for (key, value) in
        [("reset_gradient", json!(rule)), ("seed", json!(seed)), ("epochs", json!(epochs.len()))]
    {
        config[key] = value;
    }
    let row = |(epoch, (accuracy, loss)): (usize, &(f64, f64))| {
        json!({
            "epoch": epoch + 1, "updates": 600 * (epoch + 1), "train_loss": 0.5, "train_accuracy": 0.75,
            "test_loss": loss, "test_accuracy": accuracy, "gradient_norm": 1.0, "firing_rates": [0.25],
        })
    };
    let log = json!({
        "version": "0.1.0", "dataset": "mnist", "limit": null, "verified": true, "train_samples": 60000,
        "test_samples": 10000, "subset": false, "config": config, "layers": ["conv1"], "parameters": 1,
        "finished": true, "epochs": epochs.iter().enumerate().map(row).collect::<Vec<Value>>(),
    });
    let directory = out.join(format!("trials/{rule}-seed{seed}"));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("log.json"), log.to_string()).unwrap();
}

/// Five seeds; the last accuracies of full and detached, and the last losses.
const FULL: [f64; 5] = [0.9934, 0.9941, 0.9929, 0.9938, 0.9936];
const DETACHED: [f64; 5] = [0.9930, 0.9935, 0.9931, 0.9930, 0.9927];

fn five() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (i, (full, detached)) in FULL.into_iter().zip(DETACHED).enumerate() {
        write_log(directory.path(), "full", i as u64 + 1, &[(0.98, 0.3), (0.9945, 0.1), (full, 0.25)]);
        write_log(
            directory.path(),
            "detached",
            i as u64 + 1,
            &[(0.98, 0.3), (detached, 0.5), (detached, 0.375)],
        );
    }
    directory
}

/// Differences of numbers near 1 in f64, a few of which are summed: 1e-15 or so, and SciPy's own digits.
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

#[test]
fn means_deviations_intervals_and_p_are_those_of_scipy() {
    let directory = five();
    let summary = Summary::of(&Comparison::read(&[directory.path()]).unwrap());
    let (full, detached) = (&summary.rules[0], &summary.rules[1]);
    assert_eq!((full.rule.name(), detached.rule.name()), ("full".into(), "detached".into()));
    // numpy.mean, numpy.std(ddof=1)
    close(full.last_accuracy.mean, 0.99356);
    close(full.last_accuracy.sd, 0.0004505552130427533);
    close(detached.last_accuracy.mean, 0.99306);
    close(detached.last_accuracy.sd, 0.0002880972058177693);
    assert_eq!((full.last_accuracy.smallest, full.last_accuracy.largest), (0.9929, 0.9941));
    assert_eq!((full.best_accuracy.mean, full.best_accuracy.sd), (0.9945, 0.0));
    assert_eq!((full.last_loss.mean, detached.last_loss.mean), (0.25, 0.375));
    let pair = &summary.pairs[0];
    assert_eq!(
        (pair.rule.name(), pair.less.name(), pair.smallest_p_value),
        ("full".into(), "detached".into(), 0.0625)
    );
    let last = pair.last_accuracy.as_ref().unwrap();
    // scipy.stats.t.interval(0.95, 4, loc=d.mean(), scale=scipy.stats.sem(d))
    close(last.t.value, 0.0005);
    close(last.t.low, -4.122878900028864e-5);
    close(last.t.high, 1.0412287890002887e-3);
    // Of 32 flips, counted by hand: the sum is 25 (in 1e-4), of 4, 6, -2, 8 and 9, and |sum| is at least that if none
    // is flipped or -2 alone, or the opposite of these.
    assert_eq!(last.p_value, 4.0 / 32.0);
    assert!(last.bootstrap.low > last.t.low && last.bootstrap.high < last.t.high, "{last:?}");
    assert_eq!(pair.last_loss.as_ref().unwrap().p_value, 2.0 / 32.0);
    assert_eq!(summary.trials[0].best_epoch, Some(2));
    assert_eq!(summary.trials[1].best_epoch, Some(2), "the first of equals");
}

#[test]
fn the_report_says_what_the_numbers_allow() {
    let directory = five();
    let comparison = Comparison::read(&[directory.path()]).unwrap();
    let text = markdown(&Summary::of(&comparison));
    for expected in [
        "# mnist by gradient of the reset\n",
        "the official files, all of them",
        "| full | 5 | 99.36 ± 0.05 | 99.45 ± 0.00 | 0.2500 ± 0.0000 |",
        "| detached | 5 | 99.31 ± 0.03 | 99.31 ± 0.03 | 0.3750 ± 0.0000 |",
        "| full less detached | test accuracy, last epoch, points | +0.050 | ",
        "With n = 5 seeds, p is at least 0.0625: all 32 flips are tried.",
        "99.49 % and 99.50 % are cited by others",
        "they may not be a pair with and without the term",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("subset") && !text.contains("Wall time") && !text.contains("Cost"), "{text}");
}

/// They are of one network on all of the data; beside another they would say nothing, and seem to.
#[test]
fn figures_of_the_paper_stand_beside_its_network_alone() {
    use resurge::train::{Config, Preset};
    let directory = five();
    let summary = Summary::of(&Comparison::read(&[directory.path()]).unwrap());
    assert!(markdown(&summary).contains("cited by others"));
    let mut small = summary.clone();
    small.config = Config::preset(Preset::Small);
    let mut longer = summary.clone();
    longer.config.steps += 1;
    let mut subset = summary.clone();
    subset.origin.limit = Some(1000);
    let mut unverified = summary;
    unverified.origin.verified = false;
    for other in [small, longer, subset, unverified] {
        let text = markdown(&other);
        assert!(!text.contains("cited") && !text.contains("99.49 %"), "{text}");
    }
}

#[test]
fn one_seed_has_no_interval_and_a_diverged_trial_leaves_its_pair_out() {
    let directory = five();
    for seed in 2..=5 {
        let path = directory.path().join(format!("trials/detached-seed{seed}/diverged.json"));
        std::fs::write(
            path,
            r#"{"epoch": 4, "batch": 1, "update": 1801, "value": "the loss is not finite"}"#,
        )
        .unwrap();
    }
    let comparison = Comparison::read(&[directory.path()]).unwrap();
    let summary = Summary::of(&comparison);
    assert_eq!((&summary.rules[1].seeds[..], &summary.rules[1].diverged[..]), (&[1][..], &[2, 3, 4, 5][..]));
    assert_eq!(summary.pairs[0].seeds, [1]);
    assert_eq!(summary.pairs[0].smallest_p_value, 1.0);
    let text = markdown(&summary);
    assert!(text.contains("| detached | 1 (4 diverged) | 99.30 | 99.30 | 0.3750 |"), "{text}");
    assert!(text.contains("| +0.040 | n/a | +0.040 to +0.040 | 1.0000 |"), "{text}");
    assert!(text.contains("With n = 1 seed, p is at least 1.0000"), "{text}");
    let json = serde_json::to_value(&summary).unwrap();
    assert!(json["reset_gradients"][1]["last_accuracy"]["sd"].is_null());
}
