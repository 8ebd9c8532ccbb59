//! Products of matrices, or of as many pairs of matrices as there are along a first axis.

use super::{Recorded, TapeResult, elements, expect, sized};
use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp, expect_inputs, smallvec};
use resurge_tensor::{Scalar, Shape, Tensor};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matmul {}

impl Recorded for Matmul {
    const NAME: &'static str = "matmul";

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [a, b] = expect(inputs)?;
        match (&a[..], &b[..]) {
            (&[m, k], &[l, n]) if k == l => sized([m, n].into()),
            (&[batch, m, k], &[same, l, n]) if k == l && batch == same => sized([batch, m, n].into()),
            _ => Err(format!("{a} and {b} are neither two matrices nor two stacks of them that fit")),
        }
    }

    fn work(&self, inputs: &[&Shape], output: &Shape) -> usize {
        elements(output).saturating_mul(inputs.first().and_then(|a| a.last()).copied().unwrap_or(0))
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        match tape.value(inputs[0])?.shape().rank() {
            2 => tape.matmul(inputs[0], inputs[1]),
            _ => tape.apply(Stacked, inputs),
        }
    }
}

#[derive(Debug)]
struct Stacked;

/// The product of each pair, with either transposed first where its flag says so.
fn product<S: Scalar>(a: &Tensor<S>, ta: bool, b: &Tensor<S>, tb: bool) -> TapeResult<Tensor<S>> {
    let outer = |t: &Tensor<S>, flip: bool| t.shape()[if flip { 2 } else { 1 }];
    let pairs = a.shape()[0];
    if pairs == 0 {
        return Ok(Tensor::zeros([0, outer(a, ta), outer(b, !tb)])?);
    }
    let each = (0..pairs).map(|i| a.select(i)?.matmul_transposed(ta, &b.select(i)?, tb));
    let each = each.collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::stack(&each.iter().collect::<Vec<_>>())?)
}

impl<S: Scalar> Op<S> for Stacked {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        let [a, b] = expect_inputs("matmul", inputs)?;
        product(a, false, b, false)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        let [a, b] = expect_inputs("matmul", at.inputs)?;
        Ok(smallvec![
            if at.needs(0) { Some(product(at.cotangent, false, b, true)?.into()) } else { None },
            if at.needs(1) { Some(product(a, true, at.cotangent, false)?.into()) } else { None },
        ])
    }
}
