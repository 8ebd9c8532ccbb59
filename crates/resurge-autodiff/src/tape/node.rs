//! A tape's nodes, and the handles to them.

use crate::{Op, Saved};
use resurge_tensor::{Scalar, Tensor};
use smallvec::SmallVec;

/// A handle to a node of a tape.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x: Var = tape.leaf(Tensor::scalar(3.0));
/// let same = x; // a small copyable handle
/// assert_eq!(tape.value(same)?.item(), Some(3.0));
/// assert!(Tape::<f64>::new().value(x).is_err()); // of another tape
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Var {
    pub(crate) tape: u64,
    pub(crate) index: usize,
}

/// A node of a tape: a leaf, a constant, or the result of an operation.
///
/// ```
/// use resurge_autodiff::{Node, Tape};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(0.0));
/// tape.exp(x)?;
/// let node: &Node<f64> = &tape.nodes()[1];
/// assert_eq!((node.name(), node.parents(), node.value().item()), ("exp", &[0][..], Some(1.0)));
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug)]
pub struct Node<S: Scalar> {
    pub(crate) op: Option<Box<dyn Op<S>>>,
    pub(crate) parents: SmallVec<[usize; 3]>,
    pub(crate) value: Tensor<S>,
    pub(crate) saved: Saved,
    pub(crate) needs_gradient: bool,
    pub(crate) label: Option<(&'static str, Option<usize>)>,
}

impl<S: Scalar> Node<S> {
    /// The operation's name, or "leaf" or "constant".
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// tape.leaf(Tensor::scalar(0.0));
    /// tape.constant(Tensor::scalar(0.0));
    /// assert_eq!([tape.nodes()[0].name(), tape.nodes()[1].name()], ["leaf", "constant"]);
    /// ```
    pub fn name(&self) -> &'static str {
        match &self.op {
            Some(op) => op.name(),
            None if self.needs_gradient => "leaf",
            None => "constant",
        }
    }

    /// The operation, unless this is a leaf or a constant.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.detach(x)?;
    /// assert!(tape.nodes()[0].op().is_none());
    /// assert!(tape.nodes()[1].op().is_some_and(|op| op.is_surrogate()));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn op(&self) -> Option<&dyn Op<S>> {
        self.op.as_deref()
    }

    /// The positions of the inputs on the tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.mul(x, x)?;
    /// assert_eq!(tape.nodes()[1].parents(), &[0, 0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn parents(&self) -> &[usize] {
        &self.parents
    }

    /// The value.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// tape.leaf(Tensor::scalar(3.0));
    /// assert_eq!(tape.nodes()[0].value().item(), Some(3.0));
    /// ```
    pub fn value(&self) -> &Tensor<S> {
        &self.value
    }

    /// The label that [`Tape::label`](crate::Tape::label) gave, such as `u[3]`.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.label(x, "u", Some(2))?;
    /// assert_eq!(tape.nodes()[0].label(), Some("u[2]".into()));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn label(&self) -> Option<String> {
        self.label.map(|(name, step)| match step {
            Some(step) => format!("{name}[{step}]"),
            None => name.to_owned(),
        })
    }
}
