//! How fine the comparison of gradients is: by tensor, by row and by entry, each in its own units.

use crate::build::{Draft, Lif};
use crate::single::Single;
use crate::{VERDICT, audited};
use resurge::audit::{AuditOptions, AuditReport};
use safetensors::tensor::Dtype;

/// Changes a tensor of a file in place.
pub(crate) fn change(draft: &mut Draft, name: &str, mut change: impl FnMut(usize, f64) -> f64) {
    let (dtype, _, bytes) = draft.tensors.get_mut(name).unwrap();
    match dtype {
        Dtype::F32 => {
            for (i, x) in bytes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *x = (change(i, f32::from_le_bytes(*x).into()) as f32).to_le_bytes();
            }
        }
        _ => {
            for (i, x) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                *x = change(i, f64::from_le_bytes(*x)).to_le_bytes();
            }
        }
    }
}

pub(crate) fn values(draft: &Draft, name: &str) -> Vec<f64> {
    let mut found = Vec::new();
    change(&mut draft.clone(), name, |_, x| {
        found.push(x);
        x
    });
    found
}

/// Without a search, which is not what is tested here.
pub(crate) fn compared(draft: &Draft) -> AuditReport {
    audited(&draft.bytes(), &AuditOptions { search: false, ..VERDICT })
}

/// Right gradients in `f32`, sums in any order, well and badly conditioned.
#[test]
fn right_gradients_in_single_precision_match() {
    for seed in 0..60 {
        let mut single =
            Single { seed, subtract: seed % 2 == 0, detached: seed % 5 == 0, ..Single::default() };
        single.decay = [0.5, 0.9, 0.98, 1.0][seed as usize % 4];
        single.width = [0.1, 0.3, 1.0][seed as usize % 3];
        single.drive = [1.0, 2.0][seed as usize / 2 % 2];
        let report = compared(&single.draft());
        assert!(report.matches, "{seed}: {}: {} {:?}", report.code, report.words, report.gradients);
    }
}

/// A right gradient of a long run without decay, in which rounding moves potentials: its error is above 1e-4 of the norm.
#[test]
fn a_badly_conditioned_right_gradient_matches() {
    let single = Single {
        sizes: vec![40, 60, 4],
        steps: 400,
        batch: 1,
        decay: 1.0,
        subtract: true,
        width: 0.05,
        ..Single::default()
    };
    let report = compared(&single.draft());
    assert!(report.matches, "{}: {}", report.code, report.words);
    // The old bar, one for all runs.
    assert!(report.gradients.iter().any(|g| g.tolerance > 1e-4), "{:?}", report.gradients);
}

/// An image shown at each step: the same sum of many terms drives a potential again and again, always with the same
/// error, so that the potential's grows with the steps and not with their root.
#[test]
fn a_right_run_on_a_still_image_matches() {
    for seed in 0..12 {
        let decay = [0.95, 0.99, 1.0][seed as usize % 3];
        let sizes = vec![400, 12, 3];
        let still =
            Single { sizes, steps: 120, batch: 2, decay, drive: 0.2, still: true, seed, ..Single::default() };
        let single = Single { subtract: seed % 2 == 0, detached: seed % 5 == 0, ..still };
        let report = compared(&single.draft());
        assert!(report.matches, "{seed}: {}: {}", report.code, report.words);
    }
}

/// In `f64`, the same rows and entries are seen as in `f32`, a thousand million times smaller.
#[test]
fn a_wrong_row_or_entry_is_seen_however_small_it_is() {
    for double in [false, true] {
        let right = match double {
            false => Single::default().draft(),
            true => Lif { sizes: vec![6, 8, 3], ..Lif::default() }.draft(),
        };
        assert!(compared(&right).matches);
        let name = "gradients.layers.0.weight";
        let all = values(&right, name);
        let shape = right.tensors[name].1.clone();
        let cols = shape[1];
        let largest = all.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        // A row and an entry are scaled down in what comes in, so that they are small and right: by the neuron's cotangents.
        let (row_fault, entry_fault, floor) = if double { (1e-11, 1e-10, 1e-9) } else { (3e-4, 1e-2, 1e-3) };
        let mut seen = 0;
        for row in 0..shape[0] {
            let norm = all[row * cols..][..cols].iter().fold(0.0, |a: f64, x| a.max(x.abs()));
            if norm == 0.0 {
                continue;
            }
            for (factor, what) in
                [(1.0 + row_fault, "scaled"), (0.0, "zeroed"), (-1.0, "flipped"), (2.0, "doubled")]
            {
                let mut draft = right.clone();
                change(&mut draft, name, |i, x| if i / cols == row { factor * x } else { x });
                let report = compared(&draft);
                assert_eq!(report.code, "unknown", "{double}: row {row} {what}");
                let gradient = report.gradients.iter().find(|g| !g.matches).unwrap();
                assert_eq!(gradient.worst_row.as_ref().unwrap().index, [row], "{what}");
                assert!(report.gradients.iter().filter(|g| !g.matches).count() == 1);
                seen += 1;
            }
        }
        assert!(seen >= 16);
        for (at, &x) in all.iter().enumerate().filter(|(_, x)| x.abs() > floor * largest) {
            for factor in [1.0 + entry_fault, 1.0 - entry_fault, 0.0, -1.0] {
                let mut draft = right.clone();
                change(&mut draft, name, |i, x| if i == at { factor * x } else { x });
                let report = compared(&draft);
                assert_eq!(report.code, "unknown", "{double}: entry {at} of {x}, {factor}");
                let gradient = report.gradients.iter().find(|g| !g.matches).unwrap();
                assert_eq!(gradient.wrong, 1);
                let worst = gradient.worst_entry.as_ref().unwrap();
                assert_eq!(worst.index, [at / cols, at % cols]);
                assert!(worst.error > worst.tolerance && (worst.error - (factor - 1.0).abs()).abs() < 1e-3);
            }
        }
    }
}

/// One tensor in units of 1e9 or 1e-9 hides nothing of another, and nothing of it is hidden.
#[test]
fn every_tensor_is_compared_in_its_own_units() {
    for unit in [1e-9, 3e5, 1e9] {
        // An input in such units, its weights in the inverse: the gradients of the two are the same numbers, but for units.
        let mut right = Single { sizes: vec![7, 6], ..Single::default() }.draft();
        let scale = |draft: &mut Draft, name: &str, factor: f64| change(draft, name, |_, x| x * factor);
        // A power of two keeps every rounding.
        let unit = 2.0_f64.powi(f64::log2(unit).round() as i32);
        scale(&mut right, "input", unit);
        scale(&mut right, "layers.0.weight", 1.0 / unit);
        scale(&mut right, "gradients.layers.0.weight", unit);
        scale(&mut right, "gradients.input", 1.0 / unit);
        assert!(compared(&right).matches, "{unit}");
        for name in ["input", "layers.0.weight", "layers.0.bias"] {
            for factor in [0.0, -1.0, 1.001] {
                let mut wrong = right.clone();
                change(&mut wrong, &format!("gradients.{name}"), |_, x| factor * x);
                let report = audited(&wrong.bytes(), &VERDICT);
                let expected = match factor {
                    0.0 => format!("zeroed {name}"),
                    -1.0 => format!("sign {name}"),
                    _ => format!("parameter-scale {name} 1.001"),
                };
                assert_eq!(report.code, expected, "{unit}: {}", report.words);
            }
        }
    }
}

/// A wrong forward pass is seen by potential, too, each within its own rounding; and a wrong loss.
#[test]
fn potentials_and_losses_are_compared_within_their_own_rounding() {
    let right = Single::default().draft();
    let report = compared(&right);
    assert!(report.matches && report.forward.loss_agrees);
    let all = values(&right, "potentials.3");
    let at = all.len() - 2;
    for (part, code) in [(1e-7, "match"), (2e-5, "forward layer=3 step=14 sample=2 neuron=2")] {
        let mut draft = right.clone();
        change(&mut draft, "potentials.3", |i, x| if i == at { x * (1.0 + part) } else { x });
        assert_eq!(compared(&draft).code, code, "{part}");
        let mut draft = right.clone();
        change(&mut draft, "loss", |_, x| x * (1.0 + 10.0 * part));
        assert_eq!(compared(&draft).code, if part < 1e-6 { "match" } else { "loss" }, "{part}");
    }
}

/// At the output of a sure answer, numbers are below the smallest that `f32` has in full, and many kernels take them as 0:
/// what is behind them may be 0, too. Numbers above are not excused.
#[test]
fn what_underflows_at_the_output_may_be_zero() {
    let single = Single { sizes: vec![6, 3], steps: 60, ..Single::default() };
    for (size, expected) in [(1.1e-38, true), (1.3e-38, false)] {
        let mut draft = single.draft();
        let (before, spikes) = (values(&draft, "loss.weight"), values(&draft, "spikes.1"));
        change(&mut draft, "loss.weight", |i, x| if i % 3 == 0 { size } else { x });
        let gone: f64 = before.iter().zip(&spikes).step_by(3).map(|(c, o)| c * o).sum();
        change(&mut draft, "loss", |_, loss| loss - gone);
        for (name, width) in [("gradients.layers.0.weight", 6), ("gradients.layers.0.bias", 1)] {
            change(&mut draft, name, |i, x| if i / width == 0 { 0.0 } else { x });
        }
        draft.tensors.remove("gradients.input");
        change(&mut draft, "gradients.currents.1", |i, x| if i % 3 == 0 { 0.0 } else { x });
        let report = compared(&draft);
        assert_eq!(
            report.matches, expected,
            "{size}: {}: {} {:?}",
            report.code, report.words, report.gradients
        );
    }
}

/// Samples are differentiated some at a time: with more of them than that, no sample is left out or taken for another.
#[test]
fn a_large_batch_is_differentiated_whole() {
    let lif = Lif { sizes: vec![2, 1], steps: 3, batch: 1300, ..Lif::default() };
    let mut draft = lif.draft();
    let report = compared(&draft);
    assert!(report.matches, "{}: {}", report.code, report.words);
    // The last sample alone has a say in the loss.
    change(&mut draft, "loss.weight", |i, x| if i % 1300 == 1299 { x } else { 0.0 });
    assert!(!compared(&draft).matches, "the gradient is that of all samples");
}
