//! Trainings with and without the reset term, seed by seed: what `resurge compare` and `resurge merge` do.
//!
//! A comparison is a list of independent trials, one for each seed and rule ([`Plan::trials`]). A trial is an ordinary
//! training ([`crate::train`]) in a directory of its own, `trials/RULE-seedSEED`; trials of the same seed have the same
//! initial weights and the same batches. All tables and figures are made of the trials' `log.json` ([`Comparison::read`]),
//! wherever they were run, and are the same to the byte however the list was divided.
//!
//! | file | |
//! |---|---|
//! | `plan.json` | the list, settings and data, written at the start |
//! | `trials/*/log.json` | what each trial measured |
//! | `trials/*/diverged.json` | where a trial stopped that did not stay finite |
//! | `trials/*/time.json` | its wall time, kept apart since logs and checkpoints are the same to the bit on any machine |
//! | `cost.json` | what a step of each rule costs ([`Cost`]) |
//! | `comparison.json`, `.csv`, `.md`, `.svg` | made of these |

mod cost;
mod error;
mod figures;
mod files;
mod parts;
mod plan;
mod report;
mod summary;
mod trial;

pub use cost::{Cost, Memory, step_memory};
pub use error::CompareError;
use figures::figure;
pub use parts::{Comparison, REPORTS};
pub use plan::{Plan, TrialId};
use report::csv;
pub use report::markdown;
pub use summary::{
    CostSummary, PairSummary, Paired, RuleCost, RuleSummary, Spread, Summary, TrialSummary, WallTime,
};
pub use trial::{Diverged, Load, Record, TimeSpent, TrialEnd, Trials};
