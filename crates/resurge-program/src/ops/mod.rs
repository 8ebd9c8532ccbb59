//! The operations that a program may consist of: one file each, or one file a family, with its line in the table below.
//!
//! A file says what its attributes are, which shape comes out, what it costs, and how it runs on a tape. The list is small
//! and closed on purpose: a recorder writes everything else in terms of these (docs/program-format.md).

mod cast;
mod concat;
mod conv2d;
mod elementwise;
mod index;
mod log_softmax;
mod matmul;
mod pairwise;
mod power;
mod put;
mod selection;
mod strided;
mod sum;
mod sum_pool2d;
mod take;
mod write;

use resurge_autodiff::{Result as TapeResult, Tape, Var};
use resurge_tensor::{Scalar, Shape};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use std::sync::Arc;

/// The positions that a file's index tensor holds, with its shape.
pub(crate) type Positions = (Shape, Arc<[usize]>);

/// What an operation needs of the file besides its attributes.
pub(crate) trait Indices {
    /// The index tensor of a number.
    fn positions(&self, number: usize) -> Result<Positions, String>;
}

/// An operation of the format.
trait Recorded: DeserializeOwned + Debug + Clone {
    /// Its name in files.
    const NAME: &'static str;

    /// Fetches its index tensor, where it has one.
    fn load(&mut self, file: &dyn Indices) -> Result<(), String> {
        let _ = file;
        Ok(())
    }

    /// The shape of the result; what is wrong, where inputs and attributes do not fit.
    fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String>;

    /// Whether each number of the result is computed from one number of each input.
    const ELEMENTWISE: bool = false;

    /// About how many products or sums it takes, beyond one for each number that it reads and writes.
    fn work(&self, inputs: &[&Shape], output: &Shape) -> usize {
        let _ = (inputs, output);
        0
    }

    /// Runs it. The shapes have been checked.
    fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var>;
}

macro_rules! operations {
    ($($module:ident :: $op:ident),* $(,)?) => {
        /// An operation with its attributes.
        #[derive(Debug, Clone)]
        pub(crate) enum Operation {
            $(
                #[allow(missing_docs)]
                $op($module::$op)
            ),*
        }

        impl Operation {
            /// The names of all of them.
            pub(crate) const NAMES: &'static [&'static str] = &[$($module::$op::NAME),*];

            /// The operation of this name, if there is one; what is wrong, where its attributes are not its own.
            pub(crate) fn read(name: &str, with: Value, file: &dyn Indices) -> Option<Result<Self, String>> {
                $(
                    if name == $module::$op::NAME {
                        let read = serde_json::from_value::<$module::$op>(with).map_err(|e| e.to_string());
                        return Some(read.and_then(|mut op| op.load(file).map(|()| Self::$op(op))));
                    }
                )*
                None
            }

            pub(crate) fn name(&self) -> &'static str {
                match self { $(Self::$op(_) => $module::$op::NAME),* }
            }

            /// Whether it acts number by number.
            pub(crate) fn is_elementwise(&self) -> bool {
                match self { $(Self::$op(_) => $module::$op::ELEMENTWISE),* }
            }

            pub(crate) fn shape(&self, inputs: &[&Shape]) -> Result<Shape, String> {
                match self { $(Self::$op(op) => op.shape(inputs)),* }
            }

            pub(crate) fn work(&self, inputs: &[&Shape], output: &Shape) -> usize {
                match self { $(Self::$op(op) => op.work(inputs, output)),* }
            }

            pub(crate) fn apply<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> TapeResult<Var> {
                match self { $(Self::$op(op) => op.apply(tape, inputs)),* }
            }
        }
    };
}

operations! {
    pairwise::Add,
    pairwise::Sub,
    pairwise::Mul,
    pairwise::Div,
    elementwise::Scale,
    elementwise::Shift,
    elementwise::Exp,
    elementwise::Log,
    elementwise::Sqrt,
    elementwise::Sin,
    elementwise::Cos,
    elementwise::Tanh,
    elementwise::Atan,
    elementwise::Erf,
    elementwise::Sigmoid,
    power::Power,
    cast::Cast,
    selection::Where,
    sum::Sum,
    log_softmax::LogSoftmax,
    matmul::Matmul,
    conv2d::Conv2d,
    sum_pool2d::SumPool2d,
    strided::Strided,
    write::Write,
    take::Take,
    put::Put,
    concat::Concat,
}

/// The inputs of an operation that takes `N`.
fn expect<'a, const N: usize>(inputs: &[&'a Shape]) -> Result<[&'a Shape; N], String> {
    inputs.try_into().map_err(|_| format!("it has {} inputs, but takes {N}", inputs.len()))
}

/// The number of elements of a shape, or `usize::MAX` where it does not fit.
pub(crate) fn elements(shape: &[usize]) -> usize {
    shape.iter().try_fold(1_usize, |n, &e| n.checked_mul(e)).unwrap_or(usize::MAX)
}

/// A shape whose size can be computed with.
fn sized(shape: Shape) -> Result<Shape, String> {
    match elements(&shape) < isize::MAX as usize / 64 {
        true => Ok(shape),
        false => Err(format!("its result would have the shape {shape}, which no memory holds")),
    }
}

#[cfg(test)]
mod tests;
