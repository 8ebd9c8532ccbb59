//! What a cut of a recurrence leaves out, by time lag.
//!
//! At each step, what the loss hands to the spikes from outside of the layer is sent back through the layer's own recurrence,
//! as it is and with the place attached. What arrives at the potential so many steps before is compared.

use crate::check::norm;
use crate::forward::Run;
use crate::interpret::Recorded;
use crate::node::Kind;
use crate::ops::elements;
use crate::recurrence::{Layer, Recurrence, follows};
use crate::rule::{Rule, before};
use crate::{ProgramFile, Result};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet};

/// Steps from which errors are sent back, at the most, and the longest lag.
const SOURCES: usize = 16;
const LAGS: usize = 60;

/// Numbers that all passes of one place may go through; of a larger layer, fewer steps send errors back.
const NUMBERS: usize = 200_000_000;

/// The recurrences of a program, with what the loss hands to the spikes of each.
pub(crate) struct Lags<'a> {
    file: &'a ProgramFile,
    run: &'a Run,
    layers: Vec<(&'a Layer, Vec<Tensor<f64>>)>,
}

impl<'a> Lags<'a> {
    pub(crate) fn of(program: &Recorded<'a>, run: &'a Run, recurrence: &'a Recurrence) -> Result<Self> {
        let file = program.file;
        let mut layers = Vec::new();
        let stopped = |layer: &&Layer| {
            let cuts = recurrence.resets.iter().chain(&recurrence.states);
            cuts.into_iter().any(|stop| layer.step.contains_key(stop))
        };
        for layer in recurrence.layers.iter().filter(stopped) {
            let given = from_outside(file, layer)?;
            if given.iter().any(|g| norm(g.as_slice()) > 0.0) {
                layers.push((layer, given));
            }
        }
        Ok(Self { file, run, layers })
    }

    /// The norm of what these stops leave out of the gradient that goes back so many steps, relative to the norm of that
    /// gradient with them attached; empty where they are in no recurrence.
    pub(crate) fn left_out(&self, stops: &BTreeSet<usize>) -> Result<Vec<f64>> {
        let (mut off, mut whole) = (Vec::new(), Vec::new());
        let has =
            |(layer, _): &&(&Layer, Vec<Tensor<f64>>)| stops.iter().any(|stop| layer.step.contains_key(stop));
        for (layer, given) in self.layers.iter().filter(has) {
            let part = self.part(layer);
            let numbers: usize = part.iter().map(|&i| elements(&self.file.nodes[i].shape)).sum();
            let sources = SOURCES.min(NUMBERS / (2 * numbers.max(1))).max(1);
            let stride = layer.spikes.len().div_ceil(sources);
            let own = Part::new(self, layer, &part, &Rule::default())?;
            let attached = Part::new(self, layer, &part, &Rule::attaching(stops))?;
            for source in (0..layer.spikes.len()).rev().step_by(stride) {
                let (a, b) = (own.back(source, &given[source])?, attached.back(source, &given[source])?);
                for (lag, (a, b)) in a.iter().zip(&b).enumerate() {
                    if off.len() <= lag {
                        off.push(0.0);
                        whole.push(0.0);
                    }
                    let difference = a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| (a - b) * (a - b));
                    off[lag] += difference.sum::<f64>();
                    whole[lag] += b.as_slice().iter().map(|b| b * b).sum::<f64>();
                }
            }
        }
        let relative = |(off, whole): (&f64, &f64)| if *off == 0.0 { 0.0 } else { (off / whole).sqrt() };
        Ok(off.iter().zip(&whole).map(relative).collect())
    }

    /// The nodes that a layer's recurrence consists of: number by number, back from its spikes.
    fn part(&self, layer: &Layer) -> BTreeSet<usize> {
        let (mut found, mut left) = (BTreeSet::new(), layer.spikes.clone());
        while let Some(index) = left.pop() {
            let surrogate = matches!(self.file.nodes[index].kind, Kind::Surrogate(_));
            if (surrogate || follows(self.file, index)) && found.insert(index) {
                left.extend(before(&self.file.nodes[index]));
            }
        }
        found
    }
}

/// The gradient of the loss by each spike, but for what the layer's own recurrence takes.
fn from_outside(file: &ProgramFile, layer: &Layer) -> Result<Vec<Tensor<f64>>> {
    let edges = layer.takers.iter().map(|&edge| (edge, 0.0)).collect();
    let program = Recorded { file, rule: Rule { edges, ..Rule::default() } };
    let mut adjoints = program.pass::<f64>(&layer.spikes)?.adjoints;
    let each = layer.spikes.iter().map(|spike| match adjoints.remove(spike) {
        Some(given) => Ok(given),
        // What comes before a spike may have no parameter.
        None => Ok(Tensor::zeros(&file.nodes[*spike].shape)?),
    });
    each.collect()
}

/// A layer's recurrence on a tape of its own.
struct Part {
    tape: Tape<f64>,
    spikes: Vec<Option<Var>>,
    potentials: Vec<Option<Var>>,
}

impl Part {
    fn new(lags: &Lags<'_>, layer: &Layer, part: &BTreeSet<usize>, rule: &Rule) -> Result<Self> {
        let program = Recorded { file: lags.file, rule: rule.clone() };
        let mut tape = Tape::new();
        let mut vars: BTreeMap<usize, Var> = BTreeMap::new();
        for &index in part {
            let node = &lags.file.nodes[index];
            for &input in before(node) {
                if !vars.contains_key(&input)
                    && let Some(value) = &lags.run.values[input]
                {
                    // What comes from outside is a leaf, so that gradients flow up to it.
                    vars.insert(input, tape.leaf(value.map(|x| x.value)));
                }
            }
            let var = match &node.kind {
                Kind::Opaque(_) => before(node).first().and_then(|input| vars.get(input).copied()),
                _ => Some(program.step(&mut tape, index, |input| vars.get(&input).copied())?),
            };
            vars.extend(var.map(|var| (index, var)));
        }
        let potential = |step: usize| {
            let of_step = |&&state: &&usize| layer.step[&state] == step;
            let state = layer.potentials.iter().rfind(of_step).copied();
            // In the last step, nothing but the spike takes it.
            let node = state.or_else(|| lags.file.nodes[layer.spikes[step]].inputs.first().copied())?;
            vars.get(&node).copied()
        };
        let potentials = (0..layer.spikes.len()).map(potential).collect();
        let spikes = layer.spikes.iter().map(|spike| vars.get(spike).copied()).collect();
        Ok(Self { tape, spikes, potentials })
    }

    /// What arrives at the potentials of this step, of the one before and so on.
    fn back(&self, source: usize, given: &Tensor<f64>) -> Result<Vec<Tensor<f64>>> {
        let Some(spike) = self.spikes[source] else { return Ok(Vec::new()) };
        let back = self.potentials[..=source].iter().rev().take(LAGS);
        let of: Option<Vec<Var>> = back.copied().collect();
        Ok(self.tape.adjoints(spike, given.clone(), &of.unwrap_or_default())?)
    }
}
