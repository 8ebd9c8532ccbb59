//! The residual connection.

use crate::Result;
use crate::sequence::check_shape;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Scalar;

/// `input + branch`, elementwise, for a branch that has the input's shape: the shortcut of He et al. (2016).
/// Between currents or traces it is their sum; the sum of two spike trains is a count, 0 to 2, not a spike.
///
/// # Errors
/// A shape error when the shapes differ, even where one would broadcast.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::residual;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec([1, 1, 2], vec![1.0, 2.0])?);
/// let branch = tape.scale(x, 0.5)?;
/// let y = residual(&mut tape, x, branch)?;
/// assert_eq!(tape.value(y)?.as_slice(), &[1.5, 3.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn residual<S: Scalar>(tape: &mut Tape<S>, input: Var, branch: Var) -> Result<Var> {
    check_shape(tape.value(branch)?, tape.value(input)?.shape(), "residual branch")?;
    Ok(tape.add(input, branch)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_tensor::Tensor;

    #[test]
    fn a_branch_of_another_shape_is_refused_even_where_it_would_broadcast() {
        let mut tape = Tape::<f64>::new();
        let x = tape.leaf(Tensor::zeros([2, 1, 3]).unwrap());
        let branch = tape.leaf(Tensor::zeros([3]).unwrap());
        let error = residual(&mut tape, x, branch).unwrap_err().to_string();
        assert_eq!(error, "residual branch: expected shape [2, 1, 3], found [3]");
    }
}
