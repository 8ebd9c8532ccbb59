//! Whether a forward pass differs because the neurons still had the states of a run before it.

use super::description::Output;
use super::forward::Divergence;
use super::replay::Extent;
use super::run::NetworkRun;
use resurge_tensor::Bounded;

/// Units of roundoff that two differences of potentials may be apart: each is one of numbers that are near one another.
const APART: f64 = 256.0;

/// A neuron's first two steps.
#[derive(Debug, Clone, Copy, PartialEq)]
struct FirstSteps {
    /// By how much its potentials in the file are others than the rebuilt ones.
    off: [f64; 2],
    /// How much of that rounding may make.
    rounding: f64,
}

impl FirstSteps {
    fn new(found: [f64; 2], rebuilt: [f64; 2], roundoff: f64) -> Self {
        let sizes = [0, 1].map(|t| found[t].abs() + rebuilt[t].abs());
        Self {
            off: [0, 1].map(|t| found[t] - rebuilt[t]),
            rounding: APART * roundoff * (sizes[0] + sizes[1]),
        }
    }

    /// Whether the first potential is another by more than rounding.
    fn moved(self) -> bool {
        self.off[0].abs() > self.rounding
    }

    /// Whether the decay alone is left of that in the next.
    fn faded(self, decay: f64) -> bool {
        (self.off[1] - decay * self.off[0]).abs() <= self.rounding
    }
}

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
    let extent = Extent::of(recorded);
    if extent.steps < 2 {
        return None;
    }
    let mut silent = Vec::new();
    for (sample, states) in samples.iter().enumerate() {
        let found = extent.gather(recorded.as_slice(), sample);
        for k in (0..extent.width).filter(|&k| states.spikes[k] == 0.0 && states.computed[k] == 0.0) {
            let two = [k, extent.width + k];
            let rebuilt = two.map(|at| states.potential[at].value);
            let first = FirstSteps::new(two.map(|at| found[at]), rebuilt, file.precision.roundoff());
            silent.push((first, constants.of(k).cell.decay));
        }
    }
    let moved = silent.iter().any(|(first, _)| first.moved());
    let faded = silent.iter().all(|(first, decay)| first.faded(*decay));
    let c = constants.of(d.neuron);
    if !moved || !faded || c.cell.decay == 0.0 || c.output == Output::Trace {
        return None;
    }
    let found = extent.gather(recorded.as_slice(), d.sample)[d.neuron];
    let off = found - samples[d.sample].potential[d.neuron].value;
    let began = c.cell.initial_potential + off / c.cell.decay;
    Some(format!(
        "the likely cause is kept state: the neurons of this layer began where a run before had left them, this one at \
         {began} and not at {}; {remedy}",
        c.cell.initial_potential
    ))
}

#[cfg(test)]
mod tests;
