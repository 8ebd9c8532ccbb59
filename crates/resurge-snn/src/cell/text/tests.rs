//! Cells as text and as JSON: what is written reads back, and what is wrong is refused by name.

use super::*;
use crate::table::tests::{number, reads_back, value};
use crate::{Firing, Range, Reset, ResetGradient, ThresholdInSpike};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn plain() -> Cell {
    Cell::lif(Surrogate::atan(2.0).unwrap())
}

fn any_cell() -> impl Strategy<Value = Cell> {
    let numbers = (
        number(Range::UnitInterval),
        number(Range::Finite),
        number(Range::Finite),
        number(Range::Finite),
        number(Range::Positive),
        number(Range::BelowOne),
    );
    let pair = || option::of((number(Range::BelowOne), number(Range::Finite)));
    let kinds = (
        // Of extreme numbers some have a peak that f64 does not hold.
        value(Surrogate::ALL.iter().map(|one| &one.entry).collect())
            .prop_filter("out of what f64 holds", |surrogate| surrogate.check().is_ok()),
        value(Reset::ALL.iter().collect()),
        value(ResetGradient::ALL.iter().collect()),
        select(Firing::ALL),
        select(ThresholdInSpike::ALL),
    );
    let rest = (0_usize..5, any::<bool>(), any::<bool>());
    (numbers, pair(), pair(), kinds, rest).prop_map(|(numbers, synapse, adaptation, kinds, rest)| {
        let (decay, input_gain, drive, initial_potential, threshold, trace_decay) = numbers;
        let (surrogate, reset, reset_gradient, firing, threshold_in_spike) = kinds;
        let (refractory_steps, output_delay, residual) = rest;
        let residual_reset = residual && reset == Reset::SUBTRACT_THEN_DECAY;
        Cell {
            decay,
            input_gain,
            drive,
            initial_potential,
            threshold,
            trace_decay,
            synapse: synapse.map(|(decay, gain)| Synapse { decay, gain }),
            adaptation: adaptation.map(|(decay, scale)| Adaptation { decay, scale }),
            surrogate,
            reset,
            reset_gradient,
            firing,
            threshold_in_spike,
            refractory_steps,
            output_delay,
            residual_reset,
        }
    })
}

proptest! {
    #[test]
    fn text_and_json_read_back(cell in any_cell()) {
        cell.check().unwrap();
        reads_back(&cell);
    }
}

/// Every key once, and what reads as the same cell.
#[test]
fn a_line_says_what_differs_from_the_plain_cell() {
    assert_eq!(plain().to_string(), "lif surrogate atan 2");
    let all = "lif decay 0.9 gain 0.5 drive 0.1 initial 0.2 threshold 1.5 trace 0 synapse 0.5 0.7 adaptation \
               0.4 0.05 reset subtract-then-decay gradient scaled:0.5 firing at-or-above threshold-in-spike \
               detached refractory 3 output-delay residual-reset surrogate fast-sigmoid 25 scale unit-area";
    let cell: Cell = all.parse().unwrap();
    assert_eq!(cell.to_string(), all);
    assert!(KEYS.iter().all(|key| key.name == "tau" || all.contains(key.name)), "a key that nothing tests");
    for (short, long) in [
        (
            "lif tau 5 reset subtract detached surrogate atan 2",
            "lif reset subtract gradient detached surrogate atan 2",
        ),
        ("lif scaled-0.5 surrogate atan 2", "lif gradient scaled:0.5 surrogate atan 2"),
        ("  lif surrogate atan 2   reset value -0.5", "lif reset value -0.5 surrogate atan 2"),
    ] {
        assert_eq!(short.parse::<Cell>().unwrap().to_string(), long);
    }
}

#[test]
fn a_wrong_line_is_refused_by_its_word() {
    for (text, said) in [
        ("", "cell is \"\"; it must be \"lif\" and what differs"),
        ("alif surrogate atan 2", "\"alif surrogate atan 2\"; it must be \"lif\""),
        ("lif", "with a surrogate, such as \"surrogate sigmoid 0.2\""),
        ("lif leak 0.5 surrogate atan 2", "key of a cell is \"leak\"; it must be one of: decay NUMBER, tau"),
        ("lif decay surrogate atan 2", "it must be a number"),
        ("lif decay", "`decay NUMBER`"),
        ("lif surrogate atan 2 synapse 0.5", "`synapse DECAY GAIN`"),
        ("lif surrogate atan 2 surrogate atan 2", "without a second `surrogate`"),
        ("lif decay 0.5 tau 2 surrogate atan 2", "without a second `tau`"),
        ("lif tau 2 decay 0.5 surrogate atan 2", "without a second `decay`"),
        ("lif tau 0.5 surrogate atan 2", "membrane decay is -1, but must be between 0 and 1"),
        ("lif refractory 1.5 surrogate atan 2", "a whole number of steps"),
        ("lif reset sideways surrogate atan 2", "reset is \"sideways\""),
        ("lif residual-reset surrogate atan 2", "residual reset"),
        ("lif threshold 0 surrogate atan 2", "threshold is 0, but must be positive"),
        ("lif full detached surrogate atan 2", "without a second `gradient`"),
        ("lif surrogate", "`surrogate SURROGATE`"),
    ] {
        let error = text.parse::<Cell>().unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn json_is_the_neuron_of_an_audit_file() {
    let least = r#"{"decay":0.5,"surrogate":{"kind":"atan","slope":2.0},
        "reset":{"kind":"subtract","timing":"after-decay"},"reset_gradient":"detached"}"#;
    let cell: Cell = serde_json::from_str(least).unwrap();
    let same =
        Cell { decay: 0.5, reset: Reset::SUBTRACT, reset_gradient: ResetGradient::Detached, ..plain() };
    assert_eq!(cell, Cell { trace_decay: 0.0, ..same });
    for (json, said) in [
        (least.replace("0.5", "1.5"), "membrane decay is 1.5"),
        (least.replace("\"decay\"", "\"decoy\""), "unknown field `decoy`"),
        (least.replace("\"timing\":\"after-decay\"", "\"value\":1.0"), "missing field `timing`"),
    ] {
        let error = serde_json::from_str::<Cell>(&json).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let bad = Cell { drive: f64::NAN, ..plain() };
    assert!(serde_json::to_string(&bad).unwrap_err().to_string().contains("drive is NaN"));
}

/// A number out of its range, each by its name; nothing of the others is tested by it.
#[test]
fn check_names_each_number() {
    let synapse = |decay, gain| Cell { synapse: Some(Synapse { decay, gain }), ..plain() };
    let adaptation = |decay, scale| Cell { adaptation: Some(Adaptation { decay, scale }), ..plain() };
    for (cell, parameter) in [
        (Cell { decay: 1.1, ..plain() }, "membrane decay"),
        (Cell { input_gain: f64::INFINITY, ..plain() }, "input gain"),
        (Cell { drive: f64::NAN, ..plain() }, "drive"),
        (Cell { initial_potential: f64::NAN, ..plain() }, "initial potential"),
        (Cell { threshold: 0.0, ..plain() }, "threshold"),
        (Cell { trace_decay: 1.0, ..plain() }, "trace decay"),
        (synapse(1.0, 1.0), "synapse decay"),
        (synapse(0.5, f64::NAN), "synapse gain"),
        (adaptation(1.0, 1.0), "adaptation decay"),
        (adaptation(0.5, f64::NAN), "adaptation scale"),
        (Cell { reset: Reset::to_value(f64::NAN), ..plain() }, "reset value"),
        (Cell { reset_gradient: ResetGradient::Scaled(2.0), ..plain() }, "alpha"),
    ] {
        match cell.check() {
            Err(SnnError::Parameter { parameter: found, .. }) => assert_eq!(found, parameter),
            other => panic!("{parameter}: {other:?}"),
        }
    }
    plain().check().unwrap();
}
