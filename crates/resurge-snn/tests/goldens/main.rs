//! Gradients computed by snnTorch, SpikingJelly, Norse, Sinabs, EXODUS and Spyx in f64 against ours.
//!
//! Each file of tools/goldens/data names a class of a framework and its constructor's settings. The convention
//! of that class with these settings must give the same spikes, potentials, loss and gradients; and the same
//! cell with the other gradient of the reset must not.

mod constants;
mod file;
mod presets;
mod run;

use file::{Golden, Layer};
use resurge_snn::{Cell, ResetGradient, ResetKind};
use resurge_tensor::Tensor;
use run::{Run, run};
use std::collections::BTreeMap;

/// Of a gradient, relative to its norm. The frameworks sum in another order: 1e-14 is what they leave.
const GRADIENT: f64 = 1e-10;

/// Of a potential, and of the loss relative to it.
const VALUE: f64 = 1e-12;

/// How far the other gradient of the reset is at least. The files promise 16 % of the norm.
const OTHER: f64 = 0.1;

#[test]
fn every_file_is_there() {
    let mut counts = BTreeMap::new();
    for golden in Golden::all() {
        assert_eq!(golden.about.format, 1, "{}", golden.name);
        assert!(golden.name.starts_with(&golden.about.framework), "{}", golden.name);
        *counts.entry(golden.about.framework).or_insert(0) += 1;
    }
    let expected =
        [("exodus", 2), ("norse", 8), ("sinabs", 9), ("snntorch", 10), ("spikingjelly", 17), ("spyx", 7)];
    assert_eq!(counts, expected.map(|(framework, count)| (framework.to_owned(), count)).into());
}

#[test]
fn presets_are_of_the_version_and_source_that_ran() {
    for Golden { name, about, .. } in Golden::all() {
        let convention = presets::convention(&about);
        assert_eq!(convention.framework(), about.framework, "{name}");
        assert_eq!(convention.version(), about.version, "{name}");
        for source in convention.source().split(", ") {
            assert!(about.source_file.contains(source), "{name}: {source} is not in {}", about.source_file);
        }
    }
}

#[test]
fn presets_have_the_constants_of_the_frameworks() {
    for golden in Golden::all() {
        let cell = cell(&golden);
        for neuron in golden.neurons() {
            constants::agree(&golden.name, cell, neuron);
        }
    }
}

#[test]
fn spikes_potentials_and_losses_are_those_of_the_frameworks() {
    for golden in Golden::all() {
        let Golden { name, about, .. } = &golden;
        let run = run(&golden, cell(&golden));
        assert_eq!(run.spikes.len(), about.network.sizes.len() - 1, "{name}");
        for (k, (spikes, potentials)) in run.spikes.iter().zip(&run.potentials).enumerate() {
            assert_eq!(spikes, golden.tensor(&format!("spikes.{k}")), "{name}: spikes of layer {k}");
            assert!(spikes.as_slice().iter().any(|&o| o > 0.0), "{name}: layer {k} is silent");
            let theirs = golden.tensor(&format!("potentials.{k}"));
            assert_eq!(potentials.shape(), theirs.shape(), "{name}");
            for (u, v) in potentials.as_slice().iter().zip(theirs.as_slice()) {
                assert!((u - v).abs() <= VALUE, "{name}: potential {u} against {v} in layer {k}");
            }
        }
        let loss = golden.tensor("loss").item().unwrap();
        assert!((run.loss - loss).abs() <= VALUE * loss.abs(), "{name}: loss {} against {loss}", run.loss);
    }
}

#[test]
fn gradients_are_those_of_the_frameworks() {
    let mut worst: BTreeMap<String, (f64, String)> = BTreeMap::new();
    for golden in Golden::all() {
        let run = run(&golden, cell(&golden));
        let ours: Vec<&String> = run.gradients.keys().collect();
        let theirs: Vec<&str> = golden.tensors.keys().filter_map(|key| key.strip_prefix("grad.")).collect();
        assert_eq!(ours, theirs, "{}", golden.name);
        for (key, gradient) in &run.gradients {
            let error = distance(gradient, golden.tensor(&format!("grad.{key}")));
            assert!(error <= GRADIENT, "{}: grad.{key} is {error:.1e} of its norm away", golden.name);
            let worst = worst.entry(golden.about.framework.clone()).or_default();
            if error >= worst.0 {
                *worst = (error, format!("{} grad.{key}", golden.name));
            }
        }
    }
    for (framework, (error, at)) in worst {
        println!("{framework:12} {error:.1e}  {at}");
    }
}

/// So that none of the above passes whatever the reset's gradient is.
#[test]
fn the_other_gradient_of_the_reset_is_another() {
    for golden in Golden::all() {
        let cell = cell(&golden);
        let other = match cell.reset_gradient() {
            ResetGradient::Full => ResetGradient::Detached,
            _ => ResetGradient::Full,
        };
        let Run { gradients, spikes, .. } = run(&golden, cell.with_reset_gradient(other));
        assert_eq!(spikes[1], *golden.tensor("spikes.1"), "{}: the values are the same", golden.name);
        let found = distance(&gradients["w.0"], golden.tensor("grad.w.0"));
        if cell.reset().kind == ResetKind::None {
            assert!(found <= GRADIENT, "{}: there is no reset, but {found:.1e}", golden.name);
        } else {
            assert!(found >= OTHER, "{}: only {found:.1e} of the norm away", golden.name);
        }
        // The reference measured this distance, too.
        let theirs = golden.about.checked.attached_against_detached;
        assert!(
            (found - theirs).abs() <= GRADIENT * theirs.max(1.0),
            "{}: {found} against {theirs}",
            golden.name
        );
    }
}

#[test]
fn layers_come_in_pairs() {
    for golden in Golden::all() {
        for pair in golden.about.network.layers.chunks(2) {
            let (Layer::Linear { bias }, Layer::Lif(_)) = (&pair[0], &pair[1]) else {
                panic!("{}: not linear, then a neuron", golden.name);
            };
            assert_eq!(*bias, golden.tensors.contains_key("b.0"), "{}", golden.name);
        }
    }
}

/// The cell of the convention that the file's class and settings name.
fn cell(golden: &Golden) -> Cell {
    presets::convention(&golden.about).cell().unwrap_or_else(|e| panic!("{}: {e}", golden.name))
}

/// `|a - b| / |b|`.
fn distance(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let difference = norm(&mut a.as_slice().iter().zip(b.as_slice()).map(|(x, y)| x - y));
    difference / norm(&mut b.as_slice().iter().copied())
}
