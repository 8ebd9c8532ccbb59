//! The numbers on which a file's network is run: `f64` for a gradient, [`Bounded`] for how far the file's own type may
//! be off.

use super::description::Layer;
use super::error::Result;
use super::stage::{Stage, StageGradients};
use crate::snn::Surrogate;
use crate::tensor::{Bounded, Scalar, Tensor};

/// Units of roundoff that a constant of a description may be off: a framework computes a decay from a time constant,
/// or keeps it in its own type.
const CONSTANT: f64 = 4.0;

/// Units of its height by which a surrogate's value may be off: a framework computes `s (1 - s)` from a rounded `s`, so
/// that its tails are known to the rounding of its peak.
const SLOPE: f64 = 8.0;

/// A number of a run.
pub(super) trait Number: Scalar {
    /// A constant of a description.
    fn constant(x: f64) -> Self;

    /// `sigma'(self / width)`, in a type whose unit roundoff is `roundoff`.
    fn slope(self, surrogate: &Surrogate, width: f64, roundoff: f64) -> Self;

    /// The gradients of a stage.
    fn back(layer: &Layer, stage: &Stage<Self>, cotangent: Tensor<Self>) -> Result<StageGradients<Self>>;
}

impl Number for f64 {
    fn constant(x: f64) -> Self {
        x
    }

    fn slope(self, surrogate: &Surrogate, width: f64, _: f64) -> Self {
        surrogate.derivative(self / width)
    }

    fn back(_: &Layer, stage: &Stage<Self>, cotangent: Tensor<Self>) -> Result<StageGradients<Self>> {
        stage.back(cotangent)
    }
}

impl Number for Bounded {
    fn constant(x: f64) -> Self {
        Self::new(x, CONSTANT * x.abs())
    }

    /// The largest change of the slope within the error of the potential: so that a kink counts with its jump where the
    /// error reaches across it.
    fn slope(self, surrogate: &Surrogate, width: f64, roundoff: f64) -> Self {
        let at = |x: f64| surrogate.derivative(x / width);
        let value = at(self.value);
        let reach = roundoff * (self.error() + CONSTANT * self.value.abs());
        let change = (at(self.value + reach) - value).abs().max((at(self.value - reach) - value).abs());
        let error = change / roundoff + SLOPE * at(0.0).abs();
        Self::new(value, error)
    }

    /// A weight's gradient sums over all time steps, whose cotangents often have one error in common (that of the loss's
    /// own slope, say). Their errors are added there as they are, on top of what is independent.
    fn back(layer: &Layer, stage: &Stage<Self>, cotangent: Tensor<Self>) -> Result<StageGradients<Self>> {
        let errors: Tensor<f64> = Tensor::from_vec(
            cotangent.shape().clone(),
            cotangent.as_slice().iter().map(|x| x.error()).collect(),
        )?;
        let mut found = stage.back(cotangent)?;
        let Some(weight) = &found.weight else { return Ok(found) };
        let input = stage.input()?;
        let size = Tensor::from_vec(
            input.shape().clone(),
            input.as_slice().iter().map(|x| x.value.abs()).collect(),
        )?;
        // The product of sizes and errors is that of the weight's gradient, whatever the weight.
        let any = Tensor::zeros(weight.shape().clone())?;
        let common = Stage::<f64>::run(layer, size, Some(&any), None, false)?.back(errors)?;
        if let Some(common) = common.weight {
            let each = weight.as_slice().iter().zip(common.as_slice());
            let with = each.map(|(x, &error)| Self::new(x.value, x.error() + error)).collect();
            found.weight = Some(Tensor::from_vec(weight.shape().clone(), with)?);
        }
        Ok(found)
    }
}
