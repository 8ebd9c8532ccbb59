//! The header of a safetensors file, looked at before it is read.

use crate::json;

/// What is wrong with a header of a file of ours before it is read: it is larger than `most`, which is `enough`, or it
/// says something twice. Of what is not even there, safetensors says so.
///
/// # Errors
/// The problem, in words.
///
/// ```
/// let mut file = 16_u64.to_le_bytes().to_vec();
/// file.extend(br#"{"a": 1, "a": 2}"#);
/// let problem = resurge_program::check_header(&file, 100, "enough").unwrap_err();
/// assert!(problem.contains("the key `a` is there twice"));
/// let problem = resurge_program::check_header(&file, 10, "enough for ten nodes").unwrap_err();
/// assert_eq!(problem, "its header has 16 bytes, but 10 are enough for ten nodes");
/// ```
pub fn check_header(bytes: &[u8], most: usize, enough: &str) -> std::result::Result<(), String> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return Ok(()) };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some(header) = rest.get(..length) else { return Ok(()) };
    if length > most {
        return Err(format!("its header has {length} bytes, but {most} are {enough}"));
    }
    match json::parse(header) {
        Err(error) if error.is_data() => Err(format!("in its header, {error}")),
        _ => Ok(()),
    }
}
