//! One pass over a batch, forward and backward, and what is measured of it.

use super::{Examples, Network, NotFinite, Parameter, Pass, TrainError};
use rayon::prelude::*;
use resurge_autodiff::{Tape, Var};
use resurge_snn::CellOutput;
use resurge_tensor::Tensor;

/// What is measured of some samples; sums, so that they add up.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    pub(super) loss: f64,
    pub(super) correct: u64,
    /// Spikes of each layer.
    pub(super) spikes: Vec<f64>,
    /// Of each weight; none where only measured.
    pub(super) gradients: Vec<Tensor<f32>>,
}

impl Measured {
    /// Adds the sums of the next part. The parts are added in their order, whichever thread was first.
    fn add(&mut self, next: Self) {
        self.loss += next.loss;
        self.correct += next.correct;
        self.spikes.resize(next.spikes.len(), 0.0);
        self.spikes.iter_mut().zip(&next.spikes).for_each(|(sum, x)| *sum += x);
        if self.gradients.is_empty() {
            self.gradients = next.gradients;
            return;
        }
        for (sum, gradient) in self.gradients.iter_mut().zip(&next.gradients) {
            sum.as_mut_slice().iter_mut().zip(gradient.as_slice()).for_each(|(sum, x)| *sum += x);
        }
    }
}

/// Why a pass has no result.
pub(super) enum Fault {
    NotFinite(NotFinite),
    Other(TrainError),
}

impl<E: Into<TrainError>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Runs the network on the chosen samples in parts of `part`, with gradients where `seed` draws the dropout of each
/// part.
///
/// The parts run on all threads, and each part's buffers fit a cache better than the batch's would.
pub(super) fn run(
    network: &Network,
    weights: &[Tensor<f32>],
    examples: &Examples,
    indices: &[usize],
    part: usize,
    seed: Option<[u64; 3]>,
) -> Result<Measured, Fault> {
    let parts: Vec<&[usize]> = indices.chunks(part.max(1)).collect();
    let run = |(index, part): (usize, &&[usize])| {
        let seed = seed.map(|[seed, epoch, batch]| mix([seed, epoch, batch, index as u64]));
        run_part(network, weights, examples, part, seed)
    };
    let measured: Vec<Result<Measured, Fault>> = parts.par_iter().enumerate().map(run).collect();
    let mut sum = Measured::default();
    for part in measured {
        sum.add(part?);
    }
    Ok(sum)
}

fn run_part(
    network: &Network,
    weights: &[Tensor<f32>],
    examples: &Examples,
    indices: &[usize],
    seed: Option<u64>,
) -> Result<Measured, Fault> {
    let batch = examples.batch(indices)?;
    let mut tape = Tape::new();
    let learn = seed.is_some();
    let parameters: Vec<Var> =
        weights.iter().map(|w| if learn { tape.leaf(w.clone()) } else { tape.constant(w.clone()) }).collect();
    let input = tape.constant(batch.input);
    let pass = network.forward(&mut tape, &parameters, input, seed)?;
    check_currents(network, &tape, &pass)?;
    let loss = network.loss(&mut tape, pass.output, &batch.classes)?;
    let value = f64::from(tape.value(loss)?.as_slice().first().copied().unwrap_or(f32::NAN));
    if !value.is_finite() {
        return Err(Fault::NotFinite(NotFinite::Loss));
    }
    let mut gradients = Vec::new();
    if learn {
        let all = tape.backward(loss)?;
        for (&parameter, Parameter { name, .. }) in parameters.iter().zip(network.parameters()) {
            let gradient = all.wrt(parameter)?.clone();
            if !gradient.is_finite() {
                return Err(Fault::NotFinite(NotFinite::Gradient { layer: name.clone() }));
            }
            gradients.push(gradient);
        }
    }
    let scores = network.scores(tape.value(pass.output)?)?;
    let correct = predictions(&scores).iter().zip(&batch.classes).filter(|(a, b)| a == b).count() as u64;
    let spikes = pass.outputs.iter().zip(&pass.spikes).enumerate().map(|(layer, (&outputs, fired))| {
        Ok(match (fired, network.output_of(layer)) {
            (&Some(spikes), _) => sum(tape.value(spikes)?.as_slice()),
            (None, CellOutput::Spikes) => sum(tape.value(outputs)?.as_slice()),
            (None, CellOutput::Traces) => spikes_of_traces(tape.value(outputs)?, network.trace_decay()),
        })
    });
    let spikes = spikes.collect::<Result<_, TrainError>>()?;
    Ok(Measured { loss: value, correct, spikes, gradients })
}

/// A cell whose potential is not a number never fires: it must be looked for before the cells.
fn check_currents(network: &Network, tape: &Tape<f32>, pass: &Pass) -> Result<(), Fault> {
    for (&current, name) in pass.currents.iter().zip(network.names()) {
        let current = tape.value(current)?;
        // No early end, so that it runs on vectors.
        let bad = current.as_slice().iter().fold(false, |bad, x| bad | !x.is_finite());
        if bad {
            let at = current.as_slice().iter().position(|x| !x.is_finite()).unwrap_or(0);
            let step = at / (current.len() / current.shape()[0]).max(1);
            return Err(Fault::NotFinite(NotFinite::Current { layer: name.clone(), step }));
        }
    }
    Ok(())
}

/// The class with the greatest score of each sample, `[B, classes]`; of equals the first.
pub(super) fn predictions(scores: &Tensor<f32>) -> Vec<usize> {
    let classes = scores.shape()[1].max(1);
    let best = |scores: &[f32]| {
        let mut best = 0;
        for (class, score) in scores.iter().enumerate() {
            if *score > scores[best] {
                best = class;
            }
        }
        best
    };
    scores.as_slice().chunks_exact(classes).map(best).collect()
}

/// The number of spikes behind traces `[T, ...]`: by equation (3), `a[t] - beta a[t-1] = (1 - beta) o[t]`, and so do
/// their sums.
fn spikes_of_traces(traces: &Tensor<f32>, decay: f64) -> f64 {
    let values = traces.as_slice();
    let last = values.len() - values.len() / traces.shape()[0].max(1);
    let all = sum(values);
    // A whole number but for rounding.
    ((all - decay * sum(&values[..last])) / (1.0 - decay)).round()
}

/// The sum in double precision, on lanes so that it runs on vectors.
fn sum(values: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&x| f64::from(x)).sum::<f64>()
}

/// One number of four, each bit of which depends on all: the finaliser of SplitMix64 (Steele et al. 2014).
fn mix(numbers: [u64; 4]) -> u64 {
    numbers.iter().fold(0, |state, &number| {
        let mut z = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_snn::trace_filter;

    #[test]
    fn spikes_are_counted_in_their_traces() {
        for decay in [0.0, 0.5, 0.75] {
            let spikes = Tensor::from_fn([7, 40, 5], |i| f32::from(u8::from(i * 7 % 5 < 2))).unwrap();
            let traces = trace_filter(&spikes, decay).unwrap();
            assert_eq!(spikes_of_traces(&traces, decay), sum(spikes.as_slice()));
        }
    }

    #[test]
    fn the_greatest_score_wins_and_of_equals_the_first() {
        let scores = Tensor::from_vec([3, 2], vec![2.0, 1.0, 1.0, 1.0, 1.0, 2.0]).unwrap();
        assert_eq!(predictions(&scores), [0, 0, 1]);
    }

    #[test]
    fn each_number_changes_the_seed() {
        let seeds =
            [[1, 2, 3, 4], [0, 2, 3, 4], [1, 0, 3, 4], [1, 2, 0, 4], [1, 2, 3, 0], [2, 1, 3, 4]].map(mix);
        for (i, seed) in seeds.iter().enumerate() {
            assert!(!seeds[..i].contains(seed));
        }
    }
}
