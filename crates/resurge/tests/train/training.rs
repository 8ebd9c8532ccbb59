//! A training learns, and its bits depend on the seed alone.

use crate::data::write_bars;
use resurge::data::{Dataset, Split, Verify};
use resurge::tensor::Tensor;
use resurge::train::{Checkpoint, Config, End, Event, Examples, NotFinite, Preset, TrainError, Training};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn training(dir: &Path, settings: &[&str]) -> Training {
    let config = Config::preset(Preset::Small).with(settings).unwrap();
    let load = |split| Examples::load(Dataset::Mnist, dir, split, Verify::Format, &config, None).unwrap();
    Training::new(&config, "mnist", (load(Split::Train), load(Split::Test))).unwrap()
}

fn run(training: &mut Training) -> End {
    training.run(&AtomicBool::new(false), &mut |_| ()).unwrap()
}

/// Runs until so many batches were done since the start of the run, then stops.
fn run_batches(training: &mut Training, batches: usize) -> End {
    let (stop, mut seen) = (AtomicBool::new(false), 0);
    let end = training.run(&stop, &mut |event| {
        if let Event::Batch { .. } = event {
            seen += 1;
            stop.store(seen == batches, Ordering::Relaxed);
        }
    });
    end.unwrap()
}

fn bars() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_bars(dir.path(), 200, 40);
    dir
}

#[test]
fn a_small_set_is_learned() {
    let dir = bars();
    let mut training = training(dir.path(), &["epochs=12"]);
    assert_eq!(run(&mut training), End::Finished);
    let history = &training.progress().history;
    let (first, last) = (&history[0], &history[11]);
    assert!(last.train_loss < 0.3 * first.train_loss, "{first:?} {last:?}");
    assert!(last.test_accuracy > 0.9, "{last:?}");
    assert!(last.firing_rates.iter().all(|rate| *rate > 0.0 && *rate < 1.0), "{last:?}");
    assert_eq!((last.epoch, last.updates), (12, 120));
}

const DROPOUT: &str = "layers=[\"conv 4 5\", \"pool 4\", \"dropout 0.2\", \"linear 10\"]";

#[test]
fn a_stop_anywhere_and_a_resumption_give_the_same_bits() {
    let dir = bars();
    let settings = [DROPOUT, "epochs=3", "part=7", "schedule=cosine"];
    let mut whole = training(dir.path(), &settings);
    run(&mut whole);
    let whole = whole.checkpoint().to_bytes().unwrap();
    // In an epoch, at its end, before the test, and twice in one.
    for stops in [&[3][..], &[10], &[1, 1, 17]] {
        let out = tempfile::tempdir().unwrap();
        let path = Training::checkpoint_path(out.path());
        let mut stopped = training(dir.path(), &settings).in_directory(out.path(), None);
        for (index, &batches) in stops.iter().enumerate() {
            if index > 0 {
                let checkpoint = Checkpoint::read(&path).unwrap();
                stopped = training(dir.path(), &settings).in_directory(out.path(), None);
                stopped = stopped.resumed(checkpoint, &path).unwrap();
            }
            assert_eq!(run_batches(&mut stopped, batches), End::Stopped);
        }
        let mut resumed = training(dir.path(), &settings).in_directory(out.path(), None);
        resumed = resumed.resumed(Checkpoint::read(&path).unwrap(), &path).unwrap();
        assert_eq!(run(&mut resumed), End::Finished);
        assert!(resumed.checkpoint().to_bytes().unwrap() == whole, "{stops:?}");
        assert!(std::fs::read(&path).unwrap() == whole, "{stops:?}");
    }
}

const RECURRENT: [&str; 4] = [
    "layers=[\"linear 12 recurrent\", \"linear 10\"]",
    "learned=[\"decay\", \"threshold\"]",
    "cell=adaptation 0.8 0.2",
    "loss=cross-entropy sum",
];

/// They learn, their constants too, and they go on to the same bits.
#[test]
fn recurrent_cells_with_learned_constants_are_trained_and_resumed() {
    let dir = bars();
    let settings = [&RECURRENT[..], &["epochs=6"]].concat();
    let mut whole = training(dir.path(), &settings);
    let names: Vec<String> =
        whole.network().parameters().iter().map(|parameter| parameter.name.clone()).collect();
    let expected = ["linear1", "linear1.recurrent weight", "linear1.decay", "linear1.threshold", "linear2"];
    assert_eq!(names[..5], expected);
    let before = whole.weights().to_vec();
    run(&mut whole);
    for ((name, before), after) in names.iter().zip(&before).zip(whole.weights()) {
        assert_ne!(before, after, "{name} is not learned");
    }
    let history = &whole.progress().history;
    assert!(history[5].train_loss < 0.5 * history[0].train_loss, "{history:?}");
    let bytes = whole.checkpoint().to_bytes().unwrap();

    let out = tempfile::tempdir().unwrap();
    let path = Training::checkpoint_path(out.path());
    let mut stopped = training(dir.path(), &settings).in_directory(out.path(), None);
    assert_eq!(run_batches(&mut stopped, 7), End::Stopped);
    let mut resumed = training(dir.path(), &settings).in_directory(out.path(), None);
    resumed = resumed.resumed(Checkpoint::read(&path).unwrap(), &path).unwrap();
    run(&mut resumed);
    assert!(resumed.checkpoint().to_bytes().unwrap() == bytes);
    // Without the recurrent weights it is another network.
    let other = training(dir.path(), &[&settings[..], &["layers=[\"linear 12\", \"linear 10\"]"]].concat());
    let error = other.resumed(Checkpoint::read(&path).unwrap(), &path).unwrap_err().to_string();
    assert!(error.contains("layers is"), "{error}");
}

/// A rate that throws every constant out of its range: the nearest value is taken, and neither the clamp of weights nor
/// their decay is theirs.
#[test]
fn learned_constants_stay_where_a_cell_can_have_them() {
    let dir = bars();
    let rate = ["learning_rate=3", "clamp=0.5", "weight_decay=0.3", "epochs=1"];
    let mut wild = training(dir.path(), &[&RECURRENT[..], &rate].concat());
    run(&mut wild);
    for (parameter, weight) in wild.network().parameters().iter().zip(wild.weights()) {
        let values = weight.as_slice();
        match parameter.name.rsplit('.').next() {
            Some("decay") => assert!((0.0..1.0).contains(&values[0]), "{parameter:?}: {values:?}"),
            Some("threshold") => assert!(values[0] >= 1e-3, "{parameter:?}: {values:?}"),
            _ => assert!(values.iter().all(|x| x.abs() <= 0.5), "{parameter:?}"),
        }
    }
    let threshold = wild.weights()[3].as_slice()[0];
    assert!(threshold > 0.5 || threshold == 1e-3, "{threshold}: the clamp of weights is not a threshold's");
}

#[test]
fn threads_do_not_change_bits_and_seeds_do() {
    let dir = bars();
    // Large enough for the kernels to use threads.
    let with = |threads, seed: &str| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut training = training(dir.path(), &[DROPOUT, "epochs=1", "batch=50", seed]);
            run(&mut training);
            training.checkpoint().to_bytes().unwrap()
        })
    };
    let one = with(1, "seed=1");
    assert!(with(2, "seed=1") == one && with(3, "seed=1") == one);
    assert!(with(2, "seed=2") != one);
}

#[test]
fn another_training_is_not_resumed() {
    let dir = bars();
    let checkpoint = training(dir.path(), &[]).checkpoint();
    let error = |settings: &[&str], limit| {
        let other = training(dir.path(), settings).marked(limit, true);
        other.resumed(checkpoint.clone(), "c".as_ref()).unwrap_err().to_string()
    };
    assert!(
        error(&["batch=7"], None).contains("c: batch is 20 there and 7 here; resume with the same settings")
    );
    assert!(error(&["seed=7"], None).contains("seed is 1 there and 7 here"));
    assert!(error(&[], Some(9)).contains("resume with the same data and limit"));
    let longer = training(dir.path(), &["epochs=9"]);
    assert!(longer.resumed(checkpoint.clone(), "c".as_ref()).is_ok(), "a training may be made longer");
    let cosine = training(dir.path(), &["schedule=cosine"]).checkpoint();
    let longer = training(dir.path(), &["schedule=cosine", "epochs=9"]);
    let error = longer.resumed(cosine, "c".as_ref()).unwrap_err().to_string();
    assert!(error.contains("epochs is 3 there and 9 here"), "its rates would have been others: {error}");
}

#[test]
fn the_rate_falls_to_nothing_by_the_last_update() {
    let dir = bars();
    let end = |schedule| {
        let mut training =
            training(dir.path(), &["epochs=2", "learning_rate=1e-2", "weight_decay=0", schedule]);
        let mut moved = Vec::new();
        let mut before = training.weights().to_vec();
        for _ in 0..20 {
            run_batches(&mut training, 1);
            let distance = |a: &Tensor<f32>, b: &Tensor<f32>| {
                a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>()
            };
            moved.push(before.iter().zip(training.weights()).map(|(a, b)| distance(a, b)).sum::<f64>());
            before = training.weights().to_vec();
        }
        moved[19] / moved[9]
    };
    // By the cosine, the last of 20 updates has a rate of 0.6 % of the first, the tenth 58 %: a hundredth of it.
    assert!(end("schedule=cosine") < 0.03);
    assert!(end("schedule=constant") > 0.1);
}

#[test]
fn what_is_not_finite_stops_with_layer_and_step_named() {
    let dir = bars();
    let fault =
        |settings: &[&str]| match training(dir.path(), settings).run(&AtomicBool::new(false), &mut |_| ()) {
            Err(TrainError::NotFinite { epoch: 1, update, value, .. }) => (update, value),
            other => panic!("{other:?}"),
        };
    // The rate of the update is infinite in single precision.
    let weight = |layer: &str| NotFinite::Weight { layer: layer.into() };
    assert_eq!(fault(&["learning_rate=1e39"]), (1, weight("conv1")));
    // The first update makes weights of 1e30, and the decay of the second multiplies them by 1e28.
    assert_eq!(fault(&["learning_rate=1e30", "clamp=0"]), (2, weight("conv1")));
    // Finite weights whose sums are not, in the first step already.
    let current = NotFinite::Current { layer: "conv1".into(), step: 0 };
    assert_eq!(fault(&["gain=1e38", "clamp=0", "mean=[-30.0]"]), (1, current));
}

#[test]
fn a_part_of_an_epoch_is_not_dropped_by_asking_for_fewer() {
    let dir = bars();
    let mut stopped = training(dir.path(), &["epochs=3"]);
    assert_eq!(run_batches(&mut stopped, 13), End::Stopped); // 10 an epoch
    let resumed = |epochs: &str| {
        let training = training(dir.path(), &[epochs]);
        training.resumed(stopped.checkpoint(), Path::new("c")).map(|training| training.progress().updates)
    };
    let error = resumed("epochs=1").unwrap_err().to_string();
    assert!(error.contains("1 epoch is asked for, but 1 and 3 batches of the next are done"), "{error}");
    assert!(error.contains("Ask for 2 or more"), "{error}");
    assert_eq!(resumed("epochs=2").unwrap(), 13);
}

/// Squares beyond the numbers of single precision: the weights stay finite, but would never move
/// again.
#[test]
fn an_infinite_moment_is_named_and_not_saved() {
    let dir = bars();
    let one = "layers=[\"linear 10\"]";
    let huge = [one, "mean=[-1e25]", "gain=1e-25", "clip=0", "surrogate=rectangle 1e3"];
    match training(dir.path(), &huge).run(&AtomicBool::new(false), &mut |_| ()) {
        Err(TrainError::NotFinite { epoch: 1, value: NotFinite::Moment { layer }, .. }) => {
            assert_eq!(layer, "linear1");
        }
        other => panic!("{other:?}"),
    }
}
