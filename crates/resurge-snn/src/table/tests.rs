//! What every table keeps, and ranges, numbers and texts by themselves.

use super::*;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// Numbers that do not lie in a range: the nearest on either side, and what is not finite.
fn outside(range: Range) -> Vec<f64> {
    let finite: &[f64] = match range {
        Range::Finite => &[],
        Range::Positive => &[0.0, -0.0, -5e-324, -1.0],
        Range::NotNegative => &[-5e-324, -1.0],
        Range::UnitInterval => &[-5e-324, 1.0 + f64::EPSILON],
        Range::BelowOne => &[-5e-324, 1.0],
        Range::BelowHalf => &[-5e-324, 0.5],
    };
    [finite, &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]].concat()
}

/// The ends of a range as far as they lie in it, and something between.
fn inside(range: Range) -> Vec<f64> {
    match range {
        Range::Finite => vec![f64::MIN, -0.0, 0.0, f64::MAX],
        Range::Positive => vec![5e-324, 1.0, f64::MAX],
        Range::NotNegative => vec![0.0, f64::MAX],
        Range::UnitInterval => vec![0.0, 0.5, 1.0],
        Range::BelowOne => vec![0.0, 1.0 - f64::EPSILON / 2.0],
        Range::BelowHalf => vec![0.0, 0.5 - f64::EPSILON / 4.0],
    }
}

/// Any number of a range, small and large ones alike.
pub(crate) fn number(range: Range) -> BoxedStrategy<f64> {
    use proptest::num::f64::{NORMAL, SUBNORMAL, ZERO};
    match range {
        Range::Finite => (NORMAL | SUBNORMAL | ZERO).boxed(),
        Range::Positive => (NORMAL | SUBNORMAL).prop_map(f64::abs).boxed(),
        Range::NotNegative => (NORMAL | SUBNORMAL | ZERO).prop_map(f64::abs).boxed(),
        Range::UnitInterval => (0.0..=1.0).boxed(),
        Range::BelowOne => (0.0..1.0).boxed(),
        Range::BelowHalf => (0.0..0.5).boxed(),
    }
}

/// Any value of an entry of a table, of numbers that it takes.
pub(crate) fn value<T: Debug + Clone + 'static>(entries: Vec<&'static Entry<T>>) -> BoxedStrategy<T> {
    let of = |entry: &'static Entry<T>| {
        let numbers: Vec<_> = entry.parameters.iter().map(|p| number(p.range)).collect();
        // `erf 1e-320` would be a Gaussian of infinite width: not every number in range makes a value.
        numbers.prop_filter_map("out of what f64 holds", move |numbers| entry.of(&numbers).ok())
    };
    proptest::sample::select(entries).prop_flat_map(of).boxed()
}

/// What a table promises: names of their own, samples that are valid, and an error with the
/// parameter and its range for every number out of it.
pub(crate) fn keeps_its_promises<T: Debug>(entries: &[&Entry<T>]) {
    let names: BTreeSet<_> = entries.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), entries.len(), "names that are not their own: {names:?}");
    for entry in entries {
        let name = entry.name;
        assert_eq!(entry.sample.len(), entry.parameters.len(), "{name}");
        entry.of(entry.sample).unwrap();
        let (bare, full) =
            (entry.parameters.iter().take_while(|p| p.default.is_none()).count(), entry.sample);
        assert!(
            entry.parameters[bare..].iter().all(|p| p.default.is_some()),
            "{name}: a default before none"
        );
        entry.of(&full[..bare]).unwrap();
        for wrong in [&full[..bare.saturating_sub(1)], &[full, &[1.0]].concat()] {
            if wrong.len() == full.len() || wrong.len() == bare {
                continue;
            }
            let error = entry.of(wrong).unwrap_err();
            assert!(matches!(error, SnnError::Form { .. }), "{error:?}");
            assert!(error.to_string().contains(&format!("it must be \"{}\"", entry.form())), "{error}");
        }
        for (index, parameter) in entry.parameters.iter().enumerate() {
            for bad in outside(parameter.range) {
                let mut numbers = full.to_vec();
                numbers[index] = bad;
                let Err(SnnError::Parameter { parameter: named, value, expected }) = entry.of(&numbers)
                else {
                    panic!("{name} takes {bad} for its {}", parameter.name);
                };
                assert!(named.ends_with(parameter.name), "{name}: {named}");
                assert_eq!((value.to_bits(), expected), (bad.to_bits(), parameter.range.words()), "{name}");
            }
            if let Some(default) = parameter.default {
                assert!(parameter.range.contains(default), "{name}");
            }
        }
    }
}

/// Reads back from its text and from JSON what it was, to the bit.
pub(crate) fn reads_back<T>(value: &T)
where
    T: Debug + PartialEq + Display + FromStr<Err = SnnError> + Serialize + DeserializeOwned,
{
    let text = value.to_string();
    let read: T = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    // `Debug` tells -0 from 0, `PartialEq` does not.
    assert_eq!(format!("{read:?}"), format!("{value:?}"), "{text}");
    assert_eq!(read.to_string(), text);
    let json = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(format!("{read:?}"), format!("{value:?}"), "{json}");
}

#[test]
fn a_range_ends_where_its_words_say() {
    for range in [
        Range::Finite,
        Range::Positive,
        Range::NotNegative,
        Range::UnitInterval,
        Range::BelowOne,
        Range::BelowHalf,
    ] {
        for x in inside(range) {
            assert_eq!(range.check("it", x), Ok(x), "{range:?}");
        }
        for x in outside(range) {
            let error = range.check("it", x).unwrap_err().to_string();
            assert_eq!(error, format!("it is {x}, but must be {}", range.words()));
        }
    }
}

#[test]
fn a_number_is_written_in_few_characters() {
    let written = [4.0, -0.3125, 1e-5, 9e-6, -1e16, 1e15, 0.0, -0.0, 5e-324].map(|x| Number(x).to_string());
    assert_eq!(
        written,
        ["4", "-0.3125", "0.00001", "9e-6", "-1e16", "1000000000000000", "0", "-0", "5e-324"]
    );
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair(f64, f64);

const PAIR: Entry<Pair> = Entry {
    what: "pair",
    name: "pair",
    parameters: &[Parameter::new("first", Range::Finite), Parameter::new("second", Range::Positive).or(2.0)],
    sample: &[1.0, 3.0],
    mark: ' ',
    make: |n| Ok(Pair(Range::Finite.check("first", n[0])?, Range::Positive.check("second", n[1])?)),
};

#[test]
fn defaults_may_be_left_out_and_too_many_numbers_may_not_be_given() {
    keeps_its_promises(&[&PAIR]);
    let read = |text: &str| parse(&[&PAIR], text, &text.split_whitespace().collect::<Vec<_>>());
    assert_eq!((read("pair 5"), read("pair 5 7")), (Ok(Pair(5.0, 2.0)), Ok(Pair(5.0, 7.0))));
    for (text, says) in [
        ("pair", "pair is \"pair\"; it must be \"pair FIRST [SECOND]\", such as \"pair 1 3\""),
        ("pair 1 2 3", "pair is \"pair 1 2 3\"; it must be \"pair FIRST [SECOND]\", such as \"pair 1 3\""),
        ("pair x", "pair is \"pair x\"; it must be \"pair FIRST [SECOND]\", such as \"pair 1 3\""),
        ("pear 1", "pair is \"pear 1\"; it must be one of: pair FIRST [SECOND]"),
        ("", "pair is \"\"; it must be one of: pair FIRST [SECOND]"),
        ("pair 1 0", "second is 0, but must be positive and finite"),
        ("pair nan", "first is NaN, but must be finite"),
        ("pair 1e999", "first is inf, but must be finite"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), says);
    }
}

#[test]
fn a_text_in_a_file_is_the_short_form() {
    #[derive(Debug, serde::Deserialize, serde::Serialize)]
    struct File {
        #[serde(with = "crate::text")]
        firing: crate::Firing,
    }
    let file: File = serde_json::from_str(r#"{"firing":"at-or-above"}"#).unwrap();
    assert_eq!(serde_json::to_string(&file).unwrap(), r#"{"firing":"at-or-above"}"#);
    let error = serde_json::from_str::<File>(r#"{"firing":"never"}"#).unwrap_err().to_string();
    assert!(error.starts_with("firing is \"never\"; it must be one of: above, at-or-above"), "{error}");
}

/// Of the enums without numbers.
fn words_read_back<T>(all: &[T], name: fn(T) -> &'static str)
where
    T: Debug + Copy + PartialEq + Display + FromStr<Err = SnnError> + Serialize + DeserializeOwned,
{
    let names: BTreeSet<_> = all.iter().map(|&one| name(one)).collect();
    assert_eq!(names.len(), all.len(), "{names:?}");
    for one in all {
        reads_back(one);
        assert_eq!(one.to_string(), name(*one));
        assert_eq!(serde_json::to_string(one).unwrap(), format!("\"{}\"", name(*one)));
    }
    let error = "nothing of the kind".parse::<T>().unwrap_err().to_string();
    assert!(error.contains(&format!("must be one of: {}", name(all[0]))), "{error}");
}

#[test]
fn enums_without_numbers_read_back() {
    words_read_back(crate::Firing::ALL, crate::Firing::name);
    words_read_back(crate::ThresholdInSpike::ALL, crate::ThresholdInSpike::name);
    words_read_back(crate::ResetTiming::ALL, crate::ResetTiming::name);
    words_read_back(crate::Readout::ALL, crate::Readout::name);
    words_read_back(crate::Reduction::ALL, crate::Reduction::name);
}
