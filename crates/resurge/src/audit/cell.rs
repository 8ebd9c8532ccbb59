//! The neuron of a description: as constants for the replay, and as a [`Cell`] for the proof.

use super::description::{
    Constant, Firing, Integrator, Layer, Neuron, Output, Reset, ResetGradient, ResetKind, Scale, Surrogate,
    ThresholdInSpike, Timing,
};
use super::error::{AuditError, Result};
use crate::snn::{self, Cell, SurrogateScale};

/// The constants of a neuron or integrator layer.
#[derive(Debug, Clone)]
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
    pub(super) surrogate: snn::Surrogate,
    /// Whether it fires at all: an integrator does not.
    pub(super) spiking: bool,
}

impl Constants {
    /// The constants of layer `k`; `None` for a layer without a state.
    pub(super) fn of(k: usize, layer: &Layer) -> Result<Option<Self>> {
        let place = format!("layer {k}");
        match layer {
            Layer::Neuron(neuron) => Self::of_neuron(&place, neuron).map(Some),
            Layer::Integrator(integrator) => Self::of_integrator(&place, integrator).map(Some),
            _ => Ok(None),
        }
    }

    fn of_neuron(place: &str, n: &Neuron) -> Result<Self> {
        check_names(place, n.learned.keys())?;
        let surrogate = surrogate(&format!("{place}, surrogate"), &n.surrogate)?;
        let this = Self {
            decay: n.decay,
            input_gain: n.input_gain,
            drive: n.drive,
            initial: n.initial_potential,
            threshold: n.threshold,
            firing: n.firing,
            in_spike: n.threshold_in_spike,
            synapse: n.synapse.map(|s| (s.decay, s.gain)),
            adaptation: n.adaptation.map(|a| (a.decay, a.scale)),
            reset: n.reset,
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
            let problem = "`residual_reset` goes with the reset `subtract`, `before-decay` alone";
            return Err(AuditError::description(place, problem));
        }
        if this.residual && n.firing == Firing::Repeatedly {
            let problem =
                "`residual_reset` is of one spike at most, and does not go with the firing `repeatedly`";
            return Err(AuditError::description(place, problem));
        }
        if n.output == Output::Potential && n.recurrent {
            let problem = "a recurrent layer hands on spikes; put an integrator behind it to read potentials";
            return Err(AuditError::description(place, problem));
        }
        this.cell().map_err(|error| AuditError::description(place, error.to_string()))?;
        for constant in n.learned.values().flat_map(|constants| constants.keys()) {
            let there = match constant {
                Constant::SynapseDecay | Constant::SynapseGain => n.synapse.is_some(),
                Constant::AdaptationDecay | Constant::AdaptationScale => n.adaptation.is_some(),
                Constant::ResetValue => matches!(n.reset.kind, ResetKind::Value | ResetKind::ZeroThenAdd),
                _ => true,
            };
            if !there {
                let problem = format!("`learned` names `{constant}`, which this neuron does not have");
                return Err(AuditError::description(place, problem));
            }
        }
        Ok(this)
    }

    fn of_integrator(place: &str, n: &Integrator) -> Result<Self> {
        check_names(place, n.learned.keys())?;
        let this = Self {
            decay: n.decay,
            input_gain: n.input_gain,
            drive: n.drive,
            initial: n.initial_potential,
            threshold: 1.0,
            firing: Firing::Above,
            in_spike: ThresholdInSpike::Attached,
            synapse: n.synapse.map(|s| (s.decay, s.gain)),
            adaptation: None,
            reset: Reset { kind: ResetKind::None, timing: Timing::BeforeDecay, value: 0.0 },
            claim: ResetGradient::Full,
            residual: false,
            refractory: 0,
            output_delay: false,
            trace_decay: 0.0,
            output: Output::Potential,
            surrogate: snn::Surrogate::straight_through(),
            spiking: false,
        };
        this.cell().map_err(|error| AuditError::description(place, error.to_string()))?;
        let allowed = |constant: &Constant| match constant {
            Constant::Decay | Constant::InputGain | Constant::Drive => true,
            Constant::SynapseDecay | Constant::SynapseGain => n.synapse.is_some(),
            _ => false,
        };
        match n.learned.values().flat_map(|constants| constants.keys()).find(|c| !allowed(c)) {
            Some(c) => {
                let problem = format!("`learned` names `{c}`, which this integrator does not have");
                Err(AuditError::description(place, problem))
            }
            None => Ok(this),
        }
    }

    /// The same neuron as Resurge's cell, which refuses constants outside their domain.
    pub(super) fn cell(&self) -> snn::Result<Cell> {
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
                Firing::Above => snn::Firing::Above,
                Firing::AtOrAbove => snn::Firing::AtOrAbove,
                Firing::Repeatedly => snn::Firing::Repeatedly,
            })
            .with_threshold_in_spike(match self.in_spike {
                ThresholdInSpike::Attached => snn::ThresholdInSpike::Attached,
                ThresholdInSpike::Detached => snn::ThresholdInSpike::Detached,
                ThresholdInSpike::Relative => snn::ThresholdInSpike::Relative,
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

pub(super) fn reset(reset: Reset) -> snn::Reset {
    let kind = match reset.kind {
        ResetKind::None => snn::ResetKind::None,
        ResetKind::Zero => snn::ResetKind::ToZero,
        ResetKind::Value => snn::ResetKind::ToValue(reset.value),
        ResetKind::Subtract => snn::ResetKind::Subtract,
        ResetKind::ZeroThenAdd => snn::ResetKind::ToZeroThenAdd(reset.value),
    };
    let timing = match reset.timing {
        Timing::BeforeDecay => snn::ResetTiming::BeforeDecay,
        Timing::AfterDecay => snn::ResetTiming::AfterDecay,
        Timing::AfterInput => snn::ResetTiming::AfterInput,
    };
    snn::Reset { kind, timing }
}

fn reset_gradient(claim: ResetGradient) -> snn::Result<snn::ResetGradient> {
    Ok(match claim {
        ResetGradient::Full => snn::ResetGradient::Full,
        ResetGradient::Detached => snn::ResetGradient::Detached,
        ResetGradient::SpatialOnly => snn::ResetGradient::SpatialOnly,
        ResetGradient::Scaled(alpha) => snn::ResetGradient::scaled(alpha)?,
    })
}

/// Learned constants have names of letters, digits and `_`, and none that parameters have.
fn check_names<'a>(place: &str, mut names: impl Iterator<Item = &'a String>) -> Result<()> {
    let good = |name: &str| {
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        letters && !name.is_empty() && !["weight", "bias", "recurrent"].contains(&name)
    };
    match names.find(|name| !good(name)) {
        None => Ok(()),
        Some(name) => {
            let problem =
                format!("`learned` has the name `{name}`; take letters, digits and _, and no parameter's");
            Err(AuditError::description(place, problem))
        }
    }
}

/// The surrogate of a description.
fn surrogate(place: &str, s: &Surrogate) -> Result<snn::Surrogate> {
    let bad = |problem: String| AuditError::description(place, problem);
    let parameters = [("width", s.width), ("slope", s.slope), ("wings", s.wings), ("ratio", s.ratio)];
    let expected: &[&str] = match s.kind.as_str() {
        "atan" | "fast-sigmoid" => &["slope"],
        "multi-gaussian" => &["width", "wings", "ratio"],
        "straight-through" => &[],
        _ => &["width"],
    };
    for (name, value) in parameters {
        match (expected.contains(&name), value) {
            (true, None) => return Err(bad(format!("`{}` needs `{name}`", s.kind))),
            (false, Some(_)) => return Err(bad(format!("`{}` has no `{name}`", s.kind))),
            _ => {}
        }
    }
    let [width, slope, wings, ratio] = parameters.map(|(_, value)| value.unwrap_or_default());
    let made = match s.kind.as_str() {
        "sigmoid" => snn::Surrogate::sigmoid(width),
        "atan" => snn::Surrogate::atan(slope),
        "fast-sigmoid" => snn::Surrogate::fast_sigmoid(slope),
        "triangle" => snn::Surrogate::triangle(width),
        "rectangle" => snn::Surrogate::rectangle(width),
        "gaussian" => snn::Surrogate::gaussian(width),
        "exponential" => snn::Surrogate::exponential(width),
        "algebraic" => snn::Surrogate::algebraic(width),
        "multi-gaussian" => snn::Surrogate::multi_gaussian(width, wings, ratio),
        "straight-through" => Ok(snn::Surrogate::straight_through()),
        other => return Err(bad(format!("the kind `{other}` is not known"))),
    };
    let made = made.map_err(|error| bad(error.to_string()))?;
    Ok(match s.scale {
        None => made,
        Some(Scale::UnitArea) if s.kind == "straight-through" => {
            return Err(bad("`straight-through` has no area; give its peak".into()));
        }
        Some(Scale::UnitArea) => made.with_scale(SurrogateScale::UnitArea),
        Some(Scale::PeakOne) => made.with_scale(SurrogateScale::PeakOne),
        Some(Scale::Peak(p)) if p > 0.0 && p.is_finite() => made.with_scale(SurrogateScale::Peak(p)),
        Some(Scale::Peak(p)) => return Err(bad(format!("the peak is {p}, but must be positive and finite"))),
    })
}
