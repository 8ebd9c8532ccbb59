//! What was proved of a gradient.

use super::{BARS, ProofOptions};
use crate::anchored::Evaluate;
use crate::error::check_length;
use crate::evidence::norm;
use crate::{Evidence, Result, Untested, Verdict};
use serde::Serialize;
use std::ops::Range;

/// What was proved of a program's gradient at a point.
///
/// ```
/// use resurge_gradcheck::{CellExtents, CellNetwork, Proof, ProofOptions, Verdict, prove};
/// use resurge_snn::{Cell, Surrogate};
///
/// let network = CellNetwork::new(Cell::lif(Surrogate::atan(2.0)?), &[], CellExtents::REGISTRY, 1)?;
/// let options = ProofOptions::of_width(network.cell().surrogate().width());
/// let proof: Proof = prove(&network, network.parameters().to_vec(), &options)?;
/// assert_eq!(proof.verdict(), Verdict::Passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Proof {
    /// The loss of the real forward pass.
    pub loss: f64,
    /// Whether the anchored program's loss at the point is that, to the bit.
    pub loss_exact: bool,
    /// The tape's gradient, flat.
    pub gradient: Vec<f64>,
    /// The largest number in the forward pass.
    pub magnitude: f64,
    /// What is known of each input.
    pub inputs: Vec<ProofInput>,
    /// Whether any spike occurred; none of a program that has none.
    pub spikes: Option<bool>,
    /// The directions in which finite differences decided.
    pub conclusive: usize,
    /// The directions in which they did not, and why. A direction of an input without a gradient is in neither list.
    pub skipped: Vec<Skipped>,
    /// How far the tape's gradient is from each means.
    pub errors: ProofErrors,
    /// What was held beside it: see [`beside`](Self::beside).
    pub independent: Vec<Independent>,
    evidence: Evidence,
}

/// An input of a program, and what a proof knows of it.
///
/// ```
/// use resurge_gradcheck::{CellExtents, CellNetwork, ProofInput, ProofOptions, prove};
/// use resurge_snn::{Cell, Surrogate};
///
/// let network = CellNetwork::new(Cell::lif(Surrogate::atan(2.0)?), &[], CellExtents::REGISTRY, 1)?;
/// let names = network.names();
/// let width = network.cell().surrogate().width();
/// let options = ProofOptions { names: &names, ..ProofOptions::of_width(width) };
/// let inputs: Vec<ProofInput> = prove(&network, network.parameters().to_vec(), &options)?.inputs;
/// assert_eq!((&inputs[0].name, inputs[0].range.end), (&names[0], network.parameters()[0].len()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProofInput {
    /// Its name.
    pub name: String,
    /// Its place in the flat gradient.
    pub range: Range<usize>,
    /// The norm of its gradient.
    pub norm: f64,
    /// Whether its gradient is exactly zero: then nothing was proved of it.
    pub zero: bool,
    /// Whether a gradient reaches it at all, by way of operations that pass one on.
    pub reached: bool,
    /// The directions that move it alone in which finite differences decided.
    pub conclusive: usize,
}

/// How far a gradient is from each means, in units of its norm: the largest error over the directions.
///
/// ```
/// use resurge_gradcheck::ProofErrors;
///
/// let errors = ProofErrors { finite_difference: None, complex_step: 1e-15, dual: 1e-15 };
/// assert!(errors.finite_difference.is_none()); // no difference decided anything
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ProofErrors {
    /// Against finite differences; none where none is conclusive, or none of those sees a part of the gradient.
    pub finite_difference: Option<f64>,
    /// Against the complex step. Not a number where no direction sees a part of the gradient.
    pub complex_step: f64,
    /// Against dual numbers, as the complex step.
    pub dual: f64,
}

/// A gradient or a loss that was found in another way, beside the tape's.
///
/// ```
/// use resurge_gradcheck::{BARS, Independent};
///
/// let closed = Independent { name: "closed form", error: 1e-15, bar: BARS.independent, zero: Some(false) };
/// assert!(closed.error <= closed.bar);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Independent {
    /// The way.
    pub name: &'static str,
    /// How far the tape is from it.
    pub error: f64,
    /// How far it may be.
    pub bar: f64,
    /// Of a gradient, whether it is exactly zero.
    pub zero: Option<bool>,
}

/// A direction in which finite differences say nothing.
///
/// ```
/// use resurge_gradcheck::{SkipReason, Skipped};
///
/// let skipped = Skipped { along: "signs 3".into(), reason: SkipReason::Kink };
/// assert_eq!(skipped.reason, SkipReason::Kink);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Skipped {
    /// The direction.
    pub along: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why a finite difference is not conclusive.
///
/// ```
/// use resurge_gradcheck::SkipReason;
///
/// assert_ne!(SkipReason::Kink, SkipReason::Imprecise { estimated_error: 1e-8 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// A kink of the surrogate is so near that fewer than two steps stay on its side.
    Kink,
    /// No step has a small enough estimated error, relative to the gradient's norm.
    Imprecise {
        /// The smallest.
        estimated_error: f64,
    },
}

impl Proof {
    pub(super) fn new(
        anchored: &dyn Evaluate,
        evidence: Evidence,
        options: &ProofOptions<'_>,
    ) -> Result<Self> {
        let gradient = anchored.gradient().to_vec();
        let at_base = anchored.evaluate(&vec![0.0; gradient.len()], 0.0)?;
        let name = |i: usize| options.names.get(i).cloned().unwrap_or_else(|| format!("input {i}"));
        let mut inputs = Vec::new();
        for (i, (range, reached)) in anchored.ranges().into_iter().zip(anchored.entering()?).enumerate() {
            let own = &gradient[range.clone()];
            let zero = own.iter().all(|g| *g == 0.0);
            inputs.push(ProofInput { name: name(i), norm: norm(own), zero, reached, range, conclusive: 0 });
        }
        let (mut conclusive, mut skipped) = (0, Vec::new());
        for along in evidence.decided() {
            let Some(reason) = along.skipped else {
                conclusive += 1;
                along.input.into_iter().for_each(|i| inputs[i].conclusive += 1);
                continue;
            };
            let along = match (along.input, along.number) {
                (Some(i), 0) => format!("{}, gradient", inputs[i].name),
                (Some(i), _) => format!("{}, signs", inputs[i].name),
                (None, 0) => "gradient".to_owned(),
                (None, n) if n <= options.signs => format!("signs {}", n - 1),
                (None, n) => format!("entry {}", n - 1 - options.signs),
            };
            skipped.push(Skipped { along, reason });
        }
        Ok(Self {
            loss: anchored.loss(),
            loss_exact: at_base.loss.to_bits() == anchored.loss().to_bits(),
            magnitude: anchored.magnitude(),
            inputs,
            spikes: anchored.spikes(),
            conclusive,
            skipped,
            errors: errors_of(&evidence, &gradient)?,
            independent: Vec::new(),
            gradient,
            evidence,
        })
    }

    /// The errors of another gradient on the same evidence.
    ///
    /// # Errors
    /// [`GradcheckError::Length`](crate::GradcheckError::Length) for a gradient of another length.
    pub fn errors_of(&self, gradient: &[f64]) -> Result<ProofErrors> {
        check_length("the gradient", gradient, self.gradient.len())?;
        errors_of(&self.evidence, gradient)
    }

    /// Holds a gradient that was found independently beside the tape's: a closed form, forward sensitivities, an
    /// adjoint. The verdict counts it.
    ///
    /// # Errors
    /// [`GradcheckError::Length`](crate::GradcheckError::Length) for a gradient of another length.
    pub fn beside(&mut self, name: &'static str, gradient: &[f64]) -> Result<()> {
        check_length("the gradient", gradient, self.gradient.len())?;
        let zero = Some(gradient.iter().all(|g| *g == 0.0));
        let error = self.apart(&self.gradient, gradient);
        self.independent.push(Independent { name, error, bar: BARS.independent, zero });
        Ok(())
    }

    /// Holds a loss that was found independently beside the tape's, in units of the size of its terms.
    pub fn beside_loss(&mut self, name: &'static str, loss: f64, magnitude: f64) {
        let off = (self.loss - loss).abs();
        // Of a loss without terms, nothing is off.
        let error = if off == 0.0 { 0.0 } else { off / magnitude };
        self.independent.push(Independent { name, error, bar: BARS.loss, zero: None });
    }

    /// The bar of the complex step and dual numbers: that of [`BARS`], or what the rounding of the largest number in
    /// the pass does to a gradient that is far smaller, up to 1e-3.
    pub fn exact_bar(&self) -> f64 {
        BARS.exact(self.magnitude, norm(&self.gradient))
    }

    /// The outcome: [`Failed`](Verdict::Failed) where any error is above its bar, or not a number; undecided where
    /// something was [not tested](Self::untested).
    pub fn verdict(&self) -> Verdict {
        if self.refuted() {
            Verdict::Failed
        } else if self.untested().is_empty() {
            Verdict::Passed
        } else {
            Verdict::Undecided
        }
    }

    /// What the point did not test, the most serious first. Where the gradient of some inputs alone is zero,
    /// [`inputs`](Self::inputs) tells.
    pub fn untested(&self) -> Vec<Untested> {
        if self.vanishes() {
            return vec![Untested::Gradient];
        }
        let differences = self.errors.finite_difference.is_none().then_some(Untested::Differences);
        let spikes = (self.spikes == Some(false)).then_some(Untested::Spikes);
        differences.into_iter().chain(spikes).collect()
    }

    /// The distance of two gradients in units of the norm of the tape's.
    pub(crate) fn apart(&self, a: &[f64], b: &[f64]) -> f64 {
        let off: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
        norm(&off) / norm(&self.gradient)
    }

    /// Whether the gradient is zero by every means.
    fn vanishes(&self) -> bool {
        self.inputs.iter().all(|input| input.zero)
            && self.evidence.vanishes()
            && self.independent.iter().all(|other| other.zero != Some(false))
    }

    /// Whether any means says that the gradient, or the loss, is wrong. Of a gradient that is zero by all means, there is
    /// no error.
    fn refuted(&self) -> bool {
        let zero = self.vanishes();
        let others = self.independent.iter().filter(|other| !zero || other.zero.is_none());
        let mut pairs: Vec<(f64, f64)> = others.map(|other| (other.error, other.bar)).collect();
        if !zero {
            let ProofErrors { finite_difference, complex_step, dual } = self.errors;
            pairs.extend(finite_difference.map(|error| (error, BARS.finite_difference)));
            pairs.extend([complex_step, dual].map(|error| (error, self.exact_bar())));
        }
        // An error that is not a number is not within its bar.
        !(self.loss_exact && pairs.iter().all(|(error, bar)| error <= bar))
    }
}

fn errors_of(evidence: &Evidence, gradient: &[f64]) -> Result<ProofErrors> {
    let found = evidence.compare(gradient)?;
    Ok(ProofErrors {
        // Infinite is what it is where nothing was conclusive, or nothing of it saw anything.
        finite_difference: (found.finite_difference != f64::INFINITY).then_some(found.finite_difference),
        complex_step: found.complex_step,
        dual: found.dual,
    })
}
