//! The refractory period: a mask over spikes.

use crate::Result;
use resurge_autodiff::ops::OpCase;
use resurge_autodiff::{Anchor, AutodiffError, Contributions, Op, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Tensor};

type OpResult<T> = resurge_autodiff::Result<T>;

/// 1 where none of the inputs has spiked, else 0. A decision, through which no gradient flows.
#[derive(Debug, Clone, Copy)]
struct Rested;

impl<S: Scalar> Op<S> for Rested {
    fn name(&self) -> &'static str {
        "rested"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        let Some((first, others)) = inputs.split_first() else {
            return Err(AutodiffError::InputCount { op: "rested", expected: 1, actual: 0 });
        };
        let mut sum = (*first).clone();
        for spikes in others {
            sum = sum.add(spikes)?;
        }
        Ok(sum.map(|count: S| if count.re() > 0.0 { S::zero() } else { S::one() }))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> OpResult<Contributions<S>> {
        Ok(at.inputs.iter().map(|_| None).collect())
    }

    fn is_surrogate(&self) -> bool {
        true
    }

    fn stops_gradient(&self) -> bool {
        true
    }

    /// Who rests is recorded, as spikes of the anchored program are no longer 0 or 1 away from its base point.
    fn anchored(&self, _inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> OpResult<Tensor<S>> {
        Ok(anchor.output.clone())
    }
}

/// 1 where none of the given steps holds a spike, else 0; the gradient takes it for a constant.
pub(crate) fn rested<S: Scalar>(tape: &mut Tape<S>, spikes: &[Var]) -> Result<Var> {
    Ok(tape.apply(Rested, spikes)?)
}

pub(crate) fn cases() -> Vec<OpCase> {
    [(1, &[3][..]), (2, &[2, 2]), (3, &[1]), (2, &[0])]
        .map(|(count, shape)| OpCase::new(Rested, vec![shape.into(); count]))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_spike_in_any_of_the_steps_counts() {
        let mut tape = Tape::<f64>::new();
        let a = tape.leaf(Tensor::from_vec([3], vec![0.0, 1.0, 0.0]).unwrap());
        let b = tape.leaf(Tensor::from_vec([3], vec![0.0, 0.0, 1.0]).unwrap());
        let mask = rested(&mut tape, &[a, b]).unwrap();
        assert_eq!(tape.value(mask).unwrap().as_slice(), &[1.0, 0.0, 0.0]);
    }

    #[test]
    fn the_mask_is_a_recorded_decision_without_a_gradient() {
        let run = |mut tape: Tape<f64>, at: [f64; 2]| {
            let spikes = tape.leaf(Tensor::from_vec([2], at.to_vec()).unwrap());
            let mask = rested(&mut tape, &[spikes]).unwrap();
            (tape, spikes, mask)
        };
        let (tape, spikes, mask) = run(Tape::new(), [0.0, 1.0]);
        assert!(tape.to_string().contains("%1 = rested(%0) [2]"), "{tape}");
        assert!(tape.to_dot().contains("color=red"), "a node that stops the gradient");
        let gradients = tape.vjp(mask, Tensor::full([2], 1.0).unwrap()).unwrap();
        assert_eq!(gradients.wrt(spikes).unwrap().as_slice(), &[0.0, 0.0]);
        // In the anchored program the spikes move, the mask does not.
        let (anchored, _, mask) = run(Tape::anchored(Arc::new(tape.anchors())), [0.1, -0.1]);
        assert_eq!(anchored.value(mask).unwrap().as_slice(), &[1.0, 0.0]);
    }
}
