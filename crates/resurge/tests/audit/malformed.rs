//! Files that are not as the format page says: each is an error that names what is wrong, never a panic.

use crate::build::{Draft, Lif};
use resurge::audit::AuditFile;
use safetensors::tensor::Dtype;
use serde_json::{Value, json};

fn error(bytes: &[u8]) -> String {
    AuditFile::parse(bytes).unwrap_err().to_string()
}

/// A change of a good file, and the parts that its error must have.
type Case = (&'static str, fn(&mut Draft), &'static [&'static str]);

fn layer(draft: &mut Draft, k: usize) -> &mut Value {
    &mut draft.description["layers"][k]
}

fn norm(over: Value) -> Value {
    json!({"kind": "batch-norm", "bias": false, "over": over})
}

const CASES: &[Case] = &[
    ("no input", |d| drop(d.tensors.remove("input")), &["`input`", "missing"]),
    ("a flat input", |d| d.put("input", true, &[144], &[0.0; 144]), &["`input`", "[T, B, N]"]),
    ("no step", |d| d.put("input", true, &[0, 2, 6], &[]), &["`input`", "empty"]),
    ("another input", |d| d.put("input", true, &[12, 2, 5], &[0.0; 120]), &["`layers.0.weight`", "[5, 6]"]),
    ("a transposed weight", |d| d.put("layers.0.weight", true, &[6, 5], &[0.0; 30]), &["`layers.0.weight`"]),
    ("an empty weight", |d| d.put("layers.0.weight", true, &[0, 6], &[]), &["`layers.0.weight`"]),
    (
        "a flat weight",
        |d| d.put("layers.2.weight", true, &[15], &[0.0; 15]),
        &["`layers.2.weight`", "2 axes"],
    ),
    ("no weight", |d| drop(d.tensors.remove("layers.2.weight")), &["`layers.2.weight`", "missing"]),
    (
        "no gradient",
        |d| drop(d.tensors.remove("gradients.layers.0.weight")),
        &["`gradients.layers.0.weight`", "missing"],
    ),
    (
        "a gradient of another shape",
        |d| d.put("gradients.layers.0.weight", true, &[6, 5], &[0.0; 30]),
        &["`gradients.layers.0.weight`", "[6, 5]"],
    ),
    (
        "a gradient of infinity",
        |d| d.put("gradients.layers.2.weight", true, &[3, 5], &[f64::INFINITY; 15]),
        &["`gradients.layers.2.weight`", "inf"],
    ),
    ("NaN", |d| d.put("layers.0.weight", true, &[5, 6], &[f64::NAN; 30]), &["`layers.0.weight`", "NaN"]),
    ("two types", |d| d.put("layers.0.weight", false, &[5, 6], &[0.0; 30]), &["`layers.0.weight`", "F32"]),
    (
        "a weight of whole numbers",
        |d| drop(d.tensors.insert("layers.0.weight".into(), (Dtype::U8, vec![5, 6], vec![1; 30]))),
        &["`layers.0.weight`", "U8"],
    ),
    ("a loss of two numbers", |d| d.put("loss", true, &[2], &[0.0; 2]), &["`loss`", "[2]"]),
    ("a loss of many axes", |d| d.put("loss", true, &[1, 1], &[0.0]), &["`loss`", "[1, 1]"]),
    (
        "a second reset of several spikes",
        |d| {
            layer(d, 1)["residual_reset"] = json!(true);
            layer(d, 1)["reset"] = json!({"kind": "subtract"});
            layer(d, 1)["firing"] = json!("repeatedly");
        },
        &["layer 1", "residual_reset"],
    ),
    ("no loss", |d| drop(d.tensors.remove("loss")), &["`loss`", "missing"]),
    (
        "weights of another output",
        |d| d.put("loss.weight", true, &[12, 2, 4], &[0.0; 96]),
        &["`loss.weight`"],
    ),
    ("spikes of another layer", |d| d.put("spikes.1", true, &[12, 2, 3], &[0.0; 72]), &["`spikes.1`"]),
    ("half a spike", |d| d.put("spikes.1", true, &[12, 2, 5], &[0.5; 120]), &["`spikes.1`", "0.5", "count"]),
    ("potentials of a linear layer", |d| d.put("potentials.0", true, &[1], &[0.0]), &["`potentials.0`"]),
    ("an unknown tensor", |d| d.put("layers.0.wieght", true, &[1], &[0.0]), &["`layers.0.wieght`"]),
    ("a bias that is not described", |d| d.put("layers.0.bias", true, &[5], &[0.0; 5]), &["`layers.0.bias`"]),
    (
        "a bias of another size",
        |d| {
            layer(d, 0)["bias"] = json!(true);
            d.put("layers.0.bias", true, &[4], &[0.0; 4]);
        },
        &["`layers.0.bias`", "[4]"],
    ),
    (
        "recurrent weights that do not fit",
        |d| {
            layer(d, 1)["recurrent"] = json!(true);
            d.put("layers.1.recurrent", true, &[5, 4], &[0.0; 20]);
        },
        &["`layers.1.recurrent`", "[5, 4]"],
    ),
    (
        "classes out of range",
        |d| {
            d.description["loss"] = json!({"kind": "cross-entropy", "readout": "sum"});
            d.tensors.remove("loss.weight");
            let classes = [0i64, 3].iter().flat_map(|x| x.to_le_bytes()).collect();
            d.tensors.insert("target".into(), (Dtype::I64, vec![2], classes));
        },
        &["`target`", "class 3"],
    ),
    (
        "a target of another shape",
        |d| {
            d.description["loss"] = json!({"kind": "mse", "readout": "mean"});
            d.tensors.remove("loss.weight");
            d.put("target", true, &[3, 2], &[0.0; 6]);
        },
        &["`target`", "[3, 2]"],
    ),
    ("a misspelt key", |d| layer(d, 1)["thresold"] = json!(1.0), &["layer 1", "thresold"]),
    ("an unknown layer", |d| layer(d, 1)["kind"] = json!("nuron"), &["layer 1", "nuron"]),
    ("a decay above one", |d| layer(d, 1)["decay"] = json!(1.5), &["layer 1", "membrane decay"]),
    ("a threshold of zero", |d| layer(d, 3)["threshold"] = json!(0.0), &["layer 3", "threshold"]),
    (
        "a surrogate without its slope",
        |d| layer(d, 1)["surrogate"] = json!({"kind": "atan", "width": 1.0}),
        &["layer 1", "`atan`", "width"],
    ),
    ("an unknown surrogate", |d| layer(d, 1)["surrogate"]["kind"] = json!("round"), &["layer 1"]),
    (
        "a claim out of range",
        |d| layer(d, 1)["reset_gradient"] = json!({"scaled": 2.0}),
        &["layer 1", "alpha"],
    ),
    (
        "a learned constant that is not there",
        |d| layer(d, 1)["learned"] = json!({"tau": {"synapse_decay": 1.0}}),
        &["layer 1", "`synapse_decay`"],
    ),
    (
        "a learned constant of a parameter's name",
        |d| layer(d, 1)["learned"] = json!({"bias": {"decay": 1.0}}),
        &["layer 1", "`bias`"],
    ),
    (
        "an image layer on vectors",
        |d| *layer(d, 1) = json!({"kind": "max-pool2d", "kernel": [2, 2]}),
        &["layer 1"],
    ),
    ("no mask", |d| *layer(d, 0) = json!({"kind": "mask"}), &["`layers.0.mask`", "missing"]),
    (
        "a mask of another shape",
        |d| {
            *layer(d, 0) = json!({"kind": "mask"});
            d.put("layers.0.mask", true, &[12, 2, 5], &[1.0; 120]);
        },
        &["`layers.0.mask`", "[12, 2, 5]", "[12, 2, 6]"],
    ),
    ("a batch norm of nothing", |d| *layer(d, 0) = norm(json!("run")), &["`layers.0.weight`", "1 axes"]),
    (
        "a batch norm of other channels",
        |d| {
            *layer(d, 0) = norm(json!("step"));
            d.put("layers.0.weight", true, &[5], &[1.0; 5]);
        },
        &["`layers.0.weight`", "5 numbers", "6 channels"],
    ),
    (
        "a batch norm without a small number",
        |d| {
            *layer(d, 0) = norm(json!("step"));
            layer(d, 0)["epsilon"] = json!(0.0);
            d.put("layers.0.weight", true, &[6], &[1.0; 6]);
        },
        &["layer 0", "epsilon", "positive"],
    ),
    (
        "a batch norm over something else",
        |d| *layer(d, 0) = norm(json!("batch")),
        &["layer 0", "over", "step"],
    ),
    (
        "a batch norm of one value",
        |d| {
            *layer(d, 0) = norm(json!("step"));
            d.put("layers.0.weight", true, &[6], &[1.0; 6]);
            d.put("input", true, &[12, 1, 6], &[1.0; 72]);
        },
        &["layer 0", "over", "one value"],
    ),
    (
        "a least potential behind another reset",
        |d| {
            layer(d, 1)["min_potential"] = json!(-1.0);
            layer(d, 1)["reset"] = json!({"kind": "zero", "timing": "after-decay"});
        },
        &["layer 1", "min_potential", "before-decay"],
    ),
    (
        "autapses of nothing",
        |d| layer(d, 1)["autapses"] = json!(false),
        &["layer 1", "autapses", "recurrent"],
    ),
    (
        "weights of a hidden layer of another shape",
        |d| d.put("loss.weight.1", true, &[12, 2, 4], &[0.0; 96]),
        &["`loss.weight.1`", "[12, 2, 5]"],
    ),
    (
        "weights of the last layer by its number",
        |d| d.put("loss.weight.3", true, &[12, 2, 3], &[0.0; 72]),
        &["`loss.weight.3`"],
    ),
    ("no layers", |d| d.description["layers"] = json!([]), &["layers"]),
    ("another version", |d| d.description["version"] = json!(3), &["version"]),
    ("no framework", |d| drop(d.description.as_object_mut().unwrap().remove("framework")), &["framework"]),
    (
        "an ungraded name",
        |d| d.description["ungraded"] = json!(["layers.0.bias"]),
        &["ungraded", "layers.0.bias"],
    ),
    ("an unknown loss", |d| d.description["loss"] = json!({"kind": "hinge"}), &["hinge"]),
];

#[test]
fn each_is_an_error_that_names_it() {
    let good = Lif::default().draft();
    AuditFile::parse(&good.bytes()).unwrap();
    let mut wrong = Vec::new();
    for (name, change, parts) in CASES {
        let mut draft = good.clone();
        change(&mut draft);
        match AuditFile::parse(&draft.bytes()) {
            Ok(_) => wrong.push(format!("{name}: accepted")),
            Err(error) if parts.iter().all(|part| error.to_string().contains(part)) => {}
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A good file with another header.
fn reheaded(change: impl Fn(&mut Value)) -> Vec<u8> {
    let bytes = Lif::default().draft().bytes();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(&mut header);
    let text = header.to_string();
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &bytes[8 + length..]].concat()
}

#[test]
fn broken_containers_name_the_tensor() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 5] = [
        ("overlap", |h| {
            h["layers.0.weight"]["data_offsets"] = h["gradients.layers.0.weight"]["data_offsets"].clone()
        }),
        ("does not fill", |h| h["layers.0.weight"]["shape"] = json!([5, 7])),
        ("does not fill", |h| h["layers.0.weight"]["shape"] = json!([u64::MAX, u64::MAX])),
        ("not known", |h| h["layers.0.weight"]["dtype"] = json!("F128")),
        ("not numbers", |h| h["layers.0.weight"]["data_offsets"] = json!([-8, 0])),
    ];
    for (part, change) in cases {
        let error = error(&reheaded(change));
        assert!(error.contains(part) && error.contains("`layers."), "{part}: {error}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = Lif::default().draft().bytes();
    for length in (0..bytes.len()).step_by(61) {
        let error = error(&bytes[..length]);
        assert!(error.contains("safetensors") || error.contains("truncated"), "{length}: {error}");
    }
    assert!(error(&bytes[..bytes.len() - 1]).contains("truncated"));
}

#[test]
fn what_a_header_claims_is_not_allocated() {
    let mut huge = Lif::default().draft().bytes();
    huge[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
    assert!(error(&huge).contains("not a whole safetensors file"));
    // A megabyte of pixels under a pool with a padding that would make terabytes of it.
    let mut draft = Lif::default().draft();
    draft.put("input", true, &[12, 2, 6, 1, 1], &[0.0; 144]);
    *layer(&mut draft, 0) = json!({"kind": "conv2d", "bias": false, "padding": [100_000, 100_000]});
    draft.put("layers.0.weight", true, &[5, 6, 1, 1], &[0.0; 30]);
    assert!(error(&draft.bytes()).contains("`layers.0.weight`"));
    // A kilobyte of steps, each made a thousand numbers.
    let mut draft = Lif::default().draft();
    draft.tensors.retain(|name, _| !name.starts_with("spikes") && !name.starts_with("potentials"));
    draft.tensors.insert("input".into(), (Dtype::U8, vec![1000, 1, 1], vec![1; 1000]));
    for k in [0, 2] {
        let shape = [[1000, 1], [1, 1000]][k / 2];
        draft.put(&format!("layers.{k}.weight"), true, &shape, &[0.0; 1000]);
    }
    let message = error(&draft.bytes());
    assert!(message.contains("layer 0") && message.contains("bytes of memory"), "{message}");
    // Long and narrow, then wide: 10^6 steps of 10^4 numbers from a file of 8 MB.
    let mut draft = Lif::default().draft();
    draft.put("input", true, &[1_000_000, 1, 1], &vec![0.0; 1_000_000]);
    draft.put("layers.0.weight", true, &[10_000, 1], &vec![0.0; 10_000]);
    let error = error(&draft.bytes());
    assert!(error.contains("layer 0") && error.contains("is given"), "{error}");
}

/// What is read of a header takes some fifty times its size: a list of ones as a shape, for example.
#[test]
fn a_header_beyond_what_a_network_needs_is_refused() {
    let bytes = reheaded(|h| h["__metadata__"]["notes"] = json!("x".repeat(1 << 20)));
    let message = error(&bytes);
    assert!(message.contains("header") && message.contains("1048576"), "{message}");
    AuditFile::parse(&reheaded(|h| h["__metadata__"]["notes"] = json!("x".repeat(1 << 19)))).unwrap();
}

/// The last one would silently be taken.
#[test]
fn a_key_that_is_there_twice_is_refused() {
    for (key, first) in
        [("decay", "0.123"), ("kind", r#""zero""#), ("version", "7"), ("slope", "3.0"), ("loss", "{}")]
    {
        let bytes = reheaded(|h| {
            let text = h["__metadata__"]["resurge_audit"].as_str().unwrap();
            let wanted = format!("\"{key}\":");
            let twice = text.replacen(&wanted, &format!("{wanted}{first},{wanted}"), 1);
            assert_ne!(twice, text);
            h["__metadata__"]["resurge_audit"] = json!(twice);
        });
        let message = error(&bytes);
        assert!(message.contains(&format!("`{key}`")) && message.contains("twice"), "{key}: {message}");
    }
    let bytes = Lif::default().draft().bytes();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    let entry = &header[header.find(r#""loss":"#).unwrap()..];
    let entry = &entry[..=entry.find('}').unwrap()];
    let twice = header.replacen(entry, &format!("{entry},{entry}"), 1);
    let message =
        error(&[&(twice.len() as u64).to_le_bytes()[..], twice.as_bytes(), &bytes[8 + length..]].concat());
    assert!(message.contains("`loss`") && message.contains("twice"), "{message}");
}

/// Finite numbers from which the run makes others.
#[test]
fn a_run_that_overflows_names_the_layer() {
    type Case = (&'static str, fn(&mut Draft));
    let cases: [Case; 3] = [
        ("layer 1", |d| layer(d, 1)["input_gain"] = json!(1e308)),
        ("layer 2", |d| d.put("layers.2.weight", true, &[3, 5], &[1.7e308; 15])),
        ("the loss", |d| d.description["loss"]["scale"] = json!(1e308)),
    ];
    for (place, change) in cases {
        let mut draft = Lif::default().draft();
        change(&mut draft);
        draft.put("layers.0.weight", true, &[5, 6], &[9.0; 30]);
        let file = AuditFile::parse(&draft.bytes()).unwrap();
        let message = resurge::audit::audit(&file, &crate::VERDICT).unwrap_err().to_string();
        assert!(message.contains(place) && message.contains("finite"), "{place}: {message}");
    }
}

/// Flipping any one byte of the header or of a description must never panic; most are refused.
#[test]
fn flipped_bytes_never_panic() {
    let bytes = Lif { steps: 3, ..Lif::default() }.draft().bytes();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut refused = 0;
    for at in 0..8 + length {
        for mask in [1, 2, 16] {
            let mut flipped = bytes.clone();
            flipped[at] ^= mask;
            match AuditFile::parse(&flipped) {
                Err(_) => refused += 1,
                Ok(file) => drop(resurge::audit::audit(&file, &crate::VERDICT)),
            }
        }
    }
    assert!(refused > length * 2, "{refused} of {}", 3 * (8 + length));
}
