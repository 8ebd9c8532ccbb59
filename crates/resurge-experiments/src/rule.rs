//! Gradient rules by name.

use resurge_snn::{ResetGradient, SnnError};
use serde::{Deserialize, Serialize};

/// A gradient of the reset, as it is named on the command line and in files. The spelling `scaled-0.25` of earlier
/// versions is read, too.
///
/// ```
/// use resurge_snn::ResetGradient;
/// use resurge_experiments::Rule;
///
/// let rule: Rule = "scaled:0.25".parse()?;
/// assert_eq!(rule.gradient(), ResetGradient::Scaled(0.25));
/// assert_eq!("scaled-0.25".parse::<Rule>()?, rule);
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
    /// assert_eq!(names, ["full", "detached", "scaled:0.5", "spatial-only"]);
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
    /// assert_eq!("scaled:0.5".parse::<Rule>()?.gradient(), ResetGradient::Scaled(0.5));
    /// # Ok::<(), String>(())
    /// ```
    pub fn gradient(&self) -> ResetGradient {
        self.0
    }

    /// The name: `full`, `detached`, `scaled:0.5`, `spatial-only`.
    ///
    /// ```
    /// assert_eq!(resurge_experiments::Rule::DETACHED.name(), "detached");
    /// ```
    pub fn name(&self) -> String {
        self.0.to_string()
    }

    /// The name in names of files and directories, where a colon is not allowed everywhere: `scaled-0.5`.
    ///
    /// ```
    /// let half: resurge_experiments::Rule = "scaled:0.5".parse()?;
    /// assert_eq!(half.name_in_paths(), "scaled-0.5");
    /// # Ok::<(), String>(())
    /// ```
    pub fn name_in_paths(&self) -> String {
        match self.0 {
            ResetGradient::Scaled(alpha) => format!("scaled-{alpha}"),
            _ => self.name(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_one_rule_and_one_is_written() {
        for (text, name, path) in [
            ("full", "full", "full"),
            (" spatial-only ", "spatial-only", "spatial-only"),
            ("scaled-0.5", "scaled:0.5", "scaled-0.5"),
            ("scaled:0.50", "scaled:0.5", "scaled-0.5"),
            // A directory keeps the name that it has.
            ("scaled-0.0000001", "scaled:1e-7", "scaled-0.0000001"),
        ] {
            let rule: Rule = text.parse().unwrap();
            assert_eq!((&*rule.to_string(), &*rule.name_in_paths()), (name, path));
            assert_eq!(name.parse::<Rule>(), Ok(rule));
            assert_eq!(path.parse::<Rule>(), Ok(rule));
            assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Rule>(&format!("\"{path}\"")).unwrap(), rule);
        }
        let error = "scaled-2".parse::<Rule>().unwrap_err();
        let expected = "no rule is named scaled-2: use one of: full, detached, spatial-only, scaled:ALPHA";
        assert!(error.starts_with(expected), "{error}");
    }
}
