//! Every cell of the registry once more, in plain loops with a switch for each fault: the forward pass.

use crate::fault::Fault;
use resurge_gradcheck::CellNetwork;
use resurge_snn::{Cell, Firing, Learnable, ResetKind, ResetTiming, ThresholdInSpike};
use resurge_tensor::Tensor;

/// The constants of a neuron, or their gradients, by `Learnable as usize`.
pub(crate) type Constants = [f64; Learnable::ALL.len()];

/// What one neuron did in one step.
#[derive(Clone, Copy, Default)]
pub(crate) struct Site {
    /// The input current.
    pub(crate) j: f64,
    /// The synapse.
    pub(crate) i: f64,
    /// What is added to the potential.
    pub(crate) c: f64,
    /// The argument of the reset, and its result.
    pub(crate) v: f64,
    pub(crate) m: f64,
    pub(crate) u: f64,
    pub(crate) adaptation: f64,
    pub(crate) theta: f64,
    pub(crate) x: f64,
    pub(crate) o: f64,
    pub(crate) out: f64,
    pub(crate) a: f64,
    pub(crate) residual: f64,
    pub(crate) awake: bool,
}

/// One layer's parameters and its run, each sequence indexed `[t][b][n]`.
pub(crate) struct Layer<'a> {
    pub(crate) n_in: usize,
    pub(crate) n: usize,
    pub(crate) batch: usize,
    pub(crate) weight: &'a [f64],
    pub(crate) bias: &'a [f64],
    pub(crate) recurrent: Option<&'a [f64]>,
    pub(crate) constants: Vec<Constants>,
    pub(crate) input: Vec<f64>,
    pub(crate) sites: Vec<Site>,
}

impl<'a> Layer<'a> {
    pub(crate) fn new(
        network: &CellNetwork,
        own: &'a [Tensor<f64>],
        n_in: usize,
        input: Vec<f64>,
        fault: Fault,
    ) -> Self {
        let (cell, n) = (network.cell(), own[1].len());
        let mut constants = vec![of_cell(cell); n];
        let mut recurrent = None;
        for (learnable, tensor) in network.learnables().iter().zip(&own[2..]) {
            let values = tensor.as_slice();
            for (k, neuron) in constants.iter_mut().enumerate() {
                let value = values[if values.len() == 1 { 0 } else { k }];
                match learnable {
                    Learnable::Recurrent => recurrent = Some(values),
                    Learnable::Decay if fault == Fault::DecayNotLearned => {}
                    Learnable::DecayLogit => neuron[Learnable::Decay as usize] = 1.0 / (1.0 + value.exp()),
                    other => neuron[*other as usize] = value,
                }
            }
        }
        let batch = network.extents().batch;
        let (weight, bias) = (own[0].as_slice(), own[1].as_slice());
        let mut layer = Self { n_in, n, batch, weight, bias, recurrent, constants, input, sites: Vec::new() };
        for index in 0..network.extents().steps * batch * n {
            let site = layer.next(cell, index, fault);
            layer.sites.push(site);
        }
        layer
    }

    /// The index of the same neuron one step earlier.
    pub(crate) fn before(&self, index: usize) -> Option<usize> {
        index.checked_sub(self.batch * self.n)
    }

    fn next(&self, cell: &Cell, index: usize, fault: Fault) -> Site {
        let (row, k) = (index / self.n, index % self.n);
        let c = |learnable: Learnable| self.constants[k][learnable as usize];
        let p = self.before(index).map_or(Site::default(), |at| self.sites[at]);
        let begun = self.before(index).is_some();

        let mut s = Site { j: self.bias[k], ..Site::default() };
        for (w, x) in self.weight[k * self.n_in..][..self.n_in].iter().zip(&self.input[row * self.n_in..]) {
            s.j += w * x;
        }
        if let (Some(recurrent), true) = (self.recurrent, begun) {
            let above = (row - self.batch) * self.n;
            for (m, v) in recurrent[k * self.n..][..self.n].iter().enumerate() {
                s.j += v * self.sites[above + m].out;
            }
        }
        s.i = c(Learnable::SynapseDecay) * p.i + c(Learnable::SynapseGain) * s.j;
        s.c = c(Learnable::InputGain) * s.i + c(Learnable::Drive);

        let lambda = c(Learnable::Decay);
        if begun {
            let mut timing = cell.reset().timing;
            if fault == Fault::DecaysFirst && timing == ResetTiming::BeforeDecay {
                timing = ResetTiming::AfterDecay;
            }
            s.v = match timing {
                ResetTiming::BeforeDecay => p.u,
                ResetTiming::AfterDecay => lambda * p.u,
                ResetTiming::AfterInput => lambda * p.u + s.c,
            };
            s.m = match cell.reset().kind {
                ResetKind::ToZero => s.v * (1.0 - p.o),
                ResetKind::ToValue(_) => s.v * (1.0 - p.o) + c(Learnable::VReset) * p.o,
                ResetKind::ToZeroThenAdd(_) => s.v * (1.0 - p.o) + c(Learnable::VReset),
                ResetKind::Subtract => s.v - p.theta * (p.o - p.residual),
                _ => s.v,
            };
            s.u = match timing {
                ResetTiming::BeforeDecay => {
                    s.residual = if cell.residual_reset() && s.m > p.theta { 1.0 } else { 0.0 };
                    lambda * s.m - s.residual * p.theta + s.c
                }
                ResetTiming::AfterDecay => s.m + s.c,
                ResetTiming::AfterInput => s.m,
            };
        } else {
            s.u = lambda * cell.initial_potential() + s.c;
        }

        let rho = c(Learnable::AdaptationDecay);
        let rate = if fault == Fault::AdaptationRisesTooFar { 1.0 } else { 1.0 - rho };
        s.adaptation = rho * p.adaptation + c(Learnable::AdaptationScale) * rate * p.o;
        s.theta = c(Learnable::Threshold) + s.adaptation;
        s.x = if relative(cell) { s.u / s.theta - 1.0 } else { s.u - s.theta };
        let rest = cell.refractory_steps().saturating_sub(usize::from(fault == Fault::RefractoryShort));
        s.awake = (1..=rest).all(|back| {
            index.checked_sub(back * self.batch * self.n).is_none_or(|at| self.sites[at].o == 0.0)
        });
        s.o = if s.awake { fires(cell.firing(), s.x, fault) } else { 0.0 };
        let delayed = cell.output_delay() && fault != Fault::OutputNotDelayed;
        s.out = if delayed { p.o } else { s.o };
        let beta = c(Learnable::TraceDecay);
        s.a = beta * p.a + (1.0 - beta) * s.out;
        s
    }
}

pub(crate) fn relative(cell: &Cell) -> bool {
    cell.threshold_in_spike() == ThresholdInSpike::Relative || cell.firing() == Firing::Repeatedly
}

fn fires(firing: Firing, x: f64, fault: Fault) -> f64 {
    let firing = match fault {
        Fault::FiresAtThreshold => Firing::AtOrAbove,
        Fault::FiresAboveThreshold => Firing::Above,
        Fault::FiresOnce => Firing::AtOrAbove,
        _ => firing,
    };
    match firing {
        Firing::Above => f64::from(u8::from(x > 0.0)),
        Firing::AtOrAbove => f64::from(u8::from(x >= 0.0)),
        Firing::Repeatedly => (x + 1.0).floor().max(0.0),
    }
}

fn of_cell(cell: &Cell) -> Constants {
    let mut c = [0.0; 12];
    c[Learnable::Decay as usize] = cell.decay();
    c[Learnable::Threshold as usize] = cell.threshold();
    c[Learnable::InputGain as usize] = cell.input_gain();
    c[Learnable::Drive as usize] = cell.drive();
    c[Learnable::TraceDecay as usize] = cell.trace_decay();
    c[Learnable::SynapseGain as usize] = 1.0;
    if let ResetKind::ToValue(v) | ResetKind::ToZeroThenAdd(v) = cell.reset().kind {
        c[Learnable::VReset as usize] = v;
    }
    if let Some(synapse) = cell.synapse() {
        c[Learnable::SynapseDecay as usize] = synapse.decay;
        c[Learnable::SynapseGain as usize] = synapse.gain;
    }
    if let Some(adaptation) = cell.adaptation() {
        c[Learnable::AdaptationDecay as usize] = adaptation.decay;
        c[Learnable::AdaptationScale as usize] = adaptation.scale;
    }
    c
}
