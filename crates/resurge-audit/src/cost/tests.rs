use super::*;
use crate::description::{Conv, Norm, Plain};
use crate::reader::tests::Draft;
use resurge_tensor::Tensor;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

/// What is known in advance of every golden, as it was when it was held against the clock.
#[test]
fn the_costs_of_the_goldens_are_what_they_were() {
    let folder = Path::new("../resurge/tests/audit/goldens");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|end| end == "safetensors"));
    names.sort();
    let mut found = String::new();
    for path in names {
        let file = AuditFile::open(&path).unwrap();
        let c = Cost::of(&file);
        let tape = on_tape(&file);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let _ = writeln!(
            found,
            "{name}: {} {} {} {} {} {}; {} {}; {} {} {} {}",
            c.forward,
            c.backward,
            c.states,
            c.largest,
            c.gradients,
            c.on_tape,
            passes(&file),
            at_once(&file),
            tape.of(0, 0),
            tape.of(1, 0),
            tape.of(3, 2),
            tape.allowed
        );
    }
    let differs = found.lines().zip(include_str!("goldens.txt").lines()).find(|(is, was)| is != was);
    assert_eq!(differs, None, "cost/goldens.txt would be\n{found}");
    assert_eq!(found.lines().count(), include_str!("goldens.txt").lines().count(), "{found}");
}

#[test]
fn a_bound_grows_with_the_file() {
    let bound = Bound { always: 5, per_byte: 3 };
    assert_eq!((bound.of(0), bound.of(7), bound.of(usize::MAX)), (5, 26, usize::MAX));
}

#[test]
fn what_is_just_allowed_is_allowed() {
    let bytes = 1000;
    let cost = |pass: usize, memory: usize, gradients: usize| Cost {
        forward: pass / 2,
        backward: pass - pass / 2,
        states: memory / 2,
        largest: memory - memory / 2,
        gradients,
        on_tape: 0,
    };
    let (pass, memory, gradients) = (PASS.of(bytes), STATES.of(bytes), BACKWARD.of(bytes));
    assert_eq!(cost(pass, memory, gradients).excess(bytes), None);
    let needed =
        |cost: Cost| cost.excess(bytes).map(|(what, needed, allowed)| (what, needed, allowed.of(bytes)));
    assert_eq!(needed(cost(pass + 1, 0, 0)), Some(("operations a pass", pass + 1, pass)));
    assert_eq!(needed(cost(0, memory + 1, 0)), Some(("bytes of memory", memory + 1, memory)));
    let what = "bytes of memory for a backward pass";
    assert_eq!(needed(cost(0, 0, gradients + 1)), Some((what, gradients + 1, gradients)));
}

#[test]
fn a_pool_covers_no_more_than_its_image() {
    let pool = Pool { kernel: [3, 900], stride: None, padding: [1, 1], class: None };
    assert_eq!(largest_part(&pool, &[2, 1, 4, 8, 10].into()), 30);
    assert_eq!(largest_part(&pool, &[2, 1, 4, 2, 1000].into()), 1800);
}

#[test]
fn a_search_has_three_passes_at_the_least_and_one_at_a_time() {
    assert_eq!((passes_of(300_000_000, 0), passes_of(75_000_000, 0)), (3, 4));
    // A thousand bytes more are 50,000 operations more, of which each pass takes two thousand.
    assert_eq!(passes_of(0, 1000), 150_025);
    assert_eq!([1 << 22, 1 << 23, (1 << 23) + 1].map(|gradients| at_once_of(gradients, 0)), [2, 1, 1]);
    assert_eq!([0, 100, usize::MAX].map(allowed_on_tape), [1_000_000, 1_000_100, 30_000_000]);
}

/// As many samples as go with all steps, then as many steps; one of each at the least.
#[test]
fn a_proof_takes_as_much_of_the_run_as_it_may() {
    let on_tape = |allowed: usize| OnTape { always: 0, a_sample: 10, a_step: 5, allowed };
    // A sample of eight steps costs 120; a step of four samples 45.
    let part = |allowed: usize| on_tape(allowed).part(8, 4);
    assert_eq!(part(10_000), Some((8, 4)));
    assert_eq!(part(240), Some((8, 2)));
    assert_eq!(part(239), Some((8, 1)));
    assert_eq!(part(60), Some((4, 1)));
    assert_eq!(part(14), Some((1, 1)));
    assert_eq!((part(4), part(3)), (Some((1, 1)), None));
    assert_eq!(OnTape { a_step: 6, ..on_tape(4) }.part(8, 4), Some((1, 1)));
}

/// Two channels in and three out, with filters of 2 x 2 at 4 x 4 positions, in four steps.
#[test]
fn a_filter_covers_all_channels_that_come_in() {
    let conv = Conv { bias: false, stride: [1, 1], padding: [0, 0], groups: 1, class: None };
    let weight = Some(Tensor::zeros([3, 2, 2, 2]).unwrap());
    let data = LayerData { weight, ..LayerData::default() };
    let mut cost = Cost::default();
    let shapes = (&[4, 1, 2, 5, 5].into(), &[4, 1, 3, 4, 4].into());
    cost.add(0, &Layer::Conv2d(conv), &data, shapes, 1000).unwrap();
    // 192 numbers come out and 200 go in; each out is of 8 products, and each filter covers 128 numbers of an image.
    let products = 8 * (192 + 200) + 192 * 8 / 2;
    let once = products + 128 * 4 * 8;
    assert_eq!((cost.forward, cost.backward), (once + 5000, 2 * once + 5000));
    // Without a bound a copy is one operation.
    assert_eq!((cost.gradients, cost.on_tape), ((192 + 24) * 24 + 128 * 8, products / 4 + 128));
    assert_eq!((cost.states, cost.largest), ((192 + 24) * 24 + 6000, 192 * 80));
}

/// In five steps of two samples, of three numbers each.
fn of_thirty(layer: &Layer, weights: Option<usize>) -> Cost {
    let weight = weights.map(|n| Tensor::zeros([n]).unwrap());
    let data = LayerData { weight, ..LayerData::default() };
    let mut cost = Cost::default();
    cost.add(0, layer, &data, (&[5, 2, 3].into(), &[5, 2, 3].into()), 1000).unwrap();
    cost
}

/// Its own numbers are kept besides those that come out.
#[test]
fn a_mask_keeps_twice_what_comes_out() {
    let cost = of_thirty(&Layer::Mask(Plain { class: None }), None);
    let once = 8 * (30 + 30);
    assert_eq!((cost.forward, cost.backward), (once + 5000, 2 * once + 5000));
    assert_eq!((cost.states, cost.gradients), (2 * 30 * 24 + 6000, 30 * 24));
    assert_eq!((cost.largest, cost.on_tape), (30 * 80, once / 10));
}

/// Of eight tensors each, and of a small run a step where each step is by itself.
#[test]
fn a_norm_is_of_eight_tensors_and_of_its_steps() {
    for (over, a_step) in [(Over::Run, 0), (Over::Step, 4000)] {
        let cost =
            of_thirty(&Layer::BatchNorm(Norm { bias: false, over, epsilon: 1e-5, class: None }), Some(3));
        let once = 8 * 8 * (30 + 30) + 5 * a_step;
        assert_eq!((cost.forward, cost.backward), (once + 5000, 2 * once + 5000), "{over:?}");
        let kept = 8 * (30 + 3) * 24 + 5 * a_step;
        assert_eq!((cost.states, cost.gradients), (kept + 6000, kept), "{over:?}");
        assert_eq!((cost.largest, cost.on_tape), (30 * 80, 8 * 8 * 60 / 10), "{over:?}");
    }
}

/// Step by step go neurons, and batch normalisation of each step.
#[test]
fn a_step_on_the_tape_is_of_the_layers_that_go_step_by_step() {
    for (over, layers) in [("run", 1), ("step", 2)] {
        let norm = json!({"kind": "batch-norm", "bias": false, "over": over});
        let leak = json!({"kind": "integrator", "decay": 0.5});
        let file = Draft::new(&json!([norm, leak]), &json!({"kind": "weighted-sum"}))
            .filled("input", &[5, 2, 3])
            .filled("layers.0.weight", &[3])
            .filled("gradients.layers.0.weight", &[3])
            .filled("loss.weight", &[5, 2, 3]);
        let tape = on_tape(&file.read().unwrap());
        assert_eq!((tape.of(0, 0), tape.of(1, 0) - tape.of(0, 0)), (2 * 1000, layers * 4000), "{over}");
    }
}
