use super::*;
use serde_json::json;

/// What is said of a description, which is right but for its layers.
fn said(layers: &Value) -> Option<String> {
    let whole = json!({
        "version": 2, "framework": {"name": "a", "version": "1"}, "layers": layers,
        "loss": {"kind": "weighted-sum"}
    });
    Description::parse(&whole.to_string()).err().map(|error| error.to_string())
}

/// The deserialiser's words for what it found and what it expected, in the words of JSON.
#[test]
fn messages_are_without_the_types_of_this_program() {
    for (message, text) in [
        ("invalid type: map, expected f64", "it is an object, but must be a number"),
        ("invalid type: sequence, expected usize", "it is a list, but must be a whole number from 0 on"),
        ("invalid type: unit, expected a boolean", "it is null, but must be true or false"),
        ("invalid type: boolean `true`, expected a string", "it is `true`, but must be a text, \"...\""),
        ("invalid type: integer `3`, expected a map", "it is `3`, but must be an object, {...}"),
        ("invalid type: floating point `0.5`, expected a sequence", "it is `0.5`, but must be a list, [...]"),
        ("invalid value: integer `-1`, expected u64", "it is `-1`, but must be a whole number from 0 on"),
        ("invalid value: integer `-1`, expected u32", "it is `-1`, but must be a whole number from 0 on"),
        (
            "invalid type: string \"a\", expected struct Neuron",
            "it is \"a\", but must be an object, {...}, with the keys of docs/audit-format.md",
        ),
        (
            "invalid type: unit, expected enum Output",
            "it is null, but must be a word of docs/audit-format.md",
        ),
        (
            "invalid type: unit, expected variant identifier",
            "it is null, but must be a word of docs/audit-format.md",
        ),
        (
            "invalid type: unit, expected string or map",
            "it is null, but must be a word, or an object with one key",
        ),
        ("invalid type: unit, expected an array of length 2", "it is null, but must be a list of 2"),
        ("invalid type: unit, expected something else", "it is null, but must be something else"),
        ("unknown field `x`, expected `y`", "unknown field `x`, expected `y`"),
    ] {
        assert_eq!(plain(message), text);
    }
}

#[test]
fn a_key_is_named_by_its_whole_path() {
    let missing = Description::parse("{\"version\": 1}").unwrap_err().to_string();
    assert!(missing.starts_with("the description: missing field"), "{missing}");
    assert!(
        said(&json!([{"kind": "linear"}])).unwrap().starts_with("layer 0, `layers[0]`: missing field `bias`")
    );
    let inside = said(&json!([{"kind": "linear", "bias": 1}])).unwrap();
    assert!(
        inside.starts_with("layer 0, `layers[0].bias`: it is `1`, but must be true or false"),
        "{inside}"
    );
    let list = said(&json!([{"kind": "conv2d", "bias": true, "stride": [1, -1]}])).unwrap();
    assert!(list.starts_with("layer 0, `layers[0].stride[1]`: "), "{list}");
    assert!(said(&json!([])).unwrap().contains("there is none, but at least one is needed"));
}

#[test]
fn what_a_layer_leaves_out_is_the_plain_thing() {
    let of = |layer: Value| Layer::read("layers[0]", layer).unwrap();
    let conv = Conv { bias: true, stride: [1, 1], padding: [0, 0], groups: 1, class: None };
    assert_eq!(of(json!({"kind": "conv2d", "bias": true})), Layer::Conv2d(conv));
    let pool = Pool { kernel: [2, 3], stride: None, padding: [0, 0], class: None };
    assert_eq!(of(json!({"kind": "avg-pool2d", "kernel": [2, 3]})), Layer::AvgPool2d(pool));
    let norm = Norm { bias: true, over: Over::Step, epsilon: 1e-5, class: None };
    assert_eq!(of(json!({"kind": "batch-norm", "bias": true, "over": "step"})), Layer::BatchNorm(norm));
    let (readout, reduction, scale) = (Readout::Last, Reduction::Mean, 1.0);
    let plain = loss("loss", json!({"kind": "mse", "readout": "last"})).unwrap();
    assert_eq!(plain, Loss::Mse { readout, reduction, scale });
    let plain = loss("loss", json!({"kind": "cross-entropy", "readout": "last"})).unwrap();
    assert_eq!(plain, Loss::CrossEntropy { readout, reduction, scale });
    assert_eq!(loss("loss", json!({"kind": "weighted-sum"})).unwrap(), Loss::WeightedSum { scale });
    let whole = json!({"kind": "mse", "readout": "all", "reduction": "batch-mean", "scale": 0.5});
    let (readout, reduction, scale) = (Readout::All, Reduction::BatchMean, 0.5);
    assert_eq!(loss("loss", whole).unwrap(), Loss::Mse { readout, reduction, scale });
    let error = loss("loss", json!({"kind": "kernel", "pattern": "01111"})).unwrap_err().to_string();
    assert!(error.contains("`kernel` is not known; take one of cross-entropy, mse, weighted-sum"), "{error}");
}
