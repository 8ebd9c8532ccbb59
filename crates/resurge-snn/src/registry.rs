//! The operations of this crate with inputs on which to check them.

use resurge_autodiff::ops::OpCase;

/// Every operation that this crate adds to the tape, for the same checks as
/// [`resurge_autodiff::ops::registry`].
///
/// ```
/// assert!(resurge_snn::registry().iter().any(|case| case.name() == "spike"));
/// ```
pub fn registry() -> Vec<OpCase> {
    [crate::spike::cases(), crate::refractory::cases(), crate::fused::cases()].concat()
}
