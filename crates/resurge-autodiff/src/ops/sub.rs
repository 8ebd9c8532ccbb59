//! Difference, elementwise.

use super::OpCase;
use super::elementwise::{Pair, Pairwise, binary_cases};
use crate::{Result, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Tensor};

#[derive(Debug, Clone, Copy)]
struct Sub;

impl Pairwise for Sub {
    const NAME: &'static str = "sub";

    fn value<S: Scalar>(a: &Tensor<S>, b: &Tensor<S>) -> Result<Tensor<S>> {
        Ok(a.sub(b)?)
    }

    fn left<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>> {
        Ok(at.cotangent.clone())
    }

    fn right<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>> {
        Ok(at.cotangent.map(|x| -x))
    }
}

impl<S: Scalar> Tape<S> {
    /// Difference, elementwise.
    /// Operands are broadcast by NumPy's rule.
    ///
    /// # Errors
    /// A shape error when the operands do not broadcast,
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    pub fn sub(&mut self, a: Var, b: Var) -> Result<Var> {
        self.apply(Pair(Sub), &[a, b])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    binary_cases(Sub, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_of_pair;

    #[test]
    fn value() {
        assert_eq!(value_of_pair(Tape::sub, 3.0, 2.0), 1.0);
    }
}
