//! Gradient rules by name.

use resurge_snn::{ResetGradient, SnnError};
use serde::{Deserialize, Serialize};

/// A gradient of the reset, as it is named on the command line and in files.
///
/// ```
/// use resurge_snn::ResetGradient;
/// use resurge_experiments::Rule;
///
/// let rule: Rule = "scaled-0.25".parse()?;
/// assert_eq!(rule.gradient(), ResetGradient::Scaled(0.25));
/// assert!("scaled-2".parse::<Rule>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rule(ResetGradient);

impl Rule {
    /// With the reset term, equation (6).
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    /// use resurge_experiments::Rule;
    ///
    /// assert_eq!(Rule::FULL.gradient(), ResetGradient::Full);
    /// ```
    pub const FULL: Self = Self(ResetGradient::Full);
    /// Without it, equation (5).
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    /// use resurge_experiments::Rule;
    ///
    /// assert_eq!(Rule::DETACHED.gradient(), ResetGradient::Detached);
    /// ```
    pub const DETACHED: Self = Self(ResetGradient::Detached);

    /// Full, detached, half of the reset term, spatial only.
    ///
    /// ```
    /// use resurge_experiments::Rule;
    ///
    /// let names: Vec<String> = Rule::all().iter().map(Rule::name).collect();
    /// assert_eq!(names, ["full", "detached", "scaled-0.5", "spatial-only"]);
    /// ```
    pub fn all() -> Vec<Self> {
        let all = ResetGradient::ALL.iter().filter_map(|entry| entry.of(entry.sample).ok());
        all.map(Self).collect()
    }

    /// The gradient of the reset.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    /// use resurge_experiments::Rule;
    ///
    /// assert_eq!("scaled-0.5".parse::<Rule>()?.gradient(), ResetGradient::Scaled(0.5));
    /// # Ok::<(), String>(())
    /// ```
    pub fn gradient(&self) -> ResetGradient {
        self.0
    }

    /// The name: `full`, `detached`, `scaled-0.5`, `spatial-only`.
    ///
    /// ```
    /// assert_eq!(resurge_experiments::Rule::DETACHED.name(), "detached");
    /// ```
    pub fn name(&self) -> String {
        self.0.name()
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl std::str::FromStr for Rule {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        name.parse().map(Self).map_err(|_: SnnError| {
            let shown = if name.trim().is_empty() { format!("\"{name}\"") } else { name.to_owned() };
            format!(
                "no rule is named {shown}: use one of: full, detached, spatial-only, scaled:ALPHA with ALPHA from 0 to 1"
            )
        })
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.name()
    }
}

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}
