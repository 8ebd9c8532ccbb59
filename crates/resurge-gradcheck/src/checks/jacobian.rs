//! A gradient or Jacobian against finite differences: every entry, or random projections.

use super::directional::{Measured, measure};
use super::tally::{HINT_TOLERANCE, Tally, Tolerance};
use super::{CheckReport, Place, locate};
use crate::evidence::{dot, norm};
use crate::noise::noise_floor;
use crate::program::check_length;
use crate::{AnchoredProgram, Directions, GradcheckError, Hints, Program, Result, Scheme};
use rayon::prelude::*;
use resurge_tensor::Tensor;

/// A check of a program's gradient, or of its Jacobian where the output has several entries, against finite
/// differences of the anchored program.
///
/// By default every entry is compared ([`full`](Self::full)) with a central difference extrapolated by Ridders'
/// method, whose estimated error is part of the comparison:
///
/// `|claimed - reference| <= rtol max(|claimed|, |reference|, scale) + safety * error`,
///
/// where `scale` is the root mean square of the entries and `error` holds the spread of the extrapolation and the
/// measured noise over the step. Work is spread over the threads of the current rayon pool; the report does not
/// depend on their number.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{GradCheck, Hints, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Softplus;
///
/// impl Program for Softplus {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let e = tape.exp(inputs[0])?;
///         let shifted = tape.shift(e, 1.0)?;
///         Ok(tape.ln(shifted)?) // one output an input: the Jacobian is diagonal
///     }
/// }
///
/// let at = vec![Tensor::from_vec([3], vec![-1.0, 0.5, 2.0])?];
/// let report = GradCheck::new(&Softplus, at.clone()).run()?;
/// assert!(report.passed() && report.compared == 9 && report.max_error < 1e-9);
///
/// // A Jacobian that lacks a factor 2 somewhere, offered in its place.
/// let mut wrong: Vec<f64> = (0..9).map(|i| if i % 4 == 0 { 1.0 / (1.0 + (-[-1.0, 0.5, 2.0][i / 4] as f64).exp()) } else { 0.0 }).collect();
/// wrong[8] /= 2.0;
/// let report = GradCheck::new(&Softplus, at).claim(wrong).run()?;
/// assert!(report.to_string().contains("input 0, entry [2], output [2]"));
/// assert!(report.to_string().contains("a factor 2 is missing"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GradCheck<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    mode: Mode,
    scheme: Scheme,
    width: f64,
    rtol: Option<f64>,
    safety: f64,
    seed: u64,
    smooth_twin: bool,
    claim: Option<Vec<f64>>,
    hints: Hints,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Full,
    Projections(usize),
}

/// The default relative tolerance where the reference knows its error. Ridders' estimates attain 1e-12 to 1e-9
/// of the scale, so a correct gradient has two decades to spare, and a fault of scale 1e-6 exceeds the bar, which
/// is at most 2e-7 of a large entry, five times.
const RTOL_ESTIMATED: f64 = 1e-7;

/// The default for a fixed step, whose truncation error the tolerance has to cover. At the best step it is 1e-11
/// to 1e-10 times a constant of the program: the derivatives of higher order over the powers of the width, up to
/// 1e3 for a recurrent network.
const RTOL_FIXED: f64 = 1e-6;

/// On the estimated error: it is the smallest of many candidates and hence optimistic (`docs/numerics.md`: 10 to
/// 30).
const SAFETY: f64 = 10.0;

impl<'p, P: Program> GradCheck<'p, P> {
    /// A check of every entry at `inputs`.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(program: &'p P, inputs: Vec<Tensor<f64>>) -> Self {
        Self {
            program,
            inputs,
            mode: Mode::Full,
            scheme: Scheme::Ridders,
            width: 1.0,
            rtol: None,
            safety: SAFETY,
            seed: 0,
            smooth_twin: false,
            claim: None,
            hints: Hints::new(),
        }
    }

    /// Compares every entry of the Jacobian: the cost is one derivative an input entry.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).full().run()?; // the sum of sin x
    /// assert!(report.passed());
    /// assert_eq!(report.compared, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn full(self) -> Self {
        Self { mode: Mode::Full, ..self }
    }

    /// Compares projections only: along the gradient itself and along `signs` directions of random signs, whose
    /// mean square measures the error of the whole gradient. An output of several entries is contracted with a
    /// cotangent drawn by the seed. The bar is relative to the gradient's norm.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).projections(4).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// assert_eq!(report.compared, 5); // and the gradient's own direction
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn projections(self, signs: usize) -> Self {
        Self { mode: Mode::Projections(signs), ..self }
    }

    /// How finite differences are taken; [`Scheme::Ridders`] unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult, Scheme, Stencil};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).scheme(Scheme::Fixed { stencil: Stencil::Sixth, step: None }).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scheme(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// The length over which the program changes, from which steps are chosen: for a spiking network the width of
    /// its surrogate. 1 unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).width(0.5).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn width(self, width: f64) -> Self {
        Self { width, ..self }
    }

    /// The relative tolerance: 1e-7 unless told otherwise, 1e-6 with a fixed step.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).rtol(1e-9).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rtol(self, rtol: f64) -> Self {
        Self { rtol: Some(rtol), ..self }
    }

    /// The factor on the estimated error of the reference: 10 unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).safety(3.0).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn safety(self, safety: f64) -> Self {
        Self { safety, ..self }
    }

    /// Draws directions and cotangent.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).seed(7).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Checks the smooth twin in place of the anchored program; see [`AnchoredProgram::smooth_twin`].
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).smooth_twin().run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn smooth_twin(self) -> Self {
        Self { smooth_twin: true, ..self }
    }

    /// Holds another Jacobian than the tape's against the reference, row-major `[outputs, inputs]`: for one
    /// output, the flat gradient.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
    /// let report = GradCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
    /// assert!(!report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn claim(self, jacobian: Vec<f64>) -> Self {
        Self { claim: Some(jacobian), ..self }
    }

    /// Explanations to try for what is wrong.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Hints, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).hints(Hints::new().factor("theta", 0.7)).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn hints(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    /// Runs the check.
    ///
    /// # Errors
    /// [`GradcheckError::Option`] for an option out of its domain, [`GradcheckError::Length`] for a claim of
    /// another length, [`GradcheckError::BasePoint`] for a program that is not a function of its inputs, and
    /// those of [`AnchoredProgram::contracted`]. A gradient that is wrong is not an error but a report.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = GradCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self) -> Result<CheckReport> {
        let rtol = self.rtol.unwrap_or(match self.scheme {
            Scheme::Fixed { .. } => RTOL_FIXED,
            Scheme::Scanned { .. } | Scheme::Ridders => RTOL_ESTIMATED,
        });
        positive("width", self.width)?;
        positive("rtol", rtol)?;
        positive("safety", self.safety)?;
        let anchored = record(self.program, &self.inputs, self.smooth_twin, self.seed)?;
        if let Some(claim) = &self.claim {
            check_length("the claimed Jacobian", claim, anchored.outputs() * anchored.dimension())?;
        }
        let noise = noise_floor(&anchored, self.width, self.seed.wrapping_add(1))?;
        let tolerance = Tolerance { rtol, safety: self.safety };
        match self.mode {
            Mode::Full => self.every_entry(&anchored, &noise, tolerance),
            Mode::Projections(signs) => self.along_directions(&anchored, &noise, tolerance, signs),
        }
    }

    fn every_entry(
        &self,
        anchored: &AnchoredProgram<'_, P>,
        noise: &[f64],
        tolerance: Tolerance,
    ) -> Result<CheckReport> {
        let n = anchored.dimension();
        let jacobian = self.jacobian(anchored)?;
        let columns = (0..n).into_par_iter().map(|entry| {
            let mut direction = vec![0.0; n];
            direction[entry] = 1.0;
            measure(anchored, &direction, self.scheme, self.width, noise, None)
        });
        let columns: Vec<Measured> = columns.collect::<Result<_>>()?;

        let mut tally = Tally::new(noise, tolerance, &self.hints);
        let overall = rms(&jacobian);
        for (output, row) in jacobian.chunks(n.max(1)).enumerate() {
            // A row of zeros has no scale of its own.
            let scale = Some(rms(row)).filter(|&s| s > 0.0).unwrap_or(overall);
            for (entry, (&claimed, column)) in row.iter().zip(&columns).enumerate() {
                let place = || Ok(locate::entry(anchored, output, entry));
                tally.compare(claimed, column.estimates[output], scale, place)?;
            }
        }
        for (entry, column) in columns.iter().enumerate() {
            let (input, index) = locate::input_entry(anchored.inputs(), entry);
            tally.steps(column, Place::Entry { input, index, output: Vec::new() });
        }
        let hints = if tally.failures > 0 { self.whole(anchored, &jacobian, &columns) } else { Vec::new() };
        Ok(tally.report(hints))
    }

    fn along_directions(
        &self,
        anchored: &AnchoredProgram<'_, P>,
        noise: &[f64],
        tolerance: Tolerance,
        signs: usize,
    ) -> Result<CheckReport> {
        let weights = anchored.cotangent().as_slice();
        let gradient = self.contracted_claim(anchored, weights);
        let noise = [weights.iter().zip(noise).map(|(w, s)| w.abs() * s).sum::<f64>()];
        let directions = Directions::new(&gradient, signs, 0, self.seed.wrapping_add(2));
        let directions: Vec<&Vec<f64>> = directions.iter().collect();
        let measured = directions
            .par_iter()
            .map(|direction| measure(anchored, direction, self.scheme, self.width, &noise, Some(weights)));
        let measured: Vec<Measured> = measured.collect::<Result<_>>()?;

        let mut tally = Tally::new(&noise, tolerance, &self.hints);
        let scale = norm(&gradient);
        for (number, (direction, measured)) in directions.iter().zip(&measured).enumerate() {
            let place = || {
                let bar = 0.5 * tolerance.rtol * scale;
                let suspect = locate::suspect(anchored, &gradient, direction, anchored.cotangent(), bar)?;
                Ok(Place::Direction { number, suspect })
            };
            tally.compare(dot(direction, &gradient), measured.estimates[0], scale, place)?;
            tally.steps(measured, Place::Direction { number, suspect: None });
        }
        Ok(tally.report(Vec::new()))
    }

    /// The Jacobian that is to be checked, row-major.
    fn jacobian(&self, anchored: &AnchoredProgram<'_, P>) -> Result<Vec<f64>> {
        if let Some(claim) = &self.claim {
            return Ok(claim.clone());
        }
        let outputs = anchored.outputs();
        if outputs == 1 {
            // Contracted with 1: the gradient is the Jacobian.
            return Ok(anchored.gradient().to_vec());
        }
        let rows = (0..outputs).into_par_iter().map(|output| {
            let mut unit = vec![0.0; outputs];
            unit[output] = 1.0;
            anchored.vjp(&Tensor::from_vec(anchored.cotangent().shape(), unit)?)
        });
        Ok(rows.collect::<Result<Vec<Vec<f64>>>>()?.concat())
    }

    fn contracted_claim(&self, anchored: &AnchoredProgram<'_, P>, weights: &[f64]) -> Vec<f64> {
        let Some(claim) = &self.claim else { return anchored.gradient().to_vec() };
        let mut gradient = vec![0.0; anchored.dimension()];
        for (row, w) in claim.chunks(gradient.len().max(1)).zip(weights) {
            for (sum, x) in gradient.iter_mut().zip(row) {
                *sum += w * x;
            }
        }
        gradient
    }

    /// Hints on the gradient of the first output that is wrong, where every entry of it has a reference.
    fn whole(
        &self,
        anchored: &AnchoredProgram<'_, P>,
        jacobian: &[f64],
        columns: &[Measured],
    ) -> Vec<String> {
        let shapes: Vec<&[usize]> = anchored.inputs().iter().map(|input| &input.shape()[..]).collect();
        let rows = jacobian.chunks(anchored.dimension().max(1)).enumerate();
        let hints = rows.filter_map(|(output, row)| {
            let reference = columns.iter().map(|column| column.estimates[output].map(|e| e.value));
            let reference: Vec<f64> = reference.collect::<Option<_>>()?;
            Some(self.hints.explain_gradient(row, &reference, &shapes, HINT_TOLERANCE))
        });
        hints.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }
}

/// Checks every entry of a program's gradient at `inputs`, with all options at their defaults, and returns an
/// error that says what is wrong.
///
/// # Errors
/// [`GradcheckError::Rejected`] for a gradient that is wrong or that nothing could be compared with, and those
/// of [`GradCheck::run`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, check_gradient};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Energy;
///
/// impl Program for Energy {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let square = tape.square(inputs[0])?;
///         Ok(tape.sum(square)?)
///     }
/// }
///
/// check_gradient(&Energy, vec![Tensor::from_vec([2], vec![1.0, -3.0])?])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_gradient<P: Program>(program: &P, inputs: Vec<Tensor<f64>>) -> Result<CheckReport> {
    let report = GradCheck::new(program, inputs).run()?;
    if report.passed() {
        return Ok(report);
    }
    Err(GradcheckError::Rejected { check: "gradient", report: report.to_string() })
}

pub(super) fn positive(option: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(GradcheckError::Option { option, value, expected: "positive and finite" })
}

/// The program at its base point: anchored, or its smooth twin. A second evaluation there must give the recorded
/// loss to the bit; else the program is not a function of its inputs.
pub(super) fn record<'p, P: Program>(
    program: &'p P,
    inputs: &[Tensor<f64>],
    smooth_twin: bool,
    seed: u64,
) -> Result<AnchoredProgram<'p, P>> {
    let inputs = inputs.to_vec();
    let anchored = match smooth_twin {
        true => AnchoredProgram::smooth_twin(program, inputs, seed)?,
        false => AnchoredProgram::contracted(program, inputs, seed)?,
    };
    let again = anchored.evaluate(&vec![0.0; anchored.dimension()], 0.0)?.loss;
    if again.to_bits() == anchored.loss().to_bits() {
        return Ok(anchored);
    }
    Err(GradcheckError::BasePoint { recorded: anchored.loss(), again })
}

fn rms(values: &[f64]) -> f64 {
    norm(values) / (values.len().max(1) as f64).sqrt()
}
