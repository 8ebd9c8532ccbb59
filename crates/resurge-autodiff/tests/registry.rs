//! Every registered operation against its full Jacobian by dual numbers; and the check itself must fail.

use resurge_autodiff::ops::{OpCase, OpMismatch, registry};
use resurge_autodiff::{Anchor, AutodiffError, Contributions, Op, Result, Vjp};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[test]
fn every_vjp_is_the_transposed_jacobian() {
    for case in registry() {
        for seed in 0..64 {
            case.check(seed).unwrap_or_else(|error| panic!("inputs {:?}: {error}", case.inputs));
        }
    }
}

/// `x^2` with a vector-Jacobian product that may be wrong in one way.
#[derive(Debug, Clone, Copy)]
enum Square {
    Slope(f64),
    NoContribution,
    TooWide,
    Anchored,
}

impl<S: Scalar> Op<S> for Square {
    fn name(&self) -> &'static str {
        "square"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        Ok(inputs[0].map(|x| x * x))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let slope = |factor: f64| at.cotangent.mul(&at.inputs[0].scale(S::from_f64(factor)));
        Ok(match self {
            Square::Slope(factor) => smallvec![Some(slope(*factor)?.into())],
            Square::NoContribution => smallvec![],
            Square::TooWide => smallvec![Some(Tensor::stack(&[at.cotangent])?.into())],
            Square::Anchored => smallvec![Some(slope(2.0)?.into())],
        })
    }

    fn is_surrogate(&self) -> bool {
        matches!(self, Square::Anchored)
    }

    fn anchored(&self, inputs: &[&Tensor<S>], _: &resurge_autodiff::Anchor<S>) -> Result<Tensor<S>> {
        Ok(inputs[0].map(|x| x * x + S::one()))
    }
}

#[test]
fn the_check_accepts_the_right_slope_and_names_what_is_wrong() {
    let check = |square| OpCase::new(square, vec![[3].into()]).check(1);
    assert_eq!(check(Square::Slope(2.0)), Ok(()));
    for wrong in [-2.0, 1.0, 2.0 * (1.0 + 1e-11), f64::NAN] {
        let result = check(Square::Slope(wrong));
        assert!(matches!(result, Err(OpMismatch::Entry { op: "square", input: 0, entry: 0, .. })), "{wrong}");
    }
    // A part in 10^13 is rounding, at any size.
    for size in [1.0, 1e6] {
        let case = OpCase::new(Square::Slope(2.0 * (1.0 + 1e-13)), vec![[3].into()]).within(0.5 * size, size);
        assert_eq!(case.check(1), Ok(()), "{size}");
    }
    assert_eq!(
        check(Square::NoContribution),
        Err(OpMismatch::Contributions { op: "square", expected: 1, actual: 0 })
    );
    assert_eq!(check(Square::TooWide), Err(OpMismatch::Shape { op: "square", input: 0 }));
    assert_eq!(check(Square::Anchored), Err(OpMismatch::BasePoint { op: "square" }));
}

/// The same values, with a vector-Jacobian product that is right for a cotangent that is the same everywhere.
#[derive(Debug)]
struct Swapped;

impl<S: Scalar> Op<S> for Swapped {
    fn name(&self) -> &'static str {
        "swapped"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        Ok(inputs[0].clone())
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let mut swapped = at.cotangent.clone();
        swapped.as_mut_slice().reverse();
        Ok(smallvec![Some(swapped.into())])
    }
}

#[test]
fn the_check_draws_a_cotangent_that_differs_from_entry_to_entry() {
    let result = OpCase::new(Swapped, vec![[2].into()]).check(1);
    assert!(matches!(result, Err(OpMismatch::Entry { op: "swapped", .. })), "{result:?}");
}

#[test]
fn an_op_that_fails_is_reported_as_such() {
    let add = registry().into_iter().find(|case| case.name() == "add").unwrap();
    let case = OpCase { inputs: vec![[2].into(), [3].into()], ..add };
    assert!(matches!(case.check(1), Err(OpMismatch::Failed { op: "add", .. })));
}

/// Operations can be taken from the registry or a tape and called as they are, with whatever inputs.
#[test]
fn another_number_of_inputs_is_an_error_and_never_a_panic() {
    for case in registry() {
        let op: &dyn Op<f64> = &*case.op;
        for count in (0..5).filter(|&count| count != case.inputs.len()) {
            let shapes = case.inputs.iter().cycle().take(count);
            let inputs: Vec<Tensor<f64>> = shapes.map(|shape| Tensor::full(shape, 0.5).unwrap()).collect();
            let inputs: Vec<&Tensor<f64>> = inputs.iter().collect();
            let result = op.forward(&inputs);
            match (op.name(), count) {
                ("stack", 1..) => assert!(result.is_ok()),
                ("stack", 0) => assert!(matches!(result, Err(AutodiffError::Tensor(_)))),
                (name, _) => {
                    let expected = case.inputs.len();
                    assert_eq!(result, Err(AutodiffError::InputCount { op: name, expected, actual: count }));
                }
            }
            let (output, cotangent) = (Tensor::scalar(1.0), Tensor::scalar(1.0));
            let vjp = op.vjp(&Vjp::new(&inputs, &output, &cotangent));
            // Operations that are linear do not look at their inputs here; an answer is for as many as they take.
            if let Ok(contributions) = vjp {
                assert!(contributions.len() == case.inputs.len() || op.name() == "stack", "{op:?}");
            }
            let mut pieces = Vec::new();
            op.pieces(&inputs, &mut pieces);
            assert_eq!(pieces, []);
            let anchor =
                Anchor { op: op.name(), inputs: inputs.iter().map(|&x| x.clone()).collect(), output };
            let anchored = op.anchored(&inputs, &anchor);
            assert!(anchored.is_err() || ["stack", "detach"].contains(&op.name()), "{op:?}");
            assert!(op.smooth(&inputs).is_err() || op.name() == "stack");
        }
    }
}

#[test]
fn an_anchor_of_another_number_of_inputs_is_an_error() {
    let x = Tensor::scalar(0.5);
    for case in registry() {
        let op: &dyn Op<f64> = &*case.op;
        if op.is_surrogate() && case.inputs.len() == 1 {
            let anchor = Anchor { op: op.name(), inputs: smallvec![], output: x.clone() };
            assert!(op.anchored(&[&x], &anchor).is_err() || op.name() == "detach");
        }
    }
}
