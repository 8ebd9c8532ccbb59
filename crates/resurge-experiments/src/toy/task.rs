//! The task of one seed: its data, its initial weights, and the neuron with its loss.

use super::ToyError;
use crate::Rule;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::{Tape, Var};
use resurge_snn::convention::Paper;
use resurge_snn::{Cell, CellOutput, SnnError, bernoulli, linear, trace_filter};
use resurge_tensor::{Scalar, Tensor};

/// Time steps `T`.
///
/// ```
/// use resurge_experiments::toy::{STEPS, Task};
///
/// assert_eq!(Task::new(3, 1)?.input().shape(), &[STEPS, 1, 3].into());
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
pub const STEPS: usize = 100;
/// The probability that an input spikes in a step.
///
/// ```
/// use resurge_experiments::toy::{INPUT_RATE, Task};
///
/// // The filter keeps the rate, but for its first steps.
/// assert!((Task::new(1000, 1)?.input().mean() - INPUT_RATE).abs() < 0.005);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
pub const INPUT_RATE: f64 = 0.1;
/// The probability that the target has a spike in a step.
///
/// ```
/// use resurge_experiments::toy::{STEPS, TARGET_RATE, Task};
///
/// let mut spikes = 0;
/// for seed in 0..100 {
///     spikes += Task::new(1, seed)?.target_spikes().len();
/// }
/// assert!((spikes as f64 / (100 * STEPS) as f64 - TARGET_RATE).abs() < 0.01);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
pub const TARGET_RATE: f64 = 0.05;
/// Initial weights are drawn from `0..WEIGHT_RANGE`.
///
/// ```
/// use resurge_experiments::toy::{Task, WEIGHT_RANGE};
///
/// assert!(Task::new(100, 1)?.weights().as_slice().iter().all(|w| (0.0..WEIGHT_RANGE).contains(w)));
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
pub const WEIGHT_RANGE: f64 = 0.05;
/// `1 - 1/tau_s` with `tau_s = 2`: the decay of the traces of inputs, output and target.
///
/// ```
/// use resurge_experiments::toy::{TRACE_DECAY, Task};
///
/// let task = Task::new(1, 1)?;
/// let first = usize::from(task.target_spikes()[0]);
/// assert_eq!(task.target().as_slice()[first], 1.0 - TRACE_DECAY);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
pub const TRACE_DECAY: f64 = 0.5;

/// The single-neuron task of one seed, in `f64`: find weights with which the trace of the neuron's spikes is that of a
/// target.
///
/// Reconstructed from the code of the paper's author (`docs/derivation.md`). Inputs are Bernoulli spikes of rate
/// [`INPUT_RATE`], the target Bernoulli spikes of rate [`TARGET_RATE`], independent of the inputs: there need be no
/// weights that solve the task. Both are filtered with equation (3), whose gain is 1 at rest: `(1 - beta) x`.
///
/// ```
/// use resurge_experiments::Rule;
/// use resurge_experiments::toy::Task;
///
/// let task = Task::new(100, 1)?;
/// let start = task.evaluate(&Rule::FULL, std::slice::from_ref(task.weights()))?;
/// assert!(start.losses[0] > 0.0 && start.gradients[0].norm() > 0.0);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    input: Tensor<f64>,
    target_spikes: Tensor<f64>,
    target: Tensor<f64>,
    weights: Tensor<f64>,
}

/// Losses of several neurons on a [`Task`], each with weights of its own, and the gradients of these weights.
///
/// ```
/// use resurge_experiments::Rule;
/// use resurge_experiments::toy::{Evaluation, Task};
///
/// let task = Task::new(30, 1)?;
/// let weights = [task.weights().clone(), task.weights().scale(3.0)]; // two neurons
/// let Evaluation { losses, gradients } = task.evaluate(&Rule::FULL, &weights)?;
/// assert_eq!((losses.len(), gradients[1].shape()), (2, &[30].into()));
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// `0.5 sum_t (a[t] - a*[t])^2` of each neuron.
    pub losses: Vec<f64>,
    /// The gradient `[N_in]` of each neuron's loss by its weights.
    pub gradients: Vec<Tensor<f64>>,
}

impl Task {
    /// Draws the task of a seed. Bits are the same on every machine.
    ///
    /// # Errors
    /// [`ToyError`] when a tensor of this size cannot be made.
    ///
    /// ```
    /// use resurge_experiments::toy::Task;
    ///
    /// assert_eq!(Task::new(20, 7)?, Task::new(20, 7)?);
    /// assert_ne!(Task::new(20, 7)?, Task::new(20, 8)?);
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn new(inputs: usize, seed: u64) -> Result<Self, ToyError> {
        // Two seeds of the encoder, so that the target does not reuse the numbers drawn for the first inputs.
        let (of_inputs, of_target) = (seed.wrapping_mul(2), seed.wrapping_mul(2).wrapping_add(1));
        let spikes = bernoulli(&Tensor::full([1, inputs], INPUT_RATE)?, STEPS, of_inputs)?;
        let target_spikes = bernoulli(&Tensor::full([1, 1], TARGET_RATE)?, STEPS, of_target)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(7); // not the encoder's
        Ok(Self {
            input: trace_filter(&spikes, TRACE_DECAY)?,
            target: trace_filter(&target_spikes, TRACE_DECAY)?,
            target_spikes,
            weights: Tensor::from_fn([inputs], |_| rng.random::<f64>() * WEIGHT_RANGE)?,
        })
    }

    /// The traces of the inputs, `[T, 1, N_in]`.
    ///
    /// ```
    /// use resurge_experiments::toy::Task;
    ///
    /// let task = Task::new(20, 1)?;
    /// assert_eq!(task.input().shape(), &[100, 1, 20].into());
    /// assert!(task.input().as_slice().iter().all(|trace| (0.0..1.0).contains(trace)));
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn input(&self) -> &Tensor<f64> {
        &self.input
    }

    /// The trace of the target, `[T, 1, 1]`.
    ///
    /// ```
    /// use resurge_experiments::toy::Task;
    ///
    /// let task = Task::new(20, 1)?;
    /// // Each spike of the target adds a half to its trace.
    /// assert!(task.target_spikes().iter().all(|&t| task.target().as_slice()[usize::from(t)] >= 0.5));
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn target(&self) -> &Tensor<f64> {
        &self.target
    }

    /// The initial weights, `[N_in]`.
    ///
    /// ```
    /// assert_eq!(resurge_experiments::toy::Task::new(20, 1)?.weights().shape(), &[20].into());
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn weights(&self) -> &Tensor<f64> {
        &self.weights
    }

    /// The steps in which the target has a spike.
    ///
    /// ```
    /// let spikes = resurge_experiments::toy::Task::new(20, 1)?.target_spikes();
    /// assert!(spikes.is_sorted() && spikes.iter().all(|&t| t < 100));
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn target_spikes(&self) -> Vec<u16> {
        spike_times(self.target_spikes.as_slice().iter())
    }

    /// The loss of a neuron that never spikes: what there is to be had without learning anything.
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    /// use resurge_experiments::Rule;
    /// use resurge_experiments::toy::Task;
    ///
    /// let task = Task::new(20, 1)?;
    /// let silent = task.evaluate(&Rule::FULL, &[Tensor::zeros([20])?])?;
    /// assert_eq!(silent.losses, [task.silent_loss()]);
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn silent_loss(&self) -> f64 {
        self.target.as_slice().iter().map(|a| 0.5 * a * a).sum()
    }

    /// Losses and gradients of one neuron for each of the weights `[N_in]`.
    ///
    /// The neurons are independent, but share one product with the input and one pass through time. A sum in the
    /// product may be taken in another order for another number of neurons: bits are a function of the whole call.
    ///
    /// # Errors
    /// [`ToyError`] when the weights do not fit the inputs.
    ///
    /// ```
    /// use resurge_experiments::Rule;
    /// use resurge_experiments::toy::Task;
    ///
    /// let task = Task::new(100, 1)?;
    /// let start = std::slice::from_ref(task.weights());
    /// let [full, detached] = [task.evaluate(&Rule::FULL, start)?, task.evaluate(&Rule::DETACHED, start)?];
    /// assert_eq!(full.losses, detached.losses); // the rules differ in their gradients alone
    /// assert!(detached.gradients[0].norm() > full.gradients[0].norm());
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn evaluate(&self, rule: &Rule, weights: &[Tensor<f64>]) -> Result<Evaluation, ToyError> {
        let mut tape = Tape::new();
        let input = tape.constant(self.input.clone());
        let weight = tape.leaf(stack(weights, self.weights.len())?);
        let losses = losses(&mut tape, &cell(rule)?, input, weight, &self.target)?;
        let total = tape.sum(losses).map_err(SnnError::from)?;
        let gradient = tape.backward(total).map_err(SnnError::from)?;
        let rows = gradient.wrt(weight).map_err(SnnError::from)?.as_slice().chunks(self.weights.len());
        Ok(Evaluation {
            losses: tape.value(losses).map_err(SnnError::from)?.to_vec(),
            gradients: rows
                .map(|row| Tensor::from_vec([row.len()], row.to_vec()))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Losses as [`Task::evaluate`] has them, to the bit, and the steps in which each neuron spikes.
    ///
    /// # Errors
    /// As [`Task::evaluate`].
    ///
    /// ```
    /// use resurge_tensor::Tensor;
    /// use resurge_experiments::toy::Task;
    ///
    /// let task = Task::new(20, 1)?;
    /// let (losses, spikes) = task.observe(&[Tensor::zeros([20])?, Tensor::full([20], 1e3)?])?;
    /// assert_eq!(losses[0], task.silent_loss());
    /// assert!(spikes[0].is_empty() && spikes[1].len() > 50);
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn observe(&self, weights: &[Tensor<f64>]) -> Result<(Vec<f64>, Vec<Vec<u16>>), ToyError> {
        let mut tape = Tape::new();
        let input = tape.constant(self.input.clone());
        let weight = tape.constant(stack(weights, self.weights.len())?);
        let cell = cell(&Rule::FULL)?;
        let losses = losses(&mut tape, &cell, input, weight, &self.target)?;
        let current = linear(&mut tape, input, weight, None)?;
        let spikes = cell.run_fused(&mut tape, current, CellOutput::Spikes)?;
        let spikes = tape.value(spikes).map_err(SnnError::from)?.as_slice();
        let times = |neuron| spike_times(spikes.iter().skip(neuron).step_by(weights.len()));
        Ok((tape.value(losses).map_err(SnnError::from)?.to_vec(), (0..weights.len()).map(times).collect()))
    }
}

/// The author's neuron: `theta` 1, `tau_m` 5, `tau_s` 2, a sigmoid of width 0.2, reset to zero.
pub(crate) fn cell(rule: &Rule) -> Result<Cell, SnnError> {
    Ok(Paper::default().cell()?.with_reset_gradient(rule.gradient()))
}

/// The losses `[1, N]` of `N` neurons with the weights `[N, N_in]` on an input `[T, 1, N_in]`.
pub(crate) fn losses<S: Scalar>(
    tape: &mut Tape<S>,
    cell: &Cell,
    input: Var,
    weight: Var,
    target: &Tensor<S>,
) -> Result<Var, SnnError> {
    let current = linear(tape, input, weight, None)?;
    let trace = cell.run_fused(tape, current, CellOutput::Traces)?;
    let target = tape.constant(target.clone());
    let error = tape.sub(trace, target)?;
    let square = tape.square(error)?;
    let sum = tape.sum_axis(square, 0)?;
    Ok(tape.scale(sum, 0.5)?)
}

fn stack(weights: &[Tensor<f64>], inputs: usize) -> Result<Tensor<f64>, ToyError> {
    let values = weights.iter().flat_map(|w| w.as_slice()).copied().collect();
    Ok(Tensor::from_vec([weights.len(), inputs], values)?)
}

fn spike_times<'a>(spikes: impl Iterator<Item = &'a f64>) -> Vec<u16> {
    spikes.zip(0..).filter(|(o, _)| **o != 0.0).map(|(_, t)| t).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_gradcheck::{AnchoredProgram, Directions, Evidence, Program, ProgramResult};
    use sha2::{Digest, Sha256};

    #[test]
    fn the_data_of_a_seed_never_change() {
        let hash = |inputs, seed| {
            let task = Task::new(inputs, seed).unwrap();
            let mut sha = Sha256::new();
            for tensor in [task.input(), task.target(), task.weights()] {
                tensor.as_slice().iter().for_each(|x| sha.update(x.to_le_bytes()));
            }
            sha.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let found = [(50, 1), (100, 1), (100, 2), (300, 64)].map(|(inputs, seed)| hash(inputs, seed));
        assert_eq!(found, ["a9a59881ae6917e9", "5b5b802fe8e02fa4", "e3ad4f6baaf9409f", "d02c43af65f765bb"]);
    }

    #[test]
    fn rates_and_the_gain_of_the_filter() {
        let (mut input, mut target, mut weight) = (0.0, 0.0, 0.0);
        for seed in 0..64 {
            let task = Task::new(50, seed).unwrap();
            input += task.input().mean() / 64.0;
            target += task.target_spikes().len() as f64 / (64 * STEPS) as f64;
            weight += task.weights().mean() / 64.0;
        }
        // Six standard deviations; the filter keeps the rate, but for its first steps.
        assert!((input - INPUT_RATE).abs() < 0.005, "{input}");
        assert!((target - TARGET_RATE).abs() < 0.017, "{target}");
        assert!((weight - WEIGHT_RANGE / 2.0).abs() < 0.0016, "{weight}");
    }

    #[test]
    fn a_silent_neuron_has_the_silent_loss() {
        let task = Task::new(10, 3).unwrap();
        let (losses, spikes) = task.observe(&[Tensor::zeros([10]).unwrap()]).unwrap();
        assert_eq!((losses[0], spikes[0].len()), (task.silent_loss(), 0));
        let saturated = task.observe(&[Tensor::full([10], 1e3).unwrap()]).unwrap();
        assert!(saturated.1[0].len() > STEPS / 2);
    }

    struct OnTape(Task, Cell);

    impl Program for OnTape {
        fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
            let input = tape.constant(self.0.input.cast());
            let losses = losses(tape, &self.1, input, inputs[0], &self.0.target.cast())?;
            Ok(tape.sum(losses)?)
        }
    }

    /// Finite differences, complex step and dual numbers of the anchored task, against the gradient that trains.
    #[test]
    fn each_rule_trains_with_the_gradient_that_it_names() {
        for rule in Rule::all() {
            let task = Task::new(100, 5).unwrap();
            let gradient = task.evaluate(&rule, std::slice::from_ref(task.weights())).unwrap().gradients;
            let weights = vec![task.weights().reshape([1, 100]).unwrap()];
            let cell = cell(&rule).unwrap();
            let program = OnTape(task, cell);
            let anchored = AnchoredProgram::new(&program, weights).unwrap();
            let directions = Directions::new(anchored.gradient(), 8, 8, 1);
            let evidence = Evidence::gather(&anchored, &directions, cell.surrogate().width()).unwrap();
            let errors = evidence.compare(gradient[0].as_slice()).unwrap();
            let all = [errors.finite_difference, errors.complex_step, errors.dual];
            assert!(all[0] < 1e-8 && all[1] < 1e-12 && all[2] < 1e-12, "{}: {all:?}", rule.name());
            // And the proof tells the rules apart.
            if rule != Rule::FULL {
                let full =
                    program.0.evaluate(&Rule::FULL, std::slice::from_ref(program.0.weights())).unwrap();
                assert!(evidence.compare(full.gradients[0].as_slice()).unwrap().dual > 1e-2, "{rule}");
            }
        }
    }

    #[test]
    fn the_detached_gradient_is_three_and_a_half_times_as_long_at_the_start() {
        let mut ratios: Vec<f64> = (1..=64)
            .map(|seed| {
                let task = Task::new(100, seed).unwrap();
                let norm = |rule| {
                    let at = task.evaluate(&rule, std::slice::from_ref(task.weights())).unwrap();
                    at.gradients[0].norm()
                };
                norm(Rule::DETACHED) / norm(Rule::FULL)
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        let median = (ratios[31] + ratios[32]) / 2.0;
        assert!((3.0..4.1).contains(&median), "{median}");
    }
}
