//! Containers that mean harm: headers that lie, and text that is long, deep or said twice.

use crate::build::Draw;
use crate::hostile::{EXTREMES, chance, extreme, one_of, size};
use serde_json::{Value, json};

/// The places of all values in a description.
pub(crate) fn places(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((place, value)) = open.pop() {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(all) => all.iter().map(|(key, value)| (format!("{place}/{key}"), value)).collect(),
            Value::Array(all) => {
                all.iter().enumerate().map(|(k, value)| (format!("{place}/{k}"), value)).collect()
            }
            _ => Vec::new(),
        };
        found.extend(children.iter().map(|(place, _)| place.clone()));
        open.extend(children);
    }
    found.push(String::new());
    found
}

/// A file by its header's text and so many bytes after it.
fn file(length: u64, header: &str, data: usize) -> Vec<u8> {
    [&length.to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

/// A file whose container, or whose description's text, means harm.
pub(crate) fn hostile(draw: &mut Draw, text: bool) -> (&'static str, Vec<u8>) {
    if text { ("text", description(draw)) } else { ("container", container(draw)) }
}

fn container(draw: &mut Draw) -> Vec<u8> {
    let data = size(draw, 100_000);
    let [begin, end] = [extreme(draw), extreme(draw)];
    let shape = vec![extreme(draw); size(draw, 6)];
    let dtype = one_of(draw, &["F32", "F64", "U8", "I64", "F16", "F4", "C64", ""]);
    let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]});
    let header = match size(draw, 5) {
        1 => json!({"input": entry}).to_string(),
        // Empty tensors, each with a name.
        2 => {
            let empty = json!({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]});
            let all = (0..size(draw, 15_000)).map(|k| (format!("spikes.{k}"), empty.clone()));
            Value::Object(all.collect()).to_string()
        }
        3 => format!("{{\"input\":{entry},\"input\":{entry}}}"),
        4 => json!({"input": {"dtype": "U8", "shape": vec![1; size(draw, 50_000)], "data_offsets": [0, 1]}})
            .to_string(),
        _ => deep(draw),
    };
    let length = if chance(draw, 0.8) { header.len() as u64 } else { extreme(draw) };
    file(length, &header, data)
}

/// Nested lists or objects, closed or not.
fn deep(draw: &mut Draw) -> String {
    let depth = size(draw, 200_000);
    let (open, close) = one_of(draw, &[("[", "]"), ("{\"a\":", "}")]);
    let end = if chance(draw, 0.5) { close.repeat(depth) } else { String::new() };
    format!("{}1{end}", open.repeat(depth))
}

fn description(draw: &mut Draw) -> Vec<u8> {
    let layer = json!({"kind": "flatten"});
    let long = size(draw, 400_000);
    let mut all = json!({
        "version": 1, "framework": {"name": "hostile", "version": "1"}, "layers": [layer],
        "loss": {"kind": "weighted-sum"},
    });
    let text = match size(draw, 8) {
        1 => deep(draw),
        2 => {
            all["notes"] = json!(vec!["<"; long / 4]);
            all.to_string()
        }
        3 => {
            all["notes"] = json!(["&".repeat(long)]);
            all.to_string()
        }
        4 => {
            all["layers"] = json!(vec![layer; long / 20 + 1]);
            all.to_string()
        }
        5 => {
            all["ungraded"] = json!(vec!["layers.0.weight"; long / 20]);
            all.to_string()
        }
        6 => {
            all["layers"][0]["class"] = json!("\u{0}".repeat(long / 8));
            all.to_string()
        }
        7 => all.to_string().replacen('1', &format!("1{}", "0".repeat(long)), 1),
        _ => {
            all["layers"][0]["kind"] = json!("x".repeat(long));
            all.to_string()
        }
    };
    let bytes = |begin: usize, end: usize, shape: Value| json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]});
    let header = json!({
        "__metadata__": {"resurge_audit": text}, "input": bytes(0, 24, json!([2, 1, 3])),
        "loss.weight": bytes(24, 48, json!([2, 1, 3])), "loss": bytes(48, 52, json!([])),
        "gradients.input": bytes(52, 76, json!([2, 1, 3])),
    })
    .to_string();
    file(header.len() as u64, &header, 76)
}

/// Puts another value in some place of a description.
pub(crate) fn replace(description: &mut Value, place: usize, value: usize) {
    let places = places(description);
    let extreme = EXTREMES[value / 9 % EXTREMES.len()];
    let values = [
        json!(extreme),
        json!([extreme, extreme]),
        json!(-1),
        json!(1e308),
        json!(5e-324),
        Value::Null,
        json!([]),
        json!({}),
        json!("full"),
    ];
    if let Some(found) = description.pointer_mut(&places[place % places.len()]) {
        *found = values[value % values.len()].clone();
    }
}
