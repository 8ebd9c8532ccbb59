//! A list of seeds as it is written on the command line.

use std::str::FromStr;

/// Seeds, written as ranges and single numbers.
///
/// ```
/// use resurge_experiments::compare::Seeds;
///
/// let seeds: Seeds = "1-3,7".parse()?;
/// assert_eq!(seeds.0, [1, 2, 3, 7]);
/// assert!("3-1".parse::<Seeds>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// Seeds in one range.
const MOST: u64 = 10_000;

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            let most = i64::MAX;
            format!(
                "\"{text}\" is no list of seeds: write it as 1-3 or 1,2,5, each at most {most} (2^63 - 1)"
            )
        };
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number =
                |text: &str| text.trim().parse::<u64>().ok().filter(|&seed| i64::try_from(seed).is_ok());
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

#[cfg(test)]
mod tests {
    use super::Seeds;

    #[test]
    fn lists_of_seeds() {
        for (text, expected) in
            [("1-3", &[1, 2, 3][..]), ("1,2,5", &[1, 2, 5]), ("7", &[7]), ("1-2,9", &[1, 2, 9])]
        {
            assert_eq!(text.parse::<Seeds>().unwrap().0, expected);
        }
        for text in ["", "1-", "a", "1,,2", "-1", "9223372036854775808"] {
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
}
