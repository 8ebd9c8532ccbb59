//! Random programs on the tape: the gradient of reverse mode against the derivative of forward mode.

mod instruction;
mod traced;

use arbitrary::{Arbitrary, Unstructured};
pub use instruction::Instruction;
use resurge::autodiff::{Tape, Var};
use resurge::tensor::{Scalar, Tensor};
use std::sync::Arc;
use traced::Traced;

/// What became of a program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Its output depends on no leaf, or its derivative is not finite: nothing can be said.
    Skipped,
    /// The derivative of the loss along a direction, by forward mode, and how many operations it went through.
    Agrees { derivative: f64, operations: usize },
}

/// The difference that rounding explains, in proportion to the sum of the sizes of all terms: 10^5 units in the last
/// place for some 10^3 roundings of each term.
const TOLERANCE: f64 = 1e-11;

/// The most entries of a leaf, and of a value that is used on.
const MOST: usize = 64;

/// The largest value that is used on. Where neurons fire as often as the threshold fits into the potential, a reset squares it at
/// each of up to four steps; with larger ones a cell would go through infinity inside, where a spike is finite, but an anchored
/// one is infinity minus infinity.
const LARGEST: f64 = 1e18;

/// A leaf: its extents, its values in sixteenths, and whether they are moved off these, where ties and kinks are.
#[derive(Debug, Arbitrary)]
struct Leaf {
    rank: u8,
    extents: [u8; 5],
    values: [i8; 6],
    moved: bool,
}

/// Builds the program that the bytes describe and runs it three times: over real numbers, with a backward pass; and
/// over dual numbers, anchored at that run, so that spikes and detached values have the derivatives that they stand
/// for. Values must be the same, and the gradient's product with the direction the derivative.
pub fn program(bytes: &[u8]) -> Verdict {
    let mut bytes = Unstructured::new(bytes);
    let Ok(leaves) = <[Leaf; 3]>::arbitrary(&mut bytes) else { return Verdict::Skipped };
    // One after the other to the end: a list would have a byte before each that says whether it is the last.
    let mut instructions = Vec::new();
    while let (false, Ok(instruction)) = (bytes.is_empty(), Instruction::arbitrary(&mut bytes)) {
        instructions.push(instruction);
    }
    let points: Vec<Tensor<f64>> = leaves.iter().enumerate().map(|(i, leaf)| leaf.values(i)).collect();
    let mut draw = Draw(1);
    let directions: Vec<Tensor<f64>> = points.iter().map(|point| point.map(|_| draw.signed())).collect();

    let mut tape = Tape::new();
    let leaves: Vec<Var> = points.iter().map(|point| tape.leaf(point.clone())).collect();
    let (loss, done) = run(&instructions, &mut tape, &leaves);
    let gradients = tape.backward(loss).expect("the loss is one number");
    let products = leaves.iter().zip(&directions).flat_map(|(&leaf, direction)| {
        let gradient = gradients.wrt(leaf).expect("a leaf").to_vec();
        gradient.into_iter().zip(direction.to_vec()).map(|(g, d)| g * d)
    });
    let reverse: f64 = products.sum();

    let mut dual = Tape::anchored(Arc::new(tape.anchors().cast::<Traced>()));
    let leaves = points.iter().zip(&directions).map(|(point, direction)| {
        let both = point.as_slice().iter().zip(direction.as_slice());
        let values = both.map(|(&x, &d)| Traced::new(x, d)).collect();
        dual.leaf(Tensor::from_vec(point.shape(), values).expect("the point's shape"))
    });
    let leaves: Vec<Var> = leaves.collect();
    let (loss, again) = run(&instructions, &mut dual, &leaves);
    assert_eq!(done, again, "operations are refused by shape, whatever the scalar");
    // What is not finite is not used on.
    let nodes = tape.nodes().iter().zip(dual.nodes()).filter(|(node, _)| node.value().is_finite());
    for (real, traced) in nodes {
        let values = real.value().as_slice().iter().zip(traced.value().as_slice());
        // Equal, a zero of either sign being the same.
        assert!(
            values.clone().all(|(x, y)| *x == y.dual.re),
            "the values of {} differ:\n{tape}",
            real.name()
        );
    }
    let forward = dual.value(loss).expect("of this tape").item().expect("one number");
    if !forward.is_finite() || !reverse.is_finite() {
        return Verdict::Skipped;
    }
    let (derivative, tolerance) = (forward.dual.eps, TOLERANCE * forward.size + 1e-280);
    assert!(
        (reverse - derivative).abs() <= tolerance,
        "reverse {reverse:e}, forward {derivative:e}, tolerance {tolerance:e}:\n{tape}"
    );
    if forward.size == 0.0 {
        return Verdict::Skipped;
    }
    Verdict::Agrees { derivative, operations: done.iter().filter(|&&done| done).count() }
}

/// Runs the instructions, leaving out those that are refused, and sums up what they left last. Says which ran.
fn run<S: Scalar>(instructions: &[Instruction], tape: &mut Tape<S>, leaves: &[Var]) -> (Var, Vec<bool>) {
    let mut values = leaves.to_vec();
    let mut done = Vec::new();
    for instruction in instructions.iter().take(24) {
        let result = instruction.apply(tape, &values);
        done.push(result.is_ok());
        match result {
            Ok(value) if tape.value(value).is_ok_and(is_usable) => values.push(value),
            Ok(_) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let mut loss = tape.constant(Tensor::scalar(S::zero()));
    let mut draw = Draw(7);
    for &value in values.iter().rev().take(4) {
        let shape = tape.value(value).expect("of this tape").shape().clone();
        let weights = Tensor::from_fn(shape, |_| S::from_f64(draw.signed())).expect("a value's shape");
        let weights = tape.constant(weights);
        let sum = tape.mul(value, weights).and_then(|weighted| tape.sum(weighted));
        loss = sum.and_then(|sum| tape.add(loss, sum)).expect("sums of products of equal shapes");
    }
    (loss, done)
}

/// By the values alone, so that it is the same for all scalars.
fn is_usable<S: Scalar>(value: &Tensor<S>) -> bool {
    value.len() <= 4 * MOST && value.as_slice().iter().all(|x| x.re().abs() <= LARGEST)
}

impl Leaf {
    fn values(&self, index: usize) -> Tensor<f64> {
        let rank = usize::from(self.rank % 6);
        let mut shape: Vec<usize> = Vec::new();
        for extent in &self.extents[..rank] {
            // Empty once in 16.
            let extent = if extent % 16 == 15 { 0 } else { usize::from(extent % 4) + 1 };
            let fits = shape.iter().product::<usize>() * extent <= MOST;
            shape.push(if fits { extent } else { 1 });
        }
        let mut draw = Draw(index as u64 + 11);
        let value = |i: usize| {
            let grid = f64::from(self.values[i % self.values.len()].wrapping_add((i / 6 * 5) as i8)) / 16.0;
            if self.moved { grid + 0.03 * draw.signed() } else { grid }
        };
        Tensor::from_fn(&shape[..], value).expect("a small shape")
    }
}

/// Numbers that look random and are the same everywhere.
struct Draw(u64);

impl Draw {
    /// Of either sign, and of a size from a half to one.
    fn signed(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let unit = (self.0 >> 12) as f64 / (1u64 << 52) as f64;
        if self.0 >> 63 == 1 { -1.0 + unit / 2.0 } else { 0.5 + unit / 2.0 }
    }
}
