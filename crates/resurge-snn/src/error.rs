//! What can be wrong with a spiking network.

use resurge_autodiff::AutodiffError;
use resurge_tensor::{Shape, TensorError};

/// A cell, layer, loss, encoder or optimiser that cannot be built or run.
///
/// ```
/// use resurge_snn::{SnnError, Surrogate};
///
/// let error = Surrogate::sigmoid(-1.0).unwrap_err();
/// assert!(matches!(error, SnnError::Parameter { .. }), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SnnError {
    /// An operation on the tape failed.
    #[error(transparent)]
    Autodiff(#[from] AutodiffError),
    /// The shapes do not fit.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A parameter is outside its domain.
    #[error("{parameter} is {value}, but must be {expected}")]
    Parameter {
        /// The parameter's name.
        parameter: &'static str,
        /// The value given.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// A text is no form of what it should be.
    #[error("{what} is \"{text}\"; it must be {expected}")]
    Form {
        /// What it should be.
        what: &'static str,
        /// What was found.
        text: String,
        /// What may be written.
        expected: String,
    },
    /// A sequence that does not have the axes `[T, B, features...]`, or has no time step.
    #[error("{what}: expected a sequence [T, B, features...] of at least one time step, found shape {shape}")]
    Sequence {
        /// What received it.
        what: &'static str,
        /// The shape found.
        shape: Shape,
    },
    /// A value that has other axes than it needs.
    #[error("{what}: expected axes {expected}, found shape {shape}; reshape or flatten it first")]
    Axes {
        /// What received it.
        what: &'static str,
        /// The axes that it needs.
        expected: &'static str,
        /// The shape found.
        shape: Shape,
    },
    /// A cell with an option that the fused recurrence does not have.
    #[error("a cell with {option} has no fused form; run it step by step with Cell::run")]
    NotFused {
        /// The option.
        option: &'static str,
    },
    /// A value other than 0 and 1 where spikes are expected.
    #[error("entry {index} is {value}, but spikes are 0 or 1; use a dense layer for graded values")]
    NotASpike {
        /// The row-major position.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// More or fewer layers than cells.
    #[error(
        "{actual} layers of parameters for {expected} cells; give one weight, with its bias if any, per cell"
    )]
    LayerCount {
        /// The number of cells.
        expected: usize,
        /// How many layers were given.
        actual: usize,
    },
    /// Layers that do not fit one another.
    #[error("layer {layer} of a fused network: {what} has shape {actual}, but {expected} is needed")]
    Layer {
        /// The position of the layer, from 0.
        layer: usize,
        /// "the weight" or "the bias".
        what: &'static str,
        /// The shape found.
        actual: Shape,
        /// The shape needed.
        expected: Shape,
    },
    /// Statistics over too few values.
    #[error(
        "batch norm: {samples} values per channel have no variance; give more steps or a larger batch, or use \
         the running statistics"
    )]
    TooFewSamples {
        /// The number of values per channel.
        samples: usize,
    },
    /// Something given once a step, but not for each step of the sequence.
    #[error("{actual} {what} for a sequence of {expected} steps; give one for each step")]
    StepCount {
        /// What was given.
        what: &'static str,
        /// The number of steps.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// An input that holds an infinity or a not-a-number.
    #[error("{what}: the input is not finite; clean the data first")]
    NonFinite {
        /// What received it.
        what: &'static str,
    },
    /// Class targets whose number is not the batch size.
    #[error("{actual} class targets for a batch of {expected}; give one class per sample")]
    ClassCount {
        /// The batch size.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// A class target beyond the number of classes.
    #[error("sample {sample} is of class {class}, but there are {count} classes, counted from 0")]
    Class {
        /// The position of the sample in the batch.
        sample: usize,
        /// Its class.
        class: usize,
        /// The number of classes.
        count: usize,
    },
    /// Gradients whose number is not that of the parameters.
    #[error(
        "{gradients} gradients for {parameters} parameters; give one gradient per parameter, in the same order"
    )]
    GradientCount {
        /// The number of parameters.
        parameters: usize,
        /// The number of gradients.
        gradients: usize,
    },
    /// A gradient of another shape than its parameter.
    #[error("parameter {parameter} has shape {expected}, but its gradient has shape {actual}")]
    GradientShape {
        /// The position of the parameter.
        parameter: usize,
        /// Its shape.
        expected: Shape,
        /// The gradient's shape.
        actual: Shape,
    },
    /// A gradient that holds an infinity or a not-a-number.
    #[error(
        "the gradient of parameter {parameter} is not finite; lower the learning rate or clip the gradients, and \
         look for an overflow in the forward pass"
    )]
    NonFiniteGradient {
        /// The position of the parameter.
        parameter: usize,
    },
    /// An optimiser whose state belongs to other parameters.
    #[error(
        "the optimiser's state was made for parameters of another number or other shapes; use one optimiser per \
         set of parameters, or restore the state that belongs to these"
    )]
    OptimiserState,
    /// Parameters whose number is not the one that the network has.
    #[error(
        "the network has {expected} parameter tensors (weight and bias of each layer), {actual} were given"
    )]
    ParameterCount {
        /// How many it has.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// A name that no convention has.
    #[error("no convention is called \"{name}\"; take a framework ({frameworks}) or one of: {names}")]
    UnknownConvention {
        /// The name given.
        name: String,
        /// The frameworks' names.
        frameworks: String,
        /// The names of all conventions.
        names: String,
    },
    /// A setting of a framework that it does not have itself, or that no [`Cell`](crate::Cell) expresses.
    #[error("{framework}: {setting}; {remedy}")]
    Convention {
        /// The framework.
        framework: &'static str,
        /// What cannot be had.
        setting: &'static str,
        /// What to take instead.
        remedy: &'static str,
    },
    /// A residual reset with another reset than [`Reset::SUBTRACT_THEN_DECAY`](crate::Reset::SUBTRACT_THEN_DECAY).
    #[error(
        "a residual reset with the reset \"{reset}\": what one spike leaves above the threshold is defined for \
         \"subtract-then-decay\" alone; choose Reset::SUBTRACT_THEN_DECAY, or switch the residual reset off"
    )]
    ResidualReset {
        /// The name of the cell's reset.
        reset: &'static str,
    },
    /// A network without layers.
    #[error("a network needs at least two sizes, input and output; {0} given")]
    TooFewSizes(usize),
}

/// Checks a parameter against its domain.
pub(crate) fn check(
    parameter: &'static str,
    value: f64,
    expected: &'static str,
    holds: bool,
) -> Result<f64, SnnError> {
    if holds && value.is_finite() {
        Ok(value)
    } else {
        Err(SnnError::Parameter { parameter, value, expected })
    }
}

#[cfg(test)]
mod tests;
