//! Which program a tape evaluates: the spiking one, its smooth twin, or the one anchored at a record.

use crate::{Result, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::SmallVec;
use std::sync::Arc;

/// What a tape evaluates where an operation's gradient is a surrogate.
///
/// The choice is made once, when the tape is made; the program does not know of it.
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
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnchorRecord<S> {
    pub(crate) anchors: Vec<Anchor<S>>,
}

impl<S: Scalar> AnchorRecord<S> {
    /// The number of surrogate operations.
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether the program has no surrogate operation, so that it is differentiable as it stands.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The anchors in order.
    pub fn iter(&self) -> impl Iterator<Item = &Anchor<S>> {
        self.anchors.iter()
    }

    /// The same record over another scalar, for evaluating the anchored program there.
    pub fn cast<R: Scalar>(&self) -> AnchorRecord<R> {
        AnchorRecord { anchors: self.anchors.iter().map(Anchor::cast).collect() }
    }
}

impl<S: Scalar> Anchor<S> {
    /// The input of an operation that takes one.
    ///
    /// # Errors
    /// [`AutodiffError::InputCount`] for an anchor of another number of inputs.
    pub fn input(&self) -> Result<&Tensor<S>> {
        let [input] = expect_inputs(self.op, &self.inputs.iter().collect::<SmallVec<[_; 1]>>())?;
        Ok(input)
    }

    /// The same anchor over another scalar.
    pub fn cast<R: Scalar>(&self) -> Anchor<R> {
        let inputs = self.inputs.iter().map(Tensor::cast).collect();
        Anchor { op: self.op, inputs, output: self.output.cast() }
    }
}
