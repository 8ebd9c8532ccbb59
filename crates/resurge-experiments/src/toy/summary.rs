//! What the data say: best losses, usable windows, divergence, paired comparisons.

use super::statistics::{LEARNT, USABLE, Window, best, window};
use super::{Data, OptimiserKind, Scaling, Settings};
use crate::Rule;
use resurge_report::statistics::{Estimate, Resamples, Sampled, mean_of, median, sign_flip_p_value};
use serde::Serialize;

/// A share of trials that failed, by each definition of failure.
///
/// ```
/// use resurge_experiments::toy::{Data, Summary};
///
/// let summary = Summary::of(&Data::read("../resurge/examples/results/toy".as_ref())?);
/// let failures = summary.panels[0].rules[0].rates[0].failures; // at the smallest rate
/// assert_eq!((failures.not_finite, failures.diverged), (0.0, 0.0));
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Failures {
    /// Loss, gradient or weights are not finite.
    pub not_finite: f64,
    /// *Diverged*: not finite, or a final loss greater than the initial one.
    pub diverged: f64,
    /// A final loss not less than that of a neuron that never spikes.
    pub no_better_than_silence: f64,
    /// The trained neuron never spikes.
    pub silent: f64,
}

/// An arm at one learning rate.
///
/// ```
/// use resurge_experiments::toy::{Data, Summary};
///
/// let summary = Summary::of(&Data::read("../resurge/examples/results/toy".as_ref())?);
/// let at = &summary.panels[0].rules[0].rates[0];
/// assert_eq!(at.rate, summary.settings.rate_min);
/// assert!(at.loss.low <= at.loss.value && at.loss.value <= at.loss.high);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RateSummary {
    /// The learning rate.
    pub rate: f64,
    /// The mean final loss.
    pub loss: Estimate,
    /// The median final loss.
    pub median: f64,
    /// The share of trials that failed.
    pub failures: Failures,
}

/// The usable window, by all seeds, and its width with interval.
///
/// ```
/// use resurge_experiments::toy::{Data, Summary};
///
/// let summary = Summary::of(&Data::read("../resurge/examples/results/toy".as_ref())?);
/// let own = &summary.panels[0].rules[0].own_window;
/// assert_eq!(own.decades.value, own.window.decades);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WindowSummary {
    /// The window of the mean loss of all seeds.
    pub window: Window,
    /// Its width in decades.
    pub decades: Estimate,
}

/// A rule less the full gradient, by the same seeds.
///
/// ```
/// use resurge_experiments::toy::{Data, Summary};
///
/// let summary = Summary::of(&Data::read("../resurge/examples/results/toy".as_ref())?);
/// let detached = &summary.panels[0].rules[1];
/// let p_value = detached.against_full.as_ref().map(|against| against.p_value);
/// assert!(p_value >= Some(0.25)); // the least that three seeds allow
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// The difference of the final losses, each at its own best rate.
    pub loss: Estimate,
    /// Its two-sided p-value under random flips of signs.
    pub p_value: f64,
    /// The difference of the widths of the windows, each against its own best loss.
    pub decades: Estimate,
    /// The same, both against the best loss of all rules.
    pub common_decades: Estimate,
    /// The same, both against the loss of a silent neuron.
    pub learnt_decades: Estimate,
}

/// A rule among those that it is compared with.
///
/// ```
/// use resurge_experiments::Rule;
/// use resurge_experiments::toy::{Data, Summary};
///
/// let summary = Summary::of(&Data::read("../resurge/examples/results/toy".as_ref())?);
/// let full = &summary.panels[0].rules[0];
/// assert!(full.rule == Rule::FULL && full.against_full.is_none());
/// assert!(full.rates.iter().all(|at| full.best_loss.value <= at.loss.value));
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSummary {
    /// The rule.
    #[serde(rename = "reset_gradient")]
    pub rule: Rule,
    /// The rate with the best mean final loss.
    pub best_rate: f64,
    /// That loss. The interval has the rate chosen anew in each resample.
    pub best_loss: Estimate,
    /// Rates within [`USABLE`] times this rule's best loss.
    pub own_window: WindowSummary,
    /// Rates within [`USABLE`] times the best loss of all rules of the panel.
    pub common_window: WindowSummary,
    /// Rates within [`LEARNT`] times the mean loss of a silent neuron (of all seeds).
    pub learnt_window: WindowSummary,
    /// Against the full gradient, where that is another and was run.
    pub against_full: Option<Comparison>,
    /// Each learning rate.
    pub rates: Vec<RateSummary>,
}

/// Rules that are compared with one another.
///
/// ```
/// use resurge_experiments::toy::{Data, OptimiserKind, Scaling, Summary};
///
/// let summary = Summary::of(&Data::read("../resurge/examples/results/toy".as_ref())?);
/// let panels: Vec<_> = summary.panels.iter().map(|panel| (panel.optimiser, panel.scaling)).collect();
/// assert_eq!(panels[0], (OptimiserKind::Sgd, Scaling::Raw));
/// assert_eq!(panels[1], (OptimiserKind::Sgd, Scaling::Matched));
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Panel {
    /// Their optimiser.
    pub optimiser: OptimiserKind,
    /// The length of their gradients.
    pub scaling: Scaling,
    /// Each rule.
    #[serde(rename = "reset_gradients")]
    pub rules: Vec<RuleSummary>,
}

impl Panel {
    /// The name in tables and figures.
    ///
    /// ```
    /// use resurge_experiments::toy::{OptimiserKind, Panel, Scaling};
    ///
    /// let panel = Panel { optimiser: OptimiserKind::Sgd, scaling: Scaling::Matched, rules: vec![] };
    /// assert_eq!(panel.name(), "SGD, norm-matched");
    /// ```
    pub fn name(&self) -> String {
        match (self.optimiser, self.scaling) {
            (OptimiserKind::Sgd, Scaling::Raw) => "SGD".into(),
            (OptimiserKind::Adam, Scaling::Raw) => "Adam".into(),
            (OptimiserKind::Sgd, Scaling::Matched) => "SGD, norm-matched".into(),
            (OptimiserKind::Adam, Scaling::Matched) => "Adam, norm-matched".into(),
        }
    }
}

/// The length of a rule's gradient over that of the full one, at the initial weights.
///
/// ```
/// use resurge_experiments::toy::{Data, Summary};
///
/// let summary = Summary::of(&Data::read("../resurge/examples/results/toy".as_ref())?);
/// let [full, detached] = &summary.norms[..] else { panic!("two rules were run") };
/// assert!(full.median == 1.0 && detached.smallest <= detached.median && detached.median <= detached.largest);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NormRatio {
    /// The rule.
    #[serde(rename = "reset_gradient")]
    pub rule: Rule,
    /// The median over seeds.
    pub median: f64,
    /// The smallest.
    pub smallest: f64,
    /// The largest.
    pub largest: f64,
}

/// What the data of a sweep say.
///
/// ```
/// use resurge_experiments::toy::{Data, Summary};
///
/// let summary = Summary::of(&Data::read("../resurge/examples/results/toy".as_ref())?);
/// let names: Vec<String> = summary.panels.iter().map(|panel| panel.name()).collect();
/// assert_eq!(names, ["SGD", "SGD, norm-matched", "Adam"]);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// What was run.
    pub settings: Settings,
    /// The mean loss before training.
    pub initial_loss: f64,
    /// The mean loss of a neuron that never spikes.
    pub silent_loss: f64,
    /// How long the gradients are.
    pub norms: Vec<NormRatio>,
    /// Each optimiser and scaling.
    pub panels: Vec<Panel>,
}

impl Summary {
    /// Sums the data up. The same data give the same summary.
    ///
    /// ```
    /// use resurge_experiments::toy::{Data, Summary};
    ///
    /// let data = Data::read("../resurge/examples/results/toy".as_ref())?;
    /// let silent: f64 = data.starts.iter().map(|start| f64::from(start.silent_loss)).sum();
    /// assert_eq!(Summary::of(&data).silent_loss, silent / 3.0);
    /// # Ok::<(), resurge_experiments::toy::ToyError>(())
    /// ```
    pub fn of(data: &Data) -> Self {
        let resamples = Resamples::new(data.starts.len());
        let means: Vec<Sampled<Vec<f64>>> =
            data.ends.iter().map(|ends| resamples.sample(|chosen| ends.means(chosen))).collect();
        let mean = |of: fn(&super::Start) -> f32| {
            data.starts.iter().map(|start| f64::from(of(start))).sum::<f64>() / data.starts.len() as f64
        };
        let norm = |(i, &rule): (usize, &Rule)| {
            let ratios: Vec<f64> = data.starts.iter().map(|start| f64::from(start.norms[i])).collect();
            let fold = |by: fn(f64, f64) -> f64| ratios.iter().copied().reduce(by).unwrap_or(f64::NAN);
            NormRatio { rule, median: median(&ratios), smallest: fold(f64::min), largest: fold(f64::max) }
        };
        let silent_loss = mean(|start| start.silent_loss);
        let panel = |(optimiser, scaling)| {
            let arms = data.panel(optimiser, scaling);
            let of = OfPanel { data, resamples: &resamples, means: &means, arms: &arms, silent_loss };
            Panel { optimiser, scaling, rules: arms.iter().map(|&arm| of.rule(arm)).collect() }
        };
        Self {
            settings: data.settings.clone(),
            initial_loss: mean(|start| start.loss),
            silent_loss,
            norms: data.settings.rules.iter().enumerate().map(norm).collect(),
            panels: data.panels().into_iter().map(panel).collect(),
        }
    }
}

struct OfPanel<'a> {
    data: &'a Data,
    resamples: &'a Resamples,
    /// Of each arm, its mean loss at each rate.
    means: &'a [Sampled<Vec<f64>>],
    arms: &'a [usize],
    silent_loss: f64,
}

impl OfPanel<'_> {
    fn rule(&self, arm: usize) -> RuleSummary {
        let (rates, ends) = (self.data.settings.rates(), &self.data.ends[arm]);
        let full = self.arms.iter().copied().find(|&a| self.data.ends[a].arm.rule == Rule::FULL);
        let window_summary = |bound: &dyn Fn(Option<usize>) -> f64| {
            let at = |resample| window(&rates, self.mean(arm, resample), bound(resample));
            WindowSummary { window: at(None), decades: self.estimate(|resample| at(resample).decades) }
        };
        RuleSummary {
            rule: ends.arm.rule,
            best_rate: rates[best(self.mean(arm, None))],
            best_loss: self.means[arm].estimate(|losses| losses[best(losses)]),
            own_window: window_summary(&|resample| USABLE * self.best_loss(arm, resample)),
            common_window: window_summary(&|resample| USABLE * self.best_of_all(resample)),
            learnt_window: window_summary(&|_| LEARNT * self.silent_loss),
            against_full: full.filter(|&full| full != arm).map(|full| self.compare(arm, full, &rates)),
            rates: rates.iter().enumerate().map(|(i, &rate)| self.rate(arm, i, rate)).collect(),
        }
    }

    /// The mean loss at each rate, of all seeds or of a resample.
    fn mean(&self, arm: usize, resample: Option<usize>) -> &[f64] {
        match resample {
            None => self.means[arm].value(),
            Some(i) => &self.means[arm].resampled()[i],
        }
    }

    fn best_loss(&self, arm: usize, resample: Option<usize>) -> f64 {
        let losses = self.mean(arm, resample);
        losses[best(losses)]
    }

    fn best_of_all(&self, resample: Option<usize>) -> f64 {
        self.arms.iter().map(|&arm| self.best_loss(arm, resample)).fold(f64::INFINITY, f64::min)
    }

    fn estimate(&self, statistic: impl Fn(Option<usize>) -> f64) -> Estimate {
        Sampled::over_resamples(statistic).estimate(|value| *value)
    }

    fn compare(&self, arm: usize, full: usize, rates: &[f64]) -> Comparison {
        let losses = |arm: usize| &self.data.ends[arm].losses[best(self.mean(arm, None))];
        let differences: Vec<f32> = losses(arm).iter().zip(losses(full)).map(|(a, b)| a - b).collect();
        let widths = |bound: &dyn Fn(usize, Option<usize>) -> f64| {
            let decades =
                |arm, resample| window(rates, self.mean(arm, resample), bound(arm, resample)).decades;
            self.estimate(|resample| decades(arm, resample) - decades(full, resample))
        };
        Comparison {
            loss: self.resamples.estimate(|chosen| mean_of(&differences, chosen)),
            p_value: sign_flip_p_value(&differences.iter().map(|&d| f64::from(d)).collect::<Vec<_>>()),
            decades: widths(&|arm, resample| USABLE * self.best_loss(arm, resample)),
            common_decades: widths(&|_, resample| USABLE * self.best_of_all(resample)),
            learnt_decades: widths(&|_, _| LEARNT * self.silent_loss),
        }
    }

    fn rate(&self, arm: usize, i: usize, rate: f64) -> RateSummary {
        let (losses, spikes) = (&self.data.ends[arm].losses[i], &self.data.ends[arm].spikes[i]);
        let starts = &self.data.starts;
        let share = |count: usize| count as f64 / losses.len() as f64;
        let failed = |of: fn(f32, &super::Start) -> bool| {
            share(losses.iter().zip(starts).filter(|(loss, start)| of(**loss, start)).count())
        };
        RateSummary {
            rate,
            loss: self.resamples.estimate(|chosen| mean_of(losses, chosen)),
            median: median(&losses.iter().map(|&loss| f64::from(loss)).collect::<Vec<_>>()),
            failures: Failures {
                not_finite: failed(|loss, _| !loss.is_finite()),
                diverged: failed(|loss, start| loss > start.loss),
                no_better_than_silence: failed(|loss, start| loss >= start.silent_loss),
                silent: share(spikes.iter().filter(|&&count| count == 0).count()),
            },
        }
    }
}
