//! What a sweep runs.

use super::ToyError;
use crate::{Rule, Seeds};
use serde::{Deserialize, Serialize};

/// An optimiser.
///
/// ```
/// use resurge_experiments::toy::{OptimiserKind, Settings};
///
/// let settings = Settings { optimisers: vec![OptimiserKind::Adam], ..Settings::default() };
/// assert_eq!(settings.arms().len(), 4); // one of each rule: Adam does not see the length of a gradient
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimiserKind {
    /// Plain gradient descent, the author's.
    Sgd,
    /// Adam with its defaults.
    Adam,
}

impl OptimiserKind {
    /// The name on the command line and in files.
    ///
    /// ```
    /// use resurge_experiments::toy::OptimiserKind;
    ///
    /// assert_eq!([OptimiserKind::Sgd, OptimiserKind::Adam].map(OptimiserKind::name), ["sgd", "adam"]);
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
        }
    }
}

/// What a gradient is multiplied by before the optimiser sees it.
///
/// ```
/// use resurge_experiments::toy::{Scaling, Settings};
///
/// let matched = Settings::default().arms().into_iter().filter(|arm| arm.scaling == Scaling::Matched);
/// assert_eq!(matched.count(), 3); // by SGD, of all rules but the full one
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// 1.
    Raw,
    /// `|g_full| / |g|` at the initial weights of the seed, throughout the run: the rule's first step is as long as
    /// that of the full gradient.
    Matched,
}

impl Scaling {
    /// The name in files.
    ///
    /// ```
    /// use resurge_experiments::toy::Scaling;
    ///
    /// assert_eq!([Scaling::Raw, Scaling::Matched].map(Scaling::name), ["raw", "matched"]);
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Matched => "matched",
        }
    }
}

/// A way to train that is tried with every learning rate and every seed.
///
/// ```
/// use resurge_experiments::Rule;
/// use resurge_experiments::toy::{Arm, OptimiserKind, Scaling};
///
/// let arm = Arm { rule: Rule::DETACHED, optimiser: OptimiserKind::Sgd, scaling: Scaling::Matched };
/// assert_eq!(arm.to_string(), "detached, sgd matched");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// The gradient.
    pub rule: Rule,
    /// The optimiser.
    pub optimiser: OptimiserKind,
    /// The length of the gradient.
    pub scaling: Scaling,
}

impl std::fmt::Display for Arm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} {}", self.rule, self.optimiser.name(), self.scaling.name())
    }
}

/// The settings of a sweep.
///
/// ```
/// use resurge_experiments::toy::Settings;
///
/// let settings = Settings::default();
/// settings.check()?;
/// assert_eq!(settings.arms().len(), 11); // 4 rules with SGD, raw and matched, and with Adam; full is its own match
/// assert_eq!(settings.rates()[..3], [1e-5, 1.778e-5, 3.162e-5]);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Inputs of the neuron.
    pub inputs: usize,
    /// Updates of the weights in a trial.
    pub updates: usize,
    /// The seeds: a trial of each arm and rate with each.
    pub seeds: Seeds,
    /// The rules; `rules` in files of earlier versions.
    #[serde(rename = "reset_gradients", alias = "rules")]
    pub rules: Vec<Rule>,
    /// The optimisers.
    pub optimisers: Vec<OptimiserKind>,
    /// The smallest learning rate.
    pub rate_min: f64,
    /// The largest learning rate.
    pub rate_max: f64,
    /// Learning rates a decade.
    pub per_decade: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inputs: 100,
            updates: 200,
            seeds: Seeds::first(64),
            rules: Rule::all(),
            optimisers: vec![OptimiserKind::Sgd, OptimiserKind::Adam],
            rate_min: 1e-5,
            rate_max: 1.0,
            per_decade: 4,
        }
    }
}

impl Settings {
    /// Says which setting makes no sense.
    ///
    /// # Errors
    /// [`ToyError::Setting`].
    ///
    /// ```
    /// use resurge_experiments::Seeds;
    /// use resurge_experiments::toy::Settings;
    ///
    /// let error = Settings { seeds: Seeds::first(1), ..Settings::default() }.check().unwrap_err();
    /// assert_eq!(error.to_string(), "the number of seeds is 1, but must be from 2 to 10000");
    /// ```
    pub fn check(&self) -> Result<(), ToyError> {
        let between = |name, value: usize, low, high, expected| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(ToyError::Setting { name, value: value.to_string(), expected }),
        };
        between("inputs", self.inputs, 1, 100_000, "from 1 to 100000")?;
        between("updates", self.updates, 1, 60_000, "from 1 to 60000")?;
        between("the number of seeds", self.seeds.0.len(), 2, 10_000, "from 2 to 10000")?;
        if self.seeds.repeat() {
            let value = self.seeds.to_string();
            return Err(ToyError::Setting { name: "seeds", value, expected: "each once" });
        }
        between("per-decade", self.per_decade, 1, 100, "from 1 to 100")?;
        for (name, rate) in [("rate-min", self.rate_min), ("rate-max", self.rate_max)] {
            if !(1e-30..=1e30).contains(&rate) {
                let expected = "positive, from 1e-30 to 1e30";
                return Err(ToyError::Setting { name, value: rate.to_string(), expected });
            }
        }
        if self.rate_max <= self.rate_min {
            let value = format!("{} and rate-min {}", self.rate_max, self.rate_min);
            return Err(ToyError::Setting { name: "rate-max", value, expected: "larger than rate-min" });
        }
        let remedy = "from 2 to 1000: change rate-min, rate-max or per-decade";
        between("the number of learning rates", self.rates().len(), 2, 1000, remedy)?;
        let distinct = |names: Vec<String>| {
            let unique: std::collections::BTreeSet<_> = names.iter().collect();
            !names.is_empty() && unique.len() == names.len()
        };
        let rules = self.rules.iter().map(Rule::name).collect();
        let optimisers = self.optimisers.iter().map(|o| o.name().to_owned()).collect();
        for (name, names) in [("reset-gradient", rules), ("optimisers", optimisers)] {
            if !distinct(Vec::clone(&names)) {
                let expected = "one or more, each once";
                return Err(ToyError::Setting { name, value: names.join(","), expected });
            }
        }
        Ok(())
    }

    /// The first setting that differs, by its option, with its value in each.
    pub(super) fn first_difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let values = |settings: &Self| {
            let rules: Vec<_> = settings.rules.iter().map(Rule::name).collect();
            let optimisers: Vec<_> = settings.optimisers.iter().map(|optimiser| optimiser.name()).collect();
            [
                ("inputs", settings.inputs.to_string()),
                ("updates", settings.updates.to_string()),
                ("seeds", settings.seeds.to_string()),
                ("reset-gradient", rules.join(",")),
                ("optimisers", optimisers.join(",")),
                ("rate-min", settings.rate_min.to_string()),
                ("rate-max", settings.rate_max.to_string()),
                ("per-decade", settings.per_decade.to_string()),
            ]
        };
        let pairs = values(self).into_iter().zip(values(other));
        pairs.map(|((name, a), (_, b))| (name, a, b)).find(|(_, a, b)| a != b)
    }

    /// The learning rates, `rate_min * 10^(i / per_decade)` up to `rate_max`, to four digits.
    ///
    /// ```
    /// use resurge_experiments::toy::Settings;
    ///
    /// let settings = Settings { rate_min: 0.01, rate_max: 1.0, per_decade: 2, ..Settings::default() };
    /// assert_eq!(settings.rates(), [0.01, 0.03162, 0.1, 0.3162, 1.0]);
    /// ```
    pub fn rates(&self) -> Vec<f64> {
        let count = (self.rate_max / self.rate_min).log10() * self.per_decade as f64;
        // Rounded, so that a rate is the number that is printed.
        let rate = |i: usize| {
            let exact = self.rate_min * 10f64.powf(i as f64 / self.per_decade as f64);
            format!("{exact:.3e}").parse().unwrap_or(exact)
        };
        // A little more than the quotient, which may fall short of a whole number by rounding.
        (0..).take_while(|&i| i as f64 <= count + 1e-9).take(1001).map(rate).collect()
    }

    /// The arms, rule by rule.
    ///
    /// ```
    /// use resurge_experiments::Rule;
    /// use resurge_experiments::toy::Settings;
    ///
    /// let arms = Settings { rules: vec![Rule::FULL, Rule::DETACHED], ..Settings::default() }.arms();
    /// let names: Vec<String> = arms.iter().map(ToString::to_string).collect();
    /// assert_eq!(names[..3], ["full, sgd raw", "full, adam raw", "detached, sgd raw"]);
    /// assert_eq!(names[3..], ["detached, sgd matched", "detached, adam raw"]);
    /// ```
    pub fn arms(&self) -> Vec<Arm> {
        self.rules.iter().flat_map(|&rule| self.arms_of(rule)).collect()
    }

    /// The arms of one rule. The full gradient is its own match, and Adam does not see the length of a gradient (but
    /// for its epsilon): these would be the same trials again.
    pub(super) fn arms_of(&self, rule: Rule) -> Vec<Arm> {
        let mut arms = Vec::new();
        for &optimiser in &self.optimisers {
            arms.push(Arm { rule, optimiser, scaling: Scaling::Raw });
            if optimiser == OptimiserKind::Sgd && rule != Rule::FULL {
                arms.push(Arm { rule, optimiser, scaling: Scaling::Matched });
            }
        }
        arms
    }

    /// Units of work: one for each seed and rule, rules first.
    pub(super) fn units(&self) -> usize {
        self.seeds.0.len() * self.rules.len()
    }

    /// The seed and the rule of a unit.
    pub(super) fn unit(&self, unit: usize) -> (u64, Rule) {
        (self.seeds.0[unit / self.rules.len()], self.rules[unit % self.rules.len()])
    }

    /// The number of trials in a unit.
    pub(super) fn trials_of(&self, unit: usize) -> usize {
        self.arms_of(self.unit(unit).1).len() * self.rates().len()
    }

    /// The numbers of updates after which the loss is recorded: each up to 20, then each fifth, and the last.
    ///
    /// ```
    /// use resurge_experiments::toy::Settings;
    ///
    /// assert_eq!(Settings { updates: 32, ..Settings::default() }.recorded()[20..], [20, 25, 30, 32]);
    /// ```
    pub fn recorded(&self) -> Vec<usize> {
        (0..=self.updates).filter(|&n| n <= 20 || n % 5 == 0 || n == self.updates).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let good = Settings::default;
        let bad = [
            (Settings { inputs: 0, ..good() }, "inputs is 0, but must be from 1 to 100000"),
            (Settings { updates: 0, ..good() }, "updates is 0, but must be from 1 to 60000"),
            (
                Settings { seeds: Seeds::first(1), ..good() },
                "the number of seeds is 1, but must be from 2 to 10000",
            ),
            (Settings { seeds: Seeds(vec![4, 5, 4]), ..good() }, "seeds is 4-5,4, but must be each once"),
            (
                Settings { rate_min: -1.0, ..good() },
                "rate-min is -1, but must be positive, from 1e-30 to 1e30",
            ),
            (
                Settings { rate_max: f64::NAN, ..good() },
                "rate-max is NaN, but must be positive, from 1e-30 to 1e30",
            ),
            (
                Settings { rate_min: 1.0, ..good() },
                "rate-max is 1 and rate-min 1, but must be larger than rate-min",
            ),
            (
                Settings { rate_min: 1.0, rate_max: 0.1, ..good() },
                "rate-max is 0.1 and rate-min 1, but must be larger than rate-min",
            ),
            (
                Settings { rate_min: 0.5, per_decade: 1, ..good() },
                "the number of learning rates is 1, but must be from 2 to 1000: change rate-min, rate-max or per-decade",
            ),
            (Settings { rules: vec![], ..good() }, "reset-gradient is , but must be one or more, each once"),
            (
                Settings { rules: vec![Rule::FULL; 2], ..good() },
                "reset-gradient is full,full, but must be one or more, each once",
            ),
        ];
        for (settings, expected) in bad {
            assert_eq!(settings.check().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn rates_are_round_numbers_and_reach_the_largest() {
        let settings = Settings { rate_min: 1e-3, rate_max: 1e-1, per_decade: 3, ..Settings::default() };
        assert_eq!(settings.rates(), [0.001, 0.002154, 0.004642, 0.01, 0.02154, 0.04642, 0.1]);
        assert_eq!(Settings { rate_max: 0.09, ..settings }.rates().len(), 6);
    }

    #[test]
    fn recorded_updates() {
        let recorded = |updates| Settings { updates, ..Settings::default() }.recorded();
        assert_eq!(recorded(3), [0, 1, 2, 3]);
        assert_eq!(recorded(32)[19..], [19, 20, 25, 30, 32]);
    }
}
