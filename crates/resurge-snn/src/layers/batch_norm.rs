//! Batch normalisation through time.

use crate::Result;
use crate::SnnError;
use crate::error::check;
use crate::sequence::{check_shape, sequence};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape, Tensor};

/// What batch normalisation did with a sequence in training.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{BatchNormRun, batch_norm};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec([2, 1, 1], vec![1.0, 5.0])?);
/// let (gamma, beta) = (tape.leaf(Tensor::full([1], 1.0)?), tape.leaf(Tensor::zeros([1])?));
/// let run: BatchNormRun<f64> = batch_norm(&mut tape, x, gamma, beta, 1e-5)?;
/// assert_eq!((run.mean.item(), run.variance.item(), run.samples), (Some(3.0), Some(4.0), 2));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchNormRun<S> {
    /// The normalised sequence, the input's shape.
    pub output: Var,
    /// The mean of each channel, `[C]`.
    pub mean: Tensor<S>,
    /// The biased variance of each channel, `[C]`: the mean square of the deviations.
    pub variance: Tensor<S>,
    /// The number of values of each channel.
    pub samples: usize,
}

/// Normalises each channel of a sequence `[T, B, C, ...]` by its mean and variance over time, batch and space:
///
/// `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`
///
/// with the biased variance and learnable `gamma` and `beta`, `[C]` (Ioffe and Szegedy 2015). One pair of
/// statistics serves all steps, so that a channel is scaled alike through time, as in threshold-dependent
/// batch normalisation (Zheng et al. 2021), whose factor `alpha * theta` is a choice of the initial `gamma`; the
/// variant with separate statistics in each step (BNTT, Kim and Panda 2020) is
/// [`batch_norm_per_step`](crate::batch_norm_per_step). The gradient flows through the statistics.
///
/// # Errors
/// [`SnnError::Axes`] for fewer than three axes, [`SnnError::TooFewSamples`] for fewer than two values per
/// channel, [`SnnError::Parameter`] unless `epsilon` is positive and finite, and a shape error unless `gamma`
/// and `beta` have shape `[C]`.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::batch_norm;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec([2, 1, 1], vec![1.0_f64, 5.0])?); // mean 3, variance 4
/// let (gamma, beta) = (tape.leaf(Tensor::full([1], 10.0)?), tape.leaf(Tensor::full([1], 0.5)?));
/// let run = batch_norm(&mut tape, x, gamma, beta, 1e-12)?;
/// assert_eq!((run.mean.as_slice(), run.variance.as_slice()), (&[3.0][..], &[4.0][..]));
/// assert!((tape.value(run.output)?.as_slice()[0] - -9.5).abs() < 1e-10);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn batch_norm<S: Scalar>(
    tape: &mut Tape<S>,
    input: Var,
    gamma: Var,
    beta: Var,
    epsilon: f64,
) -> Result<BatchNormRun<S>> {
    let axes = Axes::of(tape, input)?;
    let samples = axes.samples()?;
    if samples < 2 {
        return Err(SnnError::TooFewSamples { samples });
    }
    let x = axes.fold(tape, input)?;
    let mean = axes.mean(tape, x, samples)?;
    let centred = tape.sub(x, mean)?;
    let square = tape.square(centred)?;
    let variance = axes.mean(tape, square, samples)?;
    let output = axes.normalise(tape, centred, variance, [gamma, beta], epsilon)?;
    let statistic = |var| Ok::<_, SnnError>(tape.value(var)?.reshape([axes.channels])?);
    Ok(BatchNormRun { output, mean: statistic(mean)?, variance: statistic(variance)?, samples })
}

/// Normalises each channel of a sequence `[T, B, C, ...]` by given statistics, for evaluation:
///
/// `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`
///
/// # Errors
/// As [`batch_norm`], but for the number of values; and [`SnnError::Parameter`] for a negative variance.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{RunningStatistics, batch_norm_inference};
/// use resurge_tensor::Tensor;
///
/// let statistics = RunningStatistics {
///     mean: Tensor::from_vec([1], vec![3.0])?,
///     variance: Tensor::from_vec([1], vec![3.75])?,
/// };
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec([2, 1, 1], vec![1.0, 5.0])?);
/// let (gamma, beta) = (tape.leaf(Tensor::full([1], 10.0)?), tape.leaf(Tensor::full([1], 0.5)?));
/// let y = batch_norm_inference(&mut tape, x, gamma, beta, &statistics, 0.25)?;
/// assert_eq!(tape.value(y)?.as_slice(), &[-9.5, 10.5]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn batch_norm_inference<S: Scalar>(
    tape: &mut Tape<S>,
    input: Var,
    gamma: Var,
    beta: Var,
    statistics: &RunningStatistics<S>,
    epsilon: f64,
) -> Result<Var> {
    let axes = Axes::of(tape, input)?;
    let channels = Shape::from([axes.channels]);
    check_shape(&statistics.mean, &channels, "batch norm running mean")?;
    check_shape(&statistics.variance, &channels, "batch norm running variance")?;
    for variance in statistics.variance.as_slice() {
        check("running variance", variance.re(), "at least 0 and finite", variance.re() >= 0.0)?;
    }
    let mut constant = |value: &Tensor<S>| {
        let value = value.reshape([axes.channels, 1])?;
        Ok::<_, SnnError>(tape.constant(value))
    };
    let (mean, variance) = (constant(&statistics.mean)?, constant(&statistics.variance)?);
    let x = axes.fold(tape, input)?;
    let centred = tape.sub(x, mean)?;
    axes.normalise(tape, centred, variance, [gamma, beta], epsilon)
}

/// The statistics that evaluation uses: exponential means of those of the training batches.
///
/// ```
/// use resurge_snn::RunningStatistics;
///
/// let statistics = RunningStatistics::<f32>::new(2)?;
/// assert_eq!(statistics.mean.len(), 2);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RunningStatistics<S> {
    /// The mean of each channel, `[C]`.
    pub mean: Tensor<S>,
    /// The variance of each channel, `[C]`.
    pub variance: Tensor<S>,
}

impl<S: Scalar> RunningStatistics<S> {
    /// Mean 0 and variance 1.
    ///
    /// # Errors
    /// A shape error for more channels than can be addressed.
    ///
    /// ```
    /// use resurge_snn::RunningStatistics;
    ///
    /// let statistics = RunningStatistics::<f64>::new(1)?;
    /// assert_eq!((statistics.mean.item(), statistics.variance.item()), (Some(0.0), Some(1.0)));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn new(channels: usize) -> Result<Self> {
        Ok(Self { mean: Tensor::zeros([channels])?, variance: Tensor::full([channels], S::one())? })
    }

    /// Moves towards the statistics of a training batch: `new = (1 - momentum) * old + momentum * batch`. The
    /// variance is moved towards the unbiased one, `n / (n - 1)` times the biased, as evaluation estimates the
    /// population's.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless the momentum lies in `0..=1`, a shape error when the channels differ.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{RunningStatistics, batch_norm};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.constant(Tensor::from_vec([2, 1, 1], vec![1.0, 5.0])?);
    /// let (gamma, beta) = (tape.leaf(Tensor::full([1], 1.0)?), tape.leaf(Tensor::zeros([1])?));
    /// let run = batch_norm(&mut tape, x, gamma, beta, 1e-5)?;
    /// let mut statistics = RunningStatistics::new(1)?;
    /// statistics.update(&run, 0.5)?;
    /// assert_eq!(statistics.mean.item(), Some(1.5)); // halfway from 0 to 3
    /// assert_eq!(statistics.variance.item(), Some(4.5)); // halfway from 1 to 8
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn update(&mut self, run: &BatchNormRun<S>, momentum: f64) -> Result<()> {
        check("batch norm momentum", momentum, "between 0 and 1", (0.0..=1.0).contains(&momentum))?;
        check_shape(&run.mean, self.mean.shape(), "batch norm mean")?;
        check_shape(&run.variance, self.variance.shape(), "batch norm variance")?;
        let unbiased = run.samples as f64 / (run.samples as f64 - 1.0);
        let (old, new) = (S::from_f64(1.0 - momentum), S::from_f64(momentum));
        self.mean = self.mean.scale(old).add(&run.mean.scale(new))?;
        let variance = run.variance.scale(S::from_f64(unbiased));
        self.variance = self.variance.scale(old).add(&variance.scale(new))?;
        Ok(())
    }
}

/// The axes of `[T, B, C, ...]` as `[M, C, P]`: time and batch, channel, space.
struct Axes {
    shape: Shape,
    folded: [usize; 3],
    channels: usize,
}

impl Axes {
    fn of<S: Scalar>(tape: &Tape<S>, input: Var) -> Result<Self> {
        let shape = sequence(tape, input, "batch norm")?;
        let [t, b, channels, ref space @ ..] = shape[..] else {
            return Err(SnnError::Axes { what: "batch norm", expected: "[T, B, C, ...]", shape });
        };
        let folded = [Shape::from([t, b]).checked_len()?, channels, Shape::from(space).checked_len()?];
        Ok(Self { shape, folded, channels })
    }

    fn samples(&self) -> Result<usize> {
        Ok(Shape::from([self.folded[0], self.folded[2]]).checked_len()?)
    }

    fn fold<S: Scalar>(&self, tape: &mut Tape<S>, input: Var) -> Result<Var> {
        Ok(tape.reshape(input, self.folded)?)
    }

    /// The mean of each channel, `[C, 1]`, of `[M, C, P]`.
    fn mean<S: Scalar>(&self, tape: &mut Tape<S>, x: Var, samples: usize) -> Result<Var> {
        let sum = tape.sum_axis(x, 2)?;
        let sum = tape.sum_axis(sum, 0)?;
        let mean = tape.scale(sum, 1.0 / samples as f64)?;
        Ok(tape.reshape(mean, [self.channels, 1])?)
    }

    /// `gamma * centred / sqrt(variance + epsilon) + beta` in the input's shape, from `[M, C, P]` and `[C, 1]`.
    fn normalise<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        centred: Var,
        variance: Var,
        [gamma, beta]: [Var; 2],
        epsilon: f64,
    ) -> Result<Var> {
        check("batch norm epsilon", epsilon, "positive and finite", epsilon > 0.0)?;
        check_shape(tape.value(gamma)?, &[self.channels].into(), "batch norm gamma")?;
        check_shape(tape.value(beta)?, &[self.channels].into(), "batch norm beta")?;
        let gamma = tape.reshape(gamma, [self.channels, 1])?;
        let beta = tape.reshape(beta, [self.channels, 1])?;
        let variance = tape.shift(variance, epsilon)?;
        let deviation = tape.sqrt(variance)?;
        let normalised = tape.div(centred, deviation)?;
        let scaled = tape.mul(normalised, gamma)?;
        let output = tape.add(scaled, beta)?;
        Ok(tape.reshape(output, &self.shape)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(tape: &mut Tape<f64>, shape: &[usize]) -> [Var; 3] {
        let x = tape.leaf(Tensor::from_fn(shape, |i| (i as f64 * 1.3).sin()).unwrap());
        let channels = shape.get(2).copied().unwrap_or(1);
        let gamma = tape.leaf(Tensor::full([channels], 1.0).unwrap());
        let beta = tape.leaf(Tensor::zeros([channels]).unwrap());
        [x, gamma, beta]
    }

    #[test]
    fn every_channel_gets_mean_zero_and_variance_one() {
        let mut tape = Tape::new();
        let [x, gamma, beta] = leaves(&mut tape, &[3, 2, 4, 2, 2]);
        let run = batch_norm(&mut tape, x, gamma, beta, 1e-12).unwrap();
        assert_eq!((run.samples, run.mean.len()), (24, 4));
        let y = tape.value(run.output).unwrap();
        assert_eq!(y.shape(), &[3, 2, 4, 2, 2].into());
        for channel in 0..4 {
            let of_channel = |(i, &v): (usize, &f64)| (i / 4 % 4 == channel).then_some(v);
            let values: Vec<f64> = y.as_slice().iter().enumerate().filter_map(of_channel).collect();
            let (sum, square) = values.iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
            assert!(values.len() == 24 && sum.abs() < 1e-12 && (square / 24.0 - 1.0).abs() < 1e-10);
        }
        // Evaluation with the batch's own statistics is the same function.
        let statistics = RunningStatistics { mean: run.mean.clone(), variance: run.variance.clone() };
        let same = batch_norm_inference(&mut tape, x, gamma, beta, &statistics, 1e-12).unwrap();
        assert_eq!(tape.value(same).unwrap(), tape.value(run.output).unwrap());
    }

    #[test]
    fn values_by_hand() {
        // Mean 3 and variance 4; with epsilon 5 the divisor is 3.
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([2, 1, 1], vec![1.0, 5.0]).unwrap());
        let gamma = tape.leaf(Tensor::full([1], 6.0).unwrap());
        let beta = tape.leaf(Tensor::full([1], 0.5).unwrap());
        let run = batch_norm(&mut tape, x, gamma, beta, 5.0).unwrap();
        let statistics = RunningStatistics { mean: run.mean, variance: run.variance };
        let same = batch_norm_inference(&mut tape, x, gamma, beta, &statistics, 5.0).unwrap();
        for output in [run.output, same] {
            assert_eq!(tape.value(output).unwrap().as_slice(), &[-3.5, 4.5]);
        }
    }

    #[test]
    fn the_gradient_flows_through_the_statistics() {
        // The outputs of a channel sum to a constant, so their sum has no gradient; with statistics held fixed
        // it would be 1/sqrt(variance) in every entry.
        let mut tape = Tape::new();
        let [x, gamma, beta] = leaves(&mut tape, &[3, 2, 2]);
        let run = batch_norm(&mut tape, x, gamma, beta, 1e-5).unwrap();
        let loss = tape.sum(run.output).unwrap();
        assert!(tape.backward(loss).unwrap().wrt(x).unwrap().norm() < 1e-14);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let mut tape = Tape::new();
        let [x, gamma, beta] = leaves(&mut tape, &[2, 1, 3]);
        for epsilon in [0.0, -1.0, f64::INFINITY] {
            let error = batch_norm(&mut tape, x, gamma, beta, epsilon).unwrap_err();
            assert!(matches!(error, SnnError::Parameter { parameter: "batch norm epsilon", .. }));
        }
        let one = tape.leaf(Tensor::zeros([1]).unwrap());
        let message = |error: SnnError| error.to_string();
        let error = batch_norm(&mut tape, x, one, beta, 1e-5).map(|_| ()).unwrap_err();
        assert_eq!(message(error), "batch norm gamma: expected shape [3], found [1]");
        let error = batch_norm(&mut tape, x, gamma, one, 1e-5).map(|_| ()).unwrap_err();
        assert_eq!(message(error), "batch norm beta: expected shape [3], found [1]");

        for (shape, samples) in [(&[1, 1, 3][..], 1), (&[2, 0, 3], 0), (&[2, 2, 3, 0], 0)] {
            let [x, gamma, beta] = leaves(&mut tape, shape);
            let error = batch_norm(&mut tape, x, gamma, beta, 1e-5).map(|_| ()).unwrap_err();
            assert_eq!(error, SnnError::TooFewSamples { samples });
        }
        let [flat, gamma, beta] = leaves(&mut tape, &[2, 1]);
        let error = batch_norm(&mut tape, flat, gamma, beta, 1e-5).map(|_| ()).unwrap_err();
        assert!(matches!(error, SnnError::Axes { expected: "[T, B, C, ...]", .. }));
    }

    #[test]
    fn running_statistics_that_do_not_fit_are_named() {
        let mut tape = Tape::new();
        let [x, gamma, beta] = leaves(&mut tape, &[1, 1, 3]);
        let mut with = |mean: usize, variance: &[f64]| {
            let variance = Tensor::from_vec([variance.len()], variance.to_vec()).unwrap();
            let statistics = RunningStatistics { mean: Tensor::zeros([mean]).unwrap(), variance };
            batch_norm_inference(&mut tape, x, gamma, beta, &statistics, 1e-5).map(|_| ())
        };
        assert_eq!(with(3, &[0.0, 1.0, 2.0]), Ok(()));
        assert!(with(1, &[1.0; 3]).unwrap_err().to_string().contains("running mean: expected shape [3]"));
        assert!(with(3, &[1.0]).unwrap_err().to_string().contains("running variance: expected shape [3]"));
        for bad in [-1.0, f64::NAN] {
            let error = with(3, &[1.0, bad, 1.0]).unwrap_err();
            assert!(matches!(error, SnnError::Parameter { parameter: "running variance", .. }));
        }

        let [x, gamma, beta] = leaves(&mut tape, &[2, 1, 3]);
        let run = batch_norm(&mut tape, x, gamma, beta, 1e-5).unwrap();
        let mut statistics = RunningStatistics::new(3).unwrap();
        for momentum in [-0.1, 1.1, f64::NAN] {
            let error = statistics.update(&run, momentum).unwrap_err();
            assert!(matches!(error, SnnError::Parameter { parameter: "batch norm momentum", .. }));
        }
        statistics.update(&run, 0.0).unwrap();
        assert_eq!(statistics, RunningStatistics::new(3).unwrap());
        statistics.update(&run, 1.0).unwrap();
        assert_eq!((statistics.mean, statistics.variance), (run.mean.clone(), run.variance.scale(2.0)));
        assert!(RunningStatistics::new(2).unwrap().update(&run, 0.1).is_err());
    }
}
