//! Whether a forward pass differs because the neurons still had the states of a run before it.

use super::description::Output;
use super::forward::Divergence;
use super::run::NetworkRun;
use resurge_tensor::Bounded;

/// Units of roundoff that two differences of potentials may be apart: each is one of numbers that are near one another.
const APART: f64 = 256.0;

/// What to add to the words about a divergence in the first step, if kept states are its likely cause.
///
/// A state that was kept moves each first potential by an amount of its own; one step later, the decay alone is left of
/// it wherever there was no spike. A wrong weight or gain moves all later potentials anew.
pub(super) fn in_words(run: &NetworkRun<'_, Bounded>, d: &Divergence) -> Option<String> {
    let file = run.file;
    let (data, samples) = (file.layers.get(d.layer)?, run.samples(d.layer)?);
    let constants = data.constants.as_ref().filter(|_| d.step == 0)?;
    let remedy = "reset the states before the recorded batch, or describe them by `initial_potential`";
    let Some(recorded) = &data.potentials else {
        let words =
            "the likely cause are states kept from a run before this one: potentials in the file would tell";
        return Some(format!("{words}; {remedy}"));
    };
    let batch = samples.len();
    let width = samples.first()?.potential.len() / recorded.shape()[0].max(1);
    let at = |t: usize, sample: usize, k: usize| -> Option<(f64, f64)> {
        let found = *recorded.as_slice().get((t * batch + sample) * width + k)?;
        let rebuilt = samples[sample].potential.get(t * width + k)?.value;
        Some((found - rebuilt, found.abs() + rebuilt.abs()))
    };
    let (mut moved, mut steady) = (0_usize, true);
    for (sample, states) in samples.iter().enumerate() {
        for k in 0..width {
            let (first, size) = at(0, sample, k)?;
            let (next, next_size) = at(1, sample, k)?;
            if states.spikes[k] != 0.0 || states.computed[k] != 0.0 {
                continue;
            }
            let rounding = APART * file.precision.roundoff() * (size + next_size);
            moved += usize::from(first.abs() > rounding);
            steady &= (next - constants.of(k).cell.decay * first).abs() <= rounding;
        }
    }
    let c = constants.of(d.neuron);
    if moved == 0 || !steady || c.cell.decay == 0.0 || c.output == Output::Trace {
        return None;
    }
    let began = c.cell.initial_potential + at(0, d.sample, d.neuron)?.0 / c.cell.decay;
    Some(format!(
        "the likely cause is kept state: the neurons of this layer began where a run before had left them, this one at \
         {began} and not at {}; {remedy}",
        c.cell.initial_potential
    ))
}
