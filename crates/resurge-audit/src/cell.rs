//! The neurons of a description as [`Cell`]s: one for a layer, or one for each of its neurons.

use super::description::{Constant, Integrator, Layer, Neuron, Output, at};
use super::each::Each;
use super::error::{AuditError, Result};
use super::surrogate;
use resurge_snn::{Adaptation, Cell, Firing, Reset, ResetTiming, Surrogate, Synapse, ThresholdInSpike};
use std::collections::BTreeMap;

/// The constants of a neuron or integrator layer: one neuron's by its number. What all of them share, which is
/// everything but numbers, can be read from the layer itself.
#[derive(Debug, Clone)]
pub(super) struct LayerConstants {
    first: Constants,
    /// Of every neuron or channel, where they differ.
    each: Vec<Constants>,
    /// So many neurons, one after another, have one entry.
    span: usize,
}

impl std::ops::Deref for LayerConstants {
    type Target = Constants;

    fn deref(&self) -> &Constants {
        &self.first
    }
}

impl LayerConstants {
    /// The constants of layer `k` with the output `shape`; `None` for a layer without a state.
    pub(super) fn new(k: usize, layer: &Layer, shape: &[usize]) -> Result<Option<Self>> {
        let path = format!("layers[{k}]");
        let features = shape.get(2..).unwrap_or_default();
        let numbers = match layer {
            Layer::Neuron(n) => neuron_numbers(n),
            Layer::Integrator(n) => integrator_numbers(n),
            _ => return Ok(None),
        };
        for (key, each) in &numbers {
            each.check(&at(&format!("{path}.{key}")), features)?;
        }
        let entries = numbers.iter().map(|(_, each)| each.len()).max().unwrap_or_default();
        let one = |entry: usize| {
            let of = Entry { path: &path, entry, entries, numbers: &numbers };
            match layer {
                Layer::Neuron(n) => Constants::of_neuron(&of, n),
                Layer::Integrator(n) => Constants::of_integrator(&of, n),
                _ => Err(AuditError::description(at(&path), "it has no state")),
            }
        };
        let each = match entries {
            1 => Vec::new(),
            _ => (0..entries).map(one).collect::<Result<_>>()?,
        };
        let neurons: usize = features.iter().product();
        Ok(Some(Self { first: one(0)?, each, span: neurons / entries }))
    }

    /// Those of a layer whose neurons are alike.
    #[cfg(test)]
    pub(super) fn of_all(first: Constants) -> Self {
        Self { first, each: Vec::new(), span: 1 }
    }

    /// The constants of a neuron.
    pub(super) fn of(&self, neuron: usize) -> &Constants {
        self.each.get(neuron / self.span).unwrap_or(&self.first)
    }

    /// Whether neurons differ.
    pub(super) fn vary(&self) -> bool {
        !self.each.is_empty()
    }

    /// Those of every neuron or channel where they differ, and to how many neurons each belongs.
    pub(super) fn entries(&self) -> (&[Constants], usize) {
        (&self.each, self.span)
    }
}

/// The numbers of a neuron that may be its own, by key, with those of its learned constants' derivatives.
fn neuron_numbers(n: &Neuron) -> Vec<(String, &Each)> {
    let mut all = vec![
        ("decay".to_owned(), &n.decay),
        ("input_gain".into(), &n.input_gain),
        ("drive".into(), &n.drive),
        ("initial_potential".into(), &n.initial_potential),
        ("threshold".into(), &n.threshold),
        ("reset.value".into(), &n.reset.value),
    ];
    if let Some(synapse) = &n.synapse {
        all.extend([("synapse.decay".to_owned(), &synapse.decay), ("synapse.gain".into(), &synapse.gain)]);
    }
    if let Some(a) = &n.adaptation {
        all.extend([("adaptation.decay".to_owned(), &a.decay), ("adaptation.scale".into(), &a.scale)]);
    }
    all.extend(slopes(&n.learned));
    all
}

/// The same of an integrator.
fn integrator_numbers(n: &Integrator) -> Vec<(String, &Each)> {
    let mut all = vec![
        ("decay".to_owned(), &n.decay),
        ("input_gain".into(), &n.input_gain),
        ("drive".into(), &n.drive),
        ("initial_potential".into(), &n.initial_potential),
    ];
    if let Some(synapse) = &n.synapse {
        all.extend([("synapse.decay".to_owned(), &synapse.decay), ("synapse.gain".into(), &synapse.gain)]);
    }
    all.extend(slopes(&n.learned));
    all
}

type Learned = BTreeMap<String, BTreeMap<Constant, Each>>;

fn slopes(learned: &Learned) -> impl Iterator<Item = (String, &Each)> {
    learned
        .iter()
        .flat_map(|(name, by)| by.iter().map(move |(c, each)| (format!("learned.{name}.{c}"), each)))
}

/// One entry of a layer's lists.
pub(super) struct Entry<'a> {
    path: &'a str,
    entry: usize,
    entries: usize,
    numbers: &'a [(String, &'a Each)],
}

impl Entry<'_> {
    fn of(&self, each: &Each) -> f64 {
        each.at(self.entry, self.entries)
    }

    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> AuditError {
        AuditError::description(at(&format!("{}.{key}", self.path)), problem)
    }

    /// What the cell says about a parameter, at the key that it comes from. Of numbers that only have to be finite, all
    /// are: JSON has no others.
    fn refused(&self, error: &resurge_snn::SnnError) -> AuditError {
        let resurge_snn::SnnError::Parameter { parameter, .. } = error else {
            return AuditError::description(at(self.path), error.to_string());
        };
        let key = match *parameter {
            "membrane decay" => "decay",
            "synapse decay" => "synapse.decay",
            "adaptation decay" => "adaptation.decay",
            "trace decay" => "trace_decay",
            other => other,
        };
        let each = self.numbers.iter().find(|(name, _)| name == key).map(|(_, each)| each);
        match each.filter(|each| each.len() > 1) {
            Some(each) => {
                let index = self.entry / (self.entries / each.len());
                self.error(&format!("{key}[{index}]"), error.to_string())
            }
            None => self.error(key, error.to_string()),
        }
    }
}

/// The constants of one neuron.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constants {
    /// Of an integrator, a cell of which the spikes are left out.
    pub(super) cell: Cell,
    /// The value of a reset: the cell's, or what another reset would take.
    pub(super) reset_value: f64,
    pub(super) output: Output,
    /// Whether it fires at all: an integrator does not.
    pub(super) spiking: bool,
    /// What the potential that a reset leaves is at the least.
    pub(super) min_potential: Option<f64>,
    /// Whether the threshold adapts to spikes without a gradient.
    pub(super) adaptation_detached: bool,
}

impl Constants {
    fn of_neuron(of: &Entry<'_>, n: &Neuron) -> Result<Self> {
        check_names(of, &n.learned)?;
        let reset_value = of.of(&n.reset.value);
        let cell = Cell {
            decay: of.of(&n.decay),
            input_gain: of.of(&n.input_gain),
            drive: of.of(&n.drive),
            initial_potential: of.of(&n.initial_potential),
            threshold: of.of(&n.threshold),
            trace_decay: n.trace_decay,
            synapse: n.synapse.as_ref().map(|s| Synapse { decay: of.of(&s.decay), gain: of.of(&s.gain) }),
            adaptation: n
                .adaptation
                .as_ref()
                .map(|a| Adaptation { decay: of.of(&a.decay), scale: of.of(&a.scale) }),
            surrogate: surrogate::read(of, &n.surrogate)?,
            reset: n.reset.of(reset_value),
            reset_gradient: n.reset_gradient,
            firing: n.firing,
            threshold_in_spike: n.threshold_in_spike,
            refractory_steps: n.refractory,
            output_delay: n.output_delay,
            residual_reset: n.residual_reset,
        };
        if cell.residual_reset && cell.reset != Reset::SUBTRACT_THEN_DECAY {
            let problem = "it goes with the reset `subtract`, `before-decay` alone";
            return Err(of.error("residual_reset", problem));
        }
        if cell.residual_reset && cell.firing == Firing::Repeatedly {
            let problem = "it is of one spike at most, and does not go with the firing `repeatedly`";
            return Err(of.error("residual_reset", problem));
        }
        if n.output == Output::Potential && n.recurrent {
            let problem = "a recurrent layer hands on spikes; put an integrator behind it to read potentials";
            return Err(of.error("output", problem));
        }
        if n.min_potential.is_some() && (cell.reset.timing != ResetTiming::BeforeDecay || cell.residual_reset)
        {
            let problem = "it bounds what a reset `before-decay` leaves, and goes with no other, nor with a residual one";
            return Err(of.error("min_potential", problem));
        }
        if !n.autapses && !n.recurrent {
            return Err(of.error("autapses", "it is of recurrent weights, and this layer has none"));
        }
        cell.check().map_err(|error| of.refused(&error))?;
        let this = Self {
            cell,
            reset_value,
            output: n.output,
            spiking: true,
            min_potential: n.min_potential,
            adaptation_detached: n.adaptation.as_ref().is_some_and(|a| a.detached),
        };
        check_learned(of, &n.learned, "neuron", |constant| this.has(constant))?;
        Ok(this)
    }

    fn of_integrator(of: &Entry<'_>, n: &Integrator) -> Result<Self> {
        check_names(of, &n.learned)?;
        let cell = Cell {
            decay: of.of(&n.decay),
            input_gain: of.of(&n.input_gain),
            drive: of.of(&n.drive),
            initial_potential: of.of(&n.initial_potential),
            trace_decay: 0.0,
            synapse: n.synapse.as_ref().map(|s| Synapse { decay: of.of(&s.decay), gain: of.of(&s.gain) }),
            reset: Reset::NONE,
            ..Cell::lif(Surrogate::straight_through())
        };
        cell.check().map_err(|error| of.refused(&error))?;
        let this = Self {
            cell,
            reset_value: 0.0,
            output: Output::Potential,
            spiking: false,
            min_potential: n.min_potential,
            adaptation_detached: false,
        };
        check_learned(of, &n.learned, "integrator", |constant| this.has(constant))?;
        Ok(this)
    }

    /// Those of a spiking neuron without options beyond the cell's.
    #[cfg(test)]
    pub(super) fn of_cell(cell: Cell, output: Output) -> Self {
        Self {
            cell,
            reset_value: cell.reset.kind.value().unwrap_or(0.0),
            output,
            spiking: true,
            min_potential: None,
            adaptation_detached: false,
        }
    }

    /// Whether the neuron has a constant.
    pub(super) fn has(&self, constant: Constant) -> bool {
        match constant {
            Constant::Decay | Constant::InputGain | Constant::Drive => true,
            Constant::SynapseDecay | Constant::SynapseGain => self.cell.synapse.is_some(),
            Constant::Threshold => self.spiking,
            Constant::ResetValue => self.cell.reset.kind.value().is_some(),
            Constant::AdaptationDecay | Constant::AdaptationScale => self.cell.adaptation.is_some(),
        }
    }

    /// How often a neuron fires that is `x` above its threshold.
    pub(super) fn count(&self, x: f64) -> f64 {
        match self.cell.firing {
            Firing::Above => f64::from(u8::from(x > 0.0)),
            Firing::AtOrAbove => f64::from(u8::from(x >= 0.0)),
            Firing::Repeatedly => (x + 1.0).floor().max(0.0),
        }
    }

    /// Whether `x` is in units of the threshold.
    pub(super) fn in_thresholds(&self) -> bool {
        self.cell.threshold_in_spike == ThresholdInSpike::Relative || self.cell.firing == Firing::Repeatedly
    }
}

/// Learned constants have names of letters, digits and `_`, and none that parameters have.
fn check_names(of: &Entry<'_>, learned: &Learned) -> Result<()> {
    let good = |name: &str| {
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        letters && !name.is_empty() && !["weight", "bias", "recurrent"].contains(&name)
    };
    match learned.keys().find(|name| !good(name)) {
        None => Ok(()),
        Some(name) => {
            let problem = format!("it has the name `{name}`; take letters, digits and _, and no parameter's");
            Err(of.error("learned", problem))
        }
    }
}

/// Learned constants are some that there are.
fn check_learned(
    of: &Entry<'_>,
    learned: &Learned,
    what: &str,
    there: impl Fn(Constant) -> bool,
) -> Result<()> {
    let names = learned.iter().flat_map(|(name, by)| by.keys().map(move |constant| (name, constant)));
    match names.into_iter().find(|(_, constant)| !there(**constant)) {
        None => Ok(()),
        Some((name, constant)) => {
            let problem = format!("it names `{constant}`, which this {what} does not have");
            Err(of.error(&format!("learned.{name}"), problem))
        }
    }
}

#[cfg(test)]
mod tests;
