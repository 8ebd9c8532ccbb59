//! Which trials there are.

use super::CompareError;
use crate::Rule;
use crate::train::{Config, Examples, Origin, TrainError};
use resurge_data::Dataset;
use resurge_report::Claim;
use resurge_report::{MOMENT, remove_left_behind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A training of one rule with one seed.
///
/// ```
/// use resurge_experiments::compare::TrialId;
///
/// let id: TrialId = "scaled-0.5-seed3".parse()?;
/// assert_eq!((id.rule.name(), id.seed), ("scaled:0.5".into(), 3));
/// assert_eq!(id.to_string(), "scaled-0.5-seed3");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialId {
    /// The gradient of the reset.
    pub rule: Rule,
    /// The seed.
    pub seed: u64,
}

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-seed{}", self.rule.name_in_paths(), self.seed))
    }
}

impl FromStr for TrialId {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let parts = name.rsplit_once("-seed").map(|(rule, seed)| (rule.parse(), seed.parse()));
        match parts {
            Some((Ok(rule), Ok(seed))) if Self { rule, seed }.to_string() == name => Ok(Self { rule, seed }),
            _ => Err("no trial has this name; trials are named RULE-seedN, such as full-seed1".into()),
        }
    }
}

/// What a comparison is of, and its list of trials.
///
/// ```
/// use resurge_experiments::compare::Plan;
///
/// let plan = Plan::read("../resurge/examples/results/compare".as_ref())?.ok_or("no plan")?;
/// assert_eq!((&plan.origin.dataset[..], plan.origin.limit), ("mnist", Some(20)));
/// assert_eq!((plan.rules.len(), &plan.seeds[..]), (2, &[1, 2][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of Resurge: another one may compute other bits.
    pub version: String,
    /// The data.
    pub origin: Origin,
    /// A digest of the samples, where they are not the official ones, which their checksums identify.
    pub data_sha256: Option<String>,
    /// The rules; `rules` in files of earlier versions.
    #[serde(rename = "reset_gradients", alias = "rules")]
    pub rules: Vec<Rule>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The settings, with `seed` 1 and `reset_gradient` `full`: those of every trial but for these two.
    pub config: Config,
}

impl Plan {
    /// The name of its file.
    ///
    /// ```
    /// use resurge_experiments::compare::Plan;
    ///
    /// assert!(std::path::Path::new("../resurge/examples/results/compare").join(Plan::FILE).exists());
    /// ```
    pub const FILE: &str = "plan.json";

    /// A list of each rule with each seed.
    ///
    /// # Errors
    /// [`CompareError::List`] for lists that are empty or name something twice, [`CompareError::Train`] for no epoch.
    ///
    /// ```
    /// use resurge_experiments::compare::Plan;
    /// use resurge_experiments::Rule;
    /// use resurge_experiments::train::{Config, Origin, Preset};
    ///
    /// let origin = Origin { dataset: "mnist".into(), limit: None, verified: true, train_samples: 9, test_samples: 9 };
    /// let of = |rules| Plan::new(&Config::preset(Preset::Mnist), origin.clone(), rules, vec![1, 2]);
    /// assert_eq!(of(vec![Rule::FULL, Rule::DETACHED])?.trials().len(), 4);
    /// let error = of(vec![Rule::FULL, Rule::FULL]).unwrap_err();
    /// assert_eq!(error.to_string(), "reset-gradient: name one or more, each once");
    /// # Ok::<(), resurge_experiments::compare::CompareError>(())
    /// ```
    pub fn new(
        config: &Config,
        origin: Origin,
        rules: Vec<Rule>,
        seeds: Vec<u64>,
    ) -> Result<Self, CompareError> {
        let list = |name, problem: &str| Err(CompareError::List { name, problem: problem.into() });
        if rules.is_empty() || rules.iter().enumerate().any(|(i, rule)| rules[..i].contains(rule)) {
            return list("reset-gradient", "name one or more, each once");
        }
        if seeds.is_empty() || seeds.iter().enumerate().any(|(i, seed)| seeds[..i].contains(seed)) {
            return list("seeds", "name one or more, each once");
        }
        if config.epochs == 0 {
            return Err(TrainError::Config("epochs is 0, but must be at least 1".into()).into());
        }
        let (version, config) = (env!("CARGO_PKG_VERSION").to_owned(), common(config));
        Ok(Self { version, origin, data_sha256: None, rules, seeds, config })
    }

    /// The same plan with a digest of its samples, but for the official files of MNIST and Fashion-MNIST, which are known by
    /// their checksums. Of other official sets, whose unpacked files can only be counted, a thousand samples of each split
    /// will do.
    ///
    /// # Errors
    /// [`CompareError::Train`] for samples that cannot be read.
    ///
    /// ```
    /// # use resurge_experiments::compare::Plan;
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::Rule;
    /// # use resurge_experiments::train::{Config, Examples, Origin, Preset};
    /// # let config = Config::preset(Preset::Small);
    /// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// # let data = (Examples::of_images(set.clone(), &config)?, Examples::of_images(set, &config)?);
    /// let origin = Origin { dataset: "mine".into(), limit: None, verified: false, train_samples: 2, test_samples: 2 };
    /// let plan = Plan::new(&config, origin, vec![Rule::FULL], vec![1])?.with_digest(&data)?;
    /// assert_eq!(plan.data_sha256.map(|digest| digest.len()), Some(64));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_digest(self, data: &(Examples, Examples)) -> Result<Self, CompareError> {
        let dataset = self.origin.dataset.parse::<Dataset>();
        let verified = self.origin.verified;
        if verified && dataset.is_ok_and(Dataset::always_has_checksums) {
            return Ok(self);
        }
        let mut digest = Sha256::new();
        for examples in [&data.0, &data.1] {
            let step = if verified { examples.len().div_ceil(PROBED).max(1) } else { 1 };
            let chosen: Vec<usize> = (0..examples.len()).step_by(step).collect();
            for indices in chosen.chunks(500) {
                let batch = examples.batch(indices)?;
                let input: Vec<u8> = batch.input.as_slice().iter().flat_map(|x| x.to_le_bytes()).collect();
                digest.update(&input);
                batch.classes.iter().for_each(|&class| digest.update((class as u64).to_le_bytes()));
            }
        }
        let data_sha256 = Some(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        Ok(Self { data_sha256, ..self })
    }

    /// The trials: all rules of a seed, then of the next.
    ///
    /// ```
    /// let plan = resurge_experiments::compare::Plan::read("../resurge/examples/results/compare".as_ref())?.ok_or("no plan")?;
    /// let ids: Vec<String> = plan.trials().iter().map(ToString::to_string).collect();
    /// assert_eq!(ids, ["full-seed1", "detached-seed1", "full-seed2", "detached-seed2"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trials(&self) -> Vec<TrialId> {
        let of_seed = |&seed: &u64| self.rules.iter().map(move |&rule| TrialId { rule, seed });
        self.seeds.iter().flat_map(of_seed).collect()
    }

    /// The settings of a trial.
    ///
    /// ```
    /// let plan = resurge_experiments::compare::Plan::read("../resurge/examples/results/compare".as_ref())?.ok_or("no plan")?;
    /// let config = plan.settings_of("detached-seed2".parse()?);
    /// assert_eq!((&config.reset_gradient[..], config.seed), ("detached", 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn settings_of(&self, trial: TrialId) -> Config {
        Config { seed: trial.seed, reset_gradient: trial.rule.name(), ..self.config.clone() }
    }

    /// The rule that others are compared with: the full gradient, or the first where it was not run.
    pub(super) fn reference(&self) -> Rule {
        self.rules.iter().copied().find(|&rule| rule == Rule::FULL).unwrap_or(self.rules[0])
    }

    /// Where a trial has its files.
    ///
    /// ```
    /// use resurge_experiments::compare::Plan;
    ///
    /// let directory = Plan::directory("runs/mine".as_ref(), "full-seed3".parse()?);
    /// assert_eq!(directory, std::path::Path::new("runs/mine/trials/full-seed3"));
    /// # Ok::<(), String>(())
    /// ```
    pub fn directory(out: &Path, trial: TrialId) -> PathBuf {
        out.join("trials").join(trial.to_string())
    }

    /// What differs from another plan but for the list, in words.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.version != other.version {
            return Some(format!("version {}, not {}", self.version, other.version));
        }
        if let Some(difference) = self.origin.difference(&other.origin) {
            return Some(difference);
        }
        if self.data_sha256.is_some() && other.data_sha256.is_some() && self.data_sha256 != other.data_sha256
        {
            return Some("other samples, by their digest".into());
        }
        settings_difference(&self.config, &other.config)
    }

    /// Reads a directory's plan, if it has one.
    ///
    /// # Errors
    /// [`CompareError::File`].
    ///
    /// ```
    /// use resurge_experiments::compare::Plan;
    ///
    /// assert!(Plan::read("../resurge/examples/results/compare".as_ref())?.is_some());
    /// assert!(Plan::read("../resurge/examples/results/toy".as_ref())?.is_none());
    /// # Ok::<(), resurge_experiments::compare::CompareError>(())
    /// ```
    pub fn read(directory: &Path) -> Result<Option<Self>, CompareError> {
        let path = directory.join(Self::FILE);
        if !path.exists() {
            return Ok(None);
        }
        let plan: Self = super::files::read_json(&path)?;
        Self::new(&plan.config, plan.origin.clone(), plan.rules.clone(), plan.seeds.clone())
            .map_err(|error| CompareError::file(&path, error))?;
        Ok(Some(plan))
    }

    /// Writes the plan into a directory, where there is none yet or one that this only adds trials to.
    ///
    /// # Errors
    /// [`CompareError::Mismatch`] for a directory with another comparison, [`CompareError::File`].
    ///
    /// ```
    /// use resurge_experiments::compare::Plan;
    ///
    /// let plan = Plan::read("../resurge/examples/results/compare".as_ref())?.ok_or("no plan")?;
    /// let directory = tempfile::tempdir()?;
    /// plan.write(directory.path())?;
    /// let fewer = Plan { seeds: vec![1], ..plan.clone() };
    /// assert!(fewer.write(directory.path()).unwrap_err().to_string().contains("it has full-seed2"));
    /// Plan { seeds: vec![1, 2, 3], ..plan }.write(directory.path())?; // adds to the list
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, directory: &Path) -> Result<(), CompareError> {
        let path = directory.join(Self::FILE);
        // Of two that add to the list at the same time, the second is to see what the first added.
        let _claim = Claim::wait_for_part(directory, "plan")?;
        remove_left_behind(directory, MOMENT);
        if let Some(there) = Self::read(directory)? {
            let difference = there.difference(self).or_else(|| {
                let mut dropped = there.trials();
                dropped.retain(|trial| !self.trials().contains(trial));
                let names: Vec<_> = dropped.iter().map(ToString::to_string).collect();
                (!names.is_empty()).then(|| format!("it has {} too; name these as well", names.join(", ")))
            });
            if let Some(difference) = difference {
                let difference = format!("{difference} (there first); or choose another --out");
                return Err(CompareError::Mismatch { path, other: "this run".into(), difference });
            }
        }
        super::files::write_json(&path, self)
    }
}

/// Settings without what differs from trial to trial.
pub(super) fn common(config: &Config) -> Config {
    Config { seed: 1, reset_gradient: Rule::FULL.name(), ..config.clone() }
}

/// What differs between settings, in words, but for the seed and the rule. Unlike in a resumption, the number of epochs
/// counts.
pub(super) fn settings_difference(a: &Config, b: &Config) -> Option<String> {
    if a.epochs != b.epochs {
        return Some(format!("epochs is {} there and {} here", a.epochs, b.epochs));
    }
    common(a).difference(&common(b)).unwrap_or_else(|error| Some(error.to_string()))
}

/// Samples of a split that tell an official set from others.
const PROBED: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Preset;
    use resurge_data::ImageDataset;

    fn plan(rules: &str, seeds: &[u64]) -> Result<Plan, CompareError> {
        let origin = Origin {
            dataset: "mnist".into(),
            limit: None,
            verified: true,
            train_samples: 9,
            test_samples: 9,
        };
        let rules = rules.split_terminator(',').map(|rule| rule.parse().unwrap()).collect();
        Plan::new(&Config::preset(Preset::Small), origin, rules, seeds.to_vec())
    }

    #[test]
    fn trials_have_names_in_a_fixed_order() {
        let plan = plan("detached,full", &[3, 1]).unwrap();
        let names: Vec<String> = plan.trials().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["detached-seed3", "full-seed3", "detached-seed1", "full-seed1"]);
        assert_eq!(plan.reference(), Rule::FULL);
        let config = plan.settings_of(plan.trials()[0]);
        assert_eq!((config.seed, config.reset_gradient.as_str()), (3, "detached"));
        for name in
            ["full", "full-seed", "full-seed-1", "full-seed01", "half-seed1", "full-seed1x", "FULL-seed1"]
        {
            assert!(name.parse::<TrialId>().is_err(), "{name}");
        }
    }

    #[test]
    fn samples_have_a_digest_unless_checksums_say_what_they_are() {
        let images = ImageDataset::new(vec![7; 12], &[1, 2, 2], vec![0, 1, 2], 3).unwrap();
        let examples = || Examples::of_images(images.clone(), &Config::preset(Preset::Small)).unwrap();
        let digest = |dataset: &str, verified| {
            let plan = plan("full", &[1]).unwrap();
            let origin = Origin { dataset: dataset.into(), verified, ..plan.origin.clone() };
            Plan { origin, ..plan }.with_digest(&(examples(), examples())).unwrap().data_sha256
        };
        assert_eq!(digest("mnist", true), None);
        assert!(digest("mnist", false).is_some_and(|digest| digest.len() == 64));
        // Of unpacked batches and recordings there are no official checksums.
        assert!(digest("cifar10", true).is_some() && digest("nmnist", true).is_some());
    }

    #[test]
    fn lists_that_make_no_sense_are_named() {
        for (rules, seeds, problem) in [
            ("", &[1][..], "reset-gradient: "),
            ("full,full", &[1], "reset-gradient: "),
            ("full", &[], "seeds: "),
            ("full", &[2, 2], "seeds: "),
        ] {
            assert!(plan(rules, seeds).unwrap_err().to_string().starts_with(problem));
        }
    }

    #[test]
    fn a_directory_takes_more_trials_of_the_same_comparison_alone() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path();
        plan("full", &[1, 2]).unwrap().write(out).unwrap();
        let more = plan("full,detached", &[1, 2, 3]).unwrap();
        more.write(out).unwrap();
        assert_eq!(Plan::read(out).unwrap(), Some(more.clone()));
        let error = |plan: &Plan| plan.write(out).unwrap_err().to_string();
        assert!(
            error(&plan("full", &[1, 2, 3]).unwrap())
                .contains("it has detached-seed1, detached-seed2, detached-seed3 too")
        );
        let with = |setting| Plan { config: more.config.with(&[setting]).unwrap(), ..more.clone() };
        assert!(error(&with("batch=7")).contains("batch is 20 there and 7 here"));
        assert!(error(&with("epochs=7")).contains("epochs is 3 there and 7 here"));
        assert!(error(&Plan { version: "0.0.9".into(), ..more.clone() }).contains(", not 0.0.9"));
        let other = Origin { train_samples: 8, ..more.origin.clone() };
        assert!(
            error(&Plan { origin: other, ..more.clone() })
                .contains("9 training samples there and 8 training samples here")
        );
        let digest = |text: &str| Plan { data_sha256: Some(text.into()), ..more.clone() };
        digest("aa").write(out).unwrap();
        assert!(error(&digest("ab")).contains("other samples"));
        std::fs::write(out.join("plan.json"), "{}").unwrap();
        assert!(error(&more).contains("plan.json: missing field `version`"));
    }
}
