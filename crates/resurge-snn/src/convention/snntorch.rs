//! snnTorch: Leaky and Synaptic.

use super::{inverse, joined};
use crate::{Cell, Reset, ResetGradient, Result, Surrogate, SurrogateKind, SurrogateScale};

/// The neurons `Leaky` and `Synaptic` of snnTorch 1.0.0.
///
/// ```text
/// Leaky     subtract   u[t] = beta u[t-1] - threshold o[t-1] + J[t]                      o detached
///           zero       u[t] = beta u[t-1] (1 - o[t-1]) + J[t]                            o detached
///           none       u[t] = beta u[t-1] + J[t]
/// Synaptic             s[t] = alpha s[t-1] + J[t], never reset
///           subtract   u[t] = beta u[t-1] + s[t] - threshold o[t-1]                      o detached
///           zero       u[t] = (1 - o[t-1]) (beta u[t-1] + s[t]): the input is gated      o detached
/// both, reset_delay=False
///           subtract   u[t] = beta m[t-1] - threshold R[t] + J[t], R[t] = 1[m[t-1] > threshold] detached
///                      m[t] = u[t] - threshold (o[t] - R[t])                             o ATTACHED
///           zero       u[t] = beta m[t-1] + J[t], m[t] = (1 - o[t]) u[t]                 o ATTACHED
/// ```
///
/// Fires where the potential is *greater* than the threshold. The reset is *detached* by default and there is no
/// switch for it, but `reset_delay=False` *attaches* it, besides moving it into the step of the spike. The
/// threshold that is subtracted is attached in either case. A spike is handed on in its own step: the delay is
/// that of the reset. The default surrogate is [`atan(2)`](Self::atan).
///
/// Read in `snntorch/_neurons/leaky.py` and `snntorch/_neurons/synaptic.py`.
///
/// ```
/// use resurge_snn::convention::{SnnTorch, SnnTorchReset};
/// use resurge_snn::{Reset, ResetGradient};
///
/// // snn.Leaky(beta=0.9)
/// let leaky = SnnTorch::leaky(0.9).cell()?;
/// assert_eq!((leaky.reset(), leaky.reset_gradient()), (Reset::SUBTRACT, ResetGradient::Detached));
///
/// // snn.Leaky(beta=0.9, reset_mechanism="zero", reset_delay=False)
/// let immediate = SnnTorch { reset: SnnTorchReset::Zero, reset_delay: false, ..SnnTorch::leaky(0.9) };
/// assert_eq!(immediate.cell()?.reset_gradient(), ResetGradient::Full);
///
/// // snn.Synaptic(alpha=0.8, beta=0.9, reset_mechanism="zero", spike_grad=surrogate.fast_sigmoid(slope=25))
/// let reset = SnnTorchReset::Zero;
/// let surrogate = SnnTorch::fast_sigmoid(25.0)?;
/// let synaptic = SnnTorch { reset, surrogate, ..SnnTorch::synaptic(0.8, 0.9) }.cell()?;
/// assert_eq!(synaptic.reset(), Reset::GATED_INPUT);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SnnTorch {
    /// The decay of the synaptic current: `Some` for `Synaptic`, `None` for `Leaky`.
    pub alpha: Option<f64>,
    /// The decay of the potential.
    pub beta: f64,
    /// The threshold.
    pub threshold: f64,
    /// `reset_mechanism`.
    pub reset: SnnTorchReset,
    /// Whether the reset acts one step late.
    pub reset_delay: bool,
    /// `spike_grad`.
    pub surrogate: Surrogate,
}

/// snnTorch's `reset_mechanism`.
///
/// ```
/// use resurge_snn::Reset;
/// use resurge_snn::convention::{SnnTorch, SnnTorchReset};
///
/// let cell = SnnTorch { reset: SnnTorchReset::Zero, ..SnnTorch::leaky(0.9) }.cell()?;
/// assert_eq!(cell.reset(), Reset::TO_ZERO);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SnnTorchReset {
    /// `"subtract"`, the default.
    #[default]
    Subtract,
    /// `"zero"`.
    Zero,
    /// `"none"`.
    None,
}

impl SnnTorch {
    /// The version that was read and run.
    ///
    /// ```
    /// use resurge_snn::convention::SnnTorch;
    ///
    /// assert_eq!(SnnTorch::VERSION, "1.0.0");
    /// ```
    pub const VERSION: &'static str = "1.0.0";

    /// `Leaky(beta)`.
    ///
    /// ```
    /// use resurge_snn::convention::SnnTorch;
    ///
    /// assert_eq!(SnnTorch::leaky(0.9).cell()?.decay(), 0.9);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn leaky(beta: f64) -> Self {
        let surrogate = Surrogate::new(SurrogateKind::Atan { slope: 2.0 }, SurrogateScale::UnitArea);
        let reset = SnnTorchReset::Subtract;
        Self { alpha: None, beta, threshold: 1.0, reset, reset_delay: true, surrogate }
    }

    /// `Synaptic(alpha, beta)`.
    ///
    /// ```
    /// use resurge_snn::convention::SnnTorch;
    ///
    /// assert!(SnnTorch::synaptic(0.8, 0.9).cell()?.synapse().is_some());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn synaptic(alpha: f64, beta: f64) -> Self {
        Self { alpha: Some(alpha), ..Self::leaky(beta) }
    }

    /// `surrogate.atan(alpha)`: `(alpha/2) / (1 + (pi alpha x / 2)^2)`. Its documentation has another factor.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless alpha is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::SnnTorch;
    ///
    /// assert_eq!(SnnTorch::atan(2.0)?.derivative(0.0), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn atan(alpha: f64) -> Result<Surrogate> {
        Surrogate::atan(alpha)
    }

    /// `surrogate.fast_sigmoid(slope)`: `1 / (1 + slope |x|)^2`; its default slope is 25.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::SnnTorch;
    ///
    /// assert_eq!(SnnTorch::fast_sigmoid(25.0)?.derivative(0.04), 0.25);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn fast_sigmoid(slope: f64) -> Result<Surrogate> {
        Surrogate::fast_sigmoid(slope)
    }

    /// `surrogate.sigmoid(slope)`: `slope s (1 - s)` with `s = sigmoid(slope x)`; its default slope is 25.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless the slope is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::SnnTorch;
    ///
    /// assert!((SnnTorch::sigmoid(25.0)?.derivative(0.0_f64) - 25.0 / 4.0).abs() < 1e-12);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn sigmoid(slope: f64) -> Result<Surrogate> {
        Surrogate::sigmoid(inverse("sigmoid slope", slope)?)
    }

    /// The cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) for a constant outside its domain.
    ///
    /// ```
    /// use resurge_snn::Reset;
    /// use resurge_snn::convention::SnnTorch;
    ///
    /// let immediate = SnnTorch { reset_delay: false, ..SnnTorch::leaky(0.9) }.cell()?;
    /// assert_eq!(immediate.reset(), Reset::SUBTRACT_THEN_DECAY);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        let gradient = if self.reset_delay { ResetGradient::Detached } else { ResetGradient::Full };
        let residual = !self.reset_delay && self.reset == SnnTorchReset::Subtract;
        let cell = Cell::integrate_and_fire(self.surrogate)
            .with_decay(self.beta)?
            .with_threshold(self.threshold)?
            .with_reset(self.cell_reset())?
            .with_reset_gradient(gradient)
            .with_residual_reset(residual);
        match self.alpha {
            Some(alpha) => cell.with_synapse(alpha, 1.0),
            None => Ok(cell),
        }
    }

    fn cell_reset(&self) -> Reset {
        match (self.reset, self.reset_delay) {
            (SnnTorchReset::None, _) => Reset::NONE,
            (SnnTorchReset::Subtract, true) => Reset::SUBTRACT,
            (SnnTorchReset::Subtract, false) => Reset::SUBTRACT_THEN_DECAY,
            (SnnTorchReset::Zero, true) if self.alpha.is_some() => Reset::GATED_INPUT,
            (SnnTorchReset::Zero, _) => Reset::TO_ZERO,
        }
    }

    pub(super) fn name(&self) -> String {
        let neuron = if self.alpha.is_some() { "snntorch-synaptic" } else { "snntorch-leaky" };
        joined(
            neuron,
            &[
                (self.reset == SnnTorchReset::Zero, "zero"),
                (self.reset == SnnTorchReset::None, "none"),
                (!self.reset_delay, "nodelay"),
            ],
        )
    }

    pub(super) fn source(&self) -> &'static str {
        match self.alpha {
            Some(_) => "snntorch/_neurons/synaptic.py",
            None => "snntorch/_neurons/leaky.py",
        }
    }
}

pub(super) fn presets() -> Vec<SnnTorch> {
    let mut presets = Vec::new();
    for neuron in [SnnTorch::leaky(0.9), SnnTorch::synaptic(0.8, 0.9)] {
        for reset in [SnnTorchReset::Subtract, SnnTorchReset::Zero] {
            presets.extend([true, false].map(|reset_delay| SnnTorch { reset, reset_delay, ..neuron }));
        }
        presets.push(SnnTorch { reset: SnnTorchReset::None, ..neuron });
    }
    presets
}
