//! A program at its point, whatever its type: what the checks see of it. Their code exists once and not once a program.

use super::{AnchoredProgram, Sample, Tangent, contract};
use crate::{Evaluation, Program, Result};
use resurge_tensor::Tensor;
use std::ops::Range;

/// What [`AnchoredProgram`] offers to checks; its methods of the same names say what they do.
pub(crate) trait Evaluate: Sync {
    fn inputs(&self) -> &[Tensor<f64>];
    fn loss(&self) -> f64;
    fn magnitude(&self) -> f64;
    fn gradient(&self) -> &[f64];
    fn cotangent(&self) -> &Tensor<f64>;
    fn base_output(&self) -> Result<&Tensor<f64>>;
    fn entering(&self) -> Result<Vec<bool>>;
    fn spikes(&self) -> Option<bool>;
    fn sample(&self, direction: &[f64], step: f64) -> Result<Sample>;
    fn sample_from(&self, offset: &[f64], direction: &[f64], step: f64) -> Result<Sample>;
    fn jvp(&self, direction: &[f64]) -> Result<Tensor<f64>>;
    fn complex_jvp(&self, direction: &[f64]) -> Result<Tensor<f64>>;
    fn tangent(&self, offset: &[f64], direction: &[f64]) -> Result<Tangent>;
    fn vjp(&self, cotangent: &Tensor<f64>) -> Result<Vec<f64>>;
    fn surrogate_slope(&self, direction: &[f64]) -> Result<Option<f64>>;

    fn dimension(&self) -> usize {
        self.gradient().len()
    }

    fn outputs(&self) -> usize {
        self.cotangent().len()
    }

    fn evaluate(&self, direction: &[f64], step: f64) -> Result<Evaluation> {
        let sample = self.sample(direction, step)?;
        Ok(Evaluation { loss: contract(&sample.output, self.cotangent()), crossings: sample.crossings })
    }

    fn by_dual(&self, direction: &[f64]) -> Result<f64> {
        Ok(contract(&self.jvp(direction)?, self.cotangent()))
    }

    fn by_complex_step(&self, direction: &[f64]) -> Result<f64> {
        Ok(contract(&self.complex_jvp(direction)?, self.cotangent()))
    }

    /// Whether the program has spikes and none of them occurs.
    fn is_silent(&self) -> bool {
        self.spikes() == Some(false)
    }

    /// Where each input begins and ends in the flat vector of all.
    fn ranges(&self) -> Vec<Range<usize>> {
        ranges(self.inputs())
    }
}

/// The places of inputs in a flat gradient.
pub(crate) fn ranges(inputs: &[Tensor<f64>]) -> Vec<Range<usize>> {
    let mut end = 0;
    let range = |input: &Tensor<f64>| {
        let start = end;
        end += input.len();
        start..end
    };
    inputs.iter().map(range).collect()
}

impl<P: Program> Evaluate for AnchoredProgram<'_, P> {
    fn inputs(&self) -> &[Tensor<f64>] {
        self.inputs()
    }

    fn loss(&self) -> f64 {
        self.loss()
    }

    fn magnitude(&self) -> f64 {
        self.magnitude()
    }

    fn gradient(&self) -> &[f64] {
        self.gradient()
    }

    fn cotangent(&self) -> &Tensor<f64> {
        self.cotangent()
    }

    fn base_output(&self) -> Result<&Tensor<f64>> {
        self.base_output()
    }

    fn entering(&self) -> Result<Vec<bool>> {
        self.entering()
    }

    fn spikes(&self) -> Option<bool> {
        self.spikes()
    }

    fn sample(&self, direction: &[f64], step: f64) -> Result<Sample> {
        self.sample(direction, step)
    }

    fn sample_from(&self, offset: &[f64], direction: &[f64], step: f64) -> Result<Sample> {
        self.sample_from(offset, direction, step)
    }

    fn jvp(&self, direction: &[f64]) -> Result<Tensor<f64>> {
        self.jvp(direction)
    }

    fn complex_jvp(&self, direction: &[f64]) -> Result<Tensor<f64>> {
        self.complex_jvp(direction)
    }

    fn tangent(&self, offset: &[f64], direction: &[f64]) -> Result<Tangent> {
        self.tangent(offset, direction)
    }

    fn vjp(&self, cotangent: &Tensor<f64>) -> Result<Vec<f64>> {
        self.vjp(cotangent)
    }

    fn surrogate_slope(&self, direction: &[f64]) -> Result<Option<f64>> {
        self.surrogate_slope(direction)
    }
}
