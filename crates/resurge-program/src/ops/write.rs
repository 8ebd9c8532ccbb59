//! A value written into a view of another, as an operation in place does it.

use super::index::{check_view, gather, placed, positions};
use super::{Recorded, TapeResult, elements, expect};
use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp, expect_inputs, smallvec};
use resurge_tensor::{Scalar, Shape, Tensor};
use serde::Deserialize;

/// The inputs are what is written into, and what is written, whose shape is the view's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    offset: usize,
    strides: Vec<usize>,
}

impl Recorded for Write {
    const NAME: &'static str = "write";

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [base, x] = expect(inputs)?;
        check_view(x, self.offset, &self.strides, elements(base))?;
        Ok(base.clone())
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        let shape = tape.value(inputs[1])?.shape().clone();
        tape.apply(Place(positions(&shape, self.offset, &self.strides)), inputs)
    }
}

/// At these positions.
#[derive(Debug)]
pub(super) struct Place(pub(super) Vec<usize>);

impl<S: Scalar> Op<S> for Place {
    fn name(&self) -> &'static str {
        "write"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        let [base, x] = expect_inputs("write", inputs)?;
        Ok(placed(base, x, &self.0))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        let zeros = Tensor::zeros(at.inputs[1].shape())?;
        Ok(smallvec![
            Some(placed(at.cotangent, &zeros, &self.0).into()),
            Some(gather(at.cotangent, at.inputs[1].shape(), &self.0)?.into()),
        ])
    }
}
