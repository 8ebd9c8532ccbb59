//! The logarithm of the softmax along the last axis.

use super::OpCase;
use crate::{AutodiffError, Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor, TensorError};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct LogSoftmax;

impl<S: Scalar> Op<S> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [input] = expect_inputs("log_softmax", inputs)?;
        let mut out = input.clone();
        let Some(&classes) = out.shape().last() else {
            let actual = out.shape().clone();
            return Err(AutodiffError::Tensor(TensorError::Rank { op: "log_softmax", expected: 1, actual }));
        };
        for row in out.as_mut_slice().chunks_mut(classes.max(1)) {
            // Shifting a row leaves the result as it is. By the largest, no exponential overflows and one is 1.
            let largest = row.iter().map(|x| x.re()).fold(f64::NEG_INFINITY, f64::max);
            let mut sum = S::zero();
            for x in row.iter_mut() {
                *x = *x - S::from_f64(largest);
                sum += x.exp();
            }
            let log_sum = sum.ln();
            for x in row {
                *x = *x - log_sum;
            }
        }
        Ok(out)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let [_] = expect_inputs("log_softmax", at.inputs)?;
        // The Jacobian of a row is I - 1 p' with p = e^output; its transpose takes c to c - p * sum(c).
        let mut gradient = at.cotangent.clone();
        let classes = at.output.shape().last().copied().unwrap_or(0).max(1);
        let rows = gradient.as_mut_slice().chunks_mut(classes).zip(at.output.as_slice().chunks(classes));
        for (row, logs) in rows {
            let mut sum = S::zero();
            for &cotangent in row.iter() {
                sum += cotangent;
            }
            for (cotangent, log) in row.iter_mut().zip(logs) {
                *cotangent = *cotangent - log.exp() * sum;
            }
        }
        Ok(smallvec![Some(gradient.into())])
    }
}

impl<S: Scalar> Tape<S> {
    /// `x - ln(sum of e^x)` along the last axis: the logarithms of class probabilities, from logits
    /// `[..., classes]`, without overflow for finite logits of any size.
    ///
    /// # Errors
    /// A shape error for a scalar.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([2], vec![1000.0, 1000.0])?);
    /// let y = tape.log_softmax(x)?;
    /// assert_eq!(tape.value(y)?.as_slice(), &[-(2.0_f64.ln()); 2]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn log_softmax(&mut self, x: Var) -> Result<Var> {
        self.apply(LogSoftmax, &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let shapes: [&[usize]; 7] = [&[1], &[0], &[5], &[2, 3], &[2, 2, 4], &[3, 0], &[0, 3]];
    let mut cases: Vec<OpCase> = shapes.iter().map(|&s| OpCase::new(LogSoftmax, vec![s.into()])).collect();
    cases.push(OpCase::new(LogSoftmax, vec![[2, 3].into()]).within(-900.0, 900.0));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn value(logits: &[f64]) -> Vec<f64> {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([logits.len()], logits.to_vec()).unwrap());
        let y = tape.log_softmax(x).unwrap();
        tape.value(y).unwrap().as_slice().to_vec()
    }

    #[test]
    fn values_shifts_and_extremes() {
        let quarter = value(&[3.0_f64.ln(), 0.0]);
        assert_relative_eq!(quarter[0], 0.75_f64.ln(), max_relative = 1e-15);
        assert_relative_eq!(quarter[1], 0.25_f64.ln(), max_relative = 1e-15);
        assert_eq!(value(&[1e300, 1e300, 0.0])[..2], [-(2.0_f64.ln()); 2]);
        assert_eq!(value(&[-1000.0, 0.0]), vec![-1000.0, 0.0]);
    }

    #[test]
    fn each_row_is_by_itself_and_a_scalar_is_refused() {
        let mut tape = Tape::<f64>::new();
        let x = tape.leaf(Tensor::from_vec([2, 2], vec![0.0, 0.0, 700.0, 700.0]).unwrap());
        let y = tape.log_softmax(x).unwrap();
        assert_eq!(tape.value(y).unwrap().as_slice(), &[-(2.0_f64.ln()); 4]);
        let scalar = tape.leaf(Tensor::scalar(1.0));
        let error = tape.log_softmax(scalar).unwrap_err();
        assert!(error.to_string().contains("log_softmax: needs a tensor of 1 axes"), "{error}");
    }
}
