use super::*;
use crate::file::tests::{golden, with_all_neurons};
use crate::reader::tests::Draft;
use crate::run::SurrogateChange;
use resurge_snn::{Reset, SurrogateScale};
use resurge_tensor::Tensor;
use serde_json::json;

const NAME: &str = "spikingjelly-lif-default";

/// A file whose gradients are those of another rule.
fn under(name: &str, rule: &Rule) -> AuditFile {
    let file = golden(name);
    let run = NetworkRun::<f64>::new(&file).unwrap();
    let found = run.recorded(&run.gradients(rule).unwrap());
    let mut other = file.clone();
    for (recorded, values) in other.gradients.iter_mut().zip(found) {
        recorded.value = Tensor::from_vec(recorded.value.shape().clone(), values).unwrap();
    }
    other
}

fn found(file: &AuditFile) -> (Vec<Explanation>, usize) {
    let run = NetworkRun::<Bounded>::new(file).unwrap();
    let claimed = run.expected(&Rule::default()).unwrap();
    search(&run, &claimed).unwrap()
}

/// The first explanation, which must explain everything, and of which nothing may be left.
fn best(file: &AuditFile) -> String {
    let (explanations, untried) = found(file);
    assert_eq!(untried, 0);
    let best = &explanations[0];
    // The file's own gradients are of rounded constants; f64 leaves less.
    assert!(best.explains && best.residual < 1e-6, "{best:?}");
    let explaining = explanations.iter().take_while(|one| one.explains).count();
    assert!(explanations[explaining..].iter().all(|one| !one.explains));
    let rest = &explanations[explaining..];
    assert!(rest.windows(2).all(|two| two[0].residual <= two[1].residual), "by what they leave");
    best.code.clone()
}

fn of(rule: Rule) -> String {
    best(&under(NAME, &rule))
}

#[test]
fn the_reset_gradient_is_named() {
    assert_eq!(of(Rule { reset_gradient: Some(ResetGradient::Detached), ..Rule::default() }), "detached");
    let spatial = Rule { reset_gradient: Some(ResetGradient::SpatialOnly), ..Rule::default() };
    assert_eq!(of(spatial), "spatial-only");
}

#[test]
fn a_truncation_or_a_shift_is_named() {
    assert_eq!(of(Rule { truncated: 7, ..Rule::default() }), "truncated 7");
    assert_eq!(of(Rule { shift: 2, ..Rule::default() }), "time-shift 2");
}

#[test]
fn another_surrogate_is_named() {
    let shape = SurrogateChange::Shape("triangle");
    assert_eq!(of(Rule { surrogate: shape, ..Rule::default() }), "surrogate triangle");
    // Of unit area, this gaussian has a peak of 0.997.
    let rule = Rule { surrogate: SurrogateChange::Scale(SurrogateScale::PeakOne), ..Rule::default() };
    assert_eq!(best(&under("sinabs-alif-gaussian-synapse", &rule)), "surrogate-peak-one");
}

#[test]
fn another_reset_is_named() {
    let reset = Some(Reset::SUBTRACT_THEN_DECAY);
    assert_eq!(of(Rule { reset, ..Rule::default() }), "reset subtract before-decay");
}

#[test]
fn a_fitted_reset_is_named() {
    let scaled = |alpha: f64| Rule { reset_gradient: Some(ResetGradient::Scaled(alpha)), ..Rule::default() };
    assert_eq!(of(scaled(0.3)), "scaled 0.3");
    assert_eq!(of(scaled(-0.4)), "scaled -0.4");
}

#[test]
fn a_fitted_surrogate_is_named() {
    assert_eq!(of(Rule { factor: 0.37, ..Rule::default() }), "surrogate-scale 0.37");
    assert_eq!(of(Rule { width: 1.7, ..Rule::default() }), "surrogate-width 1.7");
}

/// Multiples of the whole gradient, by the batch (2 samples) with its own words.
#[test]
fn a_multiple_of_the_gradient_is_named() {
    let times = |factor: f64| {
        let mut file = under(NAME, &Rule::default());
        for recorded in &mut file.gradients {
            recorded.value = recorded.value.map(|x: f64| factor * x);
        }
        file
    };
    let run = |file: &AuditFile| {
        let run = NetworkRun::<Bounded>::new(file).unwrap();
        let claimed = run.expected(&Rule::default()).unwrap();
        let at_claim = Comparison::new(file, &claimed);
        let plain = NetworkRun::new(file).unwrap();
        let search = Search { file, run: &run, plain, claimed: &claimed, at_claim: &at_claim };
        let found = search.whole_gradient();
        let yes = found.iter().filter(|one| one.explains).map(|one| one.code.clone());
        (found.len(), yes.collect::<Vec<_>>())
    };
    assert_eq!(run(&times(2.5)), (3, vec!["gradient-scale 2.5".into()]));
    assert_eq!(run(&times(-1.0)), (3, vec!["gradient-scale -1".into()]));
    assert_eq!(run(&times(2.0)), (3, vec!["batch-sum".into(), "gradient-scale 2".into()]));
    assert_eq!(run(&times(0.5)), (3, vec!["batch-mean".into(), "gradient-scale 0.5".into()]));
    // Once the right one, and nothing, are no multiples.
    assert_eq!(run(&times(1.0)), (2, vec![]));
    assert_eq!(run(&times(0.0)), (2, vec![]));
    let one_sample = times(3.0).cropped(20, 1).unwrap();
    assert_eq!(run(&one_sample).0, 1);
    assert_eq!(best(&times(2.0)), "batch-sum");
    assert_eq!(best(&times(0.0)), "zeroed all");
}

/// A fit needs a third of the passes for its starts and its steps; without a spiking layer there is none.
#[test]
fn what_there_are_not_enough_passes_for_is_counted() {
    let file = under(NAME, &Rule { width: 1.7, ..Rule::default() });
    let run = NetworkRun::<Bounded>::new(&file).unwrap();
    let claimed = run.expected(&Rule::default()).unwrap();
    let at_claim = Comparison::new(&file, &claimed);
    let plain = NetworkRun::new(&file).unwrap();
    let search = Search { file: &file, run: &run, plain, claimed: &claimed, at_claim: &at_claim };
    // Starts: 5 of the reset term, 6 of the surrogate's scale, 25 of its width; 30 passes more each.
    for (passes, untried) in [(0, 3), (3 * 35 - 1, 3), (3 * 35, 2), (3 * 36, 1), (3 * 55 - 1, 1), (3 * 55, 0)]
    {
        assert_eq!(search.fitted(passes).unwrap().1, untried, "{passes} passes");
    }
    let mut quiet = file.clone();
    quiet.layers.iter_mut().for_each(|layer| layer.constants = None);
    let silent = Search { file: &quiet, ..search };
    assert_eq!(silent.fitted(1000).unwrap().1, 0);
    assert!(silent.fitted(1000).unwrap().0.is_empty());
}

#[test]
fn places_are_told_from_rules() {
    let of = |code: &str| Explanation {
        code: code.into(),
        words: String::new(),
        residual: 0.0,
        explains: true,
        rule: None,
    };
    assert!(of("only layers.0.weight[3]").is_of_places() && !of("detached").is_of_places());
}

/// A file of which nothing is an explanation, not even that one tensor alone is wrong.
fn inexplicable() -> AuditFile {
    let mut file = under(NAME, &Rule::default());
    for recorded in &mut file.gradients {
        let mut sign = 1.0;
        recorded.value = recorded.value.map(|x: f64| {
            sign = -sign;
            sign * x + 0.1 * sign
        });
    }
    file
}

/// What a candidate leaves counts against the tolerance of the claim: of one that leaves a tenth at the least, the bar is
/// four of them.
#[test]
fn what_is_near_is_so_by_the_claims_tolerance() {
    let file = under(NAME, &Rule::default());
    let run = NetworkRun::<Bounded>::new(&file).unwrap();
    let claimed = run.expected(&Rule::default()).unwrap();
    let wrong = candidate("wrong", "", Rule { shift: 1, ..Rule::default() });
    let promising = |share: f64| {
        let plain = NetworkRun::new(&file).unwrap();
        let left = plain.recorded(&plain.gradients(&wrong.rule).unwrap());
        let left: Vec<_> = left.into_iter().map(Expected::exactly).collect();
        let mut at_claim = Comparison::new(&file, &left);
        assert!(at_claim.tensors.iter().any(|tensor| tensor.error > 0.1));
        at_claim.tensors.iter_mut().for_each(|tensor| tensor.tolerance = share * tensor.error);
        let search = Search { file: &file, run: &run, plain, claimed: &claimed, at_claim: &at_claim };
        search.near(&wrong).unwrap().1
    };
    assert!(promising(0.26) && !promising(0.24));
}

/// A smaller file of the same sort: one sample of one neuron, twenty steps.
fn small() -> AuditFile {
    let neuron = json!({
        "kind": "neuron", "decay": 0.5, "threshold": 1, "reset": {"kind": "subtract", "timing": "before-decay"},
        "reset_gradient": "full", "surrogate": {"kind": "fast-sigmoid", "slope": 4},
    });
    let linear = json!({"kind": "linear", "bias": false});
    let shape = [20, 1, 1];
    let numbers = |times: usize| -> Vec<f64> { (0..20).map(|i| (i * times % 19) as f64 / 8.0).collect() };
    Draft::new(&json!([linear, neuron]), &json!({"kind": "weighted-sum"}))
        .with("input", &[20, 1, 2], &[numbers(7), numbers(5)].concat())
        .with("layers.0.weight", &[1, 2], &[0.5, 0.75])
        .with("loss.weight", &shape, &numbers(11))
        .with("gradients.layers.0.weight", &[1, 2], &[1.0, -7.0])
        .with("gradients.input", &[20, 1, 2], &[numbers(3), numbers(4)].concat())
        .read()
        .unwrap()
}

/// Within few passes the usual truncations are tried, then the fits have theirs, then the other truncations; the others
/// are counted. Of 20 steps there are 19 truncations, of which nine are usual.
#[test]
fn passes_are_spent_in_the_order_of_preference() {
    let file = small();
    let run = NetworkRun::<Bounded>::new(&file).unwrap();
    let claimed = run.expected(&Rule::default()).unwrap();
    let (all, _) = within(&run, &claimed, 1000).unwrap();
    assert!(all.iter().all(|one| !one.explains));
    let a_fit =
        |code: &str| ["scaled ", "surrogate-scale ", "surrogate-width "].iter().any(|c| code.starts_with(c));
    let tried =
        |all: &[Explanation]| all.iter().filter(|one| one.rule.is_some() && !a_fit(&one.code)).count();
    let rules = plain_rules(&file).len()
        + time_shifts(&file).len()
        + other_surrogates(&file).len()
        + other_resets(&file).len();
    assert_eq!(tried(&all), rules + 19);
    for (passes, truncated, untried) in [
        // The fits need thirds of 35, 36 and 55.
        (rules, 0, 19 + 3),
        (rules + 1, 1, 18 + 3),
        (rules + 9 + 104, 9, 10 + 3),
        (rules + 9 + 105, 9, 10 + 2),
        (rules + 9 + 164, 9, 10 + 1),
        (rules + 9 + 165, 9, 10),
        (rules + 9 + 255, 9, 10),
        (rules + 9 + 256, 10, 9),
        (rules + 19 + 254, 18, 1),
        (rules + 19 + 255, 19, 0),
    ] {
        let (found, left) = within(&run, &claimed, passes).unwrap();
        assert_eq!((tried(&found), left), (rules + truncated, untried), "{passes} passes");
    }
    // Not even for the rules, of which the last are of resets.
    let (found, left) = within(&run, &claimed, rules - 2).unwrap();
    assert_eq!((tried(&found), left), (rules - 2, 2 + 19 + 3));
    let last = other_resets(&file).pop().unwrap().code;
    assert!(all.iter().any(|one| one.code == last) && found.iter().all(|one| one.code != last));
}

/// A candidate's own bounds are computed where these could cover what it leaves, a fiftieth or four tolerances.
#[test]
fn what_is_left_is_promising_up_to_a_bar() {
    for (left, tolerance, promising) in [
        (0.0199, 0.0, true),
        (0.0201, 0.0, false),
        (0.0199, 0.001, true),
        (0.0201, 0.001, false),
        (0.0399, 0.01, true),
        (0.0401, 0.01, false),
        (1.99, 0.5, true),
        (2.01, 0.5, false),
        (0.02, 0.0, true),
        (f64::NAN, 0.5, false),
    ] {
        assert_eq!(may_explain(left, tolerance), promising, "{left} of {tolerance}");
    }
}

/// Eight candidates, or as many as an eighth of the passes, but one in any case.
#[test]
fn bounds_are_computed_of_a_few() {
    for (passes, most) in [(3, 1), (8, 1), (15, 1), (16, 2), (23, 2), (63, 7), (64, 8), (1000, 8)] {
        assert_eq!(most_bounded(passes), most, "{passes} passes");
    }
    let file = under(NAME, &Rule::default());
    assert!(cost::passes(&file) >= 64);
    let run = NetworkRun::<Bounded>::new(&file).unwrap();
    let claimed = run.expected(&Rule::default()).unwrap();
    let at_claim = Comparison::new(&file, &claimed);
    let plain = NetworkRun::new(&file).unwrap();
    let search = Search { file: &file, run: &run, plain, claimed: &claimed, at_claim: &at_claim };
    // What is far off takes nobody's place.
    let candidates = || {
        let right = (0..10).map(|_| candidate("right", "", Rule::default()));
        let wrong = candidate("wrong", "", Rule { shift: 1, ..Rule::default() });
        std::iter::once(wrong).chain(right).collect::<Vec<_>>()
    };
    let found = search.measured(candidates()).unwrap();
    let explains: Vec<bool> = found.iter().map(|one| one.explains).collect();
    assert_eq!(explains, [&[false][..], &[true; 8], &[false; 2]].concat());
    assert!(found[0].residual > 0.1 && found[1..].iter().all(|one| one.residual < 1e-6));
    // One after another, or some at a time: all are measured, in their order.
    for at_once in [1, 4, 100] {
        let near = search.all_near(&candidates(), at_once).unwrap();
        let promising: Vec<bool> = near.iter().map(|one| one.1).collect();
        assert_eq!(promising, [&[false][..], &[true; 10]].concat(), "{at_once} at once");
    }
}

/// Where all should be zero, no multiple of the gradient is anything; where one tensor should be, the others have some.
#[test]
fn of_nothing_there_is_no_multiple() {
    let file = inexplicable();
    let run = NetworkRun::<Bounded>::new(&file).unwrap();
    let right = run.expected(&Rule::default()).unwrap();
    let multiples = |zero: usize| {
        let mut claimed = right.clone();
        for one in &mut claimed[..zero] {
            *one = Expected::exactly(vec![0.0; one.values.len()]);
        }
        let (found, _) = within(&run, &claimed, 3).unwrap();
        let of = |code: &str| code.starts_with("gradient-scale") || code.starts_with("batch");
        let found = found.iter().filter(|one| of(&one.code)).count();
        let at_claim = Comparison::new(&file, &claimed);
        let plain = NetworkRun::new(&file).unwrap();
        let search = Search { file: &file, run: &run, plain, claimed: &claimed, at_claim: &at_claim };
        (found, search.whole_gradient().len())
    };
    assert_eq!(multiples(0), (3, 3));
    assert_eq!(multiples(1), (3, 3));
    // Asked all the same, the factor of nothing is no number to be named.
    assert_eq!(multiples(right.len()), (0, 2));
}

/// Of two numbers, a factor is a diagnosis; of one it is none.
#[test]
fn one_number_is_a_multiple_of_any_other() {
    let mut file = under(NAME, &Rule::default());
    let run = file.clone();
    let run = NetworkRun::<Bounded>::new(&run).unwrap();
    file.gradients.truncate(1);
    for (count, multiples) in [(1, 2), (2, 3)] {
        file.gradients[0].value = Tensor::from_vec(&[count][..], vec![3.0; count]).unwrap();
        let claimed = [Expected::exactly(vec![1.0; count])];
        let at_claim = Comparison::new(&file, &claimed);
        let plain = NetworkRun::new(&file).unwrap();
        let search = Search { file: &file, run: &run, plain, claimed: &claimed, at_claim: &at_claim };
        assert_eq!(search.whole_gradient().len(), multiples);
    }
}

/// An error whose square is no number is no finding.
#[test]
fn what_overflows_is_left_out() {
    let mut file = under(NAME, &Rule::default());
    for recorded in &mut file.gradients {
        recorded.value = recorded.value.map(|_| 1e200);
    }
    let run = NetworkRun::<Bounded>::new(&file).unwrap();
    let claimed = run.expected(&Rule::default()).unwrap();
    assert!(Comparison::new(&file, &claimed).residual().is_infinite());
    assert!(search(&run, &claimed).unwrap().0.iter().all(|one| one.residual.is_finite()));
}

/// Fits begin on both sides of the full reset term and of the claimed surrogate, and with the other sign.
#[test]
fn fits_start_around_the_claim() {
    assert_eq!(RESET_STARTS, [0.25, 0.5, 0.75, 1.5, -0.5]);
    assert_eq!(SCALE_STARTS, [0.25, 0.5, 1.5, 2.0, 4.0, -1.0]);
}

/// An integrator has neither a reset nor a surrogate to be fitted.
#[test]
fn without_neurons_that_spike_nothing_is_fitted() {
    let file = with_all_neurons(&under(NAME, &Rule { width: 1.7, ..Rule::default() }), |c| c.spiking = false);
    let of = golden(NAME);
    let run = NetworkRun::<Bounded>::new(&of).unwrap();
    let claimed = run.expected(&Rule::default()).unwrap();
    let at_claim = Comparison::new(&of, &claimed);
    let plain = NetworkRun::new(&of).unwrap();
    let search = Search { file: &file, run: &run, plain, claimed: &claimed, at_claim: &at_claim };
    let (found, untried) = search.fitted(0).unwrap();
    assert_eq!((found.len(), untried), (0, 0));
}
