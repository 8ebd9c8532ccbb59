//! A layer as it is written in the settings.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A layer as it is written in the settings.
///
/// ```
/// use resurge_experiments::train::LayerSpec;
///
/// let conv: LayerSpec = "conv 12 5 pad 1".parse()?;
/// assert_eq!(conv, LayerSpec::Conv { filters: 12, kernel: 5, padding: 1, stride: 1 });
/// assert_eq!(conv.to_string(), "conv 12 5 pad 1");
/// assert!("conv 12".parse::<LayerSpec>().unwrap_err().contains("conv FILTERS KERNEL"));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LayerSpec {
    /// A convolution, then cells: `conv FILTERS KERNEL [pad N] [stride N]`.
    Conv {
        /// Output channels.
        filters: usize,
        /// Height and width of the kernel.
        kernel: usize,
        /// Zeros on each side.
        padding: usize,
        /// The step between positions.
        stride: usize,
    },
    /// A linear layer, then cells: `linear NEURONS [recurrent]`.
    Linear {
        /// Output neurons.
        neurons: usize,
        /// Whether each neuron sees what all of the layer handed on one step before, by weights that are learned.
        recurrent: bool,
    },
    /// The mean over squares: `pool SIZE`.
    Pool {
        /// Height and width of a square.
        size: usize,
    },
    /// Dropout in training: `dropout P`.
    Dropout {
        /// The probability of silence.
        probability: f64,
    },
}

impl FromStr for LayerSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let bad = || {
            format!(
                "\"{text}\" is no layer; write conv FILTERS KERNEL [pad N] [stride N], linear NEURONS [recurrent], \
                 pool SIZE or dropout P"
            )
        };
        let positive = |word: &str| word.parse().ok().filter(|&n: &usize| n > 0).ok_or_else(bad);
        match words[..] {
            ["conv", filters, kernel, ref options @ ..] => {
                let (mut padding, mut stride) = (0, 1);
                for option in options.chunks(2) {
                    match option {
                        ["pad", n] => padding = n.parse().map_err(|_| bad())?,
                        ["stride", n] => stride = positive(n)?,
                        _ => return Err(bad()),
                    }
                }
                let (filters, kernel) = (positive(filters)?, positive(kernel)?);
                Ok(Self::Conv { filters, kernel, padding, stride })
            }
            ["linear", neurons] => Ok(Self::Linear { neurons: positive(neurons)?, recurrent: false }),
            ["linear", neurons, "recurrent"] => {
                Ok(Self::Linear { neurons: positive(neurons)?, recurrent: true })
            }
            ["pool", size] => Ok(Self::Pool { size: positive(size)? }),
            ["dropout", p] => {
                let probability = p.parse().ok().filter(|p| (0.0..1.0).contains(p)).ok_or_else(bad)?;
                Ok(Self::Dropout { probability })
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for LayerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conv { filters, kernel, padding, stride } => {
                write!(f, "conv {filters} {kernel}")?;
                if *padding != 0 {
                    write!(f, " pad {padding}")?;
                }
                if *stride != 1 {
                    write!(f, " stride {stride}")?;
                }
                Ok(())
            }
            Self::Linear { neurons, recurrent } => {
                write!(f, "linear {neurons}{}", if *recurrent { " recurrent" } else { "" })
            }
            Self::Pool { size } => write!(f, "pool {size}"),
            Self::Dropout { probability } => write!(f, "dropout {probability}"),
        }
    }
}

impl Serialize for LayerSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LayerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
