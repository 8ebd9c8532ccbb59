//! The files of a comparison: text and JSON, each whole or not at all.

use super::CompareError;
use resurge_report::write_atomically;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

pub(super) fn write(path: &Path, text: &str) -> Result<(), CompareError> {
    write_atomically(path, text.as_bytes())
        .map_err(|error| CompareError::file(path, format!("{error}; name a directory that can be written")))
}

pub(super) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CompareError> {
    write(path, &json(value).map_err(|error| CompareError::file(path, error))?)
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CompareError> {
    let text = resurge_report::text::read(path).map_err(|error| CompareError::file(path, error))?;
    serde_json::from_str(&text)
        .map_err(|error| CompareError::file(path, format!("{error}; restore the file, or run anew")))
}
