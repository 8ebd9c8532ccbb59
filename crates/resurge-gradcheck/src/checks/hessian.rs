//! Hessian-vector products of the anchored program, and their check.

use super::Verdict;
use super::adjoint::within;
use super::base_point::record;
use crate::anchored::COMPLEX_STEP;
use crate::directions::random_weights;
use crate::error::positive;
use crate::evidence::{dot, largest, norm};
use crate::scales::Scales;
use crate::{AnchoredProgram, GradcheckError, Program, Result};
use rayon::prelude::*;
use resurge_tensor::{Complex, Dual, Tensor};
use serde::Serialize;

/// The product `H v` of the Hessian of the anchored loss with a direction: a tape of dual numbers, backward, and
/// the dual parts of the gradient.
///
/// `H` is the Hessian **of the anchored program** (for a program without surrogates, of the program). The
/// anchored program stands for the surrogate gradient at its base point and to first order only, so `H` is *not*
/// the Jacobian of the surrogate gradient as the weights move: spikes that flip then move the anchor, too.
///
/// # Errors
/// [`GradcheckError::Length`] for a direction of another length, and the program's errors.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{AnchoredProgram, Program, ProgramResult, hessian_vector_product};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Cubes;
///
/// impl Program for Cubes {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let cube = tape.powi(inputs[0], 3)?;
///         Ok(tape.sum(cube)?)
///     }
/// }
///
/// let anchored = AnchoredProgram::new(&Cubes, vec![Tensor::from_vec([2], vec![1.0, 2.0])?])?;
/// assert_eq!(hessian_vector_product(&anchored, &[1.0, 0.5])?, [6.0, 6.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hessian_vector_product<P: Program>(
    anchored: &AnchoredProgram<'_, P>,
    direction: &[f64],
) -> Result<Vec<f64>> {
    let inputs = anchored.moved(direction, Dual::new)?;
    let gradient = anchored.gradient_over(anchored.dual_tape(), inputs)?;
    Ok(gradient.into_iter().map(|g| g.eps).collect())
}

/// The same product by the complex step on the reverse gradient.
fn by_complex_step<P: Program>(anchored: &AnchoredProgram<'_, P>, direction: &[f64]) -> Result<Vec<f64>> {
    let inputs = anchored.moved(direction, |x, d| Complex::new(x, COMPLEX_STEP * d))?;
    let gradient = anchored.gradient_over(anchored.complex_tape(), inputs)?;
    Ok(gradient.into_iter().map(|g| g.im / COMPLEX_STEP).collect())
}

/// A check of second derivatives of the anchored program along random `u` and `v`: `H v` by dual numbers over the
/// tape against
///
/// * the complex step of the reverse gradient, entry by entry;
/// * `u' H v` by dual numbers nested in dual numbers, which never runs a backward pass;
/// * symmetry, `<u, H v> = <v, H u>`.
///
/// `H` is that of the anchored program; see [`hessian_vector_product`] for what it is not.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{HessianCheck, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
///
/// struct Waves;
///
/// impl Program for Waves {
///     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
///         let sine = tape.sin(inputs[0])?;
///         let product = tape.mul(sine, inputs[1])?;
///         Ok(tape.sum(product)?)
///     }
/// }
///
/// let at = vec![Tensor::full([3], 0.3)?, Tensor::full([3], 2.0)?];
/// assert!(HessianCheck::new(&Waves, at).run()?.passed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HessianCheck<'p, P> {
    program: &'p P,
    inputs: Vec<Tensor<f64>>,
    pairs: usize,
    tolerance: f64,
    seed: u64,
    smooth_twin: bool,
}

/// The result of a [`HessianCheck`]: the largest errors over the pairs of directions.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{HessianReport, Program, ProgramResult, Verdict, check_hessian};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report: HessianReport = check_hessian(&Sine, at)?; // the sum of sin x
/// assert_eq!(report.verdict, Verdict::Passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HessianReport {
    /// The outcome; [`Verdict::Undecided`] where the Hessian vanishes along every direction.
    pub verdict: Verdict,
    /// `|H v - H v by the complex step| / |H v|`.
    pub complex_step: f64,
    /// `|u' H v - u' H v by nested dual numbers|`, relative to the sum of the terms' sizes.
    pub nested_dual: f64,
    /// `|<u, H v> - <v, H u>|`, relative to the sum of the terms' sizes.
    pub symmetry: f64,
    /// How many pairs of directions there were.
    pub pairs: usize,
}

/// Rounding alone separates the means, but second derivatives of steep surrogates are sums with much
/// cancellation: 1e-14 is typical, a few 1e-13 the most that was seen for networks of 20 steps.
const TOLERANCE: f64 = 1e-11;

impl<'p, P: Program> HessianCheck<'p, P> {
    /// A check with 4 pairs of directions at `inputs`.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{HessianCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = HessianCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(program: &'p P, inputs: Vec<Tensor<f64>>) -> Self {
        Self { program, inputs, pairs: 4, tolerance: TOLERANCE, seed: 0, smooth_twin: false }
    }

    /// The number of pairs of directions.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{HessianCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = HessianCheck::new(&Sine, at).pairs(3).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// assert_eq!(report.pairs, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn pairs(self, pairs: usize) -> Self {
        Self { pairs, ..self }
    }

    /// The largest error with which it passes: 1e-11 unless told otherwise.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{HessianCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = HessianCheck::new(&Sine, at).tolerance(1e-12).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Draws the directions, and the cotangent of an output of several entries.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{HessianCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = HessianCheck::new(&Sine, at).seed(7).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Checks the smooth twin; see [`AnchoredProgram::smooth_twin`].
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{HessianCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = HessianCheck::new(&Sine, at).smooth_twin().run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn smooth_twin(self) -> Self {
        Self { smooth_twin: true, ..self }
    }

    /// Runs the check.
    ///
    /// # Errors
    /// [`GradcheckError::Option`] for a tolerance that is not positive, [`GradcheckError::BasePoint`] for a
    /// program that is not a function of its inputs, and those of [`AnchoredProgram::contracted`].
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{HessianCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let report = HessianCheck::new(&Sine, at).run()?; // the sum of sin x
    /// assert!(report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(&self) -> Result<HessianReport> {
        positive("tolerance", self.tolerance)?;
        let anchored = record(self.program, &self.inputs, self.smooth_twin, self.seed)?;
        let scales = Scales::found(&anchored, 1.0, self.seed)?;
        let errors = (0..self.pairs).into_par_iter().map(|number| self.pair(&anchored, &scales, number));
        let errors: Vec<PairErrors> = errors.collect::<Result<_>>()?;

        let over = |of: fn(&PairErrors) -> f64| largest(errors.iter().map(of));
        let (complex_step, nested_dual, symmetry) =
            (over(|e| e.complex_step), over(|e| e.nested_dual), over(|e| e.symmetry));
        let agree = [complex_step, nested_dual, symmetry].iter().all(|&e| within(e, self.tolerance));
        let verdict = match (agree, errors.iter().any(|e| !e.vanishes)) {
            (false, _) => Verdict::Failed,
            (true, false) => Verdict::Undecided,
            (true, true) => Verdict::Passed,
        };
        Ok(HessianReport { verdict, complex_step, nested_dual, symmetry, pairs: self.pairs })
    }

    fn pair(&self, anchored: &AnchoredProgram<'_, P>, scales: &Scales, number: usize) -> Result<PairErrors> {
        let seed = self.seed.wrapping_add(2 * number as u64 + 1);
        let n = anchored.dimension();
        let (u, v) = (random_weights(n, seed), random_weights(n, seed.wrapping_add(1)));
        let (u, v) = (scales.times(&u), scales.times(&v));
        let (hu, hv) = (hessian_vector_product(anchored, &u)?, hessian_vector_product(anchored, &v)?);
        let complex = by_complex_step(anchored, &v)?;
        let (of_hv, of_complex) = (scales.times(&hv), scales.times(&complex));
        let apart: Vec<f64> = of_hv.iter().zip(&of_complex).map(|(a, b)| a - b).collect();
        let terms = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x * y).abs()).sum::<f64>();
        let (uhv, vhu) = (dot(&u, &hv), dot(&v, &hu));
        let nested = anchored.nested(&u, &v)?.eps.eps;
        let (size_v, size_u) = (terms(&u, &hv), terms(&v, &hu));
        Ok(PairErrors {
            complex_step: relative(norm(&apart), norm(&of_hv).max(norm(&of_complex))),
            nested_dual: relative((uhv - nested).abs(), size_v.max(nested.abs())),
            symmetry: relative((uhv - vhu).abs(), size_v + size_u),
            vanishes: size_v == 0.0 && nested == 0.0,
        })
    }
}

struct PairErrors {
    complex_step: f64,
    nested_dual: f64,
    symmetry: f64,
    vanishes: bool,
}

fn relative(difference: f64, size: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference / size }
}

impl HessianReport {
    /// Whether all means agree.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{Program, ProgramResult, check_hessian};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// assert!(check_hessian(&Sine, at)?.passed()); // the sum of sin x
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }
}

/// Checks second derivatives with all options at their defaults, and returns an error that says what is wrong.
///
/// # Errors
/// [`GradcheckError::Rejected`] unless it passes, and those of [`HessianCheck::run`].
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{Program, ProgramResult, check_hessian};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let report = check_hessian(&Sine, at)?; // the sum of sin x
/// assert!(report.passed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_hessian<P: Program>(program: &P, inputs: Vec<Tensor<f64>>) -> Result<HessianReport> {
    let report = HessianCheck::new(program, inputs).run()?;
    if report.passed() {
        return Ok(report);
    }
    let HessianReport { complex_step, nested_dual, symmetry, .. } = report;
    let what = match report.verdict {
        Verdict::Undecided => "the Hessian vanishes: nothing could be compared".to_owned(),
        _ => format!(
            "errors {complex_step:.1e} against the complex step, {nested_dual:.1e} against nested dual numbers, \
             {symmetry:.1e} of symmetry"
        ),
    };
    Err(GradcheckError::Rejected { check: "Hessian", report: what })
}
