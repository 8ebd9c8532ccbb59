//! What an operation on the tape is.

use crate::{Anchor, AutodiffError, Result};
use resurge_tensor::{Scalar, Tensor};
use smallvec::SmallVec;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// A differentiable operation: a value and a vector-Jacobian product.
///
/// Implement it for every scalar (`impl<S: Scalar> Op<S> for MyOp`), so that one definition serves training,
/// finite differences, the complex step and dual numbers, and apply it with [`Tape::apply`](crate::Tape::apply).
///
/// ```
/// use resurge_autodiff::{Contributions, Op, Result, Tape, Vjp};
/// use resurge_tensor::{Scalar, Tensor};
/// use smallvec::smallvec;
///
/// #[derive(Debug)]
/// struct Cube;
///
/// impl<S: Scalar> Op<S> for Cube {
///     fn name(&self) -> &'static str {
///         "cube"
///     }
///     fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
///         Ok(inputs[0].map(|x| x * x * x))
///     }
///     fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>> {
///         let slope = at.inputs[0].map(|x| S::from_f64(3.0) * x * x);
///         Ok(smallvec![Some(at.cotangent.mul(&slope)?.into())])
///     }
/// }
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(2.0));
/// let y = tape.apply(Cube, &[x])?;
/// assert_eq!(tape.backward(y)?.wrt(x)?.item(), Some(12.0));
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
pub trait Op<S: Scalar>: Debug + Send + Sync {
    /// The name of the operation, as it appears in listings and errors.
    fn name(&self) -> &'static str;

    /// The value.
    ///
    /// # Errors
    /// Where the inputs' shapes do not fit.
    fn forward(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>>;

    /// What the cotangent of the output contributes to that of each input: the transposed Jacobian times the
    /// cotangent, without complex conjugation. One entry an input; `None` where nothing flows. Entries for
    /// which [`Vjp::needs`] is false may be left out.
    ///
    /// # Errors
    /// Where the cotangent does not have the output's shape.
    fn vjp(&self, at: &Vjp<'_, S>) -> Result<Contributions<S>>;

    /// Whether [`vjp`](Op::vjp) is on purpose not the transposed Jacobian of [`forward`](Op::forward).
    fn is_surrogate(&self) -> bool {
        false
    }

    /// Whether no gradient flows through, whatever the inputs.
    fn stops_gradient(&self) -> bool {
        false
    }

    /// The value in the smooth twin, a program of which `vjp` is the true derivative everywhere.
    ///
    /// # Errors
    /// As [`forward`](Op::forward).
    fn smooth(&self, inputs: &[&Tensor<S>]) -> Result<Tensor<S>> {
        self.forward(inputs)
    }

    /// The value in the anchored program: a differentiable function of the inputs that equals the recorded
    /// output, to the bit, at the recorded inputs, and whose derivative there is what `vjp` transposes.
    /// Equations (7) and (8) of the derivation are the cases of a spike and of a scaled reset path.
    ///
    /// # Errors
    /// As [`forward`](Op::forward).
    fn anchored(&self, inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> Result<Tensor<S>> {
        let _ = anchor;
        self.forward(inputs)
    }

    /// The value in the program that `at` names, with what the operation wants to keep for its own vector-Jacobian
    /// product. An operation of many steps overrides this, so that [`vjp`](Op::vjp) need not run them again; most
    /// leave it as it is.
    ///
    /// # Errors
    /// As [`forward`](Op::forward).
    fn evaluate(&self, inputs: &[&Tensor<S>], at: OpMode<'_, S>) -> Result<(Tensor<S>, Saved)> {
        let value = match at {
            OpMode::Real => self.forward(inputs)?,
            OpMode::Smooth => self.smooth(inputs)?,
            OpMode::Anchored(anchor) => self.anchored(inputs, anchor)?,
        };
        Ok((value, Saved::default()))
    }

    /// Appends, for each decision that the value depends on, which piece of the function was taken. Two
    /// evaluations with equal lists lie on one smooth piece. Smooth operations append nothing. A choice among
    /// more than 128 alternatives, such as the position of a maximum, is appended as its digits to base 128, the
    /// least first, as many of them as the largest choice has.
    fn pieces(&self, inputs: &[&Tensor<S>], pieces: &mut Vec<i8>) {
        let _ = (inputs, pieces);
    }

    /// Parameters to show beside the name, such as a factor.
    fn detail(&self) -> Option<String> {
        None
    }
}

/// Which program an operation is evaluated in; see [`SpikeMode`](crate::SpikeMode).
///
/// ```
/// use resurge_autodiff::OpMode;
/// use resurge_autodiff::ops::registry;
/// use resurge_tensor::Tensor;
///
/// let op = registry().into_iter().find(|case| case.name() == "detach").unwrap().op;
/// let x = Tensor::scalar(3.0);
/// let (value, _) = op.evaluate(&[&x], OpMode::Smooth)?;
/// assert_eq!(value.item(), Some(3.0));
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub enum OpMode<'a, S> {
    /// The real forward pass: [`Op::forward`].
    Real,
    /// The smooth twin: [`Op::smooth`].
    Smooth,
    /// The anchored program: [`Op::anchored`].
    Anchored(&'a Anchor<S>),
}

/// What an operation keeps from its evaluation.
///
/// ```
/// use resurge_autodiff::Saved;
///
/// assert!(Saved::default().state.is_none()); // most operations keep nothing
/// ```
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// Anything its vector-Jacobian product can use; see [`Vjp::saved`].
    pub state: Option<Arc<dyn Any + Send + Sync>>,
    /// The pieces on which its decisions fell, where [`Op::pieces`], which sees the inputs alone, cannot tell.
    pub pieces: Option<Vec<i8>>,
}

/// The inputs of an operation that takes `N` of them, for its [`forward`](Op::forward) and its [`vjp`](Op::vjp): a tape
/// gives an operation the inputs that it was applied to, whatever their number.
///
/// # Errors
/// [`AutodiffError::InputCount`] for another number.
///
/// ```
/// use resurge_autodiff::expect_inputs;
/// use resurge_tensor::Tensor;
///
/// let x = Tensor::scalar(2.0);
/// let [a, b] = expect_inputs("add", &[&x, &x])?;
/// assert_eq!(a, b);
/// let error = expect_inputs::<f64, 2>("add", &[&x]).unwrap_err();
/// assert_eq!(error.to_string(), "add: 1 inputs were given, but it takes 2");
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
pub fn expect_inputs<'a, S, const N: usize>(
    op: &'static str,
    inputs: &[&'a Tensor<S>],
) -> Result<[&'a Tensor<S>; N]> {
    inputs.try_into().map_err(|_| AutodiffError::InputCount { op, expected: N, actual: inputs.len() })
}

/// Appends a choice among so many alternatives to the list of pieces; see [`Op::pieces`].
pub(crate) fn push_choice(pieces: &mut Vec<i8>, choice: usize, alternatives: usize) {
    let largest = alternatives.saturating_sub(1);
    for place in 0..=largest.checked_ilog(128).unwrap_or(0) {
        pieces.push((choice / 128_usize.pow(place) % 128) as i8);
    }
}

/// Where a vector-Jacobian product is taken.
///
/// ```
/// use resurge_autodiff::Vjp;
/// use resurge_autodiff::ops::registry;
/// use resurge_tensor::Tensor;
///
/// let op = registry().into_iter().find(|case| case.name() == "exp").unwrap().op;
/// let x = Tensor::scalar(0.0);
/// let y = op.forward(&[&x])?;
/// let contributions = op.vjp(&Vjp::new(&[&x], &y, &Tensor::scalar(2.0)))?;
/// assert_eq!(contributions[0], Some(Tensor::scalar(2.0).into())); // 2 e^0
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug)]
pub struct Vjp<'a, S> {
    /// The values of the inputs.
    pub inputs: &'a [&'a Tensor<S>],
    /// The value of the output.
    pub output: &'a Tensor<S>,
    /// The gradient of the loss with respect to the output; the output's shape.
    pub cotangent: &'a Tensor<S>,
    pub(crate) needed: &'a [bool],
    pub(crate) saved: Option<&'a (dyn Any + Send + Sync)>,
}

impl<'a, S> Vjp<'a, S> {
    /// A point at which every input's gradient is needed.
    ///
    /// ```
    /// use resurge_autodiff::Vjp;
    /// use resurge_tensor::Tensor;
    ///
    /// let x = Tensor::scalar(3.0);
    /// let inputs = [&x];
    /// let at = Vjp::new(&inputs, &x, &x);
    /// assert!(at.needs(0) && at.saved::<f64>().is_none());
    /// ```
    pub fn new(inputs: &'a [&'a Tensor<S>], output: &'a Tensor<S>, cotangent: &'a Tensor<S>) -> Self {
        Self { inputs, output, cotangent, needed: &[], saved: None }
    }

    /// What [`Op::evaluate`] saved, if it was a `T`. There is nothing for a point made by [`Vjp::new`], which
    /// stands for the real forward pass.
    ///
    /// ```
    /// use resurge_autodiff::Vjp;
    /// use resurge_tensor::Tensor;
    ///
    /// let x = Tensor::scalar(3.0);
    /// assert!(Vjp::new(&[&x], &x, &x).saved::<Vec<f64>>().is_none());
    /// ```
    pub fn saved<T: Any>(&self) -> Option<&'a T> {
        self.saved?.downcast_ref()
    }

    /// Whether the gradient of an input leads to a leaf. Work for one that does not can be spared.
    ///
    /// ```
    /// use resurge_autodiff::Vjp;
    /// use resurge_tensor::Tensor;
    ///
    /// let x = Tensor::scalar(3.0);
    /// assert!(Vjp::new(&[&x], &x, &x).needs(0));
    /// ```
    pub fn needs(&self, input: usize) -> bool {
        self.needed.get(input).copied().unwrap_or(true)
    }
}

/// What one operation adds to the cotangent of one input.
///
/// ```
/// use resurge_autodiff::Contribution;
/// use resurge_tensor::Tensor;
///
/// let dense: Contribution<f64> = Tensor::scalar(3.0).into();
/// assert_eq!(dense, Contribution::Dense(Tensor::scalar(3.0)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Contribution<S> {
    /// A tensor of the input's shape.
    Dense(Tensor<S>),
    /// Entry `index` along the input's first axis; 0 elsewhere. It keeps the cost of a sequence linear in its
    /// length, where `T` dense tensors of `T` steps each would make it quadratic.
    Step {
        /// The position along the first axis.
        index: usize,
        /// The entry there.
        value: Tensor<S>,
    },
}

impl<S> From<Tensor<S>> for Contribution<S> {
    fn from(tensor: Tensor<S>) -> Self {
        Self::Dense(tensor)
    }
}

/// One contribution an input.
///
/// ```
/// use resurge_autodiff::{Contributions, smallvec};
/// use resurge_tensor::Tensor;
///
/// let of_two_inputs: Contributions<f64> = smallvec![Some(Tensor::scalar(3.0).into()), None];
/// assert_eq!(of_two_inputs.len(), 2);
/// ```
pub type Contributions<S> = SmallVec<[Option<Contribution<S>>; 3]>;

#[cfg(test)]
mod tests {
    use super::push_choice;

    #[test]
    fn a_choice_is_told_apart_from_every_other() {
        let digits = |choice, alternatives| {
            let mut pieces = vec![-1];
            push_choice(&mut pieces, choice, alternatives);
            pieces
        };
        assert_eq!(digits(0, 1), [-1, 0]);
        assert_eq!(digits(127, 128), [-1, 127]);
        assert_eq!(digits(0, 129), [-1, 0, 0]);
        assert_eq!(digits(128, 129), [-1, 0, 1]);
        assert_eq!(digits(127 + 128 * 127, 128 * 128), [-1, 127, 127]);
        assert_eq!(digits(300 + 128 * 128, 128 * 129), [-1, 44, 2, 1]);
    }
}
