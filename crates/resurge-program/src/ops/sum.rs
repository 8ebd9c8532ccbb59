//! A sum over axes, which are removed.

use super::{Recorded, TapeResult, expect};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sum {
    /// In ascending order.
    axes: Vec<usize>,
}

impl Recorded for Sum {
    const NAME: &'static str = "sum";

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x] = expect(inputs)?;
        let ascending = self.axes.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || self.axes.iter().any(|&axis| axis >= x.rank()) {
            return Err(format!("its axes {:?} are not ascending axes of the shape {x}", self.axes));
        }
        let kept = (0..x.rank()).filter(|axis| !self.axes.contains(axis)).map(|axis| x[axis]);
        Ok(Shape::from(&kept.collect::<Vec<_>>()[..]))
    }

    /// All axes as one, number after number: frameworks sum in any order, and the bound of this one's rounding is the widest.
    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        let shape = tape.value(inputs[0])?.shape().clone();
        if self.axes.is_empty() {
            return tape.reshape(inputs[0], shape);
        }
        let kept: Vec<usize> = (0..shape.rank()).filter(|axis| !self.axes.contains(axis)).collect();
        let order: Vec<usize> = self.axes.iter().chain(&kept).copied().collect();
        let moved = match order.is_sorted() {
            true => inputs[0],
            false => tape.permute(inputs[0], &order)?,
        };
        let along: usize = self.axes.iter().map(|&axis| shape[axis]).product();
        let rest: Vec<usize> = std::iter::once(along).chain(kept.iter().map(|&axis| shape[axis])).collect();
        let flat = tape.reshape(moved, &rest[..])?;
        tape.sum_axis(flat, 0)
    }
}
