//! What settings name: the cell, the loss, the schedule.

use super::Config;
use crate::Rule;
use crate::train::TrainError;
use resurge_snn::{Cell, CountTarget, Reset, ResetGradient, Schedule, SnnError, Surrogate};

/// What the outputs are compared with.
///
/// ```
/// use resurge_experiments::train::{Config, Loss, Preset};
///
/// assert!(matches!(Config::preset(Preset::NMnist).loss()?, Loss::Count(_)));
/// # Ok::<(), resurge_experiments::train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Loss {
    /// The traces with those of target spikes: [`resurge_snn::kernel_loss`].
    Kernel(Vec<bool>),
    /// The numbers of spikes with targets: [`resurge_snn::spike_count_loss`].
    Count(CountTarget),
}

impl Config {
    /// The cell of every layer.
    ///
    /// # Errors
    /// [`TrainError::Config`] names the setting that no cell has.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let cell = Config::preset(Preset::Small).with(&["tau_m=10", "threshold=0.5"])?.cell()?;
    /// assert_eq!((cell.decay(), cell.threshold()), (0.9, 0.5));
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell, TrainError> {
        let cell = Cell::lif(self.surrogate()?).with_reset_gradient(self.reset_gradient()?);
        let cell = cell.with_decay(1.0 - 1.0 / self.tau_m).map_err(named("tau_m"))?;
        let cell = cell.with_trace_decay(1.0 - 1.0 / self.tau_s).map_err(named("tau_s"))?;
        let cell = cell.with_threshold(self.threshold).map_err(named("threshold"))?;
        cell.with_reset(self.reset()?).map_err(named("reset"))
    }

    /// The loss.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the forms that there are.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Loss, Preset};
    ///
    /// let config = Config::preset(Preset::Small).with(&["loss=kernel 011"])?;
    /// assert_eq!(config.loss()?, Loss::Kernel(vec![false, true, true]));
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn loss(&self) -> Result<Loss, TrainError> {
        match self.loss.parse().map_err(named("loss"))? {
            resurge_snn::Loss::Kernel { pattern } => Ok(Loss::Kernel(pattern)),
            resurge_snn::Loss::Count { desired, undesired, one_sided: false } => {
                CountTarget::new(desired, undesired).map(Loss::Count).map_err(named("loss"))
            }
            _ => {
                let problem =
                    "which trainings do not have; take \"kernel PATTERN\" or \"count DESIRED UNDESIRED\"";
                Err(TrainError::Config(format!("loss is \"{}\", {problem}", self.loss)))
            }
        }
    }

    /// That the loss can be made small by telling classes apart.
    pub(super) fn check_loss(&self) -> Result<(), TrainError> {
        let (text, steps) = (&self.loss, self.steps);
        let refuse = |problem: String| Err(TrainError::Config(format!("loss is \"{text}\", {problem}")));
        if let Loss::Kernel(pattern) = self.loss()? {
            return match pattern.iter().take(steps).any(|&spike| spike) {
                true => Ok(()),
                false => refuse(format!(
                    "which has no target spike in {}, so that silence is right for every class; give it a 1",
                    resurge_report::counted(steps, "step")
                )),
            };
        }
        let counts: Vec<f64> = self.loss.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match counts[..] {
            [desired, undesired] if undesired >= desired => refuse(
                "but the right class must spike more often than the others; write the larger number first"
                    .into(),
            ),
            [desired, _] if desired > steps as f64 => refuse(format!(
                "but in {steps} steps a neuron spikes at most {steps} times; ask for fewer, or take more steps"
            )),
            _ => Ok(()),
        }
    }

    /// The learning rate as a function of the update, when all epochs have `updates`.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the schedules that there are.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let schedule = Config::preset(Preset::Small).with(&["learning_rate=0.1", "schedule=cosine"])?.schedule(100)?;
    /// assert_eq!(schedule.at(0), 0.1);
    /// assert!((schedule.at(50) - 0.05).abs() < 1e-12); // half of the way down to 0
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn schedule(&self, updates: usize) -> Result<Schedule, TrainError> {
        let rate = self.learning_rate;
        match self.schedule.as_str() {
            "constant" => Ok(Schedule::Constant { rate }),
            "cosine" => Ok(Schedule::Cosine { rate, floor: 0.0, steps: updates }),
            other => {
                Err(TrainError::Config(format!("schedule is \"{other}\"; it must be constant or cosine")))
            }
        }
    }

    fn surrogate(&self) -> Result<Surrogate, TrainError> {
        self.surrogate.parse().map_err(named("surrogate"))
    }

    fn reset(&self) -> Result<Reset, TrainError> {
        self.reset.parse().map_err(named("reset"))
    }

    fn reset_gradient(&self) -> Result<ResetGradient, TrainError> {
        let rule = self.reset_gradient.parse::<Rule>();
        rule.map(|rule| rule.gradient())
            .map_err(|error| TrainError::Config(format!("reset_gradient: {error}")))
    }
}

/// An error of a setting, which begins with its name.
fn named(key: &'static str) -> impl Fn(SnnError) -> TrainError {
    move |error| {
        let text = error.to_string();
        let begins = matches!(&error, SnnError::Form { what, .. } if *what == key);
        TrainError::Config(if begins { text } else { format!("{key}: {text}") })
    }
}
