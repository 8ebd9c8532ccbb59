//! A two-dimensional convolution, as the tape has it.

use super::{Recorded, TapeResult, elements, expect, sized};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conv2d {
    stride: [usize; 2],
    padding: [usize; 2],
    groups: usize,
}

impl Recorded for Conv2d {
    const NAME: &'static str = "conv2d";

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x, w] = expect(inputs)?;
        let (&[m, c, h, wide], &[o, k, kh, kw]) = (&x[..], &w[..]) else {
            return Err(format!("images {x} and weight {w} do not have four axes each"));
        };
        let g = self.groups;
        if g == 0 || k.checked_mul(g) != Some(c) || o % g != 0 || k == 0 || kh == 0 || kw == 0 {
            return Err(format!("the weight {w} in {g} groups does not fit images {x}"));
        }
        let along = |extent: usize, kernel: usize, axis: usize| {
            let padded = self.padding[axis].checked_mul(2).and_then(|p| p.checked_add(extent));
            let room = padded.and_then(|p| p.checked_sub(kernel));
            match (room, self.stride[axis]) {
                (Some(room), stride) if stride > 0 && self.padding[axis] < 1 << 20 => Ok(room / stride + 1),
                _ => Err(format!("a kernel {w} with stride {:?} does not fit images {x}", self.stride)),
            }
        };
        sized([m, o, along(h, kh, 0)?, along(wide, kw, 1)?].into())
    }

    fn work(&self, inputs: &[&Shape], output: &Shape) -> usize {
        inputs.get(1).map_or(0, |w| elements(output).saturating_mul(elements(&w[1..])))
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        let conv = resurge_tensor::Conv2d::new().with_stride(self.stride).with_padding(self.padding);
        tape.conv2d(inputs[0], inputs[1], conv.with_groups(self.groups))
    }
}
