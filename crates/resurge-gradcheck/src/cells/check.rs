//! A cell network's gradient against four proofs.

use super::{CellErrors, CellExtents, CellNetwork, CellReport, CellVerdict};
use crate::{Proof, ProofOptions, Result, Rtrl, Skipped, Untested, Verdict, prove, rtrl};
use resurge_snn::{Cell, Learnable, ResetKind};

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
    /// These, and the same over each input of the program alone, in units of its own gradient, so that a small gradient
    /// of one constant is not hidden behind large ones of the weights.
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
    proof: Proof,
    forwards: Rtrl,
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
        let names = network.names();
        let width = network.cell().surrogate().width();
        let each_input = probes == Probes::EachInput;
        let options = ProofOptions { signs: SIGNS, entries: 0, each_input, seed, width, names: &names };
        let mut proof = prove(network, network.parameters().to_vec(), &options)?;
        let forwards = rtrl(network, network.parameters())?;
        proof.beside("forward sensitivities", &forwards.gradient)?;
        proof.beside_loss("forward sensitivities", forwards.loss, forwards.magnitude);
        Ok(Self { proof, forwards })
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
        &self.proof.gradient
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
        let errors = self.proof.errors_of(gradient)?;
        Ok(CellErrors {
            finite_difference: errors.finite_difference.unwrap_or(0.0),
            complex_step: errors.complex_step,
            dual: errors.dual,
            rtrl: self.proof.apart(gradient, &self.forwards.gradient),
            loss: (self.proof.loss - self.forwards.loss).abs() / self.forwards.magnitude,
        })
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
        self.proof.skipped.clone()
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
/// use resurge_gradcheck::{CellVerdict, check_cell};
/// use resurge_snn::{Cell, Learnable, Surrogate};
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
    let CellEvidence { proof, forwards } = &evidence;
    let has_reset = network.cell().reset().kind != ResetKind::None;
    let verdict = match (proof.verdict(), proof.untested().first()) {
        (Verdict::Failed, _) => CellVerdict::Failed,
        (_, Some(Untested::Gradient)) => CellVerdict::Vacuous,
        (_, Some(Untested::Differences)) => CellVerdict::Inconclusive,
        (_, Some(Untested::Reset | Untested::Spikes)) => CellVerdict::Unexercised,
        (_, None) if has_reset && forwards.resets == 0 => CellVerdict::Unexercised,
        (_, None) => CellVerdict::Passed,
    };
    let silent = proof.inputs.iter().filter(|input| input.zero);
    Ok(CellReport {
        name,
        seed,
        draws: 1,
        verdict,
        parameters: proof.gradient.len(),
        firing_rate: forwards.firing_rate,
        has_reset,
        resets: forwards.resets,
        errors: evidence.compare(&proof.gradient)?,
        anchored_loss_exact: proof.loss_exact,
        conclusive: proof.conclusive,
        skipped: proof.skipped.clone(),
        silent: silent.map(|input| input.name.clone()).collect(),
    })
}
