//! What can be wrong with a tensor operation.

use crate::{Shape, Window2d};

/// A tensor operation that cannot be carried out. Every variant names the operation and the shapes.
///
/// ```
/// use resurge_tensor::{Tensor, TensorError};
///
/// let error = Tensor::from_vec([2], vec![1.0]).unwrap_err();
/// assert!(matches!(error, TensorError::ElementCount { .. }), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The number of values differs from the number of elements of the shape.
    #[error("a tensor of shape {shape} has {expected} elements but {actual} values were given")]
    ElementCount {
        /// The shape asked for.
        shape: Shape,
        /// How many elements it has.
        expected: usize,
        /// How many values were given.
        actual: usize,
    },
    /// The shape has more elements than this machine can address.
    #[error("shape {shape} has too many elements for this machine")]
    TooLarge {
        /// The shape asked for.
        shape: Shape,
    },
    /// Two shapes that do not broadcast against each other.
    #[error(
        "{op}: shapes {left} and {right} do not broadcast; aligned at the right, each pair of axes must be equal or 1"
    )]
    Broadcast {
        /// The operation.
        op: &'static str,
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },
    /// An operand has a shape other than the one that the operation needs.
    #[error("{op}: expected shape {expected}, found {actual}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// The shape that is needed.
        expected: Shape,
        /// The shape that was given.
        actual: Shape,
    },
    /// An operand has the wrong number of axes.
    #[error("{op}: needs a tensor of {expected} axes, found shape {actual}")]
    Rank {
        /// The operation.
        op: &'static str,
        /// The number of axes that is needed.
        expected: usize,
        /// The shape that was given.
        actual: Shape,
    },
    /// Inner dimensions of a product that differ.
    #[error("matmul: {left} times {right}: the inner dimensions differ")]
    InnerDimension {
        /// Shape of the left operand.
        left: Shape,
        /// Shape of the right operand.
        right: Shape,
    },
    /// An axis, or an index along one, that does not exist.
    #[error("{op}: index {index} is out of range for shape {shape}, which has {bound} there")]
    OutOfRange {
        /// The operation.
        op: &'static str,
        /// The index asked for.
        index: usize,
        /// How many there are.
        bound: usize,
        /// The shape that was given.
        shape: Shape,
    },
    /// A list of tensors that was empty where at least one is needed.
    #[error("{op}: needs at least one tensor")]
    Empty {
        /// The operation.
        op: &'static str,
    },
    /// A permutation of axes in which an axis is missing or occurs twice.
    #[error("permute: {axes:?} is not a permutation of the axes of shape {shape}")]
    Permutation {
        /// The axes as given.
        axes: Vec<usize>,
        /// The shape that was given.
        shape: Shape,
    },
    /// A window that does not fit the images it is to slide over.
    #[error("{op}: a window of {window} does not suit images of {} rows and {} columns: {expected}", image[0], image[1])]
    Window {
        /// The operation.
        op: &'static str,
        /// The window.
        window: Window2d,
        /// The extents of an image, `[H, W]`.
        image: [usize; 2],
        /// What must hold.
        expected: &'static str,
    },
    /// Channels of a convolution's input that do not fit its weight.
    #[error(
        "{op}: {channels} input channels do not fit a weight {weight} in {groups} groups; the weight must be \
         [O, C/groups, kh, kw] for C input channels, and both C and O multiples of groups, which is at least 1"
    )]
    Channels {
        /// The operation.
        op: &'static str,
        /// The channels of the input, C.
        channels: usize,
        /// The number of groups.
        groups: usize,
        /// Shape of the weight.
        weight: Shape,
    },
}

#[cfg(test)]
mod tests;
