//! What settings name: the cell, the loss, the schedule.

use super::Config;
use crate::Rule;
use crate::train::TrainError;
use resurge_snn::{Cell, CellOutput, Learnable, Loss, Reset, ResetGradient, Schedule, SnnError, Surrogate};

/// Keys of a cell's line that are settings of their own, and the settings.
const SETTINGS: [(&str, &str); 7] = [
    ("tau", "tau_m"),
    ("decay", "tau_m"),
    ("trace", "tau_s"),
    ("threshold", "threshold"),
    ("surrogate", "surrogate"),
    ("reset", "reset"),
    ("gradient", "reset_gradient"),
];

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
        let own = |(key, _): &&(&str, &str)| self.cell.split_whitespace().any(|word| word == *key);
        if let Some((key, setting)) = SETTINGS.iter().find(own) {
            let problem = format!("but {key} is a setting of its own: write {setting}");
            return Err(TrainError::Config(format!("cell is \"{}\", {problem}", self.cell)));
        }
        let surrogate = self.surrogate()?;
        let cell: Cell = format!("lif {} surrogate {surrogate}", self.cell).parse().map_err(named("cell"))?;
        let cell = cell.with_reset_gradient(self.reset_gradient()?);
        let cell = cell.with_decay(1.0 - 1.0 / self.tau_m).map_err(named("tau_m"))?;
        let cell = cell.with_trace_decay(1.0 - 1.0 / self.tau_s).map_err(named("tau_s"))?;
        let cell = cell.with_threshold(self.threshold).map_err(named("threshold"))?;
        let cell = cell.with_reset(self.reset()?).map_err(named("reset"))?;
        cell.check().map_err(named("cell"))?;
        Ok(cell)
    }

    /// What the cells of each layer learn besides weights.
    ///
    /// # Errors
    /// [`TrainError::Config`] names what no cell, or not this one, has.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    /// use resurge_snn::Learnable;
    ///
    /// let config = Config::preset(Preset::Small).with(&["learned=[\"decay\"]"])?;
    /// assert_eq!(config.learned()?, [Learnable::Decay]);
    /// let error = config.with(&["learned=[\"v_reset\"]"]).unwrap_err().to_string();
    /// assert!(error.contains("these cells do not have"), "{error}");
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn learned(&self) -> Result<Vec<Learnable>, TrainError> {
        let cell = self.cell()?;
        let refuse =
            |name: &str, problem: &str| Err(TrainError::Config(format!("learned has \"{name}\", {problem}")));
        let mut found = Vec::new();
        for name in &self.learned {
            let one: Learnable = name.parse().map_err(named("learned"))?;
            match one {
                Learnable::Recurrent => {
                    return refuse(
                        name,
                        "which is of one layer: write \"linear NEURONS recurrent\" in layers",
                    );
                }
                _ if !one.applies(&cell) => return refuse(name, "which these cells do not have"),
                _ if found.contains(&one) => return refuse(name, "twice"),
                _ => {}
            }
            found.push(one);
        }
        if found.contains(&Learnable::Decay) && found.contains(&Learnable::DecayLogit) {
            return refuse("decay logit", "and the decay besides; learn one of them");
        }
        Ok(found)
    }

    /// The decay of the traces as which the input comes in: it is filtered as layers see each other, or not at all.
    pub(crate) fn input_trace_decay(&self) -> Result<f64, TrainError> {
        Ok(match self.between {
            CellOutput::Traces => self.cell()?.trace_decay(),
            CellOutput::Spikes => 0.0,
        })
    }

    /// What the last layer hands on to the loss.
    ///
    /// # Errors
    /// [`TrainError::Config`] where the loss is of the other.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    /// use resurge_snn::CellOutput;
    ///
    /// let config = Config::preset(Preset::Small); // a kernel loss
    /// assert_eq!(config.output()?, CellOutput::Traces);
    /// assert_eq!(config.with(&["loss=cross-entropy sum"])?.output()?, CellOutput::Spikes);
    /// assert!(config.with(&["output=spikes"]).is_err());
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn output(&self) -> Result<CellOutput, TrainError> {
        let (of_loss, loss) = (self.of_loss()?, &self.loss);
        if self.output == "auto" {
            return Ok(of_loss.unwrap_or(CellOutput::Spikes));
        }
        let output = self.output.parse().map_err(|_: SnnError| {
            let text = &self.output;
            TrainError::Config(format!("output is \"{text}\"; it must be auto, traces or spikes"))
        })?;
        match of_loss {
            Some(needed) if needed != output => Err(TrainError::Config(format!(
                "output is \"{output}\", but the loss \"{loss}\" compares {needed}; write auto"
            ))),
            _ => Ok(output),
        }
    }

    /// What the loss is of, where it is of one thing alone.
    fn of_loss(&self) -> Result<Option<CellOutput>, TrainError> {
        Ok(match self.loss()? {
            Loss::Kernel { .. } => Some(CellOutput::Traces),
            Loss::Count { .. } => Some(CellOutput::Spikes),
            _ => None,
        })
    }

    /// The loss.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the forms that there are.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    /// use resurge_snn::Loss;
    ///
    /// let config = Config::preset(Preset::Small).with(&["loss=kernel 011"])?;
    /// assert_eq!(config.loss()?, Loss::Kernel { pattern: vec![false, true, true] });
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn loss(&self) -> Result<Loss, TrainError> {
        match self.loss.parse().map_err(named("loss"))? {
            Loss::WeightedSum { .. } => Err(TrainError::Config(format!(
                "loss is \"{}\", which compares with weights, but data have classes; take another",
                self.loss
            ))),
            loss => Ok(loss),
        }
    }

    /// That the loss can be made small by telling classes apart.
    pub(super) fn check_loss(&self) -> Result<(), TrainError> {
        let (text, steps) = (&self.loss, self.steps);
        let refuse = |problem: String| Err(TrainError::Config(format!("loss is \"{text}\", {problem}")));
        match self.loss()? {
            Loss::Kernel { pattern } if !pattern.iter().take(steps).any(|&spike| spike) => refuse(format!(
                "which has no target spike in {}, so that silence is right for every class; give it a 1",
                resurge_report::counted(steps, "step")
            )),
            Loss::Count { desired, undesired, .. } if undesired >= desired => refuse(
                "but the right class must spike more often than the others; write the larger number first"
                    .into(),
            ),
            Loss::Count { desired, .. } if desired > steps as f64 => refuse(format!(
                "but in {steps} steps a neuron spikes at most {steps} times; ask for fewer, or take more steps"
            )),
            Loss::CrossEntropy { scale, .. } | Loss::Mse { scale, .. } if scale <= 0.0 => refuse(
                "which is smallest where the classes are told apart worst; give it a positive scale".into(),
            ),
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
