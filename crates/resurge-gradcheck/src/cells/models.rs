//! The neuron models: one row each, with what is learned of it.

use resurge_snn::Learnable::{self, *};
use resurge_snn::{Cell, Firing, Reset, Result, Surrogate, ThresholdInSpike};

/// A neuron model of the registry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) name: &'static str,
    /// What is learned of it besides weights and biases. A reset value is learned wherever there is one and
    /// anything is learned.
    pub(super) learnables: &'static [Learnable],
    pub(super) build: fn(Cell) -> Result<Cell>,
    /// Whether the model is one under this reset.
    pub(super) applies: fn(Reset) -> bool,
}

const fn model(
    name: &'static str,
    learnables: &'static [Learnable],
    build: fn(Cell) -> Result<Cell>,
) -> Model {
    Model { name, learnables, build, applies: |_| true }
}

/// Every neuron model and option of a cell. The builders start from [`base`].
pub(super) const MODELS: [Model; 21] = [
    model("integrate-and-fire", &[], |c| c.with_decay(1.0)?.with_trace_decay(0.0)),
    model("lif", &[], |c| c.with_trace_decay(0.0)),
    model("lif-trace", &[], Ok),
    model("learnable-lif", &[Decay, Threshold, TraceDecay], Ok),
    model("plif", &[DecayLogit], Ok),
    model("driven", &[Decay, InputGain, Drive], |c| {
        c.with_input_gain(0.75)?.with_drive(0.1875)?.with_initial_potential(0.375)
    }),
    model("current-based", &[Decay, Threshold, SynapseDecay, SynapseGain], |c| c.with_synapse(0.5, 0.625)),
    model("alif", &[Decay, Threshold, AdaptationDecay, AdaptationScale], |c| c.with_adaptation(0.75, 0.625)),
    model("recurrent-lif", &[Recurrent, Decay, Threshold, TraceDecay], Ok),
    model("recurrent-alif", &[Recurrent, Decay, Threshold, AdaptationDecay, AdaptationScale], |c| {
        c.with_adaptation(0.75, 0.625)
    }),
    model("refractory", &[Decay, Threshold], |c| Ok(c.with_refractory_steps(2))),
    model("delayed-output", &[Decay, Threshold, TraceDecay], |c| Ok(c.with_output_delay(true))),
    model("recurrent-delayed", &[Recurrent, Threshold], |c| Ok(c.with_output_delay(true))),
    Model {
        applies: |reset| reset == Reset::SUBTRACT_THEN_DECAY,
        // Inputs of half as much again, so that a potential often stays above the threshold after its reset.
        ..model("residual-reset", &[Decay, Threshold], |c| {
            Ok(c.with_input_gain(1.5)?.with_residual_reset(true))
        })
    },
    model("fires-at-threshold", &[Decay, Threshold], |c| Ok(c.with_firing(Firing::AtOrAbove))),
    model("fires-repeatedly", &[Decay, Threshold], |c| {
        Ok(c.with_input_gain(1.25)?.with_firing(Firing::Repeatedly))
    }),
    model("detached-threshold", &[Decay, Threshold], |c| {
        Ok(c.with_threshold_in_spike(ThresholdInSpike::Detached))
    }),
    model("relative-threshold", &[Decay, Threshold], |c| {
        Ok(c.with_threshold_in_spike(ThresholdInSpike::Relative))
    }),
    model("relative-repeated-alif", &[Threshold, AdaptationDecay, AdaptationScale], |c| {
        let c = c.with_input_gain(1.25)?.with_adaptation(0.75, 0.625)?.with_firing(Firing::Repeatedly);
        Ok(c.with_threshold_in_spike(ThresholdInSpike::Relative))
    }),
    model("current-based-alif", &[Recurrent, SynapseDecay, AdaptationDecay, AdaptationScale], |c| {
        c.with_synapse(0.5, 0.625)?.with_adaptation(0.75, 0.625)
    }),
    model(
        "everything",
        &[
            Recurrent,
            Decay,
            Threshold,
            InputGain,
            Drive,
            TraceDecay,
            SynapseDecay,
            SynapseGain,
            AdaptationDecay,
            AdaptationScale,
        ],
        |c| {
            let c = c.with_input_gain(0.75)?.with_drive(0.1875)?.with_initial_potential(0.375)?;
            let c = c.with_synapse(0.5, 0.75)?.with_adaptation(0.75, 0.625)?;
            Ok(c.with_refractory_steps(1).with_output_delay(true))
        },
    ),
];

/// The cell that the models start from. None of its constants is 1, so that a forgotten factor shows.
pub(super) fn base(surrogate: Surrogate) -> Result<Cell> {
    Cell::lif(surrogate).with_decay(0.8125)?.with_trace_decay(0.4375)?.with_threshold(1.125)
}
