//! A golden network on our tape.

use crate::file::{Golden, Neuron, Parameter};
use resurge_autodiff::{Gradients, Tape, Var};
use resurge_snn::{Cell, CellParameters, linear};
use resurge_tensor::Tensor;
use std::collections::BTreeMap;

/// What the network did, under the names of the golden files.
pub(crate) struct Run {
    pub(crate) spikes: Vec<Tensor<f64>>,
    pub(crate) potentials: Vec<Tensor<f64>>,
    pub(crate) loss: f64,
    pub(crate) gradients: BTreeMap<String, Tensor<f64>>,
}

/// The leaves of the framework's own parameters: for each, the cell's fields and the derivatives by which they
/// depend on it.
type Learned = BTreeMap<String, Vec<(Var, f64)>>;

/// Runs the network of a golden file with the given cell in each layer.
pub(crate) fn run(golden: &Golden, cell: Cell) -> Run {
    let mut tape = Tape::new();
    let mut leaves = BTreeMap::new();
    let mut leaf = |tape: &mut Tape<f64>, key: String| {
        let var = tape.leaf(golden.tensor(&key).clone());
        leaves.insert(key, var);
        var
    };
    let mut learned = Learned::new();
    let (mut spikes, mut potentials) = (Vec::new(), Vec::new());
    let mut signal = leaf(&mut tape, "x".into());
    for (k, neuron) in golden.neurons().into_iter().enumerate() {
        let weight = leaf(&mut tape, format!("w.{k}"));
        let bias = golden.tensors.contains_key(&format!("b.{k}"));
        let bias = bias.then(|| leaf(&mut tape, format!("b.{k}")));
        let current = linear(&mut tape, signal, weight, bias).unwrap();
        let mut parameters = learn(&mut tape, golden, cell, neuron, k, &mut learned);
        parameters.recurrent = neuron.recurrent.then(|| leaf(&mut tape, format!("rec.{k}")));
        let layer = cell.run_with(&mut tape, current, &parameters).unwrap();
        signal = tape.stack(&layer.outputs).unwrap();
        spikes.push(signal);
        potentials.push(tape.stack(&layer.potentials).unwrap());
    }
    let loss = loss(&mut tape, golden, signal, potentials[potentials.len() - 1]);
    let gradients = tape.backward(loss).unwrap();
    let value = |var: &Var| tape.value(*var).unwrap().clone();
    let plain = leaves.iter().map(|(key, &var)| (key.clone(), gradients.wrt(var).unwrap().clone()));
    let combined = learned.iter().map(|(key, fields)| (key.clone(), combine(&gradients, fields)));
    Run {
        spikes: spikes.iter().map(value).collect(),
        potentials: potentials.iter().map(value).collect(),
        loss: value(&loss).item().unwrap(),
        gradients: plain.chain(combined).collect(),
    }
}

/// Leaves in the place of those constants of the cell that the framework's parameters determine.
fn learn(
    tape: &mut Tape<f64>,
    golden: &Golden,
    cell: Cell,
    neuron: &Neuron,
    k: usize,
    learned: &mut Learned,
) -> CellParameters {
    let mut parameters = cell.parameters(tape);
    for (name, Parameter { value, d_cell }) in &golden.about.parameters {
        let key = format!("{name}.{k}");
        assert_eq!(golden.tensor(&key).item(), Some(*value), "{}: {key}", golden.name);
        for (field, &slope) in d_cell {
            let value = match field.as_str() {
                "decay" => cell.decay(),
                "theta" => cell.threshold(),
                "gain" => cell.input_gain(),
                "constant" => cell.drive(),
                "v_reset" => neuron.v_reset,
                "synapse_decay" => cell.synapse().unwrap().decay,
                "synapse_gain" => cell.synapse().unwrap().gain,
                "rho" => cell.adaptation().unwrap().decay,
                other => panic!("{}: a cell has no field {other}", golden.name),
            };
            let var = tape.leaf(Tensor::scalar(value));
            match field.as_str() {
                "decay" => parameters.decay = var,
                "theta" => parameters.threshold = var,
                "gain" => parameters.input_gain = Some(var),
                "constant" => parameters.drive = Some(var),
                "v_reset" => parameters.v_reset = Some(var),
                "synapse_decay" => parameters.synapse_decay = Some(var),
                "synapse_gain" => parameters.synapse_gain = Some(var),
                _ => parameters.adaptation_decay = Some(var),
            }
            learned.entry(key.clone()).or_default().push((var, slope));
        }
    }
    parameters
}

/// `sum(c * spikes) + sum(d * potentials)`, the second only where the file has `d`.
fn loss(tape: &mut Tape<f64>, golden: &Golden, spikes: Var, potentials: Var) -> Var {
    let mut weighted = |key: &str, of: Var| {
        let weight = tape.constant(golden.tensor(key).clone());
        let product = tape.mul(weight, of).unwrap();
        tape.sum(product).unwrap()
    };
    let by_spikes = weighted("c", spikes);
    if !golden.tensors.contains_key("d") {
        return by_spikes;
    }
    let by_potentials = weighted("d", potentials);
    tape.add(by_spikes, by_potentials).unwrap()
}

/// The chain rule from the cell's fields to the framework's parameter.
fn combine(gradients: &Gradients<f64>, fields: &[(Var, f64)]) -> Tensor<f64> {
    let sum = fields.iter().map(|&(var, slope)| slope * gradients.wrt(var).unwrap().item().unwrap()).sum();
    Tensor::from_vec([1], vec![sum]).unwrap()
}
