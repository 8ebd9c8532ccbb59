//! Claims of what a gradient is, and the search for what it is instead; against Resurge's own cells.

use crate::cells::{gradient, program};
use crate::draft::{Data, Draft};
use resurge_program::{CheckOptions, Claim, ProgramError, ProgramFile, ProgramReport, check};
use resurge_snn::{Cell, Reset, ResetGradient, ResetKind, ResetTiming, Surrogate};

const RULES: [(&str, ResetGradient); 4] = [
    ("full", ResetGradient::Full),
    ("detached", ResetGradient::Detached),
    ("spatial-only", ResetGradient::SpatialOnly),
    ("scaled:0.25", ResetGradient::Scaled(0.25)),
];

/// Cells of every reset, with and without a synapse and an adaptive threshold.
fn cells() -> Vec<(String, Cell)> {
    let plain = Cell::lif(Surrogate::atan(2.0).unwrap()).with_decay(0.8).unwrap();
    let kinds = [ResetKind::Subtract, ResetKind::ToZero, ResetKind::ToValue(0.1)];
    let timings = [ResetTiming::BeforeDecay, ResetTiming::AfterDecay, ResetTiming::AfterInput];
    let mut found = Vec::new();
    for (kind, timing) in kinds.iter().flat_map(|&kind| timings.map(|timing| (kind, timing))) {
        let Ok(cell) = plain.with_reset(Reset { kind, timing }) else { continue };
        found.push((format!("{kind:?} {timing:?}"), cell));
    }
    found.push(("synapse".into(), plain.with_synapse(0.6, 0.8).unwrap()));
    found.push(("adaptation".into(), plain.with_adaptation(0.7, 0.5).unwrap()));
    found.push((
        "both".into(),
        plain.with_synapse(0.5, 1.0).unwrap().with_adaptation(0.7, 0.5).unwrap().with_decay(0.9).unwrap(),
    ));
    found
}

fn claiming(draft: &Draft, claim: &str) -> ProgramReport {
    let claim = Some(claim.parse().expect("a claim"));
    draft.checked(&CheckOptions { claim, ..CheckOptions::default() })
}

fn relative(own: &[f64], other: &[f64]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut own.iter().zip(other).map(|(a, b)| a - b)) / norm(&mut other.iter().copied())
}

/// Each cell under each rule is what its rule is called, and the other rules differ from it by what they do in the cell.
#[test]
fn a_claim_is_judged_as_the_cells_do() {
    for (name, cell) in cells() {
        for (own, rule) in &RULES[..3] {
            let cell = cell.with_reset_gradient(*rule);
            let own_gradient = gradient(&cell);
            let draft = program(&cell, &own_gradient);
            for (claim, claimed) in RULES {
                let report = claiming(&draft, claim);
                let fact = report.claim.clone().expect("a claim was made");
                let words = format!("{name}, {own}, claimed {claim}: {}", report.words);
                assert_eq!(report.reset_gradient.as_deref(), Some(*own), "{words}");
                if claim == *own {
                    assert_eq!((report.code.as_str(), fact.holds), ("proved", Some(true)), "{words}");
                    continue;
                }
                assert_eq!((report.code.as_str(), fact.holds), ("claim", Some(false)), "{words}");
                assert!(!report.matches && report.words.contains("cell.py"), "{words}");
                let right = relative(&own_gradient, &gradient(&cell.with_reset_gradient(claimed)));
                // Both are sums of some hundred products, rounded in another order.
                assert!((fact.difference - right).abs() < 1e-12, "{words}: {} and {right}", fact.difference);
            }
        }
    }
}

/// A gradient that is that of another rule is named, without that a claim was made.
#[test]
fn the_gradient_that_it_is_instead_is_named() {
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_decay(0.8).unwrap();
    let named = |own: ResetGradient, recorded: &[f64]| {
        let report = program(&cell.with_reset_gradient(own), recorded).checked(&CheckOptions::default());
        assert_eq!((report.code.as_str(), report.matches), ("gradient", false), "{}", report.words);
        assert!(report.explanations[0].explains, "{:?}", report.explanations);
        report.words
    };
    let of = |rule| gradient(&cell.with_reset_gradient(rule));
    let words = named(ResetGradient::Detached, &of(ResetGradient::Full));
    assert!(words.contains("with every reset attached"), "{words}");
    let words = named(ResetGradient::Full, &of(ResetGradient::Detached));
    assert!(words.contains("with every reset detached"), "{words}");
    let words = named(ResetGradient::Full, &of(ResetGradient::SpatialOnly));
    assert!(words.contains("every state of the step before detached"), "{words}");
    let words = named(ResetGradient::Full, &of(ResetGradient::Scaled(0.25)));
    assert!(words.contains("with the reset times 0.25"), "{words}");
    let tripled: Vec<f64> = of(ResetGradient::Full).iter().map(|x| 3.0 * x).collect();
    assert!(named(ResetGradient::Full, &tripled).contains("the program's gradient times 3"));
    let slopes = cell.with_surrogate(cell.surrogate.with_scale(resurge_snn::SurrogateScale::Peak(0.5)));
    let words = named(ResetGradient::Full, &gradient(&slopes));
    assert!(words.contains("the slopes of spike at cell.py:3 under net.py:9 times 0.5"), "{words}");
    let width = cell.surrogate.width();
    let shape = Surrogate::ALL.iter().find(|one| one.entry.name == "triangle").unwrap();
    let other = shape.of_width.unwrap()(width).unwrap().with_scale(resurge_snn::SurrogateScale::PeakOne);
    let words = named(ResetGradient::Full, &gradient(&cell.with_surrogate(other)));
    assert!(words.contains("with the slopes of triangle"), "{words}");
}

/// What is nothing of all that gets the nearest, and no name.
#[test]
fn what_is_no_gradient_is_not_explained() {
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap());
    let mut recorded = gradient(&cell);
    recorded[3] *= 1.0 + 1e-6;
    let report = program(&cell, &recorded).checked(&CheckOptions::default());
    assert!(!report.matches && report.explanations.iter().all(|e| !e.explains), "{report}");
}

#[test]
fn places_are_claimed_by_file_and_line() {
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap());
    let detached = cell.with_reset_gradient(ResetGradient::Detached);
    let draft = program(&detached, &gradient(&detached));
    for (claim, code) in [
        ("cell.py:5=detached", "proved"),
        ("lib/cell.py:5=attached", "claim"),
        ("cell.py:5=scaled:0.5", "claim"),
        ("net.py:9=detached", "proved"),
    ] {
        let report = claiming(&draft, claim);
        assert_eq!(report.code, code, "{claim}: {}", report.words);
    }
    let draft = program(&cell, &gradient(&cell));
    for (claim, code) in [("cell.py:3=attached", "proved"), ("cell.py:3=detached", "claim")] {
        let report = claiming(&draft, claim);
        assert_eq!(report.code, code, "{claim}: {}", report.words);
    }
}

#[test]
fn a_claim_that_says_nothing_is_refused() {
    for (claim, words) in [
        (
            "attached",
            "the claim `attached`: reset gradient is \"attached\"; it must be one of: full, detached",
        ),
        ("scaled:7", "alpha is 7"),
        ("net.py:9=off", "`off` is none of attached, detached and scaled:FACTOR"),
        ("=detached", "does not say PLACE=attached"),
    ] {
        let error = claim.parse::<Claim>().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap());
    let file = ProgramFile::parse(&program(&cell, &gradient(&cell)).bytes()).unwrap();
    for place in ["cell.py:4", "ell.py:3", "py:3"] {
        let claim = Some(format!("{place}=attached").parse().unwrap());
        let error = check(&file, &CheckOptions { claim, ..CheckOptions::default() }).unwrap_err();
        assert!(matches!(error, ProgramError::Claim { .. }), "{error}");
        assert!(error.to_string().contains("there are cell.py:3 under net.py:9"), "{error}");
    }
}

/// Without a spike that comes back, and where the reset changes nothing.
#[test]
fn what_this_input_cannot_tell_is_undecided() {
    let mut draft = Draft::new();
    let x = draft.leaf(&[3]);
    draft.squared(x, 1);
    draft.numbers("cotangent.0", &[3], crate::draft::drawn(3, 1).iter().map(|x| 2.0 * x).collect());
    let report = claiming(&draft, "detached");
    assert_eq!((report.code.as_str(), report.reset_gradient.as_deref()), ("undecided", None));
    assert!(report.words.contains("no spike is seen to come back"), "{}", report.words);
    // Where no spike has a slope, the reset has no gradient to be attached or not.
    let narrow = Surrogate::ALL.iter().find(|one| one.entry.name == "triangle").unwrap();
    let cell = Cell::lif(narrow.of_width.unwrap()(1e-3).unwrap());
    let detached = cell.with_reset_gradient(ResetGradient::Detached);
    let report = claiming(&program(&detached, &gradient(&detached)), "full");
    assert_eq!((report.code.as_str(), report.claim.clone().unwrap().holds), ("undecided", None));
    assert!(report.words.contains("on this input that changes nothing"), "{}", report.words);
}

/// A reset by a comparison of the spike has no gradient, whatever is claimed.
#[test]
fn a_reset_by_a_comparison_is_detached() {
    let plain = Cell::lif(Surrogate::atan(2.0).unwrap()).with_decay(0.8).unwrap();
    let cell = plain.with_reset(Reset::TO_ZERO).unwrap().with_reset_gradient(ResetGradient::Detached);
    let mut draft = program(&cell, &gradient(&cell));
    let stops = (0..draft.nodes.len()).filter(|&i| draft.nodes[i]["op"] == "stop").collect::<Vec<_>>();
    for stop in stops {
        let spike = format!("value.{}", draft.nodes[stop]["in"][0]);
        let Some((_, Data::Numbers(shape, values))) = draft.tensors.iter().find(|(n, _)| *n == spike) else {
            panic!("{spike}");
        };
        let (shape, values) = (shape.clone(), values.clone());
        draft.nodes[stop]["op"] = "decide".into();
        draft.nodes[stop]["with"] = serde_json::json!({ "kind": "ne" });
        draft.numbers(&format!("value.{stop}"), &shape, values);
    }
    let report = claiming(&draft, "detached");
    assert_eq!((report.code.as_str(), report.reset_gradient.as_deref()), ("proved", Some("detached")));
    let report = claiming(&draft, "full");
    assert_eq!(report.code, "claim", "{}", report.words);
    assert!(report.words.contains("cell.py:5 under net.py:9 is a comparison"), "{}", report.words);
}
