//! SpikingJelly: IFNode, LIFNode, ParametricLIFNode and CUBALIFNode.

use super::{inverse, joined, with_peak};
use crate::error::check;
use crate::{Cell, Firing, Reset, ResetGradient, Result, SnnError, Surrogate, SurrogateKind, SurrogateScale};

/// The neurons of SpikingJelly 2.0.0.
///
/// ```text
/// IFNode                            u[t] = m[t-1] + J[t]
/// LIFNode, decay_input=True         u[t] = (1 - 1/tau) m[t-1] + v_reset/tau + J[t]/tau        the default
///          decay_input=False        u[t] = (1 - 1/tau) m[t-1] + v_reset/tau + J[t]
/// ParametricLIFNode                 as LIFNode with 1/tau = sigmoid(w), w = -ln(init_tau - 1) at first, learned
/// CUBALIFNode                       c[t] = c_decay c[t-1] + J[t],  u[t] = v_decay m[t-1] + c[t]
///
/// v_reset a number                  m[t] = (1 - o[t]) u[t] + o[t] v_reset,  m[-1] = v_reset
/// v_reset None ("soft")             m[t] = u[t] - v_threshold o[t],         m[-1] = 0, and v_reset counts as 0
/// ```
///
/// Fires where the potential *reaches* the threshold. The reset is *attached*, and detached with
/// `detach_reset=True`; `CUBALIFNode` has no such switch. The leak is towards `v_reset`, not towards 0. The
/// default surrogate is [`Sigmoid(alpha=4)`](Self::sigmoid), that of `CUBALIFNode` [`Rect(alpha=1)`](Self::rect),
/// and its threshold is 0.5.
///
/// Read in `spikingjelly/_ops/{if_,lif,plif}/reference.py`, `spikingjelly/_ops/reset.py` and
/// `spikingjelly/activation_based/functional/neuron.py`.
///
/// ```
/// use resurge_snn::convention::{SpikingJelly, SpikingJellyNode};
/// use resurge_snn::{Firing, Reset};
///
/// // neuron.LIFNode(): tau=2, decay_input=True, v_reset=0
/// let cell = SpikingJelly::lif().cell()?;
/// assert_eq!((cell.decay(), cell.input_gain(), cell.firing()), (0.5, 0.5, Firing::AtOrAbove));
///
/// // neuron.LIFNode(tau=4., v_reset=-0.25): it leaks to -0.25
/// let node = SpikingJellyNode::Lif { tau: 4.0, decay_input: true };
/// let cell = SpikingJelly { node, v_reset: Some(-0.25), ..SpikingJelly::lif() }.cell()?;
/// assert_eq!((cell.drive(), cell.initial_potential()), (-0.0625, -0.25));
///
/// // neuron.IFNode(v_reset=None)
/// let soft = SpikingJelly { v_reset: None, ..SpikingJelly::integrate_and_fire() }.cell()?;
/// assert_eq!(soft.reset(), Reset::SUBTRACT_THEN_DECAY);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpikingJelly {
    /// The class and the time constants.
    pub node: SpikingJellyNode,
    /// The threshold.
    pub v_threshold: f64,
    /// The value of the reset; `None` subtracts the threshold.
    pub v_reset: Option<f64>,
    /// Whether the gradient leaves out the reset.
    pub detach_reset: bool,
    /// `surrogate_function`.
    pub surrogate: Surrogate,
}

/// A class of SpikingJelly with its time constants.
///
/// ```
/// use resurge_snn::convention::{SpikingJelly, SpikingJellyNode};
///
/// let node = SpikingJellyNode::Lif { tau: 4.0, decay_input: true };
/// let cell = SpikingJelly { node, ..SpikingJelly::lif() }.cell()?;
/// assert_eq!((cell.decay(), cell.input_gain()), (0.75, 0.25));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SpikingJellyNode {
    /// `IFNode`.
    If,
    /// `LIFNode`.
    Lif {
        /// The time constant, at least 1 step.
        tau: f64,
        /// Whether the input is divided by tau.
        decay_input: bool,
    },
    /// `ParametricLIFNode`: the cell at its first step of training. [`CellParameters`](crate::CellParameters)
    /// shows how to learn its time constant.
    ParametricLif {
        /// The time constant at first, more than 1 step.
        init_tau: f64,
        /// Whether the input is divided by tau.
        decay_input: bool,
    },
    /// `CUBALIFNode`.
    CubaLif {
        /// The decay of the current.
        c_decay: f64,
        /// The decay of the potential.
        v_decay: f64,
    },
}

impl SpikingJelly {
    /// The version that was read and run.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert_eq!(SpikingJelly::VERSION, "2.0.0");
    /// ```
    pub const VERSION: &'static str = "2.0.0";

    /// `IFNode()`.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert_eq!(SpikingJelly::integrate_and_fire().cell()?.decay(), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn integrate_and_fire() -> Self {
        let kind = SurrogateKind::Sigmoid { width: 0.25 };
        Self {
            node: SpikingJellyNode::If,
            v_threshold: 1.0,
            v_reset: Some(0.0),
            detach_reset: false,
            surrogate: Surrogate::new(kind, SurrogateScale::UnitArea),
        }
    }

    /// `LIFNode()`: `tau=2`, `decay_input=True`.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert_eq!(SpikingJelly::lif().cell()?.decay(), 0.5); // tau = 2
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn lif() -> Self {
        let node = SpikingJellyNode::Lif { tau: 2.0, decay_input: true };
        Self { node, ..Self::integrate_and_fire() }
    }

    /// `ParametricLIFNode()`: `init_tau=2`, `decay_input=True`.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert_eq!(SpikingJelly::parametric_lif().cell()?.decay(), 0.5);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn parametric_lif() -> Self {
        let node = SpikingJellyNode::ParametricLif { init_tau: 2.0, decay_input: true };
        Self { node, ..Self::integrate_and_fire() }
    }

    /// `CUBALIFNode()`: `c_decay=0.5`, `v_decay=0.75`, `v_threshold=0.5`, `Rect(alpha=1)`.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert!(SpikingJelly::cuba_lif().cell()?.synapse().is_some());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cuba_lif() -> Self {
        let rect = SurrogateKind::Rectangle { width: 1.0 };
        Self {
            node: SpikingJellyNode::CubaLif { c_decay: 0.5, v_decay: 0.75 },
            v_threshold: 0.5,
            surrogate: Surrogate::new(rect, SurrogateScale::UnitArea),
            ..Self::integrate_and_fire()
        }
    }

    /// `surrogate.Sigmoid(alpha)`: `alpha s (1 - s)` with `s = sigmoid(alpha x)`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert!((SpikingJelly::sigmoid(4.0)?.derivative(0.0_f64) - 1.0).abs() < 1e-15);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn sigmoid(alpha: f64) -> Result<Surrogate> {
        Surrogate::sigmoid(inverse("Sigmoid alpha", alpha)?)
    }

    /// `surrogate.ATan(alpha)`: `(alpha/2) / (1 + (pi alpha x / 2)^2)`; its default alpha is 2.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert_eq!(SpikingJelly::atan(2.0)?.derivative(0.0), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn atan(alpha: f64) -> Result<Surrogate> {
        Surrogate::atan(alpha)
    }

    /// `surrogate.PiecewiseQuadratic(alpha)`: `alpha max(0, 1 - alpha |x|)`, a triangle; its default alpha is 1.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert_eq!(SpikingJelly::piecewise_quadratic(1.0)?.derivative(0.0), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn piecewise_quadratic(alpha: f64) -> Result<Surrogate> {
        Surrogate::triangle(inverse("PiecewiseQuadratic alpha", alpha)?)
    }

    /// `surrogate.Rect(alpha)`: `alpha` where `|x| < 1 / (2 alpha)`, else 0; its default alpha is 1.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// assert_eq!(SpikingJelly::rect(2.0)?.derivative(0.0), 2.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn rect(alpha: f64) -> Result<Surrogate> {
        Surrogate::rectangle(inverse("Rect alpha", alpha)?)
    }

    /// `surrogate.SuperSpike(alpha)`: `alpha / (1 + |x|)^2`. Alpha is a height, not the slope that it is elsewhere;
    /// its default is 1.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// let surrogate = SpikingJelly::super_spike(10.0)?;
    /// assert!((surrogate.derivative(1.0_f64) / surrogate.derivative(0.0_f64) - 0.25).abs() < 1e-15);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn super_spike(alpha: f64) -> Result<Surrogate> {
        with_peak(Surrogate::fast_sigmoid(1.0)?, "SuperSpike alpha", alpha)
    }

    /// The cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`] for a constant outside its domain, [`SnnError::Convention`] for `detach_reset`
    /// with `CUBALIFNode`.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    /// use resurge_snn::convention::SpikingJelly;
    ///
    /// let cell = SpikingJelly { detach_reset: true, ..SpikingJelly::lif() }.cell()?;
    /// assert_eq!(cell.reset_gradient(), ResetGradient::Detached);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        let gradient = if self.detach_reset { ResetGradient::Detached } else { ResetGradient::Full };
        let reset = match self.v_reset {
            None => Reset::SUBTRACT_THEN_DECAY,
            Some(0.0) => Reset::TO_ZERO,
            Some(v_reset) => Reset::to_value(v_reset),
        };
        let v_reset = self.v_reset.unwrap_or(0.0);
        let cell = Cell::integrate_and_fire(self.surrogate)
            .with_firing(Firing::AtOrAbove)
            .with_threshold(self.v_threshold)?
            .with_reset(reset)?
            .with_reset_gradient(gradient)
            .with_initial_potential(v_reset)?;
        match self.node {
            SpikingJellyNode::If => Ok(cell),
            SpikingJellyNode::Lif { tau, decay_input } => {
                leaky(cell, check("tau", tau, "at least 1 and finite", tau >= 1.0)?, decay_input, v_reset)
            }
            SpikingJellyNode::ParametricLif { init_tau: tau, decay_input } => {
                let tau = check("init_tau", tau, "greater than 1 and finite", tau > 1.0)?;
                leaky(cell, tau, decay_input, v_reset)
            }
            SpikingJellyNode::CubaLif { .. } if self.detach_reset => Err(SnnError::Convention {
                framework: "SpikingJelly",
                setting: "CUBALIFNode has no detach_reset",
                remedy: "put Cell::with_reset_gradient(ResetGradient::Detached) on its cell",
            }),
            SpikingJellyNode::CubaLif { c_decay, v_decay } => {
                cell.with_decay(v_decay)?.with_synapse(c_decay, 1.0)
            }
        }
    }

    pub(super) fn name(&self) -> String {
        let (node, decay_input) = match self.node {
            SpikingJellyNode::If => ("if", true),
            SpikingJellyNode::Lif { decay_input, .. } => ("lif", decay_input),
            SpikingJellyNode::ParametricLif { decay_input, .. } => ("plif", decay_input),
            SpikingJellyNode::CubaLif { .. } => ("cubalif", true),
        };
        joined(
            "spikingjelly",
            &[
                (true, node),
                (!decay_input, "no-decay-input"),
                (self.v_reset.is_none(), "soft"),
                (self.v_reset.is_some_and(|v| v != 0.0), "to-value"),
                (self.detach_reset, "detached"),
            ],
        )
    }

    pub(super) fn source(&self) -> &'static str {
        match self.node {
            SpikingJellyNode::If => "spikingjelly/_ops/if_/reference.py",
            SpikingJellyNode::Lif { .. } => "spikingjelly/_ops/lif/reference.py",
            SpikingJellyNode::ParametricLif { .. } => "spikingjelly/_ops/plif/reference.py",
            SpikingJellyNode::CubaLif { .. } => "spikingjelly/activation_based/functional/neuron.py",
        }
    }
}

/// The cell with a leak towards `v_reset`.
fn leaky(cell: Cell, tau: f64, decay_input: bool, v_reset: f64) -> Result<Cell> {
    let rate = 1.0 / tau;
    let gain = if decay_input { rate } else { 1.0 };
    cell.with_decay(1.0 - rate)?.with_input_gain(gain)?.with_drive(rate * v_reset)
}

pub(super) fn presets() -> Vec<SpikingJelly> {
    let node = |node| SpikingJelly { node, ..SpikingJelly::lif() };
    let nodes = [
        SpikingJelly::integrate_and_fire(),
        SpikingJelly::lif(),
        node(SpikingJellyNode::Lif { tau: 2.0, decay_input: false }),
        SpikingJelly::parametric_lif(),
        node(SpikingJellyNode::ParametricLif { init_tau: 2.0, decay_input: false }),
    ];
    let mut presets = Vec::new();
    for node in nodes {
        for v_reset in [Some(0.0), None, Some(-0.25)] {
            presets.extend([false, true].map(|detach_reset| SpikingJelly { v_reset, detach_reset, ..node }));
        }
    }
    presets.extend([Some(0.0), None].map(|v_reset| SpikingJelly { v_reset, ..SpikingJelly::cuba_lif() }));
    presets
}
