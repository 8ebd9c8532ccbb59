//! What settings name: the cell, the loss, the schedule.

use super::Config;
use crate::Rule;
use crate::train::TrainError;
use resurge_snn::{CLASS_PATTERN, Cell, CountTarget, Reset, ResetGradient, Schedule, Surrogate};

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
        let named = |key: &str| {
            let key = key.to_owned();
            move |error: resurge_snn::SnnError| TrainError::Config(format!("{key}: {error}"))
        };
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
        let bad = || {
            let forms = "\"kernel PATTERN\", the pattern of 0 and 1, or \"count DESIRED UNDESIRED\"";
            TrainError::Config(format!("loss is \"{}\"; it must be {forms}", self.loss))
        };
        let words: Vec<&str> = self.loss.split_whitespace().collect();
        match words[..] {
            ["kernel"] => Ok(Loss::Kernel(CLASS_PATTERN.to_vec())),
            ["kernel", pattern] if pattern.bytes().all(|b| b == b'0' || b == b'1') => {
                Ok(Loss::Kernel(pattern.bytes().map(|b| b == b'1').collect()))
            }
            ["count", desired, undesired] => {
                let number = |text: &str| text.parse::<f64>().map_err(|_| bad());
                let target = CountTarget::new(number(desired)?, number(undesired)?).map_err(|_| bad())?;
                Ok(Loss::Count(target))
            }
            _ => Err(bad()),
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
        type Make = fn(f64) -> resurge_snn::Result<Surrogate>;
        const KINDS: [(&str, Make); 9] = [
            ("sigmoid", Surrogate::sigmoid),
            ("atan", Surrogate::atan),
            ("fast-sigmoid", Surrogate::fast_sigmoid),
            ("triangle", Surrogate::triangle),
            ("rectangle", Surrogate::rectangle),
            ("gaussian", Surrogate::gaussian),
            ("erf", Surrogate::erf),
            ("exponential", Surrogate::exponential),
            ("algebraic", Surrogate::algebraic),
        ];
        let (name, number) = self.surrogate.split_once(' ').unwrap_or((&self.surrogate, ""));
        let make = KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, make)| make);
        let (Some(make), Ok(number)) = (make, number.trim().parse()) else {
            let names = KINDS.map(|(kind, _)| kind).join(", ");
            let found = &self.surrogate;
            return Err(TrainError::Config(format!(
                "surrogate is \"{found}\"; it must be a name and a number, such as \"sigmoid 0.2\"; names: {names}"
            )));
        };
        make(number).map_err(|error| TrainError::Config(format!("surrogate: {error}")))
    }

    fn reset(&self) -> Result<Reset, TrainError> {
        let all =
            [Reset::TO_ZERO, Reset::SUBTRACT, Reset::SUBTRACT_THEN_DECAY, Reset::GATED_INPUT, Reset::NONE];
        all.into_iter().find(|reset| reset.name() == self.reset).ok_or_else(|| {
            let names = all.map(|reset| reset.name()).join(", ");
            TrainError::Config(format!("reset is \"{}\"; it must be one of: {names}", self.reset))
        })
    }

    fn reset_gradient(&self) -> Result<ResetGradient, TrainError> {
        let rule = self.reset_gradient.parse::<Rule>();
        rule.map(|rule| rule.gradient())
            .map_err(|error| TrainError::Config(format!("reset_gradient: {error}")))
    }
}
