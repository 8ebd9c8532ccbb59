//! Each bar alone fails a proof; what was not exercised proves nothing.

use super::*;
use crate::{ProgramResult, Untested, Verdict};
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Firing, Surrogate, spike};
use resurge_tensor::Scalar;

/// Small programs of one or two inputs.
#[derive(Clone, Copy)]
enum Sample {
    /// `sum(x o)` with a spike `o` where `x` is above 1/2.
    Spikes(Surrogate),
    /// The same, but for the first entry, by the millionth.
    Uneven(Surrogate),
    /// `sum(x y)`.
    Product,
    /// `sum(x^2)`, whatever `y` is.
    First,
    /// `sum(x^2)` where `x` has a gradient, and none of `y`, which is detached.
    Detached,
    /// `1e6 + sum(x^2)`.
    Shifted,
}

impl Program for Sample {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let x = inputs[0];
        let y = match *self {
            Self::Spikes(surrogate) => {
                let above = tape.shift(x, -0.5)?;
                let o = spike(tape, above, surrogate, Firing::Above)?;
                tape.mul(x, o)?
            }
            Self::Uneven(surrogate) => {
                let above = tape.shift(x, -0.5)?;
                let o = spike(tape, above, surrogate, Firing::Above)?;
                let product = tape.mul(x, o)?;
                let weights = Tensor::from_fn(tape.value(x)?.shape(), |i| if i == 0 { 1.0 } else { 1e-6 })?;
                let weights = tape.constant(weights.cast());
                tape.mul(product, weights)?
            }
            Self::Product => tape.mul(x, inputs[1])?,
            Self::First | Self::Shifted => tape.square(x)?,
            Self::Detached => {
                let held = tape.detach(inputs[1])?;
                let product = tape.mul(x, held)?;
                tape.mul(x, product)?
            }
        };
        let sum = tape.sum(y)?;
        Ok(if matches!(self, Self::Shifted) { tape.shift(sum, 1e6)? } else { sum })
    }
}

fn at(values: &[&[f64]]) -> Vec<Tensor<f64>> {
    values.iter().map(|v| Tensor::from_vec([v.len()], v.to_vec()).unwrap()).collect()
}

fn proof(program: Sample, values: &[&[f64]]) -> Proof {
    prove(&program, at(values), &ProofOptions::of_width(0.25)).unwrap()
}

fn spikes() -> Proof {
    proof(Sample::Spikes(Surrogate::sigmoid(0.25).unwrap()), &[&[0.25, 0.75, 0.625]])
}

#[test]
fn each_bar_alone_fails_the_proof() {
    let mut good = spikes();
    good.beside("twice", &good.gradient.clone()).unwrap();
    good.beside_loss("twice", good.loss, 1.0);
    assert_eq!((good.verdict(), good.untested()), (Verdict::Passed, vec![]));
    // At the bar itself, all of them; the gradient is of order 1, and so are the numbers that it is made of.
    good.errors = ProofErrors { finite_difference: Some(1e-8), complex_step: 1e-12, dual: 1e-12 };
    good.independent.iter_mut().for_each(|other| other.error = 1e-12);
    assert_eq!((good.verdict(), good.exact_bar()), (Verdict::Passed, 1e-12));
    for above in [1.0001, f64::NAN, f64::INFINITY] {
        let wrong: [fn(&mut Proof, f64); 5] = [
            |p, x| p.errors.finite_difference = Some(1e-8 * x),
            |p, x| p.errors.complex_step = 1e-12 * x,
            |p, x| p.errors.dual = 1e-12 * x,
            |p, x| p.independent[0].error = 1e-12 * x,
            |p, x| p.independent[1].error = 1e-12 * x,
        ];
        for (which, change) in wrong.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad, above);
            assert_eq!(bad.verdict(), Verdict::Failed, "{which} at {above}");
            // What a point leaves untested does not excuse what is wrong at it.
            bad.spikes = Some(false);
            assert_eq!(bad.verdict(), Verdict::Failed, "{which} at {above}");
        }
    }
    good.loss_exact = false;
    assert_eq!(good.verdict(), Verdict::Failed);
}

#[test]
fn another_gradient_or_loss_is_held_to_the_same_bars() {
    let right = spikes();
    let scaled = |by: f64| right.gradient.iter().map(|g| g * by).collect::<Vec<_>>();
    let errors = right.errors_of(&scaled(1.0 + 1e-6)).unwrap();
    assert!(errors.finite_difference.unwrap() > BARS.finite_difference, "{errors:?}");
    assert!(errors.dual > BARS.dual && errors.complex_step > BARS.complex_step, "{errors:?}");
    assert_eq!(right.errors_of(&right.gradient).unwrap(), right.errors);
    for (by, verdict) in [(1.0, Verdict::Passed), (1.0 + 1e-11, Verdict::Failed), (0.0, Verdict::Failed)] {
        let mut beside = right.clone();
        beside.beside("scaled", &scaled(by)).unwrap();
        assert_eq!(beside.verdict(), verdict, "{by}: {:?}", beside.independent);
    }
    for (off, verdict) in [(0.0, Verdict::Passed), (1e-11, Verdict::Failed), (f64::NAN, Verdict::Failed)] {
        let mut beside = right.clone();
        beside.beside_loss("off", right.loss + off, 1.0);
        assert_eq!(beside.verdict(), verdict, "{off}");
    }
    let mut short = right.clone();
    for refused in [right.errors_of(&[1.0]).map(|_| ()), short.beside("short", &[1.0])] {
        assert!(matches!(refused, Err(GradcheckError::Length { expected: 3, actual: 1, .. })));
    }
}

#[test]
fn what_rounding_hides_is_excused_up_to_a_bar_and_no_more() {
    // (magnitude, norm): the bar itself, 64 roundings of the magnitude, and never more than a thousandth.
    assert_eq!(BARS.exact(1.0, 1.0), 1e-12);
    assert_eq!(BARS.exact(1e6, 1e-3), 64.0 * f64::EPSILON * 1e9);
    assert_eq!(BARS.exact(1e6, 1e-30), 1e-3);
    let shifted = proof(Sample::Shifted, &[&[1.0, 0.5]]);
    let norm = 5.0_f64.sqrt();
    assert_eq!(shifted.exact_bar(), 64.0 * f64::EPSILON * shifted.magnitude / norm);
    assert!(shifted.exact_bar() > 1e-9 && shifted.magnitude >= 1e6);
}

/// Along `(1, -1)` the derivative of a gradient `(1, 1)` vanishes, so that any multiple of it would agree.
#[test]
fn blind_directions_prove_nothing() {
    let program = Sample::First;
    let anchored = AnchoredProgram::new(&program, at(&[&[0.5, 0.5]])).unwrap();
    let blind = Directions::new(&[1.0, -1.0], 0, 0, 1);
    let evidence = Evidence::of(&anchored, &blind, 0.25, true).unwrap();
    let options = ProofOptions::of_width(0.25);
    let proof = Proof::new(&anchored, evidence, &options).unwrap();
    assert_eq!((proof.errors.finite_difference, proof.conclusive), (None, 1));
    assert!(proof.errors.dual.is_nan() && proof.errors.complex_step.is_nan());
    assert_ne!(proof.verdict(), Verdict::Passed);
}

/// On a kink no difference decides, however thin the direction; the derivatives without a step still do.
#[test]
fn a_point_on_a_kink_is_undecided() {
    let program = Sample::Spikes(Surrogate::triangle(0.5).unwrap());
    let on_kink = [0.5; 6];
    let proof = proof(program, &[&on_kink]);
    assert_eq!(proof.errors.finite_difference, None);
    assert!(proof.errors.dual <= BARS.dual && proof.errors.complex_step <= BARS.complex_step);
    assert_eq!((proof.conclusive, proof.skipped.len()), (0, 13));
    assert!(proof.skipped.iter().all(|s| s.reason == SkipReason::Kink));
    let along = |i: usize| proof.skipped[i].along.as_str();
    assert_eq!([along(0), along(1), along(6), along(7)], ["gradient", "signs 0", "signs 5", "entry 0"]);
    assert_eq!((proof.verdict(), proof.untested()), (Verdict::Undecided, vec![Untested::Differences]));
}

/// Where no difference is conclusive, every exact derivative is along the whole direction. Along a thinned one, the
/// only entry that matters is hardly ever moved, and a right gradient would be rejected.
#[test]
fn a_direction_thinned_for_nothing_is_whole_again() {
    let program = Sample::Uneven(Surrogate::triangle(0.5).unwrap());
    let options = ProofOptions { signs: 2, entries: 0, ..ProofOptions::of_width(0.25) };
    let proof = prove(&program, at(&[&[0.5; 200]]), &options).unwrap();
    assert_eq!(proof.conclusive, 0);
    let errors = proof.errors;
    assert!(errors.dual <= BARS.dual && errors.complex_step <= BARS.complex_step, "{errors:?}");
    assert_eq!(proof.verdict(), Verdict::Undecided);
}

#[test]
fn a_silent_run_and_one_without_spikes_are_told_apart() {
    let sigmoid = Sample::Spikes(Surrogate::sigmoid(0.25).unwrap());
    let silent = proof(sigmoid, &[&[0.25, 0.375]]);
    assert_eq!((silent.spikes, silent.verdict()), (Some(false), Verdict::Undecided));
    assert_eq!(silent.untested(), [Untested::Spikes]);
    assert!(silent.conclusive > 0 && silent.errors.dual <= BARS.dual);
    let fires = proof(sigmoid, &[&[0.25, 0.75]]);
    assert_eq!((fires.spikes, fires.verdict()), (Some(true), Verdict::Passed));
    let without = proof(Sample::First, &[&[0.25, 0.75]]);
    assert_eq!((without.spikes, without.verdict()), (None, Verdict::Passed));
}

#[test]
fn a_zero_gradient_proves_nothing_unless_something_says_that_it_is_not_zero() {
    let program = Sample::Spikes(Surrogate::rectangle(0.1).unwrap());
    let mut zero = proof(program, &[&[0.1]]);
    assert_eq!(zero.gradient, [0.0]);
    assert_eq!((zero.verdict(), zero.untested()), (Verdict::Undecided, vec![Untested::Gradient]));
    for (gradient, loss, verdict) in [
        (0.0, zero.loss, Verdict::Undecided),
        (1.0, zero.loss, Verdict::Failed),
        (0.0, zero.loss + 1.0, Verdict::Failed),
    ] {
        let mut beside = zero.clone();
        beside.beside("gradient", &[gradient]).unwrap();
        beside.beside_loss("loss", loss, 1.0);
        assert_eq!(beside.verdict(), verdict, "{gradient}, {loss}");
    }
    // A loss without terms has none that could be off.
    zero.beside_loss("of nothing", zero.loss, 0.0);
    assert_eq!(zero.verdict(), Verdict::Undecided);
    zero.loss_exact = false;
    assert_eq!(zero.verdict(), Verdict::Failed);
}

#[test]
fn an_input_without_a_gradient_is_named_and_counts_as_nothing() {
    let names = ["rate".to_owned(), "gain".to_owned()];
    let options = ProofOptions { names: &names, ..ProofOptions::of_width(1.0) };
    let of = |program: Sample, values: &[&[f64]]| prove(&program, at(values), &options).unwrap();
    let told = |proof: &Proof| proof.inputs.iter().map(|i| (i.zero, i.reached)).collect::<Vec<_>>();

    // Of `x y` at y = 0, the gradient of x is zero, though one reaches it.
    let half = of(Sample::Product, &[&[3.0, 2.0], &[0.0, 0.0]]);
    assert_eq!(told(&half), [(true, true), (false, true)]);
    assert_eq!((half.inputs[0].conclusive, half.inputs[1].conclusive), (0, 2));
    assert_eq!(half.inputs[1].range, 2..4);
    assert_eq!((half.inputs[1].norm, half.inputs[1].name.as_str()), (13.0_f64.sqrt(), "gain"));
    // Thirteen directions of all inputs and two of the second: none of the first is conclusive.
    assert_eq!((half.conclusive, half.skipped.len(), half.verdict()), (15, 0, Verdict::Passed));

    for program in [Sample::First, Sample::Detached] {
        let unreached = of(program, &[&[3.0, 2.0], &[1.0, 1.0]]);
        assert_eq!(told(&unreached), [(false, true), (true, false)]);
        assert_eq!(unreached.inputs.iter().map(|i| i.conclusive).collect::<Vec<_>>(), [2, 0]);
    }
    let unnamed = proof(Sample::First, &[&[3.0], &[1.0]]);
    assert_eq!(unnamed.inputs[1].name, "input 1");
    // Directions of each input are there when they are wanted.
    let whole = ProofOptions { each_input: false, ..options };
    let whole = prove(&Sample::Product, at(&[&[3.0], &[2.0]]), &whole).unwrap();
    assert_eq!((whole.conclusive, whole.inputs[0].conclusive), (12, 0));
}
