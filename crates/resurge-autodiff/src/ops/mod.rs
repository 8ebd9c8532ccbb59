//! The operations: one file each, holding its forward pass, its vector-Jacobian product, the cases on which it
//! is checked, and its tests.
//!
//! To add one: write its file beside these, with a `cases` function, and add one line to the list below. The
//! test `every_op_file_is_registered` fails for a file without its line, and the registry's check compares
//! every operation's vector-Jacobian product with its full Jacobian by dual numbers.

mod case;
mod check;
mod elementwise;

pub use case::{OpCase, RegisteredOp};
pub use check::OpMismatch;

macro_rules! operations {
    ($($file:ident),* $(,)?) => {
        $(mod $file;)*

        /// Every operation of this crate with the inputs on which it is checked.
        pub fn registry() -> Vec<OpCase> {
            let mut cases = Vec::new();
            $(cases.extend($file::cases());)*
            cases
        }
    };
}

operations!(
    abs,
    add,
    atan,
    avg_pool2d,
    broadcast_to,
    conv2d,
    cos,
    detach,
    div,
    erf,
    exp,
    ln,
    log_softmax,
    logistic,
    matmul,
    max_axis,
    max_pool2d,
    mul,
    neg,
    permute,
    powi,
    relu,
    reshape,
    scale,
    scale_grad,
    select,
    shift,
    sin,
    sqrt,
    stack,
    sub,
    sum,
    sum_axis,
    sum_pool2d,
    tanh,
);
