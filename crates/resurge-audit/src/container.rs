//! Which tensor it is that makes a file no safetensors file. The crate that reads them says what is wrong, but seldom
//! where.

use super::error::{AuditError, Result};
use serde_json::Value;

/// A tensor of the header: where its bytes begin and end.
struct Entry {
    name: String,
    begin: u64,
    end: u64,
}

/// The header of a network with a thousand layers has about this size. What is read of one may take fifty times as much.
const HEADER: usize = 1 << 20;

/// Looks at a header before it is read: whether it is larger than any network's, or says something twice.
pub(super) fn check_header(bytes: &[u8]) -> Result<()> {
    resurge_program::check_header(bytes, HEADER, "enough for a thousand layers")
        .map_err(AuditError::Container)
}

/// The error of a file that safetensors refuses with `problem`; it names the tensor where there is one to name.
pub(super) fn refused(bytes: &[u8], problem: &str) -> AuditError {
    culprit(bytes).unwrap_or_else(|| AuditError::Container(problem.to_owned()))
}

fn culprit(bytes: &[u8]) -> Option<AuditError> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let header: Value = serde_json::from_slice(rest.get(..length)?).ok()?;
    let data = (rest.len() - length) as u64;
    let mut entries = Vec::new();
    for (name, info) in header.as_object()?.iter().filter(|(name, _)| *name != "__metadata__") {
        match entry(name, info) {
            Ok(entry) => entries.push(entry),
            Err(error) => return Some(error),
        }
    }
    entries.sort_by_key(|entry| (entry.begin, entry.end));
    let mut before = 0;
    entries.into_iter().find_map(|Entry { name, begin, end }| {
        let reached = std::mem::replace(&mut before, end);
        let remedy = "write the file again, with safetensors.numpy.save_file";
        let problem = if end > data {
            format!("its bytes end at {end}, but the file has {data}: it is truncated")
        } else if begin < reached {
            format!("its bytes begin at {begin}, where another tensor's go on to {reached}: they overlap")
        } else if begin > reached {
            format!("its bytes begin at {begin}, but those before it end at {reached}: there is a hole")
        } else {
            return None;
        };
        Some(AuditError::tensor(name, problem, remedy))
    })
}

fn entry(name: &str, info: &Value) -> Result<Entry> {
    let bad =
        |problem: String| AuditError::tensor(name, problem, "write F32, F64, U8 or I64 in whole arrays");
    let kind = info.get("dtype").and_then(Value::as_str).unwrap_or_default();
    let size = match kind {
        "F32" | "I32" | "U32" => 4,
        "F64" | "I64" | "U64" => 8,
        "F16" | "BF16" | "I16" | "U16" => 2,
        "U8" | "I8" | "BOOL" => 1,
        other => return Err(bad(format!("its type `{other}` is not known"))),
    };
    let numbers =
        |key: &str| -> Option<Vec<u64>> { info.get(key)?.as_array()?.iter().map(Value::as_u64).collect() };
    let (shape, offsets) = (numbers("shape"), numbers("data_offsets"));
    let (Some(shape), Some(&[begin, end])) = (shape, offsets.as_deref()) else {
        return Err(bad("its shape or its offsets are not numbers".into()));
    };
    let needed = shape.iter().try_fold(size, |size: u64, &extent| size.checked_mul(extent));
    if needed.is_none() || needed != end.checked_sub(begin) {
        return Err(bad(format!("shape {shape:?} of {kind} does not fill its bytes {begin}..{end}")));
    }
    Ok(Entry { name: name.to_owned(), begin, end })
}

#[cfg(test)]
mod tests;
