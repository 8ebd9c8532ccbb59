//! The table of surrogates, and that text and JSON read back.

use super::*;
use crate::table::tests::{keeps_its_promises, number, reads_back, value};
use proptest::prelude::*;

fn read(json: &str) -> std::result::Result<Surrogate, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn the_table_keeps_its_promises() {
    keeps_its_promises(&entries());
    for one in Surrogate::ALL {
        let made = one.entry.of(one.entry.sample).unwrap();
        made.check().unwrap();
        assert_eq!(made.name() == one.entry.name, one.canonical, "{}", one.entry.name);
    }
}

/// A kind that no entry is of would have no text and no check.
#[test]
fn every_kind_has_its_entry_with_its_numbers() {
    for one in Surrogate::ALL {
        let made = one.entry.of(one.entry.sample).unwrap();
        let its = entry_of(&made.kind).unwrap();
        let keys: Vec<_> = its.entry.parameters.iter().map(|parameter| parameter.name).collect();
        // `Debug` names the fields of the kind: `MultiGaussian { width: 0.5, wings: 0.15, ratio: 6.0 }`.
        let shown = format!("{:?}", made.kind);
        let numbers = made.kind.numbers();
        assert_eq!(keys.len(), numbers.len(), "{shown}");
        for (key, number) in keys.iter().zip(numbers) {
            assert!(shown.contains(&format!("{key}: {number:?}")), "{shown}: {key} is not {number}");
        }
        assert_eq!(shown.matches(": ").count(), keys.len(), "{shown}");
    }
}

#[test]
fn those_with_an_area_have_it_and_those_of_a_width_have_that() {
    for one in Surrogate::ALL {
        let name = one.entry.name;
        let made = one.entry.of(one.entry.sample).unwrap();
        let unit = made.with_scale(SurrogateScale::UnitArea);
        assert_eq!(unit.check().is_ok(), one.area, "{name}");
        let rise: f64 = unit.primitive(1e9) - unit.primitive(-1e9);
        // Heavy tails approach the area like 1/x.
        assert_eq!((rise - 1.0).abs() < 1e-8, one.area, "{name}: {rise}");
        if let Some(of_width) = one.of_width {
            let wide = of_width(1.7).unwrap();
            assert_eq!(wide.name(), name);
            let width = if one.area { 1.7 } else { 1.0 };
            assert!((wide.width() - width).abs() < 1e-15 * 4.0, "{name}: {}", wide.width());
        }
        if let Some(numbers) = one.digits {
            assert_eq!(one.entry.of(numbers).unwrap().name(), name);
        }
    }
}

#[test]
fn the_scale_is_written_where_it_is_not_the_customary_one() {
    let sigmoid = Surrogate::sigmoid(0.2).unwrap();
    for (surrogate, text) in [
        (sigmoid, "sigmoid 0.2"),
        (sigmoid.with_scale(SurrogateScale::PeakOne), "sigmoid 0.2 scale peak-one"),
        (sigmoid.with_scale(SurrogateScale::Peak(0.3)), "sigmoid 0.2 scale peak 0.3"),
        (Surrogate::fast_sigmoid(25.0).unwrap(), "fast-sigmoid 25"),
        (Surrogate::asymptotic_superspike(3.0).unwrap(), "fast-sigmoid 3 scale peak 3"),
        (Surrogate::multi_gaussian(0.5, 0.15, 6.0).unwrap(), "multi-gaussian 0.5 0.15 6"),
        (Surrogate::straight_through(), "straight-through"),
    ] {
        assert_eq!(surrogate.to_string(), text);
        assert_eq!(text.parse(), Ok(surrogate));
    }
    assert_eq!("multi-gaussian 0.5".parse(), Surrogate::multi_gaussian(0.5, 0.15, 6.0));
    assert_eq!("erf 2".parse(), Surrogate::erf(2.0));
    assert_eq!("  tanh   2 ".parse(), Surrogate::tanh(2.0));
}

#[test]
fn a_text_that_is_no_surrogate_is_told_what_may_be_written() {
    for (text, says) in [
        ("", "surrogate is \"\"; it must be one of: sigmoid WIDTH, tanh SLOPE, atan SLOPE"),
        ("custom", "surrogate is \"custom\"; it must be one of: sigmoid WIDTH"),
        ("Sigmoid 0.2", "surrogate is \"Sigmoid 0.2\"; it must be one of: sigmoid WIDTH"),
        ("sigmoid", "surrogate is \"sigmoid\"; it must be \"sigmoid WIDTH\", such as \"sigmoid 0.3125\""),
        ("sigmoid 1 2", "surrogate is \"sigmoid 1 2\"; it must be \"sigmoid WIDTH\""),
        ("sigmoid wide", "surrogate is \"sigmoid wide\"; it must be \"sigmoid WIDTH\""),
        ("sigmoid -1", "sigmoid width is -1, but must be positive and finite"),
        ("multi-gaussian 1 0.5", "multi-Gaussian wings is 0.5, but must be at least 0 and less than 0.5"),
        ("sigmoid 1 scale", "surrogate scale is \"\"; it must be one of: unit-area, peak-one, peak HEIGHT"),
        ("sigmoid 1 scale tall", "surrogate scale is \"tall\"; it must be one of: unit-area"),
        ("sigmoid 1 scale peak x", "surrogate scale is \"peak x\"; it must be one of: unit-area"),
        ("sigmoid 1 scale peak 0", "surrogate peak is 0, but must be positive and finite"),
        (
            "heaviside 1 scale unit-area",
            "it must be of scale \"peak-one\" or \"peak HEIGHT\": it has no area",
        ),
    ] {
        let error = text.parse::<Surrogate>().unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn json_has_the_keys_of_the_audit_file() {
    let json = r#"{"kind":"multi-gaussian","width":0.5,"wings":0.25,"ratio":3.0,"scale":"unit-area"}"#;
    let made = Surrogate::multi_gaussian(0.5, 0.25, 3.0).unwrap().with_scale(SurrogateScale::UnitArea);
    assert_eq!((serde_json::to_string(&made).unwrap().as_str(), read(json)), (json, Ok(made)));
    assert_eq!(read(r#"{"slope":25,"kind":"fast-sigmoid"}"#), Ok(Surrogate::fast_sigmoid(25.0).unwrap()));
    let tall = Surrogate::atan(2.0).unwrap().with_scale(SurrogateScale::Peak(0.3));
    assert_eq!(read(r#"{"kind":"atan","slope":2.0,"scale":{"peak":0.3}}"#), Ok(tall));
    for (json, says) in [
        (r#"{"width":0.2}"#, "missing field `kind`"),
        (r#"{"kind":"sigma","width":0.2}"#, "surrogate kind is \"sigma\"; it must be one of: sigmoid, tanh"),
        (r#"{"kind":"sigmoid"}"#, "`width` is missing, but sigmoid needs it"),
        (r#"{"kind":"multi-gaussian","width":1}"#, "`wings` is missing, but multi-gaussian needs it"),
        (r#"{"kind":"sigmoid","width":0.2,"slope":1}"#, "the surrogate sigmoid has no `slope`; leave it out"),
        (r#"{"kind":"sigmoid","width":0.2,"width":0.3}"#, "duplicate field `width`"),
        (r#"{"kind":"sigmoid","width":"0.2"}"#, "`width`: invalid type: string"),
        (r#"{"kind":"sigmoid","width":0.0}"#, "sigmoid width is 0, but must be positive and finite"),
        (r#"{"kind":"sigmoid","width":1,"scale":"flat"}"#, "unknown variant `flat`"),
        (r#"{"kind":"sigmoid","width":1,"scale":{"peak":-1}}"#, "surrogate peak is -1, but must be positive"),
        (r#"{"kind":"straight-through","scale":"unit-area"}"#, "it has no area"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(says), "{json}: {error}");
    }
}

#[test]
fn what_no_file_holds_is_refused_and_not_written_otherwise() {
    let custom = Surrogate::custom(0.5, |_, x| x).unwrap();
    assert_eq!((custom.to_string().as_str(), custom.check()), ("custom", Ok(())));
    let error = serde_json::to_string(&custom).unwrap_err().to_string();
    assert!(error.contains("a custom surrogate is a function"), "{error}");
    let narrow =
        Surrogate { kind: SurrogateKind::Sigmoid { width: f64::NAN }, scale: SurrogateScale::PeakOne };
    assert!(serde_json::to_string(&narrow).unwrap_err().to_string().contains("sigmoid width is NaN"));
    let low = Surrogate::straight_through().with_scale(SurrogateScale::Peak(f64::INFINITY));
    assert_eq!(
        low.check().unwrap_err().to_string(),
        "surrogate peak is inf, but must be positive and finite"
    );
}

/// Fields are public, so that numbers out of range can be written down: no run takes them.
#[test]
fn a_spike_refuses_a_surrogate_that_is_none() {
    let mut tape = resurge_autodiff::Tape::<f64>::new();
    let x = tape.leaf(resurge_tensor::Tensor::zeros([2]).unwrap());
    let surrogate = Surrogate { kind: SurrogateKind::Atan { slope: 0.0 }, scale: SurrogateScale::UnitArea };
    let error = crate::spike(&mut tape, x, surrogate, crate::Firing::Above).unwrap_err();
    assert_eq!(error.to_string(), "atan slope is 0, but must be positive and finite");
}

fn scaled() -> impl Strategy<Value = Surrogate> {
    let scale = prop_oneof![
        Just(None),
        Just(Some(SurrogateScale::UnitArea)),
        Just(Some(SurrogateScale::PeakOne)),
        number(Range::Positive).prop_map(|height| Some(SurrogateScale::Peak(height))),
    ];
    (value(entries()), scale)
        .prop_map(|(made, scale)| Surrogate { scale: scale.unwrap_or(made.scale), ..made })
}

proptest! {
    #[test]
    fn text_and_json_read_back_to_the_bit(surrogate in scaled()) {
        // Of unit area without one, or of a peak that overflows: `check` says so.
        prop_assume!(surrogate.check().is_ok());
        reads_back(&surrogate);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(sigmoid|heaviside|scale|peak|[-0-9.e]{1,6}|[a-z ]{0,9}| ){0,7}") {
        if let Ok(surrogate) = text.parse::<Surrogate>() {
            reads_back(&surrogate);
        }
    }
}
