use super::*;
use crate::file::AuditFile;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Three neurons in two samples, whose potentials in the file begin elsewhere than the description says. All numbers
/// are sums of a few powers of 2. The last neuron fires in the first step: in the one sample as it was rebuilt, in the
/// other in the file alone, and its potentials there fade in no way.
struct Recorded {
    decay: [f64; 3],
    output: Value,
    potentials: Vec<f64>,
}

const DESCRIBED: [f64; 3] = [0.25, 0.0, -0.5];
const SHAPE: [usize; 3] = [3, 2, 3];

impl Recorded {
    /// By `began` of each sample's first two neurons.
    fn new(decay: [f64; 3], began: [[f64; 2]; 2]) -> Self {
        let mut potentials = Vec::new();
        for t in 0..3 {
            for [first, second] in began {
                let kept = |n: usize, began: f64| began * decay[n].powi(t + 1);
                potentials.extend([kept(0, first), kept(1, second), 7.0 + f64::from(t * t)]);
            }
        }
        Self { decay, output: json!("spikes"), potentials }
    }

    /// As a file of so many steps.
    fn file(&self, steps: usize) -> AuditFile {
        let description = json!({
            "version": 1, "framework": {"name": "loops", "version": "1"},
            "layers": [{
                "kind": "neuron", "decay": self.decay, "initial_potential": DESCRIBED, "threshold": 1,
                "reset": {"kind": "none"}, "reset_gradient": "full", "output": self.output, "trace_decay": 0.5,
                "surrogate": {"kind": "fast-sigmoid", "slope": 5},
            }],
            "loss": {"kind": "weighted-sum"},
        });
        let numbers = |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|x| x.to_le_bytes()).collect() };
        let (mut input, mut spikes) = ([0.0; 18], [0.0; 18]);
        (input[2], spikes[5]) = (8.0, 1.0);
        let part = 6 * steps;
        let zeros = [0.0; 18];
        let all = [
            ("input", &input[..part]),
            ("spikes.0", &spikes[..part]),
            ("potentials.0", &self.potentials[..part]),
            ("loss.weight", &zeros[..part]),
            ("gradients.input", &zeros[..part]),
        ]
        .map(|(name, values)| (name, vec![steps, SHAPE[1], SHAPE[2]], numbers(values)));
        let loss = ("loss", Vec::new(), numbers(&[0.0]));
        let views = all
            .iter()
            .chain([&loss])
            .map(|(name, shape, bytes)| (*name, TensorView::new(Dtype::F64, shape.clone(), bytes).unwrap()));
        let metadata = HashMap::from([("resurge_audit".to_owned(), description.to_string())]);
        AuditFile::parse(&safetensors::serialize(views, Some(metadata)).unwrap()).unwrap()
    }

    /// What is said of a neuron of the second sample, where the file has so many steps.
    fn said(&self, steps: usize, neuron: usize) -> Option<String> {
        said(&self.file(steps), 0, neuron)
    }
}

fn said(file: &AuditFile, step: usize, neuron: usize) -> Option<String> {
    let run = NetworkRun::new(file).unwrap();
    in_words(&run, &divergence(step, neuron))
}

fn divergence(step: usize, neuron: usize) -> Divergence {
    Divergence {
        layer: 0,
        step,
        sample: 1,
        neuron,
        recorded_spike: None,
        computed_spike: 0.0,
        recorded_potential: None,
        computed_potential: 0.0,
        threshold: 1.0,
    }
}

const DECAY: [f64; 3] = [0.5, 0.25, 0.75];

/// Where the file's neurons began: one of them, in one sample, as described.
const BEGAN: [[f64; 2]; 2] = [[0.25, -0.25], [0.5, 0.5]];

const REMEDY: &str = "reset the states before the recorded batch, or describe them by `initial_potential`";

#[test]
fn where_a_neuron_began_is_told_from_its_first_potential() {
    let kept = Recorded::new(DECAY, BEGAN);
    let words = |began: &str, described: &str| {
        Some(format!(
            "the likely cause is kept state: the neurons of this layer began where a run before had left them, this \
             one at {began} and not at {described}; {REMEDY}"
        ))
    };
    for steps in [2, 3] {
        assert_eq!(kept.said(steps, 0), words("0.5", "0.25"));
        assert_eq!(kept.said(steps, 1), words("0.5", "0"));
    }
    // One step does not tell what fades.
    assert_eq!(kept.said(1, 0), None);
    // What is off only later has not begun elsewhere.
    let file = kept.file(3);
    assert_eq!([1, 2].map(|step| said(&file, step, 0)), [None, None]);
}

#[test]
fn without_potentials_kept_states_are_likely_and_no_more() {
    let mut file = Recorded::new(DECAY, BEGAN).file(3);
    file.layers[0].potentials = None;
    let words =
        "the likely cause are states kept from a run before this one: potentials in the file would tell";
    assert_eq!(said(&file, 0, 0), Some(format!("{words}; {REMEDY}")));
    assert_eq!(said(&file, 1, 0), None);
}

#[test]
fn what_fades_otherwise_in_any_neuron_was_not_kept() {
    let kept = Recorded::new(DECAY, BEGAN);
    // The neurons that did not fire, in the second step; by more than rounding, and by less.
    for at in [6, 7, 9, 10] {
        let off = |by: f64| {
            let mut potentials = kept.potentials.clone();
            potentials[at] += by;
            Recorded { potentials, output: json!("spikes"), ..kept }.said(3, 0).is_some()
        };
        assert!(off(0.0) && off(2.0_f64.powi(-50)) && !off(2.0_f64.powi(-44)) && !off(0.5), "{at}");
    }
}

#[test]
fn where_nothing_moved_nothing_was_kept() {
    let [a, b, _] = DESCRIBED;
    assert_eq!(Recorded::new(DECAY, [[a, b], [a, b]]).said(3, 0), None);
    assert!(Recorded::new(DECAY, [[a, b], [a, 0.5]]).said(3, 1).is_some());
}

/// A neuron without a decay keeps nothing, and of a trace the spikes are not known.
#[test]
fn of_some_neurons_it_cannot_be_told() {
    let forgets = Recorded::new([0.0, 0.25, 0.75], BEGAN);
    assert_eq!(forgets.said(3, 0), None);
    assert!(forgets.said(3, 1).is_some());
    let mut trace = Recorded::new(DECAY, BEGAN);
    assert!(trace.said(3, 0).is_some());
    trace.output = json!("trace");
    assert_eq!(trace.said(3, 0), None);
}

/// With units of roundoff of 2^-10, a quarter of all four sizes.
#[test]
fn rounding_is_in_proportion_to_all_four_potentials() {
    let first = |found: [f64; 2], rebuilt: [f64; 2]| FirstSteps::new(found, rebuilt, 2.0_f64.powi(-10));
    let all = first([-5.0, 1.0], [-3.0, -7.0]);
    assert_eq!(all, FirstSteps { off: [-2.0, 8.0], rounding: 4.0 });
    let just = first([-5.0, 0.0], [-3.0, 0.0]);
    assert_eq!((just.off, just.rounding), ([-2.0, 0.0], 2.0));
    assert!(!just.moved());
    assert!(FirstSteps { rounding: 1.99, ..just }.moved());
    assert!(!FirstSteps { off: [1.0, 0.0], ..just }.moved());
}

#[test]
fn the_decay_alone_is_left() {
    let two = |off: [f64; 2]| FirstSteps { off, rounding: 2.0 };
    for (off, faded) in [
        ([8.0, 4.0], true),
        ([8.0, 6.0], true),
        ([8.0, 2.0], true),
        ([8.0, 6.5], false),
        ([8.0, 1.5], false),
        ([-8.0, -4.0], true),
        ([-8.0, 4.0], false),
    ] {
        assert_eq!(two(off).faded(0.5), faded, "{off:?}");
    }
    assert!(two([8.0, 0.0]).faded(0.25) && !two([8.0, 0.0]).faded(0.5));
}

/// The last neuron counts as the others do, where it is silent.
#[test]
fn what_fades_otherwise_in_the_last_neuron_was_not_kept() {
    let mut file = Recorded::new(DECAY, BEGAN).file(3);
    assert!(said(&file, 0, 0).is_some());
    file.input = file.input.map(|_| 0.0);
    let data = &mut file.layers[0];
    data.spikes = data.spikes.as_ref().map(|spikes| spikes.map(|_| 0.0));
    assert_eq!(said(&file, 0, 0), None);
}
