//! Which program a tape evaluates: the spiking one, its smooth twin, or the one anchored at a record.

use crate::{Result, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::SmallVec;
use std::sync::Arc;

/// What a tape evaluates where an operation's gradient is a surrogate.
///
/// The choice is made once, when the tape is made; the program does not know of it.
///
/// ```
/// use resurge_autodiff::{SpikeMode, Tape};
/// use resurge_tensor::Tensor;
///
/// // The smooth twin of a detached value is the value itself.
/// let mut tape = Tape::with_mode(SpikeMode::Smooth);
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let held = tape.detach(x)?;
/// assert_eq!(tape.value(held)?.item(), Some(3.0));
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub enum SpikeMode<S> {
    /// The real forward pass, used for training: spikes are 0 or 1.
    #[default]
    Heaviside,
    /// The smooth twin: the surrogate's primitive in place of every step function. Its gradient is the exact
    /// derivative of its value, at activities that no spiking network takes.
    Smooth,
    /// The anchored program: at the recorded point every value equals the real forward pass to the bit, and
    /// its exact derivative there is the surrogate gradient. Equations (7) and (8).
    Anchored(Arc<AnchorRecord<S>>),
}

/// The inputs and the output of a surrogate operation in the run that was recorded.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// tape.detach(x)?;
/// let record = tape.anchors();
/// let anchor = record.iter().next().ok_or("a detached value has an anchor")?;
/// assert_eq!((anchor.inputs[0].item(), anchor.output.item()), (Some(3.0), Some(3.0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor<S> {
    /// The operation's name.
    pub op: &'static str,
    /// The values of its inputs.
    pub inputs: SmallVec<[Tensor<S>; 1]>,
    /// Its value.
    pub output: Tensor<S>,
}

/// The surrogate operations of one real forward pass, in the order in which they ran.
///
/// Made by [`Tape::anchors`](crate::Tape::anchors), used by [`Tape::anchored`](crate::Tape::anchored).
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(3.0));
/// let held = tape.detach(x)?;
/// tape.scale_grad(held, 0.5)?;
/// tape.exp(x)?; // no surrogate operation
/// assert_eq!(tape.anchors().len(), 2);
/// # Ok::<(), resurge_autodiff::AutodiffError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnchorRecord<S> {
    pub(crate) anchors: Vec<Anchor<S>>,
}

impl<S: Scalar> AnchorRecord<S> {
    /// The number of surrogate operations.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    ///
    /// assert_eq!(Tape::<f64>::new().anchors().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether the program has no surrogate operation, so that it is differentiable as it stands.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    ///
    /// assert!(Tape::<f64>::new().anchors().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The anchors in order.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.detach(x)?;
    /// assert!(tape.anchors().iter().all(|anchor| anchor.inputs[0] == anchor.output));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &Anchor<S>> {
        self.anchors.iter()
    }

    /// The same record over another scalar, for evaluating the anchored program there.
    ///
    /// ```
    /// use resurge_autodiff::{AnchorRecord, Tape};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.detach(x)?;
    /// let record: AnchorRecord<f32> = tape.anchors().cast();
    /// assert!(record.iter().all(|anchor| anchor.output.item() == Some(3.0_f32)));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn cast<R: Scalar>(&self) -> AnchorRecord<R> {
        AnchorRecord { anchors: self.anchors.iter().map(Anchor::cast).collect() }
    }
}

impl<S: Scalar> Anchor<S> {
    /// The input of an operation that takes one.
    ///
    /// # Errors
    /// [`AutodiffError::InputCount`](crate::AutodiffError::InputCount) for an anchor of another number of inputs.
    ///
    /// ```
    /// use resurge_autodiff::Anchor;
    /// use resurge_tensor::Tensor;
    ///
    /// let inputs = [Tensor::scalar(-3.0)].into_iter().collect();
    /// let anchor = Anchor { op: "abs", inputs, output: Tensor::scalar(3.0) };
    /// assert_eq!(anchor.input()?.as_slice(), &[-3.0]);
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn input(&self) -> Result<&Tensor<S>> {
        let [input] = expect_inputs(self.op, &self.inputs.iter().collect::<SmallVec<[_; 1]>>())?;
        Ok(input)
    }

    /// The same anchor over another scalar.
    ///
    /// ```
    /// use resurge_autodiff::{AnchorRecord, Tape};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::new();
    /// let x = tape.leaf(Tensor::scalar(3.0));
    /// tape.detach(x)?;
    /// let record: AnchorRecord<f32> = tape.anchors().cast();
    /// assert!(record.iter().all(|anchor| anchor.output.item() == Some(3.0_f32)));
    /// # Ok::<(), resurge_autodiff::AutodiffError>(())
    /// ```
    pub fn cast<R: Scalar>(&self) -> Anchor<R> {
        let inputs = self.inputs.iter().map(Tensor::cast).collect();
        Anchor { op: self.op, inputs, output: self.output.cast() }
    }
}
