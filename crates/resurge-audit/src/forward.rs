//! Whether the forward pass is the one that was described: spike by spike, each after the recorded past.

use super::description::Output;
use super::file::{AuditFile, Precision};
use super::replay::{Extent, LayerValues, Sample, Values};
use super::run::NetworkRun;
use resurge_snn::Firing;
use resurge_tensor::{Bounded, Tensor};
use serde::Serialize;

/// What the forward pass of a file has in common with its description.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/loss.safetensors".as_ref())?;
/// let forward = audit(&file, &AuditOptions::default())?.forward;
/// assert!(forward.divergence.is_none() && !forward.loss_agrees);
/// assert_ne!(forward.recorded_loss, forward.computed_loss);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForwardReport {
    /// Each layer with a state.
    pub layers: Vec<LayerForward>,
    /// Where the two first differ: by step, then by layer, sample and neuron.
    pub divergence: Option<Divergence>,
    /// The loss in the file.
    pub recorded_loss: f64,
    /// The loss of the rebuilt network.
    pub computed_loss: f64,
    /// Whether the losses agree.
    pub loss_agrees: bool,
}

/// The forward pass of one layer.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let layer = &audit(&file, &AuditOptions::default())?.forward.layers[0];
/// assert!(layer.spikes_recorded && layer.firing_rate > 0.0);
/// assert!(layer.potential_error < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerForward {
    /// The place of the layer.
    pub layer: usize,
    /// Whether there are spikes to compare with.
    pub spikes_recorded: bool,
    /// Whether there are potentials to compare with.
    pub potentials_recorded: bool,
    /// Spikes per neuron and step.
    pub firing_rate: f64,
    /// The largest difference of a potential, relative to the layer's largest.
    pub potential_error: f64,
    /// Potentials so near to the threshold that rounding decides whether they fire.
    pub near_threshold: usize,
    /// Those of them whose spike is another in the file, and was taken from there.
    pub taken_from_file: usize,
}

/// A place at which the file's forward pass is not the described one.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/no-delay.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions::default())?;
/// assert_eq!(report.code, "forward layer=1 step=0 sample=0 neuron=2");
/// let at = report.forward.divergence.ok_or("none")?;
/// assert_eq!((at.layer, at.step, at.sample, at.neuron), (1, 0, 0, 2));
/// assert_ne!(at.recorded_spike, Some(at.computed_spike));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Divergence {
    /// The layer.
    pub layer: usize,
    /// The step.
    pub step: usize,
    /// The sample.
    pub sample: usize,
    /// The neuron, counted row-major over [C, H, W] in an image.
    pub neuron: usize,
    /// What the layer hands on in the file.
    pub recorded_spike: Option<f64>,
    /// What the rebuilt layer hands on.
    pub computed_spike: f64,
    /// The potential in the file.
    pub recorded_potential: Option<f64>,
    /// The potential of the rebuilt layer.
    pub computed_potential: f64,
    /// The threshold of this step.
    pub threshold: f64,
}

impl Divergence {
    fn place(&self) -> (usize, usize, usize, usize) {
        (self.step, self.layer, self.sample, self.neuron)
    }
}

/// Compares the runs.
pub(super) fn check(run: &NetworkRun<'_, Bounded>, loss: Bounded) -> ForwardReport {
    let file = run.file;
    let states = file.layers.iter().enumerate().filter_map(|(k, _)| Some((k, run.samples(k)?)));
    let checked = states.filter_map(|(k, samples)| check_layer(file, k, samples));
    let (layers, divergences): (Vec<_>, Vec<_>) = checked.unzip();
    ForwardReport {
        layers,
        divergence: divergences.into_iter().flatten().min_by_key(Divergence::place),
        recorded_loss: file.loss,
        computed_loss: loss.value,
        loss_agrees: file.precision.allows(file.loss, loss),
    }
}

fn check_layer(
    file: &AuditFile,
    k: usize,
    samples: &[Sample<Bounded>],
) -> Option<(LayerForward, Option<Divergence>)> {
    let precision = file.precision;
    let data = &file.layers[k];
    let c = data.constants.as_ref()?;
    let width = file.shapes[k][2..].iter().product();
    let extent = Extent { width, batch: samples.len(), steps: file.extent().0 };
    let values = LayerValues::of(c);
    let largest = |u: &Tensor<f64>| u.as_slice().iter().fold(f64::MIN_POSITIVE, |a, x| a.max(x.abs()));
    let potentials = data.potentials.as_ref().map(|u| (u, largest(u)));
    // With a trace, the spikes that were taken from it have to give it back.
    let is_trace = c.output == Output::Trace && c.cell.trace_decay > 0.0;
    let (mut potential_error, mut near_threshold, mut taken_from_file): (f64, _, _) = (0.0, 0, 0);
    let mut divergences: Vec<Divergence> = Vec::new();
    for (sample, s) in samples.iter().enumerate() {
        let recorded_u = potentials.map(|(u, scale)| (extent.gather(u.as_slice(), sample), scale));
        let recorded_y = data.spikes.as_ref().map(|y| extent.gather(y.as_slice(), sample));
        let computed_y: Vec<f64> = match is_trace {
            true => s.trace.iter().map(|a| a.value).collect(),
            false => s.delayed(c, extent, &s.computed),
        };
        for at in 0..s.potential.len() {
            let (t, neuron) = (at / width, at % width);
            // The spike that this step hands on is that of the step before, with an output delay.
            let source = if c.cell.output_delay { at.checked_sub(width) } else { Some(at) };
            let near = c.spiking && source.is_some_and(|at| is_near(precision, values.neuron(neuron), s, at));
            let flipped = recorded_y.as_ref().is_some_and(|recorded| match is_trace {
                false => recorded[at] != computed_y[at],
                true => {
                    !precision.allows(recorded[at], s.trace[at])
                        || source.is_some_and(|at| s.computed[at] != s.spikes[at])
                }
            });
            near_threshold += usize::from(near);
            taken_from_file += usize::from(flipped && near);
            let threshold = s.threshold(values.neuron(neuron), at).value;
            let off = recorded_u.as_ref().is_some_and(|(recorded, scale)| {
                let u = s.potential[at];
                potential_error = potential_error.max((recorded[at] - u.value).abs() / scale);
                // A recorder may have it from the spike's argument, potential less threshold.
                !precision.allows(recorded[at], Bounded::new(u.value, u.error() + 2.0 * threshold.abs()))
            });
            if !(off || (flipped && !near)) {
                continue;
            }
            divergences.push(Divergence {
                layer: k,
                step: t,
                sample,
                neuron,
                recorded_spike: recorded_y.as_ref().map(|y| y[at]),
                computed_spike: computed_y[at],
                recorded_potential: recorded_u.as_ref().map(|(u, _)| u[at]),
                computed_potential: s.potential[at].value,
                threshold,
            });
            // Later ones of this sample cannot be the first.
            break;
        }
    }
    let all = samples.iter().flat_map(|s| &s.spikes);
    let report = LayerForward {
        layer: k,
        spikes_recorded: data.spikes.is_some(),
        potentials_recorded: data.potentials.is_some(),
        firing_rate: all.clone().sum::<f64>() / all.count() as f64,
        potential_error,
        near_threshold,
        taken_from_file,
    };
    Some((report, divergences.into_iter().min_by_key(Divergence::place)))
}

/// Whether the potential is so near to where the number of its spikes changes that rounding may take it across.
fn is_near(precision: Precision, c: &Values<'_, Bounded>, s: &Sample<Bounded>, at: usize) -> bool {
    let x = c.above(s.potential[at], s.threshold(c, at));
    let change = if c.of.cell.firing == Firing::Repeatedly { x.value.round().max(0.0) } else { 0.0 };
    precision.allows(change, x)
}

#[cfg(test)]
mod tests;
