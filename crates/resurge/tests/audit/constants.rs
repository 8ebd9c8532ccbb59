//! Constants, initial potentials and learned constants for each neuron or channel, beside plain loops.

use crate::build::{Draft, Draw};
use crate::{VERDICT, audited};
use resurge::audit::{AuditFile, AuditOptions, AuditReport, audit};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SLOPE: f64 = 5.0;
const STEPS: usize = 14;
const BATCH: usize = 2;

/// A layer of neurons with numbers of their own: reset to zero before the decay, `o = u > threshold`.
struct Own {
    features: Vec<usize>,
    /// So many neurons, one after another, have one number.
    span: usize,
}

struct Numbers {
    decay: Vec<f64>,
    gain: Vec<f64>,
    drive: Vec<f64>,
    initial: Vec<f64>,
    threshold: Vec<f64>,
}

impl Own {
    fn neurons(&self) -> usize {
        self.features.iter().product()
    }

    fn numbers(&self) -> Numbers {
        let mut draw = Draw(3);
        let mut list = |low: f64, high: f64| -> Vec<f64> {
            (0..self.neurons() / self.span).map(|_| low + (high - low) * draw.unit()).collect()
        };
        Numbers {
            decay: list(0.5, 0.99),
            gain: list(0.4, 1.6),
            drive: list(-0.1, 0.3),
            initial: list(-0.5, 0.9),
            threshold: list(0.6, 1.4),
        }
    }

    /// A file whose gradients are those of the loops. `wide` lists are as long as there are neurons.
    fn draft(&self, wide: bool) -> Draft {
        let (n, numbers, span) = (self.neurons(), self.numbers(), self.span);
        let mut draw = Draw(11);
        let mut draft = Draft { description: Value::Null, tensors: BTreeMap::new() };
        let x: Vec<f64> = (0..STEPS * BATCH * n).map(|_| 1.2 * draw.unit()).collect();
        let c: Vec<f64> = (0..STEPS * BATCH * n).map(|_| draw.unit() - 0.5).collect();
        let (mut u, mut o) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let stride = BATCH * n;
        for at in 0..x.len() {
            let k = at % n / span;
            let kept = if at < stride { numbers.initial[k] } else { u[at - stride] * (1.0 - o[at - stride]) };
            u[at] = numbers.decay[k] * kept + numbers.gain[k] * x[at] + numbers.drive[k];
            o[at] = f64::from(u8::from(u[at] > numbers.threshold[k]));
        }
        let mut delta = vec![0.0; x.len()];
        let mut gradients: BTreeMap<&str, Vec<f64>> =
            ["decay", "threshold", "gain", "drive"].map(|name| (name, vec![0.0; n / span])).into();
        let mut input = vec![0.0; x.len()];
        for at in (0..x.len()).rev() {
            let k = at % n / span;
            let next = delta.get(at + stride).copied().unwrap_or(0.0);
            let slope = 1.0 / (1.0 + SLOPE * (u[at] - numbers.threshold[k]).abs()).powi(2);
            let on_spike = slope * (c[at] - numbers.decay[k] * u[at] * next);
            delta[at] = on_spike + numbers.decay[k] * (1.0 - o[at]) * next;
            let kept = if at < stride { numbers.initial[k] } else { u[at - stride] * (1.0 - o[at - stride]) };
            let mut add = |name: &str, x: f64| gradients.get_mut(name).unwrap()[k] += x;
            add("decay", delta[at] * kept);
            add("threshold", -on_spike);
            add("gain", delta[at] * x[at]);
            add("drive", delta[at]);
            input[at] = numbers.gain[k] * delta[at];
        }
        let loss: f64 = c.iter().zip(&o).map(|(c, o)| c * o).sum();
        assert!(o.iter().sum::<f64>() > 0.2 * o.len() as f64, "too few spikes");
        let list = |numbers: &[f64]| -> Value {
            let repeat = if wide { span } else { 1 };
            numbers.iter().flat_map(|&x| std::iter::repeat_n(x, repeat)).collect()
        };
        draft.description = json!({
            "version": 1, "framework": {"name": "loops", "version": "1"},
            "layers": [{
                "kind": "neuron", "decay": list(&numbers.decay), "input_gain": list(&numbers.gain),
                "drive": list(&numbers.drive), "initial_potential": list(&numbers.initial),
                "threshold": list(&numbers.threshold), "reset": {"kind": "zero"}, "reset_gradient": "full",
                "surrogate": {"kind": "fast-sigmoid", "slope": SLOPE},
                "learned": {
                    "decay": {"decay": 1}, "threshold": {"threshold": 1}, "gain": {"input_gain": 1},
                    "drive": {"drive": 1}, "mixed": {"decay": list(&numbers.gain), "drive": -0.5},
                },
            }],
            "loss": {"kind": "weighted-sum"},
        });
        let shape = [&[STEPS, BATCH], &self.features[..]].concat();
        for (name, values) in [
            ("input", &x),
            ("loss.weight", &c),
            ("potentials.0", &u),
            ("spikes.0", &o),
            ("gradients.input", &input),
        ] {
            draft.put(name, true, &shape, values);
        }
        draft.put("loss", true, &[], &[loss]);
        for (name, values) in &gradients {
            draft.put(&format!("gradients.layers.0.{name}"), true, &[values.len()], values);
        }
        // One parameter on which all neurons depend, each in its own way.
        let terms = gradients["decay"].iter().zip(&numbers.gain).map(|(g, slope)| g * slope);
        let mixed = terms.sum::<f64>() - 0.5 * gradients["drive"].iter().sum::<f64>();
        draft.put("gradients.layers.0.mixed", true, &[1], &[mixed]);
        draft
    }
}

fn report(draft: &Draft) -> AuditReport {
    audit(&AuditFile::parse(&draft.bytes()).unwrap(), &AuditOptions::default()).unwrap()
}

fn replayed_differentiated_and_proved(own: &Own) {
    for wide in [false, true] {
        let found = report(&own.draft(wide));
        assert_eq!(
            (found.code.as_str(), found.matches),
            ("match", true),
            "{:?}: {}",
            own.features,
            found.words
        );
        let proof = found.proof.unwrap();
        assert!(proof.passed && proof.loss_exact && proof.directions > 0, "{proof:?}");
        assert!(proof.adjoint < 1e-12 && proof.dual < 1e-12, "{proof:?}");
    }
}

fn a_number_of_another_neuron_is_seen(own: &Own) {
    for key in ["decay", "input_gain", "drive", "initial_potential", "threshold"] {
        let mut draft = own.draft(false);
        let list = draft.description["layers"][0][key].as_array_mut().unwrap();
        list.swap(0, 1);
        let code = audited(&draft.bytes(), &VERDICT).code;
        // A threshold shows in the first spike that it decides.
        let first = if key == "threshold" { "forward layer=0 step=" } else { "forward layer=0 step=0" };
        assert!(code.starts_with(first), "{key}: {code}");
    }
}

fn a_gradient_of_another_neuron_is_seen(own: &Own, name: &str) {
    let mut draft = own.draft(false);
    let name = format!("gradients.layers.0.{name}");
    let (_, shape, bytes) = draft.tensors[&name].clone();
    let mut values: Vec<f64> = bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect();
    values.swap(0, 1);
    draft.put(&name, true, &shape, &values);
    let found = audited(&draft.bytes(), &VERDICT);
    assert!(!found.matches && found.code != "undecided", "{name}: {}", found.code);
    let wrong: Vec<_> = found.gradients.iter().filter(|g| !g.matches).map(|g| g.name.as_str()).collect();
    assert_eq!(wrong, [&name["gradients.".len()..]]);
}

/// Each by itself, so that a fault is seen soon.
macro_rules! layers {
    ($($layer:ident: $own:expr),* $(,)?) => {
        $(mod $layer {
            use super::*;

            #[test]
            fn is_replayed_differentiated_and_proved() {
                replayed_differentiated_and_proved(&$own);
            }

            #[test]
            fn a_number_of_another_neuron() {
                a_number_of_another_neuron_is_seen(&$own);
            }

            #[test]
            fn a_decay_of_another_neuron() {
                a_gradient_of_another_neuron_is_seen(&$own, "decay");
            }

            #[test]
            fn a_threshold_of_another_neuron() {
                a_gradient_of_another_neuron_is_seen(&$own, "threshold");
            }

            #[test]
            fn a_gain_of_another_neuron() {
                a_gradient_of_another_neuron_is_seen(&$own, "gain");
            }

            #[test]
            fn a_drive_of_another_neuron() {
                a_gradient_of_another_neuron_is_seen(&$own, "drive");
            }
        })*
    };
}

layers! {
    neurons: Own { features: vec![5], span: 1 },
    channels: Own { features: vec![3, 2, 2], span: 4 },
    neurons_of_images: Own { features: vec![2, 2, 3], span: 1 },
}

#[test]
fn one_number_for_all_and_a_list_of_it_are_the_same() {
    let own = Own { features: vec![4], span: 4 };
    let [one, list] = [false, true].map(|wide| own.draft(wide));
    for draft in [one, list] {
        let found = report(&draft);
        assert_eq!(found.code, "match", "{}", found.words);
    }
}

#[test]
fn lists_and_gradients_of_other_lengths_are_refused() {
    let own = Own { features: vec![3, 2, 2], span: 4 };
    let mut draft = own.draft(false);
    draft.description["layers"][0]["threshold"] = json!([1, 1, 1, 1]);
    let error = AuditFile::parse(&draft.bytes()).unwrap_err().to_string();
    assert!(error.contains("3 (one a channel) or 12 (one a neuron, row-major)"), "{error}");
    let mut draft = own.draft(false);
    draft.put("gradients.layers.0.decay", true, &[4], &[0.0; 4]);
    let error = AuditFile::parse(&draft.bytes()).unwrap_err().to_string();
    assert!(
        error.contains("`gradients.layers.0.decay`") && error.contains("[C] of one a channel"),
        "{error}"
    );
}

/// A gradient that was computed in f32 is right to f32, in a file of f64 as well; and no more than that.
#[test]
fn a_gradient_of_f32_in_a_file_of_f64_is_compared_as_such() {
    let good = Own { features: vec![5], span: 1 }.draft(false);
    let name = "gradients.layers.0.mixed";
    let value = f64::from_le_bytes(good.tensors[name].2[..].try_into().unwrap());
    let off = f64::from((value * 1.000_000_1) as f32);
    let judged = |double: bool, value: f64| {
        let mut draft = good.clone();
        draft.put(name, double, &[1], &[value]);
        report(&draft).matches
    };
    assert!(judged(false, value) && judged(false, off));
    assert!(!judged(true, off), "as f64 it is wrong");
    assert!(!judged(false, value * 1.01), "wrong in f32, too");
    let mut draft = good.clone();
    let weight = draft.tensors["loss.weight"].1.clone();
    draft.put("loss.weight", false, &weight, &[0.5; STEPS * BATCH * 5]);
    let error = AuditFile::parse(&draft.bytes()).unwrap_err().to_string();
    assert!(error.contains("loss.weight") && error.contains("F32"), "{error}");
}

/// The verdict is the divergence; the words say why.
#[test]
fn states_kept_from_a_run_before_are_named() {
    let own = Own { features: vec![5], span: 1 };
    let initial = &own.numbers().initial;
    let mut draft = own.draft(false);
    draft.description["layers"][0]["initial_potential"] = json!(0);
    let found = report(&draft);
    assert!(found.code.starts_with("forward layer=0 step=0"), "{}", found.code);
    assert!(found.words.contains("the likely cause is kept state"), "{}", found.words);
    let at = found.forward.divergence.unwrap();
    let began: f64 =
        found.words.split("this one at ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((began - initial[at.neuron]).abs() < 1e-12, "{began} for {}", initial[at.neuron]);
    // Without potentials there is nothing that would tell.
    draft.tensors.remove("potentials.0");
    let words = report(&draft).words;
    assert!(words.contains("potentials in the file would tell"), "{words}");
    // What is wrong in every step is no kept state.
    for key in ["input_gain", "drive"] {
        let mut draft = own.draft(false);
        draft.description["layers"][0][key] = json!(0.25);
        let words = report(&draft).words;
        assert!(words.contains("step 0") && !words.contains("kept"), "{key}: {words}");
    }
}
