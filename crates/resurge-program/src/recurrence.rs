//! The recurrence of neurons, found in the operations: which spikes come back to their own neurons, and which states are
//! those of the step before.
//!
//! The neurons of a layer are one surrogate of one source line and one shape, call by call. From its input, operations that
//! act number by number are followed back. What is reached at a call for the first time is of that step. What is of an earlier
//! step, and taken by a later one, is a state; the last one of a step that the input flows into is the potential. A spike of
//! the same neurons that comes into the potential is a reset. Spikes that come by a matrix are none, nor are those that raise
//! a threshold.

mod finder;

use crate::ProgramFile;
use crate::node::Kind;
use crate::rule::{Rule, consumers};
pub(crate) use finder::follows;
use finder::{Finder, varying};
use resurge_snn::ResetGradient;
use std::collections::{BTreeMap, BTreeSet};

/// What a stop is to the neurons. Of several at one place, the first of these that any is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Reset,
    State,
    Other,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::State => "state",
            Self::Other => "other",
        }
    }
}

/// The neurons of a layer: their surrogate, its site, and their shape.
type Neurons<'a> = (&'a str, Option<usize>, &'a [usize]);

/// The surrogates of one layer, call by call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    /// The surrogates, one each step.
    pub(crate) spikes: Vec<usize>,
    /// The step of each node that is followed back from a spike's input.
    pub(crate) step: BTreeMap<usize, usize>,
    /// States: what is computed in one step and taken by a later one.
    pub(crate) states: BTreeSet<usize>,
    /// Those of them that are potentials.
    pub(crate) potentials: BTreeSet<usize>,
    /// Who in the layer takes a spike of its own.
    pub(crate) takers: BTreeSet<(usize, usize)>,
}

/// The recurrence of all layers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recurrence {
    pub(crate) layers: Vec<Layer>,
    /// Stops between a spike and its neuron.
    pub(crate) resets: BTreeSet<usize>,
    /// Stops of a state of the step before.
    pub(crate) states: BTreeSet<usize>,
    /// Who takes a spike as a reset, without a stop on the way.
    pub(crate) reset_edges: BTreeSet<(usize, usize)>,
    /// Who takes a state of the step before, without a stop on the way.
    pub(crate) state_edges: BTreeSet<(usize, usize)>,
    /// Comparisons by which neurons without any other reset are reset.
    pub(crate) compared: BTreeSet<usize>,
}

impl Recurrence {
    pub(crate) fn of(file: &ProgramFile) -> Self {
        let mut layers: BTreeMap<Neurons<'_>, Vec<usize>> = BTreeMap::new();
        for (index, node) in file.nodes.iter().enumerate().filter(|(_, node)| node.needed) {
            if let Kind::Surrogate(surrogate) = &node.kind {
                layers.entry((&surrogate.function, node.site, &node.shape)).or_default().push(index);
            }
        }
        let takers = consumers(&file.nodes);
        let varies = varying(&file.nodes);
        let mut all = Self::default();
        for spikes in layers.into_values().filter(|spikes| spikes.len() > 1) {
            all.add(Finder { file, takers: &takers, varies: &varies }, spikes);
        }
        // Where one layer's view has a state on the way, another's may have its spike alone.
        all.states = all.states.difference(&all.resets).copied().collect();
        all
    }

    fn add(&mut self, finder: Finder<'_>, spikes: Vec<usize>) {
        let mut layer = Layer { spikes, ..Layer::default() };
        let open = finder.steps(&mut layer);
        let state_edges = finder.states(&mut layer);
        finder.potentials(&mut layer);
        let takers = finder.resets(&layer);
        let (resets, states) = finder.stops(&layer, &state_edges, &takers);
        let is_open = |(c, _): &(usize, usize)| open.contains(c);
        let reset_edges: Vec<(usize, usize)> = takers.into_iter().filter(is_open).collect();
        if resets.is_empty() && reset_edges.is_empty() {
            self.compared.extend(finder.comparisons(&layer));
        }
        for (taker, spike) in reset_edges {
            finder.part(&layer, taker, spike, &mut self.reset_edges);
        }
        let mut own = BTreeSet::new();
        for (taker, spike) in finder.takers(&layer) {
            finder.part(&layer, taker, spike, &mut own);
        }
        layer.takers = own;
        let open_states = state_edges.into_iter().filter(is_open);
        let of_potential = open_states.filter(|(_, state)| layer.potentials.contains(state));
        self.state_edges.extend(finder.towards_potentials(&layer, of_potential));
        self.resets.extend(resets);
        self.states.extend(states);
        self.layers.push(layer);
    }

    pub(crate) fn role(&self, stop: usize) -> Role {
        match (self.resets.contains(&stop), self.states.contains(&stop)) {
            (true, _) => Role::Reset,
            (_, true) => Role::State,
            _ => Role::Other,
        }
    }

    /// Whether any spike comes back to its neuron.
    pub(crate) fn has_reset(&self) -> bool {
        !(self.resets.is_empty() && self.reset_edges.is_empty() && self.compared.is_empty())
    }

    /// Whether there is any state.
    pub(crate) fn has_state(&self) -> bool {
        !(self.states.is_empty() && self.state_edges.is_empty())
    }

    /// How the program's own gradient treats the reset; none where there is none.
    pub(crate) fn own(&self) -> Option<&'static str> {
        let stopped = !(self.resets.is_empty() && self.compared.is_empty());
        let open = !self.reset_edges.is_empty();
        match (stopped, open, self.states.is_empty()) {
            (false, false, _) => None,
            (false, true, true) => Some("full"),
            (true, false, true) => Some("detached"),
            (true, false, false) if self.state_edges.is_empty() => Some("spatial-only"),
            _ => Some("mixed"),
        }
    }

    /// What has to be differentiated in another way for the gradient to be this one.
    pub(crate) fn rule(&self, of: ResetGradient) -> Rule {
        let (factor, spatial) = (of.alpha(), of == ResetGradient::SpatialOnly);
        let mut rule = Rule::default();
        if factor != 0.0 {
            rule.attached.extend(self.resets.iter().map(|&stop| (stop, factor)));
        }
        if factor != 1.0 {
            rule.edges.extend(self.reset_edges.iter().map(|&edge| (edge, factor)));
        }
        match spatial {
            true => rule.edges.extend(self.state_edges.iter().map(|&edge| (edge, 0.0))),
            false => rule.attached.extend(self.states.iter().map(|&stop| (stop, 1.0))),
        }
        rule
    }
}
