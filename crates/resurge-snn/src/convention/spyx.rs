//! Spyx: IF, LIF, CuBaLIF and ALIF.

use super::{inverse, joined, with_peak};
use crate::{Cell, Reset, Result, Surrogate, SurrogateKind, SurrogateScale};
use std::f64::consts::FRAC_1_PI;

/// The neurons of Spyx 1.0.0.
///
/// ```text
/// LIF       y[t] = 1[V[t-1] > threshold]
///           V[t] = beta V[t-1] + J[t] - threshold y[t]             IF: beta = 1
/// CuBaLIF   y[t] as above,  i[t] = alpha i[t-1] + J[t]
///           V[t] = beta (V[t-1] - threshold y[t]) + i[t]
/// ALIF      y[t] = 1[V[t-1] > thr[t-1]],  thr[t] = threshold + T[t]
///           V[t] = beta V[t-1] + J[t] - thr[t-1] y[t]
///           T[t] = gamma T[t-1] + (1 - gamma) y[t]
/// ```
///
/// What a layer hands on in step `t` is the spike of the potential that step `t - 1` left: every layer answers
/// one step late ([`Cell::with_output_delay`]). In Resurge's terms `u[t] = V[t]` and `o[t] = y[t+1]`.
///
/// Fires where the potential is *greater* than the threshold. Everything is *attached*, the adapted threshold
/// in the spike included. `LIF` decays, then subtracts; `CuBaLIF` subtracts, then decays. The default surrogate
/// is [`superspike(25)`](Self::superspike). The decays have no default: Spyx draws and learns them.
///
/// Read in `spyx/nn.py` and `spyx/axn.py`.
///
/// ```
/// use resurge_snn::Reset;
/// use resurge_snn::convention::Spyx;
///
/// // nn.LIF((64,), beta=0.8, activation=axn.arctan(), rngs=...)
/// let lif = Spyx { activation: Spyx::arctan(2.0)?, ..Spyx::lif(0.8) }.cell()?;
/// assert_eq!((lif.reset(), lif.output_delay()), (Reset::SUBTRACT, true));
///
/// // nn.CuBaLIF((64,), alpha=0.6, beta=0.8, rngs=...)
/// assert_eq!(Spyx::cuba_lif(0.6, 0.8).cell()?.reset(), Reset::SUBTRACT_THEN_DECAY);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spyx {
    /// The class and its decays.
    pub neuron: SpyxNeuron,
    /// The threshold.
    pub threshold: f64,
    /// The surrogate.
    pub activation: Surrogate,
}

/// A class of Spyx with its decays per step.
///
/// ```
/// use resurge_snn::convention::{Spyx, SpyxNeuron};
///
/// let cell = Spyx { neuron: SpyxNeuron::Lif { beta: 0.9 }, ..Spyx::integrate_and_fire() }.cell()?;
/// assert_eq!(cell.decay(), 0.9);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SpyxNeuron {
    /// `IF`.
    If,
    /// `LIF`.
    Lif {
        /// The decay of the potential.
        beta: f64,
    },
    /// `CuBaLIF`.
    CubaLif {
        /// The decay of the current.
        alpha: f64,
        /// The decay of the potential.
        beta: f64,
    },
    /// `ALIF`.
    Alif {
        /// The decay of the potential.
        beta: f64,
        /// The decay of the threshold's adaptation.
        gamma: f64,
    },
}

impl Spyx {
    /// The version that was read and run.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert_eq!(Spyx::VERSION, "1.0.0");
    /// ```
    pub const VERSION: &'static str = "1.0.0";

    /// `IF()`.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert_eq!(Spyx::integrate_and_fire().cell()?.decay(), 1.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn integrate_and_fire() -> Self {
        let kind = SurrogateKind::FastSigmoid { slope: 25.0 };
        let activation = Surrogate::new(kind, SurrogateScale::PeakOne);
        Self { neuron: SpyxNeuron::If, threshold: 1.0, activation }
    }

    /// `LIF(beta=beta)`.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert_eq!(Spyx::lif(0.9).cell()?.decay(), 0.9);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn lif(beta: f64) -> Self {
        Self { neuron: SpyxNeuron::Lif { beta }, ..Self::integrate_and_fire() }
    }

    /// `CuBaLIF(alpha=alpha, beta=beta)`.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert!(Spyx::cuba_lif(0.8, 0.9).cell()?.synapse().is_some());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cuba_lif(alpha: f64, beta: f64) -> Self {
        Self { neuron: SpyxNeuron::CubaLif { alpha, beta }, ..Self::integrate_and_fire() }
    }

    /// `ALIF(beta=beta, gamma=gamma)`.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert!(Spyx::alif(0.9, 0.8).cell()?.adaptation().is_some());
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn alif(beta: f64, gamma: f64) -> Self {
        Self { neuron: SpyxNeuron::Alif { beta, gamma }, ..Self::integrate_and_fire() }
    }

    /// `axn.superspike(k)`: `1 / (1 + k |x|)^2`; its default k is 25.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless k is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// let surrogate = Spyx::superspike(25.0)?;
    /// assert!((surrogate.derivative(0.04_f64) / surrogate.derivative(0.0_f64) - 0.25).abs() < 1e-15);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn superspike(k: f64) -> Result<Surrogate> {
        Surrogate::fast_sigmoid(k)
    }

    /// `axn.arctan(k)`: `1 / (pi (1 + (pi k x)^2))`, twice as narrow as the `atan(k)` of others, and of peak
    /// `1/pi`; its default k is 2.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless k is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert!(Spyx::arctan(2.0)?.derivative(0.0) > Spyx::arctan(2.0)?.derivative(1.0));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn arctan(k: f64) -> Result<Surrogate> {
        Ok(Surrogate::atan(2.0 * k)?.with_scale(SurrogateScale::Peak(FRAC_1_PI)))
    }

    /// `axn.tanh(k)`: `1 - tanh(k x)^2`; its default k is 1.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless k is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert!(Spyx::tanh(1.0)?.derivative(0.0) > Spyx::tanh(1.0)?.derivative(1.0));
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn tanh(k: f64) -> Result<Surrogate> {
        Surrogate::tanh(k)
    }

    /// `axn.triangular(k)`: `max(0, 1 - k |x|)`; its default k is 2.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless k is positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert!(Spyx::triangular(2.0)?.derivative(0.0) > 0.0);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn triangular(k: f64) -> Result<Surrogate> {
        Ok(Surrogate::triangle(inverse("triangular k", k)?)?.with_scale(SurrogateScale::PeakOne))
    }

    /// `axn.boxcar(width, height)`: `height` where `|x| < width/2`, else 0; its defaults are 2 and 0.5.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) unless both are positive and finite.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert_eq!(Spyx::boxcar(2.0, 0.5)?.derivative(0.0), 0.5);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn boxcar(width: f64, height: f64) -> Result<Surrogate> {
        with_peak(Surrogate::rectangle(width)?, "boxcar height", height)
    }

    /// The cell.
    ///
    /// # Errors
    /// [`SnnError::Parameter`](crate::SnnError::Parameter) for a constant outside its domain.
    ///
    /// ```
    /// use resurge_snn::convention::Spyx;
    ///
    /// assert_eq!(Spyx { threshold: 0.5, ..Spyx::lif(0.9) }.cell()?.threshold(), 0.5);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        let cell = Cell::integrate_and_fire(self.activation)
            .with_threshold(self.threshold)?
            .with_reset(Reset::SUBTRACT)?
            .with_output_delay(true);
        match self.neuron {
            SpyxNeuron::If => Ok(cell),
            SpyxNeuron::Lif { beta } => cell.with_decay(beta),
            SpyxNeuron::CubaLif { alpha, beta } => {
                cell.with_decay(beta)?.with_synapse(alpha, 1.0)?.with_reset(Reset::SUBTRACT_THEN_DECAY)
            }
            SpyxNeuron::Alif { beta, gamma } => cell.with_decay(beta)?.with_adaptation(gamma, 1.0),
        }
    }

    pub(super) fn name(&self) -> String {
        let neuron = match self.neuron {
            SpyxNeuron::If => "if",
            SpyxNeuron::Lif { .. } => "lif",
            SpyxNeuron::CubaLif { .. } => "cubalif",
            SpyxNeuron::Alif { .. } => "alif",
        };
        joined("spyx", &[(true, neuron)])
    }

    pub(super) fn source(&self) -> &'static str {
        "spyx/nn.py"
    }
}

pub(super) fn presets() -> Vec<Spyx> {
    vec![Spyx::integrate_and_fire(), Spyx::lif(0.8), Spyx::cuba_lif(0.7, 0.8), Spyx::alif(0.8, 0.7)]
}
