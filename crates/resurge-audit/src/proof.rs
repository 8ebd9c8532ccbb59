//! The referee proved on the very input: the rebuilt network as a program on the tape, made of `resurge-snn`'s cells,
//! layers and losses; its gradient proved as that of any program, and the adjoint of the audit held against it.

use super::cell::Constants;
use super::compare::norm;
use super::cost;
use super::description::{Constant, Layer, Output};
use super::error::Result;
use super::file::{AuditFile, LayerData};
use super::run::{ALL, NetworkRun, OfLayer, Rule};
use super::stage::{self, Given};
use resurge_autodiff::{Tape, Var};
use resurge_gradcheck::{Program, ProgramResult, ProofOptions, Untested, Verdict};
use resurge_snn::CellParameters;
use resurge_tensor::{Bounded, Scalar, Tensor};
use serde::Serialize;
use std::ops::Range;

/// What was proved of the rebuilt network's gradient.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let proof = audit(&file, &AuditOptions::default())?.proof.ok_or("no proof")?;
/// assert!(proof.passed && proof.loss_exact && proof.dual < 1e-12);
/// assert!(proof.spikes == Some(true) && proof.untested.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProofReport {
    /// The steps of the input on which it was proved, from the first.
    pub steps: usize,
    /// The samples on which it was proved, from the first.
    pub samples: usize,
    /// The largest error against adaptive finite differences of the anchored program, in units of the gradient's norm;
    /// none where kinks or rounding leave no step that could decide.
    pub finite_difference: Option<f64>,
    /// The same against the complex step.
    pub complex_step: f64,
    /// The same against dual numbers.
    pub dual: f64,
    /// The largest error of the audit's adjoint against the tape, of each parameter in units of its own norm.
    pub adjoint: f64,
    /// Directions along which finite differences decided.
    pub directions: usize,
    /// Whether the anchored program's loss is the network's, to the bit.
    pub loss_exact: bool,
    /// Whether any spike occurs on it; none of a network without neurons that spike.
    pub spikes: Option<bool>,
    /// The parameters whose gradient is exactly zero on it: nothing was proved of them.
    pub without_gradient: Vec<String>,
    /// What the part of the run did not test.
    pub untested: Vec<Untested>,
    /// Whether all of it holds.
    pub passed: bool,
}

/// The network as a program of its parameters: weights, biases, recurrent weights and the constants that are learned.
struct Rebuilt<'a>(&'a AuditFile);

impl Program for Rebuilt<'_> {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let file = self.0;
        let mut inputs = inputs.iter().copied();
        let mut x = tape.constant(file.input.cast());
        let mut potentials = None;
        let mut inner: Option<Var> = None;
        for (k, (layer, data)) in file.description.layers.iter().zip(&file.layers).enumerate() {
            let mut next = |there: bool| if there { inputs.next() } else { None };
            let Some(constants) = &data.constants else {
                let weight = next(data.weight.is_some());
                let bias = match &data.bias {
                    Some(bias) if file.bias_vanishes(k) => Some(tape.constant(bias.cast())),
                    bias => next(bias.is_some()),
                };
                let mask = data.mask.as_ref().map(|mask| tape.constant(mask.cast()));
                x = stage::apply(tape, layer, x, Given { weight, bias, mask })?;
                potentials = None;
                inner = with_inner(tape, data, x, inner)?;
                continue;
            };
            let cell = constants.cell;
            let mut parameters = cell.parameters(tape);
            if constants.vary() {
                for constant in ALL.into_iter().filter(|&constant| constants.has(constant)) {
                    let each =
                        tape.constant(tensor(file, k, |c| constant.learnable().value(&c.cell))?.cast());
                    constant.learnable().learn(tape, &mut parameters, each)?;
                }
                let initial = tensor(file, k, |c| c.cell.initial_potential)?;
                parameters.initial_potential = Some(tape.constant(initial.cast()));
            }
            parameters.min_potential =
                constants.min_potential.map(|least| tape.constant(Tensor::scalar(S::from_f64(least))));
            parameters.adaptation_detached = constants.adaptation_detached;
            parameters.recurrent = next(data.recurrent.is_some());
            for constant in learned(file, k) {
                if let Some(leaf) = next(true) {
                    constant.learnable().learn(tape, &mut parameters, leaf)?;
                }
            }
            if constants.spiking {
                let run = cell.run_with(tape, x, &parameters)?;
                let u = tape.stack(&run.potentials)?;
                x = match constants.output {
                    Output::Potential => u,
                    Output::Trace => tape.stack(&run.traces)?,
                    Output::Spikes => tape.stack(&run.outputs)?,
                };
                potentials = Some(u);
            } else {
                x = integrate(tape, x, &parameters)?;
                potentials = Some(x);
            }
            inner = with_inner(tape, data, x, inner)?;
        }
        let loss = file.description.loss.run(tape, x, potentials, &file.target, stage::NO_TRACE)?;
        let Some(inner) = inner else { return Ok(loss) };
        let inner = tape.scale(inner, file.sum_scale())?;
        Ok(tape.add(loss, inner)?)
    }
}

/// What the loss has of a layer that is not the last, added to that of those before.
fn with_inner<S: Scalar>(
    tape: &mut Tape<S>,
    data: &LayerData,
    output: Var,
    before: Option<Var>,
) -> resurge_snn::Result<Option<Var>> {
    let Some(weight) = &data.loss_weight else { return Ok(before) };
    let weight = tape.constant(weight.cast());
    let product = tape.mul(output, weight)?;
    let sum = tape.sum(product)?;
    Ok(Some(match before {
        Some(before) => tape.add(before, sum)?,
        None => sum,
    }))
}

/// `u[t] = lambda u[t-1] + gain i[t] + drive`: the recurrence of [`Cell`](resurge_snn::Cell) without spikes.
fn integrate<S: Scalar>(
    tape: &mut Tape<S>,
    current: Var,
    parameters: &CellParameters,
) -> resurge_snn::Result<Var> {
    let steps = tape.value(current)?.shape()[0];
    let zero = tape.constant(Tensor::scalar(S::zero()));
    let mut before = parameters.initial_potential.unwrap_or(zero);
    let mut synapse: Option<Var> = None;
    let mut potentials = Vec::new();
    for t in 0..steps {
        let mut i = tape.select(current, t)?;
        if let Some(decay) = parameters.synapse_decay {
            if let Some(gain) = parameters.synapse_gain {
                i = tape.mul(i, gain)?;
            }
            if let Some(held) = synapse {
                let held = tape.mul(held, decay)?;
                i = tape.add(held, i)?;
            }
            synapse = Some(i);
        }
        if let Some(gain) = parameters.input_gain {
            i = tape.mul(i, gain)?;
        }
        if let Some(drive) = parameters.drive {
            i = tape.add(i, drive)?;
        }
        if t > 0 {
            before = parameters.bounded(tape, before)?;
        }
        let kept = tape.mul(before, parameters.decay)?;
        before = tape.add(kept, i)?;
        potentials.push(before);
    }
    Ok(tape.stack(&potentials)?)
}

/// A number of each neuron of a layer, as its features; one number where all are alike.
fn tensor(
    file: &AuditFile,
    k: usize,
    number: impl Fn(&Constants) -> f64,
) -> resurge_tensor::Result<Tensor<f64>> {
    let Some(c) = &file.layers[k].constants else { return Ok(Tensor::scalar(0.0)) };
    if !file.per_neuron(k) {
        return Ok(Tensor::scalar(number(c.of(0))));
    }
    Tensor::from_fn(&file.shapes[k][2..], |neuron| number(c.of(neuron)))
}

/// The constants of a layer that the framework learns.
fn learned(file: &AuditFile, k: usize) -> Vec<Constant> {
    let all = file.description.layers[k].learned();
    let used = |constant: &Constant| all.is_some_and(|all| all.values().any(|by| by.contains_key(constant)));
    ALL.into_iter().filter(used).collect()
}

/// The parameters in the order of the program's inputs, with their names in the file.
fn inputs(file: &AuditFile) -> Result<Vec<(String, Tensor<f64>)>> {
    let mut all = Vec::new();
    for (k, data) in file.layers.iter().enumerate() {
        let bias = data.bias.as_ref().filter(|_| !file.bias_vanishes(k));
        for (name, held) in
            [("weight", data.weight.as_ref()), ("bias", bias), ("recurrent", data.recurrent.as_ref())]
        {
            all.extend(held.map(|held| (format!("layers.{k}.{name}"), held.clone())));
        }
        for constant in learned(file, k) {
            let name = format!("layers.{k}.{constant}");
            all.push((name, tensor(file, k, |c| constant.learnable().value(&c.cell))?));
        }
    }
    Ok(all)
}

/// The adjoint's gradients in the same order.
fn flat(file: &AuditFile, layers: &[OfLayer<Bounded>]) -> Vec<Bounded> {
    let mut all = Vec::new();
    for (k, found) in layers.iter().enumerate() {
        let bias = found.bias.as_ref().filter(|_| !file.bias_vanishes(k));
        for tensor in found.weight.as_ref().into_iter().chain(bias) {
            all.extend_from_slice(tensor.as_slice());
        }
        all.extend_from_slice(&found.recurrent);
        for constant in learned(file, k) {
            all.extend(found.constants.iter().map(|row| row[constant as usize]));
        }
    }
    all
}

/// The largest error of the adjoint in units of each tensor's own norm, and whether every number is within its bound: the
/// tape rounds in another order.
fn beside_the_tape(adjoint: &[Bounded], tape: &[f64], ranges: &[Range<usize>]) -> (f64, bool) {
    let mut worst: f64 = 0.0;
    for range in ranges {
        let (adjoint, tape) = (&adjoint[range.clone()], &tape[range.clone()]);
        let difference: Vec<f64> = adjoint.iter().zip(tape).map(|(a, b)| a.value - b).collect();
        let (error, unit) = (norm(&difference), norm(tape));
        // Of two that are zero, the quotient is no number, which is no larger.
        worst = worst.max(error / unit);
    }
    let agrees = adjoint.len() == tape.len()
        && adjoint.iter().zip(tape).all(|(a, &b)| super::file::Precision::F64.allows(b, *a));
    (worst, agrees)
}

/// A proof, or why there is none.
pub(super) type Proof = std::result::Result<ProofReport, String>;

/// Proves the gradient of the rebuilt network, on as much of the input as a few seconds allow.
pub(super) fn prove(file: &AuditFile, seed: u64) -> Result<Proof> {
    prove_against(file, seed, |part| {
        let run = NetworkRun::<Bounded>::new(part)?;
        Ok(flat(part, &run.gradients(&Rule::default())?.layers))
    })
}

/// The same of any adjoint.
fn prove_against(
    file: &AuditFile,
    seed: u64,
    adjoint: impl FnOnce(&AuditFile) -> Result<Vec<Bounded>>,
) -> Result<Proof> {
    let (steps, batch) = file.extent();
    let on_tape = cost::on_tape(file);
    let Some((steps, samples)) = on_tape.part(steps, batch) else {
        let why = "a step of one sample takes longer to prove than a file of this size is given";
        return Ok(Err(why.into()));
    };
    let (steps, samples) = with_variance(&file.description.layers, (steps, samples), file.extent());
    // Without its spikes: those of the tape are its own.
    let part = file.cropped(steps, samples)?;
    let program = Rebuilt(&part);
    let (names, at): (Vec<String>, Vec<Tensor<f64>>) = inputs(&part)?.into_iter().unzip();
    if at.is_empty() {
        return Ok(Err("the network has no parameter".into()));
    }
    // Of what is large, the gradient's own direction alone.
    let others = usize::from(has_others(on_tape.of(steps, samples), on_tape.allowed));
    let width = narrowest(part.layers.iter().filter_map(|layer| layer.constants.as_deref()));
    let options =
        ProofOptions { signs: others, entries: others, each_input: true, seed, width, names: &names };
    let proof = resurge_gradcheck::prove(&program, at, &options)?;
    let adjoint = adjoint(&part)?;
    let ranges: Vec<Range<usize>> = proof.inputs.iter().map(|input| input.range.clone()).collect();
    let (adjoint, agrees) = beside_the_tape(&adjoint, &proof.gradient, &ranges);
    if agrees && proof.untested() == [Untested::Gradient] {
        return Ok(Err(format!("the gradient vanishes on the first {steps} steps of {samples} samples")));
    }
    let zero = proof.inputs.iter().filter(|input| input.zero).map(|input| input.name.clone());
    let biases = (0..part.layers.len()).filter(|&k| part.layers[k].bias.is_some() && part.bias_vanishes(k));
    Ok(Ok(ProofReport {
        steps,
        samples,
        finite_difference: proof.errors.finite_difference,
        complex_step: proof.errors.complex_step,
        dual: proof.errors.dual,
        adjoint,
        directions: proof.conclusive,
        loss_exact: proof.loss_exact,
        spikes: proof.spikes,
        without_gradient: zero.chain(biases.map(|k| format!("layers.{k}.bias"))).collect(),
        untested: proof.untested(),
        passed: agrees && proof.verdict() != Verdict::Failed,
    }))
}

/// A part of a run, with batch normalisation of two steps and samples at the least, if the run has them: of one value
/// there is no variance.
fn with_variance(layers: &[Layer], part: (usize, usize), all: (usize, usize)) -> (usize, usize) {
    match layers.iter().any(|layer| matches!(layer, Layer::BatchNorm(_))) {
        true => (part.0.max(all.0.min(2)), part.1.max(all.1.min(2))),
        false => part,
    }
}

/// Whether directions besides the gradient's own are tried, where an evaluation costs so much.
fn has_others(cost: usize, allowed: usize) -> bool {
    cost <= allowed / 3
}

/// The narrowest surrogate's width; 1 where nothing spikes.
fn narrowest<'a>(neurons: impl Iterator<Item = &'a Constants>) -> f64 {
    let widths = neurons.filter(|c| c.spiking).map(|c| c.cell.surrogate.width());
    widths.min_by(f64::total_cmp).unwrap_or(1.0)
}

impl ProofReport {
    /// What it does not speak of, in words.
    ///
    /// ```
    /// use resurge_audit::{AuditFile, AuditOptions, audit};
    ///
    /// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
    /// let mut proof = audit(&file, &AuditOptions::default())?.proof.ok_or("no proof")?;
    /// assert_eq!(proof.not_tested(), None);
    /// proof.without_gradient = vec!["layers.1.threshold".into()];
    /// assert_eq!(proof.not_tested().ok_or("no words")?, "the gradient of layers.1.threshold is zero");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn not_tested(&self) -> Option<String> {
        let mut words: Vec<String> = self.untested.iter().map(Untested::to_string).collect();
        if !self.without_gradient.is_empty() {
            words.push(format!("the gradient of {} is zero", self.without_gradient.join(", ")));
        }
        (!words.is_empty()).then(|| words.join("; "))
    }
}

#[cfg(test)]
mod tests;
