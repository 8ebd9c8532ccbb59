//! One of two operands, by a mask that was decided elsewhere.

use super::{Recorded, TapeResult, expect, sized};
use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp, expect_inputs, smallvec};
use resurge_tensor::{Scalar, Shape, Tensor};
use serde::Deserialize;

/// The inputs are the mask, what is taken where it is not 0, and what is taken elsewhere; all are broadcast.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Where {}

impl Recorded for Where {
    const NAME: &'static str = "where";
    const ELEMENTWISE: bool = true;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [mask, a, b] = expect(inputs)?;
        let both = a.broadcast(b, "where").map_err(|e| e.to_string())?;
        sized(both.broadcast(mask, "where").map_err(|e| e.to_string())?)
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        tape.apply(Select, inputs)
    }
}

#[derive(Debug)]
struct Select;

impl<S: Scalar> Op<S> for Select {
    fn name(&self) -> &'static str {
        "where"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        let [mask, a, b] = expect_inputs("where", inputs)?;
        let shape = a.shape().broadcast(b.shape(), "where")?.broadcast(mask.shape(), "where")?;
        let (mask, a, b) = (mask.broadcast_to(&shape)?, a.broadcast_to(&shape)?, b.broadcast_to(&shape)?);
        let (mask, a, b) = (mask.as_slice(), a.as_slice(), b.as_slice());
        Ok(Tensor::from_fn(shape, |i| if mask[i].re() != 0.0 { a[i] } else { b[i] })?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        let [mask, a, b] = expect_inputs("where", at.inputs)?;
        let mask = mask.broadcast_to(at.cotangent.shape())?;
        let part = |taken: bool, like: &Tensor<S>| {
            let keep = |x: S, m: S| if (m.re() != 0.0) == taken { x } else { S::zero() };
            at.cotangent.zip_map(&mask, "where", keep)?.sum_to(like.shape())
        };
        Ok(smallvec![None, Some(part(true, a)?.into()), Some(part(false, b)?.into())])
    }
}
