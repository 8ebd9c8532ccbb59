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
        self.0[k / (neurons / self.len())]
    }

    /// Checks the length against the features `[N]` or `[C, H, W]` of a layer.
    pub(super) fn check(&self, place: &str, features: &[usize]) -> Result<()> {
        let neurons: usize = features.iter().product();
        let channels = features.first().copied().unwrap_or(neurons);
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

#[cfg(test)]
mod tests {
    use super::Each;

    fn each(json: &str) -> Result<Each, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_is_for_all_and_a_list_for_each() {
        for (json, numbers) in
            [("0.5", vec![0.5]), ("-3", vec![-3.0]), ("7", vec![7.0]), ("[1, -2, 0.5]", vec![1.0, -2.0, 0.5])]
        {
            assert_eq!(each(json), Ok(Each(numbers)), "{json}");
        }
        let expected = "expected a number, or a list with one for each neuron or channel";
        assert!(each("\"much\"").unwrap_err().contains(expected));
        assert!(each("[]").unwrap_err().contains("the list is empty"));
        assert_eq!((Each::one().len(), Each::one().at(2, 3), Each::zero().at(2, 3)), (1, 1.0, 0.0));
    }

    /// A channel's neurons follow one another.
    #[test]
    fn a_neuron_has_its_channels_number() {
        let two = Each(vec![0.5, 0.25]);
        assert_eq!([0, 2, 3, 5].map(|k| two.at(k, 6)), [0.5, 0.5, 0.25, 0.25]);
        assert_eq!([0, 1].map(|k| two.at(k, 2)), [0.5, 0.25]);
    }

    #[test]
    fn a_list_has_a_number_for_each_neuron_or_channel() {
        let said = |numbers: usize, features: &[usize]| {
            let error = Each(vec![0.5; numbers]).check("a place", features).err();
            error.map(|error| error.to_string())
        };
        for (numbers, features) in
            [(1, &[6][..]), (6, &[6]), (2, &[2, 3, 1]), (6, &[2, 3, 1]), (1, &[2, 3, 1])]
        {
            assert_eq!(said(numbers, features), None, "{numbers} of {features:?}");
        }
        assert!(
            said(2, &[6])
                .unwrap()
                .contains("a place: it has 2 numbers; give one number, or a list of 6 (one a neuron)")
        );
        let images = said(3, &[2, 3, 1]).unwrap();
        assert!(images.contains("2 (one a channel) or 6 (one a neuron, row-major)"), "{images}");
    }
}
