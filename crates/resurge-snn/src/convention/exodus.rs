//! EXODUS: Sinabs's LIF with CUDA kernels.

use super::{Sinabs, SinabsSpike, SinabsSurrogate};
use crate::{Cell, Result};

/// The layer `LIF` of EXODUS 2.0.0: Sinabs's, computed by CUDA kernels with a backward pass of their own.
///
/// ```text
/// u[t] = a m[t-1] + (1 - a) J[t],  m[t] = u[t] - spike_threshold o[t]        as Sinabs's LIF
/// ```
///
/// Fires where the potential *reaches* the threshold, several times in a step by default. The reset is
/// *attached*: its backward kernel multiplies by `a (1 - threshold g)`. There is no other reset. Surrogate,
/// synapse and `norm_input` are [`Sinabs`]'s.
///
/// Read in `sinabs/exodus/spike.py` and `cuda/lif_kernels.h`, which was compiled for the CPU in f64 for the golden
/// files; on a GPU it accumulates in f32.
///
/// ```
/// use resurge_snn::convention::{Exodus, Sinabs, SinabsSpike};
///
/// // sinabs.exodus.layers.LIF(tau_mem=10., tau_syn=5., spike_fn=SingleSpike)
/// let exodus = Exodus { tau_syn: Some(5.0), spike_fn: SinabsSpike::Single, ..Exodus::lif(10.0) };
/// let sinabs = Sinabs { tau_syn: Some(5.0), spike_fn: SinabsSpike::Single, ..Sinabs::lif(10.0) };
/// assert_eq!(exodus.cell()?, sinabs.cell()?);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exodus {
    /// The time constant of the membrane, in steps.
    pub tau_mem: f64,
    /// The time constant of the synapse, if any, in steps.
    pub tau_syn: Option<f64>,
    /// The threshold.
    pub spike_threshold: f64,
    /// How often a neuron fires in a step.
    pub spike_fn: SinabsSpike,
    /// `surrogate_grad_fn`.
    pub surrogate: SinabsSurrogate,
    /// Whether the input is multiplied by `1 - a`.
    pub norm_input: bool,
}

impl Exodus {
    /// The version that was read and run.
    ///
    /// ```
    /// use resurge_snn::convention::Exodus;
    ///
    /// assert_eq!(Exodus::VERSION, "2.0.0");
    /// ```
    pub const VERSION: &'static str = "2.0.0";

    /// `LIF(tau_mem)`.
    ///
    /// ```
    /// use resurge_snn::convention::{Exodus, Sinabs};
    ///
    /// assert_eq!(Exodus::lif(10.0).cell()?, Sinabs::lif(10.0).cell()?);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn lif(tau_mem: f64) -> Self {
        let Sinabs { tau_syn, spike_threshold, spike_fn, surrogate, norm_input, .. } = Sinabs::lif(tau_mem);
        Self { tau_mem, tau_syn, spike_threshold, spike_fn, surrogate, norm_input }
    }

    pub(super) fn as_sinabs(&self) -> Sinabs {
        let &Self { tau_mem, tau_syn, spike_threshold, spike_fn, surrogate, norm_input } = self;
        Sinabs { tau_syn, spike_threshold, spike_fn, surrogate, norm_input, ..Sinabs::lif(tau_mem) }
    }

    /// The cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) for a constant outside its domain.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    /// use resurge_snn::convention::Exodus;
    ///
    /// assert_eq!(Exodus::lif(10.0).cell()?.reset_gradient(), ResetGradient::Full);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        self.as_sinabs().cell()
    }

    pub(super) fn name(&self) -> String {
        self.as_sinabs().name().replacen("sinabs", "exodus", 1)
    }

    pub(super) fn source(&self) -> &'static str {
        "sinabs/exodus/spike.py, cuda/lif_kernels.h"
    }
}

pub(super) fn presets() -> Vec<Exodus> {
    let lif = Exodus::lif(10.0);
    vec![lif, Exodus { spike_fn: SinabsSpike::Single, ..lif }, Exodus { tau_syn: Some(5.0), ..lif }]
}
