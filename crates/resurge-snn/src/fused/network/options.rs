//! A network with other options.

use super::{EventPath, FusedNetwork, NetworkOutput};
use crate::{Cell, Result};

impl FusedNetwork {
    /// The same network with another output; by default the sequence of traces.
    ///
    /// ```
    /// # use resurge_autodiff::Tape;
    /// # use resurge_snn::{Cell, CellOutput, FusedNetwork, NetworkOutput, SpikeTrain, Surrogate};
    /// # use resurge_tensor::Tensor;
    /// let network = FusedNetwork::new([Cell::lif(Surrogate::atan(2.0)?)])?;
    /// let counting = network.with_output(NetworkOutput::Sum(CellOutput::Spikes));
    /// let input = SpikeTrain::from_tensor(&Tensor::full([10, 1, 3], 1.0_f64)?)?;
    /// let mut tape = Tape::new();
    /// let weight = tape.leaf(Tensor::full([4, 3], 1.0)?);
    /// let counts = counting.run(&mut tape, &input, &[weight.into()])?; // [B, N] in place of [T, B, N]
    /// assert_eq!(tape.value(counts)?.as_slice(), [10.0; 4]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_output(self, output: NetworkOutput) -> Self {
        Self { output, ..self }
    }

    /// The same network whose input passes a trace filter of this decay (per step), as the layers' outputs do.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless it lies in `0..1`.
    ///
    /// ```
    /// use resurge_snn::{Cell, FusedNetwork, Surrogate};
    ///
    /// let network = FusedNetwork::new([Cell::lif(Surrogate::atan(2.0)?)])?;
    /// let error = network.with_input_trace_decay(1.0).unwrap_err();
    /// assert!(error.to_string().contains("input trace decay"));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn with_input_trace_decay(self, decay: f64) -> Result<Self> {
        let within = (0.0..1.0).contains(&decay);
        let input_trace =
            crate::error::check("input trace decay", decay, "at least 0 and less than 1", within)?;
        Ok(Self { input_trace, ..self })
    }

    /// The same network with its products taken on one path.
    ///
    /// ```
    /// # use resurge_autodiff::Tape;
    /// # use resurge_snn::{Cell, EventPath, FusedNetwork, SpikeTrain, Surrogate};
    /// # use resurge_tensor::Tensor;
    /// let network = FusedNetwork::new([Cell::lif(Surrogate::atan(2.0)?)])?;
    /// let input = SpikeTrain::from_tensor(&Tensor::full([5, 1, 2], 1.0_f64)?)?;
    /// let mut tape = Tape::new();
    /// let weight = tape.leaf(Tensor::full([1, 2], 0.5)?);
    /// let [events, dense] = [EventPath::Events, EventPath::Dense]
    ///     .map(|path| network.clone().with_path(path).run(&mut tape, &input, &[weight.into()]));
    /// assert_eq!(tape.value(events?)?, tape.value(dense?)?);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_path(self, path: EventPath) -> Self {
        Self { path, ..self }
    }

    /// The same network that keeps, for the backward pass, its state after every `steps` steps alone, and runs the
    /// steps between once more: with `steps` near the square root of T, memory grows as that root, at the price of a
    /// second forward pass. 0 and 1 keep every state; none are kept where `steps` is T or more.
    ///
    /// ```
    /// # use resurge_autodiff::Tape;
    /// # use resurge_snn::{Cell, FusedNetwork, SpikeTrain, Surrogate};
    /// # use resurge_tensor::Tensor;
    /// let network = FusedNetwork::new([Cell::lif(Surrogate::atan(2.0)?)])?;
    /// let input = SpikeTrain::from_tensor(&Tensor::full([9, 1, 2], 1.0_f64)?)?;
    /// let mut gradients = Vec::new();
    /// for network in [network.clone(), network.with_checkpoints(3)] {
    ///     let mut tape = Tape::new();
    ///     let weight = tape.leaf(Tensor::full([1, 2], 0.3)?);
    ///     let output = network.run(&mut tape, &input, &[weight.into()])?;
    ///     let sum = tape.sum(output)?;
    ///     gradients.push(tape.backward(sum)?.wrt(weight)?.clone());
    /// }
    /// assert_eq!(gradients[0], gradients[1]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    #[must_use]
    pub fn with_checkpoints(self, steps: usize) -> Self {
        Self { segment: Some(steps.max(1)), ..self }
    }

    /// The cells.
    ///
    /// ```
    /// use resurge_snn::{Cell, FusedNetwork, Surrogate};
    ///
    /// let cell = Cell::lif(Surrogate::atan(2.0)?);
    /// assert_eq!(FusedNetwork::new([cell, cell])?.cells(), [cell, cell]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }
}
