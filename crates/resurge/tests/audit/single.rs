//! Networks computed in `f32`, operation by operation, with sums in an order of their own: right gradients as a framework
//! rounds them.

use crate::build::{Draft, Draw};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A chain of linear layers with biases and neurons, its loss a weighted sum of all spikes.
#[derive(Clone)]
pub(crate) struct Single {
    pub(crate) sizes: Vec<usize>,
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    pub(crate) decay: f32,
    /// `u - theta o` in the place of `u (1 - o)`, both before the decay.
    pub(crate) subtract: bool,
    /// Whether the spike is detached in the reset.
    pub(crate) detached: bool,
    pub(crate) width: f32,
    /// The mean of the weights into a neuron together.
    pub(crate) drive: f32,
    /// The threshold of the last layer; that of the others is 1.
    pub(crate) last_threshold: f32,
    /// Of a threshold that is learned in every layer, the paths that are in its gradient.
    pub(crate) threshold: Option<Threshold>,
    /// Steps by which the input is late that a weight's gradient pairs with an error.
    pub(crate) shift: usize,
    /// Whether the input is an image of grey values, the same at each step.
    pub(crate) still: bool,
    pub(crate) seed: u64,
}

/// See [`Single::threshold`].
#[derive(Clone, Copy)]
pub(crate) struct Threshold {
    pub(crate) spike: bool,
    pub(crate) reset: bool,
}

impl Default for Single {
    fn default() -> Self {
        Self {
            sizes: vec![7, 6, 4],
            steps: 15,
            batch: 3,
            decay: 0.9,
            subtract: false,
            detached: false,
            width: 0.3,
            drive: 2.0,
            last_threshold: 1.0,
            threshold: None,
            shift: 0,
            still: false,
            seed: 1,
        }
    }
}

/// A sum in one of three orders: as it stands, from the end, by eight lanes as vector registers do.
fn sum(terms: &[f32], order: u64) -> f32 {
    match order % 3 {
        0 => terms.iter().fold(0.0, |a, b| a + b),
        1 => terms.iter().rev().fold(0.0, |a, b| a + b),
        _ => {
            let mut lanes = [0.0_f32; 8];
            terms.iter().enumerate().for_each(|(i, x)| lanes[i % 8] += x);
            lanes.iter().sum()
        }
    }
}

struct State {
    x: Vec<f32>,
    u: Vec<f32>,
    o: Vec<f32>,
}

impl Single {
    pub(crate) fn draft(&self) -> Draft {
        let (steps, batch) = (self.steps, self.batch);
        let mut draw = Draw(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| {
            draw.unit();
        });
        let mut numbers = |count: usize, low: f32, high: f32| -> Vec<f32> {
            (0..count).map(|_| low + (high - low) * draw.unit() as f32).collect()
        };
        let of_a_step = batch * self.sizes[0];
        let input: Vec<f32> = match self.still {
            true => numbers(of_a_step, 0.0, 1.0).repeat(steps),
            false => numbers(steps * of_a_step, 0.0, 1.0).iter().map(|&x| f32::from(x < 0.35)).collect(),
        };
        let parameters: Vec<(Vec<f32>, Vec<f32>)> = self
            .sizes
            .windows(2)
            .map(|pair| {
                let (mean, spread) = (self.drive / pair[0] as f32, 1.5 / (pair[0] as f32).sqrt());
                (numbers(pair[0] * pair[1], mean - spread, mean + spread), numbers(pair[1], -0.1, 0.1))
            })
            .collect();
        let last = self.sizes[self.sizes.len() - 1];
        let cotangent = numbers(steps * batch * last, -0.5, 0.5);
        let mut states: Vec<State> = Vec::new();
        for (k, (w, b)) in parameters.iter().enumerate() {
            let x = if k == 0 { input.clone() } else { states[k - 1].o.clone() };
            states.push(self.forward(k, x, w, b));
        }
        let spikes = &states[states.len() - 1].o;
        let terms: Vec<f32> = cotangent.iter().zip(spikes).map(|(c, o)| c * o).collect();
        let mut draft = Draft { description: self.description(), tensors: BTreeMap::new() };
        let mut put = |name: String, shape: &[usize], values: &[f32]| {
            let values: Vec<f64> = values.iter().map(|&x| x.into()).collect();
            draft.put(&name, false, shape, &values);
        };
        put("input".into(), &[steps, batch, self.sizes[0]], &input);
        put("loss".into(), &[], &[sum(&terms, self.seed)]);
        put("loss.weight".into(), &[steps, batch, last], &cotangent);
        let mut cotangent = cotangent;
        for (k, (w, b)) in parameters.iter().enumerate().rev() {
            let (n, m, state) = (self.sizes[k], self.sizes[k + 1], &states[k]);
            put(format!("layers.{}.weight", 2 * k), &[m, n], w);
            put(format!("layers.{}.bias", 2 * k), &[m], b);
            put(format!("potentials.{}", 2 * k + 1), &[steps, batch, m], &state.u);
            put(format!("spikes.{}", 2 * k + 1), &[steps, batch, m], &state.o);
            let (delta, at_threshold) = self.backward(k, state, &cotangent);
            if self.threshold.is_some() {
                put(format!("gradients.layers.{}.theta", 2 * k + 1), &[1], &[sum(&at_threshold, self.seed)]);
            }
            put(format!("gradients.currents.{}", 2 * k + 1), &[steps, batch, m], &delta);
            let (gw, gb, gx) = self.products(k, w, &delta, &state.x);
            put(format!("gradients.layers.{}.weight", 2 * k), &[m, n], &gw);
            put(format!("gradients.layers.{}.bias", 2 * k), &[m], &gb);
            cotangent = gx;
        }
        put("gradients.input".into(), &[steps, batch, self.sizes[0]], &cotangent);
        draft
    }

    fn description(&self) -> Value {
        let linear = json!({"kind": "linear", "bias": true});
        let mut neuron = json!({
            "kind": "neuron", "decay": f64::from(self.decay),
            "reset": {"kind": if self.subtract { "subtract" } else { "zero" }, "timing": "before-decay"},
            "reset_gradient": if self.detached { "detached" } else { "full" },
            "surrogate": {"kind": "sigmoid", "width": f64::from(self.width)},
        });
        if self.threshold.is_some() {
            neuron["learned"] = json!({"theta": {"threshold": 1.0}});
        }
        let mut layers: Vec<Value> =
            self.sizes[1..].iter().flat_map(|_| [linear.clone(), neuron.clone()]).collect();
        layers[2 * self.sizes.len() - 3]["threshold"] = json!(f64::from(self.last_threshold));
        json!({
            "version": 1, "framework": {"name": "loops", "version": "1"}, "layers": layers,
            "loss": {"kind": "weighted-sum"},
        })
    }

    fn threshold_of(&self, k: usize) -> f32 {
        if k + 2 == self.sizes.len() { self.last_threshold } else { 1.0 }
    }

    fn forward(&self, k: usize, x: Vec<f32>, w: &[f32], b: &[f32]) -> State {
        let (n, m, threshold) = (self.sizes[k], self.sizes[k + 1], self.threshold_of(k));
        let (mut u, mut o) = (vec![0.0; self.steps * self.batch * m], vec![0.0; self.steps * self.batch * m]);
        for (row, x) in x.chunks(n).enumerate() {
            for j in 0..m {
                let terms: Vec<f32> = x.iter().zip(&w[j * n..]).map(|(x, w)| x * w).collect();
                let at = row * m + j;
                let kept = match at.checked_sub(self.batch * m) {
                    Some(before) if self.subtract => self.decay * (u[before] - threshold * o[before]),
                    Some(before) => self.decay * (u[before] * (1.0 - o[before])),
                    None => 0.0,
                };
                u[at] = kept + (sum(&terms, self.seed) + b[j]);
                o[at] = f32::from(u[at] > threshold);
            }
        }
        State { x, u, o }
    }

    /// At the potentials; and the terms of the threshold's gradient.
    fn backward(&self, k: usize, state: &State, cotangent: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let stride = self.batch * self.sizes[k + 1];
        let mut delta = vec![0.0_f32; state.u.len()];
        let mut at_threshold = Vec::new();
        let part = |there: fn(Threshold) -> bool| f32::from(self.threshold.is_some_and(there));
        for at in (0..delta.len()).rev() {
            let next = delta.get(at + stride).copied().unwrap_or(0.0);
            let (u, o) = (state.u[at], state.o[at]);
            let s = 1.0 / (1.0 + (-(u - self.threshold_of(k)) / self.width).exp());
            let slope = s * (1.0 - s) / self.width;
            let by_spike = if self.subtract { -self.threshold_of(k) } else { -u };
            let by_potential = if self.subtract { 1.0 } else { 1.0 - o };
            let kept = self.decay * next;
            let reset = if self.detached { 0.0 } else { by_spike * kept };
            delta[at] = slope * (cotangent[at] + reset) + by_potential * kept;
            at_threshold.push(-(slope * (cotangent[at] + reset)) * part(|of| of.spike));
            at_threshold.push(-(o * kept) * part(|of| of.reset));
        }
        (delta, at_threshold)
    }

    fn products(&self, k: usize, w: &[f32], delta: &[f32], x: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let (n, m, rows) = (self.sizes[k], self.sizes[k + 1], self.steps * self.batch);
        let of = |terms: &dyn Fn(usize) -> f32, count: usize| {
            let terms: Vec<f32> = (0..count).map(terms).collect();
            sum(&terms, self.seed / 3)
        };
        let late = |row: usize| row.checked_sub(self.shift * self.batch);
        let x_at = |row: usize, i: usize| late(row).map_or(0.0, |row| x[row * n + i]);
        let gw = (0..m * n).map(|i| of(&|row| delta[row * m + i / n] * x_at(row, i % n), rows)).collect();
        let gb = (0..m).map(|j| of(&|row| delta[row * m + j], rows)).collect();
        let gx = (0..rows * n).map(|i| of(&|j| delta[i / n * m + j] * w[j * n + i % n], m)).collect();
        (gw, gb, gx)
    }
}
