use super::*;
use crate::run::SurrogateChange;
use resurge_snn::{Reset, SurrogateScale};
use resurge_tensor::Tensor;

const NAME: &str = "spikingjelly-lif-default";

fn golden(name: &str) -> AuditFile {
    AuditFile::open(format!("../resurge/tests/audit/goldens/{name}.safetensors").as_ref()).unwrap()
}

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
