//! The whole network, run once, and its gradients under any rule.

use super::adjoint::{self, Cotangents, Cuts, LayerRule, ThresholdPaths};
use super::compare::Expected;
use super::description::{CONSTANTS, Constant, Layer, Output};
use super::error::{AuditError, Result};
use super::file::{AuditFile, LayerData, Of, Recorded};
use super::number::Number;
use super::replay::{self, Extent, Sample};
use super::stage::{Given, LossRun, Stage};
use resurge_snn::{Reset, ResetGradient, Surrogate, SurrogateScale, ThresholdInSpike};
use resurge_tensor::{Bounded, Shape, Tensor};

/// Another gradient of the same run; the default is what the file claims.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    pub(super) reset_gradient: Option<ResetGradient>,
    pub(super) surrogate: SurrogateChange,
    pub(super) factor: f64,
    pub(super) width: f64,
    pub(super) truncated: usize,
    pub(super) shift: usize,
    pub(super) reset: Option<Reset>,
    pub(super) cuts: Cuts,
    /// The threshold's paths where they are not the described ones.
    pub(super) threshold: Option<ThresholdPaths>,
}

/// Another surrogate in the place of each layer's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SurrogateChange {
    None,
    Scale(SurrogateScale),
    /// The shape of this name in [`Surrogate::ALL`], of the same value at 0 and the same area.
    Shape(&'static str),
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            reset_gradient: None,
            surrogate: SurrogateChange::None,
            factor: 1.0,
            width: 1.0,
            truncated: 0,
            shift: 0,
            reset: None,
            cuts: Cuts::default(),
            threshold: None,
        }
    }
}

impl SurrogateChange {
    fn apply(self, claimed: Surrogate) -> Surrogate {
        match self {
            Self::None => claimed,
            Self::Scale(scale) => claimed.with_scale(scale),
            Self::Shape(name) => {
                let one = Surrogate::ALL.iter().find(|one| one.entry.name == name);
                // At the equivalent width, area over peak: of the peak of the claimed one, it has its area.
                let made = one.and_then(|one| one.of_width?(claimed.width()).ok());
                made.map_or(claimed, |s| s.with_scale(SurrogateScale::Peak(claimed.derivative(0.0))))
            }
        }
    }
}

#[derive(Debug)]
enum Step<S: Number> {
    Stage { stage: Box<Stage<S>>, shifted: Box<std::sync::OnceLock<Stage<S>>> },
    Neurons { samples: Vec<Sample<S>>, shape: Shape },
}

/// A network that has run.
#[derive(Debug)]
pub(super) struct NetworkRun<'a, S: Number> {
    pub(super) file: &'a AuditFile,
    steps: Vec<Step<S>>,
    loss: LossRun<S>,
}

/// All gradients of a backward pass, by layer.
#[derive(Debug, Default)]
pub(super) struct NetworkGradients<S> {
    pub(super) input: Option<Tensor<S>>,
    pub(super) layers: Vec<OfLayer<S>>,
}

/// The gradients of one layer; empty where it has no such thing.
#[derive(Debug, Clone, Default)]
pub(super) struct OfLayer<S> {
    pub(super) weight: Option<Tensor<S>>,
    pub(super) bias: Option<Tensor<S>>,
    pub(super) recurrent: Vec<S>,
    /// At the input of a layer with a state.
    pub(super) current: Vec<S>,
    /// At the constants of each neuron, or of all together.
    pub(super) constants: Vec<[S; CONSTANTS]>,
}

impl<'a, S: Number> NetworkRun<'a, S> {
    /// Runs a network, with the recorded spikes where there are any.
    pub(super) fn new(file: &'a AuditFile) -> Result<Self> {
        let mut steps = Vec::new();
        let mut x: Tensor<S> = file.input.cast();
        let wants_input = file.gradients.iter().any(|gradient| gradient.of == Of::Input);
        let mut potentials = None;
        let mut inner = S::zero();
        for (k, (layer, data)) in file.description.layers.iter().zip(&file.layers).enumerate() {
            if let Some(constants) = &data.constants {
                let extent = Extent::of(&x);
                let forced = forced_spikes(data, extent);
                let samples = replay::run(constants, &x, data.recurrent.as_ref(), forced.as_deref());
                let shape = x.shape().clone();
                let outputs: Vec<_> = samples.iter().map(|s| s.output(constants, extent)).collect();
                x = Tensor::from_vec(shape.clone(), extent.assemble(|sample| &outputs[sample]))?;
                let u = extent.assemble(|sample| &samples[sample].potential);
                finite(k, "potential", &u)?;
                potentials = Some(Tensor::from_vec(shape.clone(), u)?);
                steps.push(Step::Neurons { samples, shape });
            } else {
                if let Layer::BatchNorm(norm) = layer {
                    x = S::before_norm(x, norm.over)?;
                }
                let stage = Stage::run(layer, x, Given::of(data), k > 0 || wants_input)?;
                x = stage.output()?.clone();
                finite(k, "output", x.as_slice())?;
                potentials = None;
                steps.push(Step::Stage { stage: Box::new(stage), shifted: Box::default() });
            }
            for (&w, &y) in data.loss_weight.iter().flat_map(|w| w.as_slice()).zip(x.as_slice()) {
                inner += S::from_f64(w) * y;
            }
        }
        let mut loss = LossRun::run(&file.description.loss, &file.target, x, potentials)?;
        loss.value += S::from_f64(file.sum_scale()) * inner;
        if !loss.value.is_finite() {
            let problem = "the loss, or the bound of its rounding errors, which has its square, is not finite; divide \
                           the loss by a constant, so that it lies below 1e100, and record again";
            return Err(AuditError::Run(problem.into()));
        }
        let (smallest, roundoff) = (file.precision.smallest(), file.precision.roundoff());
        for cotangent in std::iter::once(&mut loss.at_output).chain(&mut loss.at_potentials) {
            *cotangent = cotangent.map(|x: S| x.flushed(smallest, roundoff));
        }
        Ok(Self { file, steps, loss })
    }

    pub(super) fn loss(&self) -> S {
        self.loss.value
    }

    /// The states of a neuron layer.
    pub(super) fn samples(&self, k: usize) -> Option<&[Sample<S>]> {
        match self.steps.get(k) {
            Some(Step::Neurons { samples, .. }) => Some(samples),
            _ => None,
        }
    }

    /// The gradient of the loss at the network's output and last potentials.
    pub(super) fn at_output(&self) -> (Tensor<S>, Option<Tensor<S>>) {
        (self.loss.at_output.clone(), self.loss.at_potentials.clone())
    }

    /// All gradients under a rule, from the loss.
    pub(super) fn gradients(&self, rule: &Rule) -> Result<NetworkGradients<S>> {
        let (output, potentials) = self.at_output();
        self.back(rule, output, potentials, true)
    }

    /// All gradients under a rule, from cotangents of the output and the last layer's potentials.
    pub(super) fn gradients_from(
        &self,
        rule: &Rule,
        output: Tensor<S>,
        potentials: Option<Tensor<S>>,
    ) -> Result<NetworkGradients<S>> {
        self.back(rule, output, potentials, false)
    }

    /// What the loss has of layer `k`, added to a cotangent of its output.
    fn with_inner(&self, k: usize, cotangent: Tensor<S>) -> Result<Tensor<S>> {
        let Some(weight) = &self.file.layers[k].loss_weight else { return Ok(cotangent) };
        let scale = S::from_f64(self.file.sum_scale());
        let (smallest, roundoff) = (self.file.precision.smallest(), self.file.precision.roundoff());
        let of_loss = weight.as_slice().iter().map(|&w| (scale * S::from_f64(w)).flushed(smallest, roundoff));
        let both = cotangent.as_slice().iter().zip(of_loss).map(|(&a, b)| a + b).collect();
        Ok(Tensor::from_vec(cotangent.shape().clone(), both)?)
    }

    /// The backward pass; `inner` says whether the loss's parts of layers that are not the last go in.
    fn back(
        &self,
        rule: &Rule,
        output: Tensor<S>,
        mut potentials: Option<Tensor<S>>,
        inner: bool,
    ) -> Result<NetworkGradients<S>> {
        let mut cotangent = output;
        let mut layers = vec![OfLayer::default(); self.steps.len()];
        let mut input = None;
        for (k, step) in self.steps.iter().enumerate().rev() {
            let (data, found) = (&self.file.layers[k], &mut layers[k]);
            if inner {
                cotangent = self.with_inner(k, cotangent)?;
            }
            match step {
                Step::Neurons { samples, shape } => {
                    let Some(constants) = &data.constants else { continue };
                    let potential = potentials.take();
                    let cotangents = Cotangents { output: &cotangent, potential: potential.as_ref() };
                    let roundoff = self.file.precision.roundoff();
                    let rule = rule.of_layer(constants, self.file.per_neuron(k), roundoff);
                    let recurrent = data.recurrent.as_ref();
                    let back = adjoint::back(constants, &rule, samples, recurrent, &cotangents);
                    cotangent = Tensor::from_vec(shape.clone(), back.current.clone())?;
                    (found.current, found.constants, found.recurrent) =
                        (back.current, back.constants, back.recurrent);
                    if k == 0 {
                        input = Some(cotangent.clone());
                    }
                }
                Step::Stage { stage, shifted } => {
                    let mut back = S::back(&self.file.description.layers[k], stage, cotangent.clone())?;
                    if rule.shift > 0 && data.weight.is_some() {
                        back.weight = self.shifted(k, stage, shifted, rule.shift, cotangent.clone())?;
                    }
                    if self.file.bias_vanishes(k) {
                        back.bias = back.bias.map(|bias| bias.map(S::vanished));
                    }
                    (found.weight, found.bias) = (back.weight, back.bias);
                    match back.input {
                        Some(next) if k > 0 => cotangent = next,
                        next => {
                            let (layer, weight) = (&self.file.description.layers[k], data.weight.as_ref());
                            let report = |next| S::at_input(layer, stage, weight, &cotangent, next);
                            input = next.map(report).transpose()?;
                            break;
                        }
                    }
                }
            }
        }
        Ok(NetworkGradients { input, layers })
    }

    /// The weight's gradient with the layer's input of some steps before.
    fn shifted(
        &self,
        k: usize,
        stage: &Stage<S>,
        kept: &std::sync::OnceLock<Stage<S>>,
        shift: usize,
        cotangent: Tensor<S>,
    ) -> Result<Option<Tensor<S>>> {
        let (data, layer) = (&self.file.layers[k], &self.file.description.layers[k]);
        let input = stage.input()?;
        let moved = |by: usize| -> Result<Stage<S>> {
            let step = input.len() / input.shape()[0];
            let kept = input.len().saturating_sub(by * step);
            let mut late = vec![S::zero(); input.len() - kept];
            late.extend_from_slice(&input.as_slice()[..kept]);
            let late = Tensor::from_vec(input.shape().clone(), late)?;
            Stage::run(layer, late, Given::of(data), false)
        };
        if shift != 1 {
            return Ok(S::back(layer, &moved(shift)?, cotangent)?.weight);
        }
        if kept.get().is_none() {
            // Another thread may have been faster; both have made the same.
            let _ = kept.set(moved(1)?);
        }
        match kept.get() {
            Some(stage) => Ok(S::back(layer, stage, cotangent)?.weight),
            None => Ok(None),
        }
    }

    /// Those gradients that the file has, in its order.
    pub(super) fn recorded(&self, found: &NetworkGradients<S>) -> Vec<Vec<S>> {
        let flat = |tensor: &Option<Tensor<S>>| tensor.as_ref().map(Tensor::to_vec).unwrap_or_default();
        let one = |recorded: &Recorded| match &recorded.of {
            Of::Weight(k) => flat(&found.layers[*k].weight),
            Of::Bias(k) => flat(&found.layers[*k].bias),
            Of::Recurrent(k) => {
                let mut gradient = found.layers[*k].recurrent.clone();
                if let Layer::Neuron(neuron) = &self.file.description.layers[*k]
                    && !neuron.autapses
                {
                    let diagonal = recorded.value.shape()[1] + 1;
                    gradient.iter_mut().step_by(diagonal).for_each(|g| *g = S::zero());
                }
                gradient
            }
            Of::Currents(k) => found.layers[*k].current.clone(),
            Of::Input => flat(&found.input),
            Of::Learned(k, name) => {
                let slopes = self.file.description.layers[*k].learned().and_then(|all| all.get(name));
                let rows = &found.layers[*k].constants;
                let mut sums = vec![S::zero(); recorded.value.len()];
                let neurons = rows.len() / sums.len();
                for (i, row) in rows.iter().enumerate() {
                    for (c, slope) in slopes.into_iter().flatten() {
                        if let Some(sum) = sums.get_mut(i / neurons) {
                            *sum += row[*c as usize] * S::constant(slope.at(i, rows.len()));
                        }
                    }
                }
                sums
            }
        };
        self.file.gradients.iter().map(one).collect()
    }
}

impl NetworkRun<'_, Bounded> {
    /// The gradients of the file under a rule, and how far each of their numbers may be off.
    pub(super) fn expected(&self, rule: &Rule) -> Result<Vec<Expected>> {
        let found = self.recorded(&self.gradients(rule)?);
        let each = found.iter().zip(&self.file.gradients);
        Ok(each.map(|(numbers, recorded)| Expected::new(numbers, recorded.precision)).collect())
    }
}

impl Rule {
    fn of_layer(&self, c: &super::cell::Constants, per_neuron: bool, roundoff: f64) -> LayerRule {
        LayerRule {
            reset_gradient: self.reset_gradient.unwrap_or(c.cell.reset_gradient),
            surrogate: self.surrogate.apply(c.cell.surrogate),
            factor: self.factor,
            width: self.width,
            truncated: self.truncated,
            // An integrator has none to be changed.
            reset: self.reset.filter(|_| c.spiking).unwrap_or(c.cell.reset),
            cuts: self.cuts,
            threshold: self.threshold.unwrap_or(ThresholdPaths {
                reset: true,
                spike: c.cell.threshold_in_spike == ThresholdInSpike::Attached,
            }),
            roundoff,
            per_neuron,
        }
    }
}

/// Finite weights and constants can still make what is not.
fn finite<S: Number>(k: usize, what: &str, values: &[S]) -> Result<()> {
    match values.iter().all(|&x| S::is_finite(x)) {
        true => Ok(()),
        false => Err(AuditError::Run(format!(
            "the {what} of layer {k}, or the bound of its rounding errors, which has its square, is not finite \
                 everywhere; its numbers are too large: choose other units of the input and the weights, so that \
                 they lie between 1e-100 and 1e100, and record again"
        ))),
    }
}

/// The spikes `o` of each sample as the file has them; not a number where it cannot know.
fn forced_spikes(data: &LayerData, extent: Extent) -> Option<Vec<Vec<f64>>> {
    let (constants, recorded) = (data.constants.as_ref()?, data.spikes.as_ref()?);
    let one = |sample: usize| {
        let mut y = extent.gather(recorded.as_slice(), sample);
        if constants.output == Output::Trace && constants.cell.trace_decay > 0.0 {
            let beta = constants.cell.trace_decay;
            for at in (extent.width..y.len()).rev() {
                y[at] = ((y[at] - beta * y[at - extent.width]) / (1.0 - beta)).round();
            }
            y.iter_mut().take(extent.width).for_each(|a| *a = (*a / (1.0 - beta)).round());
        }
        if constants.cell.output_delay {
            y.drain(..extent.width);
            y.extend(std::iter::repeat_n(f64::NAN, extent.width));
        }
        y
    };
    Some((0..extent.batch).map(one).collect())
}

/// The constants in the order of their gradients.
pub(super) const ALL: [Constant; CONSTANTS] = [
    Constant::Decay,
    Constant::Threshold,
    Constant::InputGain,
    Constant::Drive,
    Constant::ResetValue,
    Constant::SynapseDecay,
    Constant::SynapseGain,
    Constant::AdaptationDecay,
    Constant::AdaptationScale,
];

#[cfg(test)]
mod tests;
