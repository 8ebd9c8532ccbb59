//! The table of losses, and that text and JSON read back.

use super::*;
use crate::table::tests::{number, reads_back};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn the_table_has_each_loss_once_with_a_sample_that_reads_back() {
    let names: BTreeSet<_> = Loss::ALL.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), 5);
    for entry in Loss::ALL {
        let loss: Loss = entry.sample.parse().unwrap();
        assert_eq!((loss.name(), loss.to_string().as_str()), (entry.name, entry.sample));
        assert!(entry.form.starts_with(entry.name), "{entry:?}");
        reads_back(&loss);
    }
}

#[test]
fn texts_by_hand() {
    let (readout, reduction) = (Readout::Max, Reduction::Sum);
    for (text, loss) in [
        ("kernel", Loss::Kernel { pattern: vec![false, true, true, true, true] }),
        ("kernel 10", Loss::Kernel { pattern: vec![true, false] }),
        ("count 4 1 one-sided", Loss::Count { desired: 4.0, undesired: 1.0, one_sided: true }),
        ("cross-entropy max sum scale 2", Loss::CrossEntropy { readout, reduction, scale: 2.0 }),
        ("mse max scale -1", Loss::Mse { readout, reduction: Reduction::Mean, scale: -1.0 }),
        ("mse max mean", Loss::Mse { readout, reduction: Reduction::Mean, scale: 1.0 }),
        ("weighted-sum", Loss::WeightedSum { scale: 1.0 }),
    ] {
        assert_eq!(text.parse(), Ok(loss));
    }
}

#[test]
fn a_text_that_is_no_loss_is_told_what_may_be_written() {
    for (text, says) in [
        ("", "loss is \"\"; it must be one of: kernel [PATTERN], count DESIRED UNDESIRED [one-sided], cross"),
        ("hinge", "loss is \"hinge\"; it must be one of: kernel [PATTERN]"),
        ("kernel 012", "loss is \"kernel 012\"; it must be \"kernel [PATTERN]\", such as \"kernel 01111\""),
        ("count 15", "loss is \"count 15\"; it must be \"count DESIRED UNDESIRED [one-sided]\""),
        ("count 15 3 4", "it must be \"count DESIRED UNDESIRED [one-sided]\", such as \"count 15 3\""),
        ("count many 3", "it must be \"count DESIRED UNDESIRED [one-sided]\""),
        ("count -1 3", "desired spike count is -1, but must be at least 0 and finite"),
        ("count 1 inf", "undesired spike count is inf, but must be at least 0 and finite"),
        ("mse", "loss is \"mse\"; it must be \"mse READOUT [REDUCTION] [scale NUMBER]\""),
        ("mse first", "readout is \"first\"; it must be one of: sum, mean, last, max, all"),
        ("mse last median", "reduction is \"median\"; it must be one of: mean, batch-mean, sum"),
        (
            "mse last mean 2",
            "loss is \"mse last mean 2\"; it must be \"mse READOUT [REDUCTION] [scale NUMBER]\"",
        ),
        ("weighted-sum scale nan", "loss scale is NaN, but must be finite"),
    ] {
        let error = text.parse::<Loss>().unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn json_has_the_keys_of_the_audit_file() {
    let read = |json: &str| serde_json::from_str::<Loss>(json).map_err(|error| error.to_string());
    let loss = Loss::CrossEntropy { readout: Readout::Sum, reduction: Reduction::Mean, scale: 1.0 };
    assert_eq!(read(r#"{"kind":"cross-entropy","readout":"sum"}"#), Ok(loss.clone()));
    let json = r#"{"kind":"cross-entropy","readout":"sum","reduction":"mean","scale":1.0}"#;
    assert_eq!(serde_json::to_string(&loss).unwrap(), json);
    let kernel = Loss::Kernel { pattern: vec![false, true] };
    assert_eq!(serde_json::to_string(&kernel).unwrap(), r#"{"kind":"kernel","pattern":"01"}"#);
    for (json, says) in [
        (r#"{"readout":"sum"}"#, "missing field `kind`"),
        (r#"{"kind":"hinge"}"#, "unknown variant `hinge`"),
        (r#"{"kind":"mse"}"#, "missing field `readout`"),
        (r#"{"kind":"mse","readout":"sum","of":1}"#, "unknown field `of`"),
        (r#"{"kind":"kernel","pattern":"02"}"#, "the pattern is \"02\"; it must be of 0 and 1"),
        (r#"{"kind":"kernel","pattern":""}"#, "pattern length is 0, but must be at least 1"),
        (r#"{"kind":"count","desired":-1,"undesired":0}"#, "desired spike count is -1"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(says), "{json}: {error}");
    }
    let error = serde_json::to_string(&Loss::WeightedSum { scale: f64::INFINITY }).unwrap_err().to_string();
    assert!(error.contains("loss scale is inf, but must be finite"), "{error}");
}

#[test]
fn a_loss_that_no_network_can_learn_from_is_refused() {
    for (text, steps, says) in [
        ("kernel 00001", 4, "of a pattern with a 1 in the first 4 steps"),
        ("kernel 000", 9, "of a pattern with a 1 in the first 9 steps"),
        ("count 3 3", 9, "write the larger number first"),
        ("count 10 3", 9, "of at most 9 spikes, for there are 9 steps"),
    ] {
        let loss: Loss = text.parse().unwrap();
        let error = loss.check_steps(steps).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("loss is \"{text}\"; it must be ")) && error.contains(says),
            "{error}"
        );
    }
    for (text, steps) in [("kernel 00001", 5), ("count 9 3", 9), ("mse last", 0), ("weighted-sum", 1)] {
        assert_eq!(text.parse::<Loss>().unwrap().check_steps(steps), Ok(()), "{text}");
    }
    assert!(Loss::Kernel { pattern: vec![] }.check_steps(5).is_err());
}

fn losses() -> impl Strategy<Value = Loss> {
    let readout = || prop::sample::select(Readout::ALL);
    let reduction = || prop::sample::select(Reduction::ALL);
    let count = || number(Range::NotNegative);
    let terms = (readout(), reduction(), number(Range::Finite), any::<bool>());
    prop_oneof![
        prop::collection::vec(any::<bool>(), 1..9).prop_map(|pattern| Loss::Kernel { pattern }),
        (count(), count(), any::<bool>()).prop_map(|(desired, undesired, one_sided)| Loss::Count {
            desired,
            undesired,
            one_sided
        }),
        terms.prop_map(|(readout, reduction, scale, squared)| match squared {
            true => Loss::Mse { readout, reduction, scale },
            false => Loss::CrossEntropy { readout, reduction, scale },
        }),
        number(Range::Finite).prop_map(|scale| Loss::WeightedSum { scale }),
    ]
}

proptest! {
    #[test]
    fn text_and_json_read_back_to_the_bit(loss in losses()) {
        reads_back(&loss);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(kernel|count|mse|sum|scale|one-sided|[-0-9.e]{1,6}|[a-z ]{0,9}| ){0,7}") {
        if let Ok(loss) = text.parse::<Loss>() {
            reads_back(&loss);
        }
    }
}
