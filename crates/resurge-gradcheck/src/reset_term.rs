//! The reset term on a spiking network: each reset, reset gradient and surrogate against four proofs.

use crate::convergence::convergence;
use crate::evidence::{dot, norm};
use crate::{
    AnchoredProgram, CaseErrors, CaseReport, Convergence, Directions, Evidence, MissingTerm, Program,
    ProgramResult, Result, Untested, Verdict, closed_form,
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

/// The bars of `resurge verify`.
///
/// Finite differences attain 1e-13 to 1e-10 where the step is free, and a few 1e-9 where kinks force it to be
/// small; estimates with a larger error are left out as not conclusive, so 1e-8 is never met by luck. The other
/// three differ from the tape by rounding alone: 25 steps of recurrence and sums of some thousand terms, at
/// 1e-16 each, stay below 1e-13, and a fault of scale 1e-6 is a million times the bar.
///
/// ```
/// use resurge_gradcheck::TOLERANCES;
///
/// assert_eq!(TOLERANCES.finite_difference, 1e-8);
/// ```
pub const TOLERANCES: Tolerances =
    Tolerances { finite_difference: 1e-8, complex_step: 1e-12, dual: 1e-12, closed_form: 1e-12 };

/// Random-sign directions a case. Each alone sees a 1 + 1e-6 scale with probability above 0.99 (the projection
/// must fall below a hundredth of its standard deviation to hide it), and the gradient's own direction sees it
/// for certain.
const SIGNS: usize = 6;

/// Single-entry directions a case.
const ENTRIES: usize = 6;

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
    let anchored = AnchoredProgram::new(&this, setting.parameters.clone())?;
    let gradient = anchored.gradient();
    let scale = norm(gradient);

    let directions = Directions::new(gradient, SIGNS, ENTRIES, setting.seed);
    let evidence = Evidence::gather(&anchored, &directions, case.surrogate.width())?;
    let projections = evidence.compare(gradient)?;
    let closed = closed_form(&this.network, &setting.parameters, &setting.input, &setting.target)?;
    let errors = CaseErrors {
        finite_difference: projections.finite_difference,
        complex_step: projections.complex_step,
        dual: projections.dual,
        closed_form: norm(&difference(gradient, &closed.gradient)) / scale,
    };
    let at_base = anchored.evaluate(&vec![0.0; anchored.dimension()], 0.0)?;
    let anchored_loss_exact = at_base.loss.to_bits() == anchored.loss().to_bits();

    let holds = anchored_loss_exact && TOLERANCES.hold(&errors);
    let exact = anchored_loss_exact && TOLERANCES.hold(&CaseErrors { finite_difference: 0.0, ..errors });
    let vanishes = scale == 0.0 && norm(&closed.gradient) == 0.0 && evidence.vanishes();
    let (verdict, untested) = if vanishes && anchored_loss_exact {
        (Verdict::Undecided, Some(Untested::Gradient))
    } else if exact && errors.finite_difference.is_infinite() {
        // Infinite is what it is where nothing was conclusive.
        (Verdict::Undecided, Some(Untested::Differences))
    } else if !holds {
        (Verdict::Failed, None)
    } else if case.reset != Reset::NONE && closed.resets == 0 {
        (Verdict::Undecided, Some(Untested::Reset))
    } else {
        (Verdict::Passed, None)
    };

    let full = program(ResetGradient::Full)?;
    let full = AnchoredProgram::new(&full, setting.parameters.clone())?;
    Ok(CaseReport {
        reset: case.reset.name().into(),
        reset_grad: case.reset_gradient.name(),
        surrogate: case.surrogate.name().into(),
        parameters: anchored.dimension(),
        firing_rate: closed.firing_rate,
        resets: closed.resets,
        errors,
        missing_term: missing_term(full.gradient(), gradient),
        anchored_loss_exact,
        directions: projections.conclusive,
        skipped: projections.skipped,
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
