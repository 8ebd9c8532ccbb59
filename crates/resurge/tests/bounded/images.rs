//! Kinds of harm that layers over images can do: windows, kernels, statistics.

use crate::build::{Draft, Draw};
use crate::hostile::{
    budget, chance, classes, extreme, input_gradient, network, neuron, one_of, parameter, size,
};
use safetensors::tensor::Dtype;
use serde_json::{Value, json};

fn window(draw: &mut Draw, image: usize) -> Value {
    let near = [1, 2, 3, image, 2 * image, image * image + 1].map(|x| x as u64);
    let kernel = if chance(draw, 0.5) { one_of(draw, &near) } else { extreme(draw) };
    let padding = [0, 1, kernel / 2, kernel.saturating_sub(1), extreme(draw)];
    let stride = [1, 2, kernel / 2, kernel, extreme(draw)];
    let other = if chance(draw, 0.5) { kernel } else { 1 };
    json!({
        "kind": one_of(draw, &["avg-pool2d", "sum-pool2d", "max-pool2d"]), "kernel": [kernel, other],
        "padding": [one_of(draw, &padding), one_of(draw, &padding).min(other.saturating_sub(1))],
        "stride": [one_of(draw, &stride), one_of(draw, &stride)],
    })
}

/// Windows far beyond small images.
pub(crate) fn pool(draw: &mut Draw) -> Draft {
    let [t, b, c] = [size(draw, 5), size(draw, 3), size(draw, 4)];
    let [h, w] = [size(draw, 12), size(draw, 12)];
    let pools: Vec<Value> = (0..size(draw, 3)).map(|_| window(draw, h.max(w))).collect();
    // A loss of everything needs no shape; its classes are those of the first sample.
    let mut layers = pools;
    if chance(draw, 0.5) {
        layers.push(neuron(draw));
    }
    let mut draft = network(draw, &[t, b, c, h, w], layers, &[]);
    let loss = json!({"kind": "cross-entropy", "readout": "sum", "reduction": "sum"});
    classes(&mut draft, b, loss);
    input_gradient(draw, &mut draft);
    draft
}

/// Windows of the size of large images at every position.
pub(crate) fn overlapping_pools(draw: &mut Draw) -> Draft {
    let bytes = budget(draw);
    let side = size(draw, (bytes as f64).sqrt() as usize).max(2);
    let planes = size(draw, bytes / (side * side).max(1));
    let kernel = one_of(draw, &[side / 2 + 1, side, 2 * side, 3]);
    let padding = one_of(draw, &[0, kernel / 2, kernel - 1]);
    let pool = json!({
        "kind": one_of(draw, &["avg-pool2d", "sum-pool2d", "max-pool2d"]), "kernel": [kernel, kernel],
        "padding": [padding, padding], "stride": [1, one_of(draw, &[1, 2])],
    });
    let count = size(draw, 3);
    let mut draft = network(draw, &[planes, 1, 1, side, side], vec![pool; count], &[]);
    classes(&mut draft, 1, json!({"kind": "cross-entropy", "readout": "sum"}));
    input_gradient(draw, &mut draft);
    draft
}

/// Large kernels on small images, wide padding, many groups.
pub(crate) fn convolution(draw: &mut Draw) -> Draft {
    let weights = budget(draw) / 4;
    let kh = size(draw, weights);
    let kw = size(draw, (weights / kh).min(60));
    let groups = size(draw, 8);
    let filters = size(draw, weights / (kh * kw).max(1) / groups + 1);
    let channels = size(draw, weights / (kh * kw * filters * groups).max(1));
    let [h, w] = [size(draw, 60), size(draw, 60)];
    let pixels = budget(draw);
    let rows = size(draw, pixels / (h * w * channels * groups).max(1));
    let [ph, pw] = [one_of(draw, &[0, kh / 2, kh, kh.max(h)]), one_of(draw, &[0, kw / 2, kw.max(w)])];
    let conv = json!({
        "kind": "conv2d", "bias": false, "padding": [ph, pw], "groups": groups,
        "stride": [one_of(draw, &[1, 1, 2, kh.max(1)]), one_of(draw, &[1, 1, 3])],
    });
    let mut layers = vec![conv];
    if chance(draw, 0.5) {
        layers.push(neuron(draw));
    }
    let mut draft = network(draw, &[rows, 1, channels * groups, h, w], layers, &[]);
    classes(&mut draft, 1, json!({"kind": "cross-entropy", "readout": "sum"}));
    parameter(draw, &mut draft, "layers.0.weight", &[filters * groups, channels, kh, kw]);
    draft
}

/// Batch normalisation and masks, one behind another: of many steps, channels without a spread, huge numbers.
pub(crate) fn normalised(draw: &mut Draw) -> Draft {
    let bytes = budget(draw);
    let t = size(draw, bytes);
    let b = size(draw, (bytes / t).min(300));
    let c = size(draw, bytes / (t * b));
    let side = size(draw, ((bytes / (t * b * c)) as f64).sqrt() as usize);
    let shape = if chance(draw, 0.5) { vec![t, b, c] } else { vec![t, b, c, side, side] };
    let count = size(draw, 500_000 / shape.iter().product::<usize>().max(25_000));
    let mut layers: Vec<Value> = (0..count)
        .map(|_| {
            let over = one_of(draw, &["step", "run"]);
            let epsilon = one_of(draw, &[1e-5, 1.0, 1e-30, 1e300]);
            let norm = json!({"kind": "batch-norm", "bias": false, "over": over, "epsilon": epsilon});
            if chance(draw, 0.6) { norm } else { json!({"kind": "mask"}) }
        })
        .collect();
    if chance(draw, 0.5) {
        layers.push(neuron(draw));
    }
    let kinds: Vec<Value> = layers.iter().map(|layer| layer["kind"].clone()).collect();
    let mut draft = network(draw, &shape, layers, &[]);
    classes(&mut draft, b, json!({"kind": "cross-entropy", "readout": "sum"}));
    for (k, kind) in kinds.iter().enumerate() {
        if kind == "mask" {
            let kept = (0..shape.iter().product()).map(|_| u8::from(draw.unit() < 0.5)).collect();
            draft.tensors.insert(format!("layers.{k}.mask"), (Dtype::U8, shape.clone(), kept));
        } else if kind == "batch-norm" {
            parameter(draw, &mut draft, &format!("layers.{k}.weight"), &[c]);
        }
    }
    input_gradient(draw, &mut draft);
    draft
}
