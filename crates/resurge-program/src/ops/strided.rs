//! A view: any reshaping, transposition, slice or repetition, as an offset and strides in row-major data.

use super::index::{check_view, contiguous, gather, positions, scatter};
use super::{Recorded, TapeResult, elements, expect, sized};
use resurge_autodiff::{Contribution, Contributions, Op, Tape, Var, Vjp, smallvec};
use resurge_tensor::{Scalar, Shape, Tensor};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Strided {
    shape: Vec<usize>,
    offset: usize,
    strides: Vec<usize>,
}

impl Recorded for Strided {
    const NAME: &'static str = "strided";

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x] = expect(inputs)?;
        check_view(&self.shape, self.offset, &self.strides, elements(x))?;
        sized(Shape::from(&self.shape[..]))
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        let x = tape.value(inputs[0])?;
        let whole = self.offset == 0 && elements(&self.shape) == x.len();
        if whole && is_contiguous(&self.shape, &self.strides) {
            return tape.reshape(inputs[0], &self.shape[..]);
        }
        tape.apply(View(self.clone()), inputs)
    }
}

/// Whether numbers follow each other; the stride of a single entry says nothing.
fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let expected = contiguous(shape);
    shape
        .iter()
        .zip(strides)
        .zip(expected)
        .all(|((&extent, &own), row_major)| extent == 1 || own == row_major)
}

#[derive(Debug)]
struct View(Strided);

impl<S: Scalar> Op<S> for View {
    fn name(&self) -> &'static str {
        "strided"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        let Strided { shape, offset, strides } = &self.0;
        let of = Shape::from(&shape[..]);
        if is_contiguous(shape, strides) {
            let run = &inputs[0].as_slice()[*offset..*offset + elements(shape)];
            return Ok(Tensor::from_vec(of, run.to_vec())?);
        }
        gather(inputs[0], &of, &positions(shape, *offset, strides))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        let Strided { shape, offset, strides } = &self.0;
        let (x, len) = (at.inputs[0].shape(), elements(shape));
        // One step of a sequence costs no more than a step.
        let steps = x.rank() > 0 && len > 0 && elements(&x[1..]) == len && offset % len == 0;
        if steps && is_contiguous(shape, strides) {
            let value = at.cotangent.reshape(&x[1..])?;
            return Ok(smallvec![Some(Contribution::Step { index: offset / len, value })]);
        }
        let sum = scatter(at.cotangent, x, &positions(shape, *offset, strides))?;
        Ok(smallvec![Some(sum.into())])
    }
}
