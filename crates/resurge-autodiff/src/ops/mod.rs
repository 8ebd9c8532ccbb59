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
///
/// ```
/// use resurge_autodiff::ops::registry;
///
/// for case in registry() {
///     case.check(1)?;
/// }
/// # Ok::<(), resurge_autodiff::ops::OpMismatch>(())
/// ```
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Op;
    use std::collections::BTreeSet;

    #[test]
    fn every_op_file_is_registered() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops");
        let shared = ["mod", "case", "check", "elementwise"];
        let files: BTreeSet<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|name| !shared.contains(&name.as_str()))
            .collect();
        let registered: BTreeSet<String> = registry().iter().map(|case| case.name().to_owned()).collect();
        assert_eq!(files, registered, "each file in src/ops is one operation with its entry in the registry");
    }

    #[test]
    fn every_op_has_cases_of_size_zero_and_one() {
        for name in registry().iter().map(OpCase::name).collect::<BTreeSet<_>>() {
            let lens: Vec<usize> = registry()
                .iter()
                .filter(|case| case.name() == name)
                .flat_map(|case| case.inputs.clone())
                .map(|shape| shape.checked_len().unwrap())
                .collect();
            assert!(lens.contains(&0) && lens.contains(&1), "{name}: sizes {lens:?}");
        }
    }

    #[test]
    fn every_case_draws_from_an_interval_without_a_kink() {
        for case in registry() {
            let (low, high) = case.domain;
            assert!(low < high, "{}: {low}..{high}", case.name());
            if ["abs", "relu"].contains(&case.name()) {
                assert!(low * high > 0.0, "{}: 0 lies in {low}..{high}", case.name());
            }
        }
    }

    /// What listings and drawings show beside the name, for the first and the last case of each operation.
    #[test]
    fn parameters_are_shown_beside_the_name() {
        let cases = registry();
        for (name, first, last) in [
            ("avg_pool2d", "1x1, stride 1x1, padding 0x0", "2x2, stride 1x1, padding 0x0"),
            ("conv2d", "stride 1x1, padding 0x0, groups 1", "stride 1x1, padding 0x0, groups 1"),
            ("matmul", "A B", "AT BT"),
            ("max_axis", "axis 0", "axis 2"),
            ("max_pool2d", "1x1, stride 1x1, padding 0x0", "2x2, stride 1x1, padding 0x0"),
            ("permute", "[1, 0]", "[1, 0]"),
            ("powi", "^0", "^-2"),
            ("scale", "x -0.75", "x -0.75"),
            ("scale_grad", "x 0.4", "x 0.4"),
            ("select", "[0]", "[1]"),
            ("shift", "+ 0.75", "+ 0.75"),
            ("sum_axis", "axis 0", "axis 2"),
            ("sum_pool2d", "1x1, stride 1x1, padding 0x0", "2x2, stride 1x1, padding 0x0"),
        ] {
            let shown: Vec<Option<String>> =
                cases.iter().filter(|c| c.name() == name).map(|c| Op::<f64>::detail(&*c.op)).collect();
            assert_eq!(shown.first().unwrap().as_deref(), Some(first), "{name}");
            assert_eq!(shown.last().unwrap().as_deref(), Some(last), "{name}");
        }
        let without = ["abs", "add", "detach", "exp", "reshape", "stack", "sum"];
        let plain = cases.iter().filter(|c| without.contains(&c.name()));
        assert!(plain.map(|c| Op::<f64>::detail(&*c.op)).all(|detail| detail.is_none()));
    }
}
