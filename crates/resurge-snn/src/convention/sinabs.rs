//! Sinabs: LIF, IAF and ALIF.

use super::{exponential_decay, joined};
use crate::error::check;
use crate::{
    Cell, Firing, Reset, ResetGradient, ResetKind, ResetTiming, Result, SnnError, Surrogate, SurrogateScale,
    ThresholdInSpike,
};

/// The layers `LIF`, `IAF` and `ALIF` of Sinabs 3.1.3.
///
/// ```text
/// LIF    a = e^(-1/tau_mem)
///        u[t] = a m[t-1] + (1 - a) J[t]                    + J[t] without norm_input
///        with tau_syn:  i[t] = s (i[t-1] + J[t]),  s = e^(-1/tau_syn),  in the place of J
/// IAF    a = 1, without norm_input
/// ALIF   as LIF, with the threshold  thr[t] = spike_threshold + adapt_scale b[t-1]
///        b[t] = r b[t-1] + (1 - r) o[t],  r = e^(-1/tau_adapt)
///
/// MultiSpike          o[t] = floor(u[t] / thr) where u[t] > 0, the default of LIF and IAF
/// SingleSpike         o[t] = 1[u[t] >= thr], the default of ALIF
/// MembraneSubtract()  m[t] = u[t] - thr o[t]               the default, ATTACHED
/// MembraneReset(r)    m[t] = u[t] 1[o[t] = 0] + r          r at every step; the gradient never sees o
/// ```
///
/// Fires where the potential *reaches* the threshold, several times in a step by default. Whether the reset is
/// *attached* is decided by `reset_fn`. A threshold has no gradient from the spike, only from the reset. The
/// default surrogate is [`SingleExponential`](SinabsSurrogate::SingleExponential), whose width is in units of
/// the threshold. In `ALIF` with `tau_syn` and `norm_input` the factor `1 - a` is applied to the state `i` itself,
/// and so once more in each step: `i[t] = (1 - a) s (i[t-1] + J[t])`.
///
/// Not expressed: `min_v_mem`, `MembraneSubtract` of another value than the threshold, `MaxSpike`, and
/// `MembraneReset` with `MultiSpike`.
///
/// Read in `sinabs/layers/functional/{lif,alif}.py` and
/// `sinabs/activation/{spike_generation,reset_mechanism,surrogate_gradient_fn}.py`.
///
/// ```
/// use resurge_snn::convention::{Sinabs, SinabsReset, SinabsSpike};
/// use resurge_snn::{Firing, Reset, ResetGradient};
///
/// // sl.LIF(tau_mem=10.)
/// let cell = Sinabs::lif(10.0).cell()?;
/// assert_eq!((cell.firing(), cell.reset()), (Firing::Repeatedly, Reset::SUBTRACT_THEN_DECAY));
/// assert_eq!((cell.decay(), cell.reset_gradient()), ((-0.1f64).exp(), ResetGradient::Full));
///
/// // sl.LIF(tau_mem=10., spike_fn=SingleSpike, reset_fn=MembraneReset())
/// let spike_fn = SinabsSpike::Single;
/// let reset_fn = SinabsReset::MembraneReset(0.0);
/// let cell = Sinabs { spike_fn, reset_fn, ..Sinabs::lif(10.0) }.cell()?;
/// assert_eq!(cell.reset_gradient(), ResetGradient::Detached);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sinabs {
    /// The class and its time constants.
    pub neuron: SinabsNeuron,
    /// The time constant of the synapse, if any, in steps.
    pub tau_syn: Option<f64>,
    /// The threshold.
    pub spike_threshold: f64,
    /// How often a neuron fires in a step.
    pub spike_fn: SinabsSpike,
    /// What a spike does to the potential.
    pub reset_fn: SinabsReset,
    /// `surrogate_grad_fn`.
    pub surrogate: SinabsSurrogate,
    /// Whether the input is multiplied by `1 - a`; not used by `IAF`.
    pub norm_input: bool,
}

/// A class of Sinabs with its time constants, in steps.
///
/// ```
/// use resurge_snn::convention::{Sinabs, SinabsNeuron};
///
/// let neuron = SinabsNeuron::Lif { tau_mem: 10.0 };
/// assert_eq!(Sinabs { neuron, ..Sinabs::iaf() }.cell()?, Sinabs::lif(10.0).cell()?);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SinabsNeuron {
    /// `LIF`.
    Lif {
        /// The time constant of the membrane.
        tau_mem: f64,
    },
    /// `IAF`.
    Iaf,
    /// `ALIF`.
    Alif {
        /// The time constant of the membrane.
        tau_mem: f64,
        /// The time constant of the threshold's adaptation.
        tau_adapt: f64,
        /// The rise of the threshold at a constant rate of one spike a step.
        adapt_scale: f64,
    },
}

/// Sinabs's `spike_fn`.
///
/// ```
/// use resurge_snn::convention::{Sinabs, SinabsSpike};
///
/// let cell = Sinabs { spike_fn: SinabsSpike::Single, ..Sinabs::lif(10.0) }.cell()?;
/// assert_ne!(cell, Sinabs::lif(10.0).cell()?);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SinabsSpike {
    /// `MultiSpike`.
    Multi,
    /// `SingleSpike`.
    Single,
}

/// Sinabs's `reset_fn`.
///
/// ```
/// use resurge_snn::Reset;
/// use resurge_snn::convention::{Sinabs, SinabsReset, SinabsSpike};
///
/// let (spike_fn, reset_fn) = (SinabsSpike::Single, SinabsReset::MembraneReset(0.0));
/// let cell = Sinabs { spike_fn, reset_fn, ..Sinabs::lif(10.0) }.cell()?;
/// assert_eq!(cell.reset(), Reset::TO_ZERO);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SinabsReset {
    /// `MembraneSubtract()`.
    MembraneSubtract,
    /// `MembraneReset(reset_value)`.
    MembraneReset(f64),
}

/// Sinabs's `surrogate_grad_fn`, a function of the potential and the threshold.
///
/// ```
/// use resurge_snn::convention::{Sinabs, SinabsSurrogate};
///
/// let surrogate = SinabsSurrogate::Gaussian { sigma: 0.5, grad_scale: 1.0 };
/// let cell = Sinabs { surrogate, ..Sinabs::lif(10.0) }.cell()?;
/// assert_eq!(cell.surrogate().name(), "gaussian");
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SinabsSurrogate {
    /// `(grad_scale / w) exp(-|x| / w)` with `w = grad_width thr`, `thr` the threshold of that step.
    SingleExponential {
        /// The width in units of the threshold; 0.5 by default.
        grad_width: f64,
        /// Half the area; 1 by default.
        grad_scale: f64,
    },
    /// `grad_scale N(x; 0, sigma)`, `N` the normal density.
    Gaussian {
        /// The standard deviation in units of the potential; 0.5 by default.
        sigma: f64,
        /// The area; 1 by default.
        grad_scale: f64,
    },
    /// `grad_scale [(1 + h) N(x; 0, sigma) - h N(x; sigma, s sigma) - h N(x; -sigma, s sigma)]`.
    MultiGaussian {
        /// The standard deviation of the middle in units of the potential; 0.5 by default.
        sigma: f64,
        /// The weight of the wings; 0.15 by default.
        h: f64,
        /// The ratio of the wings' deviation to the middle's; 6 by default.
        s: f64,
        /// A factor; 1 by default.
        grad_scale: f64,
    },
}

impl SinabsSurrogate {
    /// The surrogate for potentials in units of `unit`.
    fn in_units_of(self, unit: f64) -> Result<Surrogate> {
        let (surrogate, factor) = match self {
            Self::SingleExponential { grad_width, grad_scale } => {
                (Surrogate::exponential(grad_width)?, 2.0 * grad_scale)
            }
            Self::Gaussian { sigma, grad_scale } => (Surrogate::gaussian(sigma / unit)?, grad_scale),
            Self::MultiGaussian { sigma, h, s, grad_scale } => {
                (Surrogate::multi_gaussian(sigma / unit, h, s)?, grad_scale)
            }
        };
        let factor = check("grad_scale", factor, "positive and finite", factor > 0.0)?;
        Ok(surrogate.with_scale(SurrogateScale::Peak(factor * surrogate.derivative(0.0))))
    }
}

impl Sinabs {
    /// The version that was read and run.
    ///
    /// ```
    /// use resurge_snn::convention::Sinabs;
    ///
    /// assert_eq!(Sinabs::VERSION, "3.1.3");
    /// ```
    pub const VERSION: &'static str = "3.1.3";

    /// `LIF(tau_mem)`.
    ///
    /// ```
    /// use resurge_snn::convention::Sinabs;
    ///
    /// assert_eq!(Sinabs::lif(10.0).cell()?.decay(), (-0.1_f64).exp());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn lif(tau_mem: f64) -> Self {
        Self {
            neuron: SinabsNeuron::Lif { tau_mem },
            tau_syn: None,
            spike_threshold: 1.0,
            spike_fn: SinabsSpike::Multi,
            reset_fn: SinabsReset::MembraneSubtract,
            surrogate: SinabsSurrogate::SingleExponential { grad_width: 0.5, grad_scale: 1.0 },
            norm_input: true,
        }
    }

    /// `IAF()`.
    ///
    /// ```
    /// use resurge_snn::convention::Sinabs;
    ///
    /// assert_eq!(Sinabs::iaf().cell()?.decay(), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn iaf() -> Self {
        Self { neuron: SinabsNeuron::Iaf, ..Self::lif(1.0) }
    }

    /// `ALIF(tau_mem, tau_adapt)`: `adapt_scale=1.8`.
    ///
    /// ```
    /// use resurge_snn::convention::Sinabs;
    ///
    /// assert!(Sinabs::alif(10.0, 20.0).cell()?.adaptation().is_some());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn alif(tau_mem: f64, tau_adapt: f64) -> Self {
        let neuron = SinabsNeuron::Alif { tau_mem, tau_adapt, adapt_scale: 1.8 };
        Self { neuron, spike_fn: SinabsSpike::Single, ..Self::lif(tau_mem) }
    }

    /// The cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] for a constant outside its domain, [`SnnError::Convention`] for `MembraneReset`
    /// with `MultiSpike`, and for `ALIF` with `MultiSpike` and a surrogate of fixed width.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    /// use resurge_snn::convention::Sinabs;
    ///
    /// assert_eq!(Sinabs::lif(10.0).cell()?.reset_gradient(), ResetGradient::Full);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        let (decay, gain) = match self.neuron {
            SinabsNeuron::Iaf => (1.0, 1.0),
            SinabsNeuron::Lif { tau_mem } | SinabsNeuron::Alif { tau_mem, .. } => {
                let decay = exponential_decay("tau_mem", tau_mem)?;
                (decay, if self.norm_input { 1.0 - decay } else { 1.0 })
            }
        };
        let (reset, gradient) = self.cell_reset()?;
        let cell = self.firing_cell()?.with_decay(decay)?.with_reset(reset)?.with_reset_gradient(gradient);
        let cell = match self.neuron {
            SinabsNeuron::Alif { tau_adapt, adapt_scale, .. } => {
                cell.with_adaptation(exponential_decay("tau_adapt", tau_adapt)?, adapt_scale)?
            }
            _ => cell,
        };
        let Some(tau_syn) = self.tau_syn else { return cell.with_input_gain(gain) };
        let s = exponential_decay("tau_syn", tau_syn)?;
        match self.neuron {
            SinabsNeuron::Alif { .. } => cell.with_synapse(gain * s, gain * s),
            _ => cell.with_synapse(s, s)?.with_input_gain(gain),
        }
    }

    /// The surrogate, the threshold and how they make a spike.
    fn firing_cell(&self) -> Result<Cell> {
        let theta = self.spike_threshold;
        let theta = check("spike_threshold", theta, "positive and finite", theta > 0.0)?;
        let multi = self.spike_fn == SinabsSpike::Multi;
        let fixed_width = !matches!(self.surrogate, SinabsSurrogate::SingleExponential { .. });
        if multi && fixed_width && matches!(self.neuron, SinabsNeuron::Alif { .. }) {
            return Err(SnnError::Convention {
                framework: "Sinabs",
                setting: "ALIF with MultiSpike and a surrogate whose width does not follow the threshold",
                remedy: "take SingleSpike, or SingleExponential",
            });
        }
        // Several spikes are counted in units of the threshold.
        let relative = multi || !fixed_width;
        let (unit, entry) =
            if relative { (theta, ThresholdInSpike::Relative) } else { (1.0, ThresholdInSpike::Detached) };
        let firing = if multi { Firing::Repeatedly } else { Firing::AtOrAbove };
        let cell = Cell::integrate_and_fire(self.surrogate.in_units_of(unit)?);
        cell.with_firing(firing).with_threshold_in_spike(entry).with_threshold(theta)
    }

    fn cell_reset(&self) -> Result<(Reset, ResetGradient)> {
        match (self.reset_fn, self.spike_fn) {
            (SinabsReset::MembraneSubtract, _) => Ok((Reset::SUBTRACT_THEN_DECAY, ResetGradient::Full)),
            (SinabsReset::MembraneReset(_), SinabsSpike::Multi) => Err(SnnError::Convention {
                framework: "Sinabs",
                setting: "MembraneReset with MultiSpike: a cell's reset to a value expects one spike at most",
                remedy: "take SingleSpike, or MembraneSubtract",
            }),
            (SinabsReset::MembraneReset(value), _) => {
                let kind = if value == 0.0 { ResetKind::ToZero } else { ResetKind::ToZeroThenAdd(value) };
                Ok((Reset { kind, timing: ResetTiming::BeforeDecay }, ResetGradient::Detached))
            }
        }
    }

    pub(super) fn name(&self) -> String {
        let (neuron, usual) = match self.neuron {
            SinabsNeuron::Lif { .. } => ("lif", SinabsSpike::Multi),
            SinabsNeuron::Iaf => ("iaf", SinabsSpike::Multi),
            SinabsNeuron::Alif { .. } => ("alif", SinabsSpike::Single),
        };
        let iaf = self.neuron == SinabsNeuron::Iaf;
        let other = if self.spike_fn == SinabsSpike::Multi { "multi" } else { "single" };
        joined(
            "sinabs",
            &[
                (true, neuron),
                (self.tau_syn.is_some(), "synapse"),
                (!self.norm_input && !iaf, "no-norm-input"),
                (self.spike_fn != usual, other),
                (matches!(self.reset_fn, SinabsReset::MembraneReset(0.0)), "reset"),
                (matches!(self.reset_fn, SinabsReset::MembraneReset(v) if v != 0.0), "reset-value"),
            ],
        )
    }

    pub(super) fn source(&self) -> &'static str {
        match self.neuron {
            SinabsNeuron::Lif { .. } | SinabsNeuron::Iaf => "sinabs/layers/functional/lif.py",
            SinabsNeuron::Alif { .. } => "sinabs/layers/functional/alif.py",
        }
    }
}

pub(super) fn presets() -> Vec<Sinabs> {
    let lif = Sinabs::lif(10.0);
    let single = Sinabs { spike_fn: SinabsSpike::Single, ..lif };
    let iaf = Sinabs::iaf();
    let reset = |value| Sinabs { reset_fn: SinabsReset::MembraneReset(value), ..single };
    vec![
        lif,
        single,
        Sinabs { tau_syn: Some(5.0), ..lif },
        Sinabs { norm_input: false, ..lif },
        reset(0.0),
        reset(0.125),
        iaf,
        Sinabs { spike_fn: SinabsSpike::Single, ..iaf },
        Sinabs::alif(10.0, 20.0),
    ]
}
