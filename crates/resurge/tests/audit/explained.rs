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

#[test]
fn a_part_that_alone_is_wrong_is_named_with_what_it_is_instead() {
    let single = Single::default();
    let weight = "layers.0.weight";
    let of = |factor: f64, part: fn(usize) -> bool| {
        code(&single, weight, |i, x| if part(i) { factor * x } else { x }).0
    };
    let cases: [(f64, &str, &str, &str); 4] = [
        (0.0, "zeroed layers.0.weight", "zeroed layers.0.weight[1]", "zeroed layers.0.weight[1, 2]"),
        (-1.0, "sign layers.0.weight", "sign layers.0.weight[1]", "sign layers.0.weight[1, 2]"),
        (
            1.5,
            "parameter-scale layers.0.weight 1.5",
            "parameter-scale layers.0.weight[1] 1.5",
            "only layers.0.weight[1, 2]",
        ),
        (
            0.5,
            "parameter-scale layers.0.weight 0.5",
            "parameter-scale layers.0.weight[1] 0.5",
            "only layers.0.weight[1, 2]",
        ),
    ];
    for (factor, whole, row, entry) in cases {
        assert_eq!(of(factor, |_| true), whole);
        assert_eq!(of(factor, in_row), row);
        assert_eq!(of(factor, |i| i == 9), entry);
    }
    // Numbers of no pattern, in one row, in one tensor, in two.
    let odd = |i: usize, x: f64| x * (1.0 + 0.3 * (i as f64).sin());
    assert_eq!(
        code(&single, weight, |i, x| if in_row(i) { odd(i, x) } else { x }).0,
        "only layers.0.weight[1]"
    );
    let (found, words) = code(&single, weight, odd);
    assert_eq!(found, "only layers.0.weight");
    assert!(words.contains("times as long as the right one) are wrong; all others are right"), "{words}");
    let mut draft = single.draft();
    change(&mut draft, "gradients.layers.2.bias", odd);
    change(&mut draft, "gradients.layers.0.bias", |i, x| if i == 4 { odd(i, x) } else { x });
    assert_eq!(audited(&draft.bytes(), &VERDICT).code, "only layers.0.bias[4] layers.2.bias");
    // All of them: nothing is left that would be right.
    for name in
        draft.tensors.keys().filter(|name| name.starts_with("gradients.")).cloned().collect::<Vec<_>>()
    {
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
