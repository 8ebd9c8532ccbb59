//! The tables of resets and of their gradients, and that text and JSON read back.

use super::*;
use crate::table::tests::{keeps_its_promises, number, reads_back, value};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

fn refusal<T: DeserializeOwned + fmt::Debug>(json: &str) -> String {
    serde_json::from_str::<T>(json).unwrap_err().to_string()
}

#[test]
fn the_tables_keep_their_promises() {
    keeps_its_promises(&Reset::ALL.iter().chain(NONE_ELSEWHERE).collect::<Vec<_>>());
    keeps_its_promises(&ResetKind::ALL.iter().collect::<Vec<_>>());
    keeps_its_promises(&ResetGradient::ALL.iter().collect::<Vec<_>>());
    for entry in ResetKind::ALL {
        let kind = entry.of(entry.sample).unwrap();
        assert_eq!((kind.name(), kind.value()), (entry.name, entry.sample.first().copied()));
    }
}

/// Of every kind at every place, one entry and no other; so that a label tells all apart.
#[test]
fn every_combination_has_a_label_of_its_own() {
    let mut labels = BTreeSet::new();
    for entry in ResetKind::ALL {
        for &timing in ResetTiming::ALL {
            let reset = Reset { kind: entry.of(entry.sample).unwrap(), timing };
            assert_eq!(reset.entry().unwrap().of(entry.sample), Ok(reset), "{reset:?}");
            assert!(labels.insert(reset.label()), "{reset:?}");
            reads_back(&reset);
        }
    }
    assert_eq!(labels.len(), 15);
}

#[test]
fn the_registry_of_cells_keeps_its_resets() {
    use ResetTiming::*;
    let expected = [
        ("none", Reset::NONE),
        ("zero", Reset::TO_ZERO),
        ("zero-after-decay", Reset { kind: ResetKind::ToZero, timing: AfterDecay }),
        ("gated", Reset::GATED_INPUT),
        ("subtract", Reset::SUBTRACT),
        ("subtract-then-decay", Reset::SUBTRACT_THEN_DECAY),
        ("subtract-after-input", Reset { kind: ResetKind::Subtract, timing: AfterInput }),
        ("value", Reset::to_value(-0.3125)),
        ("value-after-decay", Reset { kind: ResetKind::ToValue(-0.3125), timing: AfterDecay }),
        ("value-gated", Reset { kind: ResetKind::ToValue(-0.3125), timing: AfterInput }),
        ("zero-then-add", Reset { kind: ResetKind::ToZeroThenAdd(0.1875), timing: BeforeDecay }),
        ("zero-then-add-after-decay", Reset { kind: ResetKind::ToZeroThenAdd(0.1875), timing: AfterDecay }),
        ("zero-then-add-gated", Reset { kind: ResetKind::ToZeroThenAdd(0.1875), timing: AfterInput }),
    ];
    let table: Vec<_> =
        Reset::ALL.iter().map(|entry| (entry.name, entry.of(entry.sample).unwrap())).collect();
    assert_eq!(table, expected);
}

#[test]
fn a_text_that_is_no_reset_is_told_what_may_be_written() {
    assert_eq!(
        "value-gated -0.5".parse(),
        Ok(Reset { timing: ResetTiming::AfterInput, ..Reset::to_value(-0.5) })
    );
    assert_eq!(Reset::to_value(-0.5).to_string(), "value -0.5");
    for (text, says) in [
        ("", "reset is \"\"; it must be one of: none, zero, zero-after-decay, gated, subtract"),
        ("hard", "reset is \"hard\"; it must be one of: none, zero"),
        ("zero 1", "reset is \"zero 1\"; it must be \"zero\""),
        ("value", "reset is \"value\"; it must be \"value VALUE\", such as \"value -0.3125\""),
        ("value inf", "reset value is inf, but must be finite"),
        ("none-gated 1", "reset is \"none-gated 1\"; it must be one of: none"),
    ] {
        let error = text.parse::<Reset>().unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    let error = "before".parse::<ResetTiming>().unwrap_err().to_string();
    let names = "before-decay, after-decay, after-input";
    assert_eq!(error, format!("reset timing is \"before\"; it must be one of: {names}"));
}

#[test]
fn a_reset_in_json_always_says_its_timing() {
    let json = r#"{"kind":"value","timing":"after-decay","value":-0.5}"#;
    let reset = Reset { timing: ResetTiming::AfterDecay, ..Reset::to_value(-0.5) };
    assert_eq!(serde_json::to_string(&reset).unwrap(), json);
    assert_eq!(serde_json::from_str::<Reset>(json).unwrap(), reset);
    assert_eq!(serde_json::to_string(&Reset::NONE).unwrap(), r#"{"kind":"none","timing":"before-decay"}"#);
    for (json, says) in [
        (r#"{"kind":"zero"}"#, "missing field `timing`"),
        (r#"{"timing":"after-decay"}"#, "missing field `kind`"),
        (
            r#"{"kind":"hard","timing":"after-decay"}"#,
            "reset kind is \"hard\"; it must be one of: none, zero, value",
        ),
        (r#"{"kind":"zero","timing":"later"}"#, "unknown variant `later`"),
        (
            r#"{"kind":"zero","timing":"after-decay","value":1}"#,
            "the reset zero has no `value`; leave it out",
        ),
        (r#"{"kind":"value","timing":"after-decay"}"#, "`value` is missing, but value needs it"),
        (r#"{"kind":"zero","timing":"after-decay","at":1}"#, "unknown field `at`"),
    ] {
        let error = refusal::<Reset>(json);
        assert!(error.contains(says), "{json}: {error}");
    }
}

#[test]
fn a_reset_gradient_reads_its_old_name_and_writes_the_new_one() {
    for entry in ResetGradient::ALL {
        let rule = entry.of(entry.sample).unwrap();
        reads_back(&rule);
        assert_eq!(rule.name().parse(), Ok(rule));
    }
    let half = ResetGradient::Scaled(0.5);
    assert_eq!((half.to_string().as_str(), half.name().as_str()), ("scaled:0.5", "scaled-0.5"));
    assert_eq!(
        ["scaled:0.5", "scaled-0.5", " scaled:0.5 "].map(|text| text.parse()),
        [Ok(half), Ok(half), Ok(half)]
    );
    for (text, says) in [
        ("", "reset gradient is \"\"; it must be one of: full, detached, scaled:ALPHA, spatial-only"),
        ("attached", "reset gradient is \"attached\"; it must be one of: full"),
        ("scaled", "reset gradient is \"scaled\"; it must be \"scaled:ALPHA\", such as \"scaled:0.5\""),
        ("scaled:half", "reset gradient is \"scaled:half\"; it must be \"scaled:ALPHA\""),
        ("scaled-", "reset gradient is \"scaled-\"; it must be \"scaled:ALPHA\""),
        ("scaled:0.5:0.5", "reset gradient is \"scaled:0.5:0.5\"; it must be \"scaled:ALPHA\""),
        ("full:1", "reset gradient is \"full:1\"; it must be \"full\""),
        ("scaled:1.5", "alpha is 1.5, but must be between 0 and 1"),
        ("scaled-nan", "alpha is NaN, but must be between 0 and 1"),
    ] {
        let error = text.parse::<ResetGradient>().unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn a_reset_gradient_in_json_is_that_of_the_audit_file() {
    let json = [r#""full""#, r#""detached""#, r#"{"scaled":0.5}"#, r#""spatial-only""#];
    for (entry, json) in ResetGradient::ALL.iter().zip(json) {
        assert_eq!(serde_json::to_string(&entry.of(entry.sample).unwrap()).unwrap(), json);
    }
    let error = refusal::<ResetGradient>(r#"{"scaled":1.5}"#);
    assert!(error.contains("alpha is 1.5, but must be between 0 and 1"), "{error}");
}

/// Fields are public, so that numbers out of range can be written down: no file takes them.
#[test]
fn what_is_out_of_range_is_not_written() {
    let reset = Reset::to_value(f64::NAN);
    assert_eq!(reset.check().unwrap_err().to_string(), "reset value is NaN, but must be finite");
    assert!(serde_json::to_string(&reset).unwrap_err().to_string().contains("reset value is NaN"));
    let rule = ResetGradient::Scaled(-1.0);
    assert_eq!(rule.check().unwrap_err().to_string(), "alpha is -1, but must be between 0 and 1");
    assert!(serde_json::to_string(&rule).unwrap_err().to_string().contains("alpha is -1"));
    assert_eq!((Reset::NONE.check(), ResetGradient::Full.check()), (Ok(()), Ok(())));
}

proptest! {
    #[test]
    fn text_and_json_read_back_to_the_bit(
        reset in value(Reset::ALL.iter().chain(NONE_ELSEWHERE).collect()),
        rule in value(ResetGradient::ALL.iter().collect()),
        alpha in number(Range::UnitInterval),
    ) {
        reads_back(&reset);
        reads_back(&rule);
        reads_back(&ResetGradient::Scaled(alpha));
    }
}
