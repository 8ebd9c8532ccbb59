//! What the trials of a comparison say.

use super::{Comparison, Cost, Diverged, Memory, Record, TimeSpent};
use crate::Rule;
use crate::train::{Config, EpochRow, Origin};
use resurge_report::statistics::{
    Estimate, Resamples, mean, median, sign_flip_p_value, smallest_p_value, standard_deviation, t_interval,
};
use serde::Serialize;

/// A measure over the seeds of a rule.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// let loss = &summary.rules[0].last_loss;
/// assert!(loss.smallest <= loss.mean && loss.mean <= loss.largest && loss.sd >= 0.0);
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// The mean. NaN (null in JSON) of no trial.
    pub mean: f64,
    /// The standard deviation, with `n - 1`. NaN of fewer than two trials.
    pub sd: f64,
    /// The smallest.
    pub smallest: f64,
    /// The largest.
    pub largest: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        let fold = |by: fn(f64, f64) -> f64| values.iter().copied().reduce(by).unwrap_or(f64::NAN);
        let (mean, sd) = (mean(values), standard_deviation(values));
        Self { mean, sd, smallest: fold(f64::min), largest: fold(f64::max) }
    }
}

/// A rule, over its trials that did not diverge.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// let detached = &summary.rules[1];
/// assert_eq!((detached.rule.name(), &detached.seeds[..]), ("detached".into(), &[1, 2][..]));
/// assert!(detached.diverged.is_empty());
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSummary {
    /// The rule.
    #[serde(rename = "reset_gradient")]
    pub rule: Rule,
    /// Seeds of the trials that did not diverge.
    pub seeds: Vec<u64>,
    /// Seeds of those that did.
    pub diverged: Vec<u64>,
    /// Test accuracy after the last epoch.
    pub last_accuracy: Spread,
    /// Test accuracy after the epoch where it is best: chosen on the test set, so too good.
    pub best_accuracy: Spread,
    /// Loss per test sample after the last epoch.
    pub last_loss: Spread,
}

/// Paired differences of a measure.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// let loss = summary.pairs[0].last_loss.as_ref().ok_or("no pair of trials")?;
/// assert_eq!(loss.t.value, (loss.differences[0] + loss.differences[1]) / 2.0);
/// assert!(loss.p_value >= 0.5); // two seeds show nothing
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paired {
    /// Of each seed.
    pub differences: Vec<f64>,
    /// Their mean with its 95 % interval by Student's t.
    pub t: Estimate,
    /// The same by a percentile bootstrap over seeds, which is too narrow for few of them.
    pub bootstrap: Estimate,
    /// Two-sided, by flips of signs.
    pub p_value: f64,
}

impl Paired {
    fn of(differences: Vec<f64>) -> Option<Self> {
        if differences.is_empty() {
            return None;
        }
        let of = |chosen: &[usize]| mean(&chosen.iter().map(|&i| differences[i]).collect::<Vec<_>>());
        Some(Self {
            t: t_interval(&differences),
            bootstrap: Resamples::new(differences.len()).estimate(of),
            p_value: sign_flip_p_value(&differences),
            differences,
        })
    }
}

/// The reference rule less another, seed by seed.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// let pair = &summary.pairs[0];
/// assert_eq!((pair.rule.name(), pair.less.name()), ("full".into(), "detached".into()));
/// assert_eq!((&pair.seeds[..], pair.smallest_p_value), (&[1, 2][..], 0.5));
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairSummary {
    /// The rule that the other is taken from.
    #[serde(rename = "reset_gradient")]
    pub rule: Rule,
    /// The other.
    pub less: Rule,
    /// Seeds with which neither diverged.
    pub seeds: Vec<u64>,
    /// The smallest p-value that so many seeds allow.
    pub smallest_p_value: f64,
    /// Test accuracy after the last epoch.
    pub last_accuracy: Option<Paired>,
    /// Test accuracy after the best epoch of each.
    pub best_accuracy: Option<Paired>,
    /// Loss per test sample after the last epoch.
    pub last_loss: Option<Paired>,
}

/// A trial.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// let trial = &summary.trials[0];
/// assert_eq!((&trial.id[..], trial.epochs), ("full-seed1", 2));
/// assert!(trial.best_accuracy >= trial.last_accuracy);
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrialSummary {
    /// Its id.
    pub id: String,
    /// Where it diverged, if it did.
    pub diverged: Option<Diverged>,
    /// Epochs that it measured.
    pub epochs: usize,
    /// Test accuracy after the last epoch.
    pub last_accuracy: Option<f64>,
    /// Test accuracy after the best epoch.
    pub best_accuracy: Option<f64>,
    /// That epoch, the first of equals.
    pub best_epoch: Option<u64>,
    /// Loss per test sample after the last epoch.
    pub last_loss: Option<f64>,
}

impl TrialSummary {
    fn of(record: &Record) -> Self {
        let rows = &record.log.epochs;
        let better =
            |a: Option<&'_ EpochRow>, b: &EpochRow| a.is_none_or(|a| b.test_accuracy > a.test_accuracy);
        let best = rows.iter().fold(None, |best, row| if better(best, row) { Some(row) } else { best });
        Self {
            id: record.id.to_string(),
            diverged: record.diverged.clone(),
            epochs: rows.len(),
            last_accuracy: rows.last().map(|row| row.test_accuracy),
            best_accuracy: best.map(|row| row.test_accuracy),
            best_epoch: best.map(|row| row.epoch),
            last_loss: rows.last().map(|row| row.test_loss),
        }
    }
}

/// The wall time of a trial, where it is known.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// let time = &summary.wall_time[3];
/// assert_eq!((&time.id[..], time.spent[0].samples), ("detached-seed2", 40));
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WallTime {
    /// Its id.
    pub id: String,
    /// For each number of threads.
    pub spent: Vec<TimeSpent>,
}

/// What a step of a rule costs.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// let rules = summary.cost.ok_or("no cost was measured")?.rules;
/// assert!(rules.iter().all(|rule| rule.seconds > 0.0));
/// assert_eq!(rules[1].ratio.value, 1.0); // the detached one over itself
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleCost {
    /// The rule.
    #[serde(rename = "reset_gradient")]
    pub rule: Rule,
    /// The median time of a step in seconds.
    pub seconds: f64,
    /// The median over batches of the step's time over that of the [reference](CostSummary::reference).
    pub ratio: Estimate,
    /// Memory of a process that does nothing but such steps, where it could be measured.
    pub memory: Option<Memory>,
}

/// What steps cost.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// let cost = summary.cost.ok_or("no cost was measured")?;
/// assert_eq!((cost.reference.name(), cost.rules.len()), ("detached".into(), 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostSummary {
    /// The rule that others are compared with: the detached one, or the first where it was not run.
    pub reference: Rule,
    /// Batches on which every rule was timed twice.
    pub batches: usize,
    /// Samples in a batch.
    pub batch: usize,
    /// Threads.
    pub threads: usize,
    /// Each rule.
    #[serde(rename = "reset_gradients")]
    pub rules: Vec<RuleCost>,
}

impl CostSummary {
    fn of(cost: &Cost, batch: usize) -> Self {
        let both = |rule: usize, batch: usize| cost.seconds[rule][batch].iter().sum::<f64>();
        let reference = cost.rules.iter().position(|rule| *rule == Rule::DETACHED).unwrap_or(0);
        let batches = cost.seconds.first().map_or(0, Vec::len);
        let resamples = Resamples::new(batches);
        let of_rule = |(i, &rule): (usize, &Rule)| {
            let ratios: Vec<f64> = (0..batches).map(|at| both(i, at) / both(reference, at)).collect();
            let chosen = |chosen: &[usize]| median(&chosen.iter().map(|&at| ratios[at]).collect::<Vec<_>>());
            let seconds = median(&cost.seconds[i].concat());
            RuleCost { rule, seconds, ratio: resamples.estimate(chosen), memory: cost.memory[i].clone() }
        };
        Self {
            reference: cost.rules[reference],
            batches,
            batch,
            threads: cost.threads,
            rules: cost.rules.iter().enumerate().map(of_rule).collect(),
        }
    }
}

/// What the trials of a comparison say.
///
/// ```
/// use resurge_experiments::compare::{Comparison, Summary};
///
/// let summary = Summary::of(&Comparison::read(&["../resurge/examples/results/compare"])?);
/// assert!(summary.subset); // its accuracies say nothing of the whole
/// assert_eq!((summary.rules.len(), summary.pairs.len(), summary.trials.len()), (2, 1, 4));
/// # Ok::<(), resurge_experiments::compare::CompareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The version of Resurge.
    pub version: String,
    /// The data.
    #[serde(flatten)]
    pub origin: Origin,
    /// Whether it is a subset: its accuracies say nothing of the whole.
    pub subset: bool,
    /// The settings, `seed` and `reset_gradient` aside.
    pub config: Config,
    /// Each rule.
    #[serde(rename = "reset_gradients")]
    pub rules: Vec<RuleSummary>,
    /// The reference rule less each other.
    pub pairs: Vec<PairSummary>,
    /// Each trial.
    pub trials: Vec<TrialSummary>,
    /// What a step costs, where that was measured.
    pub cost: Option<CostSummary>,
    /// The wall time of each trial that has one.
    pub wall_time: Vec<WallTime>,
}

type Measure = fn(&TrialSummary) -> Option<f64>;
const LAST: Measure = |trial| trial.last_accuracy;
const BEST: Measure = |trial| trial.best_accuracy;
const LOSS: Measure = |trial| trial.last_loss;

impl Summary {
    /// Sums the trials up. The same trials give the same summary.
    ///
    /// ```
    /// use resurge_experiments::compare::{Comparison, Summary};
    ///
    /// let mut comparison = Comparison::read(&["../resurge/examples/results/compare"])?;
    /// comparison.trials[0].log.epochs[1].test_accuracy = 1.0;
    /// let summary = Summary::of(&comparison);
    /// assert_eq!((summary.trials[0].best_epoch, summary.rules[0].last_accuracy.largest), (Some(2), 1.0));
    /// # Ok::<(), resurge_experiments::compare::CompareError>(())
    /// ```
    pub fn of(comparison: &Comparison) -> Self {
        let (plan, records) = (&comparison.plan, &comparison.trials);
        let all: Vec<(&Record, TrialSummary)> =
            records.iter().map(|record| (record, TrialSummary::of(record))).collect();
        // The measures of a rule's trial, where it did not diverge.
        let sound = |rule: Rule, seed: u64, measure: Measure| {
            let of = |(record, _): &&(&Record, _)| record.id.rule == rule && record.id.seed == seed;
            let found = all.iter().find(of).filter(|(record, _)| record.diverged.is_none());
            found.and_then(|(_, trial)| measure(trial))
        };
        let spread = |rule: Rule, measure: Measure| {
            let values = plan.seeds.iter().filter_map(|&seed| sound(rule, seed, measure));
            Spread::of(&values.collect::<Vec<_>>())
        };
        let rule = |&rule: &Rule| {
            let diverged = |seed: &u64| {
                records.iter().any(|r| r.id.rule == rule && r.id.seed == *seed && r.diverged.is_some())
            };
            let (diverged, seeds) = plan.seeds.iter().partition(|seed| diverged(seed));
            let [last_accuracy, best_accuracy, last_loss] = [LAST, BEST, LOSS].map(|m| spread(rule, m));
            RuleSummary { rule, seeds, diverged, last_accuracy, best_accuracy, last_loss }
        };
        let reference = plan.reference();
        let pair = |&less: &Rule| {
            let difference = |seed: u64, measure: Measure| {
                Some(sound(reference, seed, measure)? - sound(less, seed, measure)?)
            };
            let paired = |measure: Measure| {
                Paired::of(plan.seeds.iter().filter_map(|&seed| difference(seed, measure)).collect())
            };
            let seeds: Vec<u64> =
                plan.seeds.iter().copied().filter(|&seed| difference(seed, LAST).is_some()).collect();
            let [last_accuracy, best_accuracy, last_loss] = [LAST, BEST, LOSS].map(paired);
            let smallest_p_value = smallest_p_value(seeds.len());
            PairSummary {
                rule: reference,
                less,
                seeds,
                smallest_p_value,
                last_accuracy,
                best_accuracy,
                last_loss,
            }
        };
        let timed = records.iter().filter(|record| !record.time.is_empty());
        Self {
            version: plan.version.clone(),
            origin: plan.origin.clone(),
            subset: plan.origin.limit.is_some(),
            config: plan.config.clone(),
            rules: plan.rules.iter().map(rule).collect(),
            pairs: plan.rules.iter().filter(|&&rule| rule != reference).map(pair).collect(),
            cost: comparison.cost.as_ref().map(|cost| CostSummary::of(cost, plan.config.batch)),
            wall_time: timed
                .map(|record| WallTime { id: record.id.to_string(), spent: record.time.clone() })
                .collect(),
            trials: all.into_iter().map(|(_, trial)| trial).collect(),
        }
    }

    /// How a subset and unverified files are marked; nothing if it is neither.
    pub(super) fn mark(&self) -> String {
        mark(&self.origin)
    }
}

pub(super) fn mark(origin: &Origin) -> String {
    let subset = origin.limit.map(|limit| format!(" [subset of {limit}]")).unwrap_or_default();
    let files = if origin.verified { "" } else { " [unverified files]" };
    subset + files
}
