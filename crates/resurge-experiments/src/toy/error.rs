//! What can go wrong in a sweep.

use resurge_report::plot::PlotError;
use resurge_snn::SnnError;
use resurge_tensor::TensorError;
use std::path::PathBuf;

/// Why a sweep could not be carried out, or its data not read.
///
/// ```
/// use resurge_experiments::toy::{Settings, ToyError};
///
/// let error = Settings { inputs: 0, ..Settings::default() }.check().unwrap_err();
/// assert!(matches!(error, ToyError::Setting { name: "inputs", .. }));
/// assert_eq!(error.to_string(), "inputs is 0, but must be from 1 to 100000");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToyError {
    /// A setting outside its domain.
    #[error("{name} is {value}, but must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The neuron could not be run.
    #[error(transparent)]
    Snn(#[from] SnnError),
    /// A tensor could not be built.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A picture could not be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A file could not be read or written.
    #[error("{}: {source}; name a directory that can be read and written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A journal of a run with other settings.
    #[error(
        "{} is the journal of an unfinished run with other settings (here first, there second): {difference}; \
         give that run's settings to go on with it, name another directory, or delete the journal",
        path.display()
    )]
    OtherSettings {
        /// The journal.
        path: PathBuf,
        /// The settings that differ.
        difference: String,
    },
    /// A directory with a finished run with other settings.
    #[error(
        "{} is of a finished run with other settings: {setting} is {there} there and {here} here; choose another \
         directory with --out",
        path.display()
    )]
    OtherRun {
        /// Its settings.
        path: PathBuf,
        /// The first setting that differs.
        setting: String,
        /// Its value there.
        there: String,
        /// Its value here.
        here: String,
    },
    /// Parts of a sweep that do not belong together.
    #[error("{} is not of the same sweep as {} (here first, there second): {difference}", path.display(), other.display())]
    Mismatch {
        /// A journal.
        path: PathBuf,
        /// Another.
        other: PathBuf,
        /// The settings that differ, or what else does.
        difference: String,
    },
    /// Parts that are not the whole.
    #[error(
        "{missing} of {all} units of the sweep are missing, such as {such}; run the shards that hold them, or name their directories"
    )]
    Incomplete {
        /// Units that are missing.
        missing: usize,
        /// Units in all.
        all: usize,
        /// The first of them, by seed and rule.
        such: String,
    },
    /// A sweep that was told to stop before all units were done.
    #[error("stopped after {done} of {all} trials; the same command goes on")]
    Stopped {
        /// Trials in the journal.
        done: usize,
        /// Trials in all.
        all: usize,
    },
    /// A journal that another run is writing.
    #[error("{} is in use by another run: wait for it, or name another directory", path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// A file with contents that no run writes.
    #[error("{}, line {line}: {problem}; delete the file and run again, or restore it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}
