//! The operations of this crate with inputs on which to check them.

use resurge_autodiff::ops::OpCase;

/// Every operation that this crate adds to the tape, for the same checks as
/// [`resurge_autodiff::ops::registry`].
pub fn registry() -> Vec<OpCase> {
    crate::spike::cases()
}
