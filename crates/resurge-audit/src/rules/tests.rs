use super::*;
use crate::file::tests::{golden, with_all_neurons, with_neurons};
use std::collections::BTreeSet;

/// Of the same, without spiking layers.
fn quiet(name: &str) -> AuditFile {
    let mut file = golden(name);
    file.layers.iter_mut().for_each(|layer| layer.constants = None);
    file
}

const PLAIN: [&str; 4] = ["full", "detached", "spatial-only", "detached-decay"];
const THRESHOLDS: [&str; 2] = ["threshold-in-spike", "threshold-in-reset"];

/// What a neuron does not have, nothing flows through.
#[test]
fn the_plain_rules_are_of_what_the_neurons_have() {
    let adaptive: &[&str] = &["detached-synapse", "detached-adaptation"];
    for (name, own) in [
        ("spikingjelly-lif-default", &[][..]),
        ("reference-trace", &["detached-trace"]),
        ("sinabs-alif-gaussian-synapse", adaptive),
        ("norse-lif-cell", &["detached-synapse"]),
    ] {
        let found = plain_rules(&golden(name));
        let expected = [&PLAIN, own, &THRESHOLDS].concat();
        assert_eq!(found.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), expected, "{name}");
        for one in &found {
            let Rule { reset_gradient, cuts, threshold, .. } = one.rule;
            let none = Cuts::default();
            let (gradient, cut, paths) = match one.code.as_str() {
                "full" => (Some(ResetGradient::Full), none, None),
                "detached" => (Some(ResetGradient::Detached), none, None),
                "spatial-only" => (Some(ResetGradient::SpatialOnly), none, None),
                "detached-decay" => (None, Cuts { decay: true, ..none }, None),
                "detached-synapse" => (None, Cuts { synapse: true, ..none }, None),
                "detached-trace" => (None, Cuts { trace: true, ..none }, None),
                "detached-adaptation" => (None, Cuts { adaptation: true, ..none }, None),
                "threshold-in-spike" => (None, none, Some(ThresholdPaths { reset: false, spike: true })),
                _ => (None, none, Some(ThresholdPaths { reset: true, spike: false })),
            };
            assert_eq!((reset_gradient, cuts, threshold), (gradient, cut, paths), "{name}: {}", one.code);
        }
    }
    let codes: Vec<_> = plain_rules(&quiet("reference-trace")).into_iter().map(|one| one.code).collect();
    assert_eq!(codes, PLAIN);
}

/// A trace that does not decay, or that is not handed on, is none.
#[test]
fn a_trace_counts_where_it_decays_and_is_handed_on() {
    let has = |file: &AuditFile| plain_rules(file).iter().any(|one| one.code == "detached-trace");
    let file = golden("reference-trace");
    assert!(has(&file));
    let with = |change: fn(&mut crate::cell::Constants)| has(&with_all_neurons(&file, change));
    assert!(!with(|c| c.cell.trace_decay = 0.0) && !with(|c| c.output = Output::Spikes));
}

/// Of 20 steps nine truncations are usual: those come first, the others where `kept` passes are left.
#[test]
fn truncations_are_as_many_as_there_is_room_for() {
    let file = golden("spikingjelly-lif-default");
    assert_eq!(file.extent().0, 20);
    let of = |room: usize, kept: usize| {
        let (found, untried) = truncations(&file, room, kept);
        let lengths: Vec<usize> = found.iter().map(|one| one.rule.truncated).collect();
        for (k, one) in lengths.iter().zip(&found) {
            assert_eq!(one.code, format!("truncated {k}"));
            assert!(one.words.contains(&format!("step {k}, {}, ...", 2 * k)), "{}", one.words);
        }
        (lengths, untried)
    };
    assert_eq!(of(100, 5), ((1..20).collect(), 0));
    assert_eq!(of(24, 5), ((1..20).collect(), 0));
    assert_eq!(of(16, 5), (vec![1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 16], 8));
    assert_eq!(of(14, 5), (vec![1, 2, 3, 4, 5, 8, 10, 15, 16], 10));
    assert_eq!(of(4, 5), (vec![1, 2, 3, 4], 15));
    assert_eq!(of(0, 5), (vec![], 19));
    assert!(is_usual(7, 14) && !is_usual(7, 15) && is_usual(256, 1000) && !is_usual(255, 1000));
    assert_eq!(truncations(&golden("spikingjelly-lif-soft-one-step"), 9, 9).0.len(), 0);
}

#[test]
fn shifts_are_of_one_to_three_steps() {
    let of = |name: &str| -> Vec<usize> {
        let found = time_shifts(&golden(name));
        assert!(found.iter().all(|one| one.code == format!("time-shift {}", one.rule.shift)));
        found.iter().map(|one| one.rule.shift).collect()
    };
    assert_eq!(of("spikingjelly-lif-default"), [1, 2, 3]);
    assert_eq!(of("spikingjelly-lif-soft-one-step"), [0; 0]);
    let two_steps = golden("spikingjelly-lif-default").cropped(2, 1).unwrap();
    assert_eq!(time_shifts(&two_steps).len(), 1);
}

/// A straight-through surrogate has a height alone to be claimed.
#[test]
fn shapes_have_the_height_and_the_area_of_the_claim() {
    for one in other_surrogates(&golden("spikingjelly-lif-default")) {
        let SurrogateChange::Shape(shape) = one.rule.surrogate else { continue };
        let end = if shape == "straight-through" { "height" } else { "height and area" };
        let expected = format!("the surrogate is of the shape {shape}, with the claimed one's {end}");
        assert_eq!(one.words, expected);
    }
}

/// Each other shape, and the scales; a straight-through surrogate has no area.
#[test]
fn surrogates_are_all_others() {
    let of = |file: &AuditFile| -> Vec<(String, SurrogateChange)> {
        other_surrogates(file).into_iter().map(|one| (one.code, one.rule.surrogate)).collect()
    };
    let shapes: BTreeSet<&str> = resurge_snn::Surrogate::ALL
        .iter()
        .filter(|one| one.of_width.is_some())
        .map(|one| one.entry.name)
        .collect();
    let scales = [
        ("surrogate-unit-area".to_owned(), SurrogateChange::Scale(SurrogateScale::UnitArea)),
        ("surrogate-peak-one".to_owned(), SurrogateChange::Scale(SurrogateScale::PeakOne)),
    ];
    for (name, own, scales) in [
        ("spikingjelly-lif-default", "sigmoid", &scales[..]),
        ("snntorch-leaky-straight-through", "straight-through", &scales[1..]),
    ] {
        let found = of(&golden(name));
        assert_eq!(found[..scales.len()], *scales, "{name}");
        let others: BTreeSet<&str> = found[scales.len()..]
            .iter()
            .map(|(code, change)| match change {
                SurrogateChange::Shape(shape) if *code == format!("surrogate {shape}") => *shape,
                other => panic!("{code}: {other:?}"),
            })
            .collect();
        assert_eq!(others, &shapes - &BTreeSet::from([own]), "{name}");
    }
    assert_eq!(of(&quiet("spikingjelly-lif-default")), []);
    // Only what all layers have is left out.
    let triangle = resurge_snn::Surrogate::triangle(1.0).unwrap();
    let two = with_neurons(&golden("spikingjelly-lif-default"), 3, |c| c.cell.surrogate = triangle);
    assert_eq!(of(&two).len(), 2 + shapes.len());
}

#[test]
fn resets_are_all_others_of_every_timing() {
    let of = |file: &AuditFile| -> Vec<String> {
        let found = other_resets(file);
        for one in &found {
            let reset = one.rule.reset.unwrap();
            assert_eq!(one.code, format!("reset {} {}", reset.kind.name(), reset.timing));
        }
        found.into_iter().map(|one| one.code).collect()
    };
    let timings = ["before-decay", "after-decay", "after-input"];
    let all = |kinds: &[&str], own: &str| -> BTreeSet<String> {
        let each = kinds.iter().flat_map(|kind| timings.map(|timing| format!("reset {kind} {timing}")));
        let none = "reset none before-decay".to_owned();
        each.chain([none]).filter(|code| code != own).collect()
    };
    let set = |found: Vec<String>| {
        let count = found.len();
        let set: BTreeSet<String> = found.into_iter().collect();
        assert_eq!(set.len(), count, "each once");
        set
    };
    // The value of a reset to zero is 0: with it, the others are a reset to zero.
    let found = set(of(&golden("spikingjelly-lif-default")));
    assert_eq!(found, all(&["zero", "subtract"], "reset zero before-decay"));
    let found = set(of(&golden("spikingjelly-lif-reset-value")));
    let kinds = ["zero", "subtract", "value", "zero-then-add"];
    assert_eq!(found, all(&kinds, "reset value before-decay"));
    let values: Vec<f64> = other_resets(&golden("spikingjelly-lif-reset-value"))
        .iter()
        .filter_map(|one| one.rule.reset.and_then(|reset| reset.kind.value()))
        .collect();
    assert_eq!(values, [-0.25; 5]);
    assert!(of(&quiet("spikingjelly-lif-default")).is_empty());
}

/// The lengths that are usual are small, round, or powers of two; of an odd number of steps there is no middle.
#[test]
fn usual_truncations_are_round_numbers() {
    let small = [1, 2, 3, 4, 5, 8, 10, 15, 16, 20, 25, 30, 32, 40, 50];
    let large = [64, 100, 128, 200, 256, 500];
    let found: Vec<usize> = (0..1101).filter(|&k| is_usual(k, 1101)).collect();
    assert_eq!(found, [&small[..], &large].concat());
    // Of 17 steps nine are usual, the last of them 16.
    let file = golden("spikingjelly-lif-default").cropped(17, 1).unwrap();
    for (room, count) in [(13, 9), (14, 9), (15, 10)] {
        assert_eq!(truncations(&file, room, 5).0.len(), count, "room for {room}");
    }
}

/// An integrator has no surrogate and no reset that could be another.
#[test]
fn integrators_have_no_other_rules() {
    let file = golden("spikingjelly-lif-default");
    let none = with_all_neurons(&file, |c| c.spiking = false);
    assert!(other_surrogates(&none).is_empty() && other_resets(&none).is_empty());
}

/// Of layers that are not alike: where one has no area, there is none of all; resets are others where they are of one
/// of them, and their value is that of the first.
#[test]
fn layers_that_differ_have_rules_of_all() {
    let straight = golden("snntorch-leaky-straight-through").layers[1].constants.as_ref().unwrap().of(0).cell;
    let one = with_neurons(&golden("spikingjelly-lif-default"), 3, |c| c.cell.surrogate = straight.surrogate);
    assert!(other_surrogates(&one).iter().all(|one| one.code != "surrogate-unit-area"));
    let file = golden("spikingjelly-lif-default");
    let (same, other) =
        (other_resets(&file).len(), with_neurons(&file, 3, |c| c.cell.reset.kind = ResetKind::Subtract));
    assert_eq!(other_resets(&other).len(), same + 1);
    let valued = with_neurons(&golden("spikingjelly-lif-reset-value"), 3, |c| c.reset_value = -0.5);
    let values = other_resets(&valued).into_iter().filter_map(|one| one.rule.reset.unwrap().kind.value());
    assert_eq!(values.collect::<Vec<_>>(), [-0.25; 5]);
}
