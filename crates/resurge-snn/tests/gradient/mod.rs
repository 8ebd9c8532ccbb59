//! The gradient of a program on the tape against dual numbers and the complex step, the program being written once
//! for every scalar.

use resurge_autodiff::{AnchorRecord, Tape, Var};
use resurge_snn::Result;
use resurge_tensor::{Complex, Dual, Scalar, Tensor};
use std::sync::Arc;

/// A function of some tensors, generic over the scalar.
pub(crate) trait Program {
    /// Runs it on leaves of a tape.
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> Result<Var>;
}

/// A program from an expression that yields its output.
#[macro_export]
macro_rules! program {
    ($name:ident, |$tape:ident, $inputs:ident| $body:expr) => {
        struct $name;

        impl Program for $name {
            fn run<S: Scalar>(&self, $tape: &mut Tape<S>, $inputs: &[Var]) -> Result<Var> {
                $body
            }
        }
    };
}

const TOLERANCE: f64 = 1e-12;

/// Values of order 1, none of them equal.
pub(crate) fn numbers(shape: &[usize], phase: f64) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| (i as f64 * 1.37 + phase).sin() + 0.05 * phase).unwrap()
}

/// The sum of the outputs, each times a fixed weight, so that no two entries of the output count alike.
fn weighted<S: Scalar>(
    program: &impl Program,
    tape: &mut Tape<S>,
    inputs: &[Tensor<S>],
) -> Result<(Vec<Var>, Var)> {
    let leaves: Vec<Var> = inputs.iter().map(|input| tape.leaf(input.clone())).collect();
    let output = program.run(tape, &leaves)?;
    let shape = tape.value(output)?.shape().clone();
    let weights = tape.constant(Tensor::from_fn(shape, |i| S::from_f64((i as f64 * 0.61).cos() + 0.3))?);
    let products = tape.mul(output, weights)?;
    let loss = tape.sum(products)?;
    Ok((leaves, loss))
}

/// The derivative with respect to one entry over a scalar that carries it, on the program that the tape's
/// gradient is the derivative of.
fn forward<S: Scalar>(
    program: &impl Program,
    record: &Arc<AnchorRecord<S>>,
    inputs: &[Tensor<f64>],
    (input, entry): (usize, usize),
    perturb: fn(f64) -> S,
) -> S {
    let mut moved: Vec<Tensor<S>> = inputs.iter().map(Tensor::cast).collect();
    moved[input].as_mut_slice()[entry] = perturb(inputs[input].as_slice()[entry]);
    let mut tape = Tape::anchored(Arc::clone(record));
    let (_, loss) = weighted(program, &mut tape, &moved).unwrap();
    tape.value(loss).unwrap().item().unwrap()
}

/// Compares every entry of every input's gradient with the derivative of the program itself, which has no
/// surrogate operation: nothing is detached.
pub(crate) fn check(program: &impl Program, inputs: &[Tensor<f64>]) {
    let mut tape = Tape::new();
    weighted(program, &mut tape, inputs).unwrap();
    assert!(tape.anchors().is_empty(), "the gradient of this program is to be a true derivative");
    check_surrogate(program, inputs);
}

/// Compares every entry of every input's gradient with the derivative of the anchored program.
pub(crate) fn check_surrogate(program: &impl Program, inputs: &[Tensor<f64>]) {
    let mut tape = Tape::new();
    let (leaves, loss) = weighted(program, &mut tape, inputs).unwrap();
    let gradients = tape.backward(loss).unwrap();
    let (dual, complex) = (Arc::new(tape.anchors().cast()), Arc::new(tape.anchors().cast()));
    let mut moving = false;
    for (input, &leaf) in leaves.iter().enumerate() {
        for (entry, &reverse) in gradients.wrt(leaf).unwrap().as_slice().iter().enumerate() {
            let at = (input, entry);
            let by_dual = forward(program, &dual, inputs, at, Dual::variable).eps;
            let by_step = forward(program, &complex, inputs, at, |x| Complex::new(x, 1e-40)).im / 1e-40;
            for other in [by_dual, by_step] {
                let holds = (reverse - other).abs() <= TOLERANCE * other.abs().max(1.0);
                assert!(holds, "input {input}, entry {entry}: reverse {reverse:e}, forward {other:e}");
            }
            moving |= reverse != 0.0;
        }
    }
    assert!(moving, "a gradient that vanishes everywhere proves nothing");
}
