//! Resurge's own cells as recorded programs: from the tape that they ran on.

use crate::draft::{Draft, drawn};
use resurge_autodiff::{Tape, Var};
use resurge_snn::Cell;
use resurge_tensor::Tensor;
use serde_json::json;

pub(crate) const STEPS: usize = 7;
const SAMPLES: usize = 3;
const NEURONS: usize = 4;
pub(crate) const SHAPE: [usize; 3] = [STEPS, SAMPLES, NEURONS];

/// Currents by which neurons fire often, but not always.
pub(crate) fn currents() -> Tensor<f64> {
    let values = drawn(STEPS * SAMPLES * NEURONS, 5).iter().map(|x| 0.6 + 1.2 * x).collect();
    Tensor::from_vec(SHAPE, values).expect("as many as the shape says")
}

/// What the loss gives each spike of a step.
pub(crate) fn weights(step: usize) -> Tensor<f64> {
    let values = drawn(SAMPLES * NEURONS, 9 + step as u64);
    Tensor::from_vec([SAMPLES, NEURONS], values).expect("as many as the shape says")
}

/// A cell on a tape: its current, its spikes by step, and the loss.
pub(crate) fn run(cell: &Cell) -> (Tape<f64>, Var, Vec<Var>, Var) {
    let mut tape = Tape::new();
    let current = tape.leaf(currents());
    let run = cell.run(&mut tape, current).expect("it runs");
    let mut loss: Option<Var> = None;
    for (step, &spikes) in run.spikes.iter().enumerate() {
        let weights = tape.constant(weights(step));
        let product = tape.mul(spikes, weights).expect("two of one shape");
        let sum = tape.sum(product).expect("a sum");
        loss = Some(loss.map_or(sum, |loss| tape.add(loss, sum).expect("two numbers")));
    }
    (tape, current, run.spikes, loss.expect("a step"))
}

/// The gradient of the loss by the current.
pub(crate) fn gradient(cell: &Cell) -> Vec<f64> {
    let (tape, current, _, loss) = run(cell);
    let gradients = tape.backward(loss).expect("a loss");
    gradients.wrt(current).expect("a leaf").to_vec()
}

/// The program that a cell is, with a recorded gradient.
pub(crate) fn program(cell: &Cell, recorded: &[f64]) -> Draft {
    let (tape, ..) = run(cell);
    let mut draft = Draft::new();
    let mut selected = 0;
    for node in tape.nodes() {
        let shape = node.value().shape().to_vec();
        let inputs = node.parents();
        let entry = match node.name() {
            "leaf" => json!({ "op": "leaf", "with": { "name": "current" } }),
            "constant" if shape.is_empty() => {
                json!({ "op": "constant", "with": { "scalar": node.value().item() } })
            }
            "constant" => json!({ "op": "constant" }),
            "select" => {
                let (rows, width) = (SHAPE[1], SHAPE[2]);
                selected += 1;
                json!({ "op": "strided", "in": inputs, "with":
                    { "shape": shape, "offset": (selected - 1) * rows * width, "strides": [width, 1] } })
            }
            "sum" => json!({ "op": "sum", "in": inputs, "with": { "axes": [0, 1] } }),
            "spike" => json!({ "op": "surrogate", "in": inputs, "at": 0, "with":
                { "function": "spike", "step": ["gt", 0.0], "declared": cell.surrogate.to_string() } }),
            "detach" => {
                let site = if node.label().as_deref() == Some("reset") { 1 } else { 2 };
                json!({ "op": "stop", "in": inputs, "at": site, "with": { "kind": "detach" } })
            }
            "neg" => json!({ "op": "scale", "in": inputs, "with": { "factor": -1.0 } }),
            "shift" => json!({ "op": "shift", "in": inputs, "with": { "by": 1.0 } }),
            name @ ("add" | "sub" | "mul" | "div") => json!({ "op": name, "in": inputs, "at": 3 }),
            other => panic!("a cell with {other}"),
        };
        let number = draft.add(entry);
        match node.name() {
            "leaf" => {
                draft.numbers(&format!("value.{number}"), &shape, node.value().to_vec());
                draft.numbers(&format!("cotangent.{number}"), &shape, recorded.to_vec());
            }
            "constant" if !shape.is_empty() => {
                draft.numbers(&format!("value.{number}"), &shape, node.value().to_vec());
            }
            "spike" => {
                let u = tape.nodes()[inputs[0]].value().as_slice();
                let slopes = u.iter().map(|&u| cell.surrogate.derivative(u)).collect();
                draft.numbers(&format!("slope.{number}.0"), &shape, slopes);
                draft.numbers(&format!("value.{number}"), &shape, node.value().to_vec());
            }
            _ => {}
        }
    }
    draft.loss = draft.nodes.len() - 1;
    draft.lines = vec![3, 5, 7, 11];
    draft
}
