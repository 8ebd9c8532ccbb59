//! A part of a list of independent pieces of work.

use std::fmt;
use std::str::FromStr;

/// Part `I` of `N` of a list: pieces `I, I + N, I + 2 N, ...`, counted from 1. The parts together are the list, and no
/// piece is in two of them.
///
/// ```
/// use resurge_experiments::Shard;
///
/// let shard: Shard = "2/3".parse()?;
/// assert_eq!((0..7).filter(|&place| shard.takes(place)).collect::<Vec<_>>(), [1, 4]); // places count from 0
/// assert!("4/3".parse::<Shard>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// The whole list.
    ///
    /// ```
    /// assert!((0..9).all(|place| resurge_experiments::Shard::WHOLE.takes(place)));
    /// ```
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// Its number, from 1.
    ///
    /// ```
    /// let shard: resurge_experiments::Shard = "2/3".parse()?;
    /// assert_eq!(shard.index(), 2);
    /// # Ok::<(), String>(())
    /// ```
    pub fn index(self) -> usize {
        self.index
    }

    /// How many parts there are.
    ///
    /// ```
    /// let shard: resurge_experiments::Shard = "2/3".parse()?;
    /// assert_eq!(shard.count(), 3);
    /// # Ok::<(), String>(())
    /// ```
    pub fn count(self) -> usize {
        self.count
    }

    /// Whether the piece at a place, from 0, belongs to it.
    ///
    /// ```
    /// let shard: resurge_experiments::Shard = "1/2".parse()?;
    /// let trials = ["a", "b", "c"].into_iter().enumerate();
    /// let mine: Vec<_> = trials.filter(|(place, _)| shard.takes(*place)).map(|(_, name)| name).collect();
    /// assert_eq!(mine, ["a", "c"]);
    /// # Ok::<(), String>(())
    /// ```
    pub fn takes(self, place: usize) -> bool {
        place % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').map(|(i, n)| (i.parse(), n.parse()));
        match numbers {
            Some((Ok(index), Ok(count))) if 1 <= index && index <= count => Ok(Self { index, count }),
            _ => Err(format!("\"{text}\" is no shard: write I/N with I from 1 to N, such as 1/4")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_in_one_part() {
        for count in 1..6 {
            let shards: Vec<Shard> = (1..=count).map(|i| format!("{i}/{count}").parse().unwrap()).collect();
            for place in 0..20 {
                assert_eq!(shards.iter().filter(|shard| shard.takes(place)).count(), 1);
            }
        }
    }

    #[test]
    fn what_is_no_part_is_named() {
        for text in ["0/3", "4/3", "1/0", "0/0", "1", "a/2", "-1/2", "1/2/3", ""] {
            let error = text.parse::<Shard>().unwrap_err();
            assert!(error.starts_with(&format!("\"{text}\" is no shard")), "{error}");
        }
    }
}
