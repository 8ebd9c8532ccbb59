//! One entry along the first axis: one time step of a sequence.

use super::OpCase;
use crate::{Contribution, Contributions, Op, Result, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

#[derive(Debug, Clone, Copy)]
struct Select(usize);

impl<S: Scalar> Op<S> for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        let [x] = expect_inputs("select", inputs)?;
        Ok(x.select(self.0)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        Ok(smallvec![Some(Contribution::Step { index: self.0, value: at.cotangent.clone() })])
    }

    fn detail(&self) -> Option<String> {
        Some(format!("[{}]", self.0))
    }
}

impl<S: Scalar> Tape<S> {
    /// Entry `index` along the first axis, which is removed: time step `t` of `[T, B, N]` is `[B, N]`.
    ///
    /// # Errors
    /// A shape error beyond the extent, or for a scalar.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let sequence = tape.leaf(Tensor::from_vec([3, 1], vec![1.0, 2.0, 3.0])?); // [T, N]
    /// let last = tape.select(sequence, 2)?;
    /// assert_eq!(tape.value(last)?.as_slice(), &[3.0]);
    /// assert_eq!(tape.backward(last)?.wrt(sequence)?.as_slice(), &[0.0, 0.0, 1.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn select(&mut self, x: Var, index: usize) -> Result<Var> {
        self.apply(Select(index), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let cases: [(usize, &[usize]); 5] = [(0, &[1]), (1, &[3]), (2, &[3, 2]), (0, &[2, 2, 2]), (1, &[2, 0])];
    cases.map(|(index, shape)| OpCase::new(Select(index), vec![shape.into()])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_range_and_accumulation() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_fn([3, 2], |i| i as f64).unwrap());
        let a = tape.select(x, 2).unwrap();
        assert_eq!(tape.value(a).unwrap().as_slice(), &[4.0, 5.0]);
        assert!(tape.select(x, 3).is_err());
        // The same step twice and a dense use: contributions of both kinds add up.
        let b = tape.select(x, 2).unwrap();
        let product = tape.mul(a, b).unwrap();
        let (first, second) = (tape.sum(product).unwrap(), tape.sum(x).unwrap());
        let loss = tape.add(first, second).unwrap();
        let gradients = tape.backward(loss).unwrap();
        assert_eq!(gradients.wrt(x).unwrap().as_slice(), &[1.0, 1.0, 1.0, 1.0, 9.0, 11.0]);
    }

    #[test]
    fn each_step_gets_its_own_gradient() {
        for (index, expected) in [(0, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]), (1, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0])] {
            let mut tape = Tape::new();
            let x = tape.leaf(Tensor::<f64>::zeros([3, 2]).unwrap());
            let step = tape.select(x, index).unwrap();
            let loss = tape.sum(step).unwrap();
            assert_eq!(tape.backward(loss).unwrap().wrt(x).unwrap().as_slice(), &expected, "step {index}");
        }
    }
}
