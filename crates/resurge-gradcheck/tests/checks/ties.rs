//! At a kink the one-sided derivatives decide: what lies outside of them is wrong, a valid subgradient is not.

use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{CheckReport, GradCheck, Means, Program, ProgramResult, Verdict};
use resurge_snn::{Firing, Surrogate, spike};
use resurge_tensor::{Scalar, Tensor, Window2d};

/// Functions with a kink at the point where they are checked.
#[derive(Debug, Clone, Copy)]
enum Kink {
    /// The largest entry.
    Maximum,
    /// The sum of the positive parts.
    Relu,
    /// The sum of the absolute values, and a smooth term.
    Abs,
    /// Spikes under a maximum pool, which tie at 1.
    PooledSpikes,
    /// A spike under a surrogate of this width with a jump in its derivative.
    Rectangle,
    /// `relu(x) - relu(-x)`: the identity, though its parts have a kink.
    Identity,
    /// `|x| - |y|`: along the diagonal both slopes are 0, but not all pieces have that one.
    Saddle,
}

impl Program for Kink {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let x = inputs[0];
        let y = match self {
            Self::Maximum => tape.max_axis(x, 0)?,
            Self::Relu => tape.relu(x)?,
            Self::Abs => {
                let (size, square) = (tape.abs(x)?, tape.sin(x)?);
                tape.add(size, square)?
            }
            Self::PooledSpikes => {
                let o = spike(tape, x, Surrogate::sigmoid(0.4)?, Firing::Above)?;
                let o = tape.reshape(o, [1, 1, 2, 2])?;
                tape.max_pool2d(o, Window2d::new([2, 2]))?
            }
            Self::Rectangle => spike(tape, x, Surrogate::rectangle(1.0)?, Firing::Above)?,
            Self::Identity => {
                let negative = tape.neg(x)?;
                let (positive, negative) = (tape.relu(x)?, tape.relu(negative)?);
                tape.sub(positive, negative)?
            }
            Self::Saddle => {
                let size = tape.abs(x)?;
                let signs = tape.constant(Tensor::from_vec([2], vec![S::one(), -S::one()])?);
                tape.mul(size, signs)?
            }
        };
        Ok(tape.sum(y)?)
    }
}

fn check(kink: Kink, at: &[f64], claim: Option<&[f64]>, projections: bool) -> CheckReport {
    let at = vec![Tensor::from_vec([at.len()], at.to_vec()).unwrap()];
    let check = GradCheck::new(&kink, at);
    let check = if projections { check.directions(4) } else { check };
    match claim {
        Some(claim) => check.claim(claim.to_vec()).run().unwrap(),
        None => check.run().unwrap(),
    }
}

#[test]
fn the_choice_of_the_tape_is_accepted() {
    for (kink, at) in [
        (Kink::Maximum, &[1.0, 0.5, 1.0][..]),
        (Kink::Relu, &[0.0, 2.0, -1.0]),
        (Kink::Abs, &[0.0, 1.5]),
        (Kink::PooledSpikes, &[0.3, -0.2, 0.6, 0.1]),
        (Kink::Rectangle, &[0.5, 0.2]),
        (Kink::Saddle, &[0.0, 0.0]),
    ] {
        for projections in [false, true] {
            let report = check(kink, at, None, projections);
            assert_eq!(report.verdict, Verdict::Passed, "{kink:?}, projections {projections}: {report}");
            assert!(report.evidence[&Means::OneSidedDifferences] > 0, "{kink:?}: {report}");
        }
    }
}

#[test]
fn valid_subgradients_are_accepted_and_all_others_are_wrong() {
    /// A kink, the point, and claims there: valid ones and wrong ones.
    type Row = (Kink, &'static [f64], &'static [&'static [f64]], &'static [&'static [f64]]);
    let rows: [Row; 5] = [
        (
            Kink::Maximum,
            &[1.0, 0.5, 1.0],
            &[&[0.5, 0.0, 0.5], &[0.0, 0.0, 1.0], &[0.25, 0.0, 0.75]],
            // The last three are within the interval of every entry, but not together.
            &[
                &[1e6, 0.0, 0.0],
                &[1.0, 1e-6, 0.0],
                &[1.0, 0.0, -0.1],
                &[0.0; 3],
                &[1.0, 0.0, 1.0],
                &[0.7, 0.0, 0.7],
            ],
        ),
        (
            Kink::Relu,
            &[0.0, 2.0, -1.0],
            &[&[1.0, 1.0, 0.0], &[0.5, 1.0, 0.0]],
            &[&[1.00001, 1.0, 0.0], &[-1e-5, 1.0, 0.0], &[0.5, 0.5, 0.0], &[1e6, 1.0, 0.0]],
        ),
        (
            Kink::Abs,
            &[0.0, 1.5],
            &[&[0.0, 1.0 + 0.070_737_201_667_702_9], &[1.3, 1.0 + 0.070_737_201_667_702_9]],
            &[&[2.0001, 1.070_737_201_667_702_9], &[-1e6, 1.070_737_201_667_702_9]],
        ),
        (
            Kink::Rectangle,
            &[0.5, 0.2],
            &[&[1.0, 1.0], &[0.0, 1.0], &[0.3, 1.0]],
            &[&[1.1, 1.0], &[-0.1, 1.0], &[1e6, 1.0]],
        ),
        // Both sides have the slope 1: there is no choice, whatever the parts choose.
        (Kink::Identity, &[0.0], &[&[1.0]], &[&[0.0], &[0.5], &[2.0]]),
    ];
    for (kink, at, valid, wrong) in rows {
        for claim in valid {
            let report = check(kink, at, Some(claim), false);
            assert_eq!(report.verdict, Verdict::Passed, "{kink:?} {claim:?}: {report}");
        }
        for claim in wrong {
            let report = check(kink, at, Some(claim), false);
            assert_eq!(report.verdict, Verdict::Failed, "{kink:?} {claim:?}: {report}");
        }
    }
}

#[test]
fn a_claim_wrong_by_a_million_at_a_kink_never_passes_a_projection() {
    for (kink, at) in [
        (Kink::Maximum, &[1.0, 0.5, 1.0][..]),
        (Kink::Relu, &[0.0, 2.0, -1.0]),
        (Kink::Abs, &[0.0, 1.5]),
        (Kink::PooledSpikes, &[0.3, -0.2, 0.6, 0.1]),
        (Kink::Rectangle, &[0.5, 0.2]),
    ] {
        let mut claim = vec![0.0; at.len()];
        claim[0] = 1e6;
        for projections in [false, true] {
            let report = check(kink, at, Some(&claim), projections);
            assert_eq!(report.verdict, Verdict::Failed, "{kink:?}, {projections}: {report}");
        }
    }
}

#[test]
fn a_report_names_the_interval() {
    let report = check(Kink::Abs, &[0.0, 1.5], Some(&[3.0, 1.070_737_201_667_702_9]), false);
    let mismatch = &report.mismatches[0];
    let (low, high) = mismatch.interval.unwrap();
    assert!(low.abs() < 1e-8 && (high - 2.0).abs() < 1e-8, "{report}");
    assert_eq!(mismatch.evidence, Means::OneSidedDifferences);
    assert!(report.to_string().contains("one-sided differences say between"), "{report}");
}
