//! The logs of a training: a row an epoch, as CSV and as JSON.

use super::{Config, EpochRow, Origin};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The rows as CSV, a subset and unofficial files marked in each.
///
/// ```
/// use resurge_experiments::train::{Origin, csv};
///
/// let (dataset, layers) = ("mnist".to_owned(), ["conv1".to_owned()]);
/// let origin = Origin { dataset, limit: Some(9), verified: true, train_samples: 9, test_samples: 9 };
/// let text = csv(&origin, &layers, &[]);
/// assert!(text.starts_with("dataset,subset,verified,epoch,updates,train_loss,"));
/// assert!(text.ends_with("gradient_norm,rate_conv1\n"));
/// ```
pub fn csv(origin: &Origin, layers: &[String], rows: &[EpochRow]) -> String {
    let mut text = String::from(
        "dataset,subset,verified,epoch,updates,train_loss,train_accuracy,test_loss,test_accuracy,gradient_norm",
    );
    for layer in layers {
        // Writing to a string does not fail.
        let _ = write!(text, ",rate_{layer}");
    }
    text.push('\n');
    let subset = origin.limit.map_or("full".to_owned(), |limit| limit.to_string());
    for row in rows {
        let _ = writeln!(text, "{},{subset},{},{}", origin.dataset, origin.verified, fields(row));
    }
    text
}

/// The fields of a row, from the epoch on.
pub(crate) fn fields(row: &EpochRow) -> String {
    let EpochRow {
        epoch, updates, train_loss, train_accuracy, test_loss, test_accuracy, gradient_norm, ..
    } = row;
    let mut text = format!(
        "{epoch},{updates},{train_loss},{train_accuracy},{test_loss},{test_accuracy},{gradient_norm}"
    );
    for rate in &row.firing_rates {
        let _ = write!(text, ",{rate}");
    }
    text
}

/// The log of a training as JSON: what it is of, its settings, and its rows.
///
/// ```
/// use resurge_experiments::train::{Config, Log, Origin, Preset, TrainingLog};
///
/// let origin = Origin { dataset: "mnist".into(), limit: None, verified: true, train_samples: 9, test_samples: 9 };
/// let (config, layers) = (&Config::preset(Preset::Small), &["linear1".to_owned()]);
/// let (version, subset, parameters, finished, epochs, notices) = ("0.1.0", false, 40, true, &[], &[]);
/// let log = Log { version, origin: &origin, subset, config, layers, parameters, finished, epochs, notices };
/// let read = TrainingLog::from_json(&serde_json::to_string(&log)?)?;
/// assert_eq!((read.origin(), read.parameters), (origin, 40));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Serialize)]
pub struct Log<'a> {
    /// The version of Resurge.
    pub version: &'static str,
    /// What it is of.
    #[serde(flatten)]
    pub origin: &'a Origin,
    /// Whether it is a subset: its accuracy says nothing of the whole.
    pub subset: bool,
    /// The settings.
    pub config: &'a Config,
    /// The layers with cells, in the order of the rates.
    pub layers: &'a [String],
    /// The number of weights.
    pub parameters: usize,
    /// Whether all epochs are done.
    pub finished: bool,
    /// A row an epoch.
    pub epochs: &'a [EpochRow],
    /// What should not be overlooked ([`Training::notices`](super::Training::notices)).
    pub notices: &'a [String],
}

/// A `log.json` as it is read.
///
/// ```
/// use resurge_experiments::train::TrainingLog;
///
/// assert!(TrainingLog::from_json("{}").unwrap_err().to_string().starts_with("missing field `version`"));
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TrainingLog {
    /// The version of Resurge that wrote it.
    pub version: String,
    dataset: String,
    limit: Option<u64>,
    verified: bool,
    train_samples: u64,
    test_samples: u64,
    /// The settings.
    pub config: Config,
    /// The layers with cells, in the order of the rates.
    pub layers: Vec<String>,
    /// The number of weights.
    pub parameters: usize,
    /// Whether all epochs are done.
    pub finished: bool,
    /// A row an epoch.
    pub epochs: Vec<EpochRow>,
    /// What should not be overlooked; none in logs of before they were kept.
    #[serde(default)]
    pub notices: Vec<String>,
}

impl TrainingLog {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// What is missing, or is not as a training writes it.
    ///
    /// ```
    /// use resurge_experiments::train::TrainingLog;
    ///
    /// let text = std::fs::read_to_string("../resurge/examples/results/compare/trials/detached-seed2/log.json")?;
    /// let log = TrainingLog::from_json(&text)?;
    /// assert_eq!((&log.config.reset_gradient[..], log.config.seed), ("detached", 2));
    /// assert!(log.finished && log.epochs.len() == 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// What it is of.
    ///
    /// ```
    /// use resurge_experiments::train::TrainingLog;
    ///
    /// let text = std::fs::read_to_string("../resurge/examples/results/compare/trials/full-seed1/log.json")?;
    /// let origin = TrainingLog::from_json(&text)?.origin();
    /// assert_eq!((&origin.dataset[..], origin.limit), ("mnist", Some(20)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn origin(&self) -> Origin {
        Origin {
            dataset: self.dataset.clone(),
            limit: self.limit,
            verified: self.verified,
            train_samples: self.train_samples,
            test_samples: self.test_samples,
        }
    }
}
