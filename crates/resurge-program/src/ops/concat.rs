//! Tensors one after the other along an axis.

use super::{Recorded, TapeResult, elements, sized};
use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Shape, Tensor};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Concat {
    axis: usize,
}

impl Recorded for Concat {
    const NAME: &'static str = "concat";

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let Some(first) = inputs.first() else { return Err("it has no inputs".into()) };
        let beside = |shape: &Shape| {
            let mut rest = shape.to_vec();
            (self.axis < rest.len()).then(|| rest.remove(self.axis))?;
            Some(rest)
        };
        if beside(first).is_none() || inputs.iter().any(|shape| beside(shape) != beside(first)) {
            return Err(format!("its inputs do not fit along axis {}", self.axis));
        }
        let mut extents = first.to_vec();
        extents[self.axis] = inputs.iter().fold(0, |sum: usize, s| sum.saturating_add(s[self.axis]));
        sized(Shape::from(&extents[..]))
    }

    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
        tape.apply(Join(self.axis), inputs)
    }
}

/// Along this axis.
#[derive(Debug)]
struct Join(usize);

impl Join {
    /// How many blocks there are, and how many numbers each input has in one.
    fn blocks<S: Scalar>(&self, inputs: &[&Tensor<S>]) -> (usize, Vec<usize>) {
        let outer = inputs.first().map_or(0, |t| elements(&t.shape()[..self.0]));
        (outer, inputs.iter().map(|t| elements(&t.shape()[self.0..])).collect())
    }
}

impl<S: Scalar> Op<S> for Join {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        let (outer, runs) = self.blocks(inputs);
        let mut data = Vec::with_capacity(inputs.iter().map(|t| t.len()).sum());
        for block in 0..outer {
            for (input, &run) in inputs.iter().zip(&runs) {
                data.extend_from_slice(&input.as_slice()[block * run..(block + 1) * run]);
            }
        }
        let mut extents = inputs[0].shape().to_vec();
        extents[self.0] = inputs.iter().map(|t| t.shape()[self.0]).sum();
        Ok(Tensor::from_vec(Shape::from(&extents[..]), data)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        let (outer, runs) = self.blocks(at.inputs);
        let (all, mut start) = (runs.iter().sum::<usize>(), 0);
        let mut contributions = Contributions::new();
        for (input, &run) in at.inputs.iter().zip(&runs) {
            let mut part = Vec::with_capacity(input.len());
            for block in 0..outer {
                part.extend_from_slice(&at.cotangent.as_slice()[block * all + start..][..run]);
            }
            contributions.push(Some(Tensor::from_vec(input.shape(), part)?.into()));
            start += run;
        }
        Ok(contributions)
    }
}
