//! The reader of audit files, and the audit of what it accepts.

use resurge::audit::{AuditFile, AuditOptions};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;

/// The most numbers in a tensor.
const MOST: usize = 600;

/// Bytes after a zero are a file as they are. Others are text, from which the container is made, so that mutations
/// reach what is in it: a line with the description; a line for each tensor, of its type, its name and its extents;
/// an empty line; and the bytes of all tensors, zeros where they end.
pub fn audit(bytes: &[u8]) {
    match bytes.split_first() {
        Some((0, file)) => check(file, false),
        _ => {
            let Some((file, proof)) = assemble(bytes, "resurge_audit") else { return };
            check(&file, proof);
        }
    }
}

fn check(file: &[u8], proof: bool) {
    match AuditFile::parse(file) {
        Ok(file) => {
            let options = AuditOptions { proof, search: true, profiles: true, seed: 1 };
            match resurge::audit::audit(&file, &options) {
                Ok(report) => assert!(!report.code.is_empty() && !report.words.is_empty()),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The file with its description under a key, and whether its gradient is to be proved: as the last byte says.
pub(crate) fn assemble(bytes: &[u8], key: &str) -> Option<(Vec<u8>, bool)> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let (text, data) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]);
    let (description, tensors) = text.split_once('\n')?;
    let mut data = data.iter().copied().chain(std::iter::repeat(0));
    let mut entries: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for line in tensors.lines().take(40) {
        let mut words = line.split(' ');
        let (dtype, size) = match words.next()? {
            "F32" => (Dtype::F32, 4),
            "F64" => (Dtype::F64, 8),
            "U8" => (Dtype::U8, 1),
            "I64" => (Dtype::I64, 8),
            "I32" => (Dtype::I32, 4),
            _ => return None,
        };
        let name = words.next()?;
        let shape: Vec<usize> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let length = shape.iter().try_fold(1_usize, |length, &extent| length.checked_mul(extent))?;
        if length > MOST || entries.iter().any(|(other, ..)| *other == name) {
            return None;
        }
        entries.push((name, dtype, shape, data.by_ref().take(length * size).collect::<Vec<u8>>()));
    }
    let views = entries.iter().map(|(name, dtype, shape, data)| {
        (*name, TensorView::new(*dtype, shape.clone(), data).expect("as many bytes as the shape says"))
    });
    let metadata = HashMap::from([(key.to_owned(), description.to_owned())]);
    let proof = bytes.last().is_some_and(|byte| byte % 2 == 1);
    Some((safetensors::serialize(views, Some(metadata)).ok()?, proof))
}
