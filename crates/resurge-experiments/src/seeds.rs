//! A list of seeds as it is written on the command line.

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Seeds, written as ranges and single numbers, or as how many: a lone number N is the seeds 1 to N, and seed 7 alone
/// is the range `7-7`. In JSON they are the number N, or a list.
///
/// ```
/// use resurge_experiments::Seeds;
///
/// let seeds: Seeds = "1-3,7".parse()?;
/// assert_eq!((&seeds.0[..], seeds.to_string()), (&[1, 2, 3, 7][..], "1-3,7".into()));
/// assert_eq!("3".parse::<Seeds>()?, Seeds::first(3));
/// assert_eq!("7-7".parse::<Seeds>()?, Seeds(vec![7]));
/// assert!("3-1".parse::<Seeds>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// Seeds in one range, and of a lone number.
const MOST: u64 = 10_000;

impl Seeds {
    /// The seeds 1 to `count`.
    ///
    /// ```
    /// assert_eq!(resurge_experiments::Seeds::first(3).to_string(), "1-3");
    /// ```
    pub fn first(count: u64) -> Self {
        Self::from_on(1, count)
    }

    /// So many seeds, from one on; after the largest comes 0.
    ///
    /// ```
    /// assert_eq!(resurge_experiments::Seeds::from_on(5, 3).to_string(), "5-7");
    /// ```
    pub fn from_on(first: u64, count: u64) -> Self {
        Self((0..count).map(|i| first.wrapping_add(i)).collect())
    }

    /// Whether any is there twice.
    pub(crate) fn repeat(&self) -> bool {
        let unique: std::collections::BTreeSet<_> = self.0.iter().collect();
        unique.len() < self.0.len()
    }

    /// How many there are, where they are 1, 2, 3 and so on.
    fn count(&self) -> Option<u64> {
        let count = self.0.len() as u64;
        self.0.iter().copied().eq(1..=count).then_some(count)
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            let most = i64::MAX;
            format!(
                "\"{text}\" is no list of seeds: write it as 1-3 or 1,2,5, each at most {most} (2^63 - 1), or as how many \
                 there are"
            )
        };
        let number = |text: &str| text.trim().parse::<u64>().ok().filter(|&seed| i64::try_from(seed).is_ok());
        if let Some(count) = number(text) {
            return match (1..=MOST).contains(&count) {
                true => Ok(Self::first(count)),
                false => Err(format!(
                    "{count} alone is how many seeds there are, from 1 to {MOST}; the seed {count} is written \
                     {count}-{count}"
                )),
            };
        }
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = number(first).zip(number(last)).ok_or_else(bad)?;
            if first > last {
                return Err(format!(
                    "\"{part}\" of the seeds ends before it begins: write it as {last}-{first}"
                ));
            }
            if last - first >= MOST {
                return Err(format!(
                    "\"{part}\" of the seeds has more than {MOST} seeds; split it at commas"
                ));
            }
            seeds.extend(first..=last);
        }
        Ok(Self(seeds))
    }
}

/// As it is read: what is next to each other as a range, one that is alone as a range of itself.
impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &self.0[..];
        while let Some(&first) = rest.first() {
            let next =
                |(i, &seed): (usize, &u64)| (i as u64) < MOST && first.checked_add(i as u64) == Some(seed);
            let length = rest.iter().enumerate().take_while(|&pair| next(pair)).count();
            let last = rest[length - 1];
            if rest.len() < self.0.len() {
                f.write_str(",")?;
            }
            match length == 1 && self.0.len() > 1 {
                true => write!(f, "{first}")?,
                false => write!(f, "{first}-{last}")?,
            }
            rest = &rest[length..];
        }
        Ok(())
    }
}

impl Serialize for Seeds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.count() {
            Some(count) => serializer.serialize_u64(count),
            None => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Seeds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("how many seeds there are, or a list of them")
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<Seeds, E> {
                match count <= MOST {
                    true => Ok(Seeds::first(count)),
                    false => Err(E::custom(format_args!("{count} seeds, but at most {MOST} are taken"))),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Seeds, A::Error> {
                let mut seeds = Vec::new();
                while let Some(seed) = list.next_element()? {
                    seeds.push(seed);
                }
                Ok(Seeds(seeds))
            }
        }

        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::Seeds;

    #[test]
    fn lists_of_seeds() {
        for (text, expected) in [
            ("1-3", &[1, 2, 3][..]),
            ("1,2,5", &[1, 2, 5]),
            ("7-7", &[7]),
            ("1-2,9", &[1, 2, 9]),
            ("0-0", &[0]),
            ("4", &[1, 2, 3, 4]),
            (" 1 ", &[1]),
            ("5,3-4,5", &[5, 3, 4, 5]),
        ] {
            assert_eq!(text.parse::<Seeds>().unwrap().0, expected, "{text}");
        }
        for text in ["", "1-", "a", "1,,2", "-1", "1.5", "9223372036854775808", "7,"] {
            let error = text.parse::<Seeds>().unwrap_err();
            assert!(error.contains("is no list of seeds"), "{error}");
            assert!(error.contains("at most 9223372036854775807 (2^63 - 1)"), "{error}");
        }
        let reversed = "3-1".parse::<Seeds>().unwrap_err();
        assert_eq!(reversed, "\"3-1\" of the seeds ends before it begins: write it as 1-3");
        let long = "2,0-10000".parse::<Seeds>().unwrap_err();
        assert_eq!(long, "\"0-10000\" of the seeds has more than 10000 seeds; split it at commas");
        assert_eq!("0-9999".parse::<Seeds>().unwrap().0.len(), 10_000);
    }

    #[test]
    fn a_lone_number_is_how_many_and_no_seed() {
        assert_eq!("10000".parse::<Seeds>().unwrap().0.len(), 10_000);
        for count in ["0", "10001", "20261130", "9223372036854775807"] {
            let error = count.parse::<Seeds>().unwrap_err();
            let expected = format!(
                "{count} alone is how many seeds there are, from 1 to 10000; the seed {count} is written {count}-{count}"
            );
            assert_eq!(error, expected);
            assert_eq!(
                format!("{count}-{count}").parse::<Seeds>().unwrap().0,
                [count.parse::<u64>().unwrap()]
            );
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let long: Vec<u64> = (5..25_005).chain([9]).collect();
        let most = i64::MAX as u64;
        for (seeds, text) in [
            (vec![1, 2, 3], Some("1-3")),
            (vec![7], Some("7-7")),
            (vec![1], Some("1-1")),
            (vec![1, 2, 5], Some("1-2,5")),
            (vec![3, 1, 1, 2], Some("3,1,1-2")),
            (vec![most - 1, most, 0], Some("9223372036854775806-9223372036854775807,0")),
            (long, None),
        ] {
            let seeds = Seeds(seeds);
            let shown = seeds.to_string();
            assert!(text.is_none_or(|text| text == shown), "{shown}");
            assert_eq!(shown.parse::<Seeds>().as_ref(), Ok(&seeds), "{shown}");
            let json = serde_json::to_string(&seeds).unwrap();
            assert_eq!(serde_json::from_str::<Seeds>(&json).unwrap(), seeds, "{json}");
        }
        assert_eq!(Seeds::from_on(u64::MAX, 2).0, [u64::MAX, 0]);
    }

    #[test]
    fn in_json_they_are_a_number_or_a_list() {
        let json = |text: &str| serde_json::to_string(&text.parse::<Seeds>().unwrap()).unwrap();
        assert_eq!([json("3"), json("1-3"), json("2-4")], ["3", "3", "[2,3,4]"]);
        assert_eq!(serde_json::from_str::<Seeds>("[1, 2]").unwrap(), Seeds::first(2));
        for (bad, problem) in [
            ("-1", "expected how many seeds there are, or a list of them"),
            ("\"3\"", "expected how many seeds there are, or a list of them"),
            ("[1.5]", "expected u64"),
            ("18446744073709551615", "18446744073709551615 seeds, but at most 10000 are taken"),
        ] {
            let error = serde_json::from_str::<Seeds>(bad).unwrap_err().to_string();
            assert!(error.contains(problem), "{bad}: {error}");
        }
    }
}
