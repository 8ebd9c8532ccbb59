//! `resurge verify`: the reset term, proved on a spiking network that sees real digits; and every cell and
//! convention in a small network of its own.

mod report;
mod specimens;

pub use report::{Report, ReportErrors, ReportSummary, ReportUntested};
pub use specimens::{Specimen, SpecimenFilter, conventions, verify_specimens};

use crate::Seeds;
use resurge_data::{DataError, Digits, digits};
use resurge_gradcheck::{
    Case, CaseReport, Convergence, GradcheckError, Setting, case_convergence, check_cases,
};
use resurge_report::plot::Curve;
use resurge_snn::{Cell, Network, Reset, ResetGradient, SnnError, Surrogate, bernoulli, trace_filter};
use resurge_tensor::{Tensor, TensorError};

/// What to verify, and on what.
///
/// ```
/// use resurge_snn::{Reset, ResetGradient, Surrogate};
/// use resurge_experiments::verify::{VerifyOptions, verify};
///
/// let options = VerifyOptions {
///     resets: vec![Reset::TO_ZERO],
///     reset_gradients: vec![ResetGradient::Full, ResetGradient::Detached],
///     surrogates: vec![Surrogate::atan(2.0)?],
///     steps: 5, hidden: 4, batch: 1, seed: 1,
/// };
/// assert!(verify(&options)?.iter().all(|case| case.passed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct VerifyOptions {
    /// The resets.
    pub resets: Vec<Reset>,
    /// The reset gradients.
    pub reset_gradients: Vec<ResetGradient>,
    /// The surrogates.
    pub surrogates: Vec<Surrogate>,
    /// Time steps `T`.
    pub steps: usize,
    /// Neurons in the hidden layer.
    pub hidden: usize,
    /// Digits in the batch, at most as many as there are in the set.
    pub batch: usize,
    /// Draws the digits, their spikes, the weights and the directions of the checks.
    pub seed: u64,
}

/// Why a verification could not be carried out.
///
/// ```
/// use resurge_experiments::verify::{VerifyError, VerifyOptions, verify};
///
/// let error = verify(&VerifyOptions { batch: 0, ..VerifyOptions::all()? }).unwrap_err();
/// assert!(matches!(error, VerifyError::Batch { asked: 0, .. }));
/// assert!(error.to_string().starts_with("batch is 0, but must be between 1 and 1797"));
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A network could not be built.
    #[error(transparent)]
    Snn(#[from] SnnError),
    /// A tensor could not be built.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The digits could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A check could not be carried out.
    #[error(transparent)]
    Gradcheck(#[from] GradcheckError),
    /// A batch that the data set does not hold.
    #[error("batch is {asked}, but must be between 1 and {available}, the number of digits in the set")]
    Batch {
        /// The batch asked for.
        asked: usize,
        /// The number of digits.
        available: usize,
    },
    /// A size that is 0.
    #[error("{0} is 0, but must be at least 1")]
    Zero(&'static str),
}

/// Trace decay of inputs, cells and targets: `1 - 1/tau_s` with `tau_s = 2`.
const TRACE_DECAY: f64 = 0.5;

/// Mean and spread of the weights, such that neurons fire in a tenth to a third of the steps on the digits when
/// they reset to zero.
const WEIGHT_MEAN: f64 = 1.2;
const WEIGHT_SPREAD: f64 = 0.8;

impl VerifyOptions {
    /// Every combination, on a 64-32-10 network over 25 steps and 4 digits.
    ///
    /// # Errors
    /// Never, as the surrogates' parameters are fixed; the type is that of their constructors.
    ///
    /// ```
    /// let all = resurge_experiments::verify::VerifyOptions::all()?;
    /// assert_eq!((all.resets.len(), all.reset_gradients.len(), all.surrogates.len()), (3, 4, 6));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn all() -> Result<Self, SnnError> {
        let surrogates = Surrogate::ALL.iter().filter_map(|one| Some(one.entry.of(one.digits?)));
        let gradients = ResetGradient::ALL.iter().map(|entry| entry.of(entry.sample));
        Ok(Self {
            resets: vec![Reset::TO_ZERO, Reset::SUBTRACT, Reset::NONE],
            reset_gradients: gradients.collect::<Result<_, SnnError>>()?,
            surrogates: surrogates.collect::<Result<_, SnnError>>()?,
            steps: 25,
            hidden: 32,
            batch: 4,
            seed: 1,
        })
    }

    /// The combinations, in the order of the table.
    ///
    /// ```
    /// assert_eq!(resurge_experiments::verify::VerifyOptions::all()?.cases().len(), 3 * 4 * 6);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for &reset in &self.resets {
            for &reset_gradient in &self.reset_gradients {
                for &surrogate in &self.surrogates {
                    cases.push(Case { reset, reset_gradient, surrogate });
                }
            }
        }
        cases
    }

    /// The network with its parameters, and the digits as input traces and target traces.
    ///
    /// # Errors
    /// [`VerifyError`] for a size of 0 or a batch larger than the set.
    fn setting(&self) -> Result<Setting, VerifyError> {
        for (name, value) in [("steps", self.steps), ("hidden", self.hidden)] {
            if value == 0 {
                return Err(VerifyError::Zero(name));
            }
        }
        let digits = Digits::bundled()?;
        if !(1..=digits.len()).contains(&self.batch) {
            return Err(VerifyError::Batch { asked: self.batch, available: digits.len() });
        }
        // Consecutive digits from a seeded start: the set is in the order in which people wrote it.
        let start = self.seed as usize % digits.len();
        let chosen: Vec<usize> = (0..self.batch).map(|i| (start + i) % digits.len()).collect();
        let intensities = Tensor::from_vec([self.batch, digits::PIXELS], digits.intensities(&chosen)?)?;
        let spikes = bernoulli(&intensities, self.steps, self.seed)?;
        let labels: Vec<usize> = chosen.iter().filter_map(|&i| digits.label(i)).map(usize::from).collect();
        let cell = Cell::lif(self.surrogates.first().copied().unwrap_or(Surrogate::sigmoid(0.2)?))
            .with_trace_decay(TRACE_DECAY)?;
        let network = Network::new(&[digits::PIXELS, self.hidden, digits::CLASSES], cell)?;
        Ok(Setting {
            parameters: network.init(WEIGHT_MEAN, WEIGHT_SPREAD, self.seed)?,
            network,
            input: trace_filter(&spikes, TRACE_DECAY)?,
            target: trace_filter(&target_spikes(self.steps, &labels)?, TRACE_DECAY)?,
            seed: self.seed,
        })
    }
}

/// Target spikes `[T, B, 10]`: the neuron of the class fires in four steps of five, the others never.
fn target_spikes(steps: usize, labels: &[usize]) -> Result<Tensor<f64>, TensorError> {
    let (batch, classes) = (labels.len(), digits::CLASSES);
    Tensor::from_fn([steps, batch, classes], |i| {
        let (t, b, n) = (i / (batch * classes), i / classes % batch, i % classes);
        if n == labels[b] && t % 5 != 0 { 1.0 } else { 0.0 }
    })
}

/// Verifies every combination on the threads of the current rayon pool.
///
/// # Errors
/// [`VerifyError`] when a check could not be carried out; a gradient that is wrong is a case that did not pass.
///
/// ```
/// use resurge_experiments::verify::{VerifyOptions, verify};
///
/// let mut options = VerifyOptions::all()?;
/// options.surrogates.truncate(1);
/// (options.steps, options.hidden, options.batch) = (8, 4, 1);
/// let cases = verify(&options)?;
/// assert!(cases.len() == 12 && cases.iter().all(|case| case.passed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify(options: &VerifyOptions) -> Result<Vec<CaseReport>, VerifyError> {
    Ok(check_cases(&options.cases(), &options.setting()?)?)
}

/// [`verify`] with each of the seeds in place of that of the options. The report of a combination is that of its worst
/// seed.
///
/// # Errors
/// As [`verify`].
///
/// ```
/// use resurge_experiments::Seeds;
/// use resurge_experiments::verify::{VerifyOptions, verify_over};
///
/// let mut options = VerifyOptions { steps: 5, hidden: 4, batch: 1, ..VerifyOptions::all()? };
/// (options.resets.truncate(1), options.reset_gradients.truncate(1), options.surrogates.truncate(1));
/// let done = std::cell::Cell::new(0);
/// let cases = verify_over(&options, &Seeds::first(3), || done.set(done.get() + 1))?;
/// assert_eq!((done.get(), cases.len(), cases[0].passed), (3, 1, true));
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
/// ```
pub fn verify_over(
    options: &VerifyOptions,
    seeds: &Seeds,
    done: impl Fn(),
) -> Result<Vec<CaseReport>, VerifyError> {
    let mut worst: Vec<CaseReport> = Vec::new();
    for &seed in &seeds.0 {
        let cases = verify(&VerifyOptions { seed, ..options.clone() })?;
        done();
        worst = match worst.is_empty() {
            true => cases,
            false => worst.into_iter().zip(cases).map(|(a, b)| a.worse(b)).collect(),
        };
    }
    Ok(worst)
}

/// How finite differences converge on the first combination, along a direction of random signs, for
/// [`plot`](resurge_report::plot).
///
/// # Errors
/// As [`verify`].
///
/// ```
/// use resurge_experiments::verify::{VerifyOptions, convergence_curves};
///
/// let curves = convergence_curves(&VerifyOptions { steps: 5, hidden: 4, batch: 1, ..VerifyOptions::all()? })?;
/// assert!(curves.iter().any(|curve| curve.slope == Some(2.0) && curve.points.len() > 3));
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
/// ```
pub fn convergence_curves(options: &VerifyOptions) -> Result<Vec<Curve>, VerifyError> {
    let setting = options.setting()?;
    let Some(&case) = options.cases().first() else { return Ok(Vec::new()) };
    let curve = |c: Convergence| Curve { name: c.scheme, slope: c.slope, points: c.points };
    Ok(case_convergence(case, &setting)?.into_iter().map(curve).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_make_no_sense_are_named() {
        let options = VerifyOptions::all().unwrap();
        let error = |options: VerifyOptions| options.setting().unwrap_err().to_string();
        assert_eq!(
            error(VerifyOptions { steps: 0, ..options.clone() }),
            "steps is 0, but must be at least 1"
        );
        assert_eq!(
            error(VerifyOptions { hidden: 0, ..options.clone() }),
            "hidden is 0, but must be at least 1"
        );
        for asked in [0, 1798] {
            let error = VerifyOptions { batch: asked, ..options.clone() }.setting().unwrap_err();
            assert!(matches!(error, VerifyError::Batch { available: 1797, .. }));
        }
    }

    #[test]
    fn the_product_of_the_filters_is_verified() {
        let options = VerifyOptions::all().unwrap();
        assert_eq!(options.cases().len(), 3 * 4 * 6);
        let setting = options.setting().unwrap();
        assert_eq!(setting.input.shape(), &[25, 4, 64].into());
        assert_eq!(setting.target.shape(), &[25, 4, 10].into());
        // Digits are sparse: the input must be neither silent nor saturated.
        assert!((0.1..0.6).contains(&setting.input.mean()), "{}", setting.input.mean());
    }
}
