//! The settings of a map.

use super::DiagnoseError;
use crate::train::{Config, Preset};
use resurge_snn::Cell;
use serde::{Deserialize, Serialize};

/// What a map is of: its grid, its neurons and their input.
///
/// Each neuron gets the current `I[t] = gain (1 + noise z[t])`, `z` standard normal, independent over steps and neurons.
///
/// ```
/// use resurge_experiments::diagnose::MapSettings;
///
/// assert!(MapSettings::default().check().is_ok());
/// let error = MapSettings { decays: vec![], ..MapSettings::default() }.check().unwrap_err();
/// assert_eq!(error.to_string(), "decays is empty, but at least one is needed");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapSettings {
    /// Membrane decays `lambda`, each at least 0 and at most 1.
    pub decays: Vec<f64>,
    /// The surrogate's parameters: widths, or slopes where it has one.
    pub widths: Vec<f64>,
    /// Target firing rates in spikes per neuron and step, each between 0 and 1.
    pub rates: Vec<f64>,
    /// The surrogate's name, as in the settings of a training.
    pub surrogate: String,
    /// The reset's name, as in the settings of a training.
    pub reset: String,
    /// Neurons of a population.
    pub neurons: usize,
    /// Time steps, at least 2.
    pub steps: usize,
    /// Populations, each with its own input and cotangent.
    pub repeats: usize,
    /// Draws input and cotangents.
    pub seed: u64,
    /// The deviation of the current over its mean.
    pub noise: f64,
    /// How far a population's rate may be from its target, as a share of it.
    pub tolerance: f64,
}

impl Default for MapSettings {
    fn default() -> Self {
        Self {
            decays: vec![0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99],
            widths: vec![0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6],
            rates: vec![0.02, 0.05, 0.1, 0.2, 0.4],
            surrogate: "sigmoid".into(),
            reset: "zero".into(),
            neurons: 500,
            steps: 100,
            repeats: 5,
            seed: 1,
            noise: 1.0,
            tolerance: 0.02,
        }
    }
}

impl MapSettings {
    /// Whether each value is in its domain.
    ///
    /// # Errors
    /// [`DiagnoseError::Setting`] names the first that is not, [`DiagnoseError::Train`] a surrogate or reset that there
    /// is not.
    ///
    /// ```
    /// use resurge_experiments::diagnose::MapSettings;
    ///
    /// let error = MapSettings { steps: 1, ..MapSettings::default() }.check().unwrap_err();
    /// assert_eq!(error.to_string(), "steps is 1, but it must be 2 to 10000");
    /// ```
    pub fn check(&self) -> Result<(), DiagnoseError> {
        type Holds = fn(f64) -> bool;
        let grids: [(_, &[f64], _, Holds); 3] = [
            ("decays", &self.decays, "each must be between 0 and 1", |x| (0.0..=1.0).contains(&x)),
            ("widths", &self.widths, "each must be positive and finite", |x| x > 0.0 && x.is_finite()),
            ("rates", &self.rates, "each must be above 0 and below 1", |x| x > 0.0 && x < 1.0),
        ];
        for (name, values, expected, holds) in grids {
            if values.is_empty() {
                let expected = "at least one is needed";
                return Err(DiagnoseError::Setting { name, value: "is empty".into(), expected });
            }
            if let Some(bad) = values.iter().find(|x| !holds(**x)) {
                return Err(DiagnoseError::Setting { name, value: format!("holds {bad}"), expected });
            }
            if let Some(twice) = (1..values.len()).find(|&i| values[..i].contains(&values[i])) {
                let value = format!("holds {} twice", values[twice]);
                return Err(DiagnoseError::Setting { name, value, expected: "each may occur once" });
            }
        }
        let count = |x: usize, low: usize, high: usize| (low..=high).contains(&x);
        let checks = [
            ("neurons", self.neurons as f64, "it must be 1 to 100000", count(self.neurons, 1, 100_000)),
            ("steps", self.steps as f64, "it must be 2 to 10000", count(self.steps, 2, 10_000)),
            ("repeats", self.repeats as f64, "it must be 1 to 1000", count(self.repeats, 1, 1000)),
            (
                "noise",
                self.noise,
                "it must be at least 0 and finite",
                self.noise >= 0.0 && self.noise.is_finite(),
            ),
            (
                "tolerance",
                self.tolerance,
                "it must be above 0 and below 1",
                self.tolerance > 0.0 && self.tolerance < 1.0,
            ),
        ];
        if let Some(&(name, value, expected, _)) = checks.iter().find(|(.., holds)| !holds) {
            return Err(DiagnoseError::Setting { name, value: format!("is {value}"), expected });
        }
        self.widths.iter().try_for_each(|&width| self.cell(1.0, width).map(|_| ()))
    }

    /// The cell at a point of the grid, with the full gradient; its output is the spike.
    pub(super) fn cell(&self, decay: f64, width: f64) -> Result<Cell, DiagnoseError> {
        let named = [format!("surrogate={} {width}", self.surrogate), format!("reset={}", self.reset)];
        let cell = Config::preset(Preset::Small).with(&named)?.cell()?;
        Ok(cell.with_decay(decay)?.with_trace_decay(0.0)?)
    }
}
