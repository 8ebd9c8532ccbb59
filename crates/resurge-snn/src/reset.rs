//! What a spike does to the potential, and which of it the gradient sees.

use crate::Result;
use crate::error::check;

/// What a spike does to the potential in the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reset {
    /// `u[t] = lambda u[t-1] (1 - o[t-1]) + I[t]`: equation (1), the paper's.
    ToZero,
    /// `u[t] = lambda u[t-1] - theta o[t-1] + I[t]`: the threshold is subtracted after the decay.
    Subtract,
    /// `u[t] = lambda u[t-1] + I[t]`: a spike leaves no mark.
    None,
}

impl Reset {
    /// The name used on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::ToZero => "zero",
            Self::Subtract => "subtract",
            Self::None => "none",
        }
    }
}

/// Which part of the dependence of `u[t+1]` on the past the gradient follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResetGradient {
    /// All of it: equation (6), with the reset term.
    Full,
    /// The spike in the reset is a constant: equation (5).
    Detached,
    /// The reset term times a factor: 0 is detached, 1 is full.
    Scaled(f64),
    /// The previous potential is a constant, too: equation (4). Nothing flows through time but traces.
    SpatialOnly,
}

impl ResetGradient {
    /// A reset term multiplied by `alpha`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless `alpha` lies in `0..=1`.
    pub fn scaled(alpha: f64) -> Result<Self> {
        Ok(Self::Scaled(check("alpha", alpha, "between 0 and 1", (0.0..=1.0).contains(&alpha))?))
    }

    /// The name used on the command line and in reports.
    pub fn name(self) -> String {
        match self {
            Self::Full => "full".into(),
            Self::Detached => "detached".into(),
            Self::Scaled(alpha) => format!("scaled-{alpha}"),
            Self::SpatialOnly => "spatial-only".into(),
        }
    }

    /// The factor alpha on the reset term.
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
        assert_eq!(
            [Reset::ToZero, Reset::Subtract, Reset::None].map(Reset::name),
            ["zero", "subtract", "none"]
        );
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
    fn a_factor_outside_the_unit_interval_is_refused() {
        for alpha in [-0.1, 1.1, f64::NAN] {
            assert!(ResetGradient::scaled(alpha).is_err());
        }
    }
}
