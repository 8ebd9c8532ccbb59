//! An explicit tape for reverse-mode differentiation.
//!
//! A [`Tape`] owns the nodes of one program run; a [`Var`] is a copyable handle to a node. Every operation is
//! visible: it can be listed, printed and drawn ([`Tape::to_dot`]). [`Tape::backward`] returns [`Gradients`]
//! and changes nothing. There is no global state and no hidden gradient mode.
//!
//! ```
//! use resurge_autodiff::Tape;
//! use resurge_tensor::Tensor;
//!
//! let mut tape = Tape::new();
//! let w = tape.leaf(Tensor::from_vec([3], vec![1.0, 2.0, 3.0])?);
//! let square = tape.mul(w, w)?;
//! let loss = tape.sum(square)?;
//! let gradients = tape.backward(loss)?;
//! assert_eq!(gradients.wrt(w)?.as_slice(), &[2.0, 4.0, 6.0]);
//! # Ok::<(), resurge_autodiff::AutodiffError>(())
//! ```
//!
//! # Surrogate operations
//! A spike's gradient is not the derivative of its value, nor is that of [`Tape::detach`] or
//! [`Tape::scale_grad`]. Such an operation says what differentiable program it stands for
//! ([`Op::anchored`]), and a tape can evaluate that program instead: see [`SpikeMode`].
#![forbid(unsafe_code)]

mod anchor;
mod dot;
mod error;
mod gradients;
mod op;
pub mod ops;
mod tape;

pub use anchor::{Anchor, AnchorRecord, SpikeMode};
pub use error::AutodiffError;
pub use gradients::Gradients;
pub use op::{Contribution, Contributions, Op, OpMode, Saved, Vjp, expect_inputs};
/// Makes [`Contributions`], so that an operation of one's own needs no dependency for it.
pub use smallvec::smallvec;
pub use tape::{Node, NonFinite, Tape, Var};

/// The result of building or differentiating a program.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_tensor::Tensor;
///
/// fn one(tape: &mut Tape<f64>) -> resurge_autodiff::Result<f64> {
///     let x = tape.leaf(Tensor::scalar(0.0));
///     let y = tape.exp(x)?;
///     Ok(tape.value(y)?.sum())
/// }
/// assert_eq!(one(&mut Tape::new())?, 1.0);
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
pub type Result<T> = std::result::Result<T, AutodiffError>;
