//! The backward pass: cotangents from an output back to the leaves.

use super::{Node, Tape, Var};
use crate::gradients::{Leaf, accumulate};
use crate::{AutodiffError, Gradients, Result, Vjp};
use resurge_tensor::{Scalar, Tensor};
use smallvec::SmallVec;

impl<S: Scalar> Tape<S> {
    /// The gradients of a scalar with respect to every leaf.
    ///
    /// # Errors
    /// [`AutodiffError::NonScalarLoss`] unless `loss` has one element, [`AutodiffError::ForeignVariable`] for
    /// a variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// let y = tape.square(x)?;
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(6.0));
    /// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(6.0)); // as often as one likes
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn backward(&self, loss: Var) -> Result<Gradients<S>> {
        let value = &self.nodes[self.index(loss, "backward")?].value;
        if value.len() != 1 {
            return Err(AutodiffError::NonScalarLoss { shape: value.shape().clone() });
        }
        self.vjp(loss, Tensor::full(value.shape(), S::one())?)
    }

    /// The vector-Jacobian product: the gradients with respect to every leaf of the sum of `output * cotangent`.
    ///
    /// # Errors
    /// A shape error unless `cotangent` has the output's shape, [`AutodiffError::ForeignVariable`] for a
    /// variable of another tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec([2], vec![1.0, 2.0])?);
    /// let y = tape.square(x)?;
    /// let gradients = tape.vjp(y, Tensor::from_vec([2], vec![1.0, 10.0])?)?;
    /// assert_eq!(gradients.wrt(x)?.as_slice(), &[2.0, 40.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn vjp(&self, output: Var, cotangent: Tensor<S>) -> Result<Gradients<S>> {
        let cotangents = self.pull_back(output, cotangent, |_, _| {})?;
        self.collect(cotangents)
    }

    /// The adjoints of chosen variables, leaves or not: the gradients with respect to their values of the sum of
    /// `output * cotangent`, everything that was computed from a variable following it. One a variable, of its shape;
    /// zeros where the output does not depend on it.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp), and [`AutodiffError::NoGradient`] for a variable that no leaf enters, as gradients are
    /// not followed there.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// let square = tape.mul(x, x)?;
    /// let cube = tape.mul(square, x)?;
    /// let adjoints = tape.adjoints(cube, Tensor::scalar(1.0), &[square, x])?;
    /// assert_eq!((adjoints[0].item(), adjoints[1].item()), (Some(3.0), Some(27.0)));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn adjoints(&self, output: Var, cotangent: Tensor<S>, of: &[Var]) -> Result<Vec<Tensor<S>>> {
        let mut kept: Vec<(usize, Option<Tensor<S>>)> = Vec::with_capacity(of.len());
        for &var in of {
            let node = &self.nodes[self.index(var, "adjoints")?];
            if !node.needs_gradient {
                return Err(AutodiffError::NoGradient { node: node.name() });
            }
            kept.push((var.index, None));
        }
        let cotangents = self.pull_back(output, cotangent, |index, cotangent| {
            for (_, adjoint) in kept.iter_mut().filter(|(kept, _)| *kept == index) {
                *adjoint = Some(cotangent.clone());
            }
        })?;
        let adjoint = |(index, adjoint): (usize, Option<Tensor<S>>)| match adjoint {
            Some(adjoint) => Ok(adjoint),
            None => match cotangents[index].clone() {
                Some(leaf) => Ok(leaf),
                None => Ok(Tensor::zeros(self.nodes[index].value.shape())?),
            },
        };
        kept.into_iter().map(adjoint).collect()
    }

    /// The cotangents of the leaves. Those of operations are gone once they are used; each is shown to `observe` before.
    pub(super) fn pull_back(
        &self,
        output: Var,
        cotangent: Tensor<S>,
        mut observe: impl FnMut(usize, &Tensor<S>),
    ) -> Result<Vec<Option<Tensor<S>>>> {
        let last = self.index(output, "backward")?;
        let mut cotangents: Vec<Option<Tensor<S>>> = vec![None; self.nodes.len()];
        accumulate(&mut cotangents[last], cotangent.into(), &self.nodes[last].value, "backward")?;
        for index in (0..=last).rev() {
            let node = &self.nodes[index];
            let (Some(op), true) = (&node.op, node.needs_gradient) else { continue };
            // A node's consumers all come after it, so its cotangent is complete and no longer needed.
            let Some(cotangent) = cotangents[index].take() else { continue };
            observe(index, &cotangent);
            let inputs = self.values(&node.parents);
            let needed: SmallVec<[bool; 3]> =
                node.parents.iter().map(|&p| self.nodes[p].needs_gradient).collect();
            let saved = node.saved.state.as_deref();
            let at =
                Vjp { inputs: &inputs, output: &node.value, cotangent: &cotangent, needed: &needed, saved };
            let contributions = op.vjp(&at)?;
            if contributions.len() != node.parents.len() {
                let (expected, actual) = (node.parents.len(), contributions.len());
                return Err(AutodiffError::Contributions { op: op.name(), expected, actual });
            }
            for (contribution, &parent) in contributions.into_iter().zip(&node.parents) {
                let parent_node = &self.nodes[parent];
                if let (Some(contribution), true) = (contribution, parent_node.needs_gradient) {
                    accumulate(&mut cotangents[parent], contribution, &parent_node.value, op.name())?;
                }
            }
        }
        Ok(cotangents)
    }

    fn collect(&self, cotangents: Vec<Option<Tensor<S>>>) -> Result<Gradients<S>> {
        let leaf = |(node, cotangent): (&Node<S>, Option<Tensor<S>>)| {
            Ok(match (&node.op, node.needs_gradient, cotangent) {
                (None, true, Some(gradient)) => Leaf::Gradient(gradient),
                (None, true, None) => Leaf::Gradient(Tensor::zeros(node.value.shape())?),
                _ => Leaf::Not(node.name()),
            })
        };
        let leaves = self.nodes.iter().zip(cotangents).map(leaf).collect::<Result<_>>()?;
        Ok(Gradients { tape: self.id, leaves })
    }
}
