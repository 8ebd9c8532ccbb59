//! The checks, one file each. Every check runs on any [`Program`](crate::Program): a spiking one through its
//! anchored program, a differentiable one as it stands.

mod adjoint;
mod base_point;
mod display;
mod function;
mod hessian;
mod jacobian;
mod locate;
mod options;
mod report;
mod tally;
mod taylor;

pub use adjoint::{AdjointCheck, AdjointPair, AdjointReport, check_adjoint};
pub use function::{FunctionCheck, FunctionValue};
pub use hessian::{HessianCheck, HessianReport, check_hessian, hessian_vector_product};
pub use jacobian::{GradCheck, check_gradient};
pub use options::CheckOptions;
pub use report::{CheckReport, Inconclusive, Kink, Mismatch, Place, Reason, Verdict};
pub use taylor::{TaylorCheck, TaylorOrder, TaylorReport, check_taylor};
