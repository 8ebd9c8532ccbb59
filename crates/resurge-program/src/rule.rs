//! Another gradient of a program: cut or attached in other places, or with other slopes.

use crate::node::{Node, Surrogate};
use resurge_autodiff::{Result as TapeResult, Tape, Var};
use resurge_tensor::{Scalar, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// What is differentiated in another way than the program says. By default, nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule {
    /// Stops through which the gradient flows after all, times a factor.
    pub(crate) attached: BTreeMap<usize, f64>,
    /// The factors of what flows from a node into one of its inputs, by both.
    pub(crate) edges: BTreeMap<(usize, usize), f64>,
    /// Other slopes of surrogates.
    pub(crate) slopes: BTreeMap<usize, Vec<Tensor<f64>>>,
}

impl Rule {
    /// The rule with these stops attached.
    pub(crate) fn attaching(stops: &BTreeSet<usize>) -> Self {
        Self { attached: stops.iter().map(|&stop| (stop, 1.0)).collect(), ..Self::default() }
    }

    /// Whether it is the program's own.
    pub(crate) fn is_own(&self) -> bool {
        self.attached.is_empty() && self.edges.is_empty() && self.slopes.is_empty()
    }

    /// An input as a node takes it.
    pub(crate) fn input<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        node: usize,
        input: usize,
        var: Var,
    ) -> TapeResult<Var> {
        match self.edges.get(&(node, input)) {
            None => Ok(var),
            Some(&factor) => scaled(tape, var, factor),
        }
    }

    /// What comes out of a stop.
    pub(crate) fn stop<S: Scalar>(&self, tape: &mut Tape<S>, node: usize, input: Var) -> TapeResult<Var> {
        scaled(tape, input, self.attached.get(&node).copied().unwrap_or(0.0))
    }

    /// The slopes of a surrogate.
    pub(crate) fn slopes<'a>(&'a self, node: usize, own: &'a Surrogate) -> &'a [Tensor<f64>] {
        self.slopes.get(&node).unwrap_or(&own.slopes)
    }
}

/// The same value, with a gradient times a factor.
fn scaled<S: Scalar>(tape: &mut Tape<S>, var: Var, factor: f64) -> TapeResult<Var> {
    match factor {
        0.0 => tape.detach(var),
        1.0 => Ok(var),
        factor => tape.scale_grad(var, factor),
    }
}

/// Each node's consumers that are needed.
pub(crate) fn consumers(nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut found = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.needed) {
        for &input in before(node) {
            found[input].push(index);
        }
    }
    found
}

/// What a node's value is computed from: of a call that a node stands for, that node.
pub(crate) fn before(node: &Node) -> &[usize] {
    match &node.kind {
        crate::node::Kind::Opaque(opaque) if opaque.defined().is_some() => opaque.definition.as_slice(),
        _ => &node.inputs,
    }
}
