//! Time and memory of an audit are bounded by the size of the file.
//!
//! Memory is counted by an allocator that all tests of a program share, so that they take turns.

#[path = "../audit/build.rs"]
#[allow(dead_code)]
mod build;
mod header;
// The fuzz targets have them, too, and make them public.
#[allow(unreachable_pub)]
mod hostile;
mod images;
#[allow(unreachable_pub)]
mod measure;

use build::{Draft, Lif};
use hostile::hostile;
use measure::{Measured, Worst, measured};
use resurge::audit::{AuditFile, AuditOptions, AuditReports, audit, html};
use serde_json::json;
use std::sync::{Mutex, PoisonError};

#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

static TURN: Mutex<()> = Mutex::new(());

/// What a file takes that is within the bounds: those of time with some room, as they are of a release build.
fn bounded(bytes: &[u8]) -> Measured {
    let found = measured(&ALLOCATOR, bytes);
    let [seconds, memory] = found.parts(bytes.len());
    assert!(memory <= 1.0 && seconds <= SLOWER, "{memory} of the memory, {seconds} of the time, {found:?}");
    found
}

/// How much slower a build without optimisation is.
const SLOWER: f64 = 10.0;

fn run(files: std::ops::Range<u64>) -> Worst {
    let mut worst = Worst::default();
    for number in files {
        let file = hostile(number);
        worst.add(number, &file, &measured(&ALLOCATOR, &file.bytes));
    }
    println!("{worst}");
    worst
}

/// Two or three of each kind. Five thousand are run by the next test.
#[test]
fn hostile_files_take_no_more_than_their_size_allows() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let worst = run(0..48);
    assert!(worst.judged() >= 16, "most were refused");
    assert!(worst.memory() <= 1.0 && worst.seconds() <= SLOWER);
}

/// As many as `RESURGE_HOSTILE` says, from the number in `RESURGE_HOSTILE_FROM`; of a release build.
#[test]
#[ignore = "takes minutes: fuzz/run hostile 5000"]
fn many_hostile_files_take_no_more_than_their_size_allows() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let from = number("RESURGE_HOSTILE_FROM").unwrap_or(0);
    let worst = run(from..from + number("RESURGE_HOSTILE").unwrap_or(5000));
    assert!(worst.memory() <= 1.0 && worst.seconds() <= 1.0);
    assert!(worst.longest() <= 2.0);
}

/// One layer before the neurons of a small network.
fn chain(edit: impl FnOnce(&mut Draft)) -> Vec<u8> {
    let mut draft = Lif { sizes: vec![2, 1], steps: 4000, batch: 1, ..Lif::default() }.draft();
    edit(&mut draft);
    draft.bytes()
}

/// The work of a window over the past would grow with the square of the steps, and so would the memory of its proof.
#[test]
fn a_refractory_period_is_counted() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = chain(|draft| {
        draft.description["layers"][1]["refractory"] = json!(4000);
        for name in ["potentials.1", "spikes.1"] {
            draft.tensors.remove(name);
        }
    });
    let found = bounded(&bytes);
    assert!(found.code.is_some());
    assert!(found.bytes < 48 << 20, "{} bytes", found.bytes);
}

/// Each pool, with a window of which all but one pixel is padding.
#[test]
fn a_window_far_beyond_the_image_costs_as_much_as_the_image() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for kind in ["avg-pool2d", "sum-pool2d", "max-pool2d"] {
        for kernel in [120_001_u64, 1 << 40] {
            let mut draft = Lif { sizes: vec![4, 1], steps: 1, batch: 1, ..Lif::default() }.draft();
            let pool = json!({"kind": kind, "kernel": [kernel, kernel], "padding": [kernel / 2, kernel / 2],
                              "stride": [kernel, kernel]});
            draft.description["layers"] = json!([pool]);
            draft.tensors.retain(|name, _| name == "loss");
            draft.put("input", true, &[1, 1, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0]);
            draft.put("loss.weight", true, &[1, 1, 1, 1, 1], &[0.0]);
            draft.put("loss", true, &[], &[0.0]);
            draft.put("gradients.input", true, &[1, 1, 1, 2, 2], &[0.0; 4]);
            let found = bounded(&draft.bytes());
            // Its gradient vanishes, which decides nothing.
            assert_eq!(found.code.as_deref(), Some("undecided"), "{kind}");
            assert!(found.seconds < 1.0, "{kind}: {} s", found.seconds);
        }
    }
}

/// A network whose work is out of proportion is refused by its layer, and the bound is named.
#[test]
fn work_beyond_the_bounds_is_refused_by_name() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let images = |layer: serde_json::Value, [h, w]: [usize; 2]| {
        let mut draft = Lif { sizes: vec![4, 1], steps: 1, batch: 1, ..Lif::default() }.draft();
        draft.description["layers"] = json!([layer]);
        draft.tensors.retain(|name, _| name == "loss");
        draft.put("input", false, &[1, 1, 1, h, w], &vec![1.0; h * w]);
        draft.put("loss", false, &[], &[0.0]);
        draft
    };
    // Each of 511 x 511 positions sees up to 256 x 256 pixels.
    let pool = json!({"kind": "max-pool2d", "kernel": [256, 256], "padding": [255, 255], "stride": [1, 1]});
    let pool = images(pool, [256, 256]);
    // The patches of one pixel, of 10,000 numbers at 10,404 positions, would be a gigabyte of zeros.
    let conv = json!({"kind": "conv2d", "bias": false, "padding": [100, 100], "stride": [1, 1]});
    let mut conv = images(conv, [1, 1]);
    conv.put("layers.0.weight", false, &[1, 1, 100, 100], &[0.5; 10_000]);
    for draft in [pool, conv] {
        let bytes = draft.bytes();
        let error = AuditFile::parse(&bytes).map(drop).unwrap_err().to_string();
        assert!(error.starts_with("layer 0, ") && error.contains("operations a pass"), "{error}");
        assert!(error.contains(&format!("a file of {} bytes is given", bytes.len())), "{error}");
        assert_eq!(bounded(&bytes).code, None);
    }
}

/// A long run in a small file: most explanations are not tried, the proof is of its first steps, and the page is short.
#[test]
fn what_is_left_out_is_said() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut draft = Lif { sizes: vec![2, 1], steps: 50_000, batch: 1, ..Lif::default() }.draft();
    let ones = vec![1; 100_000];
    draft.tensors.insert("input".into(), (safetensors::tensor::Dtype::U8, vec![50_000, 1, 2], ones));
    for name in ["potentials.1", "spikes.1"] {
        draft.tensors.remove(name);
    }
    let quick = AuditOptions { proof: false, profiles: false, ..AuditOptions::default() };
    // Of two equal inputs the gradients are equal under every rule.
    draft.put("gradients.layers.0.weight", true, &[1, 2], &[0.123, -5.0]);
    let audit_of = |draft: &mut Draft, options: &AuditOptions| {
        let first = audit(&AuditFile::parse(&draft.bytes()).unwrap(), &quick).unwrap();
        draft.put("loss", true, &[], &[first.forward.computed_loss]);
        audit(&AuditFile::parse(&draft.bytes()).unwrap(), options).unwrap()
    };
    let report = audit_of(&mut draft, &AuditOptions::default());
    assert_eq!(report.code, "unknown");
    // One for each step is a truncation.
    let untried = report.words.split(" were not tried").next().and_then(|words| words.rsplit(' ').next());
    let untried = untried.and_then(|number| number.parse::<usize>().ok());
    assert!(untried.is_some_and(|number| (49_000..51_000).contains(&number)), "{}", report.words);
    let proof = report.proof.as_ref().expect("a proof of the first steps");
    assert!(proof.steps < 5_000, "{} steps", proof.steps);
    let page = html(&AuditReports::new(vec![("long".into(), Ok(report))])).unwrap();
    assert!(page.len() < 200_000, "{} bytes", page.len());
    bounded(&draft.bytes());
    // Of a short one, all are tried.
    let mut short = Lif::default().draft();
    let name = "gradients.layers.0.weight";
    let length = short.tensors[name].2.len() / 8;
    let shape = short.tensors[name].1.clone();
    short.put(name, true, &shape, &(0..length).map(|k| (k as f64).sin()).collect::<Vec<_>>());
    let report = audit_of(&mut short, &quick);
    assert_eq!(report.code, "only layers.0.weight");
    assert!(!report.words.contains("not tried"), "{}", report.words);
}

/// Each sample has a gradient of the recurrent weights: all of them at the same time are a product of two sizes.
#[test]
fn recurrent_gradients_of_a_large_batch_are_added_up_as_they_come() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (batch, n) = (2000, 100);
    let mut draft = Lif { sizes: vec![1, 1], steps: 1, batch: 1, ..Lif::default() }.draft();
    let mut neuron = draft.description["layers"][1].clone();
    neuron["recurrent"] = json!(true);
    draft.description["layers"] = json!([neuron]);
    draft.description["loss"] = json!({"kind": "cross-entropy", "readout": "sum"});
    draft.tensors.clear();
    let ones = vec![1; batch * n];
    draft.tensors.insert("input".into(), (safetensors::tensor::Dtype::U8, vec![1, batch, n], ones));
    draft.tensors.insert("target".into(), (safetensors::tensor::Dtype::I64, vec![batch], vec![0; 8 * batch]));
    draft.put("loss", false, &[], &[(n as f64).ln()]);
    for name in ["layers.0.recurrent", "gradients.layers.0.recurrent"] {
        draft.put(name, false, &[n, n], &vec![0.0; n * n]);
    }
    let found = bounded(&draft.bytes());
    assert!(found.code.is_some(), "{found:?}");
}
