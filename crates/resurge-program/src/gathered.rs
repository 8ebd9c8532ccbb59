//! Sums over time of something that is the same at each step.
//!
//! An image that is shown at each step drives a potential with one and the same number, whose rounding error is the same
//! at each step, too: in the potential, such errors are added as they are. Independent ones nearly cancel.

use crate::node::Node;
use resurge_autodiff::{Contributions, Op, Result as TapeResult, Tape, Var, Vjp};
use resurge_tensor::{Scalar, Shape, Tensor};
use std::collections::HashMap;

/// How many earlier sums of a place are looked at: as many layers may call one line in turn.
const LAYERS: usize = 32;

/// The sums of each place and shape, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Sums<'a>(HashMap<(usize, &'a Shape), Vec<[Var; 2]>>);

impl<'a> Sums<'a> {
    /// Adds two variables: with their errors as they are, where one of them is what was added before at this place.
    pub(crate) fn add<S: Scalar>(
        &mut self,
        tape: &mut Tape<S>,
        node: &'a Node,
        terms: [Var; 2],
    ) -> TapeResult<Var> {
        let Some(site) = node.site else { return tape.add(terms[0], terms[1]) };
        let before = self.0.entry((site, &node.shape)).or_default();
        let mut still = false;
        for earlier in before.iter().rev().take(LAYERS) {
            if same(tape, earlier[0], terms[0])? || same(tape, earlier[1], terms[1])? {
                still = true;
                break;
            }
        }
        before.push(terms);
        if still { tape.apply(Gathered, &terms) } else { tape.add(terms[0], terms[1]) }
    }
}

/// Whether two variables have the same numbers.
fn same<S: Scalar>(tape: &Tape<S>, a: Var, b: Var) -> TapeResult<bool> {
    if a == b {
        return Ok(true);
    }
    let (a, b) = (tape.value(a)?, tape.value(b)?);
    Ok(a.shape() == b.shape() && a.as_slice().iter().zip(b.as_slice()).all(|(a, b)| a.re() == b.re()))
}

/// A sum of which `+=` makes the error.
#[derive(Debug)]
struct Gathered;

impl<S: Scalar> Op<S> for Gathered {
    fn name(&self) -> &'static str {
        "add"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> TapeResult<Tensor<S>> {
        let sum = |mut a: S, b: S| {
            a += b;
            a
        };
        Ok(inputs[0].zip_map(inputs[1], "add", sum)?)
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> TapeResult<Contributions<S>> {
        at.inputs.iter().map(|x| Ok(Some(at.cotangent.sum_to(x.shape())?.into()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_tensor::Bounded;

    fn node(shape: &[usize]) -> Node {
        Node {
            kind: crate::node::Kind::Constant,
            inputs: Vec::new(),
            shape: shape.into(),
            site: Some(0),
            value: None,
            cotangent: None,
            unit: None,
            carries: true,
            needed: true,
        }
    }

    /// A potential with decay 1 that a number drives at each step, and of another layer another: the bound of its error.
    fn bounds(drive: impl Fn(usize) -> f64, steps: usize) -> f64 {
        let (node, mut tape, mut sums) = (node(&[]), Tape::<Bounded>::new(), Sums::default());
        let mut u = [tape.constant(Tensor::scalar(Bounded::new(0.0, 0.0))); 2];
        for t in 0..steps {
            for (layer, u) in u.iter_mut().enumerate() {
                let value = drive(t) + layer as f64;
                let driven = tape.constant(Tensor::scalar(Bounded::new(value, 600.0)));
                *u = sums.add(&mut tape, &node, [*u, driven]).unwrap();
            }
        }
        tape.value(u[0]).unwrap().item().unwrap().error()
    }

    #[test]
    fn an_error_that_is_the_same_at_each_step_grows_with_the_steps() {
        let (still, varied) = (bounds(|_| 0.01, 100), bounds(|t| 0.01 + 1e-3 * t as f64, 100));
        // The first sum cannot know what comes. The roundings of the sums, of numbers below 6, are small beside 600.
        assert!((still / (100.0 * 600.0) - 1.0).abs() < 0.05, "{still}");
        assert!((varied / (10.0 * 600.0) - 1.0).abs() < 0.05, "{varied}");
    }

    /// The same numbers and gradients, with broadcasting, as of any sum.
    #[test]
    fn it_is_a_sum() {
        let node = node(&[2, 3]);
        let run = |mut sums: Sums<'static>, twice: bool| {
            let node: &'static Node = Box::leak(Box::new(node.clone()));
            let mut tape = Tape::<f64>::new();
            let a = tape.leaf(Tensor::from_vec([2, 3], vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).unwrap());
            let b = tape.leaf(Tensor::from_vec([3], vec![0.7, 1e-17, -3.0]).unwrap());
            if twice {
                sums.add(&mut tape, node, [a, b]).unwrap();
            }
            let sum = sums.add(&mut tape, node, [a, b]).unwrap();
            let square = tape.mul(sum, sum).unwrap();
            let loss = tape.sum(square).unwrap();
            let gradients = tape.backward(loss).unwrap();
            let of = |x| gradients.wrt(x).unwrap().as_slice().to_vec();
            (tape.value(sum).unwrap().as_slice().to_vec(), of(a), of(b))
        };
        assert_eq!(run(Sums::default(), true), run(Sums::default(), false));
    }
}
