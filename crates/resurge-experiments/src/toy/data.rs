//! What a sweep found: all that tables and figures are made of.

use super::journal::Unit;
use super::statistics::best;
use super::trial::matched_factor;
use super::{Arm, OptimiserKind, Scaling, Settings, Task, ToyError, Trial};
use resurge_report::statistics::{Estimate, Resamples, mean_of};
use resurge_tensor::Tensor;

/// Seeds of which spikes are kept.
///
/// ```
/// use resurge_experiments::toy::{Data, RASTER_SEEDS};
///
/// let data = Data::read("../resurge/examples/results/toy".as_ref())?;
/// let shown = &data.settings.seeds.0[..RASTER_SEEDS.min(data.starts.len())];
/// assert!(data.rasters.iter().all(|raster| shown.contains(&raster.seed)));
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
pub const RASTER_SEEDS: usize = 6;

/// A seed before training.
///
/// ```
/// use resurge_experiments::toy::Data;
///
/// let data = Data::read("../resurge/examples/results/toy".as_ref())?;
/// let start = &data.starts[0];
/// assert_eq!((start.seed, start.norms[0]), (1, 1.0)); // the first rule is the full one
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The seed.
    pub seed: u64,
    /// The loss at the initial weights.
    pub loss: f32,
    /// The loss of a neuron that never spikes.
    pub silent_loss: f32,
    /// Spikes of the target.
    pub target_spikes: usize,
    /// Spikes of the neuron with its initial weights.
    pub spikes: usize,
    /// `|g| / |g_full|` at the initial weights, for each rule.
    pub norms: Vec<f32>,
}

/// The ends of all trials of an arm.
///
/// ```
/// use resurge_experiments::toy::Data;
///
/// let data = Data::read("../resurge/examples/results/toy".as_ref())?;
/// let ends = &data.ends[0];
/// assert_eq!(ends.arm.to_string(), "full, sgd raw");
/// assert_eq!((ends.losses.len(), ends.losses[0].len()), (data.settings.rates().len(), 3)); // rates, seeds
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ArmEnds {
    /// The arm.
    pub arm: Arm,
    /// The final loss, of each rate and seed; infinite where a trial did not stay finite.
    pub losses: Vec<Vec<f32>>,
    /// The spikes of the trained neuron, of each rate and seed.
    pub spikes: Vec<Vec<u16>>,
}

impl ArmEnds {
    /// The mean final loss at each rate, over the chosen seeds.
    pub(super) fn means(&self, chosen: &[usize]) -> Vec<f64> {
        self.losses.iter().map(|of_seeds| mean_of(of_seeds, chosen)).collect()
    }
}

/// The learning curve of an arm at the rate with the best mean final loss.
///
/// ```
/// use resurge_experiments::toy::Data;
///
/// let data = Data::read("../resurge/examples/results/toy".as_ref())?;
/// let curve = &data.curves[0];
/// assert!(data.settings.rates().contains(&curve.rate));
/// let (updates, [mean, low, high]) = curve.points[0];
/// assert!(updates == 0 && low <= mean && mean <= high);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LearningCurve {
    /// The arm.
    pub arm: Arm,
    /// The rate.
    pub rate: f64,
    /// The updates so far, and the loss: mean over seeds, with the ends of its interval, in single precision.
    pub points: Vec<(usize, [f32; 3])>,
}

/// Spikes of one neuron.
///
/// ```
/// use resurge_experiments::toy::Data;
///
/// let data = Data::read("../resurge/examples/results/toy".as_ref())?;
/// let of: Vec<&str> = data.rasters.iter().filter(|raster| raster.seed == 1).map(|r| r.of.as_str()).collect();
/// assert_eq!(of, ["target", "before", "full", "detached"]);
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// The seed.
    pub seed: u64,
    /// `target`, `before`, or the rule that it was trained with.
    pub of: String,
    /// The steps with a spike.
    pub steps: Vec<u16>,
}

/// What a sweep found.
///
/// ```
/// use resurge_experiments::toy::Data;
///
/// let data = Data::read("../resurge/examples/results/toy".as_ref())?;
/// assert_eq!((data.settings.inputs, data.starts.len()), (20, 3));
/// assert_eq!((data.ends.len(), data.curves.len()), (5, 5)); // arms
/// # Ok::<(), resurge_experiments::toy::ToyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// What was run.
    pub settings: Settings,
    /// Every seed before training.
    pub starts: Vec<Start>,
    /// Every arm after training.
    pub ends: Vec<ArmEnds>,
    /// Every arm's learning curve.
    pub curves: Vec<LearningCurve>,
    /// Spikes of the first [`RASTER_SEEDS`] seeds, by plain SGD (or the first optimiser) at each rule's best rate.
    pub rasters: Vec<Raster>,
}

impl Data {
    /// Gathers the trials of all units, in their order.
    pub(super) fn gather(settings: &Settings, units: &[Unit]) -> Result<Self, ToyError> {
        let (rates, seeds) = (settings.rates(), settings.seeds.0.len());
        let resamples = Resamples::new(seeds);
        let starts = settings.seeds.0.iter().map(|&seed| start(settings, seed)).collect::<Result<_, _>>()?;
        let mut data =
            Self { settings: settings.clone(), starts, ends: vec![], curves: vec![], rasters: vec![] };
        data.rasters = before(settings)?;
        let all: Vec<usize> = (0..seeds).collect();
        for (rule_index, &rule) in settings.rules.iter().enumerate() {
            for (arm_index, arm) in settings.arms_of(rule).into_iter().enumerate() {
                let trial = |rate: usize, seed: usize| -> &Trial {
                    &units[seed * settings.rules.len() + rule_index].trials[arm_index * rates.len() + rate]
                };
                let of_seeds = |rate: usize| (0..seeds).map(move |seed| trial(rate, seed));
                let losses = (0..rates.len()).map(|rate| of_seeds(rate).map(Trial::final_loss).collect());
                let spikes = (0..rates.len())
                    .map(|rate| of_seeds(rate).map(|trial| trial.spikes.len() as u16).collect());
                let ends = ArmEnds { arm, losses: losses.collect(), spikes: spikes.collect() };
                let chosen = best(&ends.means(&all));
                let trials: Vec<&Trial> = of_seeds(chosen).collect();
                data.curves.push(LearningCurve {
                    arm,
                    rate: rates[chosen],
                    points: curve(&settings.recorded(), &trials, &resamples),
                });
                if arm.scaling == Scaling::Raw && Some(&arm.optimiser) == settings.optimisers.first() {
                    data.rasters.extend(trials.iter().zip(shown(settings)).map(|(trial, seed)| Raster {
                        seed,
                        of: rule.name(),
                        steps: trial.spikes.clone(),
                    }));
                }
                data.ends.push(ends);
            }
        }
        Ok(data)
    }

    /// The arms that are compared with one another: one of each rule, with this optimiser and scaling. The full
    /// gradient is its own match.
    pub(super) fn panel(&self, optimiser: OptimiserKind, scaling: Scaling) -> Vec<usize> {
        let of = |rule, scaling| self.ends.iter().position(|e| e.arm == Arm { rule, optimiser, scaling });
        let rules = self.settings.rules.iter();
        match scaling {
            Scaling::Raw => rules.filter_map(|&rule| of(rule, scaling)).collect(),
            Scaling::Matched => rules
                .filter_map(|&rule| match rule == crate::Rule::FULL {
                    true => of(rule, Scaling::Raw),
                    false => of(rule, scaling),
                })
                .collect(),
        }
    }

    /// The panels that these settings have.
    pub(super) fn panels(&self) -> Vec<(OptimiserKind, Scaling)> {
        let mut panels = Vec::new();
        for &optimiser in &self.settings.optimisers {
            panels.push((optimiser, Scaling::Raw));
            if self.ends.iter().any(|e| e.arm.optimiser == optimiser && e.arm.scaling == Scaling::Matched) {
                panels.push((optimiser, Scaling::Matched));
            }
        }
        panels
    }
}

fn start(settings: &Settings, seed: u64) -> Result<Start, ToyError> {
    let task = Task::new(settings.inputs, seed)?;
    let (losses, spikes) = task.observe(std::slice::from_ref(task.weights()))?;
    let norm = |rule| matched_factor(&task, rule).map(|factor| (1.0 / factor) as f32);
    Ok(Start {
        seed,
        loss: losses[0] as f32,
        silent_loss: task.silent_loss() as f32,
        target_spikes: task.target_spikes().len(),
        spikes: spikes[0].len(),
        norms: settings.rules.iter().map(norm).collect::<Result<_, _>>()?,
    })
}

/// The seeds of which spikes are kept.
fn shown(settings: &Settings) -> impl Iterator<Item = u64> {
    settings.seeds.0.iter().copied().take(RASTER_SEEDS)
}

fn before(settings: &Settings) -> Result<Vec<Raster>, ToyError> {
    let mut rasters = Vec::new();
    for seed in shown(settings) {
        let task = Task::new(settings.inputs, seed)?;
        rasters.push(Raster { seed, of: "target".into(), steps: task.target_spikes() });
        let weights: &[Tensor<f64>] = std::slice::from_ref(task.weights());
        let steps = task.observe(weights)?.1.swap_remove(0);
        rasters.push(Raster { seed, of: "before".into(), steps });
    }
    Ok(rasters)
}

fn curve(recorded: &[usize], trials: &[&Trial], resamples: &Resamples) -> Vec<(usize, [f32; 3])> {
    let point = |(i, &updates): (usize, &usize)| {
        let losses: Vec<f32> = trials.iter().map(|trial| trial.losses[i].unwrap_or(f32::INFINITY)).collect();
        let Estimate { value, low, high } = resamples.estimate(|chosen| mean_of(&losses, chosen));
        (updates, [value as f32, low as f32, high as f32])
    };
    recorded.iter().enumerate().map(point).collect()
}
