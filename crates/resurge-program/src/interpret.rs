//! The program on a tape, over any scalar.

use crate::node::{Kind, Node, Opaque, Surrogate};
use crate::{ProgramFile, Result};
use resurge_autodiff::{Anchor, Contributions, Op, Result as TapeResult, Tape, Var, Vjp};
use resurge_gradcheck::{Program, ProgramResult};
use resurge_tensor::{Scalar, Tensor};
use std::collections::BTreeSet;

/// A recorded program as a program on the tape. Its inputs are its leaves.
#[derive(Debug, Clone)]
pub(crate) struct Recorded<'a> {
    pub(crate) file: &'a ProgramFile,
    /// The stops through which the gradient flows after all.
    pub(crate) attached: BTreeSet<usize>,
}

impl<'a> Recorded<'a> {
    pub(crate) fn new(file: &'a ProgramFile) -> Self {
        Self { file, attached: BTreeSet::new() }
    }

    /// The values of the leaves.
    pub(crate) fn inputs<S: Scalar>(&self) -> Vec<Tensor<S>> {
        let value = |&leaf: &usize| self.file.nodes[leaf].value.as_ref();
        self.file.leaves.iter().filter_map(value).map(Tensor::cast).collect()
    }

    /// Runs every node that is needed: its variable, and the loss.
    pub(crate) fn run_all<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        leaves: &[Var],
    ) -> TapeResult<(Vec<Option<Var>>, Var)> {
        let mut vars: Vec<Option<Var>> = vec![None; self.file.nodes.len()];
        let mut leaves = leaves.iter().copied();
        let mut trusted: Vec<Var> = Vec::new();
        for (index, node) in self.file.nodes.iter().enumerate() {
            let leaf = if matches!(node.kind, Kind::Leaf(_)) { leaves.next() } else { None };
            if !node.needed {
                continue;
            }
            let inputs: Vec<Var> = node.inputs.iter().filter_map(|&i| vars[i]).collect();
            vars[index] = match &node.kind {
                Kind::Leaf(_) => leaf,
                Kind::Opaque(Opaque { contributions, .. }) => match self.defined(node) {
                    Some(definition) => vars[definition],
                    None => {
                        if contributions.iter().any(Option::is_some) {
                            let terms = node.inputs.iter().zip(contributions);
                            let (at, of): (Vec<Var>, Vec<Tensor<f64>>) =
                                terms.filter_map(|(&i, c)| Some((vars[i]?, c.clone()?))).unzip();
                            let term = Taken { contributions: of.iter().map(Tensor::cast).collect() };
                            trusted.push(tape.apply(term, &at)?);
                        }
                        Some(tape.constant(value(node)))
                    }
                },
                _ => Some(self.apply(tape, index, &inputs)?),
            };
        }
        let mut loss = match vars[self.file.loss] {
            Some(loss) => loss,
            None => tape.constant(Tensor::scalar(S::zero())),
        };
        for term in trusted {
            let shape = tape.value(loss)?.shape().clone();
            let term = tape.reshape(term, shape)?;
            loss = tape.add(loss, term)?;
        }
        Ok((vars, loss))
    }

    /// The node that stands for an opaque one.
    fn defined(&self, node: &Node) -> Option<usize> {
        match &node.kind {
            Kind::Opaque(opaque) => opaque.defined(),
            _ => None,
        }
    }

    /// Runs one node that is neither a leaf nor opaque.
    pub(crate) fn apply<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        index: usize,
        inputs: &[Var],
    ) -> TapeResult<Var> {
        let node = &self.file.nodes[index];
        match &node.kind {
            Kind::Operation(op) => op.apply(tape, inputs),
            Kind::Stop(_) if self.attached.contains(&index) => Ok(inputs[0]),
            Kind::Stop(_) => tape.detach(inputs[0]),
            Kind::Surrogate(surrogate) => tape.apply(Linearised::new(node, surrogate), inputs),
            Kind::Leaf(_) | Kind::Constant | Kind::Decide(_) | Kind::Opaque(_) => {
                Ok(tape.constant(value(node)))
            }
        }
    }

    /// The gradient of the loss by each leaf, and the loss.
    pub(crate) fn gradient<S: Scalar>(&self) -> Result<(Vec<Tensor<S>>, S)> {
        let mut tape = Tape::new();
        let leaves: Vec<Var> = self.inputs().into_iter().map(|x| tape.leaf(x)).collect();
        let (_, loss) = self.run_all(&mut tape, &leaves)?;
        let gradients = tape.backward(loss)?;
        let each = leaves.iter().map(|&leaf| gradients.wrt(leaf).cloned());
        Ok((each.collect::<TapeResult<_>>()?, tape.value(loss)?.item().unwrap_or_default()))
    }
}

impl Program for Recorded<'_> {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        Ok(self.run_all(tape, inputs)?.1)
    }
}

/// A recorded value, over any scalar.
fn value<S: Scalar>(node: &Node) -> Tensor<S> {
    node.value.as_ref().map_or_else(|| Tensor::scalar(S::zero()), Tensor::cast)
}

/// A surrogate: its recorded value, and its recorded slopes.
#[derive(Debug)]
struct Linearised<S> {
    value: Tensor<S>,
    slopes: Vec<Tensor<S>>,
}

impl<S: Scalar> Linearised<S> {
    fn new(node: &Node, surrogate: &Surrogate) -> Self {
        Self { value: value(node), slopes: surrogate.slopes.iter().map(Tensor::cast).collect() }
    }
}

impl<S: Scalar> Op<S> for Linearised<S> {
    fn name(&self) -> &'static str {
        "surrogate"
    }

    fn forward(&self, _: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        Ok(self.value.clone())
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        self.slopes.iter().map(|slope| Ok(Some(at.cotangent.mul(slope)?.into()))).collect()
    }

    fn is_surrogate(&self) -> bool {
        true
    }

    /// `o0 + J0 (u - u0)`, with the sum of the products last, so that it is `o0` to the bit where `u = u0`.
    fn anchored(&self, inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> TapeResult<Tensor<S>> {
        let mut moved = Tensor::zeros(self.value.shape())?;
        for ((x, base), slope) in inputs.iter().zip(&anchor.inputs).zip(&self.slopes) {
            moved = moved.add(&x.sub(base)?.mul(slope)?)?;
        }
        Ok(anchor.output.add(&moved)?)
    }
}

/// What a call that is taken at its word adds to the loss: 0, with the recorded cotangents of its inputs as its gradient.
#[derive(Debug)]
struct Taken<S> {
    contributions: Vec<Tensor<S>>,
}

impl<S: Scalar> Op<S> for Taken<S> {
    fn name(&self) -> &'static str {
        "taken"
    }

    fn forward(&self, _: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        Ok(Tensor::scalar(S::zero()))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        let factor = at.cotangent.as_slice().first().copied().unwrap_or_default();
        Ok(self.contributions.iter().map(|c| Some(c.scale(factor).into())).collect())
    }

    fn is_surrogate(&self) -> bool {
        true
    }

    fn anchored(&self, inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> TapeResult<Tensor<S>> {
        let mut sum = S::zero();
        for ((x, base), c) in inputs.iter().zip(&anchor.inputs).zip(&self.contributions) {
            sum += x.sub(base)?.mul(c)?.sum();
        }
        Ok(Tensor::scalar(sum))
    }
}
