//! Norse: the steps of its functional interface, and the modules built on them.

use super::{joined, with_peak};
use crate::error::check;
use crate::{Cell, Reset, ResetGradient, Result, Surrogate, SurrogateKind, SurrogateScale};
use std::f64::consts::FRAC_2_SQRT_PI;

/// The steps of Norse 1.1.0.
///
/// ```text
/// lif_feed_forward_step        i[t] = (1 - dt tau_syn_inv) i[t-1] + J[t]
///   (LIFCell, LIF)             u[t] = m[t-1] + dt tau_mem_inv (v_leak - m[t-1] + i[t])
///                              m[t] = (1 - o[t]) u[t] + o[t] v_reset                      ATTACHED
/// lif_step                     the same, J[t] = W x[t] + R o[t-1]                         DETACHED
///   (LIFRecurrentCell)         (the spike in R o[t-1] is attached)
/// lif_box_feed_forward_step    u[t] = m[t-1] + dt tau_mem_inv (J[t] + v_leak - m[t-1])    ATTACHED
///   (LIFBoxCell)               m as above, or u[t] - o[t] v_th with reset_subtract
/// iaf_feed_forward_step        u[t] = m[t-1] + J[t],  m as above                          ATTACHED
///   (IAFCell)
/// ```
///
/// Fires where the potential is *greater* than the threshold. Whether the reset is attached depends on the step
/// and has no switch: of two cells that compute the same spikes, the feed-forward one differentiates the reset
/// and the recurrent one does not. `u[-1]` is `v_leak`, for the integrate-and-fire cell `v_reset`. Recurrent
/// weights go into [`CellParameters::recurrent`](crate::CellParameters::recurrent). The default surrogate is
/// [`super`](Self::superspike).
///
/// Read in `norse/torch/functional/{lif,lif_box,iaf,reset,threshold}.py`.
///
/// ```
/// use resurge_snn::ResetGradient;
/// use resurge_snn::convention::Norse;
///
/// // norse.LIFCell() and norse.LIFRecurrentCell(...): tau_mem 10 ms, tau_syn 5 ms, dt 1 ms
/// let (forward, recurrent) = (Norse::lif_feed_forward().cell()?, Norse::lif_step().cell()?);
/// assert_eq!((forward.decay(), forward.input_gain()), (0.9, 0.1));
/// assert_eq!(forward.with_reset_gradient(ResetGradient::Detached), recurrent);
///
/// // norse.LIFBoxCell(LIFBoxParameters(tau_mem_inv=250., method="tanh", alpha=2.))
/// let boxed = Norse { tau_mem_inv: 250.0, surrogate: Norse::tanh(2.0)?, ..Norse::lif_box() }.cell()?;
/// assert_eq!((boxed.decay(), boxed.synapse()), (0.75, None));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norse {
    /// The step function.
    pub step: NorseStep,
    /// The length of a time step.
    pub dt: f64,
    /// The inverse time constant of the membrane; not used by the integrate-and-fire cell.
    pub tau_mem_inv: f64,
    /// The inverse time constant of the synapse; used by `lif_step` and `lif_feed_forward_step`.
    pub tau_syn_inv: f64,
    /// The potential that the membrane leaks to; not used by the integrate-and-fire cell.
    pub v_leak: f64,
    /// The threshold.
    pub v_th: f64,
    /// The value of the reset; not used with `reset_subtract`.
    pub v_reset: f64,
    /// `method` and `alpha`.
    pub surrogate: Surrogate,
}

/// A step function of Norse.
///
/// ```
/// use resurge_snn::Reset;
/// use resurge_snn::convention::{Norse, NorseStep};
///
/// let reset_subtract = true;
/// let cell = Norse { step: NorseStep::LifBox { reset_subtract }, ..Norse::lif_box() }.cell()?;
/// assert_eq!(cell.reset(), Reset::SUBTRACT_THEN_DECAY);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NorseStep {
    /// `lif_step`.
    Lif,
    /// `lif_feed_forward_step`.
    LifFeedForward,
    /// `lif_box_feed_forward_step`.
    LifBox {
        /// Whether `reset_method` is `reset_subtract`, not `reset_value`.
        reset_subtract: bool,
    },
    /// `iaf_feed_forward_step`.
    Iaf,
}

impl Norse {
    /// The version that was read and run.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// assert_eq!(Norse::VERSION, "1.1.0");
    /// ```
    pub const VERSION: &'static str = "1.1.0";

    /// `lif_feed_forward_step` with the default `LIFParameters`.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    /// use resurge_snn::convention::Norse;
    ///
    /// assert_eq!(Norse::lif_feed_forward().cell()?.reset_gradient(), ResetGradient::Full);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn lif_feed_forward() -> Self {
        Self {
            step: NorseStep::LifFeedForward,
            dt: 0.001,
            tau_mem_inv: 100.0,
            tau_syn_inv: 200.0,
            v_leak: 0.0,
            v_th: 1.0,
            v_reset: 0.0,
            surrogate: Self::superspike(),
        }
    }

    /// `lif_step` with the default `LIFParameters`.
    ///
    /// ```
    /// use resurge_snn::ResetGradient;
    /// use resurge_snn::convention::Norse;
    ///
    /// assert_eq!(Norse::lif_step().cell()?.reset_gradient(), ResetGradient::Detached);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn lif_step() -> Self {
        Self { step: NorseStep::Lif, ..Self::lif_feed_forward() }
    }

    /// `lif_box_feed_forward_step` with the default `LIFBoxParameters`.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// assert_eq!(Norse::lif_box().cell()?.synapse(), None);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn lif_box() -> Self {
        Self { step: NorseStep::LifBox { reset_subtract: false }, ..Self::lif_feed_forward() }
    }

    /// `iaf_feed_forward_step` with the default `IAFParameters`.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// assert_eq!(Norse::iaf().cell()?.decay(), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn iaf() -> Self {
        Self { step: NorseStep::Iaf, ..Self::lif_feed_forward() }
    }

    /// `method="super"`: `1 / (1 + |x|)^2`. Its backward pass in 1.1.0 does not use alpha, whose default of 100
    /// looks like a slope.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// assert_eq!(Norse::superspike().derivative(1.0), 0.25); // 1 / (1 + 1)^2
    /// ```
    pub fn superspike() -> Surrogate {
        Surrogate::new(SurrogateKind::FastSigmoid { slope: 1.0 }, SurrogateScale::PeakOne)
    }

    /// `method="tanh"`: `1 - tanh(alpha x)^2`.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// assert_eq!(Norse::tanh(2.0)?.derivative(0.0), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn tanh(alpha: f64) -> Result<Surrogate> {
        Surrogate::tanh(alpha)
    }

    /// `method="circ"`: `alpha^3 / (alpha^2 + x^2)^(3/2)`; here alpha is a width.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// let circ = Norse::circ(2.0)?;
    /// assert!((circ.derivative(2.0_f64) / circ.derivative(0.0_f64) - 0.125_f64.sqrt()).abs() < 1e-15);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn circ(alpha: f64) -> Result<Surrogate> {
        Surrogate::algebraic(alpha)
    }

    /// `method="heavi_erfc"`: `(2 / sqrt pi) exp(-(alpha x)^2)`, without the factor alpha of the error function's
    /// derivative.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// assert!((Norse::heavi_erfc(3.0)?.derivative(0.0_f64) - 2.0 / std::f64::consts::PI.sqrt()).abs() < 1e-15);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn heavi_erfc(alpha: f64) -> Result<Surrogate> {
        Ok(Surrogate::erf(alpha)?.with_scale(SurrogateScale::Peak(FRAC_2_SQRT_PI)))
    }

    /// `method="triangle"`: `alpha max(0, 1 - |x|)`; here alpha is a height.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// let triangle = Norse::triangle(0.5)?;
    /// assert!(triangle.derivative(0.0) > 0.0 && triangle.derivative(9.0) == 0.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn triangle(alpha: f64) -> Result<Surrogate> {
        with_peak(Surrogate::triangle(1.0)?, "triangle alpha", alpha)
    }

    /// The cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) for a constant outside its domain; a threshold must be
    /// positive, so shift biological potentials (-50 mV) by the leak.
    ///
    /// ```
    /// use resurge_snn::convention::Norse;
    ///
    /// assert_eq!(Norse { v_th: 0.5, ..Norse::iaf() }.cell()?.threshold(), 0.5);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        let subtract = matches!(self.step, NorseStep::LifBox { reset_subtract: true });
        let reset = match self.v_reset {
            _ if subtract => Reset::SUBTRACT_THEN_DECAY,
            0.0 => Reset::TO_ZERO,
            v_reset => Reset::to_value(v_reset),
        };
        let cell = Cell::integrate_and_fire(self.surrogate).with_threshold(self.v_th)?.with_reset(reset)?;
        if self.step == NorseStep::Iaf {
            return cell.with_initial_potential(self.v_reset);
        }
        let rate = self.dt * self.tau_mem_inv;
        let rate = check("dt tau_mem_inv", rate, "between 0 and 1", (0.0..=1.0).contains(&rate))?;
        let cell = cell
            .with_decay(1.0 - rate)?
            .with_input_gain(rate)?
            .with_drive(rate * self.v_leak)?
            .with_initial_potential(self.v_leak)?;
        let filtered = || cell.with_synapse(1.0 - self.dt * self.tau_syn_inv, 1.0);
        match self.step {
            NorseStep::Lif => Ok(filtered()?.with_reset_gradient(ResetGradient::Detached)),
            NorseStep::LifFeedForward => filtered(),
            NorseStep::LifBox { .. } | NorseStep::Iaf => Ok(cell),
        }
    }

    pub(super) fn name(&self) -> String {
        let step = match self.step {
            NorseStep::Lif => "lif-step",
            NorseStep::LifFeedForward => "lif-feed-forward",
            NorseStep::LifBox { .. } => "lif-box",
            NorseStep::Iaf => "iaf",
        };
        let subtract = self.step == NorseStep::LifBox { reset_subtract: true };
        joined("norse", &[(true, step), (subtract, "subtract")])
    }

    pub(super) fn source(&self) -> &'static str {
        match self.step {
            NorseStep::Lif | NorseStep::LifFeedForward => "norse/torch/functional/lif.py",
            NorseStep::LifBox { .. } => "norse/torch/functional/lif_box.py",
            NorseStep::Iaf => "norse/torch/functional/iaf.py",
        }
    }
}

pub(super) fn presets() -> Vec<Norse> {
    let subtract = Norse { step: NorseStep::LifBox { reset_subtract: true }, ..Norse::lif_box() };
    vec![Norse::lif_feed_forward(), Norse::lif_step(), Norse::lif_box(), subtract, Norse::iaf()]
}
