//! From images to vectors.

use crate::Result;
use crate::sequence::sequence;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};

/// The features of each step and sample in one axis: `[T, B, C, H, W]` to `[T, B, C * H * W]`, row-major.
///
/// # Errors
/// [`SnnError::Sequence`](crate::SnnError::Sequence) for an input without time and batch axes.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::flatten;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let images = tape.constant(Tensor::full([5, 2, 3, 4, 4], 1.0)?);
/// let vectors = flatten(&mut tape, images)?;
/// assert_eq!(tape.value(vectors)?.shape(), &[5, 2, 48].into());
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn flatten<S: Scalar>(tape: &mut Tape<S>, input: Var) -> Result<Var> {
    let shape = sequence(tape, input, "flatten layer")?;
    let features = Shape::from(&shape[2..]).checked_len()?;
    Ok(tape.reshape(input, [shape[0], shape[1], features])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnnError;
    use resurge_tensor::Tensor;

    #[test]
    fn order_edges_and_errors() {
        let mut tape = Tape::<f64>::new();
        let x = tape.constant(Tensor::from_fn([1, 2, 2, 2], |i| i as f64).unwrap());
        let y = flatten(&mut tape, x).unwrap();
        assert_eq!(tape.value(y).unwrap().get(&[0, 1, 2]), Some(6.0));
        let mut flat = |shape: &[usize]| {
            let x = tape.constant(Tensor::zeros(shape).unwrap());
            flatten(&mut tape, x).map(|y| tape.value(y).unwrap().shape().to_vec())
        };
        assert_eq!(flat(&[3, 2]), Ok(vec![3, 2, 1]));
        assert_eq!(flat(&[3, 2, 0, 5]), Ok(vec![3, 2, 0]));
        assert!(matches!(flat(&[3]), Err(SnnError::Sequence { what: "flatten layer", .. })));
    }
}
