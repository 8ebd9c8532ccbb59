use super::*;
use crate::file::tests::{golden, with_all_neurons, with_neurons};

fn gradient(name: &str, norm: f64, tolerance: f64, allowed: f64) -> GradientReport {
    GradientReport {
        name: name.into(),
        shape: vec![1],
        norm,
        error: 0.0,
        tolerance,
        difference: 0.0,
        allowed,
        wrong: 0,
        worst_row: None,
        worst_entry: None,
        matches: true,
    }
}

const SMALLEST: f64 = 1e-30;

/// Layer 1 fires, layer 3 does not.
const RATES: [(usize, f64); 2] = [(1, 0.25), (3, 0.0)];

#[test]
fn what_tells_nothing_is_said_with_its_reason() {
    let told = gradient("told", 1.0, 0.999, 1e-3);
    let zero = gradient("zero", 0.0, f64::INFINITY, 0.0);
    let of = |gradients: &[&GradientReport], rates: &[(usize, f64)]| {
        let gradients: Vec<_> = gradients.iter().map(|&g| g.clone()).collect();
        untold(&gradients, SMALLEST, rates)
    };
    assert_eq!(of(&[&told], &RATES), None);
    assert_eq!(of(&[&zero, &told], &RATES), None, "what vanishes has no tolerance, and is not drowned");
    let reason = of(&[&zero, &zero], &RATES).unwrap();
    assert!(reason.starts_with("all of them vanish"), "{reason}");
    let reason = of(&[&told], &[]).unwrap();
    assert!(reason.starts_with("no layer spikes"), "{reason}");
    let reason = of(&[&told], &[(1, 0.0), (3, 0.0)]).unwrap();
    assert!(reason.starts_with("no neuron fires"), "{reason}");
}

/// From a tolerance of 1 on rounding may be all there is, and of numbers that underflow there is a remedy.
#[test]
fn what_rounding_covers_is_named_and_what_underflows_has_a_remedy() {
    let plain = "rounding may be as large as the gradient of small, so that nothing was compared there";
    let small = |tolerance: f64, allowed: f64| {
        let told = gradient("told", 1.0, 1e-3, 1e-40);
        untold(&[told, gradient("small", 1e-9, tolerance, allowed)], SMALLEST, &RATES)
    };
    assert_eq!(small(0.999, 1e-3), None);
    assert_eq!(small(1.0, 1e-3).as_deref(), Some(plain));
    assert_eq!(small(50.0, 1e-3).as_deref(), Some(plain));
    // What is allowed is at least a thousand of the smallest numbers, or less.
    assert_eq!(small(1.0, 1e-27).as_deref(), Some(plain));
    let remedied = small(1.0, 0.99e-27).unwrap();
    assert!(
        remedied.contains("of small (its numbers are about as small as 1e-30, below which"),
        "{remedied}"
    );
    let both = [gradient("a", 1e-9, 2.0, 1e-3), gradient("b", 1e-9, 2.0, 1e-3)];
    assert!(untold(&both, SMALLEST, &RATES).unwrap().contains("the gradient of a, b, so"));
}

#[test]
fn what_vanishes_or_is_silent_in_part_is_said_besides() {
    let (told, zero) = (gradient("told", 1.0, 1e-3, 1e-3), gradient("zero", 0.0, 1.0, 0.0));
    let other = gradient("other", 0.0, 1.0, 0.0);
    let firing = [(1, 0.25), (3, 0.5)];
    assert_eq!(besides(std::slice::from_ref(&told), &firing), "");
    assert_eq!(besides(&[zero.clone(), other.clone()], &firing), "");
    assert_eq!(
        besides(&[zero.clone(), told.clone(), other], &firing),
        "; zero, other vanish, as they should"
    );
    let one = "; layer 3 never fires, so that its reset was not exercised";
    assert_eq!(besides(std::slice::from_ref(&told), &RATES), one);
    assert_eq!(besides(&[told.clone(), zero], &RATES), "; zero vanish, as they should".to_owned() + one);
    assert_eq!(besides(&[told], &[(1, 0.0), (3, 0.0)]), "");
}

fn explanation(code: &str, explains: bool) -> Explanation {
    Explanation { code: code.into(), words: format!("it is {code}"), residual: 0.25, explains, rule: None }
}

#[test]
fn the_best_explanation_is_the_verdict() {
    let claims = ["full".to_owned(), "scaled 0.5".to_owned()];
    let of = |explanations: &[Explanation], untried: usize| told(explanations, &claims, "so much", untried);
    let incomplete = "; 7 were not tried, as they take longer than a file of this size is given";
    let found = [explanation("detached", true), explanation("zeroed all", true)];
    for untried in [0, 7] {
        let (code, words) = of(&found, untried);
        let expected = "it is detached, where the claim is full, scaled 0.5; so much, residual 2.5e-1";
        assert_eq!((code.as_str(), words.as_str()), ("detached", expected));
    }
    // Places say where, and not what: another might.
    let places = [explanation("only layers.0.weight[3]", true)];
    assert!(!of(&places, 0).1.contains("not tried"));
    assert_eq!((of(&places, 7).0, of(&places, 7).1.ends_with(incomplete)), (places[0].code.clone(), true));
    let unknown = "the gradients are not those of the claim; so much";
    assert_eq!(of(&[], 0), ("unknown".into(), unknown.into()));
    assert_eq!(of(&[], 7), ("unknown".into(), format!("{unknown}{incomplete}")));
    let nearest = "; the nearest explanation is `detached`, with a residual of 2.50e-1";
    let far = [explanation("detached", false)];
    assert_eq!(of(&far, 0), ("unknown".into(), format!("{unknown}{nearest}")));
    assert!(of(&far, 7).1.ends_with(incomplete) && of(&far, 1).1.contains("; 1 were not tried"));
}

/// The gradients that are another's as well; a layer without spikes has none.
#[test]
fn other_gradients_that_match_are_found() {
    let of = |file: &AuditFile| others_that_match(&NetworkRun::<Bounded>::new(file).unwrap()).unwrap();
    let none: [&str; 0] = [];
    assert_eq!(of(&golden("norse-box-subtract")), none);
    // One step: whatever flows through time, nothing does.
    let one_step = golden("spikingjelly-lif-soft-one-step");
    assert_eq!(of(&one_step), ["detached", "spatial-only"]);
    // Without a reset, all that let the potential through are one.
    assert_eq!(of(&golden("snntorch-leaky-none")), none);
    let mut quiet = one_step.clone();
    for layer in &mut quiet.layers {
        layer.constants = None;
    }
    assert_eq!(claims(&quiet), ["no spiking layer"]);
    assert_eq!(claims(&one_step), ["full"]);
}

/// The norm of what is missing over that of the claim; of a claim of nothing, infinite.
#[test]
fn the_relative_weight_is_of_what_is_missing() {
    let mut file = golden("norse-box-subtract");
    let claimed: Vec<Expected> = file.gradients.iter().map(|g| Expected::exactly(g.value.to_vec())).collect();
    assert_eq!(weight(&file, &claimed), 0.0);
    for recorded in &mut file.gradients {
        recorded.value = recorded.value.map(|x: f64| 0.25 * x);
    }
    // A quarter is exact in binary; the quotient of norms has a few roundings.
    assert!((weight(&file, &claimed) - 0.75).abs() < 1e-14);
    let nothing: Vec<Expected> =
        file.gradients.iter().map(|g| Expected::exactly(vec![0.0; g.value.len()])).collect();
    assert_eq!(weight(&file, &nothing), f64::INFINITY);
}

/// Unless it is asked for, nothing is searched for, and nothing was left untried.
#[test]
fn without_a_search_there_is_no_explanation() {
    let mut file = golden("norse-box-subtract");
    for recorded in &mut file.gradients {
        recorded.value = recorded.value.map(|x: f64| 2.0 * x);
    }
    let options = |search| crate::AuditOptions { proof: false, profiles: false, search, seed: 1 };
    let report = crate::audit(&file, &options(false)).unwrap();
    assert!(report.explanations.is_empty() && report.code == "unknown", "{}", report.code);
    assert!(!report.words.contains("not tried"), "{}", report.words);
    assert!(!crate::audit(&file, &options(true)).unwrap().explanations.is_empty());
}

/// One gradient that underflows is enough for the remedy.
#[test]
fn what_underflows_beside_others_has_a_remedy() {
    let both = [gradient("a", 1e-9, 2.0, 1e-3), gradient("b", 1e-9, 2.0, 1e-28)];
    assert!(untold(&both, SMALLEST, &RATES).unwrap().contains("digits are lost"));
}

#[test]
fn a_claim_of_nothing_has_no_weight_to_be_relative_to() {
    let mut file = golden("norse-box-subtract");
    for recorded in &mut file.gradients {
        recorded.value = recorded.value.map(|_| 0.0);
    }
    let nothing: Vec<Expected> = file.gradients.iter().map(|g| Expected::exactly(g.value.to_vec())).collect();
    assert_eq!(weight(&file, &nothing), f64::INFINITY);
}

/// Another claim of one layer is enough for a gradient to be another; of a layer that does not spike there is none.
#[test]
fn one_layer_makes_a_gradient_another() {
    let of = |file: &AuditFile| others_that_match(&NetworkRun::<Bounded>::new(file).unwrap()).unwrap();
    let one_step = golden("spikingjelly-lif-soft-one-step");
    let last = one_step.layers.iter().rposition(|layer| layer.constants.is_some()).unwrap();
    assert!(last > 1);
    let mixed = with_neurons(&one_step, last, |c| c.cell.reset_gradient = ResetGradient::Detached);
    assert_eq!(of(&mixed), ["full", "detached", "spatial-only"]);
    let quiet = with_all_neurons(&one_step, |c| c.spiking = false);
    let run = NetworkRun::<f64>::new(&quiet).unwrap();
    let found = run.recorded(&run.gradients(&Rule::default()).unwrap());
    let mut own = quiet.clone();
    for (recorded, values) in own.gradients.iter_mut().zip(found) {
        recorded.value = resurge_tensor::Tensor::from_vec(recorded.value.shape().clone(), values).unwrap();
    }
    assert_eq!(of(&own), [""; 0]);
}
