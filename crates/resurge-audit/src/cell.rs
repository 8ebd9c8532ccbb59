//! The neurons of a description: as constants for the replay, and as a [`Cell`] for the proof.

use super::description::{
    Constant, Firing, Integrator, Layer, Neuron, Output, Reset, ResetGradient, ResetKind, ThresholdInSpike,
    Timing, at,
};
use super::each::Each;
use super::error::{AuditError, Result};
use super::surrogate;
use resurge_snn::{self, Cell};
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
        let entries = numbers.iter().map(|(_, each)| each.len()).max().unwrap_or(1);
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
        Ok(Some(Self { first: one(0)?, each, span: (neurons / entries).max(1) }))
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
        let path = if key.is_empty() { self.path.to_owned() } else { format!("{}.{key}", self.path) };
        AuditError::description(at(&path), problem)
    }

    /// What the cell says about a parameter, at the key that it comes from. Of numbers that only have to be finite, all
    /// are: JSON has no others.
    fn refused(&self, error: &resurge_snn::SnnError) -> AuditError {
        let parameter = match error {
            resurge_snn::SnnError::Parameter { parameter, .. } => *parameter,
            _ => "",
        };
        let key = match parameter {
            "membrane decay" => "decay",
            "synapse decay" => "synapse.decay",
            "adaptation decay" => "adaptation.decay",
            "trace decay" => "trace_decay",
            "alpha" => "reset_gradient.scaled",
            other => other,
        };
        let each = self.numbers.iter().find(|(name, _)| name == key).map(|(_, each)| each);
        match each.filter(|each| each.len() > 1) {
            Some(each) => {
                let index = self.entry / (self.entries / each.len()).max(1);
                self.error(&format!("{key}[{index}]"), error.to_string())
            }
            None => self.error(key, error.to_string()),
        }
    }
}

/// The constants of one neuron.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constants {
    pub(super) decay: f64,
    pub(super) input_gain: f64,
    pub(super) drive: f64,
    pub(super) initial: f64,
    pub(super) threshold: f64,
    pub(super) firing: Firing,
    pub(super) in_spike: ThresholdInSpike,
    pub(super) synapse: Option<(f64, f64)>,
    pub(super) adaptation: Option<(f64, f64)>,
    pub(super) reset: Reset,
    pub(super) claim: ResetGradient,
    pub(super) residual: bool,
    pub(super) refractory: usize,
    pub(super) output_delay: bool,
    pub(super) trace_decay: f64,
    pub(super) output: Output,
    pub(super) surrogate: resurge_snn::Surrogate,
    /// Whether it fires at all: an integrator does not.
    pub(super) spiking: bool,
}

impl Constants {
    fn of_neuron(of: &Entry<'_>, n: &Neuron) -> Result<Self> {
        check_names(of, &n.learned)?;
        let surrogate = surrogate::read(of, &n.surrogate)?;
        let this = Self {
            decay: of.of(&n.decay),
            input_gain: of.of(&n.input_gain),
            drive: of.of(&n.drive),
            initial: of.of(&n.initial_potential),
            threshold: of.of(&n.threshold),
            firing: n.firing,
            in_spike: n.threshold_in_spike,
            synapse: n.synapse.as_ref().map(|s| (of.of(&s.decay), of.of(&s.gain))),
            adaptation: n.adaptation.as_ref().map(|a| (of.of(&a.decay), of.of(&a.scale))),
            reset: Reset { kind: n.reset.kind, timing: n.reset.timing, value: of.of(&n.reset.value) },
            claim: n.reset_gradient,
            residual: n.residual_reset,
            refractory: n.refractory,
            output_delay: n.output_delay,
            trace_decay: n.trace_decay,
            output: n.output,
            surrogate,
            spiking: true,
        };
        if this.residual && (n.reset.kind, n.reset.timing) != (ResetKind::Subtract, Timing::BeforeDecay) {
            let problem = "it goes with the reset `subtract`, `before-decay` alone";
            return Err(of.error("residual_reset", problem));
        }
        if this.residual && n.firing == Firing::Repeatedly {
            let problem = "it is of one spike at most, and does not go with the firing `repeatedly`";
            return Err(of.error("residual_reset", problem));
        }
        if n.output == Output::Potential && n.recurrent {
            let problem = "a recurrent layer hands on spikes; put an integrator behind it to read potentials";
            return Err(of.error("output", problem));
        }
        this.cell().map_err(|error| of.refused(&error))?;
        check_learned(of, &n.learned, "neuron", |constant| match constant {
            Constant::SynapseDecay | Constant::SynapseGain => n.synapse.is_some(),
            Constant::AdaptationDecay | Constant::AdaptationScale => n.adaptation.is_some(),
            Constant::ResetValue => matches!(n.reset.kind, ResetKind::Value | ResetKind::ZeroThenAdd),
            _ => true,
        })?;
        Ok(this)
    }

    fn of_integrator(of: &Entry<'_>, n: &Integrator) -> Result<Self> {
        check_names(of, &n.learned)?;
        let this = Self {
            decay: of.of(&n.decay),
            input_gain: of.of(&n.input_gain),
            drive: of.of(&n.drive),
            initial: of.of(&n.initial_potential),
            threshold: 1.0,
            firing: Firing::Above,
            in_spike: ThresholdInSpike::Attached,
            synapse: n.synapse.as_ref().map(|s| (of.of(&s.decay), of.of(&s.gain))),
            adaptation: None,
            reset: Reset { kind: ResetKind::None, timing: Timing::BeforeDecay, value: 0.0 },
            claim: ResetGradient::Full,
            residual: false,
            refractory: 0,
            output_delay: false,
            trace_decay: 0.0,
            output: Output::Potential,
            surrogate: resurge_snn::Surrogate::straight_through(),
            spiking: false,
        };
        this.cell().map_err(|error| of.refused(&error))?;
        check_learned(of, &n.learned, "integrator", |constant| match constant {
            Constant::Decay | Constant::InputGain | Constant::Drive => true,
            Constant::SynapseDecay | Constant::SynapseGain => n.synapse.is_some(),
            _ => false,
        })?;
        Ok(this)
    }

    /// The same neuron as Resurge's cell, which refuses constants outside their domain.
    pub(super) fn cell(&self) -> resurge_snn::Result<Cell> {
        let mut cell = Cell::lif(self.surrogate)
            .with_decay(self.decay)?
            .with_input_gain(self.input_gain)?
            .with_drive(self.drive)?
            .with_initial_potential(self.initial)?
            .with_threshold(self.threshold)?
            .with_trace_decay(self.trace_decay)?
            .with_reset(reset(self.reset))?
            .with_reset_gradient(reset_gradient(self.claim)?)
            .with_firing(match self.firing {
                Firing::Above => resurge_snn::Firing::Above,
                Firing::AtOrAbove => resurge_snn::Firing::AtOrAbove,
                Firing::Repeatedly => resurge_snn::Firing::Repeatedly,
            })
            .with_threshold_in_spike(match self.in_spike {
                ThresholdInSpike::Attached => resurge_snn::ThresholdInSpike::Attached,
                ThresholdInSpike::Detached => resurge_snn::ThresholdInSpike::Detached,
                ThresholdInSpike::Relative => resurge_snn::ThresholdInSpike::Relative,
            })
            .with_refractory_steps(self.refractory)
            .with_output_delay(self.output_delay)
            .with_residual_reset(self.residual);
        if let Some((decay, gain)) = self.synapse {
            cell = cell.with_synapse(decay, gain)?;
        }
        if let Some((decay, scale)) = self.adaptation {
            cell = cell.with_adaptation(decay, scale)?;
        }
        Ok(cell)
    }

    /// How often a neuron fires that is `x` above its threshold.
    pub(super) fn count(&self, x: f64) -> f64 {
        match self.firing {
            Firing::Above => f64::from(u8::from(x > 0.0)),
            Firing::AtOrAbove => f64::from(u8::from(x >= 0.0)),
            Firing::Repeatedly => (x + 1.0).floor().max(0.0),
        }
    }

    /// Whether `x` is in units of the threshold.
    pub(super) fn in_thresholds(&self) -> bool {
        self.in_spike == ThresholdInSpike::Relative || self.firing == Firing::Repeatedly
    }
}

pub(super) fn reset(reset: Reset) -> resurge_snn::Reset {
    let kind = match reset.kind {
        ResetKind::None => resurge_snn::ResetKind::None,
        ResetKind::Zero => resurge_snn::ResetKind::ToZero,
        ResetKind::Value => resurge_snn::ResetKind::ToValue(reset.value),
        ResetKind::Subtract => resurge_snn::ResetKind::Subtract,
        ResetKind::ZeroThenAdd => resurge_snn::ResetKind::ToZeroThenAdd(reset.value),
    };
    let timing = match reset.timing {
        Timing::BeforeDecay => resurge_snn::ResetTiming::BeforeDecay,
        Timing::AfterDecay => resurge_snn::ResetTiming::AfterDecay,
        Timing::AfterInput => resurge_snn::ResetTiming::AfterInput,
    };
    resurge_snn::Reset { kind, timing }
}

fn reset_gradient(claim: ResetGradient) -> resurge_snn::Result<resurge_snn::ResetGradient> {
    Ok(match claim {
        ResetGradient::Full => resurge_snn::ResetGradient::Full,
        ResetGradient::Detached => resurge_snn::ResetGradient::Detached,
        ResetGradient::SpatialOnly => resurge_snn::ResetGradient::SpatialOnly,
        ResetGradient::Scaled(alpha) => resurge_snn::ResetGradient::scaled(alpha)?,
    })
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
    there: impl Fn(&Constant) -> bool,
) -> Result<()> {
    let names = learned.iter().flat_map(|(name, by)| by.keys().map(move |constant| (name, constant)));
    match names.into_iter().find(|(_, constant)| !there(constant)) {
        None => Ok(()),
        Some((name, constant)) => {
            let problem = format!("it names `{constant}`, which this {what} does not have");
            Err(of.error(&format!("learned.{name}"), problem))
        }
    }
}

#[cfg(test)]
mod tests;
