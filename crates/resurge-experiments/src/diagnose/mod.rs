//! When does the missing reset term matter?
//!
//! Most methods leave the dependence of the reset on the spike out of the gradient: equation (5), the detached one,
//! instead of (6), the full one. Here the two are compared, by means of the tape alone:
//!
//! * [`diagnose`] a network: gradients by layer, adjoints of the potentials by time lag ([`Lag`]), growth of products of
//!   temporal Jacobians ([`temporal_jacobians`], [`Growth`]), gradient norm by depth;
//! * [`phase_map`]: single neurons over decay, width of the surrogate and firing rate.
//!
//! How far two gradients differ does not say which trains better: see [`toy`](crate::toy) and
//! [`train`](crate::train) for that.

mod comparison;
mod error;
mod figures;
mod jacobian;
mod map;
mod measure;
mod neurons;
mod settings;
mod subject;
mod table;

pub use comparison::Comparison;
pub use error::DiagnoseError;
pub use figures::{DIAGNOSIS_FIGURES, MAP_FIGURES, diagnosis_figures, map_figures};
pub use jacobian::{Growth, QUANTILES, temporal_jacobians};
pub use map::{MapCell, MapProgress, PhaseMap, Spread, phase_map};
pub use measure::{Diagnosis, Lag, LayerDiagnosis, diagnose};
pub use settings::MapSettings;
pub use subject::{Source, Subject, synthetic};
pub use table::{DIAGNOSIS_FILES, MAP_FILES};
