//! A loss that is given as data, on a tape.

use super::{
    CountTarget, Loss, Readout, Reduction, by_class, class_spikes, kernel_loss, readout, spike_count_loss,
    steps_batch_neurons,
};
use crate::{Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// What a loss compares an output with.
///
/// ```
/// use resurge_snn::Target;
///
/// let target = Target::Classes(vec![3, 1]); // of two samples
/// assert!(matches!(target, Target::Classes(classes) if classes.len() == 2));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The class of each sample.
    Classes(Vec<usize>),
    /// Values of the readout: `[B, N]`, or `[T, B, N]` of [`Readout::All`].
    Values(Tensor<f64>),
    /// Weights of a weighted sum, with the shape of the output and, where they count, of the potentials.
    Weights {
        /// Of what the last layer hands on.
        output: Tensor<f64>,
        /// Of its potentials.
        potentials: Option<Tensor<f64>>,
    },
}

impl Target {
    /// What it is called in errors.
    fn name(&self) -> &'static str {
        match self {
            Self::Classes(_) => "classes",
            Self::Values(_) => "values",
            Self::Weights { .. } => "weights",
        }
    }
}

impl Loss {
    /// The loss of an output `[T, B, ...]`: a scalar on the tape.
    ///
    /// With `z` the readout, `c` the classes and `y` the values,
    ///
    /// - cross-entropy: `-sum_b log softmax(z_b)[c_b]`;
    /// - mse: `sum (z - y)^2`; of classes, `y` is 1 for the class and 0 for the others;
    /// - weighted sum: `sum w * output + sum w_u * potentials`;
    /// - kernel: [`kernel_loss`] with the pattern, whose traces decay by `trace_decay`;
    /// - count: [`spike_count_loss`].
    ///
    /// The first two are divided by what their [`Reduction`] says, and the first three multiplied by their scale.
    ///
    /// # Errors
    /// [`SnnError::Form`] where the loss does not go with such a target; of a shape or class that does not fit, as the
    /// losses themselves say.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Loss, Target};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let spikes = tape.leaf(Tensor::from_vec([2, 1, 2], vec![1.0, 0.0, 1.0, 0.0])?); // 2 and 0 of them
    /// let classes = Target::Classes(vec![0]);
    /// let of = |tape: &mut Tape<f64>, loss: &str| {
    ///     loss.parse::<Loss>()?.run(tape, spikes, None, &classes, 0.5).map(|loss| tape.value(loss).unwrap().item())
    /// };
    /// assert_eq!(of(&mut tape, "mse sum sum")?, Some(1.0)); // (2 - 1)^2 + (0 - 0)^2
    /// assert_eq!(of(&mut tape, "mse mean")?, Some(0.0)); // a spike in every step, as it should be
    /// let error = of(&mut tape, "weighted-sum").unwrap_err().to_string();
    /// assert!(error.contains("this one takes weights"), "{error}");
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn run<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        output: Var,
        potentials: Option<Var>,
        target: &Target,
        trace_decay: f64,
    ) -> Result<Var> {
        match (self, target) {
            (Self::Kernel { pattern }, Target::Classes(classes)) => {
                let [steps, _, neurons] = steps_batch_neurons(tape, output, "kernel loss")?;
                let spikes = class_spikes(classes, neurons, steps, pattern)?;
                kernel_loss(tape, output, &spikes, trace_decay)
            }
            (Self::Count { desired, undesired, one_sided }, Target::Classes(classes)) => {
                let target = CountTarget::new(*desired, *undesired)?;
                let target = if *one_sided { target.one_sided() } else { target };
                spike_count_loss(tape, output, classes, target)
            }
            (Self::WeightedSum { scale }, Target::Weights { output: w, potentials: w_u }) => {
                let mut sum = weighted(tape, output, w)?;
                if let (Some(w_u), Some(potentials)) = (w_u, potentials) {
                    let other = weighted(tape, potentials, w_u)?;
                    sum = tape.add(sum, other)?;
                }
                Ok(tape.scale(sum, *scale)?)
            }
            (Self::CrossEntropy { readout, reduction, scale }, Target::Classes(classes)) => {
                let read = Read::of(tape, output, *readout)?;
                let logits = tape.log_softmax(read.values)?;
                let logits = tape.reshape(logits, [read.rows, read.neurons])?;
                let picked = read.by_class(classes, -1.0)?;
                let picked = tape.constant(picked);
                let product = tape.mul(logits, picked)?;
                let sum = tape.sum(product)?;
                read.reduced(tape, sum, read.rows, *reduction, *scale)
            }
            (Self::Mse { readout, reduction, scale }, Target::Classes(_) | Target::Values(_)) => {
                let read = Read::of(tape, output, *readout)?;
                let values = match target {
                    Target::Classes(classes) => {
                        let shape = tape.value(read.values)?.shape().clone();
                        Tensor::from_vec(shape, read.by_class(classes, 1.0)?.to_vec())?
                    }
                    Target::Values(values) => values.cast(),
                    Target::Weights { .. } => return Err(self.refuse(target)),
                };
                let values = tape.constant(values);
                let difference = tape.sub(read.values, values)?;
                let square = tape.mul(difference, difference)?;
                let sum = tape.sum(square)?;
                read.reduced(tape, sum, read.rows * read.neurons, *reduction, *scale)
            }
            _ => Err(self.refuse(target)),
        }
    }

    fn refuse(&self, target: &Target) -> SnnError {
        let expected = match self {
            Self::WeightedSum { .. } => "weights",
            Self::Mse { .. } => "classes or values",
            _ => "classes",
        };
        let expected =
            format!("a loss of {}, for that is what there is; this one takes {expected}", target.name());
        SnnError::Form { what: "loss", text: self.to_string(), expected }
    }
}

fn weighted<S: Scalar>(tape: &mut Tape<S>, values: Var, weights: &Tensor<f64>) -> Result<Var> {
    let weights = tape.constant(weights.cast());
    let product = tape.mul(values, weights)?;
    Ok(tape.sum(product)?)
}

/// An output that was read out.
struct Read {
    values: Var,
    batch: usize,
    neurons: usize,
    /// Rows of neurons: samples, or steps times samples.
    rows: usize,
}

impl Read {
    fn of<S: Scalar>(tape: &mut Tape<S>, output: Var, over_time: Readout) -> Result<Self> {
        let shape = tape.value(output)?.shape().clone();
        if shape.rank() < 3 {
            return Err(SnnError::Axes { what: "loss", expected: "[T, B, N]", shape });
        }
        let (steps, batch) = (shape[0], shape[1]);
        let neurons: usize = shape[2..].iter().product();
        let flat = tape.reshape(output, [steps, batch, neurons])?;
        let values = readout(tape, flat, over_time)?;
        let rows = if over_time == Readout::All { steps * batch } else { batch };
        Ok(Self { values, batch, neurons, rows })
    }

    /// `[rows, N]`: a number for the class of each sample, in every step, and 0 for the others.
    fn by_class<S: Scalar>(&self, classes: &[usize], value: f64) -> Result<Tensor<S>> {
        let of_batch = by_class::<S>(classes, [self.batch, self.neurons], value, 0.0)?;
        let all = of_batch.as_slice();
        Ok(Tensor::from_fn([self.rows, self.neurons], |i| all[i % all.len()])?)
    }

    fn reduced<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        sum: Var,
        count: usize,
        reduction: Reduction,
        scale: f64,
    ) -> Result<Var> {
        let divisor = match reduction {
            Reduction::Mean => count,
            Reduction::BatchMean => self.batch,
            Reduction::Sum => 1,
        };
        Ok(tape.scale(sum, scale / divisor as f64)?)
    }
}

#[cfg(test)]
mod tests;
