//! The operations: one file each, holding its forward pass, its vector-Jacobian product, the cases on which it
//! is checked, and its tests.
//!
//! To add one: write its file beside these, with a `cases` function, and add its name twice below: its `mod`
//! line, and its entry in the list of the registry. A module that is not in the list does not pass the build
//! without a warning (its `cases` are not used), nor the test `every_op_file_is_registered`, which compares the
//! directory with the registry; the registry's check compares every operation's vector-Jacobian product with its
//! full Jacobian by dual numbers.

mod case;
mod check;
mod elementwise;

mod abs;
mod add;
mod atan;
mod avg_pool2d;
mod broadcast_to;
mod conv2d;
mod cos;
mod detach;
mod div;
mod erf;
mod exp;
mod ln;
mod log_softmax;
mod logistic;
mod matmul;
mod max_axis;
mod max_pool2d;
mod mul;
mod neg;
mod permute;
mod powi;
mod relu;
mod reshape;
mod scale;
mod scale_grad;
mod select;
mod shift;
mod sin;
mod sqrt;
mod stack;
mod sub;
mod sum;
mod sum_axis;
mod sum_pool2d;
mod tanh;

pub use case::{OpCase, RegisteredOp};
pub use check::OpMismatch;

/// Every operation of this crate with the inputs on which it is checked.
pub fn registry() -> Vec<OpCase> {
    let of_each_file: &[fn() -> Vec<OpCase>] = &[
        abs::cases,
        add::cases,
        atan::cases,
        avg_pool2d::cases,
        broadcast_to::cases,
        conv2d::cases,
        cos::cases,
        detach::cases,
        div::cases,
        erf::cases,
        exp::cases,
        ln::cases,
        log_softmax::cases,
        logistic::cases,
        matmul::cases,
        max_axis::cases,
        max_pool2d::cases,
        mul::cases,
        neg::cases,
        permute::cases,
        powi::cases,
        relu::cases,
        reshape::cases,
        scale::cases,
        scale_grad::cases,
        select::cases,
        shift::cases,
        sin::cases,
        sqrt::cases,
        stack::cases,
        sub::cases,
        sum::cases,
        sum_axis::cases,
        sum_pool2d::cases,
        tanh::cases,
    ];
    of_each_file.iter().flat_map(|cases| cases()).collect()
}
