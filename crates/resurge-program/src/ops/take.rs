//! Numbers at positions that were decided elsewhere: the maxima of windows, the scores of classes, rows of a table.

use super::index::{gather, scatter};
use super::{Indices, Positions, Recorded, TapeResult, elements, expect};
use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp, smallvec};
use resurge_tensor::{Scalar, Shape, Tensor};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Take {
    index: usize,
    #[serde(skip)]
    at: Positions,
}

impl Recorded for Take {
    const NAME: &'static str = "take";

    fn load(&mut self, file: &dyn Indices) -> Result<(), String> {
        self.at = file.positions(self.index)?;
        Ok(())
    }

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x] = expect(inputs)?;
        let len = elements(x);
        match self.at.1.iter().find(|&&i| i >= len) {
            Some(i) => Err(format!("the position {i} is not in {x}")),
            None => Ok(self.at.0.clone()),
        }
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        tape.apply(Pick(self.at.clone()), inputs)
    }
}

#[derive(Debug)]
struct Pick(Positions);

impl<S: Scalar> Op<S> for Pick {
    fn name(&self) -> &'static str {
        "take"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        gather(inputs[0], &self.0.0, &self.0.1)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        Ok(smallvec![Some(scatter(at.cotangent, at.inputs[0].shape(), &self.0.1)?.into())])
    }
}
