//! Programs that are written down here: every operation proved, every damage named.

use crate::draft::{Data, Draft, drawn};
use resurge_program::{CheckOptions, ProgramFile, check};
use serde_json::json;

/// Where the gradient explodes, every step that rounding allows to a difference goes too far; exact derivatives decide.
#[test]
fn an_exploding_gradient_is_proved_by_exact_derivatives() {
    let mut draft = Draft::new();
    let x = draft.leaf(&[4]);
    let steep = draft.add(json!({ "op": "scale", "in": [x], "with": { "factor": 1e18 } }));
    let waves = draft.add(json!({ "op": "sin", "in": [steep], "with": {} }));
    draft.squared(waves, 1);
    let of = |x: f64| 2e18 * (1e18 * x).sin() * (1e18 * x).cos();
    draft.numbers(&format!("cotangent.{x}"), &[4], drawn(4, x as u64 + 1).into_iter().map(of).collect());
    let report = draft.check();
    let proof = report.proof.as_ref().unwrap();
    assert_eq!((report.code.as_str(), proof.finite_difference, proof.directions), ("proved", None, 0));
    assert!(proof.passed && report.words.contains("no finite difference is conclusive"), "{}", report.words);
}

/// Each operation by name: attributes, the shapes of its inputs, and the rank of its result. Functions of positive numbers get
/// squares.
#[test]
fn every_operation_is_proved() {
    let cases = [
        ("add", json!({}), vec![vec![2, 3], vec![3]], 2),
        ("sub", json!({}), vec![vec![2, 1], vec![2, 3]], 2),
        ("mul", json!({}), vec![vec![2, 3], vec![]], 2),
        ("scale", json!({ "factor": -1.5 }), vec![vec![4]], 1),
        ("shift", json!({ "by": 0.3 }), vec![vec![4]], 1),
        ("exp", json!({}), vec![vec![4]], 1),
        ("sin", json!({}), vec![vec![4]], 1),
        ("cos", json!({}), vec![vec![4]], 1),
        ("tanh", json!({}), vec![vec![4]], 1),
        ("atan", json!({}), vec![vec![4]], 1),
        ("erf", json!({}), vec![vec![4]], 1),
        ("sigmoid", json!({}), vec![vec![4]], 1),
        ("cast", json!({}), vec![vec![4]], 1),
        ("power", json!({ "exponent": 3.0 }), vec![vec![4]], 1),
        ("sum", json!({ "axes": [0, 2] }), vec![vec![2, 3, 2]], 1),
        ("sum", json!({ "axes": [1] }), vec![vec![2, 3]], 1),
        ("log_softmax", json!({}), vec![vec![2, 3]], 2),
        ("matmul", json!({}), vec![vec![2, 3], vec![3, 4]], 2),
        ("matmul", json!({}), vec![vec![2, 2, 3], vec![2, 3, 4]], 3),
        (
            "conv2d",
            json!({ "stride": [2, 1], "padding": [1, 0], "groups": 2 }),
            vec![vec![2, 4, 5, 4], vec![6, 2, 2, 3]],
            4,
        ),
        (
            "sum_pool2d",
            json!({ "kernel": [2, 2], "stride": [2, 1], "padding": [0, 1] }),
            vec![vec![1, 2, 4, 4]],
            4,
        ),
        ("strided", json!({ "shape": [3, 2], "offset": 0, "strides": [1, 3] }), vec![vec![2, 3]], 2),
        ("strided", json!({ "shape": [3], "offset": 3, "strides": [1] }), vec![vec![2, 3]], 1),
        ("strided", json!({ "shape": [4, 2], "offset": 1, "strides": [0, 2] }), vec![vec![6]], 2),
        ("write", json!({ "offset": 1, "strides": [3, 1] }), vec![vec![3, 3], vec![2, 2]], 2),
        ("take", json!({ "index": 0 }), vec![vec![2, 3]], 1),
        ("put", json!({ "index": 0 }), vec![vec![2, 3], vec![3]], 2),
        ("concat", json!({ "axis": 1 }), vec![vec![2, 3], vec![2, 1]], 2),
        ("where", json!({}), vec![vec![2, 3], vec![3]], 2),
        ("div", json!({}), vec![vec![2, 3], vec![3]], 2),
        ("log", json!({}), vec![vec![4]], 1),
        ("sqrt", json!({}), vec![vec![4]], 1),
        ("power", json!({ "exponent": 1.5 }), vec![vec![4]], 1),
    ];
    for (op, with, shapes, rank) in cases {
        let mut draft = Draft::new();
        let mut inputs: Vec<usize> = shapes.iter().map(|shape| draft.leaf(shape)).collect();
        if ["div", "log", "sqrt"].contains(&op) || with == json!({ "exponent": 1.5 }) {
            let last = inputs.len() - 1;
            let square =
                draft.add(json!({ "op": "power", "in": [inputs[last]], "with": { "exponent": 2.0 } }));
            inputs[last] = draft.add(json!({ "op": "shift", "in": [square], "with": { "by": 0.5 } }));
        }
        if op == "where" {
            let mask = draft.add(json!({ "op": "decide", "in": [inputs[0]], "with": { "kind": "any" } }));
            draft.numbers(&format!("value.{mask}"), &[2, 3], vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
            inputs.insert(0, mask);
        }
        if ["take", "put"].contains(&op) {
            draft.tensors.push(("index.0".into(), Data::Positions(vec![3], vec![4, 0, 3])));
        }
        let node = draft.add(json!({ "op": op, "in": inputs, "with": with }));
        draft.squared(node, rank);
        let report = draft.check();
        let proof = report.proof.unwrap_or_else(|| panic!("{op}: {:?}", report.no_proof));
        assert!(proof.passed && proof.finite_difference.is_some(), "{op}: {proof:?}");
        // The file has no gradients, and the program has.
        assert!(report.gradients.iter().all(|g| !g.recorded && g.wrong > 0), "{op}");
        assert_eq!(report.code, "gradient", "{op}");
    }
}

fn small() -> Draft {
    let mut draft = Draft::new();
    let x = draft.leaf(&[3]);
    draft.squared(x, 1);
    draft
}

#[test]
fn what_is_wrong_with_a_description_is_named() {
    let wrong = |change: &dyn Fn(&mut Draft)| {
        let mut draft = small();
        change(&mut draft);
        draft.error().to_string()
    };
    for (expected, change) in [
        (
            "node 1: `power`: unknown field `exponents`",
            &(|d: &mut Draft| d.nodes[1]["with"] = json!({ "exponents": 2 })) as &dyn Fn(&mut Draft),
        ),
        ("node 1: `pow`: it is not known; operations are add", &|d| d.nodes[1]["op"] = json!("pow")),
        ("node 1: its input 1 does not come before it", &|d| d.nodes[1]["in"] = json!([1])),
        ("node 1: `power`: it has 2 inputs, but takes 1", &|d| d.nodes[1]["in"] = json!([0, 0])),
        ("node 1: there is no such site", &|d| d.nodes[1]["at"] = json!(0)),
        ("node 2: `sum`: its axes [1] are not", &|d| d.nodes[2]["with"] = json!({ "axes": [1] })),
        ("the loss: its shape is [3]", &|d| d.loss = 1),
        ("the loss: there is no node 9", &|d| d.loss = 9),
        ("tensor `value.0`: it is missing", &|d| d.tensors.clear()),
        ("tensor `value.7`: no node has", &|d| d.numbers("value.7", &[1], vec![0.0])),
        ("tensor `value.1`: its shape is [2]", &|d| d.numbers("value.1", &[2], vec![0.0; 2])),
        ("tensor `cotangent.0`: its number 1 is NaN", &|d| {
            d.numbers("cotangent.0", &[3], vec![0.0, f64::NAN, 0.0])
        }),
        ("node 1: `strided`: shape [9], offset 0", &|d| {
            d.nodes[1] =
                json!({ "op": "strided", "in": [0], "with": { "shape": [9], "offset": 0, "strides": [1] } });
        }),
        ("the program needs", &|d| {
            d.nodes[1] = json!({ "op": "strided", "in": [0],
                "with": { "shape": [100_000, 100_000], "offset": 0, "strides": [0, 0] } });
            d.nodes[2]["with"] = json!({ "axes": [0, 1] });
        }),
    ] {
        let error = wrong(change);
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
}

#[test]
fn a_gradient_that_is_recorded_is_compared() {
    let mut draft = small();
    let x = drawn(3, 1);
    draft.numbers("cotangent.0", &[3], x.iter().map(|x| 2.0 * x).collect());
    let report = draft.check();
    assert_eq!((report.code.as_str(), report.matches), ("proved", true), "{}", report.words);
    draft.tensors.pop();
    draft.numbers("cotangent.0", &[3], x.iter().map(|x| 2.0 * x * (1.0 + 1e-14)).collect());
    let report = draft.check();
    assert_eq!((report.code.as_str(), report.gradients[0].wrong), ("fault", 3), "{}", report.words);
}

#[test]
fn a_wrong_product_is_named_where_it_is() {
    // tanh(x) * x, whose cotangents say that the product's gradient by its first input was doubled.
    let mut draft = Draft::new();
    let x = draft.leaf(&[3]);
    let tanh = draft.add(json!({ "op": "tanh", "in": [x] }));
    let product = draft.add(json!({ "op": "mul", "in": [tanh, x] }));
    draft.loss = draft.add(json!({ "op": "sum", "in": [product], "with": { "axes": [0] } }));
    let values = drawn(3, 1);
    draft.numbers("cotangent.2", &[3], vec![1.0; 3]);
    draft.numbers("cotangent.1", &[3], values.iter().map(|x| 2.0 * x).collect());
    let slope = |x: f64| 1.0 - x.tanh() * x.tanh();
    draft.numbers("cotangent.0", &[3], values.iter().map(|x| x.tanh() + 2.0 * x * slope(*x)).collect());
    let report = draft.check();
    assert_eq!(report.code, "fault", "{}", report.words);
    assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
    assert_eq!((report.faults[0].function.as_str(), report.faults[0].input), ("mul", 0));
    assert!(report.faults[0].how.starts_with("scaled by 2.0"), "{}", report.faults[0].how);
}

/// A spike, its stopped copy and a decision, with a gradient that is right.
fn spiking() -> Draft {
    let mut draft = Draft::new();
    let x = draft.leaf(&[3]);
    let u = draft.add(json!({ "op": "scale", "in": [x], "with": { "factor": 2.0 } }));
    let o =
        draft.add(json!({ "op": "surrogate", "in": [u], "with": { "function": "f", "step": ["gt", 0.5] } }));
    let held = draft.add(json!({ "op": "stop", "in": [o], "with": { "kind": "detach" } }));
    let difference = draft.add(json!({ "op": "sub", "in": [u, held] }));
    let product = draft.add(json!({ "op": "mul", "in": [difference, o] }));
    draft.loss = draft.add(json!({ "op": "sum", "in": [product], "with": { "axes": [0] } }));
    let u: Vec<f64> = drawn(3, 1).iter().map(|x| 2.0 * x).collect();
    let o: Vec<f64> = u.iter().map(|&u| f64::from(u8::from(u > 0.5))).collect();
    let slope = |u: f64| 1.0 / (1.0 + u.abs()).powi(2);
    let gradient = u.iter().zip(&o).map(|(&u, &o)| 2.0 * (o + (u - o) * slope(u)));
    draft.numbers("cotangent.0", &[3], gradient.collect());
    draft.numbers("slope.2.0", &[3], u.iter().map(|&u| slope(u)).collect());
    draft.numbers("value.2", &[3], o);
    draft
}

#[test]
fn marks_are_proved_and_stated() {
    let report = spiking().check();
    assert_eq!(report.code, "proved", "{}", report.words);
    assert_eq!((report.forward.decisions, report.forward.near), (3, 0));
    let cut = &report.cuts[0];
    // With the spike attached, each gradient would be smaller by its slope times the spike.
    let u: Vec<f64> = drawn(3, 1).iter().map(|x| 2.0 * x).collect();
    let o = |u: f64| f64::from(u8::from(u > 0.5));
    let slope = |u: f64| 1.0 / (1.0 + u.abs()).powi(2);
    let left_out: f64 = u.iter().map(|&u| (2.0 * o(u) * slope(u)).powi(2)).sum::<f64>().sqrt();
    let whole = |u: f64| 2.0 * (o(u) + (u - 2.0 * o(u)) * slope(u));
    let size: f64 = u.iter().map(|&u| whole(u).powi(2)).sum::<f64>().sqrt();
    assert!((cut.omitted - left_out / size).abs() < 1e-12, "{cut:?}");
    assert_eq!(report.surrogates[0].times, 1);
}

#[test]
fn a_spike_on_the_wrong_side_is_a_divergence() {
    let mut draft = spiking();
    let o = draft.tensors.iter_mut().find(|(name, _)| name == "value.2").unwrap();
    let Data::Numbers(_, values) = &mut o.1 else { panic!("numbers") };
    values[0] = 1.0 - values[0];
    let report = draft.check();
    assert_eq!(report.code, "forward");
    assert!(report.words.contains("`f`") && report.words.contains("says otherwise"), "{}", report.words);
}

#[test]
fn a_declared_surrogate_is_held_against_its_slopes() {
    let mut draft = spiking();
    draft.nodes[2]["with"]["declared"] = json!("fast-sigmoid 1");
    assert_eq!(draft.check().code, "proved", "{}", draft.check().words);
    draft.nodes[2]["with"]["declared"] = json!("fast-sigmoid 2");
    let report = draft.check();
    assert_eq!(report.code, "fault");
    assert!(report.words.contains("not that of the declared surrogate"), "{}", report.words);
    draft.nodes[2]["with"]["declared"] = json!("fast 2");
    assert!(draft.error().to_string().starts_with("node 2: `surrogate`: "), "{}", draft.error());
}

/// A multi-Gaussian has wings where its slopes are negative; a surrogate that is negative everywhere is none.
#[test]
fn slopes_are_negative_in_wings_alone() {
    let code = |later: f64| {
        let mut draft = Draft::new();
        let steps = [-0.1, later].map(|slope| {
            let (u, with) = (draft.leaf(&[3]), json!({ "function": "f", "step": ["gt", 0.5] }));
            let o = draft.add(json!({ "op": "surrogate", "in": [u], "with": with }));
            let spikes = drawn(3, u as u64 + 1).into_iter().map(|u| f64::from(u8::from(u > 0.5)));
            draft.numbers(&format!("value.{o}"), &[3], spikes.collect());
            draft.numbers(&format!("slope.{o}.0"), &[3], vec![slope; 3]);
            draft.numbers(&format!("cotangent.{u}"), &[3], vec![slope; 3]);
            o
        });
        let both = draft.add(json!({ "op": "add", "in": steps }));
        draft.loss = draft.add(json!({ "op": "sum", "in": [both], "with": { "axes": [0] } }));
        draft.check().code
    };
    assert_eq!([code(0.4), code(-0.4)], ["proved", "fault"]);
}

/// A function that is taken at its word, one with a definition, and one whose backward contradicts that.
#[test]
fn opaque_functions_are_trusted_or_held_against_a_definition() {
    let mut draft = Draft::new();
    let x = draft.leaf(&[3]);
    let own = draft.add(json!({ "op": "opaque", "in": [x], "with": { "function": "g", "call": 0 } }));
    draft.loss = draft.add(json!({ "op": "sum", "in": [own], "with": { "axes": [0] } }));
    let values = drawn(3, 1);
    draft.numbers("value.1", &[3], values.iter().map(|x| x * x).collect());
    let doubled: Vec<f64> = values.iter().map(|x| 2.0 * x).collect();
    draft.numbers("vjp.1.0", &[3], doubled.clone());
    draft.numbers("cotangent.0", &[3], doubled.clone());
    draft.numbers("cotangent.1", &[3], vec![1.0; 3]);
    let report = draft.check();
    assert_eq!((report.code.as_str(), report.trusted.len()), ("trusted", 1), "{}", report.words);
    assert!(report.words.contains("taken at their word"));

    let mut defined = Draft::new();
    defined.nodes =
        vec![draft.nodes[0].clone(), json!({ "op": "power", "in": [0], "with": { "exponent": 2.0 } })];
    defined.nodes.push(json!({ "op": "opaque", "in": [0],
        "with": { "function": "g", "call": 0, "definition": 1, "certain": true } }));
    defined.loss = defined.add(json!({ "op": "sum", "in": [2], "with": { "axes": [0] } }));
    defined.numbers("value.0", &[3], values.clone());
    defined.numbers("value.2", &[3], values.iter().map(|x| x * x).collect());
    defined.numbers("cotangent.2", &[3], vec![1.0; 3]);
    defined.numbers("cotangent.0", &[3], doubled.clone());
    defined.numbers("vjp.2.0", &[3], doubled.clone());
    assert_eq!(defined.check().code, "proved", "{}", defined.check().words);
    defined.tensors.truncate(3);
    let wrong: Vec<f64> = doubled.iter().map(|x| -x).collect();
    defined.numbers("cotangent.0", &[3], wrong.clone());
    defined.numbers("vjp.2.0", &[3], wrong);
    let report = defined.check();
    assert_eq!(report.code, "fault", "{}", report.words);
    assert_eq!(report.faults[0].how, "of the other sign");
}

#[test]
fn the_sample_reads_as_text_and_as_data() {
    let file = ProgramFile::open("samples/leaky.safetensors".as_ref()).unwrap();
    let report = check(&file, &CheckOptions::default()).unwrap();
    let text = report.to_string();
    assert!(text.starts_with("proved: ") && text.contains("detach at leaky.py"), "{text}");
    assert_eq!(serde_json::to_value(&report).unwrap()["gradients"][0]["wrong"], 0);
}

#[test]
fn truncated_and_edited_bytes_are_refused_without_a_panic() {
    let bytes = std::fs::read("samples/leaky.safetensors").unwrap();
    for length in (0..bytes.len()).step_by(97) {
        assert!(ProgramFile::parse(&bytes[..length]).is_err(), "{length}");
    }
    for at in (8..bytes.len()).step_by(61) {
        let mut edited = bytes.clone();
        edited[at] ^= 0x11;
        if let Ok(file) = ProgramFile::parse(&edited) {
            let options = CheckOptions { proof: false, ..CheckOptions::default() };
            assert!(check(&file, &options).map_or_else(|e| e.to_string(), |r| r.code).len() > 2);
        }
    }
}
