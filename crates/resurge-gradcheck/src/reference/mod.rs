//! What a derivative is, by the best evidence there is: the one place where checks get their references from.
//!
//! Finite differences come first, for they share nothing with the tape. Dual numbers look over their shoulder: where the two
//! agree and the differences are exact enough, these decide. At a kink one-sided differences do, and give an interval. Where
//! differences cannot decide, dual numbers and the complex step do, unless differences beside the point show that something
//! of the program escapes them.

mod exact;
mod kink;
mod samples;

pub(crate) use exact::rounding;

use crate::anchored::Evaluate;
use crate::difference::ridders;
use crate::noise::Floor;
use crate::{DifferenceScan, Estimate, Result, Scheme};
use exact::Exact;
use samples::Samples;
use serde::Serialize;
use std::fmt;

/// The evidence that decided a comparison.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{GradCheck, Means, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Size; // the sum of |x|
/// # impl Program for Size {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let size = tape.abs(inputs[0])?;
/// #         Ok(tape.sum(size)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 0.0])?];
/// let report = GradCheck::new(&Size, at).run()?; // the sum of |x|, with a kink at the second entry
/// assert_eq!(report.evidence[&Means::FiniteDifferences], 1);
/// assert_eq!(report.evidence[&Means::OneSidedDifferences], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// Central differences.
    FiniteDifferences,
    /// The derivatives from both sides of a kink: an interval, which holds every valid subgradient.
    OneSidedDifferences,
    /// Dual numbers and the complex step, which agree, where no difference is exact enough.
    DualNumbers,
}

/// Why a comparison decides nothing.
///
/// ```
/// use resurge_gradcheck::Why;
///
/// assert_eq!(Why::Kink.to_string(), "no step is free of kinks");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The reference is known, but not well enough to see a fault as large as the tolerance.
    Imprecise,
    /// Kinks lie so close on one side that no step beside the point can be used.
    Kink,
    /// Dual numbers do not agree with the complex step, or with differences that are too inexact to refute them.
    Contradiction,
    /// At a kink, a choice of the operations that none of the points nearby has.
    Convention,
}

/// A derivative with its error: between `low` and `high`, which are one number but at a kink.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reference {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) error: f64,
    pub(crate) means: Means,
    pub(crate) step: f64,
}

/// What there is to hold a claim against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Finding {
    Known(Reference),
    Unknown { error: Option<f64>, why: Why },
}

/// Findings along one direction.
#[derive(Debug)]
pub(crate) struct Measured {
    /// One an output.
    pub(crate) findings: Vec<Finding>,
    /// The smallest step at which a kink was crossed.
    pub(crate) nearest_kink: Option<f64>,
    /// Whether a kink lies at the point itself.
    pub(crate) at_kink: bool,
    /// How often the program was evaluated.
    pub(crate) evaluations: usize,
    /// How many of these were made a second time, to the same bits.
    pub(crate) repeats: usize,
}

/// How derivatives are measured.
#[derive(Clone, Copy)]
pub(crate) struct Probe<'a> {
    pub(crate) anchored: &'a dyn Evaluate,
    pub(crate) scheme: Scheme,
    pub(crate) width: f64,
    /// The length in which each entry of the inputs is measured.
    pub(crate) units: &'a [f64],
    pub(crate) noise: &'a [Floor],
    /// The weights of the output's entries, where the derivative of their sum is asked.
    pub(crate) weights: Option<&'a [f64]>,
    pub(crate) tolerance: Tolerance,
    pub(crate) seed: u64,
}

/// When a claim is within reach of a reference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tolerance {
    /// The relative difference allowed.
    pub(crate) rtol: f64,
    /// The difference allowed in any case.
    pub(crate) atol: f64,
    /// How many of its own error estimates a reference may be off by.
    pub(crate) safety: f64,
    /// The least size that differences are relative to: 0 for an entry, the norm for a projection, which may be small by
    /// chance.
    pub(crate) floor: f64,
}

impl Tolerance {
    /// The difference that values of this size may have for the tolerance alone.
    pub(crate) fn relative(&self, size: f64) -> f64 {
        self.rtol * size.max(self.floor)
    }

    /// Whether a reference is known well enough to count: exact derivatives do not get better, so of these it is enough that
    /// they are far from zero. Differences that are too inexact have given way to them.
    pub(crate) fn counts(&self, reference: &Reference, size: f64) -> bool {
        let rtol = match reference.means {
            Means::DualNumbers => self.rtol.max(COARSE),
            Means::FiniteDifferences | Means::OneSidedDifferences => self.rtol,
        };
        self.uncertain(reference.error) <= rtol * size.max(self.floor)
    }

    /// The difference that a reference's own error excuses.
    pub(crate) fn uncertain(&self, error: f64) -> f64 {
        self.safety * error
    }

    /// Whether an error hides no fault as large as the tolerance.
    fn is_exact_enough(&self, error: f64, size: f64) -> bool {
        self.uncertain(error) <= self.relative(size)
    }
}

/// What rounding may take from an exact derivative, relative to it.
const COARSE: f64 = 1e-3;

/// Steps are scanned from the width down by this many halvings, to about 1e-7 of it: the best step of an
/// extrapolated difference is near 1e-2 of it, and kinks nearby force smaller ones.
const HALVINGS: usize = 24;

/// Steps below those of the first scan, for a bend that they did not see.
const FINER: usize = 40;

impl Probe<'_> {
    /// The derivative of each output along a direction, to hold the claimed ones against.
    pub(crate) fn along(&self, direction: &[f64], claimed: &[f64]) -> Result<Measured> {
        let mut samples = Samples::new(self, direction)?;
        let dual = self.contracted(self.anchored.jvp(direction)?.as_slice());
        let mut differences = Vec::with_capacity(self.noise.len());
        for (output, &floor) in self.noise.iter().enumerate() {
            let estimate = self.scheme.derivative(self.scan(floor), |h| samples.at(output, h))?;
            differences.push(
                estimate.map(|estimate| samples.with_noise_there(output, estimate, floor, dual[output])),
            );
        }
        samples.check_steady(&dual)?;

        let pairs = || differences.iter().zip(&dual);
        let plain: Vec<bool> =
            pairs().map(|(fd, &exact)| fd.is_some_and(|fd| self.decides(fd, exact))).collect();
        let doubt = plain.contains(&false);
        let at_kink = doubt && samples.is_kink_here()?;
        let exact = if doubt && !at_kink { Some(Exact::of(self, direction, &dual)?) } else { None };
        let mut findings = Vec::with_capacity(dual.len());
        for (output, (&fd, &plain)) in differences.iter().zip(&plain).enumerate() {
            findings.push(match (fd, &exact) {
                (Some(fd), _) if plain => Finding::Known(Reference::of_differences(fd)),
                (_, None) => self.beside_kink(&mut samples, output, claimed[output], dual[output])?,
                (fd, Some(exact)) => self.arbitrate(&mut samples, output, fd, exact)?,
            });
        }
        let (nearest_kink, repeats) = (samples.nearest_kink, samples.repeats);
        Ok(Measured { findings, nearest_kink, at_kink, evaluations: samples.evaluations(), repeats })
    }

    fn scan(&self, floor: Floor) -> DifferenceScan {
        DifferenceScan { first_step: self.width, halvings: HALVINGS, noise: floor.level }
    }

    fn contracted(&self, outputs: &[f64]) -> Vec<f64> {
        match self.weights {
            Some(weights) => vec![crate::evidence::dot(weights, outputs)],
            None => outputs.to_vec(),
        }
    }

    /// Whether a difference is exact enough, and dual numbers say the same.
    fn decides(&self, fd: Estimate, exact: f64) -> bool {
        let size = fd.value.abs().max(exact.abs());
        let Self { tolerance, .. } = self;
        tolerance.is_exact_enough(fd.error, size)
            && (fd.value - exact).abs() <= tolerance.relative(size) + tolerance.uncertain(fd.error)
    }

    /// What is right where differences are missing, too inexact, or not what dual numbers say.
    fn arbitrate(
        &self,
        samples: &mut Samples<'_>,
        output: usize,
        fd: Option<Estimate>,
        exact: &Exact,
    ) -> Result<Finding> {
        let (value, error) = (exact.values[output], exact.errors[output]);
        let of_differences =
            |fd: Estimate| match self.tolerance.is_exact_enough(fd.error, fd.value.abs().max(value.abs())) {
                true => Finding::Known(Reference::of_differences(fd)),
                false => Finding::Unknown { error: Some(fd.error), why: Why::Contradiction },
            };
        let (true, Some(fd)) = (exact.agree[output], fd) else {
            return Ok(match (exact.agree[output], fd) {
                (true, _) => Finding::Known(self.of_duals(value, error, output, None)),
                (false, Some(fd)) => of_differences(fd),
                (false, None) => Finding::Unknown { error: None, why: Why::Contradiction },
            });
        };
        let apart = (fd.value - value).abs();
        let known = Finding::Known(self.of_duals(value, error, output, Some(fd)));
        let agree = apart
            <= self.tolerance.relative(fd.value.abs().max(value.abs()))
                + self.tolerance.uncertain(fd.error + error);
        if agree || self.is_bent(samples, output, fd, value)? { Ok(known) } else { Ok(of_differences(fd)) }
    }

    /// A derivative by dual numbers. A zero has no size of its own: what a difference cannot tell from it is as good.
    fn of_duals(&self, value: f64, error: f64, output: usize, fd: Option<Estimate>) -> Reference {
        let noise = || self.noise[output].level / self.width;
        let error = if value == 0.0 { error.max(fd.map_or_else(noise, |fd| fd.error)) } else { error };
        Reference { low: value, high: value, error, means: Means::DualNumbers, step: 0.0 }
    }

    /// Whether differences miss a bend that is narrower than their steps: smaller ones agree with the exact derivative, or
    /// those beside the bend agree with the exact derivatives there. A path that escapes dual numbers would be missing
    /// there, too.
    fn is_bent(&self, samples: &mut Samples<'_>, output: usize, fd: Estimate, exact: f64) -> Result<bool> {
        let apart = (fd.value - exact).abs();
        let explains = |of: Option<Estimate>, there: f64| {
            of.is_some_and(|of| {
                (of.value - there).abs() + self.tolerance.uncertain(of.error) <= EXPLAINED * apart
            })
        };
        let noise = self.noise[output].level;
        let scan = DifferenceScan { first_step: fd.step / 2.0, halvings: FINER, noise };
        if explains(ridders(scan, |h| samples.at(output, h))?, exact) {
            return Ok(true);
        }
        let direction = samples.direction;
        for side in [1.0, -1.0] {
            let offset: Vec<f64> = direction.iter().map(|d| side * fd.step * d).collect();
            let there = self.contracted(self.anchored.tangent(&offset, direction)?.output.as_slice())[output];
            let scan = DifferenceScan { first_step: fd.step / 4.0, halvings: HALVINGS, noise };
            let beside = ridders(scan, |h| {
                let sample = self.anchored.sample_from(&offset, direction, h)?;
                Ok(Some(self.contracted(sample.output.as_slice())[output]))
            })?;
            if !explains(beside, there) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What may be left of a disagreement where it is said to be explained.
const EXPLAINED: f64 = 0.1;

impl Reference {
    fn of_differences(fd: Estimate) -> Self {
        let Estimate { value, error, step, .. } = fd;
        Self { low: value, high: value, error, means: Means::FiniteDifferences, step }
    }

    /// The same in another unit.
    pub(crate) fn over(self, unit: f64) -> Self {
        let Self { low, high, error, means, step } = self;
        Self { low: low / unit, high: high / unit, error: error / unit, means, step: step * unit }
    }

    /// How far a value lies outside.
    pub(crate) fn distance(&self, value: f64) -> f64 {
        if value.is_nan() { f64::NAN } else { (self.low - value).max(value - self.high).max(0.0) }
    }

    /// The point of the interval that is nearest to a value.
    pub(crate) fn nearest(&self, value: f64) -> f64 {
        if value < self.low { self.low } else { self.high.min(value) }
    }

    /// The largest value in it, without sign.
    pub(crate) fn size(&self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}

impl Finding {
    /// The same in another unit.
    pub(crate) fn over(self, unit: f64) -> Self {
        match self {
            Self::Known(reference) => Self::Known(reference.over(unit)),
            Self::Unknown { error, why } => Self::Unknown { error: error.map(|e| e / unit), why },
        }
    }

    /// The derivative, where there is one.
    pub(crate) fn value(&self) -> Option<f64> {
        match self {
            Self::Known(reference) => Some(0.5 * (reference.low + reference.high)),
            Self::Unknown { .. } => None,
        }
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FiniteDifferences => "finite differences",
            Self::OneSidedDifferences => "one-sided differences",
            Self::DualNumbers => "dual numbers and the complex step",
        })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Imprecise => "the reference is too uncertain",
            Self::Kink => "no step is free of kinks",
            Self::Contradiction => "differences, dual numbers and the complex step contradict each other",
            Self::Convention => "a choice of the operations at a kink that no point nearby has",
        })
    }
}
