//! Sum, elementwise.

use super::OpCase;
use super::elementwise::{Pair, Pairwise, binary_cases};
use crate::{Result, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Tensor};

#[derive(Debug, Clone, Copy)]
struct Add;

impl Pairwise for Add {
    const NAME: &'static str = "add";

    fn value<S: Scalar>(a: &Tensor<S>, b: &Tensor<S>) -> Result<Tensor<S>> {
        Ok(a.add(b)?)
    }

    fn left<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>> {
        Ok(at.cotangent.clone())
    }

    fn right<S: Scalar>(at: &Vjp<'_, S>) -> Result<Tensor<S>> {
        Ok(at.cotangent.clone())
    }
}

impl<S: Scalar> Tape<S> {
    /// Sum, elementwise.
    /// Operands are broadcast by NumPy's rule.
    ///
    /// # Errors
    /// A shape error when the operands do not broadcast,
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    pub fn add(&mut self, a: Var, b: Var) -> Result<Var> {
        self.apply(Pair(Add), &[a, b])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    binary_cases(Add, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_of_pair;

    #[test]
    fn value() {
        assert_eq!(value_of_pair(Tape::add, 3.0, 2.0), 5.0);
    }
}
