//! A change of type, which is the identity but for rounding.

use super::{Recorded, TapeResult, expect};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cast {}

impl Recorded for Cast {
    const NAME: &'static str = "cast";
    const ELEMENTWISE: bool = true;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x] = expect(inputs)?;
        Ok(x.clone())
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        let shape = tape.value(inputs[0])?.shape().clone();
        tape.reshape(inputs[0], shape)
    }
}
