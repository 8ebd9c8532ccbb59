//! A cell network's gradient against four proofs.

use super::{CELL_BARS, CellErrors, CellExtents, CellNetwork, CellReport, CellVerdict, Learnable};
use crate::error::check_length;
use crate::evidence::{dot, largest, norm};
use crate::{AnchoredProgram, DifferenceScan, Directions, Result, SkipReason, Skipped, ridders, rtrl};
use resurge_snn::{Cell, ResetKind};
use std::ops::Range;

/// A finite difference is conclusive when its estimated error is at most this, relative to the gradient's norm: a
/// tenth of the bar. The estimate is the spread of the extrapolation plus the noise. With a third, programs that
/// expand (a potential that resets times a count of spikes that grows with it is a polynomial of high degree)
/// broke the bar once in some thousand runs.
const CONCLUSIVE: f64 = 1e-10;

/// Steps are scanned from a sixteenth of the surrogate's width, where extrapolation begins to converge, ...
const FIRST_STEP: f64 = 1.0 / 16.0;

/// ... and halved this often, to 1e-6 of the width: below it the noise is above [`CONCLUSIVE`].
const HALVINGS: usize = 16;

/// The rounding error of an evaluation, in units in the last place of the loss's terms and, as errors early in a
/// recurrence that expands are carried along, of the inputs: `sum |p dL/dp|` says what those do to the loss. The
/// noise measured on such recurrences is a tenth of this.
const NOISE_ULPS: f64 = 2.0;

/// Random-sign directions over all parameters.
const SIGNS: usize = 2;

/// In how many directions a gradient is probed.
///
/// ```
/// use resurge_gradcheck::{CellEvidence, CellExtents, CellNetwork, Probes};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
/// let evidence = CellEvidence::gather(&network, Probes::Whole, 1)?;
/// assert_eq!(evidence.gradient().len(), 23);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probes {
    /// The gradient's own direction, and random signs over all parameters at once.
    Whole,
    /// These, and random signs over each input of the program alone, so that a small gradient of one constant is
    /// not hidden behind large ones of the weights.
    EachInput,
}

/// The four proofs' word on a cell network's gradient, gathered once and held against any candidate.
///
/// ```
/// use resurge_gradcheck::{CELL_BARS, CellEvidence, CellExtents, CellNetwork, Probes};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
/// let evidence = CellEvidence::gather(&network, Probes::Whole, 1)?;
/// assert!(evidence.compare(evidence.gradient())?.within(&CELL_BARS));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CellEvidence {
    gradient: Vec<f64>,
    norm: f64,
    directions: Vec<(String, Vec<f64>)>,
    finite_difference: Vec<std::result::Result<f64, SkipReason>>,
    complex_step: Vec<f64>,
    dual: Vec<f64>,
    forwards: crate::Rtrl,
    loss: f64,
    anchored_loss_exact: bool,
}

impl CellEvidence {
    /// Runs the tape at the network's parameters, and the proofs beside it.
    ///
    /// # Errors
    /// [`GradcheckError::NonFinite`](crate::GradcheckError::NonFinite) when the loss or the gradient is not finite.
    ///
    /// ```
    /// use resurge_gradcheck::{CellEvidence, CellExtents, CellNetwork, Probes};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// let evidence = CellEvidence::gather(&network, Probes::Whole, 1)?;
    /// assert!(evidence.gradient().iter().all(|g| g.is_finite()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gather(network: &CellNetwork, probes: Probes, seed: u64) -> Result<Self> {
        let anchored = AnchoredProgram::new(network, network.parameters().to_vec())?;
        let forwards = rtrl(network, network.parameters())?;
        let gradient = anchored.gradient().to_vec();
        let norm = norm(&gradient);
        let directions = directions(network, &gradient, probes, seed);
        let at_base = anchored.evaluate(&vec![0.0; gradient.len()], 0.0)?;
        let mut evidence = Self {
            norm,
            finite_difference: Vec::new(),
            complex_step: Vec::new(),
            dual: Vec::new(),
            loss: anchored.loss(),
            anchored_loss_exact: at_base.loss.to_bits() == anchored.loss().to_bits(),
            gradient,
            directions,
            forwards,
        };
        let inputs = network.parameters().iter().flat_map(resurge_tensor::Tensor::as_slice);
        let of_inputs: f64 = inputs.zip(&evidence.forwards.gradient).map(|(p, g)| (p * g).abs()).sum();
        let scan = DifferenceScan {
            first_step: FIRST_STEP * network.cell().surrogate().width(),
            halvings: HALVINGS,
            noise: NOISE_ULPS * f64::EPSILON * (evidence.forwards.magnitude + of_inputs),
        };
        for (_, direction) in &evidence.directions {
            let estimate = ridders(scan, |h| {
                let at = anchored.evaluate(direction, h)?;
                Ok((at.crossings == 0).then_some(at.loss))
            })?;
            evidence.finite_difference.push(match estimate {
                None => Err(SkipReason::Kink),
                Some(e) if e.error <= CONCLUSIVE * norm => Ok(e.value),
                Some(e) => Err(SkipReason::Imprecise { estimated_error: e.error / norm }),
            });
            evidence.complex_step.push(anchored.by_complex_step(direction)?);
            evidence.dual.push(anchored.by_dual(direction)?);
        }
        Ok(evidence)
    }

    /// The tape's gradient, flat.
    ///
    /// ```
    /// use resurge_gradcheck::{CellEvidence, CellExtents, CellNetwork, Probes};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// let evidence = CellEvidence::gather(&network, Probes::Whole, 1)?;
    /// assert_eq!(evidence.gradient().len(), 23); // 4-3-2, with biases
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// How far a gradient is from each proof.
    ///
    /// # Errors
    /// [`GradcheckError::Length`](crate::GradcheckError::Length) for a gradient of another length.
    ///
    /// ```
    /// use resurge_gradcheck::{CELL_BARS, CellEvidence, CellExtents, CellNetwork, Probes};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// let evidence = CellEvidence::gather(&network, Probes::Whole, 1)?;
    /// let wrong: Vec<f64> = evidence.gradient().iter().map(|g| 1.001 * g).collect();
    /// assert!(!evidence.compare(&wrong)?.within(&CELL_BARS));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare(&self, gradient: &[f64]) -> Result<CellErrors> {
        check_length("the gradient", gradient, self.gradient.len())?;
        let slopes: Vec<f64> = self.directions.iter().map(|(_, v)| dot(v, gradient)).collect();
        let normalised = |(slope, value): (&f64, &f64)| (slope - value).abs() / self.norm;
        let conclusive = slopes.iter().zip(&self.finite_difference);
        let off: Vec<f64> = gradient.iter().zip(&self.forwards.gradient).map(|(a, b)| a - b).collect();
        Ok(CellErrors {
            finite_difference: largest(
                conclusive.filter_map(|(s, fd)| fd.as_ref().ok().map(|fd| normalised((s, fd)))),
            ),
            complex_step: largest(slopes.iter().zip(&self.complex_step).map(normalised)),
            dual: largest(slopes.iter().zip(&self.dual).map(normalised)),
            rtrl: norm(&off) / self.norm,
            loss: (self.loss - self.forwards.loss).abs() / self.forwards.magnitude,
        })
    }

    /// Whether the gradient is zero by every means.
    fn vanishes(&self) -> bool {
        let all = [&self.gradient, &self.forwards.gradient, &self.complex_step, &self.dual];
        self.anchored_loss_exact && all.iter().all(|values| values.iter().all(|x| *x == 0.0))
    }

    /// The directions in which finite differences are not conclusive.
    ///
    /// ```
    /// use resurge_gradcheck::{CellEvidence, CellExtents, CellNetwork, Probes};
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// let network = CellNetwork::new(cell, &[], CellExtents::REGISTRY, 1)?;
    /// let evidence = CellEvidence::gather(&network, Probes::Whole, 1)?;
    /// assert!(evidence.skipped().iter().all(|skipped| !skipped.along.is_empty()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skipped(&self) -> Vec<Skipped> {
        let each = self.directions.iter().zip(&self.finite_difference);
        each.filter_map(|((along, _), fd)| {
            let reason = *fd.as_ref().err()?;
            Some(Skipped { along: along.clone(), reason })
        })
        .collect()
    }
}

/// How many points [`check_cell`] draws at most.
const DRAWS: usize = 4;

/// Holds the tape's gradient of a cell, in a small network drawn by `seed`, against dual numbers, the complex step
/// and finite differences of its anchored program, and against forward sensitivities on the real one.
///
/// Where the point leaves something undecided, because its gradient is zero, a kink is too near for every finite difference or
/// no neuron fires, another is drawn, up to four in all; a point that fails is final.
///
/// # Errors
/// [`GradcheckError::NotLearnable`](crate::GradcheckError::NotLearnable) for something to learn that the cell does
/// not have, [`GradcheckError`](crate::GradcheckError) when the loss or the gradient is not finite. A gradient that
/// is wrong is not an error but a verdict.
///
/// ```
/// use resurge_gradcheck::{CellVerdict, Learnable, check_cell};
/// use resurge_snn::{Cell, Surrogate};
///
/// let cell = Cell::lif(Surrogate::atan(2.0)?).with_refractory_steps(1);
/// let report = check_cell("mine".into(), cell, &[Learnable::Decay], 1)?;
/// assert_eq!(report.verdict, CellVerdict::Passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_cell(name: String, cell: Cell, learnables: &[Learnable], seed: u64) -> Result<CellReport> {
    let at = |draw: usize| -> Result<CellReport> {
        let drawn = seed.wrapping_add((draw as u64) << 48);
        let network = CellNetwork::new(cell, learnables, CellExtents::REGISTRY, drawn)?;
        let report = check(name.clone(), &network, Probes::EachInput, drawn)?;
        Ok(CellReport { seed, draws: draw + 1, ..report })
    };
    let mut report = at(0)?;
    for draw in 1..DRAWS {
        if matches!(report.verdict, CellVerdict::Passed | CellVerdict::Failed) {
            break;
        }
        report = at(draw)?;
    }
    Ok(report)
}

/// Checks the tape's gradient of a network.
pub(super) fn check(name: String, network: &CellNetwork, probes: Probes, seed: u64) -> Result<CellReport> {
    let evidence = CellEvidence::gather(network, probes, seed)?;
    let errors = evidence.compare(&evidence.gradient)?;
    let skipped = evidence.skipped();
    let conclusive = evidence.directions.len() - skipped.len();
    let has_reset = network.cell().reset().kind != ResetKind::None;
    let verdict = if evidence.vanishes() {
        CellVerdict::Vacuous
    } else if !(errors.within(&CELL_BARS) && evidence.anchored_loss_exact) {
        CellVerdict::Failed
    } else if conclusive == 0 {
        CellVerdict::Inconclusive
    } else if has_reset && evidence.forwards.resets == 0 {
        CellVerdict::Unexercised
    } else {
        CellVerdict::Passed
    };
    let silent = inputs(network)
        .filter(|(_, range)| evidence.gradient[range.clone()].iter().all(|g| *g == 0.0))
        .map(|(name, _)| name)
        .collect();
    Ok(CellReport {
        name,
        seed,
        draws: 1,
        verdict,
        parameters: evidence.gradient.len(),
        firing_rate: evidence.forwards.firing_rate,
        has_reset,
        resets: evidence.forwards.resets,
        errors,
        anchored_loss_exact: evidence.anchored_loss_exact,
        conclusive,
        skipped,
        silent,
    })
}

fn directions(network: &CellNetwork, gradient: &[f64], probes: Probes, seed: u64) -> Vec<(String, Vec<f64>)> {
    let names = std::iter::once("gradient".to_owned()).chain((0..SIGNS).map(|i| format!("signs {i}")));
    let whole = Directions::new(gradient, SIGNS, 0, seed);
    let mut directions: Vec<_> = names.zip(whole.iter().cloned()).collect();
    if probes == Probes::Whole {
        return directions;
    }
    for (i, (name, range)) in inputs(network).enumerate() {
        // Seeds of their own, so that no two inputs get the same signs.
        let own = Directions::new(&gradient[range.clone()], 1, 0, seed ^ (i as u64 + 1) << 32);
        if let Some(signs) = own.iter().nth(1) {
            let mut direction = vec![0.0; gradient.len()];
            direction[range].copy_from_slice(signs);
            directions.push((name, direction));
        }
    }
    directions
}

/// Each input of the program with its place in the flat gradient.
fn inputs(network: &CellNetwork) -> impl Iterator<Item = (String, Range<usize>)> {
    let mut end = 0;
    let ranges: Vec<Range<usize>> = network
        .parameters()
        .iter()
        .map(|tensor| {
            let start = end;
            end += tensor.len();
            start..end
        })
        .collect();
    network.names().into_iter().zip(ranges)
}
