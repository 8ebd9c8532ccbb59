//! The numbers on which a file's network is run: `f64` for a gradient, [`Bounded`] for how far the file's own type may
//! be off.

use super::description::{Layer, Over};
use super::error::Result;
use super::stage::{Given, Stage, StageGradients};
use resurge_snn::Surrogate;
use resurge_tensor::{Bounded, Scalar, Tensor};

/// Units of roundoff that a constant of a description may be off: a framework computes a decay from a time constant,
/// or keeps it in its own type.
const CONSTANT: f64 = 4.0;

/// Units of its height by which a surrogate's value may be off: a framework computes `s (1 - s) / a` from a rounded `s`,
/// so that its tails are known to the rounding of its peak. That is 8 for a sigmoid: `1 + e^-x` and the quotient are off
/// by one unit each, and the peak is a quarter of `1/a`.
const SLOPE: f64 = 12.0;

/// In units of the root of how many values there are: what a mean may be off of their mean size, and a deviation of itself.
///
/// Frameworks add up one value after another. Its roundings make some 6 deviations of `sqrt(n / 3)` units of the sum where
/// they are independent; of convolved spikes, which have few values, they are not: torch was off by 3 roots of n in a mean
/// of 5,880, and by 1 in the deviation.
const OF_A_MEAN: f64 = 12.0;

/// See [`OF_A_MEAN`].
const OF_A_DEVIATION: f64 = 4.0;

/// A number of a run.
pub(super) trait Number: Scalar {
    /// A constant of a description.
    fn constant(x: f64) -> Self;

    /// `sigma'(self / width)`, in a type whose unit roundoff is `roundoff`.
    fn slope(self, surrogate: &Surrogate, width: f64, roundoff: f64) -> Self;

    /// The same of which nothing may be left where it is below `smallest`, the smallest normal number of a type whose
    /// unit roundoff is `roundoff`: a softmax of a sure answer is there, and many kernels take such numbers as 0.
    fn flushed(self, smallest: f64, roundoff: f64) -> Self;

    /// Zero, of which this is the rounding.
    fn vanished(self) -> Self;

    /// What goes into batch normalisation, with what a framework may lose in its statistics.
    fn before_norm(input: Tensor<Self>, over: Over) -> Result<Tensor<Self>>;

    /// The gradients of a stage.
    fn back(layer: &Layer, stage: &Stage<Self>, cotangent: Tensor<Self>) -> Result<StageGradients<Self>>;

    /// The gradient at the network's input, behind a stage with a weight, as it is reported: the errors of all neurons
    /// above may be one, so that they are added as they are. Between layers they are taken as independent: errors that
    /// are added up at every layer would bound nothing in a deep network.
    fn at_input(
        layer: &Layer,
        stage: &Stage<Self>,
        weight: Option<&Tensor<f64>>,
        cotangent: &Tensor<Self>,
        gradient: Tensor<Self>,
    ) -> Result<Tensor<Self>>;
}

impl Number for f64 {
    fn constant(x: f64) -> Self {
        x
    }

    fn slope(self, surrogate: &Surrogate, width: f64, _: f64) -> Self {
        surrogate.derivative(self / width)
    }

    fn flushed(self, _: f64, _: f64) -> Self {
        self
    }

    fn vanished(self) -> Self {
        0.0
    }

    fn before_norm(input: Tensor<Self>, _: Over) -> Result<Tensor<Self>> {
        Ok(input)
    }

    fn back(_: &Layer, stage: &Stage<Self>, cotangent: Tensor<Self>) -> Result<StageGradients<Self>> {
        stage.back(cotangent)
    }

    fn at_input(
        _: &Layer,
        _: &Stage<Self>,
        _: Option<&Tensor<f64>>,
        _: &Tensor<Self>,
        gradient: Tensor<Self>,
    ) -> Result<Tensor<Self>> {
        Ok(gradient)
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
        let error = change / roundoff + SLOPE * at(0.0);
        Self::new(value, error)
    }

    fn flushed(self, smallest: f64, roundoff: f64) -> Self {
        let size = self.value.abs();
        if size < smallest { Self::new(self.value, self.error() + size / roundoff) } else { self }
    }

    fn vanished(self) -> Self {
        Self::new(0.0, self.error() + self.value.abs())
    }

    /// Each number is off by what the mean is, and in proportion to its distance from it by what the deviation is: so what
    /// is made of it is.
    fn before_norm(input: Tensor<Self>, over: Over) -> Result<Tensor<Self>> {
        let shape = input.shape().clone();
        let (steps, channels) = (shape[0], shape[2]);
        let places = shape[3..].iter().product::<usize>();
        let groups = if over == Over::Run { channels } else { channels * steps };
        let each = input.len() / groups;
        let group = |i: usize| i / (each * channels) * channels + i / places % channels;
        let each = each as f64;
        let mut sums = vec![(0.0, 0.0); groups];
        for (i, x) in input.as_slice().iter().enumerate() {
            let (sum, size) = &mut sums[group(i)];
            (*sum, *size) = (*sum + x.value, *size + x.value.abs());
        }
        let lost = |(i, x): (usize, &Self)| {
            let (sum, size) = sums[group(i)];
            let of_mean = OF_A_MEAN * size / each;
            let of_deviation = OF_A_DEVIATION * (x.value - sum / each).abs();
            Self::new(x.value, x.error() + each.sqrt() * (of_mean + of_deviation))
        };
        Ok(Tensor::from_vec(shape, input.as_slice().iter().enumerate().map(lost).collect())?)
    }

    /// A weight's gradient sums over all time steps, whose cotangents often have one error in common (that of the loss's
    /// own slope, say). Their errors are added there as they are, on top of what is independent.
    fn back(layer: &Layer, stage: &Stage<Self>, cotangent: Tensor<Self>) -> Result<StageGradients<Self>> {
        let errors = each(&cotangent, |x| x.error())?;
        let sizes: Vec<f64> = cotangent.as_slice().iter().map(|x| x.value.abs()).collect();
        let mut found = stage.back(cotangent)?;
        if let (Some(weight), Layer::BatchNorm(_)) = (&found.weight, layer) {
            // The product of errors and of what is normalised, which the weight does not change; and of sizes and of its
            // errors, of which those of the statistics are one.
            let ones = Tensor::full(weight.shape().clone(), 1.0)?;
            let normal = Stage::<Self>::run(layer, stage.input()?.clone(), Given::weight(&ones), false)?;
            let normal = normal.output()?;
            let places = normal.shape()[3..].iter().product::<usize>();
            let mut common = vec![0.0; ones.len()];
            let both = normal.as_slice().iter().zip(errors.as_slice().iter().zip(&sizes));
            for (i, (x, (error, size))) in both.enumerate() {
                common[i / places % ones.len()] += x.value.abs() * error + size * x.error();
            }
            let common = Tensor::from_vec(weight.shape().clone(), common)?;
            found.weight = with_common(weight, Some(common))?;
        } else if let Some(weight) = &found.weight {
            // The product of sizes and errors is that of the weight's gradient, whatever the weight.
            let any = Tensor::zeros(weight.shape().clone())?;
            let size = each(stage.input()?, |x| x.value.abs())?;
            let common = Stage::<f64>::run(layer, size, Given::weight(&any), false)?.back(errors)?;
            found.weight = with_common(weight, common.weight)?;
        }
        Ok(found)
    }

    fn at_input(
        layer: &Layer,
        stage: &Stage<Self>,
        weight: Option<&Tensor<f64>>,
        cotangent: &Tensor<Self>,
        gradient: Tensor<Self>,
    ) -> Result<Tensor<Self>> {
        let Some(weight) = weight.filter(|_| !matches!(layer, Layer::BatchNorm(_))) else {
            return Ok(gradient);
        };
        let size = weight.map(|x: f64| x.abs());
        let at = each(stage.input()?, |x| x.value)?;
        let common = Stage::<f64>::run(layer, at, Given::weight(&size), true)?;
        let common = common.back(each(cotangent, |x| x.error())?)?;
        Ok(with_common(&gradient, common.input)?.unwrap_or(gradient))
    }
}

/// One number of each.
fn each(numbers: &Tensor<Bounded>, of: impl Fn(&Bounded) -> f64) -> Result<Tensor<f64>> {
    Ok(Tensor::from_vec(numbers.shape().clone(), numbers.as_slice().iter().map(of).collect())?)
}

/// Numbers whose errors have another part besides.
fn with_common(numbers: &Tensor<Bounded>, common: Option<Tensor<f64>>) -> Result<Option<Tensor<Bounded>>> {
    let Some(common) = common else { return Ok(None) };
    let both = numbers.as_slice().iter().zip(common.as_slice());
    let with = both.map(|(x, &error)| Bounded::new(x.value, x.error() + error)).collect();
    Ok(Some(Tensor::from_vec(numbers.shape().clone(), with)?))
}

#[cfg(test)]
mod tests;
