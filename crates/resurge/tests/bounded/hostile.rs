//! Audit files that mean harm: small, and as much work or memory as the format lets them ask for; or contradictory.
//!
//! Most are legal but for one extreme, so that they get as far as the code that it is meant for. What a file is made of
//! follows from its number alone.

use crate::build::{Draft, Draw};
use crate::header;
use crate::images::{convolution, normalised, overlapping_pools, pool};
use resurge::audit::{AuditFile, AuditOptions};
use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A file that means harm.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// What it tries.
    pub kind: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Extents and numbers at which something may break.
pub(crate) const EXTREMES: [u64; 12] =
    [0, 1, 2, 3, 255, 120_001, 1 << 20, 1 << 31, 1 << 40, (1 << 53) + 1, i64::MAX as u64, u64::MAX];

type Make = fn(&mut Draw) -> Draft;

const KINDS: [(&str, Make); 15] = [
    ("pool", pool),
    ("overlapping pools", overlapping_pools),
    ("convolution", convolution),
    ("refractory period", refractory),
    ("many steps", many_steps),
    ("many layers", many_layers),
    ("many outputs", many_outputs),
    ("recurrent", recurrent),
    ("learned constants", learned),
    ("large batch", large_batch),
    ("normalised", normalised),
    ("numbers", numbers),
    ("loss", loss),
    ("anything", anything),
    ("a field", one_field),
];

/// The file of a number.
pub fn hostile(number: u64) -> Hostile {
    edited(number, &[])
}

/// The same with edits: each three bytes put another value in some place of the description.
pub fn edited(number: u64, edits: &[u8]) -> Hostile {
    let mut draw = Draw(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
    draw.unit();
    let kinds = KINDS.len() as u64 + 2;
    let pick = number % kinds;
    if pick >= KINDS.len() as u64 {
        let (kind, bytes) = header::hostile(&mut draw, pick == kinds - 1);
        return Hostile { kind, bytes };
    }
    let (kind, make) = KINDS[pick as usize];
    let mut draft = make(&mut draw);
    for &[high, low, value] in edits.as_chunks().0 {
        header::replace(
            &mut draft.description,
            usize::from(high) << 8 | usize::from(low),
            usize::from(value),
        );
    }
    // With the loss of its own run, it gets as far as the search for an explanation.
    if chance(&mut draw, 0.8) {
        let quick = AuditOptions { proof: false, search: false, profiles: false, seed: 1 };
        let found = AuditFile::parse(&draft.bytes()).and_then(|file| resurge::audit::audit(&file, &quick));
        if let Ok(report) = found {
            draft.put("loss", is_double(&draft), &[], &[report.forward.computed_loss]);
        }
    }
    Hostile { kind, bytes: draft.bytes() }
}

fn is_double(draft: &Draft) -> bool {
    draft.tensors.get("loss").is_some_and(|(dtype, ..)| *dtype == Dtype::F64)
}

pub(crate) fn chance(draw: &mut Draw, p: f64) -> bool {
    draw.unit() < p
}

/// A whole number from 1 to `most`, each size as likely as another.
pub(crate) fn size(draw: &mut Draw, most: usize) -> usize {
    ((most as f64 + 0.999).powf(draw.unit()) as usize).clamp(1, most.max(1))
}

pub(crate) fn one_of<T: Copy>(draw: &mut Draw, all: &[T]) -> T {
    all[(draw.unit() * all.len() as f64) as usize % all.len()]
}

pub(crate) fn extreme(draw: &mut Draw) -> u64 {
    one_of(draw, &EXTREMES)
}

/// The bytes that a file of this size may spend on its input.
pub(crate) fn budget(draw: &mut Draw) -> usize {
    one_of(draw, &[200, 1000, 5000, 20_000, 60_000, 120_000])
}

pub(crate) fn neuron(draw: &mut Draw) -> Value {
    let kind = one_of(draw, &["none", "zero", "value", "subtract", "zero-then-add"]);
    let timing = one_of(draw, &["before-decay", "after-decay", "after-input"]);
    let surrogate =
        one_of(draw, &["sigmoid", "triangle", "rectangle", "gaussian", "exponential", "algebraic"]);
    let mut neuron = json!({
        "kind": "neuron", "decay": one_of(draw, &[0.0, 0.5, 0.9, 0.999, 1.0]),
        "reset": {"kind": kind, "timing": timing, "value": 0.25}, "reset_gradient": "full",
        "surrogate": {"kind": surrogate, "width": one_of(draw, &[1e-3, 0.5, 1.0, 50.0])},
        "threshold": one_of(draw, &[0.1, 1.0, 3.0]), "drive": one_of(draw, &[0.0, 0.2]),
    });
    let options = [
        ("firing", json!("repeatedly")),
        ("synapse", json!({"decay": 0.8})),
        ("adaptation", json!({"decay": 0.9, "scale": 0.3})),
        ("refractory", json!(3)),
        ("output_delay", json!(true)),
        ("threshold_in_spike", json!("relative")),
        ("initial_potential", json!(0.5)),
    ];
    for (name, value) in options {
        if chance(draw, 0.25) {
            neuron[name] = value;
        }
    }
    if chance(draw, 0.25) {
        neuron["trace_decay"] = json!(0.7);
        neuron["output"] = json!("trace");
    }
    neuron
}

/// A network on an input of bytes, whose loss is a weighted sum of its output of `outputs` numbers a step and sample.
pub(crate) fn network(draw: &mut Draw, input: &[usize], layers: Vec<Value>, output: &[usize]) -> Draft {
    let description = json!({
        "version": 1, "framework": {"name": "hostile", "version": "1"}, "layers": layers,
        "loss": {"kind": "weighted-sum"},
    });
    let mut draft = Draft { description, tensors: BTreeMap::new() };
    let values = (0..input.iter().product()).map(|_| u8::from(draw.unit() < 0.4)).collect();
    draft.tensors.insert("input".into(), (Dtype::U8, input.to_vec(), values));
    draft.put("loss", false, &[], &[0.0]);
    random(draw, &mut draft, "loss.weight", output);
    draft
}

fn random(draw: &mut Draw, draft: &mut Draft, name: &str, shape: &[usize]) {
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| 2.0 * draw.unit() - 0.7).collect();
    draft.put(name, is_double(draft), shape, &values);
}

/// A parameter, and a gradient that is not its own.
pub(crate) fn parameter(draw: &mut Draw, draft: &mut Draft, name: &str, shape: &[usize]) {
    random(draw, draft, name, shape);
    random(draw, draft, &format!("gradients.{name}"), shape);
}

pub(crate) fn input_gradient(draw: &mut Draw, draft: &mut Draft) {
    let shape = draft.tensors["input"].1.clone();
    random(draw, draft, "gradients.input", &shape);
}

pub(crate) fn classes(draft: &mut Draft, batch: usize, loss: Value) {
    draft.description["loss"] = loss;
    draft.tensors.remove("loss.weight");
    draft.tensors.insert("target".into(), (Dtype::I64, vec![batch], vec![0; 8 * batch]));
}

/// One layer of `n` neurons after a linear one of one input.
fn one_layer(draw: &mut Draw, [t, b, n]: [usize; 3], neuron: Value) -> Draft {
    let linear = json!({"kind": "linear", "bias": false});
    let mut draft = network(draw, &[t, b, 1], vec![linear, neuron], &[]);
    classes(&mut draft, b, json!({"kind": "cross-entropy", "readout": "mean"}));
    parameter(draw, &mut draft, "layers.0.weight", &[n, 1]);
    draft
}

fn refractory(draw: &mut Draw) -> Draft {
    let bytes = budget(draw);
    let t = size(draw, bytes);
    let mut neuron = neuron(draw);
    let periods = [1, t as u64 / 2, t as u64, extreme(draw)];
    neuron["refractory"] = json!(one_of(draw, &periods));
    let n = size(draw, 300_000 / t);
    one_layer(draw, [t, 1, n], neuron)
}

fn many_steps(draw: &mut Draw) -> Draft {
    let t = budget(draw);
    let neuron = neuron(draw);
    let n = size(draw, 300_000 / t);
    one_layer(draw, [t, 1, n], neuron)
}

fn many_layers(draw: &mut Draw) -> Draft {
    let count = size(draw, 6000);
    let [t, b, n] = [size(draw, 20), size(draw, 3), size(draw, 4)];
    let layers: Vec<Value> = (0..count)
        .map(|_| match size(draw, 4) {
            1 => neuron(draw),
            2 => json!({"kind": "integrator", "decay": 0.5}),
            _ => json!({"kind": "flatten"}),
        })
        .collect();
    let mut draft = network(draw, &[t, b, n], layers, &[]);
    classes(&mut draft, b, json!({"kind": "cross-entropy", "readout": "last"}));
    input_gradient(draw, &mut draft);
    draft
}

fn many_outputs(draw: &mut Draw) -> Draft {
    let bytes = budget(draw);
    let t = size(draw, 50);
    let neuron = neuron(draw);
    let b = size(draw, 10);
    one_layer(draw, [t, b, bytes / 8], neuron)
}

fn recurrent(draw: &mut Draw) -> Draft {
    let [weights, spikes] = [budget(draw), budget(draw)];
    let n = size(draw, ((weights / 8) as f64).sqrt() as usize);
    let rows = size(draw, (spikes / n).clamp(1, 280_000 / n));
    let t = size(draw, rows);
    let mut neuron = neuron(draw);
    neuron["recurrent"] = json!(true);
    let mut draft = network(draw, &[t, rows / t, n], vec![neuron], &[]);
    classes(&mut draft, rows / t, json!({"kind": "cross-entropy", "readout": "sum"}));
    parameter(draw, &mut draft, "layers.0.recurrent", &[n, n]);
    draft
}

fn learned(draw: &mut Draw) -> Draft {
    let names = size(draw, 3000);
    let mut neuron = neuron(draw);
    let all = ["decay", "threshold", "input_gain", "drive"];
    let constants: BTreeMap<String, Value> =
        (0..names).map(|k| (format!("p{k}"), json!({all[k % 4]: 1.0, all[(k + 1) % 4]: -0.5}))).collect();
    neuron["learned"] = json!(constants);
    let t = size(draw, 400);
    let n = size(draw, 30);
    let mut draft = one_layer(draw, [t, 2, n], neuron);
    for name in constants.keys() {
        draft.put(&format!("gradients.layers.1.{name}"), false, &[], &[draw.unit()]);
    }
    draft
}

fn large_batch(draw: &mut Draw) -> Draft {
    let bytes = budget(draw);
    let t = size(draw, 3);
    let mut neuron = neuron(draw);
    let n = size(draw, 300_000 / bytes);
    if chance(draw, 0.3) {
        // Its weights take as much room as the input at the most.
        let n = n.min(((bytes / 8) as f64).sqrt() as usize);
        neuron["recurrent"] = json!(true);
        let mut draft = one_layer(draw, [t, bytes / t, n], neuron);
        parameter(draw, &mut draft, "layers.1.recurrent", &[n, n]);
        return draft;
    }
    one_layer(draw, [t, bytes / t, n], neuron)
}

/// Numbers with which arithmetic is slow, overflows or makes none.
fn numbers(draw: &mut Draw) -> Draft {
    let t = size(draw, 20_000);
    let mut neuron = neuron(draw);
    let all = [5e-324, 1e-310, 2e-308, 1e-30, 1e300, 1.7e308, -1e308, -0.0];
    for name in ["threshold", "input_gain", "drive", "initial_potential"] {
        if chance(draw, 0.5) {
            neuron[name] = json!(one_of(draw, &all));
        }
    }
    if chance(draw, 0.3) {
        neuron["surrogate"]["width"] = json!(one_of(draw, &all));
    }
    let n = size(draw, 200_000 / t);
    let mut draft = one_layer(draw, [t, 1, n], neuron);
    let weights: Vec<f64> = (0..n).map(|_| one_of(draw, &all)).collect();
    draft.put("loss", true, &[], &[0.0]);
    draft.put("layers.0.weight", true, &[n, 1], &weights);
    draft.put("gradients.layers.0.weight", true, &[n, 1], &weights);
    draft
}

fn loss(draw: &mut Draw) -> Draft {
    let bytes = budget(draw);
    let [t, b] = [size(draw, 200), size(draw, 20)];
    let neuron = neuron(draw);
    let n = size(draw, (bytes / 4).min(250_000 / (t * b)));
    let mut draft = one_layer(draw, [t, b, n], neuron);
    let readout = one_of(draw, &["sum", "mean", "last", "max", "all"]);
    let reduction = one_of(draw, &["mean", "batch-mean", "sum"]);
    let scale = one_of(draw, &[1.0, 0.0, -1.0, 1e300, 1e-300]);
    let loss = json!({"kind": "cross-entropy", "readout": readout, "reduction": reduction, "scale": scale});
    classes(&mut draft, b, loss);
    draft
}

/// The layers of one of the above, and behind them the neurons of another.
fn anything(draw: &mut Draw) -> Draft {
    let makes = [pool, overlapping_pools, convolution, many_steps, recurrent, many_layers, loss];
    let (mut draft, other) = (one_of(draw, &makes)(draw), one_of(draw, &[many_layers, many_steps])(draw));
    let mut layers = draft.description["layers"].as_array().cloned().unwrap_or_default();
    let others = other.description["layers"].as_array().cloned().unwrap_or_default();
    layers.extend(others.into_iter().filter(|layer| layer["kind"] == "neuron").take(50));
    draft.description["layers"] = json!(layers);
    draft
}

/// A file whose description has another value in one place.
fn one_field(draw: &mut Draw) -> Draft {
    let makes = [pool, convolution, refractory, recurrent, learned, normalised, numbers, loss];
    let mut draft = one_of(draw, &makes)(draw);
    let [place, value] = [draw.unit(), draw.unit()].map(|x| (x * 1e4) as usize);
    header::replace(&mut draft.description, place, value);
    draft
}
