//! Tensors joined along a new first axis: time steps into a sequence.

use super::OpCase;
use crate::{Contributions, Op, Result, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Tensor};

#[derive(Debug, Clone, Copy)]
struct Stack;

impl<S: Scalar> Op<S> for Stack {
    fn name(&self) -> &'static str {
        "stack"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        Ok(Tensor::stack(inputs)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
        let step = |t| if at.needs(t) { Ok(Some(at.cotangent.select(t)?.into())) } else { Ok(None) };
        (0..at.inputs.len()).map(step).collect()
    }
}

impl<S: Scalar> Tape<S> {
    /// Tensors of one shape joined along a new first axis: `T` times `[B, N]` into `[T, B, N]`.
    ///
    /// # Errors
    /// A shape error without tensors, or when their shapes differ.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let steps = [1.0, 2.0].map(|x| tape.leaf(Tensor::scalar(x)));
    /// let sequence = tape.stack(&steps)?;
    /// assert_eq!(tape.value(sequence)?.as_slice(), &[1.0, 2.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn stack(&mut self, steps: &[Var]) -> Result<Var> {
        self.apply(Stack, steps)
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    let cases: [(usize, &[usize]); 5] = [(1, &[2]), (3, &[]), (3, &[2, 2]), (5, &[1]), (2, &[0])];
    cases.map(|(count, shape)| OpCase::new(Stack, vec![shape.into(); count])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_errors() {
        let mut tape = Tape::new();
        let a = tape.leaf(Tensor::from_vec([2], vec![1.0, 2.0]).unwrap());
        let b = tape.leaf(Tensor::from_vec([1], vec![3.0]).unwrap());
        let both = tape.stack(&[a, a]).unwrap();
        assert_eq!(tape.value(both).unwrap().as_slice(), &[1.0, 2.0, 1.0, 2.0]);
        assert!(tape.stack(&[a, b]).is_err());
        assert!(tape.stack(&[]).is_err());
    }
}
