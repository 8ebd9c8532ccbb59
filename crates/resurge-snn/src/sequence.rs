//! Checks of the axes of a sequence.

use crate::{Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape, Tensor, TensorError};

/// The shape of a sequence `[T, B, features...]`; it may have no steps.
pub(crate) fn sequence<S: Scalar>(tape: &Tape<S>, input: Var, what: &'static str) -> Result<Shape> {
    let shape = tape.value(input)?.shape();
    if shape.rank() < 2 {
        return Err(SnnError::Sequence { what, shape: shape.clone() });
    }
    Ok(shape.clone())
}

/// Refuses a value whose shape is not the expected one, even where it would broadcast.
pub(crate) fn check_shape<S: Scalar>(value: &Tensor<S>, expected: &Shape, op: &'static str) -> Result<()> {
    if value.shape() == expected {
        return Ok(());
    }
    Err(TensorError::Shape { op, expected: expected.clone(), actual: value.shape().clone() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_sequence_is_named() {
        let mut tape = Tape::<f64>::new();
        let mut of = |shape: &[usize]| tape.constant(Tensor::zeros(shape).unwrap());
        let (flat, empty) = (of(&[3]), of(&[0, 2, 3]));
        assert!(matches!(sequence(&tape, flat, "x"), Err(SnnError::Sequence { what: "x", .. })));
        assert_eq!(sequence(&tape, empty, "x"), Ok([0, 2, 3].into()));
    }
}
