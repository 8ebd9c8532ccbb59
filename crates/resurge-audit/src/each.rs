//! Numbers of a layer: one for all of its neurons, or one for each neuron or channel.

use super::error::{AuditError, Result};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;

/// A number of the description, or a list of them; never empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Each(Vec<f64>);

impl Each {
    pub(super) fn one() -> Self {
        Self(vec![1.0])
    }

    pub(super) fn zero() -> Self {
        Self(vec![0.0])
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The number of neuron `k` of `neurons`, which is a multiple of the list's length: a channel's neurons follow one
    /// another.
    pub(super) fn at(&self, k: usize, neurons: usize) -> f64 {
        self.0.get(k / (neurons / self.len()).max(1)).or(self.0.first()).copied().unwrap_or(f64::NAN)
    }

    /// Checks the length against the features `[N]` or `[C, H, W]` of a layer.
    pub(super) fn check(&self, place: &str, features: &[usize]) -> Result<()> {
        let neurons: usize = features.iter().product();
        let channels = if features.len() == 3 { features[0] } else { 1 };
        if [1, channels, neurons].contains(&self.len()) {
            return Ok(());
        }
        let lists = match features.len() {
            3 => format!("{channels} (one a channel) or {neurons} (one a neuron, row-major)"),
            _ => format!("{neurons} (one a neuron)"),
        };
        let problem = format!("it has {} numbers; give one number, or a list of {lists}", self.len());
        Err(AuditError::description(place, problem))
    }
}

impl<'de> Deserialize<'de> for Each {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(EachVisitor).map(Self)
    }
}

struct EachVisitor;

impl<'de> Visitor<'de> for EachVisitor {
    type Value = Vec<f64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, or a list with one for each neuron or channel")
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Vec<f64>, E> {
        Ok(vec![value])
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Vec<f64>, E> {
        Ok(vec![value as f64])
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Vec<f64>, E> {
        Ok(vec![value as f64])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Vec<f64>, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element()? {
            found.push(item);
        }
        if found.is_empty() {
            return Err(A::Error::custom("the list is empty; give a number, or one for each neuron"));
        }
        Ok(found)
    }
}
