//! One layer's steps, states, potentials and resets.

use super::Layer;
use crate::ProgramFile;
use crate::node::{Kind, Node};
use crate::ops::elements;
use crate::rule::before;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a node depends on more than parameters and single numbers, by more than functions of these.
pub(super) fn varying(nodes: &[Node]) -> Vec<bool> {
    let mut found: Vec<bool> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let varies = match &node.kind {
            Kind::Leaf(_) => false,
            Kind::Constant => elements(&node.shape) > 1,
            Kind::Operation(op) if op.is_elementwise() => before(node).iter().any(|&i| found[i]),
            _ => true,
        };
        found.push(varies);
    }
    found
}

/// Whether a node acts number by number, a surrogate aside.
pub(crate) fn follows(file: &ProgramFile, index: usize) -> bool {
    let node = &file.nodes[index];
    match &node.kind {
        Kind::Stop(_) => true,
        Kind::Opaque(opaque) => opaque.defined().is_some(),
        // A view of as many numbers is a reshaping.
        Kind::Operation(op) if op.name() == "strided" => {
            elements(&node.shape) == elements(&file.nodes[node.inputs[0]].shape)
        }
        Kind::Operation(op) => op.is_elementwise(),
        _ => false,
    }
}

#[derive(Clone, Copy)]
pub(super) struct Finder<'a> {
    pub(super) file: &'a ProgramFile,
    pub(super) takers: &'a [Vec<usize>],
    pub(super) varies: &'a [bool],
}

impl Finder<'_> {
    fn node(&self, index: usize) -> &Node {
        &self.file.nodes[index]
    }

    fn follows(&self, index: usize) -> bool {
        follows(self.file, index)
    }

    /// Whether a node is what a layer is driven by. The first of them may be the potential itself.
    fn is_input(&self, index: usize) -> bool {
        match &self.node(index).kind {
            Kind::Operation(_) => !self.follows(index),
            Kind::Opaque(opaque) => opaque.defined().is_none(),
            _ => false,
        }
    }

    /// Gives nodes their steps; returns those from which a spike's input is reached without a stop.
    pub(super) fn steps(&self, layer: &mut Layer) -> BTreeSet<usize> {
        let mut open = BTreeSet::new();
        for (step, &spike) in layer.spikes.iter().enumerate() {
            let mut left = self.node(spike).inputs.clone();
            while let Some(index) = left.pop() {
                if layer.step.contains_key(&index) {
                    continue;
                }
                if self.follows(index) {
                    layer.step.insert(index, step);
                    left.extend(before(self.node(index)));
                } else if self.is_input(index) {
                    layer.step.insert(index, step);
                }
            }
            let mut left = self.node(spike).inputs.clone();
            while let Some(index) = left.pop() {
                let stops = matches!(self.node(index).kind, Kind::Stop(_));
                if !stops && self.follows(index) && open.insert(index) {
                    left.extend(before(self.node(index)));
                }
            }
        }
        open
    }

    /// Finds the states, and who takes them in a later step. What several steps take is a parameter.
    pub(super) fn states(&self, layer: &mut Layer) -> BTreeSet<(usize, usize)> {
        let mut edges = BTreeSet::new();
        for (&index, &step) in layer.step.iter().filter(|(index, _)| self.varies[**index]) {
            let later = |taker: &&usize| layer.step.get(taker).is_some_and(|&at| at > step);
            let takers: Vec<usize> = self.takers[index].iter().filter(later).copied().collect();
            let steps: BTreeSet<usize> = takers.iter().map(|taker| layer.step[taker]).collect();
            if steps.len() == 1 {
                layer.states.insert(index);
                edges.extend(takers.into_iter().map(|taker| (taker, index)));
            }
        }
        edges
    }

    /// Finds the potentials among the states: the input flows into them, and into no state behind them in the same step.
    pub(super) fn potentials(&self, layer: &mut Layer) {
        let mut driven: BTreeSet<usize> = BTreeSet::new();
        for (&index, &step) in &layer.step {
            let drives = |&input: &usize| match layer.step.get(&input) {
                Some(&at) => at == step && driven.contains(&input),
                None => {
                    let kind = &self.node(input).kind;
                    self.varies[input] && !matches!(kind, Kind::Surrogate(_) | Kind::Decide(_))
                        || matches!(kind, Kind::Leaf(_)) && self.node(input).shape == self.node(index).shape
                }
            };
            if self.is_input(index) || before(self.node(index)).iter().any(drives) {
                driven.insert(index);
            }
        }
        let all: BTreeSet<usize> = layer.states.intersection(&driven).copied().collect();
        let last = |&&state: &&usize| {
            let behind = self.behind(layer, state);
            !all.iter().any(|other| *other != state && behind.contains(other))
        };
        layer.potentials = all.iter().filter(last).copied().collect();
        if layer.potentials.is_empty() {
            layer.potentials.clone_from(&layer.states);
        }
    }

    /// What is computed from a node in its own step.
    fn behind(&self, layer: &Layer, from: usize) -> BTreeSet<usize> {
        let (step, mut found, mut left) = (layer.step[&from], BTreeSet::new(), vec![from]);
        while let Some(index) = left.pop() {
            let same = |taker: &&usize| layer.step.get(taker) == Some(&step);
            for &taker in self.takers[index].iter().filter(same) {
                if found.insert(taker) {
                    left.push(taker);
                }
            }
        }
        found
    }

    /// Who takes a spike of the layer's own on the way to a later one.
    pub(super) fn takers(&self, layer: &Layer) -> Vec<(usize, usize)> {
        let takers = |&spike: &usize| self.takers[spike].iter().map(move |&taker| (taker, spike));
        let within = |(taker, _): &(usize, usize)| layer.step.contains_key(taker);
        layer.spikes.iter().flat_map(takers).filter(within).collect()
    }

    /// Those of them that are on the way to the potential of a later step.
    pub(super) fn resets(&self, layer: &Layer) -> Vec<(usize, usize)> {
        let all = self.takers(layer);
        self.towards_potentials(layer, all)
    }

    /// Those edges of which the taker is on the way to a potential.
    pub(super) fn towards_potentials(
        &self,
        layer: &Layer,
        edges: impl IntoIterator<Item = (usize, usize)>,
    ) -> Vec<(usize, usize)> {
        let all: Vec<(usize, usize)> = edges.into_iter().collect();
        // In the last step, nothing is a state: there, a taker is like those in the steps before.
        let like = |taker: usize| (self.node(taker).kind.name(), self.node(taker).site);
        let mut known: BTreeMap<(&str, Option<usize>), bool> = BTreeMap::new();
        for &(taker, _) in &all {
            if let Some(potential) = self.first_is_potential(layer, taker) {
                *known.entry(like(taker)).or_default() |= potential;
            }
        }
        let is_one = |(taker, _): &(usize, usize)| {
            let seen = self.first_is_potential(layer, *taker);
            seen.or_else(|| known.get(&like(*taker)).copied()).unwrap_or(true)
        };
        all.into_iter().filter(is_one).collect()
    }

    /// Whether the first states behind a node are potentials; none where there are no states.
    fn first_is_potential(&self, layer: &Layer, from: usize) -> Option<bool> {
        let (step, mut seen, mut found) = (layer.step[&from], BTreeSet::from([from]), None);
        let mut left = vec![from];
        while let Some(index) = left.pop() {
            if layer.states.contains(&index) {
                found = Some(found == Some(true) || layer.potentials.contains(&index));
                continue;
            }
            let same = |taker: &&usize| layer.step.get(taker) == Some(&step);
            left.extend(self.takers[index].iter().filter(same).filter(|taker| seen.insert(**taker)));
        }
        found
    }

    /// The stops of resets, and those of states.
    pub(super) fn stops(
        &self,
        layer: &Layer,
        state_edges: &BTreeSet<(usize, usize)>,
        takers: &[(usize, usize)],
    ) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let (mut resets, mut states) = (BTreeSet::new(), BTreeSet::new());
        let is_stop = |(index, _): &(&usize, &usize)| matches!(self.node(**index).kind, Kind::Stop(_));
        for (&stop, &step) in layer.step.iter().filter(is_stop) {
            let (mut reset, mut state) = (false, false);
            let (mut walked, mut left) = (BTreeSet::from([stop]), self.node(stop).inputs.clone());
            while let Some(index) = left.pop() {
                if !walked.insert(index) {
                    continue;
                }
                if layer.spikes.contains(&index) {
                    reset |= takers.iter().any(|(taker, spike)| *spike == index && walked.contains(taker));
                } else if let Some(&at) = layer.step.get(&index) {
                    match at < step && layer.states.contains(&index) {
                        true => state = true,
                        false => left.extend(before(self.node(index))),
                    }
                }
            }
            // A product of state and spike is a reset where the state has another way into the step, too.
            let around =
                || state_edges.iter().any(|(taker, _)| layer.step[taker] == step && !walked.contains(taker));
            if reset && (!state || around()) {
                resets.insert(stop);
            } else if state {
                states.insert(stop);
            }
        }
        (resets, states)
    }

    /// Comparisons of an earlier step's state, or of its spike, that a later step takes.
    pub(super) fn comparisons(&self, layer: &Layer) -> Vec<usize> {
        let mut found = Vec::new();
        for (&index, &step) in &layer.step {
            for &input in before(self.node(index)) {
                if matches!(self.node(input).kind, Kind::Decide(_)) && self.is_of_earlier(layer, input, step)
                {
                    found.push(input);
                }
            }
        }
        found
    }

    fn is_of_earlier(&self, layer: &Layer, comparison: usize, step: usize) -> bool {
        // A state less its threshold may be computed once more for the comparison.
        let mut left: Vec<(usize, usize)> = self.node(comparison).inputs.iter().map(|&i| (i, 0)).collect();
        while let Some((index, depth)) = left.pop() {
            let spike = layer.spikes.contains(&index);
            if spike || layer.states.contains(&index) && layer.step[&index] < step {
                return true;
            }
            if depth < 4 && self.follows(index) && !layer.step.contains_key(&index) {
                left.extend(before(self.node(index)).iter().map(|&i| (i, depth + 1)));
            }
        }
        false
    }

    /// Where a reset is parted from what else a spike is for: a copy of the spike may be for both.
    pub(super) fn part(
        &self,
        layer: &Layer,
        taker: usize,
        from: usize,
        edges: &mut BTreeSet<(usize, usize)>,
    ) {
        let within = |taker: &usize| layer.step.contains_key(taker);
        let takers = &self.takers[taker];
        if before(self.node(taker)).len() == 1 && takers.iter().any(within) && !takers.iter().all(within) {
            for &next in takers.iter().filter(|taker| within(taker)) {
                self.part(layer, next, taker, edges);
            }
        } else {
            edges.insert((taker, from));
        }
    }
}
