//! The logarithm of the softmax along the last axis.

use super::{Recorded, TapeResult, expect};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSoftmax {}

impl Recorded for LogSoftmax {
    const NAME: &'static str = "log_softmax";

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x] = expect(inputs)?;
        match x.rank() {
            0 => Err("its input has no axis".into()),
            _ => Ok(x.clone()),
        }
    }

    fn work(&self, _: &[&Shape], output: &Shape) -> usize {
        20 * super::elements(output)
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        let shape = tape.value(inputs[0])?.shape().clone();
        let last = shape.last().copied().unwrap_or(1);
        let rows = super::elements(&shape[..shape.rank().saturating_sub(1)]);
        let flat = tape.reshape(inputs[0], [rows, last])?;
        let y = tape.log_softmax(flat)?;
        tape.reshape(y, shape)
    }
}
