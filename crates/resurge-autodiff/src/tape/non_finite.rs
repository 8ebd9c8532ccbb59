//! Which operation makes a number that is not finite.

use super::{Node, Tape, Var};
use crate::{Contribution, Result, Vjp};
use resurge_tensor::{Scalar, Tensor};
use smallvec::SmallVec;

/// The operation that made a value or a gradient that is not finite out of numbers that are.
///
/// ```
/// use resurge_autodiff::{NonFinite, Tape};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec([2], vec![4.0, 0.0])?);
/// let root = tape.sqrt(x)?;
/// let loss = tape.sum(root)?;
/// let found: NonFinite = tape.non_finite(loss, Tensor::scalar(1.0))?.unwrap();
/// assert_eq!((found.op, found.entry, found.backward), ("sqrt", 1, true));
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonFinite {
    /// The operation; "leaf" or "constant" for a value that was given.
    pub op: &'static str,
    /// The label of its node.
    pub label: Option<String>,
    /// The shape of the tensor that holds the number.
    pub shape: Vec<usize>,
    /// The row-major position of the first such number in it.
    pub entry: usize,
    /// Whether the gradient of the operation is not finite, and not its value.
    pub backward: bool,
}

impl<S: Scalar> Tape<S> {
    /// Where the first number that is not finite comes from: in the values where the output is not finite, in the backward
    /// pass otherwise. `None` where everything is finite.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp).
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let (x, zero) = (tape.leaf(Tensor::scalar(3.0)), tape.constant(Tensor::scalar(0.0)));
    /// let quotient = tape.div(x, zero)?;
    /// assert_eq!(tape.non_finite(quotient, Tensor::scalar(1.0))?.unwrap().op, "div");
    /// assert_eq!(tape.non_finite(x, Tensor::scalar(1.0))?, None);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn non_finite(&self, output: Var, cotangent: Tensor<S>) -> Result<Option<NonFinite>> {
        let last = self.index(output, "non-finite")?;
        if !self.nodes[last].value.is_finite() {
            return Ok(self.first_value());
        }
        let mut finite: Vec<(usize, Tensor<S>)> = Vec::new();
        self.pull_back(output, cotangent, |index, cotangent| {
            if cotangent.is_finite() {
                finite.push((index, cotangent.clone()));
            }
        })?;
        for (index, cotangent) in &finite {
            let found = self.in_product(&self.nodes[*index], cotangent)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The first node with a value that is not finite. In the order of execution, what it was made of is finite.
    fn first_value(&self) -> Option<NonFinite> {
        self.nodes.iter().find_map(|node| found(node, &node.value, false))
    }

    /// What is not finite in the gradients that an operation hands to its inputs.
    fn in_product(&self, node: &Node<S>, cotangent: &Tensor<S>) -> Result<Option<NonFinite>> {
        let Some(op) = &node.op else { return Ok(None) };
        let inputs = self.values(&node.parents);
        let needed: SmallVec<[bool; 3]> =
            node.parents.iter().map(|&p| self.nodes[p].needs_gradient).collect();
        let saved = node.saved.state.as_deref();
        let at = Vjp { inputs: &inputs, output: &node.value, cotangent, needed: &needed, saved };
        for (contribution, needed) in op.vjp(&at)?.into_iter().zip(needed.iter()) {
            let (Some(Contribution::Dense(value) | Contribution::Step { value, .. }), true) =
                (contribution, needed)
            else {
                continue;
            };
            if let Some(found) = found(node, &value, true) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn found<S: Scalar>(node: &Node<S>, value: &Tensor<S>, backward: bool) -> Option<NonFinite> {
    let entry = value.as_slice().iter().position(|x| !x.is_finite())?;
    let (op, label, shape) = (node.name(), node.label(), value.shape().to_vec());
    Some(NonFinite { op, label, shape, entry, backward })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_is_named_and_not_what_it_spoils() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([3], vec![1.0, 0.0, -2.0]).unwrap());
        let logarithm = tape.ln(x).unwrap();
        tape.label(logarithm, "information", None).unwrap();
        let scaled = tape.scale(logarithm, 2.0).unwrap();
        let loss = tape.sum(scaled).unwrap();
        let found = tape.non_finite(loss, Tensor::scalar(1.0)).unwrap().unwrap();
        assert_eq!((found.op, found.entry, found.backward), ("ln", 1, false));
        assert_eq!((found.label.as_deref(), &found.shape[..]), (Some("information"), &[3][..]));
    }

    #[test]
    fn a_quotient_that_nothing_uses_spoils_the_gradient_alone() {
        let mut tape = Tape::new();
        let x = tape.leaf(Tensor::from_vec([2], vec![1.0, 0.0]).unwrap());
        let one = tape.constant(Tensor::scalar(1.0));
        let inverse = tape.div(one, x).unwrap();
        let first = tape.select(inverse, 0).unwrap();
        let found = tape.non_finite(first, Tensor::scalar(1.0)).unwrap().unwrap();
        assert_eq!((found.op, found.entry, found.backward), ("div", 1, true));
        // Another output of the same tape is finite.
        let other = tape.sum(x).unwrap();
        assert_eq!(tape.non_finite(other, Tensor::scalar(1.0)).unwrap(), None);
    }
}
