//! The settings of a training: a TOML file whose every value can be overridden.

mod parts;

use super::layer::LayerSpec;
use super::{Preset, TrainError};
use crate::Rule;
use resurge_snn::CellOutput;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;
use toml::{Table, Value};

/// The settings of a training.
///
/// ```
/// use resurge_experiments::train::{Config, Preset};
///
/// let config = Config::preset(Preset::Mnist).with(&["batch=50", "surrogate=atan 2"])?;
/// assert_eq!((config.batch, config.steps), (50, 5));
/// assert_eq!(config.cell()?.decay(), 0.8); // 1 - 1 / tau_m
/// # Ok::<(), resurge_experiments::train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `conv FILTERS KERNEL [pad N] [stride N]`, `linear NEURONS [recurrent]`, `pool SIZE` (the mean), `dropout P`. Cells
    /// follow each convolution and each linear layer.
    pub layers: Vec<LayerSpec>,
    /// The number of time steps `T`.
    pub steps: usize,
    /// The time constant of the membrane in steps; `lambda = 1 - 1 / tau_m`.
    pub tau_m: f64,
    /// The time constant of the traces in steps; `beta_s = 1 - 1 / tau_s`, so that 1 hands on bare spikes.
    pub tau_s: f64,
    /// The threshold.
    #[serde(default = "one")]
    pub threshold: f64,
    /// The surrogate with its parameter, such as `sigmoid 0.2`.
    #[serde(default = "sigmoid")]
    pub surrogate: String,
    /// The reset: `zero`, `subtract`, `subtract-then-decay`, `gated` or `none`.
    #[serde(default = "zero")]
    pub reset: String,
    /// Which of the reset the gradient sees: `full`, `detached`, `scaled:ALPHA` or `spatial-only`.
    #[serde(default = "full", deserialize_with = "spelled")]
    pub reset_gradient: String,
    /// What the cells have besides, in the words of a [`Cell`](resurge_snn::Cell)'s line: `synapse 0.5 1 refractory 2`.
    #[serde(default)]
    pub cell: String,
    /// Constants of the cells that are learned, one number a layer: names of [`Learnable`](resurge_snn::Learnable).
    #[serde(default)]
    pub learned: Vec<String>,
    /// What layers hand on to the next.
    #[serde(default)]
    pub between: CellOutput,
    /// What the last layer hands on to the loss: `spikes`, `traces`, or `auto`, which is the traces for a kernel loss and
    /// the spikes for another.
    #[serde(default = "auto")]
    pub output: String,
    /// `kernel PATTERN` (the class's target spikes in time, as 0 and 1), `count DESIRED UNDESIRED`, `cross-entropy READOUT`
    /// or `mse READOUT`.
    pub loss: String,
    /// AdamW's learning rate.
    pub learning_rate: f64,
    /// How the rate changes: `constant`, or `cosine`, from `learning_rate` down to 0 over all updates of `epochs`.
    #[serde(default = "constant")]
    pub schedule: String,
    /// AdamW's decays of the two moments.
    #[serde(default = "betas")]
    pub betas: [f64; 2],
    /// AdamW's weight decay.
    #[serde(default = "weight_decay")]
    pub weight_decay: f64,
    /// Samples in a batch.
    pub batch: usize,
    /// Samples of a batch that are computed at a time. It changes the order of sums, the number of threads does not.
    #[serde(default = "part")]
    pub part: usize,
    /// Passes over the data.
    pub epochs: u64,
    /// The norm to which a longer gradient is shortened; 0 for none.
    #[serde(default = "one")]
    pub clip: f64,
    /// The size beyond which no weight goes; 0 for none.
    #[serde(default = "four")]
    pub clamp: f64,
    /// The factor on He's uniform initial weights.
    #[serde(default = "one")]
    pub gain: f64,
    /// Draws the weights, the order of the data and dropout. At most 2^63 - 1, TOML's largest number.
    #[serde(default = "seed")]
    pub seed: u64,
    /// What is taken off each channel of an image of 0 to 1; nothing if empty.
    #[serde(default)]
    pub mean: Vec<f64>,
    /// What each channel is divided by then; nothing if empty.
    #[serde(default)]
    pub deviation: Vec<f64>,
    /// Microseconds of events in a time step; 0 divides each recording into equal parts.
    #[serde(default)]
    pub window: u32,
}

fn one() -> f64 {
    1.0
}
fn four() -> f64 {
    4.0
}
fn sigmoid() -> String {
    "sigmoid 0.2".into()
}
fn zero() -> String {
    "zero".into()
}
fn full() -> String {
    "full".into()
}
fn auto() -> String {
    "auto".into()
}
fn constant() -> String {
    "constant".into()
}
fn betas() -> [f64; 2] {
    [0.9, 0.999]
}
fn weight_decay() -> f64 {
    0.01
}
fn part() -> usize {
    25
}
fn seed() -> u64 {
    1
}

/// A gradient of the reset as it is spelled today, whatever the spelling in a file; what is none is refused later.
fn spelled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.parse::<Rule>().map_or(text, |rule| rule.name()))
}

impl Config {
    /// The settings of a preset.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let config = Config::preset(Preset::Mnist);
    /// assert_eq!((config.steps, config.layers[0].to_string()), (5, "conv 15 5".into()));
    /// ```
    pub fn preset(preset: Preset) -> Self {
        // A test reads each of them.
        Self::from_toml(preset.text()).unwrap_or_else(|_| unreachable!("the presets are valid"))
    }

    /// Reads settings from TOML.
    ///
    /// # Errors
    /// [`TrainError::Syntax`] names a key that is unknown or missing, [`TrainError::Config`] one that is out of its range.
    ///
    /// ```
    /// let error = resurge_experiments::train::Config::from_toml("steps = 5").unwrap_err();
    /// assert!(error.to_string().contains("missing field `layers`"));
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, TrainError> {
        let config: Self = toml::from_str(text).map_err(|error| TrainError::Syntax(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// Reads settings from a file of TOML.
    ///
    /// # Errors
    /// [`TrainError::Settings`] with the file: it cannot be read, is in an encoding other than
    /// UTF-8, or as [`from_toml`](Self::from_toml).
    ///
    /// ```
    /// use resurge_experiments::train::Config;
    ///
    /// let place = tempfile::tempdir()?;
    /// let path = place.path().join("mine.toml");
    /// std::fs::write(&path, [0xff, 0xfe, b's', 0])?; // as a shell of Windows redirects
    /// let error = Config::read(&path).unwrap_err().to_string();
    /// assert!(error.contains("mine.toml: its first bytes are the mark of UTF-16"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let failed = |problem: String| TrainError::Settings { path: path.to_owned(), problem };
        let text = resurge_report::text::read(path).map_err(|error| {
            failed(match error.kind() {
                std::io::ErrorKind::InvalidData => error.to_string(),
                _ => format!(
                    "cannot be read: {error}; name a file of settings, as `resurge config` makes them"
                ),
            })
        })?;
        Self::from_toml(&text).map_err(|error| failed(error.to_string()))
    }

    /// The settings as TOML, all values in full.
    ///
    /// # Errors
    /// [`TrainError::Config`] for a seed beyond TOML's numbers.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let config = Config::preset(Preset::Small).with(&["epochs=7"])?;
    /// let text = config.to_toml()?;
    /// assert!(text.contains("epochs = 7"));
    /// assert_eq!(Config::from_toml(&text)?, config);
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(|error| TrainError::Config(error.to_string()))
    }

    /// The same settings with some overridden: each as `key=value`, the value in TOML, a bare word for a text.
    ///
    /// # Errors
    /// [`TrainError::Config`] names a key that is unknown or whose value does not fit.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let small = Config::preset(Preset::Small);
    /// assert_eq!(small.with(&["layers=[\"linear 10\"]", "clip = 0.5"])?.clip, 0.5);
    /// let error = small.with(&["tau_m=0.5"]).unwrap_err();
    /// assert_eq!(error.to_string(), "setting tau_m is 0.5, but must be at least 1");
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn with(&self, settings: &[impl AsRef<str>]) -> Result<Self, TrainError> {
        let mut table = self.table()?;
        let known = Self::keys()?;
        for setting in settings.iter().map(AsRef::as_ref) {
            let (key, value) = setting.split_once('=').ok_or_else(|| {
                TrainError::Config(format!("\"{setting}\" has no value; write it as key=value"))
            })?;
            let (key, value) = (key.trim(), value.trim());
            if key.is_empty() {
                return Err(TrainError::Config(format!("\"{setting}\" has no key; write it as key=value")));
            }
            if !known.contains(&key.to_owned()) {
                return Err(TrainError::Config(format!("{key} is unknown; there are {}", known.join(", "))));
            }
            // TOML would take it for a text.
            if key == "seed" && value.parse::<u128>().is_ok_and(|seed| i64::try_from(seed).is_err()) {
                let most = i64::MAX;
                return Err(TrainError::Config(format!(
                    "seed is {value}, but must be at most {most} (2^63 - 1)"
                )));
            }
            let shown = if value.is_empty() { "\"\"" } else { value };
            let (form, new) = (form(key, table.get(key)), value_of(value, table.get(key)));
            table.insert(key.into(), new);
            // Each by itself, so that the one that does not fit is named.
            if let Err(error) = table.clone().try_into::<Self>() {
                return Err(TrainError::Config(match (key, table.get(key)) {
                    ("layers", Some(Value::Array(layers))) if layers.iter().all(Value::is_str) => {
                        format!("layers: {}", error.message())
                    }
                    _ => format!("{key} is {shown}, but must be {form}"),
                }));
            }
        }
        let config: Self = table
            .try_into()
            .map_err(|error: toml::de::Error| TrainError::Config(error.message().to_owned()))?;
        config.check()?;
        Ok(config)
    }

    /// The first key whose value differs, with both values; the number of epochs is left out where the rate is constant,
    /// since such a training may be made longer.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// let small = Config::preset(Preset::Small);
    /// let other = small.with(&["epochs=9", "batch=7"])?;
    /// assert_eq!(small.difference(&other)?, Some("batch is 20 there and 7 here".into()));
    /// # Ok::<(), resurge_experiments::train::TrainError>(())
    /// ```
    pub fn difference(&self, other: &Self) -> Result<Option<String>, TrainError> {
        let (here, there) = (other.table()?, self.table()?);
        let free = |key: &str| key == "epochs" && self.schedule == "constant";
        let differs = there.iter().find(|(key, value)| !free(key) && here.get(*key) != Some(value));
        Ok(differs.map(|(key, value)| {
            let other = here.get(key).map(Value::to_string).unwrap_or_default();
            format!("{key} is {value} there and {other} here")
        }))
    }

    fn check(&self) -> Result<(), TrainError> {
        let at_least_one = |x: f64| x >= 1.0 && x.is_finite();
        let at_least_zero = |x: f64| x >= 0.0 && x.is_finite();
        let below_one = |x: f64| (0.0..1.0).contains(&x);
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let checks = [
            ("steps", self.steps as f64, "at least 1", at_least_one as fn(f64) -> bool),
            ("tau_m", self.tau_m, "at least 1", at_least_one),
            ("tau_s", self.tau_s, "at least 1", at_least_one),
            ("threshold", self.threshold, "positive", positive),
            ("learning_rate", self.learning_rate, "positive", positive),
            ("betas[0]", self.betas[0], "at least 0 and less than 1", below_one),
            ("betas[1]", self.betas[1], "at least 0 and less than 1", below_one),
            ("weight_decay", self.weight_decay, "at least 0", at_least_zero),
            ("batch", self.batch as f64, "at least 1", at_least_one),
            ("part", self.part as f64, "at least 1", at_least_one),
            ("clip", self.clip, "at least 0 (0 for none)", at_least_zero),
            ("clamp", self.clamp, "at least 0 (0 for none)", at_least_zero),
            ("gain", self.gain, "positive", positive),
        ];
        if let Some((key, value, expected, _)) = checks.into_iter().find(|(_, x, _, holds)| !holds(*x)) {
            let finite = if value.is_finite() { "" } else { ", and finite" };
            return Err(TrainError::Config(format!("{key} is {value}, but must be {expected}{finite}")));
        }
        if let Some(bad) = self.mean.iter().find(|x| !x.is_finite()) {
            return Err(TrainError::Config(format!("mean holds {bad}, but each must be finite")));
        }
        if let Some(bad) = self.deviation.iter().find(|x| !positive(**x)) {
            return Err(TrainError::Config(format!(
                "deviation holds {bad}, but each must be positive and finite"
            )));
        }
        self.cell()?;
        self.learned()?;
        self.check_loss()?;
        self.output()?;
        self.schedule(1)?;
        Ok(())
    }

    fn table(&self) -> Result<Table, TrainError> {
        Table::try_from(self).map_err(|error| TrainError::Config(error.to_string()))
    }

    fn keys() -> Result<Vec<String>, TrainError> {
        Ok(Self::preset(Preset::Small).table()?.keys().cloned().collect())
    }
}

/// A value in TOML, or a bare text; a whole number where the present value is a fraction, or a fraction that TOML writes
/// in another way, such as `.5`.
fn value_of(text: &str, present: Option<&Value>) -> Value {
    let parsed = format!("x = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("x"));
    match (parsed, present) {
        (Some(Value::Integer(whole)), Some(Value::Float(_))) => Value::Float(whole as f64),
        (Some(value), Some(Value::String(_))) if !value.is_str() => Value::String(text.into()),
        (Some(value), _) => value,
        (None, Some(Value::Float(_))) => {
            text.parse().map_or_else(|_| Value::String(text.into()), Value::Float)
        }
        (None, _) => Value::String(text.into()),
    }
}

/// In words, what the value of a key is, when it has this one now.
fn form(key: &str, present: Option<&Value>) -> &'static str {
    match (key, present) {
        ("layers", _) => "a list of layers, such as [\"conv 15 5\", \"linear 10\"]",
        ("betas", _) => "two numbers, such as [0.9, 0.999]",
        ("learned", _) => "a list of names, such as [\"decay\"]",
        ("between", _) => "traces or spikes",
        ("window", _) => "a whole number from 0 to 4294967295",
        (_, Some(Value::Array(_))) => "a list of numbers, such as [0.5]",
        ("seed" | "epochs", _) => "a whole number from 0 on, such as 5",
        (_, Some(Value::Integer(_))) => "a whole number from 1 on, such as 5",
        (_, Some(Value::Float(_))) => "a number, such as 0.5",
        _ => "a text",
    }
}
