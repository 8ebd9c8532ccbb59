//! The refractory period: for how many steps neurons are silent, and a mask over spikes.

use crate::Result;
use resurge_autodiff::ops::OpCase;
use resurge_autodiff::{Anchor, AutodiffError, Contributions, Op, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Tensor};

type OpResult<T> = resurge_autodiff::Result<T>;

/// For how many steps, this one among them, each neuron is silent: from its spike one step before, and its count then if
/// there is one. A decision, through which no gradient flows.
#[derive(Debug, Clone, Copy)]
struct Resting {
    /// The refractory period.
    steps: usize,
}

impl<S: Scalar> Op<S> for Resting {
    fn name(&self) -> &'static str {
        "resting"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        let after = |spike: S, before: f64| match spike.re() > 0.0 {
            true => S::from_f64(self.steps as f64),
            false => S::from_f64((before - 1.0).max(0.0)),
        };
        match *inputs {
            [spikes] => Ok(spikes.map(|spike| after(spike, 0.0))),
            [spikes, before] => {
                Ok(spikes.zip_map(before, "resting", |spike, before| after(spike, before.re()))?)
            }
            _ => Err(AutodiffError::InputCount { op: "resting", expected: 2, actual: inputs.len() }),
        }
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

    fn detail(&self) -> Option<String> {
        Some(format!("for {}", self.steps))
    }
}

/// 1 where the count of steps is 0, else 0; no gradient flows through it either.
#[derive(Debug, Clone, Copy)]
struct Rested;

impl<S: Scalar> Op<S> for Rested {
    fn name(&self) -> &'static str {
        "rested"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> OpResult<Tensor<S>> {
        let [count] = *inputs else {
            return Err(AutodiffError::InputCount { op: "rested", expected: 1, actual: inputs.len() });
        };
        Ok(count.map(|count: S| if count.re() > 0.0 { S::zero() } else { S::one() }))
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

    /// As [`Resting`].
    fn anchored(&self, _inputs: &[&Tensor<S>], anchor: &Anchor<S>) -> OpResult<Tensor<S>> {
        Ok(anchor.output.clone())
    }
}

/// For how many steps neurons are silent after the spikes of one step, of a period of `steps`; `before` are their counts in
/// that step. One count a neuron, however long the period is.
pub(crate) fn resting<S: Scalar>(
    tape: &mut Tape<S>,
    steps: usize,
    spikes: Var,
    before: Option<Var>,
) -> Result<Var> {
    let inputs = [Some(spikes), before];
    let inputs: Vec<Var> = inputs.into_iter().flatten().collect();
    Ok(tape.apply(Resting { steps }, &inputs)?)
}

/// 1 where the count of steps is 0, else 0; the gradient takes it for a constant.
pub(crate) fn rested<S: Scalar>(tape: &mut Tape<S>, count: Var) -> Result<Var> {
    Ok(tape.apply(Rested, &[count])?)
}

pub(crate) fn cases() -> Vec<OpCase> {
    let resting = [(1, &[3][..]), (2, &[2, 2]), (2, &[0])]
        .map(|(count, shape)| OpCase::new(Resting { steps: 2 }, vec![shape.into(); count]));
    let rested = [&[3][..], &[0]].map(|shape| OpCase::new(Rested, vec![shape.into()]));
    resting.into_iter().chain(rested).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_period_is_counted_down_and_begins_anew_with_each_spike() {
        let mut tape = Tape::<f64>::new();
        let mut count = None;
        let mut counts = Vec::new();
        for spike in [0.0, 2.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0] {
            let spikes = tape.leaf(Tensor::from_vec([2], vec![spike, 0.0]).unwrap());
            let next = resting(&mut tape, 2, spikes, count).unwrap();
            let mask = rested(&mut tape, next).unwrap();
            let values = tape.value(next).unwrap().to_vec();
            let silent: Vec<f64> = values.iter().map(|&n| f64::from(u8::from(n == 0.0))).collect();
            assert_eq!(tape.value(mask).unwrap().as_slice(), silent);
            assert_eq!(values[1], 0.0);
            counts.push(values[0]);
            count = Some(next);
        }
        assert_eq!(counts, [0.0, 2.0, 1.0, 0.0, 0.0, 2.0, 2.0, 1.0]);
    }

    #[test]
    fn the_mask_is_a_recorded_decision_without_a_gradient() {
        let run = |mut tape: Tape<f64>, at: [f64; 2]| {
            let spikes = tape.leaf(Tensor::from_vec([2], at.to_vec()).unwrap());
            let count = resting(&mut tape, 3, spikes, None).unwrap();
            let mask = rested(&mut tape, count).unwrap();
            (tape, spikes, mask)
        };
        let (tape, spikes, mask) = run(Tape::new(), [0.0, 1.0]);
        assert!(tape.to_string().contains("%1 = resting(%0) [2] for 3"), "{tape}");
        assert!(tape.to_string().contains("%2 = rested(%1) [2]"), "{tape}");
        assert!(tape.to_dot().contains("color=red"), "a node that stops the gradient");
        let gradients = tape.vjp(mask, Tensor::full([2], 1.0).unwrap()).unwrap();
        assert_eq!(gradients.wrt(spikes).unwrap().as_slice(), &[0.0, 0.0]);
        // In the anchored program the spikes move, the mask does not.
        let (anchored, _, mask) = run(Tape::anchored(Arc::new(tape.anchors())), [0.1, -0.1]);
        assert_eq!(anchored.value(mask).unwrap().as_slice(), &[1.0, 0.0]);
    }

    #[test]
    fn other_numbers_of_inputs_are_refused() {
        let mut tape = Tape::<f64>::new();
        let x = tape.leaf(Tensor::scalar(1.0));
        let count = |error: AutodiffError| match error {
            AutodiffError::InputCount { op, actual, .. } => (op, actual),
            other => panic!("{other}"),
        };
        assert_eq!(count(tape.apply(Resting { steps: 1 }, &[]).unwrap_err()), ("resting", 0));
        assert_eq!(count(tape.apply(Rested, &[x, x]).unwrap_err()), ("rested", 2));
    }
}
