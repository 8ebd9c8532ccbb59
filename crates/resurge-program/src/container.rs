//! The header of a safetensors file, looked at before it is read.

use crate::{ProgramError, Result, json};

/// A program of ten thousand nodes, each with its value and its cotangent, has a header of about this size.
const HEADER: usize = 16 << 20;

/// Whether a header is larger than any program's, or says something twice.
pub(crate) fn check_header(bytes: &[u8]) -> Result<()> {
    // Of what is not even there, safetensors says so.
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return Ok(()) };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some(header) = rest.get(..length) else { return Ok(()) };
    if length > HEADER {
        let problem =
            format!("its header has {length} bytes, but {HEADER} are enough for ten thousand nodes");
        return Err(ProgramError::Container(problem));
    }
    match json::parse(header) {
        Err(error) if error.is_data() => Err(ProgramError::Container(format!("in its header, {error}"))),
        _ => Ok(()),
    }
}
