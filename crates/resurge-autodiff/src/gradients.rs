//! What a backward pass returns.

use crate::{AutodiffError, Contribution, Result, Var};
use resurge_tensor::{Scalar, Tensor, TensorError};

/// The gradients of one scalar with respect to the leaves of a tape.
///
/// ```
/// use resurge_autodiff::{Gradients, Tape};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let (x, y) = (tape.leaf(Tensor::scalar(3.0)), tape.leaf(Tensor::scalar(5.0)));
/// let product = tape.mul(x, y)?;
/// let gradients: Gradients<f64> = tape.backward(product)?;
/// assert_eq!((gradients.wrt(x)?.item(), gradients.wrt(y)?.item()), (Some(5.0), Some(3.0)));
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gradients<S> {
    pub(crate) tape: u64,
    pub(crate) leaves: Vec<Leaf<S>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Leaf<S> {
    /// Not a leaf; the name of the operation.
    Not(&'static str),
    /// A leaf with its gradient.
    Gradient(Tensor<S>),
}

impl<S: Scalar> Gradients<S> {
    /// The gradient with respect to a leaf: the leaf's shape, zeros where the loss does not depend on it.
    ///
    /// # Errors
    /// [`AutodiffError::ForeignVariable`] for a variable of another tape, [`AutodiffError::NotALeaf`] for a
    /// constant or the result of an operation.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let (x, unused) = (tape.leaf(Tensor::scalar(3.0)), tape.leaf(Tensor::scalar(5.0)));
    /// let y = tape.square(x)?;
    /// let gradients = tape.backward(y)?;
    /// assert_eq!((gradients.wrt(x)?.item(), gradients.wrt(unused)?.item()), (Some(6.0), Some(0.0)));
    /// assert!(gradients.wrt(y).is_err()); // not a leaf
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn wrt(&self, var: Var) -> Result<&Tensor<S>> {
        if var.tape != self.tape {
            return Err(AutodiffError::ForeignVariable { op: "gradients" });
        }
        match self.leaves.get(var.index) {
            Some(Leaf::Gradient(gradient)) => Ok(gradient),
            Some(Leaf::Not(node)) => Err(AutodiffError::NotALeaf { node }),
            None => Err(AutodiffError::NotALeaf { node: "a node made after the backward pass" }),
        }
    }
}

/// Adds a contribution to a cotangent under construction, in place.
pub(crate) fn accumulate<S: Scalar>(
    slot: &mut Option<Tensor<S>>,
    contribution: Contribution<S>,
    like: &Tensor<S>,
    op: &'static str,
) -> Result<()> {
    match contribution {
        Contribution::Dense(tensor) => {
            check_shape(&tensor, like, op)?;
            match slot {
                Some(sum) => add_into(sum.as_mut_slice(), tensor.as_slice()),
                None => *slot = Some(tensor),
            }
        }
        Contribution::Step { index, value } => {
            let sum = match slot {
                Some(sum) => sum,
                None => slot.insert(Tensor::zeros(like.shape())?),
            };
            check_shape(&value, &like.select(index)?, op)?;
            let start = index * value.len();
            add_into(&mut sum.as_mut_slice()[start..start + value.len()], value.as_slice());
        }
    }
    Ok(())
}

fn check_shape<S: Scalar>(tensor: &Tensor<S>, like: &Tensor<S>, op: &'static str) -> Result<()> {
    if tensor.shape() == like.shape() {
        return Ok(());
    }
    let (expected, actual) = (like.shape().clone(), tensor.shape().clone());
    Err(TensorError::Shape { op, expected, actual }.into())
}

fn add_into<S: Scalar>(sum: &mut [S], values: &[S]) {
    for (s, &v) in sum.iter_mut().zip(values) {
        *s += v;
    }
}
