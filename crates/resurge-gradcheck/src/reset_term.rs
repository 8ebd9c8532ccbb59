//! The reset term on a spiking network: each reset, reset gradient and surrogate against four proofs.

use crate::convergence::convergence;
use crate::evidence::{dot, norm};
use crate::{
    AnchoredProgram, BARS, CaseErrors, CaseReport, Convergence, Directions, MissingTerm, Program,
    ProgramResult, ProofOptions, Result, Untested, Verdict, closed_form, prove,
};
use rayon::prelude::*;
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Cell, Network, Reset, ResetGradient, Surrogate, trace_loss};
use resurge_tensor::{Scalar, Tensor};

/// A combination to verify.
///
/// ```
/// use resurge_gradcheck::Case;
/// use resurge_snn::{Reset, ResetGradient, Surrogate};
///
/// let (reset, surrogate) = (Reset::TO_ZERO, Surrogate::sigmoid(0.2)?);
/// let case = Case { reset, reset_gradient: ResetGradient::Full, surrogate };
/// assert_eq!(case.reset.name(), "zero");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// What a spike does to the potential.
    pub reset: Reset,
    /// Which part of it the gradient sees.
    pub reset_gradient: ResetGradient,
    /// The surrogate.
    pub surrogate: Surrogate,
}

/// The network, its parameters and its data: what the cases are verified on.
///
/// ```
/// use resurge_gradcheck::{Case, Setting, check_case};
/// use resurge_snn::{Cell, Network, Reset, ResetGradient, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let (reset, surrogate) = (Reset::TO_ZERO, Surrogate::sigmoid(0.2)?);
/// let case = Case { reset, reset_gradient: ResetGradient::Full, surrogate };
/// let network = Network::new(&[3, 4, 2], Cell::lif(surrogate))?;
/// let parameters = network.init(1.5, 0.5, 1)?;
/// let input = Tensor::from_fn([6, 1, 3], |i| f64::from(u8::from(i % 3 != 1)))?; // [T, B, N]
/// let target = Tensor::zeros([6, 1, 2])?;
/// let setting = Setting { network, parameters, input, target, seed: 1 };
/// assert!(check_case(case, &setting)?.passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Setting {
    /// The network; each case puts its own reset, reset gradient and surrogate into the cell.
    pub network: Network,
    /// Weight and bias of each layer.
    pub parameters: Vec<Tensor<f64>>,
    /// Input traces `[T, B, N_in]`.
    pub input: Tensor<f64>,
    /// Target traces `[T, B, N_out]`.
    pub target: Tensor<f64>,
    /// Draws the directions of the projections.
    pub seed: u64,
}

/// The largest normalised error with which a gradient passes, by each means.
///
/// ```
/// use resurge_gradcheck::{TOLERANCES, Tolerances};
///
/// let strict = Tolerances { dual: 1e-13, ..TOLERANCES };
/// assert!(strict.dual < TOLERANCES.dual);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerances {
    /// Against finite differences.
    pub finite_difference: f64,
    /// Against the complex step.
    pub complex_step: f64,
    /// Against dual numbers.
    pub dual: f64,
    /// Against the closed recurrences.
    pub closed_form: f64,
}

/// The bars of `resurge verify`: those of every proof, [`BARS`].
///
/// ```
/// use resurge_gradcheck::TOLERANCES;
///
/// assert_eq!(TOLERANCES.finite_difference, 1e-8);
/// ```
pub const TOLERANCES: Tolerances = Tolerances {
    finite_difference: BARS.finite_difference,
    complex_step: BARS.complex_step,
    dual: BARS.dual,
    closed_form: BARS.independent,
};

/// The training loss of a network as a program of its parameters.
struct TraceLoss<'a> {
    network: Network,
    setting: &'a Setting,
}

impl Program for TraceLoss<'_> {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, parameters: &[Var]) -> ProgramResult {
        let input = tape.constant(self.setting.input.cast());
        let run = self.network.run(tape, parameters, input)?;
        Ok(trace_loss(tape, run.output, &self.setting.target.cast())?)
    }
}

/// Verifies one case.
///
/// # Errors
/// [`GradcheckError`](crate::GradcheckError) when the network does not fit its parameters or data, or its loss
/// or gradient is not finite.
///
/// ```
/// use resurge_gradcheck::{Case, Setting, check_case};
/// use resurge_snn::{Cell, Network, Reset, ResetGradient, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let (reset, surrogate) = (Reset::TO_ZERO, Surrogate::sigmoid(0.2)?);
/// let case = Case { reset, reset_gradient: ResetGradient::Full, surrogate };
/// let network = Network::new(&[3, 4, 2], Cell::lif(surrogate))?;
/// let parameters = network.init(1.5, 0.5, 1)?;
/// let input = Tensor::from_fn([6, 1, 3], |i| f64::from(u8::from(i % 3 != 1)))?; // [T, B, N]
/// let target = Tensor::zeros([6, 1, 2])?;
/// let setting = Setting { network, parameters, input, target, seed: 1 };
/// assert!(check_case(case, &setting)?.errors.dual < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_case(case: Case, setting: &Setting) -> Result<CaseReport> {
    let program = |rule| -> Result<TraceLoss<'_>> {
        Ok(TraceLoss { network: setting.network.with_cell(case.cell(setting, rule)?), setting })
    };
    let this = program(case.reset_gradient)?;
    let options = ProofOptions { seed: setting.seed, ..ProofOptions::of_width(case.surrogate.width()) };
    let mut proof = prove(&this, setting.parameters.clone(), &options)?;
    let closed = closed_form(&this.network, &setting.parameters, &setting.input, &setting.target)?;
    proof.beside("closed form", &closed.gradient)?;

    let resets = case.reset != Reset::NONE;
    // Without a reset, a spike leaves the potential alone: that none occurs leaves nothing of the case untested.
    let mut untested = proof.untested().into_iter().find(|what| resets || *what != Untested::Spikes);
    if resets && closed.resets == 0 && untested.is_none_or(|what| what == Untested::Spikes) {
        untested = Some(Untested::Reset);
    }
    let (verdict, untested) = match (proof.verdict(), untested) {
        (Verdict::Failed, _) => (Verdict::Failed, None),
        (_, None) => (Verdict::Passed, None),
        (_, untested) => (Verdict::Undecided, untested),
    };

    let full = program(ResetGradient::Full)?;
    let full = AnchoredProgram::new(&full, setting.parameters.clone())?;
    Ok(CaseReport {
        reset: case.reset.name().into(),
        reset_gradient: case.reset_gradient.to_string(),
        surrogate: case.surrogate.name().into(),
        parameters: proof.gradient.len(),
        firing_rate: closed.firing_rate,
        resets: closed.resets,
        errors: CaseErrors {
            finite_difference: proof.errors.finite_difference.unwrap_or(f64::INFINITY),
            complex_step: proof.errors.complex_step,
            dual: proof.errors.dual,
            closed_form: proof.apart(&proof.gradient, &closed.gradient),
        },
        missing_term: missing_term(full.gradient(), &proof.gradient),
        anchored_loss_exact: proof.loss_exact,
        directions: proof.conclusive,
        skipped: proof.skipped.len(),
        verdict,
        untested,
        passed: verdict == Verdict::Passed,
    })
}

/// How finite differences of a case converge along a direction of random signs, for a plot.
///
/// # Errors
/// As [`check_case`], and [`GradcheckError::Vanishes`](crate::GradcheckError::Vanishes) where there is nothing to
/// converge to.
///
/// ```
/// use resurge_gradcheck::{Case, Setting, case_convergence};
/// use resurge_snn::{Cell, Network, Reset, ResetGradient, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let (reset, surrogate) = (Reset::TO_ZERO, Surrogate::sigmoid(0.2)?);
/// let case = Case { reset, reset_gradient: ResetGradient::Full, surrogate };
/// let network = Network::new(&[3, 4, 2], Cell::lif(surrogate))?;
/// let parameters = network.init(1.5, 0.5, 1)?;
/// let input = Tensor::from_fn([6, 1, 3], |i| f64::from(u8::from(i % 3 != 1)))?; // [T, B, N]
/// let target = Tensor::zeros([6, 1, 2])?;
/// let setting = Setting { network, parameters, input, target, seed: 1 };
/// assert!(!case_convergence(case, &setting)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn case_convergence(case: Case, setting: &Setting) -> Result<Vec<Convergence>> {
    let network = setting.network.with_cell(case.cell(setting, case.reset_gradient)?);
    let program = TraceLoss { network, setting };
    let anchored = AnchoredProgram::new(&program, setting.parameters.clone())?;
    let directions = Directions::new(anchored.gradient(), 1, 0, setting.seed);
    let signs = directions.iter().nth(1).map_or(&[][..], Vec::as_slice);
    convergence(&anchored, signs, case.surrogate.width())
}

/// Verifies cases on the threads of the current rayon pool. The result does not depend on their number.
///
/// # Errors
/// As [`check_case`].
///
/// ```
/// use resurge_gradcheck::{Case, Setting, check_cases};
/// use resurge_snn::{Cell, Network, Reset, ResetGradient, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let (reset, surrogate) = (Reset::TO_ZERO, Surrogate::sigmoid(0.2)?);
/// let case = Case { reset, reset_gradient: ResetGradient::Full, surrogate };
/// let network = Network::new(&[3, 4, 2], Cell::lif(surrogate))?;
/// let parameters = network.init(1.5, 0.5, 1)?;
/// let input = Tensor::from_fn([6, 1, 3], |i| f64::from(u8::from(i % 3 != 1)))?; // [T, B, N]
/// let target = Tensor::zeros([6, 1, 2])?;
/// let setting = Setting { network, parameters, input, target, seed: 1 };
/// assert!(check_cases(&[case], &setting)?.iter().all(|report| report.passed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_cases(cases: &[Case], setting: &Setting) -> Result<Vec<CaseReport>> {
    cases.par_iter().map(|&case| check_case(case, setting)).collect()
}

impl Case {
    fn cell(&self, setting: &Setting, rule: ResetGradient) -> Result<Cell> {
        let cell = setting.network.cell().with_surrogate(self.surrogate);
        Ok(cell.with_reset(self.reset)?.with_reset_gradient(rule))
    }
}

impl Tolerances {
    /// Whether every error is within its bar. An error that is not a number is not.
    ///
    /// ```
    /// use resurge_gradcheck::{CaseErrors, TOLERANCES};
    ///
    /// let errors = CaseErrors { finite_difference: 1e-10, complex_step: 1e-14, dual: 1e-14, closed_form: 1e-15 };
    /// assert!(TOLERANCES.hold(&errors));
    /// ```
    pub fn hold(&self, errors: &CaseErrors) -> bool {
        errors.finite_difference <= self.finite_difference
            && errors.complex_step <= self.complex_step
            && errors.dual <= self.dual
            && errors.closed_form <= self.closed_form
    }
}

fn missing_term(full: &[f64], this: &[f64]) -> MissingTerm {
    MissingTerm {
        relative_norm: norm(&difference(full, this)) / norm(full),
        cosine: dot(full, this) / (norm(full) * norm(this)),
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x - y).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Evidence;

    const FINE: CaseErrors =
        CaseErrors { finite_difference: 1e-8, complex_step: 1e-12, dual: 1e-12, closed_form: 1e-12 };

    #[test]
    fn every_bar_counts_and_what_is_not_a_number_is_not_within_it() {
        assert!(TOLERANCES.hold(&FINE));
        for above in [1.0001, f64::NAN, f64::INFINITY] {
            for wrong in [
                CaseErrors { finite_difference: 1e-8 * above, ..FINE },
                CaseErrors { complex_step: 1e-12 * above, ..FINE },
                CaseErrors { dual: 1e-12 * above, ..FINE },
                CaseErrors { closed_form: 1e-12 * above, ..FINE },
            ] {
                assert!(!TOLERANCES.hold(&wrong), "{wrong:?}");
            }
        }
    }

    /// A case is the proof of its program, and its errors are those of the evidence to the bit.
    #[test]
    fn a_case_has_the_numbers_of_its_evidence_and_is_silent_where_no_neuron_fires() {
        let surrogate = Surrogate::sigmoid(0.25).unwrap();
        let setting = |drive: f64| {
            let network = Network::new(&[3, 4, 2], Cell::lif(surrogate)).unwrap();
            Setting {
                parameters: network.init(1.5, 0.5, 1).unwrap(),
                network,
                input: Tensor::from_fn([6, 2, 3], |i| if i % 3 == 1 { 0.0 } else { drive }).unwrap(),
                target: Tensor::full([6, 2, 2], 0.25).unwrap(),
                seed: 3,
            }
        };
        let of = |reset| Case { reset, reset_gradient: ResetGradient::Full, surrogate };
        let fires = setting(1.0);
        let report = check_case(of(Reset::TO_ZERO), &fires).unwrap();
        let network = fires.network.with_cell(of(Reset::TO_ZERO).cell(&fires, ResetGradient::Full).unwrap());
        let program = TraceLoss { network, setting: &fires };
        let anchored = AnchoredProgram::new(&program, fires.parameters.clone()).unwrap();
        let directions = Directions::new(anchored.gradient(), 6, 6, fires.seed);
        let evidence = Evidence::gather(&anchored, &directions, surrogate.width()).unwrap();
        let errors = evidence.compare(anchored.gradient()).unwrap();
        let found = report.errors;
        assert_eq!(
            (found.finite_difference, found.complex_step, found.dual),
            (errors.finite_difference, errors.complex_step, errors.dual)
        );
        assert_eq!((report.directions, report.skipped), (errors.conclusive, errors.skipped));
        assert_eq!((report.verdict, report.untested), (Verdict::Passed, None));

        let silent = setting(0.0);
        for (reset, verdict, untested) in [
            (Reset::TO_ZERO, Verdict::Undecided, Some(Untested::Reset)),
            (Reset::NONE, Verdict::Passed, None),
        ] {
            let report = check_case(of(reset), &silent).unwrap();
            assert_eq!(report.firing_rate, 0.0);
            assert_eq!((report.verdict, report.untested), (verdict, untested), "{report:#?}");
        }
    }

    #[test]
    fn the_missing_term_by_hand() {
        // |(3, 4) - (3, 0)| / 5, and the cosine of the angle between them.
        let missing = missing_term(&[3.0, 4.0], &[3.0, 0.0]);
        assert_eq!((missing.relative_norm, missing.cosine), (0.8, 0.6));
    }

    #[test]
    fn a_case_uses_its_own_reset_rule_and_surrogate() {
        let surrogate = |width| Surrogate::sigmoid(width).unwrap();
        let network = Network::new(&[2, 2], Cell::lif(surrogate(0.5))).unwrap();
        let setting = Setting {
            parameters: network.init(1.0, 1.0, 1).unwrap(),
            network,
            input: Tensor::full([2, 1, 2], 1.0).unwrap(),
            target: Tensor::zeros([2, 1, 2]).unwrap(),
            seed: 1,
        };
        let rule = ResetGradient::Detached;
        let case = Case { reset: Reset::SUBTRACT, reset_gradient: rule, surrogate: surrogate(0.25) };
        let cell = case.cell(&setting, ResetGradient::Full).unwrap();
        assert_eq!(cell.surrogate(), surrogate(0.25));
        assert_eq!((cell.reset(), cell.reset_gradient()), (Reset::SUBTRACT, ResetGradient::Full));
    }
}
