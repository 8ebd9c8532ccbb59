//! The seeded faults of cells: what is wrong, and in which specimen it shows.

/// What is wrong with a cell, or with its gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    Nothing,

    // The reset and its gradient.
    /// The detached gradient offered as the full one.
    DetachedAsFull,
    /// The full gradient offered as the detached one: the detach is on no edge.
    FullAsDetached,
    /// The full gradient offered as that with half of the reset term.
    FullAsScaled,
    /// The spatial gradient offered as the detached one.
    SpatialAsDetached,
    /// The detached gradient offered as the spatial one.
    DetachedAsSpatial,
    /// The potential is detached where the spike should be: the detach is on the wrong edge.
    WrongEdgeDetached,
    /// The reset term with the other sign.
    ResetTermSign,
    /// The reset term of the step after.
    ResetTermLate,
    /// `R(v, o)` before the decay with the reset term of one after it.
    ResetTermWithoutDecay,
    /// The subtractive reset term without theta.
    ResetTermWithoutTheta,
    /// The subtractive reset term with the base threshold for the adapted one.
    ResetTermWithBaseTheta,
    /// The reset to a value with the term of a reset to zero.
    ResetTermWithoutValue,
    /// The gated reset's term without the new input.
    ResetTermWithoutInput,
    /// `o` for `1 - o`.
    SpikeForSilence,
    /// The gate on the new input forgotten in the backward pass.
    GateForgotten,
    /// The cell decays before it resets where it should after.
    DecaysFirst,
    /// The residual reset forgotten in the backward pass.
    ResidualForgotten,
    /// A spike's subtraction counted in full where a residual reset has taken it off already.
    ResidualTakenTwice,

    // The decay, the surrogate and the trace.
    /// The membrane carries without lambda.
    CarriedWithoutDecay,
    /// The cell decays by its own constant, not by the learned one.
    DecayNotLearned,
    /// The gradient of lambda from the potential before the reset.
    DecaySeesNoReset,
    /// The gradient of lambda from the potential of the step after.
    DecayShifted,
    /// The gradient of lambda without the initial potential.
    InitialForgotten,
    /// The parametric decay's gradient without the logistic's slope.
    LogitWithoutSlope,
    /// The parametric decay's gradient with the other sign.
    LogitSign,
    /// The surrogate derivative without 1/width.
    WithoutWidth,
    /// The surrogate derivative at `u`.
    SurrogateAtPotential,
    /// The surrogate derivative of the step before.
    SurrogateEarly,
    /// `a[t]` without the later steps that it reaches.
    TraceAdjointForgotten,
    /// The trace without the gain `1 - beta`.
    TraceGainForgotten,
    /// The gradient of beta without the spike.
    TraceDecayWithoutSpike,

    // The threshold.
    /// The threshold's gradient through the spike with the other sign.
    ThresholdSign,
    /// The threshold's gradient without the spike's part.
    ThresholdOnlyInReset,
    /// The threshold's gradient without the subtraction's part.
    ThresholdOnlyInSpike,
    /// A threshold that is detached from the spike gets its gradient all the same.
    ThresholdLeaks,
    /// A relative spike's slope without 1/theta.
    RelativeWithoutTheta,
    /// `-1/theta` for `-u/theta^2`: the quotient rule half applied.
    QuotientRule,
    /// The cell fires at the threshold, not above it.
    FiresAtThreshold,
    /// The cell fires above the threshold only, not at it.
    FiresAboveThreshold,
    /// The cell fires once at most where it should repeatedly.
    FiresOnce,

    // Reset values, gain, drive and synapse.
    /// The reset value's gradient without `o`.
    ValueWithoutSpike,
    /// The reset value's gradient without the decay that follows.
    ValueWithoutDecay,
    /// The value of zero-then-add counted at spikes only.
    AddedAtSpikesOnly,
    /// The gain on the input forgotten on the way back.
    InputGainForgotten,
    /// The input gain's gradient from the current before the synapse.
    InputGainSeesCurrent,
    /// The drive's gradient from the first step only.
    DriveOnce,
    /// The synapse's decay forgotten in the adjoint.
    SynapseAdjointForgotten,
    /// The synapse's gain forgotten on the way back.
    SynapseGainForgotten,
    /// The synapse decay's gradient from `i[t]` for `i[t-1]`.
    SynapseDecayShifted,

    // The adaptation.
    /// The adaptation's decay forgotten in the adjoint.
    AdaptationAdjointForgotten,
    /// The adaptation's rise without `1 - rho`.
    AdaptationWithoutRate,
    /// The adaptation's rise without `1 - rho`, in the forward pass.
    AdaptationRisesTooFar,
    /// The gradient of the scale without `1 - rho`.
    ScaleWithoutRate,
    /// The gradient of rho without the spike.
    AdaptationDecayWithoutSpike,
    /// The threshold falls with each spike.
    AdaptationSign,
    /// The spike's way to the threshold is detached.
    AdaptationDetached,
    /// The reset's dial applied to the spike's way to the threshold.
    AdaptationOnTheDial,
    /// The adapted threshold in the subtraction taken for a constant.
    AdaptationForgottenInReset,

    // Refractory period, delay and recurrence.
    /// The gradient flows through a spike that the refractory period has suppressed.
    RefractoryLeak,
    /// The cell rests one step too few.
    RefractoryShort,
    /// The gradient of a delayed output goes to the spike of its own step.
    DelayForgotten,
    /// The output is not delayed.
    OutputNotDelayed,
    /// The recurrent weights are transposed on the way back.
    RecurrentTransposed,
    /// The recurrent weights' gradient from the spikes of the same step.
    RecurrentShifted,
    /// Nothing flows back through the recurrent weights.
    RecurrentDetached,
    /// The reset's dial applied to the spike's way through the recurrent weights.
    RecurrentOnTheDial,

    // The network around the cell.
    /// The loss's reading of the potential forgotten.
    PotentialNotRead,
    /// The loss's reading of the potential taken for one of the spike.
    PotentialReadAsSpike,
    /// Weights see the input of the step before.
    InputShifted,
    /// A mean over the sequences for a sum.
    MeanForSum,
    /// The lower layer's gradient through transposed weights.
    LayerTransposed,
    /// The gradient of a constant that all neurons share, from one neuron only.
    SharedConstantOfOne,
    /// Everything times 1 + 1e-6.
    Scale,
    /// One entry off by a millionth of the norm.
    OneEntry,
}

use Fault::*;

/// Each fault with a specimen in which it is one.
pub(crate) const FAULTS: [(Fault, &str); 85] = [
    (DetachedAsFull, "learnable-lif/zero/full/sigmoid"),
    (DetachedAsFull, "recurrent-alif/subtract/full/atan"),
    (FullAsDetached, "learnable-lif/subtract/detached/sigmoid"),
    (FullAsScaled, "alif/value/scaled-0.5/gaussian"),
    (SpatialAsDetached, "lif-trace/none/detached/sigmoid"),
    (DetachedAsSpatial, "recurrent-lif/zero/spatial-only/atan"),
    (WrongEdgeDetached, "learnable-lif/subtract/detached/sigmoid"),
    (ResetTermSign, "learnable-lif/zero/full/sigmoid"),
    (ResetTermSign, "plif/value-gated/full/algebraic"),
    (ResetTermLate, "lif-trace/subtract/full/sigmoid"),
    (ResetTermWithoutDecay, "alif/subtract-then-decay/full/sigmoid"),
    (ResetTermWithoutDecay, "lif/zero/full/fast-sigmoid"),
    (ResetTermWithoutTheta, "lif/subtract/full/sigmoid"),
    (ResetTermWithBaseTheta, "alif/subtract/full/sigmoid"),
    (ResetTermWithoutValue, "lif/value/full/sigmoid"),
    (ResetTermWithoutInput, "lif/gated/full/sigmoid"),
    (SpikeForSilence, "lif-trace/zero/detached/sigmoid"),
    (GateForgotten, "lif-trace/gated/detached/sigmoid"),
    (GateForgotten, "lif-trace/value-gated/spatial-only/sigmoid"),
    (DecaysFirst, "lif/subtract-then-decay/detached/sigmoid"),
    (DecaysFirst, "learnable-lif/value/full/sigmoid"),
    (ResidualForgotten, "residual-reset/subtract-then-decay/full/sigmoid"),
    (ResidualTakenTwice, "residual-reset/subtract-then-decay/full/sigmoid"),
    (CarriedWithoutDecay, "lif/zero/detached/sigmoid"),
    (DecayNotLearned, "learnable-lif/none/full/sigmoid"),
    (DecaySeesNoReset, "learnable-lif/zero/full/sigmoid"),
    (DecayShifted, "learnable-lif/subtract/full/sigmoid"),
    (InitialForgotten, "driven/zero/full/sigmoid"),
    (LogitWithoutSlope, "plif/zero/full/sigmoid"),
    (LogitSign, "plif/subtract/detached/sigmoid"),
    (WithoutWidth, "lif/zero/full/sigmoid"),
    (WithoutWidth, "current-based/none/spatial-only/exponential"),
    (SurrogateAtPotential, "lif/none/full/sigmoid"),
    (SurrogateEarly, "lif-trace/zero/full/sigmoid"),
    (TraceAdjointForgotten, "lif-trace/zero/full/sigmoid"),
    (TraceGainForgotten, "lif-trace/subtract/full/sigmoid"),
    (TraceDecayWithoutSpike, "learnable-lif/zero/full/sigmoid"),
    (ThresholdSign, "learnable-lif/zero/full/sigmoid"),
    (ThresholdOnlyInReset, "learnable-lif/subtract/full/sigmoid"),
    (ThresholdOnlyInSpike, "learnable-lif/subtract-then-decay/detached/sigmoid"),
    (ThresholdLeaks, "detached-threshold/subtract/full/sigmoid"),
    (ThresholdLeaks, "relative-threshold/zero/full/sigmoid"),
    (RelativeWithoutTheta, "relative-threshold/zero/full/sigmoid"),
    (QuotientRule, "fires-repeatedly/subtract/full/sigmoid"),
    (FiresAtThreshold, "learnable-lif/zero/full/sigmoid"),
    (FiresAboveThreshold, "fires-at-threshold/zero/full/sigmoid"),
    (FiresOnce, "fires-repeatedly/subtract/full/sigmoid"),
    (ValueWithoutSpike, "learnable-lif/value/full/sigmoid"),
    (ValueWithoutDecay, "learnable-lif/value/detached/sigmoid"),
    (ValueWithoutDecay, "learnable-lif/zero-then-add/full/sigmoid"),
    (AddedAtSpikesOnly, "learnable-lif/zero-then-add-gated/full/sigmoid"),
    (InputGainForgotten, "driven/subtract/full/sigmoid"),
    (InputGainSeesCurrent, "everything/zero/full/sigmoid"),
    (DriveOnce, "driven/zero/full/sigmoid"),
    (SynapseAdjointForgotten, "current-based/zero/full/sigmoid"),
    (SynapseGainForgotten, "current-based/subtract/full/sigmoid"),
    (SynapseDecayShifted, "current-based/none/full/sigmoid"),
    (AdaptationAdjointForgotten, "alif/zero/full/sigmoid"),
    (AdaptationWithoutRate, "alif/subtract/full/sigmoid"),
    (AdaptationRisesTooFar, "alif/subtract/full/sigmoid"),
    (ScaleWithoutRate, "alif/zero/full/sigmoid"),
    (AdaptationDecayWithoutSpike, "alif/zero/full/sigmoid"),
    (AdaptationSign, "recurrent-alif/zero/full/sigmoid"),
    (AdaptationDetached, "alif/zero/full/sigmoid"),
    (AdaptationOnTheDial, "alif/zero/detached/sigmoid"),
    (AdaptationOnTheDial, "alif/subtract/scaled-0.5/sigmoid"),
    (AdaptationForgottenInReset, "alif/subtract/detached/sigmoid"),
    (RefractoryLeak, "refractory/zero/full/sigmoid"),
    (RefractoryShort, "refractory/subtract/full/sigmoid"),
    (DelayForgotten, "delayed-output/zero/full/sigmoid"),
    (DelayForgotten, "recurrent-delayed/subtract/full/sigmoid"),
    (OutputNotDelayed, "delayed-output/zero/full/sigmoid"),
    (RecurrentTransposed, "recurrent-lif/zero/full/sigmoid"),
    (RecurrentShifted, "recurrent-lif/zero/full/sigmoid"),
    (RecurrentDetached, "recurrent-alif/subtract/full/sigmoid"),
    (RecurrentOnTheDial, "recurrent-lif/zero/detached/sigmoid"),
    (PotentialNotRead, "lif/zero/full/sigmoid"),
    (PotentialReadAsSpike, "lif/subtract/full/sigmoid"),
    (InputShifted, "lif-trace/zero/full/sigmoid"),
    (MeanForSum, "everything/subtract/full/sigmoid"),
    (LayerTransposed, "lif-trace/zero/full/sigmoid"),
    (SharedConstantOfOne, "alif/zero/full/sigmoid"),
    (Scale, "everything/value/full/sigmoid"),
    (Scale, "integrate-and-fire/subtract/spatial-only/atan"),
    (OneEntry, "recurrent-alif/gated/full/sigmoid"),
];
