//! The spike: a step function with a surrogate derivative.

use crate::table::words;
use crate::{Result, Surrogate};
use resurge_autodiff::ops::OpCase;
use resurge_autodiff::{Anchor, Contributions, Op, Tape, Var, Vjp, expect_inputs};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

type OpResult<T> = resurge_autodiff::Result<T>;

/// When, and how often, a neuron fires in a step, `x` being the potential less the threshold.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Firing, Surrogate, spike};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec([3], vec![-0.5, 0.0, 1.5])?);
/// for (firing, spikes) in [
///     (Firing::Above, [0.0, 0.0, 1.0]),
///     (Firing::AtOrAbove, [0.0, 1.0, 1.0]),
///     (Firing::Repeatedly, [0.0, 1.0, 2.0]),
/// ] {
///     let o = spike(&mut tape, x, Surrogate::sigmoid(0.2)?, firing)?;
///     assert_eq!(tape.value(o)?.as_slice(), &spikes);
/// }
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firing {
    /// Once where `x > 0`: equation (2), as in the paper author's code.
    #[default]
    Above,
    /// Once where `x >= 0`.
    AtOrAbove,
    /// As often as the threshold fits into the potential: `floor(x + 1)` where `x >= 0`, for an `x` in units of
    /// the threshold.
    Repeatedly,
}

words!("firing", Firing { Above = "above", AtOrAbove = "at-or-above", Repeatedly = "repeatedly" });

impl Firing {
    pub(crate) fn count(self, x: f64) -> f64 {
        match self {
            Self::Above => f64::from(u8::from(x > 0.0)),
            Self::AtOrAbove => f64::from(u8::from(x >= 0.0)),
            Self::Repeatedly => (x + 1.0).floor().max(0.0),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Spike {
    surrogate: Surrogate,
    firing: Firing,
}

impl<S: Scalar> Op<S> for Spike {
    fn name(&self) -> &'static str {
        "spike"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        let [input] = expect_inputs("spike", inputs)?;
        Ok(input.map(|x: S| S::from_f64(self.firing.count(x.re()))))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> OpResult<Contributions<S>> {
        let [input] = expect_inputs("spike", at.inputs)?;
        let through = |x, cotangent| cotangent * self.surrogate.derivative(x);
        Ok(smallvec![Some(input.zip_map(at.cotangent, "spike", through)?.into())])
    }

    fn is_surrogate(&self) -> bool {
        true
    }

    fn smooth(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        let [input] = expect_inputs("spike", inputs)?;
        Ok(input.map(|x| self.surrogate.primitive(x)))
    }

    /// Equation (7): `o0 + (S(x) - S(x0))`, summed in this order so that it is `o0` to the bit at `x0`.
    fn anchored(&self, inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> OpResult<Tensor<S>> {
        let [input] = expect_inputs("spike", inputs)?;
        let difference = |x, x0| self.surrogate.primitive(x) - self.surrogate.primitive(x0);
        let moved = input.zip_map(anchor.input()?, "spike", difference)?;
        Ok(anchor.output.add(&moved)?)
    }

    fn pieces(&self, inputs: &[&Tensor<S>], pieces: &mut Vec<i8>) {
        let &[input] = inputs else { return };
        pieces.extend(input.as_slice().iter().filter_map(|x| self.surrogate.piece(x.re())));
    }

    fn detail(&self) -> Option<String> {
        Some(self.surrogate.name().to_owned())
    }
}

/// `o = H(x)` with the surrogate's derivative: 1 where `x`, the potential less the threshold, is above 0, or as
/// `firing` says.
///
/// The value is that of the tape's spike mode: the step function, its smooth twin, or the anchored spike of
/// equation (7).
///
/// # Errors
/// [`AutodiffError::ForeignVariable`](resurge_autodiff::AutodiffError::ForeignVariable) for a variable of
/// another tape, [`SnnError::Parameter`](crate::SnnError::Parameter) for a surrogate whose numbers are out of range.
///
/// ```
/// use resurge_autodiff::Tape;
/// use resurge_snn::{Firing, Surrogate, spike};
/// use resurge_tensor::Tensor;
///
/// let mut tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec([3], vec![-0.1, 0.0, 0.1])?);
/// let o = spike(&mut tape, x, Surrogate::rectangle(1.0)?, Firing::Above)?;
/// assert_eq!(tape.value(o)?.as_slice(), &[0.0, 0.0, 1.0]);
/// let count = tape.sum(o)?;
/// assert_eq!(tape.backward(count)?.wrt(x)?.as_slice(), &[1.0, 1.0, 1.0]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
pub fn spike<S: Scalar>(tape: &mut Tape<S>, x: Var, surrogate: Surrogate, firing: Firing) -> Result<Var> {
    surrogate.kind.check()?;
    Ok(tape.apply(Spike { surrogate, firing }, &[x])?)
}

/// A surrogate of every shape, for registries of cases.
pub(crate) fn surrogates() -> impl Iterator<Item = Surrogate> {
    let canonical = Surrogate::ALL.iter().filter(|one| one.canonical);
    canonical.filter_map(|one| one.entry.of(one.entry.sample).ok())
}

pub(crate) fn cases() -> Vec<OpCase> {
    let mut cases = Vec::new();
    for surrogate in surrogates() {
        for firing in [Firing::Above, Firing::AtOrAbove, Firing::Repeatedly] {
            for shape in [&[][..], &[0], &[1], &[5], &[2, 3]] {
                cases.push(OpCase::new(Spike { surrogate, firing }, vec![shape.into()]));
            }
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_autodiff::SpikeMode;
    use std::sync::Arc;

    fn run(mut tape: Tape<f64>, x: &[f64]) -> (Tape<f64>, Var, Var) {
        let x = tape.leaf(Tensor::from_vec([x.len()], x.to_vec()).unwrap());
        let o = spike(&mut tape, x, Surrogate::sigmoid(0.5).unwrap(), Firing::Above).unwrap();
        (tape, x, o)
    }

    #[test]
    fn the_three_modes() {
        let at = [-0.3, 0.0, 1e-300, 0.7];
        let (tape, _, o) = run(Tape::new(), &at);
        assert_eq!(tape.value(o).unwrap().as_slice(), &[0.0, 0.0, 1.0, 1.0]);

        let (smooth, _, s) = run(Tape::with_mode(SpikeMode::Smooth), &at);
        let expected = at.map(|x| Surrogate::sigmoid(0.5).unwrap().primitive(x));
        assert_eq!(smooth.value(s).unwrap().as_slice(), &expected);

        let record = Arc::new(tape.anchors());
        let (same, _, a) = run(Tape::anchored(Arc::clone(&record)), &at);
        assert_eq!(same.value(a).unwrap(), tape.value(o).unwrap(), "to the bit at the base point");
        let (moved, _, a) = run(Tape::anchored(record), &[-0.2, 0.0, 0.0, 0.7]);
        let surrogate = Surrogate::sigmoid(0.5).unwrap();
        let step = surrogate.primitive(-0.2) - surrogate.primitive(-0.3);
        assert_eq!(moved.value(a).unwrap().as_slice(), &[step, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn firing_at_the_threshold_and_repeatedly() {
        let counts = |firing: Firing| [-0.5, 0.0, 0.5, 1.0, 2.75].map(|x| firing.count(x));
        assert_eq!(counts(Firing::Above), [0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(counts(Firing::AtOrAbove), [0.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(counts(Firing::Repeatedly), [0.0, 1.0, 1.0, 2.0, 3.0]);
        assert_eq!(Firing::Repeatedly.count(-7.0), 0.0);
    }

    #[test]
    fn the_slope_is_the_surrogate_whatever_the_value() {
        let (tape, x, o) = run(Tape::new(), &[-0.3, 0.0, 0.7]);
        let cotangent = Tensor::from_vec([3], vec![1.0, -2.0, 3.0]).unwrap();
        let gradients = tape.vjp(o, cotangent).unwrap();
        let at = |x| Surrogate::sigmoid(0.5).unwrap().derivative(x);
        assert_eq!(gradients.wrt(x).unwrap().as_slice(), &[at(-0.3), -2.0 * at(0.0), 3.0 * at(0.7)]);
        assert!(tape.to_string().ends_with("%1 = spike(%0) [3] sigmoid\n"), "{tape}");
        assert!(tape.pieces().is_empty(), "a sigmoid is smooth everywhere");
    }

    #[test]
    fn a_kink_of_the_surrogate_is_a_piece() {
        let mut tape = Tape::<f64>::new();
        let x = tape.leaf(Tensor::from_vec([3], vec![-0.6, 0.1, 0.6]).unwrap());
        spike(&mut tape, x, Surrogate::rectangle(1.0).unwrap(), Firing::Above).unwrap();
        assert_eq!(tape.pieces(), vec![0, 1, 2]);
    }
}
