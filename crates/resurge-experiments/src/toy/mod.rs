//! `resurge toy`: what the reset term is worth to the training of one neuron.

mod data;
mod error;
mod figures;
mod journal;
mod settings;
mod statistics;
mod summary;
mod sweep;
mod table;
mod task;
mod trial;

pub use data::{ArmEnds, Data, LearningCurve, RASTER_SEEDS, Raster, Start};
pub use error::ToyError;
pub use figures::{FIGURES, figures};
pub use settings::{Arm, OptimiserKind, Scaling, Settings};
pub use statistics::{LEARNT, USABLE, Window, window};
pub use summary::{Comparison, Failures, NormRatio, Panel, RateSummary, RuleSummary, Summary, WindowSummary};
pub use sweep::{Progress, merge, sweep, sweep_shard};
pub use table::DATA_FILES;
pub use task::{Evaluation, INPUT_RATE, STEPS, TARGET_RATE, TRACE_DECAY, Task, WEIGHT_RANGE};
pub use trial::{Trial, train};
