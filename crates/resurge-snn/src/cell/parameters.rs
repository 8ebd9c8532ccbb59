//! The constants of a cell as variables on a tape.

use super::Cell;
use crate::{ResetKind, Result};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Tensor};

/// The constants of a cell as variables: scalars, or anything that broadcasts to `[B, N]`, such as one value a
/// neuron, `[N]`.
///
/// [`Cell::parameters`] makes constants of the cell's own values. Put a leaf, or an expression of leaves, in
/// place of any of them to make it learnable. Fields that are `None` are not used by the cell; a field that is
/// `None` and set is used.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Cell, Surrogate};
/// use resurge_tensor::Tensor;
///
/// // The parametric LIF cell (Fang et al. 2021): lambda = 1 - sigmoid(w) with a learnable w.
/// let cell = Cell::lif(Surrogate::atan(2.0)?);
/// let mut tape = Tape::new();
/// let w = tape.leaf(Tensor::scalar(0.0));
/// let inverse_tau = tape.logistic(w)?;
/// let negative = tape.neg(inverse_tau)?;
/// let mut parameters = cell.parameters(&mut tape);
/// parameters.decay = tape.shift(negative, 1.0)?;
///
/// let current = tape.constant(Tensor::full([5, 1, 1], 0.4)?);
/// let run = cell.run_with(&mut tape, current, &parameters)?;
/// let gradients = tape.backward(run.potentials[4])?;
/// assert!(gradients.wrt(w)?.item() != Some(0.0));
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellParameters {
    /// The membrane decay `lambda`.
    pub decay: Var,
    /// The threshold `theta`.
    pub threshold: Var,
    /// The factor on the input.
    pub input_gain: Option<Var>,
    /// The constant added in each step.
    pub drive: Option<Var>,
    /// The potential before the first step.
    pub initial_potential: Option<Var>,
    /// The value of a reset to a value.
    pub v_reset: Option<Var>,
    /// The trace decay `beta_s`.
    pub trace_decay: Option<Var>,
    /// The decay of the synapse.
    pub synapse_decay: Option<Var>,
    /// The gain of the synapse.
    pub synapse_gain: Option<Var>,
    /// The decay of the threshold's adaptation.
    pub adaptation_decay: Option<Var>,
    /// The scale of the threshold's adaptation.
    pub adaptation_scale: Option<Var>,
    /// Recurrent weights `[N, N]`: the current gains `W_rec o[t-1]`.
    pub recurrent: Option<Var>,
    /// The least potential that a reset before the decay leaves: `u[t] = lambda max(R(u[t-1], o[t-1]), least) + ...`.
    pub min_potential: Option<Var>,
    /// Whether an adaptive threshold rises with spikes that have no gradient, as Norse's recurrent LSNN does.
    pub adaptation_detached: bool,
}

impl CellParameters {
    /// `max(m, min_potential)`, without a gradient below nor at the bound; `m` itself where there is none.
    ///
    /// # Errors
    /// Those of the tape, for variables that are not its own.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, Surrogate};
    /// use resurge_tensor::Tensor;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let mut parameters = Cell::lif(Surrogate::atan(2.0)?).parameters(&mut tape);
    /// let m = tape.leaf(Tensor::from_vec([3], vec![-2.0, -1.0, 0.5])?);
    /// assert_eq!(parameters.bounded(&mut tape, m)?, m);
    /// parameters.min_potential = Some(tape.constant(Tensor::scalar(-1.0)));
    /// let kept = parameters.bounded(&mut tape, m)?;
    /// assert_eq!(tape.value(kept)?.as_slice(), [-1.0, -1.0, 0.5]);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn bounded<S: Scalar>(&self, tape: &mut Tape<S>, m: Var) -> Result<Var> {
        let Some(least) = self.min_potential else { return Ok(m) };
        let above = tape.sub(m, least)?;
        let above = tape.relu(above)?;
        Ok(tape.add(above, least)?)
    }
}

impl Cell {
    /// The cell's constants on a tape.
    ///
    /// ```
    /// use resurge_autodiff::Tape;
    /// use resurge_snn::{Cell, Surrogate};
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let parameters = Cell::lif(Surrogate::sigmoid(0.2)?).with_decay(0.9)?.parameters(&mut tape);
    /// assert_eq!(tape.value(parameters.decay)?.item(), Some(0.9));
    /// assert_eq!(parameters.recurrent, None);
    /// # Ok::<(), resurge_snn::SnnError>(())
    /// ```
    pub fn parameters<S: Scalar>(&self, tape: &mut Tape<S>) -> CellParameters {
        let mut constant = |x: f64| tape.constant(Tensor::scalar(S::from_f64(x)));
        let v_reset = match self.reset.kind {
            ResetKind::ToValue(v) | ResetKind::ToZeroThenAdd(v) => Some(v),
            _ => None,
        };
        CellParameters {
            decay: constant(self.decay),
            threshold: constant(self.threshold),
            input_gain: (self.input_gain != 1.0).then(|| constant(self.input_gain)),
            drive: (self.drive != 0.0).then(|| constant(self.drive)),
            initial_potential: (self.initial_potential != 0.0).then(|| constant(self.initial_potential)),
            v_reset: v_reset.map(&mut constant),
            trace_decay: (self.trace_decay != 0.0).then(|| constant(self.trace_decay)),
            synapse_decay: self.synapse.map(|s| constant(s.decay)),
            synapse_gain: self.synapse.filter(|s| s.gain != 1.0).map(|s| constant(s.gain)),
            adaptation_decay: self.adaptation.map(|a| constant(a.decay)),
            adaptation_scale: self.adaptation.map(|a| constant(a.scale)),
            recurrent: None,
            min_potential: None,
            adaptation_detached: false,
        }
    }
}

/// `1 - x`.
pub(super) fn one_minus<S: Scalar>(tape: &mut Tape<S>, x: Var) -> Result<Var> {
    let negative = tape.neg(x)?;
    Ok(tape.shift(negative, 1.0)?)
}
