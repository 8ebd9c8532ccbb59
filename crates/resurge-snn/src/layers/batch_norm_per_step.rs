//! Batch normalisation with statistics and a scale of each step: BNTT.

use super::batch_norm::{BatchNormRun, RunningStatistics, batch_norm, batch_norm_inference};
use crate::sequence::{check_shape, sequence};
use crate::{Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape, Tensor};

const NAME: &str = "batch norm per step";

/// Normalises each channel of each step of a sequence `[T, B, C, ...]` by its own mean and variance over batch and
/// space, with a scale of its own:
///
/// `y[t] = gamma[t] * (x[t] - mean[t]) / sqrt(variance[t] + epsilon)`
///
/// with the biased variance and a learnable `gamma`, `[T, C]`: batch normalisation through time (BNTT, Kim and Panda
/// 2020), which has no shift. A sequence at evaluation may not be longer than those in training, because every step
/// needs a scale; [`batch_norm`] serves any length. The gradient flows through the statistics.
///
/// Returns the output, of the input's shape, and what [`RunningStatistics::update`] takes for each step, whose
/// `output` has the shape `[1, B, C, ...]`.
///
/// # Errors
/// [`SnnError::Axes`] for fewer than three axes, [`SnnError::Sequence`] for no step, [`SnnError::TooFewSamples`] for
/// fewer than two values per channel and step, [`SnnError::Parameter`] unless `epsilon` is positive and finite, and
/// a shape error unless `gamma` has shape `[T, C]`.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::batch_norm_per_step;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// // Means 3 and 30, variances 4 and 400.
/// let x = tape.leaf(Tensor::from_vec([2, 2, 1], vec![1.0_f64, 5.0, 10.0, 50.0])?);
/// let gamma = tape.leaf(Tensor::from_vec([2, 1], vec![1.0, 2.0])?);
/// let (y, steps) = batch_norm_per_step(&mut tape, x, gamma, 1e-12)?;
/// assert_eq!((steps[0].mean.item(), steps[1].mean.item()), (Some(3.0), Some(30.0)));
/// for (y, expected) in tape.value(y)?.as_slice().iter().zip([-1.0, 1.0, -2.0, 2.0]) {
///     assert!((y - expected).abs() < 1e-10);
/// }
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn batch_norm_per_step<S: Scalar>(
    tape: &mut Tape<S>,
    input: Var,
    gamma: Var,
    epsilon: f64,
) -> Result<(Var, Vec<BatchNormRun<S>>)> {
    let mut steps = Vec::new();
    let output = each_step(tape, input, gamma, |tape, _, x, gamma, beta| {
        let run = batch_norm(tape, x, gamma, beta, epsilon)?;
        let output = run.output;
        steps.push(run);
        Ok(output)
    })?;
    Ok((output, steps))
}

/// Normalises each channel of each step by given statistics, one an entry of `statistics`, for evaluation:
///
/// `y[t] = gamma[t] * (x[t] - mean[t]) / sqrt(variance[t] + epsilon)`
///
/// # Errors
/// As [`batch_norm_per_step`], but for the number of values; [`SnnError::StepCount`] unless there are statistics for
/// each step; and [`SnnError::Parameter`] for a negative variance.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{RunningStatistics, batch_norm_per_step_inference};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec([1, 1, 1], vec![3.0])?);
/// let gamma = tape.leaf(Tensor::from_vec([1, 1], vec![2.0])?);
/// let statistics = [RunningStatistics::new(1)?]; // mean 0, variance 1
/// let y = batch_norm_per_step_inference(&mut tape, x, gamma, &statistics, 3.0)?;
/// assert_eq!(tape.value(y)?.item(), Some(3.0)); // 2 * 3 / sqrt(1 + 3)
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn batch_norm_per_step_inference<S: Scalar>(
    tape: &mut Tape<S>,
    input: Var,
    gamma: Var,
    statistics: &[RunningStatistics<S>],
    epsilon: f64,
) -> Result<Var> {
    let steps = sequence(tape, input, NAME)?[0];
    if statistics.len() != steps {
        return Err(SnnError::StepCount {
            what: "running statistics",
            expected: steps,
            actual: statistics.len(),
        });
    }
    each_step(tape, input, gamma, |tape, t, x, gamma, beta| {
        batch_norm_inference(tape, x, gamma, beta, &statistics[t], epsilon)
    })
}

/// Applies a normalisation to each step `[1, B, C, ...]` with its `gamma`, `[C]`, and a `beta` of zeros.
fn each_step<S: Scalar>(
    tape: &mut Tape<S>,
    input: Var,
    gamma: Var,
    mut normalise: impl FnMut(&mut Tape<S>, usize, Var, Var, Var) -> Result<Var>,
) -> Result<Var> {
    let shape = sequence(tape, input, NAME)?;
    let &[steps, _, channels, ..] = &shape[..] else {
        return Err(SnnError::Axes { what: NAME, expected: "[T, B, C, ...]", shape });
    };
    if steps == 0 {
        return Err(SnnError::Sequence { what: NAME, shape });
    }
    check_shape(tape.value(gamma)?, &Shape::from([steps, channels]), "batch norm per step gamma")?;
    let beta = tape.constant(Tensor::zeros([channels])?);
    let one_step: Vec<usize> = std::iter::once(1).chain(shape[1..].iter().copied()).collect();
    let mut outputs = Vec::with_capacity(steps);
    for t in 0..steps {
        let x = tape.select(input, t)?;
        let x = tape.reshape(x, &one_step[..])?;
        let gamma = tape.select(gamma, t)?;
        let output = normalise(tape, t, x, gamma, beta)?;
        outputs.push(tape.reshape(output, &shape[1..])?);
    }
    Ok(tape.stack(&outputs)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(shape: &[usize], gamma: [usize; 2]) -> (Tape<f64>, Var, Var) {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn(shape, |i| (i as f64 * 1.3).sin()).unwrap());
        let gamma = tape.leaf(Tensor::from_fn(gamma, |i| 1.0 + i as f64).unwrap());
        (tape, x, gamma)
    }

    #[test]
    fn each_step_has_its_own_statistics_and_scale() {
        let (mut tape, x, gamma) = leaves(&[3, 2, 2, 4], [3, 2]);
        let (y, steps) = batch_norm_per_step(&mut tape, x, gamma, 1e-12).unwrap();
        assert_eq!((tape.value(y).unwrap().shape(), steps.len()), (&[3, 2, 2, 4].into(), 3));
        for t in 0..3 {
            for channel in 0..2 {
                let values: Vec<f64> = (0..2)
                    .flat_map(|b| (0..4).map(move |p| ((t * 2 + b) * 2 + channel) * 4 + p))
                    .map(|i| tape.value(y).unwrap().as_slice()[i])
                    .collect();
                let (sum, square) = values.iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
                let scale = (1 + 2 * t + channel) as f64; // its gamma
                assert!(sum.abs() < 1e-12 && (square / 8.0 - scale * scale).abs() < 1e-9, "{t} {channel}");
            }
        }
        // Evaluation with the batch's own statistics is the same function.
        let own = |run: &BatchNormRun<f64>| RunningStatistics {
            mean: run.mean.clone(),
            variance: run.variance.clone(),
        };
        let statistics: Vec<_> = steps.iter().map(own).collect();
        let same = batch_norm_per_step_inference(&mut tape, x, gamma, &statistics, 1e-12).unwrap();
        assert_eq!(tape.value(same).unwrap(), tape.value(y).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |shape: &[usize], gamma: [usize; 2]| {
            let (mut tape, x, gamma) = leaves(shape, gamma);
            batch_norm_per_step(&mut tape, x, gamma, 1e-5).map(drop).unwrap_err()
        };
        assert!(matches!(refused(&[3, 2], [3, 2]), SnnError::Axes { what: NAME, .. }));
        assert!(matches!(refused(&[0, 2, 1], [0, 1]), SnnError::Sequence { what: NAME, .. }));
        assert_eq!(refused(&[2, 1, 3], [2, 3]), SnnError::TooFewSamples { samples: 1 });
        let text = refused(&[2, 2, 3], [1, 3]).to_string();
        assert_eq!(text, "batch norm per step gamma: expected shape [2, 3], found [1, 3]");

        let (mut tape, x, gamma) = leaves(&[2, 2, 3], [2, 3]);
        let statistics = [RunningStatistics::new(3).unwrap()];
        let error = batch_norm_per_step_inference(&mut tape, x, gamma, &statistics, 1e-5).unwrap_err();
        assert_eq!(error, SnnError::StepCount { what: "running statistics", expected: 2, actual: 1 });
    }
}
