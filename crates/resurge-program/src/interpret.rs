//! The program on a tape, over any scalar.

use crate::gathered::Sums;
use crate::node::{Kind, Node, Opaque};
use crate::ops::Operation;
use crate::rule::Rule;
use crate::{ProgramFile, Result};
use resurge_autodiff::{Anchor, Contributions, Op, Result as TapeResult, Tape, Var, Vjp};
use resurge_gradcheck::{Program, ProgramResult};
use resurge_tensor::{Scalar, Tensor};
use std::collections::BTreeMap;

/// A recorded program as a program on the tape. Its inputs are its leaves.
#[derive(Debug, Clone)]
pub(crate) struct Recorded<'a> {
    pub(crate) file: &'a ProgramFile,
    /// What is differentiated in another way.
    pub(crate) rule: Rule,
}

impl<'a> Recorded<'a> {
    pub(crate) fn new(file: &'a ProgramFile) -> Self {
        Self { file, rule: Rule::default() }
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
        let mut sums = Sums::default();
        for (index, node) in self.file.nodes.iter().enumerate() {
            let leaf = if matches!(node.kind, Kind::Leaf(_)) { leaves.next() } else { None };
            if !node.needed {
                continue;
            }
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
                _ => {
                    let inputs = self.given(tape, index, |input| vars[input])?;
                    Some(match (&node.kind, &inputs[..]) {
                        (Kind::Operation(Operation::Add(_)), &[a, b]) => sums.add(tape, node, [a, b])?,
                        _ => self.apply(tape, index, &inputs)?,
                    })
                }
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

    /// The inputs of a node as the rule has them.
    fn given<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        index: usize,
        vars: impl Fn(usize) -> Option<Var>,
    ) -> TapeResult<Vec<Var>> {
        let known = self.file.nodes[index].inputs.iter().filter_map(|&input| Some((input, vars(input)?)));
        known.map(|(input, var)| self.rule.input(tape, index, input, var)).collect()
    }

    /// Runs one node that is neither a leaf nor opaque, on its inputs as the rule has them.
    pub(crate) fn step<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        index: usize,
        vars: impl Fn(usize) -> Option<Var>,
    ) -> TapeResult<Var> {
        let inputs = self.given(tape, index, vars)?;
        self.apply(tape, index, &inputs)
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
            Kind::Stop(_) => self.rule.stop(tape, index, inputs[0]),
            Kind::Surrogate(surrogate) => {
                let slopes = self.rule.slopes(index, surrogate).iter().map(Tensor::cast).collect();
                tape.apply(Linearised { value: value(node), slopes }, inputs)
            }
            Kind::Leaf(_) | Kind::Constant | Kind::Decide(_) | Kind::Opaque(_) => {
                Ok(tape.constant(value(node)))
            }
        }
    }

    /// Whether gradients flow from each node to a leaf.
    fn carrying(&self) -> Vec<bool> {
        let mut found: Vec<bool> = Vec::with_capacity(self.file.nodes.len());
        for (index, node) in self.file.nodes.iter().enumerate() {
            let open = |&&input: &&usize| self.rule.edges.get(&(index, input)) != Some(&0.0);
            let any = node.inputs.iter().filter(open).any(|&input| found[input]);
            found.push(match &node.kind {
                Kind::Leaf(_) => true,
                Kind::Operation(_) | Kind::Surrogate(_) => any,
                Kind::Stop(_) => any && self.rule.attached.get(&index).is_some_and(|&by| by != 0.0),
                Kind::Opaque(_) => self.defined(node).is_some_and(|definition| found[definition]),
                Kind::Constant | Kind::Decide(_) => false,
            });
        }
        found
    }

    /// A run forward and backward: the gradients of the loss by the leaves, and by these nodes where there are any.
    pub(crate) fn pass<S: Scalar>(&self, of: &[usize]) -> Result<Pass<S>> {
        let mut tape = Tape::new();
        let leaves: Vec<Var> = self.inputs().into_iter().map(|x| tape.leaf(x)).collect();
        let (vars, loss) = self.run_all(&mut tape, &leaves)?;
        let carrying = self.carrying();
        let inner: Vec<(usize, Var)> =
            of.iter().filter(|&&i| carrying[i]).filter_map(|&i| Some((i, vars[i]?))).collect();
        let wanted: Vec<Var> = leaves.iter().copied().chain(inner.iter().map(|&(_, var)| var)).collect();
        let one = Tensor::full(tape.value(loss)?.shape(), S::one())?;
        let mut gradient = tape.adjoints(loss, one, &wanted)?;
        let adjoints = inner.iter().map(|&(index, _)| index).zip(gradient.split_off(leaves.len())).collect();
        Ok(Pass { tape, vars, gradient, adjoints })
    }

    /// The gradient of the loss by each leaf.
    pub(crate) fn gradient(&self) -> Result<Vec<Tensor<f64>>> {
        Ok(self.pass(&[])?.gradient)
    }
}

/// A run of a program, forward and backward.
pub(crate) struct Pass<S: Scalar> {
    pub(crate) tape: Tape<S>,
    pub(crate) vars: Vec<Option<Var>>,
    /// By each leaf.
    pub(crate) gradient: Vec<Tensor<S>>,
    /// By other nodes.
    pub(crate) adjoints: BTreeMap<usize, Tensor<S>>,
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
