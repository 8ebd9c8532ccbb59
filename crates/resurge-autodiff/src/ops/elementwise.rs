//! What the elementwise operations share.

use super::{OpCase, case};
use crate::{Contributions, Op, Result, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;
use std::fmt::Debug;

/// A function of one number with its derivative: all that the file of such an operation has to state.
pub(super) trait Elementwise: Debug + Copy + Send + Sync + 'static {
    const NAME: &'static str;

    fn value<S: Scalar>(x: S) -> S;

    /// The derivative at `x`, where the value is `y`.
    fn slope<S: Scalar>(x: S, y: S) -> S;
}

/// The operation that applies an [`Elementwise`] function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Each<F>(pub(super) F);

impl<S: Scalar, F: Elementwise> Op<S> for Each<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs(F::NAME, inputs)?;
        Ok(x.map(F::value))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [x] = expect_inputs(F::NAME, at.inputs)?;
        let slope = x.zip_map(at.output, F::NAME, F::slope)?;
        Ok(smallvec![Some(at.cotangent.mul(&slope)?.into())])
    }
}

/// The cases of an elementwise operation, with values from an interval.
pub(super) fn unary_cases<F: Elementwise>(function: F, low: f64, high: f64) -> Vec<OpCase> {
    let cases = case::unary_shapes().into_iter();
    cases.map(|inputs| OpCase::new(Each(function), inputs).within(low, high)).collect()
}

/// A function of two numbers, with broadcasting, and what it hands back to each.
pub(super) trait Pairwise: Debug + Copy + Send + Sync + 'static {
    const NAME: &'static str;

    fn value<S: Scalar>(a: &Tensor<S>, b: &Tensor<S>) -> Result<Tensor<S>>;

    /// The cotangent times the derivative by the left operand, in the output's shape.
    fn left<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>>;

    /// The cotangent times the derivative by the right operand, in the output's shape.
    fn right<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>>;
}

/// The operation that applies a [`Pairwise`] function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<F>(pub(super) F);

impl<S: Scalar, F: Pairwise> Op<S> for Pair<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [a, b] = expect_inputs(F::NAME, inputs)?;
        F::value(a, b)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        // An operand that was broadcast gets the sum over its copies.
        let [a, b] = expect_inputs(F::NAME, at.inputs)?;
        Ok(smallvec![
            if at.needs(0) { Some(F::left(at)?.sum_to(a.shape())?.into()) } else { None },
            if at.needs(1) { Some(F::right(at)?.sum_to(b.shape())?.into()) } else { None },
        ])
    }
}

/// The cases of an operation of two numbers, with values from an interval.
pub(super) fn binary_cases<F: Pairwise>(function: F, low: f64, high: f64) -> Vec<OpCase> {
    let cases = case::binary_shapes().into_iter();
    cases.map(|inputs| OpCase::new(Pair(function), inputs).within(low, high)).collect()
}

/// The value of an elementwise operation at one point, for tests.
#[cfg(test)]
pub(super) fn value_at(
    op: fn(&mut crate::Tape<f64>, crate::Var) -> crate::Result<crate::Var>,
    x: f64,
) -> f64 {
    let mut tape = crate::Tape::new();
    let x = tape.leaf(Tensor::scalar(x));
    let y = op(&mut tape, x).unwrap();
    tape.value(y).unwrap().item().unwrap()
}

/// The value of an operation of two numbers, for tests.
#[cfg(test)]
pub(super) fn value_of_pair(
    op: fn(&mut crate::Tape<f64>, crate::Var, crate::Var) -> crate::Result<crate::Var>,
    a: f64,
    b: f64,
) -> f64 {
    let mut tape = crate::Tape::new();
    let a = tape.leaf(Tensor::scalar(a));
    let b = tape.leaf(Tensor::scalar(b));
    let y = op(&mut tape, a, b).unwrap();
    tape.value(y).unwrap().item().unwrap()
}
