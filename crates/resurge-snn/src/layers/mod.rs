//! Layers between cells, each over a whole sequence `[T, B, features...]`. Images are `[T, B, C, H, W]`.

mod batch_norm;
mod batch_norm_per_step;
mod conv2d;
mod dropout;
mod flatten;
mod linear;
mod pool2d;
mod residual;

pub use batch_norm::{BatchNormRun, RunningStatistics, batch_norm, batch_norm_inference};
pub use batch_norm_per_step::{batch_norm_per_step, batch_norm_per_step_inference};
pub use conv2d::conv2d;
pub use dropout::dropout;
pub use flatten::flatten;
pub use linear::linear;
pub use pool2d::{avg_pool2d, max_pool2d, sum_pool2d};
pub use residual::residual;

use crate::{Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::{Scalar, Shape};

/// Applies an operation on images `[M, C, H, W]` to a sequence of them, with time and batch folded into `M`.
fn over_images<S: Scalar>(
    tape: &mut Tape<S>,
    input: Var,
    what: &'static str,
    operation: impl FnOnce(&mut Tape<S>, Var) -> Result<Var>,
) -> Result<Var> {
    let shape = tape.value(input)?.shape().clone();
    let &[t, b, c, h, w] = &shape[..] else {
        return Err(SnnError::Axes { what, expected: "[T, B, C, H, W]", shape });
    };
    let folded = tape.reshape(input, [Shape::from([t, b]).checked_len()?, c, h, w])?;
    let output = operation(tape, folded)?;
    let mut unfolded = vec![t, b];
    unfolded.extend_from_slice(&tape.value(output)?.shape()[1..]);
    Ok(tape.reshape(output, &unfolded[..])?)
}
