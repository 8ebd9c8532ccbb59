//! Is this gradient right? Proofs for programs on the tape, spiking ones included.
//!
//! The surrogate gradient of a spiking network is not the derivative of its loss, which is piecewise constant.
//! It *is* the exact derivative of the anchored program (equations (7) and (8) of `docs/derivation.md`), which
//! has the same value to the bit. [`AnchoredProgram`] evaluates that program for any [`Program`], and
//! [`Evidence`] measures its derivative along chosen directions by finite differences, complex step and dual
//! numbers, to hold a gradient against. [`prove`] does all of it in one call, with one set of bars ([`BARS`]).
//!
//! ```
//! use resurge_autodiff::{Tape, Var};
//! use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
//! use resurge_snn::{Firing, Surrogate, spike};
//! use resurge_tensor::{Scalar, Tensor};
//!
//! struct OneSpike;
//!
//! impl Program for OneSpike {
//!     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
//!         let o = spike(tape, inputs[0], Surrogate::sigmoid(0.2)?, Firing::Above)?;
//!         let weighted = tape.mul(o, inputs[0])?;
//!         Ok(tape.sum(weighted)?)
//!     }
//! }
//!
//! let at = vec![Tensor::from_vec([3], vec![-0.1, 0.05, 0.3])?];
//! let anchored = AnchoredProgram::new(&OneSpike, at)?;
//! let directions = Directions::new(anchored.gradient(), 4, 4, 1);
//! let evidence = Evidence::gather(&anchored, &directions, 0.2)?;
//! let errors = evidence.compare(anchored.gradient())?;
//! assert!(errors.dual < 1e-12 && errors.finite_difference < 1e-8);
//!
//! let wrong: Vec<f64> = anchored.gradient().iter().map(|g| g * (1.0 + 1e-6)).collect();
//! assert!(evidence.compare(&wrong)?.finite_difference > 1e-8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Checks
//! Each takes a program and its inputs, has options as a builder, and is one call with all of them at their
//! defaults:
//!
//! | Check | One call | What it compares |
//! |---|---|---|
//! | [`GradCheck`] | [`check_gradient`] | the Jacobian, every entry or projections, with finite differences |
//! | [`AdjointCheck`] | [`check_adjoint`] | `<J v, w>` by dual numbers with `<v, J' w>` by the tape |
//! | [`TaylorCheck`] | [`check_taylor`] | the slopes of the Taylor remainders with 1, 2 and 3 |
//! | [`FunctionCheck`] | its `run` | a claimed Jacobian of any function with differences of its values |
//! | [`HessianCheck`] | [`check_hessian`] | Hessian-vector products by three means, and their symmetry |
//!
//! All take [`CheckOptions`], with one word for one thing, and call inputs by the names that they are given.
//! `run` returns a report, whatever the outcome; the one-line functions return an error that says what is wrong.
#![forbid(unsafe_code)]

mod anchored;
mod cells;
mod checks;
mod closed_form;
mod convergence;
mod difference;
mod directions;
mod error;
mod evidence;
mod hints;
mod noise;
mod program;
mod prove;
mod reference;
mod report;
mod reset_term;
mod rtrl;
mod scales;
mod stencil;

pub use anchored::{AnchoredProgram, Evaluation};
pub use cells::{
    CELL_BARS, CellCase, CellErrors, CellEvidence, CellExtents, CellNetwork, CellReport, CellVerdict, Probes,
    cell_registry, check_cell,
};
pub use checks::{
    AdjointCheck, AdjointPair, AdjointReport, CheckOptions, CheckReport, FunctionCheck, FunctionValue,
    GradCheck, HessianCheck, HessianReport, Inconclusive, Kink, Mismatch, Place, Reason, TaylorCheck,
    TaylorOrder, TaylorReport, Verdict, check_adjoint, check_gradient, check_hessian, check_taylor,
    hessian_vector_product,
};
pub use closed_form::{ClosedForm, closed_form};
pub use convergence::{Convergence, convergence};
pub use difference::{DifferenceScan, Estimate, one_sided, ridders};
pub use directions::Directions;
pub use error::{GradcheckError, Origin};
pub use evidence::{Evidence, ProjectionErrors};
pub use hints::Hints;
pub use noise::{Noise, ecnoise};
pub use program::{Program, ProgramResult};
pub use prove::{
    BARS, Bars, Independent, Proof, ProofErrors, ProofInput, ProofOptions, SkipReason, Skipped, prove,
};
pub use reference::{Means, Why};
pub use report::{CaseErrors, CaseReport, MissingTerm, Untested};
pub use reset_term::{Case, Setting, TOLERANCES, Tolerances, case_convergence, check_case, check_cases};
pub use rtrl::{Rtrl, rtrl};
pub use stencil::{Scheme, Stencil};

/// The result of a check that could be carried out.
///
/// ```
/// use resurge_gradcheck::Stencil;
///
/// fn derivative() -> resurge_gradcheck::Result<Option<f64>> {
///     Stencil::Second.derivative(0.5, |h| Ok(Some(3.0 * h)))
/// }
/// assert_eq!(derivative()?, Some(3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Result<T> = std::result::Result<T, GradcheckError>;
