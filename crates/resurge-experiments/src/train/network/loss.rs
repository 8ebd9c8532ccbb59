//! What a network's output is compared with, and what classes are told apart by.

use super::Network;
use crate::train::TrainError;
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Loss, Readout, Reduction, Target, readout};
use resurge_tensor::{Scalar, Tensor};

impl Network {
    /// The loss of an output `[T, B, classes]`, summed over the batch.
    ///
    /// # Errors
    /// [`TrainError::Network`] where the classes do not fit.
    ///
    /// ```
    /// # use resurge_autodiff::Tape;
    /// # use resurge_tensor::Tensor;
    /// # use resurge_experiments::train::{Config, Network, Preset};
    /// let network = Network::new(&Config::preset(Preset::Small), [1, 28, 28], 10)?;
    /// let mut tape = Tape::<f64>::new();
    /// let silent = tape.constant(Tensor::zeros([5, 2, 10])?);
    /// let [of_two, of_one] = [vec![3, 7], vec![3]];
    /// let loss = network.loss(&mut tape, silent, &of_two)?;
    /// assert!(tape.value(loss)?.item().is_some_and(|loss| loss > 0.0)); // the classes' neurons should fire
    /// assert!(network.loss(&mut tape, silent, &of_one).is_err()); // a class is missing
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn loss<S: Scalar>(
        &self,
        tape: &mut Tape<S>,
        output: Var,
        classes: &[usize],
    ) -> Result<Var, TrainError> {
        let batch = tape.value(output)?.shape()[1];
        let target = Target::Classes(classes.to_vec());
        let loss = self.loss.run(tape, output, None, &target, self.trace_decay())?;
        // A batch is cut into parts, whose losses are added.
        Ok(match self.loss {
            Loss::CrossEntropy { reduction, .. } | Loss::Mse { reduction, .. }
                if reduction != Reduction::Sum =>
            {
                tape.scale(loss, batch as f64)?
            }
            _ => loss,
        })
    }

    /// What classes are told apart by, `[B, classes]`: the readout of a loss that has one, else the sum over time.
    ///
    /// # Errors
    /// [`TrainError::Network`] for an output that is no sequence.
    ///
    /// ```
    /// # use resurge_autodiff::Tape;
    /// # use resurge_tensor::Tensor;
    /// # use resurge_experiments::train::{Config, Network, Preset};
    /// let config = Config::preset(Preset::Small).with(&["loss=cross-entropy last"])?;
    /// let network = Network::new(&config, [1, 28, 28], 10)?;
    /// let output = Tensor::from_fn([5, 1, 10], |i| i as f32)?;
    /// assert_eq!(network.scores(&output)?.as_slice()[..2], [40.0, 41.0]);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn scores(&self, output: &Tensor<f32>) -> Result<Tensor<f32>, TrainError> {
        let over_time = match self.loss {
            Loss::CrossEntropy { readout, .. } | Loss::Mse { readout, .. } if readout != Readout::All => {
                readout
            }
            _ => Readout::Sum,
        };
        let mut tape = Tape::new();
        let output = tape.constant(output.clone());
        let scores = readout(&mut tape, output, over_time)?;
        Ok(tape.value(scores)?.clone())
    }
}
