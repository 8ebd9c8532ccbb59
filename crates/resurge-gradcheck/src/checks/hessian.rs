//! Hessian-vector products of the anchored program, and their check.

use super::adjoint::within;
use super::options::options;
use super::{CheckOptions, Verdict};
use crate::anchored::COMPLEX_STEP;
use crate::directions::random_weights;
use crate::evidence::{dot, largest, norm};
use crate::scales::Scales;
use crate::{AnchoredProgram, GradcheckError, Program, Result};
use rayon::prelude::*;
use resurge_tensor::{Complex, Dual, Tensor};
use serde::Serialize;
use std::fmt;

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
    options: CheckOptions,
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
const RTOL: f64 = 1e-11;

/// How many pairs.
const PAIRS: usize = 4;

options!(HessianCheck {});

impl<P: Program> HessianCheck<'_, P> {
    /// An older word for [`directions`](Self::directions).
    #[doc(hidden)]
    #[must_use]
    pub fn pairs(self, pairs: usize) -> Self {
        self.directions(pairs)
    }

    /// An older word for [`rtol`](Self::rtol).
    #[doc(hidden)]
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        self.rtol(tolerance)
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
        let rtol = self.options.checked(RTOL)?;
        let anchored = self.options.record(self.program, &self.inputs)?;
        let scales = Scales::found(&anchored, 1.0, self.options.seed)?;
        let pairs = self.options.directions.unwrap_or(PAIRS);
        let errors = (0..pairs).into_par_iter().map(|number| self.pair(&anchored, &scales, number));
        let errors: Vec<PairErrors> = errors.collect::<Result<_>>()?;

        let over = |of: fn(&PairErrors) -> f64| largest(errors.iter().map(of));
        let (complex_step, nested_dual, symmetry) =
            (over(|e| e.complex_step), over(|e| e.nested_dual), over(|e| e.symmetry));
        let agree = [complex_step, nested_dual, symmetry].iter().all(|&e| within(e, rtol));
        let verdict = match (agree, errors.iter().any(|e| !e.vanishes)) {
            (false, _) => Verdict::Failed,
            (true, false) => Verdict::Undecided,
            (true, true) => Verdict::Passed,
        };
        Ok(HessianReport { verdict, complex_step, nested_dual, symmetry, pairs })
    }

    fn pair(&self, anchored: &AnchoredProgram<'_, P>, scales: &Scales, number: usize) -> Result<PairErrors> {
        let seed = self.options.seed.wrapping_add(2 * number as u64 + 1);
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
        let beyond = |difference: f64| self.options.beyond(difference);
        Ok(PairErrors {
            complex_step: relative(beyond(norm(&apart)), norm(&of_hv).max(norm(&of_complex))),
            nested_dual: relative(beyond((uhv - nested).abs()), size_v.max(nested.abs())),
            symmetry: relative(beyond((uhv - vhu).abs()), size_v + size_u),
            vanishes: size_v <= self.options.atol && nested.abs() <= self.options.atol,
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

impl fmt::Display for HessianReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.verdict == Verdict::Undecided {
            return f.write_str("the Hessian vanishes: nothing could be compared");
        }
        let Self { complex_step, nested_dual, symmetry, .. } = self;
        write!(
            f,
            "errors {complex_step:.1e} against the complex step, {nested_dual:.1e} against nested dual \
             numbers, {symmetry:.1e} of symmetry"
        )
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
    Err(GradcheckError::Rejected { check: "Hessian", report: report.to_string() })
}
