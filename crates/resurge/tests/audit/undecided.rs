//! Runs whose gradients are those of the claim, and would be those of another as well.

use crate::build::{Draft, Lif};
use crate::eyes::{change, compared};
use crate::single::Single;
use crate::{VERDICT, audited, tests};
use assert_cmd::Command;
use resurge::audit::{AuditOptions, AuditReports};
use resurge::gradcheck::Untested;
use serde_json::json;

const GOLDEN: &str = "spikingjelly-lif-zero.safetensors";

fn undecided(draft: &Draft, reason: &str) {
    let report = audited(&draft.bytes(), &VERDICT);
    assert_eq!((report.code.as_str(), report.matches), ("undecided", false), "{}", report.words);
    let why = report.undecided.clone().unwrap();
    assert!(why.contains(reason), "{why}");
    assert!(report.words.contains(&why) && report.words.starts_with("the gradients are those of the claim"));
    let reports = AuditReports::new(vec![("run".into(), Ok(report))]);
    assert_eq!((reports.matched, reports.undecided, reports.mismatched), (0, 1, 0));
    let json = serde_json::to_value(&reports).unwrap();
    assert_eq!(json["undecided"], 1);
    assert_eq!(json["files"][0]["audit"]["undecided"], json!(why));
}

#[test]
fn one_step_tells_no_claims_apart() {
    undecided(
        &Single { steps: 1, ..Single::default() }.draft(),
        "cannot tell them from detached, spatial-only",
    );
    // Two do.
    assert!(compared(&Single { steps: 2, ..Single::default() }.draft()).matches);
}

#[test]
fn a_run_without_a_spike_exercises_no_reset() {
    let silent = Single { drive: -2.0, ..Single::default() };
    undecided(&silent.draft(), "no neuron fires");
    // One layer that fires and one that does not: what was not exercised is said.
    let half = Single { last_threshold: 20.0, width: 4.0, ..Single::default() };
    let report = compared(&half.draft());
    assert_eq!(
        (report.forward.layers[0].firing_rate > 0.1, report.forward.layers[1].firing_rate),
        (true, 0.0)
    );
    assert!(report.matches && report.undecided.is_none(), "{}", report.words);
    assert!(report.words.contains("layer 3 never fires"), "{}", report.words);
}

/// The proof of a run without a spike holds, and says of what it does not speak.
#[test]
fn a_proof_names_what_it_did_not_test() {
    let mut draft = Single { drive: -2.0, width: 4.0, ..Single::default() }.draft();
    for k in [1, 3] {
        let neuron = &mut draft.description["layers"][k];
        neuron["reset"] = json!({"kind": "value", "value": 0.0, "timing": "before-decay"});
        neuron["learned"] = json!({"rest": {"reset_value": 1.0}});
        draft.put(&format!("gradients.layers.{k}.rest"), false, &[1], &[0.0]);
    }
    let report = audited(&draft.bytes(), &AuditOptions::default());
    let proof = report.proof.clone().unwrap();
    assert!(proof.passed && proof.directions > 0, "{proof:?}");
    assert_eq!((proof.spikes, &proof.untested[..]), (Some(false), &[Untested::Spikes][..]));
    // No spike reaches the second layer's weights, and none resets anything to the learned value.
    assert_eq!(proof.without_gradient, ["layers.1.reset_value", "layers.2.weight", "layers.3.reset_value"]);
    let page = resurge::audit::html(&AuditReports::new(vec![("run".into(), Ok(report))])).unwrap();
    assert!(page.contains("Not tested: no neuron fires"), "{page}");
    let path = std::env::temp_dir().join(format!("resurge-silent-{}.safetensors", std::process::id()));
    std::fs::write(&path, draft.bytes()).unwrap();
    let output = Command::cargo_bin("resurge").unwrap().arg("audit").arg(&path).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("not tested by it: no neuron fires") && text.contains("is zero"), "{text}");

    let fires = audited(&Lif::default().draft().bytes(), &AuditOptions::default()).proof.unwrap();
    assert_eq!((fires.spikes, fires.not_tested()), (Some(true), None));
    assert!(fires.untested.is_empty() && fires.without_gradient.is_empty());
}

#[test]
fn a_readout_alone_has_no_reset() {
    let mut draft = Lif::default().draft();
    for name in [
        "spikes.1",
        "spikes.3",
        "potentials.1",
        "potentials.3",
        "gradients.layers.2.weight",
        "layers.2.weight",
    ] {
        draft.tensors.remove(name);
    }
    draft.description["layers"] = json!([
        {"kind": "linear", "bias": false}, {"kind": "integrator", "decay": 0.5},
    ]);
    let (steps, batch) = (12, 2);
    draft.put("loss.weight", true, &[steps, batch, 5], &vec![0.0; steps * batch * 5]);
    // The last step alone, so that the gradient is that of decayed inputs.
    change(&mut draft, "loss.weight", |i, _| f64::from(u8::from(i >= (steps - 1) * batch * 5)));
    let input = crate::eyes::values(&draft, "input");
    let weight = crate::eyes::values(&draft, "layers.0.weight");
    let traced: Vec<f64> = (0..6)
        .map(|i| {
            let at =
                |t: usize, b: usize| input[(t * batch + b) * 6 + i] * 0.5_f64.powi((steps - 1 - t) as i32);
            (0..steps).flat_map(|t| (0..batch).map(move |b| (t, b))).map(|(t, b)| at(t, b)).sum()
        })
        .collect();
    let loss: f64 = weight.iter().enumerate().map(|(i, w)| w * traced[i % 6]).sum();
    draft.put("loss", true, &[], &[loss]);
    change(&mut draft, "gradients.layers.0.weight", |i, _| traced[i % 6]);
    undecided(&draft, "no layer spikes");
}

#[test]
fn a_gradient_that_vanishes_decides_nothing() {
    let mut draft = Lif::default().draft();
    for name in draft.tensors.keys().cloned().collect::<Vec<_>>() {
        if name == "loss" || name == "loss.weight" || name.starts_with("gradients.") {
            change(&mut draft, &name, |_, _| 0.0);
        }
    }
    undecided(&draft, "all of them vanish");
    let report = audited(&draft.bytes(), &AuditOptions::default());
    assert!(report.proof.is_none() && report.no_proof.unwrap().contains("vanishes"));
}

/// Numbers so small that the file's type, or the bound's squares, round them away.
#[test]
fn a_gradient_that_rounding_drowns_decides_nothing() {
    for (mut draft, factor) in [(Single::default().draft(), 1e-39), (Lif::default().draft(), 1e-160)] {
        for name in draft.tensors.keys().cloned().collect::<Vec<_>>() {
            if name == "loss" || name == "loss.weight" || name.starts_with("gradients.") {
                change(&mut draft, &name, |_, x| x * factor);
            }
        }
        undecided(&draft, "rounding may be as large");
    }
}

/// Without a reset, detached and full are one claim, which a run of several steps can tell from spatial only.
#[test]
fn a_neuron_without_a_reset_is_decided() {
    let report =
        audited(&std::fs::read(tests("goldens").join("snntorch-leaky-none.safetensors")).unwrap(), &VERDICT);
    assert!(report.matches && report.indistinguishable.is_empty(), "{}", report.words);
}

#[test]
fn the_command_has_a_status_of_its_own() {
    let status = |names: &[&str]| {
        let mut command = Command::cargo_bin("resurge").unwrap();
        let files = names.iter().map(|name| tests(name));
        command.arg("audit").args(files).output().unwrap()
    };
    let undecided = "goldens/snntorch-leaky-one-step.safetensors";
    let output = status(&[undecided]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).contains("undecided"));
    assert_eq!(status(&[undecided, "damaged/sign.safetensors"]).status.code(), Some(1));
    let output = status(&[undecided, "goldens/spikingjelly-lif-zero.safetensors"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 matched, 0 mismatched, 1 undecided, 0 unusable")
    );
}

/// The numbers of the tensors of these names, times factors.
fn times(draft: &mut Draft, factors: &[(&str, f64)]) {
    for &(name, factor) in factors {
        change(draft, name, |_, x| x * factor);
    }
}

/// The bound of a rounding error has its square, and a proof squares gradients: beyond what 64 bits hold of these there is
/// no verdict, and the words say why and what to do.
#[test]
fn numbers_whose_squares_leave_64_bits_are_named_with_the_remedy() {
    let of_loss = ["loss", "loss.weight", "gradients.layers.0.weight"];
    for factor in [1e-160, 1e-200] {
        let mut draft = Lif::default().draft();
        times(&mut draft, &of_loss.map(|name| (name, factor)));
        let report = audited(&draft.bytes(), &AuditOptions::default());
        let why = report.undecided.clone().unwrap();
        assert_eq!((report.code.as_str(), report.matches), ("undecided", false), "{}", report.words);
        assert!(why.contains("record again") && why.contains("multiply the loss"), "{why}");
        assert!(!report.words.contains("please report"), "{}", report.words);
    }
    let mut draft = Lif::default().draft();
    let units = [("input", 1e150), ("layers.0.weight", 1e-150), ("gradients.layers.0.weight", 1e150)];
    times(&mut draft, &units);
    let report = audited(&draft.bytes(), &AuditOptions::default());
    assert_eq!((report.code.as_str(), report.matches), ("undecided", false), "{}", report.words);
    assert!(report.words.contains("lie between 1e-100 and 1e100"), "{}", report.words);
    // Where not even the forward pass has a bound.
    let refused = |factors: &[(&str, f64)]| {
        let mut draft = Lif::default().draft();
        times(&mut draft, factors);
        let file = resurge::audit::AuditFile::parse(&draft.bytes()).unwrap();
        resurge::audit::audit(&file, &AuditOptions::default()).unwrap_err().to_string()
    };
    let problem = refused(&of_loss.map(|name| (name, 1e160)));
    assert!(problem.contains("the bound of its rounding errors") && problem.contains("divide the loss"));
    let problem = refused(&[("input", 1e160), ("layers.0.weight", 1e-160)]);
    assert!(problem.contains("the bound of its rounding errors") && problem.contains("other units"));
}

/// A zero on either side is no multiple, no sign and no weight: it is said as what it is.
#[test]
fn gradients_that_are_all_zero_and_claims_that_are() {
    let mut draft = Draft::read(&std::fs::read(tests("goldens").join(GOLDEN)).unwrap());
    let names: Vec<String> = draft.tensors.keys().filter(|n| n.starts_with("gradients.")).cloned().collect();
    assert!(names.len() > 1);
    let right = draft.clone();
    for name in &names {
        change(&mut draft, name, |_, _| 0.0);
    }
    let report = audited(&draft.bytes(), &VERDICT);
    assert_eq!((report.code.as_str(), report.matches), ("zeroed all", false));
    assert!(report.words.starts_with("all gradients are zero"), "{}", report.words);
    // One of several is named as before.
    let mut one = right;
    change(&mut one, &names[0], |_, _| 0.0);
    let code = audited(&one.bytes(), &VERDICT).code;
    assert_eq!(code, format!("zeroed {}", names[0].trim_start_matches("gradients.")));
}

#[test]
fn a_gradient_that_should_vanish_and_does_not_is_named_in_plain_numbers() {
    let mut draft = Lif::default().draft();
    times(&mut draft, &[("loss", 0.0), ("loss.weight", 0.0), ("gradients.layers.0.weight", 0.0)]);
    change(&mut draft, "gradients.layers.0.weight", |i, _| if i == 3 { 1e-3 } else { 0.0 });
    let report = audited(&draft.bytes(), &AuditOptions::default());
    assert!(report.code.starts_with("only layers.0.weight["), "{}: {}", report.code, report.words);
    assert!(report.words.contains("(which should vanish)") && report.relative_weight.is_infinite());
    assert!(report.explanations[0].residual.is_finite());
    let worst = report.gradients[0].worst_entry.clone().unwrap();
    assert_eq!(worst.difference, 1e-3);
    let directory = tempfile::tempdir().unwrap();
    let [file, page] = ["run.safetensors", "page.html"].map(|name| directory.path().join(name));
    std::fs::write(&file, draft.bytes()).unwrap();
    let mut command = Command::cargo_bin("resurge").unwrap();
    let output = command.arg("audit").arg(&file).arg("--html").arg(&page).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8(output.stdout).unwrap();
    let html = std::fs::read_to_string(&page).unwrap();
    for text in [&shown, &html] {
        assert!(text.contains("abs 1.00e-3") && !text.contains("0000000000"), "{text}");
        assert!(!text.contains(" inf") && !text.contains(">inf"), "{text}");
    }
    assert!(shown.contains("by 1.0e-3, where it should be zero"), "{shown}");
    // Loops of plain arithmetic have no classes: nothing stands behind the last comma.
    assert!(!shown.lines().any(|line| line.trim_end().ends_with([';', ','])), "{shown}");
}
