use super::*;
use serde_json::json;

/// A file: the length of its header, the header, so many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn tensor(dtype: &str, shape: &[u64], begin: u64, end: u64) -> Value {
    json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]})
}

/// What is said of a file that safetensors refuses.
fn said(header: &Value, data: usize) -> String {
    refused(&file(&header.to_string(), data), "something").to_string()
}

const NOTHING: &str =
    "not a whole safetensors file: something; write it again, with safetensors.numpy.save_file";

#[test]
fn of_tensors_that_fill_the_file_none_is_to_blame() {
    // Not in the order of their names, with one that is empty between.
    let header = json!({
        "__metadata__": {"a": "b"}, "z": tensor("F32", &[2], 0, 8), "m": tensor("F64", &[0, 3], 8, 8),
        "a": tensor("F64", &[1], 8, 16)
    });
    assert_eq!(said(&header, 16), NOTHING);
}

#[test]
fn a_tensor_beyond_the_end_is_truncated() {
    let header = json!({"a": tensor("F32", &[2], 0, 8), "b": tensor("F32", &[1], 8, 12)});
    assert_eq!(said(&header, 12), NOTHING);
    let error = said(&header, 11);
    assert!(
        error.starts_with("tensor `b`: its bytes end at 12, but the file has 11: it is truncated"),
        "{error}"
    );
    assert!(error.ends_with("write the file again, with safetensors.numpy.save_file"), "{error}");
}

/// In the order in which their bytes begin.
#[test]
fn a_tensor_inside_of_another_overlaps_it() {
    let header = json!({"a": tensor("F32", &[2], 0, 8), "b": tensor("F32", &[1], 2, 6)});
    let error = said(&header, 8);
    let expected = "tensor `b`: its bytes begin at 2, where another tensor's go on to 8: they overlap";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn tensors_that_overlap_or_leave_a_hole_are_named() {
    let header = json!({"a": tensor("F32", &[2], 4, 12), "b": tensor("F32", &[2], 0, 8)});
    let error = said(&header, 12);
    let expected = "tensor `a`: its bytes begin at 4, where another tensor's go on to 8: they overlap";
    assert!(error.starts_with(expected), "{error}");
    let header = json!({"a": tensor("F32", &[1], 8, 12), "b": tensor("F32", &[1], 0, 4)});
    let error = said(&header, 12);
    let expected = "tensor `a`: its bytes begin at 8, but those before it end at 4: there is a hole";
    assert!(error.starts_with(expected), "{error}");
    // The first, of several.
    let header = json!({
        "a": tensor("F32", &[1], 20, 24), "b": tensor("F32", &[1], 10, 14), "c": tensor("F32", &[1], 0, 4)
    });
    assert!(said(&header, 24).starts_with("tensor `b`"));
}

#[test]
fn each_type_has_its_size() {
    let sizes = [
        (1, &["U8", "I8", "BOOL"][..]),
        (2, &["F16", "BF16", "I16", "U16"]),
        (4, &["F32", "I32", "U32"]),
        (8, &["F64", "I64", "U64"]),
    ];
    for (size, types) in sizes {
        for dtype in types {
            assert_eq!(said(&json!({"a": tensor(dtype, &[3, 2], 0, 6 * size)}), 48), NOTHING, "{dtype}");
            let error = said(&json!({"a": tensor(dtype, &[3, 2], 0, 6 * size + 1)}), 49);
            let expected =
                format!("tensor `a`: shape [3, 2] of {dtype} does not fill its bytes 0..{}", 6 * size + 1);
            assert!(error.starts_with(&expected), "{error}");
        }
    }
    let error = said(&json!({"a": tensor("C64", &[1], 0, 8)}), 8);
    assert!(error.starts_with("tensor `a`: its type `C64` is not known"), "{error}");
    let error = said(&json!({"a": {"dtype": 7}}), 8);
    assert!(error.starts_with("tensor `a`: its type `` is not known"), "{error}");
}

#[test]
fn shapes_and_offsets_are_numbers_that_fit() {
    let huge = u64::MAX / 2;
    for (what, shape, offsets) in [
        ("too large for a number", json!([huge, huge]), json!([0, 4])),
        ("backward", json!([1]), json!([4, 0])),
        ("backward and too large", json!([huge, huge]), json!([4, 0])),
    ] {
        let error = said(&json!({"a": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}), 8);
        assert!(error.contains("does not fill its bytes"), "{what}: {error}");
    }
    for (shape, offsets) in [
        (json!([-1]), json!([0, 4])),
        (json!("1"), json!([0, 4])),
        (json!([1]), json!([0])),
        (json!([1]), json!([0, 4, 8])),
        (json!([1]), json!([0, 4.5])),
        (json!(null), json!([0, 4])),
    ] {
        let error = said(&json!({"a": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}), 8);
        assert!(error.starts_with("tensor `a`: its shape or its offsets are not numbers"), "{error}");
    }
}

#[test]
fn what_is_no_header_has_no_tensor_to_blame() {
    assert_eq!(said(&json!([1, 2]), 8), NOTHING);
    for bytes in [&b""[..], b"short", &file("{", 8)[..8], &file("not json", 0), &[255; 20]] {
        assert_eq!(refused(bytes, "something").to_string(), NOTHING);
        assert!(check_header(bytes).is_ok());
    }
}

#[test]
fn a_header_is_no_larger_than_networks_need_and_says_nothing_twice() {
    // Blanks behind the table are part of it.
    let padded = |length: usize| file(&("{}".to_owned() + &" ".repeat(length - 2)), 0);
    assert!(check_header(&padded(HEADER)).is_ok());
    let error = check_header(&padded(HEADER + 1)).unwrap_err().to_string();
    assert!(error.contains("its header has 1048577 bytes, but 1048576 are enough"), "{error}");
    let twice = file(r#"{"a": 1, "a": 2}"#, 0);
    let error = check_header(&twice).unwrap_err().to_string();
    assert!(error.contains("in its header, the key `a` is there twice"), "{error}");
    // The length is that of the header, and what follows is none of it.
    let mut more = file(r#"{"a": 1}"#, 0);
    more.extend(br#"{"b": 1, "b": 2}"#);
    assert!(check_header(&more).is_ok());
}
