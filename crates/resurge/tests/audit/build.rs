//! Audit files of small networks whose gradients plain loops compute: equation (1) forward, (5) or (6) backward.

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

pub(crate) const DECAY: f64 = 0.9;
const SLOPE: f64 = 5.0;

/// Numbers that look random and are the same everywhere.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A file before it is written.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) description: Value,
    pub(crate) tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Draft {
    pub(crate) fn put(&mut self, name: &str, double: bool, shape: &[usize], values: &[f64]) {
        let (dtype, bytes) = match double {
            true => (Dtype::F64, values.iter().flat_map(|x| x.to_le_bytes()).collect()),
            false => (Dtype::F32, values.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect()),
        };
        self.tensors.insert(name.into(), (dtype, shape.to_vec(), bytes));
    }

    /// A file that is there already.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(bytes).unwrap();
        let text = &header.metadata().as_ref().unwrap()["resurge_audit"];
        let tensor = |(name, view): (&str, TensorView<'_>)| {
            (name.to_owned(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        };
        Self { description: serde_json::from_str(text).unwrap(), tensors: file.iter().map(tensor).collect() }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, (dtype, shape, bytes))| {
            (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        let metadata = HashMap::from([("resurge_audit".to_owned(), self.description.to_string())]);
        safetensors::serialize(views, Some(metadata)).unwrap()
    }
}

/// A chain of linear layers and LIF neurons with a reset to zero.
pub(crate) struct Lif {
    pub(crate) sizes: Vec<usize>,
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    pub(crate) double: bool,
    /// Whether the file's gradient has the reset term.
    pub(crate) reset_term: bool,
    /// A spike of the first layer that the "framework" computed otherwise: its row of weights is scaled so that the
    /// potential is above the threshold by this part of it, and yet there is no spike.
    pub(crate) rounded_off: Option<f64>,
    /// The mean of the weights, over the number of spikes that come in.
    pub(crate) drive: f64,
    pub(crate) output: Output,
}

/// What a layer hands on.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Output {
    Spikes,
    /// Those of the step before.
    Delayed,
    /// `a[t] = 0.75 a[t-1] + 0.25 o[t]`.
    Trace,
}

const TRACE: f64 = 0.75;

impl Default for Lif {
    fn default() -> Self {
        Self {
            sizes: vec![6, 5, 3],
            steps: 12,
            batch: 2,
            double: true,
            reset_term: true,
            rounded_off: None,
            drive: 1.6,
            output: Output::Spikes,
        }
    }
}

impl Lif {
    pub(crate) fn draft(&self) -> Draft {
        let (steps, batch) = (self.steps, self.batch);
        let mut draw = Draw(7);
        let round = |x: f64| if self.double { x } else { f64::from(x as f32) };
        let input: Vec<f64> =
            (0..steps * batch * self.sizes[0]).map(|_| f64::from(u8::from(draw.unit() < 0.4))).collect();
        let mut weights: Vec<Vec<f64>> = self
            .sizes
            .windows(2)
            .map(|pair| {
                let spread = 3.0 / (pair[0] as f64).sqrt();
                let mean = self.drive / pair[0] as f64;
                let one = |_| round(mean + spread * (draw.unit() - 0.5));
                (0..pair[0] * pair[1]).map(one).collect()
            })
            .collect();
        let mut silent = None;
        if let Some(part) = self.rounded_off {
            silent = Some(self.put_on_threshold(&input, &mut weights[0], part));
        }
        // Potentials, spikes, and what is handed on.
        let mut states = vec![(Vec::new(), Vec::new(), input.clone())];
        for (k, w) in weights.iter().enumerate() {
            let (u, o) = self.forward(k, &states[k].2, w, silent.filter(|_| k == 0));
            let y = self.handed_on(&o, batch * self.sizes[k + 1]);
            states.push((u, o, y));
        }
        let last = *self.sizes.last().unwrap();
        let cotangent: Vec<f64> = (0..steps * batch * last).map(|_| round(draw.unit() - 0.5)).collect();
        let loss: f64 = cotangent.iter().zip(&states[weights.len()].2).map(|(c, o)| c * o).sum();
        let linear = json!({"kind": "linear", "bias": false});
        let mut neuron = json!({
            "kind": "neuron", "decay": round(DECAY), "reset": {"kind": "zero"}, "reset_gradient": "full",
            "surrogate": {"kind": "fast-sigmoid", "slope": SLOPE},
        });
        match self.output {
            Output::Spikes => {}
            Output::Delayed => neuron["output_delay"] = json!(true),
            Output::Trace => (neuron["output"], neuron["trace_decay"]) = (json!("trace"), json!(TRACE)),
        }
        let layers: Vec<Value> = weights.iter().flat_map(|_| [linear.clone(), neuron.clone()]).collect();
        let description = json!({
            "version": 1, "framework": {"name": "loops", "version": "1"}, "layers": layers,
            "loss": {"kind": "weighted-sum"},
        });
        let mut draft = Draft { description, tensors: BTreeMap::new() };
        let mut put = |name: String, shape: &[usize], values: &[f64]| {
            draft.put(&name, self.double, shape, values);
        };
        put("input".into(), &[steps, batch, self.sizes[0]], &input);
        put("loss".into(), &[], &[loss]);
        put("loss.weight".into(), &[steps, batch, last], &cotangent);
        let mut cotangent = cotangent;
        for (k, w) in weights.iter().enumerate().rev() {
            let (n, m) = (self.sizes[k], self.sizes[k + 1]);
            let (u, o, y) = &states[k + 1];
            put(format!("layers.{}.weight", 2 * k), &[m, n], w);
            put(format!("potentials.{}", 2 * k + 1), &[steps, batch, m], u);
            put(format!("spikes.{}", 2 * k + 1), &[steps, batch, m], y);
            let delta = self.backward(k, u, o, &self.at_spikes(&cotangent, batch * m));
            let (gradient, before) = self.products(k, w, &delta, &states[k].2);
            put(format!("gradients.layers.{}.weight", 2 * k), &[m, n], &gradient);
            cotangent = before;
        }
        draft
    }

    /// What follows from spikes, `stride` numbers a step.
    fn handed_on(&self, o: &[f64], stride: usize) -> Vec<f64> {
        let mut y = o.to_vec();
        match self.output {
            Output::Spikes => {}
            Output::Delayed => {
                y.rotate_right(stride);
                y[..stride].fill(0.0);
            }
            Output::Trace => {
                for at in 0..y.len() {
                    let before = at.checked_sub(stride).map_or(0.0, |before| y[before]);
                    y[at] = TRACE * before + (1.0 - TRACE) * y[at];
                }
            }
        }
        y
    }

    /// The transpose of that.
    fn at_spikes(&self, cotangent: &[f64], stride: usize) -> Vec<f64> {
        let mut g = cotangent.to_vec();
        match self.output {
            Output::Spikes => {}
            Output::Delayed => {
                g.rotate_left(stride);
                let last = g.len() - stride;
                g[last..].fill(0.0);
            }
            Output::Trace => {
                for at in (0..g.len().saturating_sub(stride)).rev() {
                    g[at] += TRACE * g[at + stride];
                }
                g.iter_mut().for_each(|g| *g *= 1.0 - TRACE);
            }
        }
        g
    }

    /// Scales the first row of weights: the first potential that exceeds the threshold then exceeds it by `part`. Returns
    /// its place.
    fn put_on_threshold(&self, input: &[f64], weights: &mut [f64], part: f64) -> usize {
        let m = self.sizes[1];
        let (u, o) = self.forward(0, input, weights, None);
        // Of the first sample: before its first spike, the potential is linear in the weights.
        let first = (0..self.steps).map(|t| t * self.batch * m).find(|&at| o[at] > 0.0).unwrap();
        let factor = (1.0 + part) / u[first];
        for w in &mut weights[..self.sizes[0]] {
            *w *= factor;
        }
        first
    }

    fn forward(&self, k: usize, x: &[f64], w: &[f64], silent: Option<usize>) -> (Vec<f64>, Vec<f64>) {
        let (n, m) = (self.sizes[k], self.sizes[k + 1]);
        let decay = if self.double { DECAY } else { f64::from(DECAY as f32) };
        let (mut u, mut o) = (vec![0.0; self.steps * self.batch * m], vec![0.0; self.steps * self.batch * m]);
        for row in 0..self.steps * self.batch {
            for j in 0..m {
                let current: f64 = (0..n).map(|i| w[j * n + i] * x[row * n + i]).sum();
                let at = row * m + j;
                let kept = match at.checked_sub(self.batch * m) {
                    Some(before) => decay * u[before] * (1.0 - o[before]),
                    None => 0.0,
                };
                u[at] = kept + current;
                o[at] = f64::from(u8::from(u[at] > 1.0 && silent != Some(at)));
            }
        }
        (u, o)
    }

    fn backward(&self, k: usize, u: &[f64], o: &[f64], cotangent: &[f64]) -> Vec<f64> {
        let decay = if self.double { DECAY } else { f64::from(DECAY as f32) };
        let stride = self.batch * self.sizes[k + 1];
        let mut delta = vec![0.0; u.len()];
        for at in (0..u.len()).rev() {
            let next = delta.get(at + stride).copied().unwrap_or(0.0);
            let reset = if self.reset_term { -decay * u[at] * next } else { 0.0 };
            let slope = 1.0 / (1.0 + SLOPE * (u[at] - 1.0).abs()).powi(2);
            delta[at] = slope * (cotangent[at] + reset) + decay * (1.0 - o[at]) * next;
        }
        delta
    }

    /// The gradient of the weights and the cotangent of the layer's input.
    fn products(&self, k: usize, w: &[f64], delta: &[f64], x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (n, m) = (self.sizes[k], self.sizes[k + 1]);
        let (mut gradient, mut before) = (vec![0.0; n * m], vec![0.0; x.len()]);
        for (row, delta) in delta.chunks(m).enumerate() {
            let (x, before) = (&x[row * n..][..n], &mut before[row * n..][..n]);
            for (j, d) in delta.iter().enumerate() {
                let (gradient, w) = (&mut gradient[j * n..][..n], &w[j * n..][..n]);
                for i in 0..n {
                    gradient[i] += d * x[i];
                    before[i] += d * w[i];
                }
            }
        }
        (gradient, before)
    }
}
