//! The cells of other frameworks, by name.
//!
//! "Subtract" or "reset to zero" names different recurrences in different frameworks, the comparison with the
//! threshold is `>` in one and `>=` in another, and whether the reset is differentiated is a default that few
//! users have chosen. A [`Convention`] is one framework's neuron with the settings of its constructor, under the
//! framework's names, and gives the [`Cell`] that computes the same spikes, potentials and gradients. The tests
//! hold it to gradients computed by the real framework, of the version named.
//!
//! Each framework has a struct whose fields are settings; its constructors are the framework's classes with
//! their defaults.
//!
//! ```
//! use resurge_snn::convention::{SpikingJelly, SpikingJellyNode};
//! use resurge_snn::ResetGradient;
//!
//! // neuron.LIFNode(tau=3., decay_input=False, detach_reset=True, surrogate_function=surrogate.ATan())
//! let cell = SpikingJelly {
//!     node: SpikingJellyNode::Lif { tau: 3.0, decay_input: false },
//!     detach_reset: true,
//!     surrogate: SpikingJelly::atan(2.0)?,
//!     ..SpikingJelly::lif()
//! }
//! .cell()?;
//! assert_eq!((cell.decay(), cell.input_gain()), (1.0 - 1.0 / 3.0, 1.0));
//! assert_eq!(cell.reset_gradient(), ResetGradient::Detached);
//! # Ok::<(), resurge_snn::SnnError>(())
//! ```
//!
//! In the equations below `J[t]` is the input current (with recurrent feedback, if any), `u` the potential that
//! is compared with the threshold, `m` the potential after the reset, `o` the spike. *Attached* means that the
//! gradient follows the spike into the reset (equation (6)), *detached* that it does not (equation (5)).

mod exodus;
mod norse;
mod paper;
mod sinabs;
mod snntorch;
mod spikingjelly;
mod spyx;
#[cfg(test)]
mod tests;

use crate::error::check;
use crate::{Cell, Result, SnnError, Surrogate, SurrogateScale};
pub use exodus::Exodus;
pub use norse::{Norse, NorseStep};
pub use paper::Paper;
pub use sinabs::{Sinabs, SinabsNeuron, SinabsReset, SinabsSpike, SinabsSurrogate};
pub use snntorch::{SnnTorch, SnnTorchReset};
pub use spikingjelly::{SpikingJelly, SpikingJellyNode};
pub use spyx::{Spyx, SpyxNeuron};
use std::fmt;
use std::str::FromStr;

/// One framework's neuron, with its settings.
///
/// ```
/// use resurge_snn::Convention;
/// use resurge_snn::convention::SnnTorch;
///
/// let convention = Convention::from(SnnTorch::leaky(0.9));
/// assert_eq!(convention.name(), "snntorch-leaky");
/// assert_eq!((convention.version(), convention.source()), ("1.0.0", "snntorch/_neurons/leaky.py"));
///
/// let by_name: Convention = "snntorch-leaky".parse()?;
/// assert_eq!(by_name.cell()?, convention.cell()?);
/// assert_eq!(Convention::matching("spyx")?.len(), 4);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Convention {
    /// The paper's author's code.
    Paper(Paper),
    /// snnTorch.
    SnnTorch(SnnTorch),
    /// SpikingJelly.
    SpikingJelly(SpikingJelly),
    /// Norse.
    Norse(Norse),
    /// Sinabs.
    Sinabs(Sinabs),
    /// EXODUS: Sinabs's layer with CUDA kernels.
    Exodus(Exodus),
    /// Spyx.
    Spyx(Spyx),
}

/// Calls one function of whichever framework it is.
macro_rules! each {
    ($convention:expr, $settings:ident => $result:expr) => {
        match $convention {
            Convention::Paper($settings) => $result,
            Convention::SnnTorch($settings) => $result,
            Convention::SpikingJelly($settings) => $result,
            Convention::Norse($settings) => $result,
            Convention::Sinabs($settings) => $result,
            Convention::Exodus($settings) => $result,
            Convention::Spyx($settings) => $result,
        }
    };
}

impl Convention {
    /// The names of the frameworks, as [`matching`](Self::matching) takes them.
    ///
    /// ```
    /// use resurge_snn::Convention;
    ///
    /// assert!(Convention::all().all(|convention| Convention::FRAMEWORKS.contains(&convention.framework())));
    /// ```
    pub const FRAMEWORKS: [&'static str; 7] =
        ["paper", "snntorch", "spikingjelly", "norse", "sinabs", "exodus", "spyx"];

    /// The named conventions: every neuron of every framework under each of its resets, with the framework's
    /// defaults, and a moderate time constant where it has none.
    ///
    /// ```
    /// use resurge_snn::Convention;
    ///
    /// for convention in Convention::all() {
    ///     assert!(convention.cell().is_ok());
    /// }
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        let paper = [Self::Paper(Paper::default())].into_iter();
        paper
            .chain(snntorch::presets().into_iter().map(Self::SnnTorch))
            .chain(spikingjelly::presets().into_iter().map(Self::SpikingJelly))
            .chain(norse::presets().into_iter().map(Self::Norse))
            .chain(sinabs::presets().into_iter().map(Self::Sinabs))
            .chain(exodus::presets().into_iter().map(Self::Exodus))
            .chain(spyx::presets().into_iter().map(Self::Spyx))
    }

    /// The named convention of this name, or all those of a framework.
    ///
    /// # Errors
    /// [`SnnError::UnknownConvention`], with all names, if there is none.
    ///
    /// ```
    /// use resurge_snn::Convention;
    ///
    /// assert!(Convention::matching("norse")?.len() > 1);
    /// assert_eq!(Convention::matching("paper")?[0].name(), "paper");
    /// assert!(Convention::matching("nora").unwrap_err().to_string().contains("norse"));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn matching(name: &str) -> Result<Vec<Self>> {
        let found: Vec<Self> = Self::all().filter(|c| c.name() == name || c.framework() == name).collect();
        if found.is_empty() { Err(unknown(name)) } else { Ok(found) }
    }

    /// The cell that computes what the framework does.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] for a constant outside its domain, [`SnnError::Convention`] for a combination
    /// that the framework does not have or a cell does not express.
    ///
    /// ```
    /// use resurge_snn::{Cell, Convention, Surrogate, convention::Paper};
    ///
    /// assert_eq!(Convention::from(Paper::default()).cell()?, Cell::lif(Surrogate::sigmoid(0.2)?));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        each!(self, settings => settings.cell())
    }

    /// The name: framework, neuron and whichever of its switches are not at their default. Numbers are not part
    /// of it.
    ///
    /// ```
    /// use resurge_snn::{Convention, convention::SnnTorch};
    ///
    /// assert_eq!(Convention::from(SnnTorch::leaky(0.9)).name(), "snntorch-leaky");
    /// ```
    pub fn name(&self) -> String {
        each!(self, settings => settings.name())
    }

    /// The framework's name in lower case.
    ///
    /// ```
    /// use resurge_snn::{Convention, convention::SnnTorch};
    ///
    /// assert_eq!(Convention::from(SnnTorch::leaky(0.9)).framework(), "snntorch");
    /// ```
    pub fn framework(&self) -> &'static str {
        match self {
            Self::Paper(_) => Self::FRAMEWORKS[0],
            Self::SnnTorch(_) => Self::FRAMEWORKS[1],
            Self::SpikingJelly(_) => Self::FRAMEWORKS[2],
            Self::Norse(_) => Self::FRAMEWORKS[3],
            Self::Sinabs(_) => Self::FRAMEWORKS[4],
            Self::Exodus(_) => Self::FRAMEWORKS[5],
            Self::Spyx(_) => Self::FRAMEWORKS[6],
        }
    }

    /// The version of the framework that was read and run.
    ///
    /// ```
    /// use resurge_snn::{Convention, convention::SnnTorch};
    ///
    /// assert_eq!(Convention::from(SnnTorch::leaky(0.9)).version(), SnnTorch::VERSION);
    /// ```
    pub fn version(&self) -> &'static str {
        match self {
            Self::Paper(_) => "November 2020",
            Self::SnnTorch(_) => SnnTorch::VERSION,
            Self::SpikingJelly(_) => SpikingJelly::VERSION,
            Self::Norse(_) => Norse::VERSION,
            Self::Sinabs(_) => Sinabs::VERSION,
            Self::Exodus(_) => Exodus::VERSION,
            Self::Spyx(_) => Spyx::VERSION,
        }
    }

    /// The file of the framework that holds the equation.
    ///
    /// ```
    /// use resurge_snn::{Convention, convention::SnnTorch};
    ///
    /// assert!(Convention::from(SnnTorch::leaky(0.9)).source().ends_with("leaky.py"));
    /// ```
    pub fn source(&self) -> &'static str {
        each!(self, settings => settings.source())
    }
}

macro_rules! from {
    ($($framework:ident),*) => {
        $(impl From<$framework> for Convention {
            fn from(settings: $framework) -> Self {
                Self::$framework(settings)
            }
        })*
    };
}
from!(Paper, SnnTorch, SpikingJelly, Norse, Sinabs, Exodus, Spyx);

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

/// The named convention of this name.
impl FromStr for Convention {
    type Err = SnnError;

    fn from_str(name: &str) -> Result<Self> {
        Self::all().find(|c| c.name() == name).ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> SnnError {
    let names: Vec<String> = Convention::all().map(|c| c.name()).collect();
    SnnError::UnknownConvention {
        name: name.to_owned(),
        frameworks: Convention::FRAMEWORKS.join(", "),
        names: names.join(", "),
    }
}

/// A surrogate whose value at 0 is `height`.
fn with_peak(surrogate: Surrogate, parameter: &'static str, height: f64) -> Result<Surrogate> {
    let height = check(parameter, height, "positive and finite", height > 0.0)?;
    Ok(surrogate.with_scale(SurrogateScale::Peak(height)))
}

/// `1 / x`: a width from a slope.
fn inverse(parameter: &'static str, x: f64) -> Result<f64> {
    Ok(1.0 / check(parameter, x, "positive and finite", x > 0.0)?)
}

/// `e^(-1/tau)`: the decay of Sinabs and EXODUS.
fn exponential_decay(parameter: &'static str, tau: f64) -> Result<f64> {
    Ok((-1.0 / check(parameter, tau, "positive and finite", tau > 0.0)?).exp())
}

/// Joins a name and its switches by hyphens.
fn joined(name: &str, switches: &[(bool, &str)]) -> String {
    switches.iter().filter(|(on, _)| *on).fold(name.to_owned(), |name, (_, switch)| name + "-" + switch)
}
