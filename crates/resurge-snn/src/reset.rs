//! What a spike does to the potential, and which of it the gradient sees.

mod table;

use crate::Result;
use crate::table::{Range, checked};

checked!(alpha, "alpha", UnitInterval);

/// What a spike does to the potential, and where in the step.
///
/// The table "where in the step the reset acts" of `docs/derivation.md` has the equation of each combination. The
/// same word, "subtract" or "zero", names different combinations in different frameworks: compare equations.
///
/// ```
/// use resurge_snn::{Reset, ResetKind, ResetTiming};
///
/// let late = Reset { kind: ResetKind::Subtract, timing: ResetTiming::AfterInput };
/// assert_eq!((late.name(), late == Reset::SUBTRACT), ("subtract", false)); // the same equation, though
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reset {
    /// What becomes of the potential.
    pub kind: ResetKind,
    /// Where in the step it happens.
    pub timing: ResetTiming,
}

/// What becomes of a potential `v` at a spike `o`: `R(v, o)`.
///
/// ```
/// use resurge_snn::{Reset, ResetKind, ResetTiming};
///
/// let reset = Reset { kind: ResetKind::ToValue(-0.5), timing: ResetTiming::AfterDecay };
/// assert_eq!(reset.name(), "value-after-decay");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResetKind {
    /// `v`: a spike leaves no mark.
    None,
    /// `v (1 - o)`.
    ToZero,
    /// `v (1 - o) + v_r o`, the value in units of the potential.
    ToValue(f64),
    /// `v - theta o`.
    Subtract,
    /// `v (1 - o) + v_r`, the value added whether or not there is a spike: Sinabs's `MembraneReset`.
    ToZeroThenAdd(f64),
}

/// Where in the step the reset acts.
///
/// ```
/// use resurge_snn::{Reset, ResetKind, ResetTiming};
///
/// let reset = Reset { kind: ResetKind::ToZero, timing: ResetTiming::AfterInput };
/// assert_eq!(reset, Reset::GATED_INPUT);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetTiming {
    /// `u[t] = lambda R(u[t-1], o[t-1]) + I[t]`: in the step of the spike.
    BeforeDecay,
    /// `u[t] = R(lambda u[t-1], o[t-1]) + I[t]`.
    AfterDecay,
    /// `u[t] = R(lambda u[t-1] + I[t], o[t-1])`: one step late; the reset acts on the new input, too.
    AfterInput,
}

impl Reset {
    /// `u[t] = lambda u[t-1] (1 - o[t-1]) + I[t]`: equation (1), the paper's.
    ///
    /// ```
    /// use resurge_snn::Reset;
    ///
    /// assert_eq!(Reset::TO_ZERO.name(), "zero");
    /// ```
    pub const TO_ZERO: Self = Self { kind: ResetKind::ToZero, timing: ResetTiming::BeforeDecay };

    /// `u[t] = lambda u[t-1] - theta o[t-1] + I[t]`: the threshold is subtracted after the decay.
    ///
    /// ```
    /// use resurge_snn::Reset;
    ///
    /// assert_eq!(Reset::SUBTRACT.name(), "subtract");
    /// ```
    pub const SUBTRACT: Self = Self { kind: ResetKind::Subtract, timing: ResetTiming::AfterDecay };

    /// `u[t] = lambda (u[t-1] - theta o[t-1]) + I[t]`: the threshold is subtracted before the decay.
    ///
    /// ```
    /// use resurge_snn::Reset;
    ///
    /// assert_eq!(Reset::SUBTRACT_THEN_DECAY.name(), "subtract-then-decay");
    /// ```
    pub const SUBTRACT_THEN_DECAY: Self =
        Self { kind: ResetKind::Subtract, timing: ResetTiming::BeforeDecay };

    /// `u[t] = (1 - o[t-1]) (lambda u[t-1] + I[t])`: the input is gated, too.
    ///
    /// ```
    /// use resurge_snn::Reset;
    ///
    /// assert_eq!(Reset::GATED_INPUT.name(), "gated");
    /// ```
    pub const GATED_INPUT: Self = Self { kind: ResetKind::ToZero, timing: ResetTiming::AfterInput };

    /// `u[t] = lambda u[t-1] + I[t]`: a spike leaves no mark.
    ///
    /// ```
    /// use resurge_snn::Reset;
    ///
    /// assert_eq!(Reset::NONE.name(), "none");
    /// ```
    pub const NONE: Self = Self { kind: ResetKind::None, timing: ResetTiming::BeforeDecay };

    /// `u[t] = lambda (u[t-1] (1 - o[t-1]) + v_r o[t-1]) + I[t]`.
    ///
    /// ```
    /// use resurge_snn::{Reset, ResetKind};
    ///
    /// assert_eq!(Reset::to_value(-0.5).kind, ResetKind::ToValue(-0.5));
    /// ```
    pub fn to_value(v_reset: f64) -> Self {
        Self { kind: ResetKind::ToValue(v_reset), timing: ResetTiming::BeforeDecay }
    }

    /// The name used on the command line and in reports. Resets that compute the same may share it:
    /// [`label`](Self::label) does not.
    ///
    /// ```
    /// use resurge_snn::Reset;
    ///
    /// assert_eq!(Reset::GATED_INPUT.name(), "gated");
    /// ```
    pub fn name(&self) -> &'static str {
        match (self.kind, self.timing) {
            (ResetKind::None, _) => "none",
            (ResetKind::ToZero, ResetTiming::AfterInput) => "gated",
            (ResetKind::ToZero, _) => "zero",
            (ResetKind::Subtract, ResetTiming::BeforeDecay) => "subtract-then-decay",
            (ResetKind::Subtract, _) => "subtract",
            (ResetKind::ToValue(_), ResetTiming::BeforeDecay) => "value",
            (ResetKind::ToValue(_), ResetTiming::AfterDecay) => "value-after-decay",
            (ResetKind::ToValue(_), ResetTiming::AfterInput) => "value-gated",
            (ResetKind::ToZeroThenAdd(_), _) => "zero-then-add",
        }
    }
}

/// Which part of the dependence of `u[t+1]` on the past the gradient follows.
///
/// ```
/// use resurge_snn::{Cell, ResetGradient, Surrogate};
///
/// let cell = Cell::lif(Surrogate::sigmoid(0.2)?).with_reset_gradient(ResetGradient::Detached);
/// assert_eq!(cell.reset_gradient().alpha(), 0.0);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetGradient {
    /// All of it: equation (6), with the reset term.
    Full,
    /// The spike in the reset is a constant: equation (5).
    Detached,
    /// The reset term times a factor: 0 is detached, 1 is full.
    Scaled(#[serde(with = "alpha")] f64),
    /// The previous potential is a constant, too: equation (4). Nothing flows through time but traces.
    SpatialOnly,
}

impl ResetGradient {
    /// A reset term multiplied by `alpha`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless `alpha` lies in `0..=1`.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    ///
    /// assert_eq!(ResetGradient::scaled(0.5)?.alpha(), 0.5);
    /// assert!(ResetGradient::scaled(1.5).is_err());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn scaled(alpha: f64) -> Result<Self> {
        Ok(Self::Scaled(Range::UnitInterval.check("alpha", alpha)?))
    }

    /// The name in the names of files and directories, where no colon may stand, and in results. Elsewhere the text
    /// is that of `Display`: `scaled:0.5`.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    ///
    /// assert_eq!(ResetGradient::Scaled(0.5).name(), "scaled-0.5");
    /// ```
    pub fn name(self) -> String {
        match self {
            Self::Full => "full".into(),
            Self::Detached => "detached".into(),
            Self::Scaled(alpha) => format!("scaled-{alpha}"),
            Self::SpatialOnly => "spatial-only".into(),
        }
    }

    /// The factor alpha on the reset term.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    ///
    /// assert_eq!((ResetGradient::Full.alpha(), ResetGradient::SpatialOnly.alpha()), (1.0, 0.0));
    /// ```
    pub fn alpha(self) -> f64 {
        match self {
            Self::Full => 1.0,
            Self::Scaled(alpha) => alpha,
            Self::Detached | Self::SpatialOnly => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_factors() {
        let resets =
            [Reset::TO_ZERO, Reset::SUBTRACT, Reset::NONE, Reset::GATED_INPUT, Reset::SUBTRACT_THEN_DECAY];
        let names = ["zero", "subtract", "none", "gated", "subtract-then-decay"];
        assert_eq!(resets.map(|reset| reset.name()), names);
        assert_eq!(Reset::to_value(-0.5).name(), "value");
        let rules = [
            (ResetGradient::Full, "full", 1.0),
            (ResetGradient::Detached, "detached", 0.0),
            (ResetGradient::scaled(0.5).unwrap(), "scaled-0.5", 0.5),
            (ResetGradient::SpatialOnly, "spatial-only", 0.0),
        ];
        for (rule, name, alpha) in rules {
            assert_eq!((rule.name().as_str(), rule.alpha()), (name, alpha));
        }
    }

    #[test]
    fn every_combination_has_its_name() {
        use ResetKind::*;
        use ResetTiming::*;
        for (kind, names) in [
            (None, ["none", "none", "none"]),
            (ToZero, ["zero", "zero", "gated"]),
            (ToValue(0.5), ["value", "value-after-decay", "value-gated"]),
            (Subtract, ["subtract-then-decay", "subtract", "subtract"]),
            (ToZeroThenAdd(0.5), ["zero-then-add", "zero-then-add", "zero-then-add"]),
        ] {
            for (timing, name) in [BeforeDecay, AfterDecay, AfterInput].into_iter().zip(names) {
                assert_eq!(Reset { kind, timing }.name(), name, "{kind:?}, {timing:?}");
            }
        }
    }

    #[test]
    fn a_factor_outside_the_unit_interval_is_refused() {
        for alpha in [-0.1, 1.1, f64::NAN] {
            assert!(ResetGradient::scaled(alpha).is_err());
        }
        for alpha in [0.0, 1.0] {
            assert_eq!(ResetGradient::scaled(alpha).unwrap(), ResetGradient::Scaled(alpha));
        }
    }
}
