//! Single mistakes in a description, one for every key and kind: each error names the key by its whole path.

use crate::build::Lif;
use resurge::audit::AuditFile;
use serde_json::{Value, json};

/// A description with every key of the format.
fn everything() -> Value {
    json!({
        "version": 1,
        "framework": {"name": "loops", "version": "1"},
        "layers": [
            {"kind": "conv2d", "bias": true, "stride": [1, 2], "padding": [0, 1], "groups": 1, "class": "a"},
            {"kind": "avg-pool2d", "kernel": [2, 2], "stride": [1, 1], "padding": [1, 1], "class": "b"},
            {"kind": "sum-pool2d", "kernel": [2, 2], "stride": [1, 1], "padding": [1, 1]},
            {"kind": "max-pool2d", "kernel": [2, 2], "stride": [1, 1], "padding": [1, 1]},
            {"kind": "flatten", "class": "c"},
            {"kind": "linear", "bias": true, "class": "d"},
            {
                "kind": "neuron", "decay": [0.9, 0.8], "input_gain": 1.0, "drive": 0.1, "initial_potential": 0.2,
                "threshold": 1.0, "firing": "above", "threshold_in_spike": "attached",
                "synapse": {"decay": 0.5, "gain": [1.0, 2.0]}, "adaptation": {"decay": 0.5, "scale": 0.1},
                "reset": {"kind": "value", "timing": "before-decay", "value": 0.1},
                "reset_gradient": {"scaled": 0.5}, "residual_reset": false, "refractory": 1,
                "output_delay": false, "recurrent": false, "trace_decay": 0.5, "output": "trace",
                "surrogate": {"kind": "multi-gaussian", "width": 0.5, "wings": 0.1, "ratio": 6.0,
                              "scale": {"peak": 1.0}},
                "learned": {"tau": {"decay": 1.0, "input_gain": [0.5, 0.5]}}, "class": "e"
            },
            {
                "kind": "integrator", "decay": 0.9, "input_gain": 1.0, "drive": 0.1, "initial_potential": 0.2,
                "synapse": {"decay": 0.5, "gain": 1.0}, "learned": {"tau": {"decay": 1.0}}, "class": "f"
            }
        ],
        "loss": {"kind": "mse", "readout": "sum", "reduction": "mean", "scale": 1.0},
        "ungraded": ["layers.0.bias"],
        "notes": ["prose"]
    })
}

/// The pointers (RFC 6901) to all values below one, with their paths.
fn places(value: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
    if !path.is_empty() {
        found.push((pointer.to_owned(), path.to_owned()));
    }
    let dot = if path.is_empty() { "" } else { "." };
    match value {
        Value::Object(all) => all
            .iter()
            .for_each(|(k, v)| places(v, &format!("{pointer}/{k}"), &format!("{path}{dot}{k}"), found)),
        Value::Array(all) => all
            .iter()
            .enumerate()
            .for_each(|(i, v)| places(v, &format!("{pointer}/{i}"), &format!("{path}[{i}]"), found)),
        _ => {}
    }
}

fn error(description: &Value) -> Option<String> {
    let mut draft = Lif::default().draft();
    draft.description = description.clone();
    AuditFile::parse(&draft.bytes()).err().map(|error| error.to_string())
}

#[test]
fn a_value_of_another_type_is_named_by_its_path() {
    let whole = everything();
    let mut all = Vec::new();
    places(&whole, "", "", &mut all);
    assert!(all.len() > 100, "{}", all.len());
    let mut wrong = Vec::new();
    for (pointer, path) in &all {
        let was = whole.pointer(pointer).unwrap();
        for other in [json!("nonsense"), json!({"a": {}}), json!(true), json!([[]]), json!(null), json!(-0.5)]
        {
            let kind =
                |v: &Value| (v.is_string(), v.is_object(), v.is_boolean(), v.is_array(), v.is_number());
            let optional = ["stride", "synapse", "adaptation", "class", "scale", "width", "wings", "ratio"];
            let last = path.rsplit('.').next().unwrap_or_default();
            // Null is no value of an optional key, and prose may say anything.
            if (other.is_null() && optional.contains(&last)) || (kind(&other) == kind(was)) {
                continue;
            }
            let mut changed = whole.clone();
            *changed.pointer_mut(pointer).unwrap() = other.clone();
            let error = error(&changed).unwrap_or("accepted".into());
            // A number may stand for a list of them: then nothing is wrong before the tensors are read.
            if was.is_array() && other.is_number() && error.starts_with("tensor ") {
                continue;
            }
            // Of a list, its first entry may be what is wrong.
            if !error.contains(&format!("`{path}`")) && !error.contains(&format!("`{path}[0]`")) {
                wrong.push(format!("{path} = {other}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// What to write is said in words of the format, not in types of this program.
#[test]
fn a_value_of_another_type_is_told_in_words_of_the_format() {
    let types =
        ["struct ", "usize", "u64", "f64", "string or map", "invalid type", "enum ", "newtype", "unit"];
    let whole = everything();
    let mut all = Vec::new();
    places(&whole, "", "", &mut all);
    let mut leaks = Vec::new();
    for (pointer, path) in &all {
        for other in
            [json!("x"), json!({"a": {}}), json!(true), json!([[]]), json!(null), json!(-1), json!(0.5)]
        {
            let mut changed = whole.clone();
            *changed.pointer_mut(pointer).unwrap() = other.clone();
            let error = error(&changed).unwrap_or_default();
            let words = error.replace("unit-area", "");
            if types.iter().any(|name| words.contains(name)) {
                leaks.push(format!("{path} = {other}: {error}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{} of them:\n{}", leaks.len(), leaks.join("\n"));
    let of = |pointer: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        error(&changed).unwrap()
    };
    assert!(of("/framework", json!("torch")).contains("must be an object, {...}"));
    assert!(of("/layers/0/groups", json!(-1)).contains("it is `-1`, but must be a whole number from 0 on"));
    assert!(
        of("/version", json!("1")).contains("the format's version is \"1\", but must be the number 1 or 2")
    );
    assert!(of("/version", json!(3)).contains("the format's version is 3, but 1 and 2 are read"));
}

#[test]
fn a_misspelt_and_a_missing_key_are_named_with_their_place() {
    let whole = everything();
    let mut all = vec![(String::new(), String::new())];
    places(&whole, "", "", &mut all);
    let mut wrong = Vec::new();
    for (pointer, path) in &all {
        let Some(Value::Object(keys)) = whole.pointer(pointer) else { continue };
        // What is learned has names of its own.
        let free = path.ends_with("learned") || path.ends_with("scaled");
        // One choice with a number: of two keys, neither is the wrong one.
        let free = free || path.ends_with("reset_gradient") || path.ends_with("scale");
        let place = path.as_str();
        let mut changed = whole.clone();
        changed.pointer_mut(pointer).unwrap()["mispelt"] = json!(1);
        let found = error(&changed).unwrap_or("accepted".into());
        let named = found.contains("mispelt") && found.contains(place);
        if !named && !free {
            wrong.push(format!("{path}.mispelt: {found}"));
        }
        for key in keys.keys() {
            let mut changed = whole.clone();
            changed.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
            // Whether it has a default is what the page says; an error names it.
            let found = error(&changed).unwrap_or_default();
            if found.contains("missing") && !found.contains("tensor") {
                let named = found.contains(&format!("`{key}`")) || found.contains(&format!("{path}.{key}"));
                if !(named && found.contains(place)) {
                    wrong.push(format!("no {path}.{key}: {found}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for required in
        ["/layers/6/decay", "/layers/6/reset", "/layers/6/reset/kind", "/layers/1/kernel", "/loss/readout"]
    {
        let mut changed = whole.clone();
        let (parent, key) = required.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
        let found = error(&changed).unwrap_or_default();
        assert!(found.contains(&format!("missing field `{key}`")), "{required}: {found}");
    }
}

#[test]
fn a_number_out_of_its_domain_is_named_by_its_path() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change)] = &[
        ("layers[1].decay", |l| l["decay"] = json!(1.5)),
        ("layers[1].decay", |l| l["decay"] = json!([0.9, 0.9, 0.9, 0.9])),
        ("layers[1].decay", |l| l["decay"] = json!([])),
        ("layers[1].decay[2]", |l| l["decay"] = json!([0.9, 0.9, -0.1, 0.9, 0.9])),
        ("layers[1].decay[1]", |l| l["decay"] = json!([0.9, "a", 0.1, 0.9, 0.9])),
        ("layers[1].threshold", |l| l["threshold"] = json!(0)),
        ("layers[1].threshold[4]", |l| l["threshold"] = json!([1, 1, 1, 1, -1])),
        ("layers[1].trace_decay", |l| l["trace_decay"] = json!(1)),
        ("layers[1].synapse.decay", |l| l["synapse"] = json!({"decay": 2})),
        ("layers[1].synapse.gain", |l| l["synapse"] = json!({"decay": 0.5, "gain": [1, 2]})),
        ("layers[1].adaptation.decay", |l| l["adaptation"] = json!({"decay": -1, "scale": 1})),
        ("layers[1].reset.value", |l| l["reset"] = json!({"kind": "value", "value": [1, 2]})),
        ("layers[1].reset_gradient.scaled", |l| l["reset_gradient"] = json!({"scaled": 2})),
        ("layers[1].surrogate.slope", |l| l["surrogate"]["slope"] = json!(-1)),
        ("layers[1].surrogate.slope", |l| l["surrogate"] = json!({"kind": "atan"})),
        ("layers[1].surrogate.width", |l| l["surrogate"]["width"] = json!(1)),
        ("layers[1].surrogate.period", |l| {
            l["surrogate"] = json!({"kind": "periodic-exponential", "width": 1})
        }),
        ("layers[1].surrogate.scale", |l| {
            l["surrogate"] = json!({"kind": "heaviside", "width": 1, "scale": "unit-area"})
        }),
        ("layers[1].surrogate.scale.peak", |l| l["surrogate"]["scale"] = json!({"peak": 0})),
        ("layers[1].surrogate.kind", |l| l["surrogate"]["kind"] = json!("round")),
        ("layers[1].residual_reset", |l| l["residual_reset"] = json!(true)),
        ("layers[1].output", |l| l["output"] = json!("potential")),
        ("layers[1].learned.tau", |l| l["learned"] = json!({"tau": {"synapse_decay": 1}})),
        ("layers[1].learned.tau.decay", |l| l["learned"] = json!({"tau": {"decay": [1, 2]}})),
        ("layers[1].learned", |l| l["learned"] = json!({"a b": {"decay": 1}})),
        ("layers[1].refractory", |l| l["refractory"] = json!(-1)),
    ];
    let mut wrong = Vec::new();
    for (path, change) in cases {
        let mut draft = Lif::default().draft();
        change(&mut draft.description["layers"][1]);
        let found = AuditFile::parse(&draft.bytes()).map(drop).map_err(|error| error.to_string());
        let named = found.as_ref().err().is_some_and(|e| e.contains(&format!("layer 1, `{path}`")));
        if !named {
            wrong.push(format!("{path}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same word means different resets in different frameworks: from version 2 on, a file says where in the step.
#[test]
fn the_second_version_asks_for_the_timing_of_a_reset() {
    let with = |version: u64, reset: Value| {
        let mut whole = everything();
        whole["version"] = json!(version);
        *whole.pointer_mut("/layers/6/reset").unwrap() = reset;
        error(&whole).filter(|said| said.contains("timing"))
    };
    for kind in ["zero", "subtract"] {
        let said = with(2, json!({"kind": kind})).unwrap();
        assert!(said.starts_with("layer 6, `layers[6].reset.timing`: it is missing"), "{said}");
        assert!(
            said.contains("version 2 has no default: write one of before-decay, after-decay, after-input")
        );
        let timed = json!({"kind": kind, "timing": "after-decay"});
        assert_eq!([with(2, timed), with(1, json!({"kind": kind}))], [None, None]);
    }
    assert_eq!(with(2, json!({"kind": "none"})), None);
}
