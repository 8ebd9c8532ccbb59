//! Temporal Jacobians of a cell, and how their products grow.

use super::DiagnoseError;
use resurge_autodiff::Tape;
use resurge_snn::Cell;
use resurge_tensor::{Scalar, Tensor};
use serde::{Deserialize, Serialize};

/// `J[t] = du[t+1] / du[t]`, `t = 0 .. T-2`, of each neuron at a run with potentials `u` `[T, ...]` and input currents
/// `[T, ...]`: `[T-1, ...]`. It is what a cotangent of the potential is multiplied with on its way through one step,
/// under the cell's own reset gradient: for equation (1) `lambda (1 - o[t])`, and with the reset term
/// `lambda ((1 - o[t]) - u[t] sigma'(u[t] - theta))`, equations (5) and (6).
///
/// It is taken from the cell itself, by back-propagation through two steps of [`Cell::run`] that start at `u[t]`, so it
/// holds for every reset and no formula is written twice.
///
/// # Errors
/// [`DiagnoseError::Cell`] for a cell with a synapse, an adaptation, a refractory period or a residual reset, whose next
/// potential depends on more than the last; a shape error where the shapes differ or have no axis of time.
///
/// ```
/// use resurge_experiments::diagnose::temporal_jacobians;
/// use resurge_snn::{Cell, ResetGradient, Surrogate};
/// use resurge_tensor::Tensor;
///
/// let cell = Cell::lif(Surrogate::rectangle(1.0)?); // slope 1 within 0.5 of the threshold, decay 0.8
/// let (u, current) = (Tensor::from_vec([2, 1], vec![1.25, 0.0])?, Tensor::full([2, 1], 0.1)?);
/// let full = temporal_jacobians(&cell, &u, &current)?;
/// assert_eq!(full.as_slice(), &[0.8 * -1.25]); // a spike: 1 - o is 0, the term is left
/// let detached = cell.with_reset_gradient(ResetGradient::Detached);
/// assert_eq!(temporal_jacobians(&detached, &u, &current)?.as_slice(), &[0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn temporal_jacobians<S: Scalar>(
    cell: &Cell,
    potentials: &Tensor<S>,
    current: &Tensor<S>,
) -> Result<Tensor<S>, DiagnoseError> {
    let more = [
        (cell.synapse().is_some(), "a synapse"),
        (cell.adaptation().is_some(), "an adaptive threshold"),
        (cell.refractory_steps() > 0, "a refractory period"),
        (cell.residual_reset(), "a residual reset"),
    ];
    if let Some(&(_, option)) = more.iter().find(|(has, _)| *has) {
        return Err(DiagnoseError::Cell { option });
    }
    let (gain, drive) = (S::from_f64(cell.input_gain()), S::from_f64(cell.drive()));
    // Also makes sure that the shapes agree.
    let driven = potentials.zip_map(current, "temporal_jacobians", |_, x| x * gain + drive)?;
    let mut shape = potentials.shape().to_vec();
    let Some(steps) = shape.first_mut() else {
        let shape = potentials.shape().clone();
        return Err(resurge_snn::SnnError::Sequence { what: "temporal_jacobians", shape }.into());
    };
    let row = potentials.len() / (*steps).max(1);
    *steps = steps.saturating_sub(1);
    let pairs = *steps * row;
    // The first step's potential is its current, so that a current of u[t] starts the cell there.
    let probe = cell.with_input_gain(1.0)?.with_drive(0.0)?.with_initial_potential(0.0)?;
    let before = potentials.as_slice().iter().take(pairs);
    let after = driven.as_slice().iter().skip(row).take(pairs);
    let start = Tensor::from_vec([2, pairs], before.chain(after).copied().collect())?;
    let mut tape = Tape::new();
    let start = tape.leaf(start);
    let run = probe.run(&mut tape, start)?;
    let next = run.potentials.last().copied().unwrap_or(start);
    let gradients = tape.vjp(next, Tensor::full([pairs], S::one())?)?;
    let jacobians = gradients.wrt(start)?.as_slice().iter().take(pairs).copied().collect();
    Ok(Tensor::from_vec(shape.as_slice(), jacobians)?)
}

/// The levels of [`Growth::quantiles`].
///
/// ```
/// use resurge_experiments::diagnose::{Growth, QUANTILES};
/// use resurge_tensor::Tensor;
///
/// // One step of a hundred neurons whose Jacobians are e^1 to e^100.
/// let growth = Growth::of(&Tensor::from_fn([1, 100], |i| f64::exp((i + 1) as f64))?);
/// for (level, exponent) in QUANTILES.into_iter().zip(growth.quantiles) {
///     assert!(exponent.is_some_and(|exponent| (exponent - 100.0 * level).abs() < 1e-9));
/// }
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// How products of temporal Jacobians grow: of each neuron `P[k] = J[k-1] ... J[0]`, and its exponent, after Lyapunov,
/// `ln |P[T-1]| / (T-1)`: the logarithm of the geometric mean of `|J|`.
///
/// A product is exactly 0 as soon as one `J` is, as `1 - o` is at every spike under a detached reset to zero. Such
/// neurons are counted and have no exponent.
///
/// ```
/// use resurge_experiments::diagnose::Growth;
/// use resurge_tensor::Tensor;
///
/// // Three steps of two neurons: one halves, the other is cut.
/// let growth = Growth::of(&Tensor::from_vec([3, 2], vec![0.5, 4.0, -0.5, 0.0, 0.5, 4.0])?);
/// assert_eq!((growth.cut, growth.mean), (0.5, Some(0.5_f64.ln())));
/// assert_eq!(growth.along[0], (0.5 * (0.5_f64.powi(2) + 4.0_f64.powi(2))).sqrt());
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// Share of the `J` that are 0.
    pub cut_steps: f64,
    /// Share of the neurons whose product is 0.
    pub cut: f64,
    /// The mean exponent of the others, per step; none if there are none.
    pub mean: Option<f64>,
    /// [`QUANTILES`] of the exponent over all neurons, nearest rank. None where it is a neuron that is cut; those rank
    /// below all others.
    pub quantiles: [Option<f64>; 5],
    /// `sqrt(mean P[k]^2)` over all neurons, `k = 1 .. T-1`.
    pub along: Vec<f64>,
}

impl Growth {
    /// The growth of Jacobians `[T-1, ...]`.
    ///
    /// ```
    /// use resurge_experiments::diagnose::Growth;
    /// use resurge_tensor::Tensor;
    ///
    /// let doubled = Growth::of(&Tensor::full([4, 1], 2.0)?);
    /// assert_eq!((doubled.mean, &doubled.along[..]), (Some(2f64.ln()), &[2.0, 4.0, 8.0, 16.0][..]));
    /// # Ok::<(), resurge_tensor::TensorError>(())
    /// ```
    pub fn of(jacobians: &Tensor<f64>) -> Self {
        GrowthSums::of(jacobians).growth()
    }
}

/// What a growth is made of, of some samples.
#[derive(Debug, Clone, Default)]
pub(super) struct GrowthSums {
    jacobians: usize,
    cut_steps: usize,
    /// Of each neuron; minus infinity where it is cut.
    exponents: Vec<f64>,
    squares: Vec<f64>,
}

impl GrowthSums {
    pub(super) fn of(jacobians: &Tensor<f64>) -> Self {
        let steps = jacobians.shape().first().copied().unwrap_or(0);
        if steps == 0 {
            return Self::default();
        }
        let neurons = jacobians.len() / steps;
        let (mut products, mut logs) = (vec![1.0; neurons], vec![0.0; neurons]);
        let mut squares = Vec::with_capacity(steps);
        let mut cut_steps = 0;
        for row in jacobians.as_slice().chunks_exact(neurons.max(1)) {
            let mut sum = 0.0;
            for ((product, log), &j) in products.iter_mut().zip(&mut logs).zip(row) {
                *product *= j;
                *log += j.abs().ln();
                sum += *product * *product;
                cut_steps += usize::from(j == 0.0);
            }
            squares.push(sum);
        }
        let exponents = logs.into_iter().map(|log: f64| log / steps as f64).collect();
        Self { jacobians: jacobians.len(), cut_steps, exponents, squares }
    }

    /// Adds those of other samples over the same steps.
    pub(super) fn add(&mut self, other: Self) {
        self.jacobians += other.jacobians;
        self.cut_steps += other.cut_steps;
        self.exponents.extend(other.exponents);
        self.squares.resize(other.squares.len().max(self.squares.len()), 0.0);
        self.squares.iter_mut().zip(other.squares).for_each(|(sum, x)| *sum += x);
    }

    pub(super) fn growth(mut self) -> Growth {
        self.exponents.sort_unstable_by(f64::total_cmp);
        let count = self.exponents.len();
        let alive: Vec<f64> = self.exponents.iter().copied().filter(|x| *x > f64::NEG_INFINITY).collect();
        let at = |level: f64| {
            let rank = (level * count as f64).ceil() as usize;
            self.exponents.get(rank.saturating_sub(1)).copied().filter(|x| x.is_finite())
        };
        Growth {
            cut_steps: self.cut_steps as f64 / self.jacobians.max(1) as f64,
            cut: (count - alive.len()) as f64 / count.max(1) as f64,
            mean: (!alive.is_empty()).then(|| alive.iter().sum::<f64>() / alive.len() as f64),
            quantiles: QUANTILES.map(at),
            along: self.squares.iter().map(|sum| (sum / count.max(1) as f64).sqrt()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_snn::{Reset, ResetGradient, Surrogate};

    /// The factors on `delta[t+1]` in docs/derivation.md.
    fn factor(reset: Reset, alpha: f64, [u, input]: [f64; 2], surrogate: Surrogate) -> f64 {
        let (decay, theta, g) = (0.8, 1.0, surrogate.derivative(u - 1.0));
        let o = f64::from(u8::from(u > theta));
        match reset.name() {
            "zero" => decay * ((1.0 - o) - alpha * u * g),
            "subtract" => decay - alpha * theta * g,
            "subtract-then-decay" => decay * (1.0 - alpha * theta * g),
            "value" => decay * ((1.0 - o) + alpha * (0.25 - u) * g),
            "gated" => decay * (1.0 - o) - alpha * (decay * u + input) * g,
            _ => decay,
        }
    }

    #[test]
    fn jacobians_are_the_factors_of_the_derivation_for_every_reset_and_alpha() {
        let surrogate = Surrogate::sigmoid(0.3).unwrap();
        let current = Tensor::from_fn([40, 2, 3], |i| ((i * 37 % 97) as f64 - 20.0) / 60.0).unwrap();
        for reset in [
            Reset::TO_ZERO,
            Reset::SUBTRACT,
            Reset::SUBTRACT_THEN_DECAY,
            Reset::to_value(0.25),
            Reset::GATED_INPUT,
            Reset::NONE,
        ] {
            for (rule, alpha) in [
                (ResetGradient::Full, 1.0),
                (ResetGradient::Detached, 0.0),
                (ResetGradient::scaled(0.5).unwrap(), 0.5),
            ] {
                let cell = Cell::lif(surrogate).with_reset(reset).unwrap().with_reset_gradient(rule);
                let mut tape = Tape::new();
                let input = tape.constant(current.clone());
                let run = cell.run(&mut tape, input).unwrap();
                let stacked = tape.stack(&run.potentials).unwrap();
                let u = tape.value(stacked).unwrap();
                let jacobians = temporal_jacobians(&cell, u, &current).unwrap();
                assert_eq!(jacobians.shape().to_vec(), [39, 2, 3]);
                assert!(u.as_slice().iter().any(|&u| u > 1.0), "{}: no spike", reset.name());
                let pairs = u.as_slice().iter().zip(&current.as_slice()[6..]);
                for (found, (&u, &next)) in jacobians.as_slice().iter().zip(pairs) {
                    let expected = factor(reset, alpha, [u, next], surrogate);
                    // A handful of operations on numbers of about 1.
                    assert!((found - expected).abs() < 1e-14, "{} {alpha}: {found} {expected}", reset.name());
                }
            }
        }
    }

    #[test]
    fn gain_drive_and_an_initial_potential_change_no_jacobian_but_that_of_a_gate() {
        let surrogate = Surrogate::sigmoid(0.3).unwrap();
        let plain = Cell::lif(surrogate).with_reset(Reset::GATED_INPUT).unwrap();
        let driven = plain.with_input_gain(2.0).unwrap().with_drive(0.5).unwrap();
        let driven = driven.with_initial_potential(3.0).unwrap();
        let u = Tensor::from_vec([2, 1], vec![0.9, 0.3]).unwrap();
        let current = Tensor::from_vec([2, 1], vec![7.0, 0.2]).unwrap();
        let found = temporal_jacobians(&driven, &u, &current).unwrap().as_slice()[0];
        let expected = factor(Reset::GATED_INPUT, 1.0, [0.9, 2.0 * 0.2 + 0.5], surrogate);
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }

    #[test]
    fn cells_with_more_state_and_wrong_shapes_are_refused() {
        let cell = Cell::lif(Surrogate::sigmoid(0.3).unwrap());
        let (u, short) = (Tensor::<f64>::zeros([3, 1]).unwrap(), Tensor::zeros([2, 1]).unwrap());
        let refused = [
            (cell.with_synapse(0.5, 1.0).unwrap(), "a synapse"),
            (cell.with_adaptation(0.5, 1.0).unwrap(), "an adaptive threshold"),
            (cell.with_refractory_steps(1), "a refractory period"),
            (cell.with_residual_reset(true), "a residual reset"),
        ];
        for (cell, option) in refused {
            let error = temporal_jacobians(&cell, &u, &u).unwrap_err().to_string();
            assert!(error.contains(option), "{error}");
        }
        assert!(temporal_jacobians(&cell, &u, &short).is_err());
        assert!(temporal_jacobians(&cell, &Tensor::scalar(1.0), &Tensor::scalar(1.0)).is_err());
        let one = Tensor::<f64>::zeros([1, 4]).unwrap();
        assert_eq!(temporal_jacobians(&cell, &one, &one).unwrap().shape().to_vec(), [0, 4]);
    }

    #[test]
    fn parts_add_up_and_quantiles_rank_what_is_cut_lowest() {
        let all = Tensor::from_fn([3, 4], |i| [0.5, 2.0, 0.0, 1.0][i % 4]).unwrap();
        let left = Tensor::from_fn([3, 2], |i| [0.5, 2.0][i % 2]).unwrap();
        let right = Tensor::from_fn([3, 2], |i| [0.0, 1.0][i % 2]).unwrap();
        let mut sums = GrowthSums::default();
        sums.add(GrowthSums::of(&left));
        sums.add(GrowthSums::of(&right));
        let growth = sums.growth();
        assert_eq!(growth, Growth::of(&all));
        assert_eq!((growth.cut_steps, growth.cut), (0.25, 0.25));
        let ln2 = 2.0_f64.ln();
        let close = |found: Option<f64>, x: f64| found.is_some_and(|found| (found - x).abs() < 1e-15);
        assert_eq!(growth.quantiles[0], None);
        assert!(close(growth.quantiles[2], -ln2) && close(growth.quantiles[4], ln2), "{growth:?}");
        assert!(close(growth.mean, 0.0));
        assert_eq!(growth.along[1], ((0.0625 + 16.0 + 1.0) / 4.0_f64).sqrt());
        assert_eq!(Growth::of(&Tensor::zeros([0, 4]).unwrap()), Growth::default());
    }
}
