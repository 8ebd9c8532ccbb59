//! `-x`, elementwise.

use super::OpCase;
use super::elementwise::{Each, Elementwise, unary_cases};
use crate::{Result, Tape, Var};
use resurge_tensor::Scalar;

#[derive(Debug, Clone, Copy)]
struct Neg;

impl Elementwise for Neg {
    const NAME: &'static str = "neg";

    fn value<S: Scalar>(x: S) -> S {
        -x
    }

    fn slope<S: Scalar>(_x: S, _y: S) -> S {
        -S::one()
    }
}

impl<S: Scalar> Tape<S> {
    /// `-x`, elementwise.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`](crate::AutodiffError::ForeignVariable) for a variable of another tape.
    pub fn neg(&mut self, x: Var) -> Result<Var> {
        self.apply(Each(Neg), &[x])
    }
}

pub(super) fn cases() -> Vec<OpCase> {
    unary_cases(Neg, -2.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::elementwise::value_at;
    use approx::assert_relative_eq;

    #[test]
    fn value() {
        assert_relative_eq!(value_at(Tape::neg, 1.5), -1.5, max_relative = 2e-16);
    }
}
