//! Sums over windows of images.

use super::{Recorded, TapeResult, elements, expect};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape, Window2d};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SumPool2d {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

impl SumPool2d {
    fn window(&self) -> Window2d {
        Window2d::new(self.kernel).with_stride(self.stride).with_padding(self.padding)
    }
}

impl Recorded for SumPool2d {
    const NAME: &'static str = "sum_pool2d";

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x] = expect(inputs)?;
        let &[m, c, h, w] = &x[..] else { return Err(format!("images {x} do not have four axes")) };
        if self.padding.iter().chain(&self.kernel).any(|&extent| extent >= 1 << 20) {
            return Err(format!("a window of {} is larger than any image", self.window()));
        }
        let [rows, columns] = self.window().positions("sum_pool2d", [h, w]).map_err(|e| e.to_string())?;
        Ok([m, c, rows, columns].into())
    }

    fn work(&self, _: &[&Shape], output: &Shape) -> usize {
        elements(output).saturating_mul(elements(&self.kernel))
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        tape.sum_pool2d(inputs[0], self.window())
    }
}
