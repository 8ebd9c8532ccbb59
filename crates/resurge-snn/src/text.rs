//! A value in a file as its short form: `#[serde(with = "resurge_snn::text")]`.
//!
//! ```
//! use resurge_snn::Surrogate;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Settings {
//!     #[serde(with = "resurge_snn::text")]
//!     surrogate: Surrogate,
//! }
//!
//! let settings: Settings = serde_json::from_str(r#"{"surrogate":"sigmoid 0.2"}"#)?;
//! assert_eq!(settings.surrogate, Surrogate::sigmoid(0.2)?);
//! assert_eq!(serde_json::to_string(&settings)?, r#"{"surrogate":"sigmoid 0.2"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use std::fmt::Display;
use std::str::FromStr;

/// Writes the short form.
///
/// # Errors
/// Those of the format.
///
/// ```
/// let mut json = Vec::new();
/// let mut serializer = serde_json::Serializer::new(&mut json);
/// resurge_snn::text::serialize(&resurge_snn::Reset::NONE, &mut serializer)?;
/// assert_eq!(json, br#""none""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads the short form.
///
/// # Errors
/// Those of the format, and of a text that is no form of the value.
///
/// ```
/// use resurge_snn::Reset;
///
/// let json = &mut serde_json::Deserializer::from_str(r#""none""#);
/// let reset: Reset = resurge_snn::text::deserialize(json)?;
/// assert_eq!(reset, Reset::NONE);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
