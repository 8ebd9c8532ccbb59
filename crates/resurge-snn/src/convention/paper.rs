//! The paper's author's cell.

use crate::error::check;
use crate::{Cell, Result, Surrogate, SurrogateKind, SurrogateScale};

/// The cell of Y. Yang's code of November 2020, from which equations (1) to (6) were reconstructed.
///
/// ```text
/// u[t] = (1 - 1/tau_m) u[t-1] (1 - o[t-1]) + J[t]        o[t] = 1[u[t] > threshold]
/// a[t] = (1 - 1/tau_s) a[t-1] + (1/tau_s) o[t]           the next layer and the loss read a
/// ```
///
/// Fires where the potential is *greater* than the threshold. The reset is *attached*: the paper's point. The
/// surrogate is a sigmoid of width 0.2 and unit area. There is no golden file; its gradient is that of
/// `spikingjelly-lif-no-decay-input` but for the trace, and it is held to the closed recurrences.
///
/// ```
/// use resurge_snn::convention::Paper;
/// use resurge_snn::{Cell, Surrogate};
///
/// assert_eq!(Paper::default().cell()?, Cell::lif(Surrogate::sigmoid(0.2)?));
/// let slower = Paper { tau_m: 20.0, ..Paper::default() }.cell()?;
/// assert_eq!(slower.decay(), 0.95);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paper {
    /// The membrane's time constant, in steps.
    pub tau_m: f64,
    /// The trace's time constant, in steps.
    pub tau_s: f64,
    /// The threshold.
    pub threshold: f64,
    /// The surrogate.
    pub surrogate: Surrogate,
}

impl Default for Paper {
    fn default() -> Self {
        let surrogate = Surrogate::new(SurrogateKind::Sigmoid { width: 0.2 }, SurrogateScale::UnitArea);
        Self { tau_m: 5.0, tau_s: 2.0, threshold: 1.0, surrogate }
    }
}

impl Paper {
    /// The cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) for a constant outside its domain.
    ///
    /// ```
    /// use resurge_snn::convention::Paper;
    ///
    /// assert_eq!(Paper { tau_m: 4.0, ..Paper::default() }.cell()?.decay(), 0.75);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        Cell::lif(self.surrogate)
            .with_decay(decay("tau_m", self.tau_m)?)?
            .with_trace_decay(decay("tau_s", self.tau_s)?)?
            .with_threshold(self.threshold)
    }

    pub(super) fn name(&self) -> String {
        "paper".to_owned()
    }

    pub(super) fn source(&self) -> &'static str {
        "arXiv 2011.09964, docs/derivation.md"
    }
}

/// `1 - 1/tau`.
fn decay(parameter: &'static str, tau: f64) -> Result<f64> {
    Ok(1.0 - 1.0 / check(parameter, tau, "at least 1 and finite", tau >= 1.0)?)
}
