//! Which gradient it is instead: parts that alone are wrong, thresholds, and numbers that are no diagnosis.

use crate::build::{Draft, Lif};
use crate::eyes::change;
use crate::single::{Single, Threshold};
use crate::{VERDICT, audited, tests};

fn code(single: &Single, name: &str, of: impl FnMut(usize, f64) -> f64) -> (String, String) {
    let mut draft = single.draft();
    change(&mut draft, &format!("gradients.{name}"), of);
    let report = audited(&draft.bytes(), &VERDICT);
    (report.code, report.words)
}

/// A row of seven, the second of six.
fn in_row(i: usize) -> bool {
    i / 7 == 1
}

/// The code of a first layer's weights of which a part is a multiple of what is right.
fn multiple(factor: f64, part: fn(usize) -> bool) -> String {
    code(&Single::default(), WEIGHT, |i, x| if part(i) { factor * x } else { x }).0
}

const WEIGHT: &str = "layers.0.weight";

fn whole(_: usize) -> bool {
    true
}

fn entry(i: usize) -> bool {
    i == 9
}

/// Each by itself, so that a fault in the search is seen soon.
macro_rules! parts {
    ($($name:ident: $factor:literal $part:ident $code:literal),* $(,)?) => {
        $(#[test]
        fn $name() {
            assert_eq!(multiple($factor, $part), $code);
        })*
    };
}

parts! {
    part_zeroed: 0.0 whole "zeroed layers.0.weight",
    part_zeroed_row: 0.0 in_row "zeroed layers.0.weight[1]",
    part_zeroed_entry: 0.0 entry "zeroed layers.0.weight[1, 2]",
    part_negated: -1.0 whole "sign layers.0.weight",
    part_negated_row: -1.0 in_row "sign layers.0.weight[1]",
    part_negated_entry: -1.0 entry "sign layers.0.weight[1, 2]",
    part_larger: 1.5 whole "parameter-scale layers.0.weight 1.5",
    part_larger_row: 1.5 in_row "parameter-scale layers.0.weight[1] 1.5",
    part_larger_entry: 1.5 entry "only layers.0.weight[1, 2]",
    part_halved: 0.5 whole "parameter-scale layers.0.weight 0.5",
    part_halved_row: 0.5 in_row "parameter-scale layers.0.weight[1] 0.5",
    part_halved_entry: 0.5 entry "only layers.0.weight[1, 2]",
}

/// Numbers of no pattern.
fn odd(i: usize, x: f64) -> f64 {
    x * (1.0 + 0.3 * (i as f64).sin())
}

#[test]
fn a_row_of_no_pattern_is_named() {
    let found = code(&Single::default(), WEIGHT, |i, x| if in_row(i) { odd(i, x) } else { x }).0;
    assert_eq!(found, "only layers.0.weight[1]");
}

#[test]
fn a_tensor_of_no_pattern_is_named() {
    let (found, words) = code(&Single::default(), WEIGHT, odd);
    assert_eq!(found, "only layers.0.weight");
    assert!(words.contains("times as long as the right one) are wrong; all others are right"), "{words}");
}

#[test]
fn two_tensors_of_no_pattern_are_named() {
    let mut draft = Single::default().draft();
    change(&mut draft, "gradients.layers.2.bias", odd);
    change(&mut draft, "gradients.layers.0.bias", |i, x| if i == 4 { odd(i, x) } else { x });
    assert_eq!(audited(&draft.bytes(), &VERDICT).code, "only layers.0.bias[4] layers.2.bias");
}

/// All of them: nothing is left that would be right.
#[test]
fn where_all_are_of_no_pattern_there_is_no_code() {
    let mut draft = Single::default().draft();
    let names: Vec<_> = draft.tensors.keys().filter(|name| name.starts_with("gradients.")).cloned().collect();
    for name in names {
        change(&mut draft, &name, odd);
    }
    assert_eq!(audited(&draft.bytes(), &VERDICT).code, "unknown");
}

/// A learned constant has one number, of which any other is a multiple: its name and the ratio are all that can be said.
#[test]
fn a_learned_constant_that_alone_is_wrong_is_named() {
    let bytes = std::fs::read(tests("goldens").join("spikingjelly-plif-zero.safetensors")).unwrap();
    let mut draft = Draft::read(&bytes);
    let name = draft.tensors.keys().find(|name| name.starts_with("gradients.layers.1.")).cloned().unwrap();
    change(&mut draft, &name, |_, x| x * 1.043);
    let report = audited(&draft.bytes(), &VERDICT);
    let short = name.trim_start_matches("gradients.");
    assert_eq!(report.code, format!("only {short}"), "{}", report.words);
    assert!(report.words.contains("1.043 times"), "{}", report.words);
}

/// A scale of 1 is no diagnosis, whatever is fitted: what is off by less than four digits show has no number.
#[test]
fn nothing_is_once_the_right_gradient() {
    for part in [1e-5, 3e-5, 4.9e-5] {
        let mut draft = Lif::default().draft();
        for name in
            draft.tensors.keys().filter(|name| name.starts_with("gradients.")).cloned().collect::<Vec<_>>()
        {
            change(&mut draft, &name, |_, x| x * (1.0 + part));
        }
        let report = audited(&draft.bytes(), &VERDICT);
        assert_eq!(report.code, "unknown", "{part}: {}", report.words);
        assert!(report.explanations.iter().all(|e| !e.code.ends_with(" 1")), "{:?}", report.explanations);
    }
}

/// The gradient of a threshold that a reset subtracts comes through the reset and through the spike.
#[test]
fn a_threshold_in_the_spike_or_the_reset_alone_is_an_explanation() {
    for (threshold, expected) in [
        (Threshold { spike: true, reset: true }, "match"),
        (Threshold { spike: true, reset: false }, "threshold-in-spike"),
        (Threshold { spike: false, reset: true }, "threshold-in-reset"),
    ] {
        let single = Single { subtract: true, threshold: Some(threshold), ..Single::default() };
        let report = audited(&single.draft().bytes(), &VERDICT);
        assert_eq!(report.code, expected, "{}", report.words);
    }
}

/// Up to three steps; four are not looked for, and a run of two steps has a shift of one alone.
#[test]
fn time_shifts_up_to_three_steps_are_named() {
    for shift in 1..=4 {
        let report = audited(&Single { shift, ..Single::default() }.draft().bytes(), &VERDICT);
        let expected = if shift < 4 {
            format!("time-shift {shift}")
        } else {
            "only layers.0.weight layers.2.weight".into()
        };
        assert_eq!(report.code, expected, "{}", report.words);
    }
    let report = audited(&Single { shift: 1, steps: 2, ..Single::default() }.draft().bytes(), &VERDICT);
    assert!(["time-shift 1", "truncated 1"].contains(&report.code.as_str()), "{}", report.words);
}
