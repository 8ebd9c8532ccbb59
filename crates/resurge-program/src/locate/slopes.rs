//! Slopes that no surrogate has, or not the one that was declared.

use super::how;
use crate::ProgramFile;
use crate::check::norm;
use crate::forward::{Run, within};
use crate::node::{Kind, Node, Surrogate};
use crate::report::Fault;
use resurge_tensor::Tensor;
use std::collections::BTreeMap;

/// How exactly a framework's slope is the declared one: some roundings of its own formula, and those of its input, to which
/// no slope is steeper than its peak over a hundredth of its width.
const ROUNDINGS: f64 = 256.0;

/// A negative slope of this part of the largest is no rounding.
const NEGATIVE: f64 = 1e-9;

/// A use of a surrogate, with the slopes that its backward used.
type Use<'a> = (&'a Node, &'a Surrogate, &'a Tensor<f64>);

pub(crate) fn faults(file: &ProgramFile, run: &Run) -> Vec<Fault> {
    // All nodes of one function at one place together: in one step, all neurons may be in the wings.
    let mut uses: BTreeMap<(&str, String), Vec<Use<'_>>> = BTreeMap::new();
    for node in file.nodes.iter().filter(|node| node.needed && node.carries) {
        let Kind::Surrogate(surrogate) = &node.kind else { continue };
        let Some(slopes) = surrogate.slopes.first() else { continue };
        let of = (surrogate.function.as_str(), file.place(node.site));
        uses.entry(of).or_default().push((node, surrogate, slopes));
    }
    let judged = uses.into_iter().filter_map(|((function, place), uses)| {
        let undeclared = uses.iter().filter(|(_, surrogate, _)| surrogate.declared.is_none());
        let negative = negative(undeclared.flat_map(|(_, _, slopes)| slopes.as_slice()));
        let (how, size) = negative.or_else(|| {
            uses.iter().find_map(|(node, surrogate, slopes)| {
                let declared = surrogate.declared?;
                other(file, run, node, slopes, |u| declared.derivative(u))
            })
        })?;
        Some(Fault { function: function.to_owned(), place, input: 0, how, size })
    });
    judged.collect()
}

/// A spike is more likely where the potential is higher: its slope is nowhere negative for any that is in use, but in the
/// wings of a multi-Gaussian.
fn negative<'a>(slopes: impl Iterator<Item = &'a f64> + Clone) -> Option<(String, f64)> {
    let largest = slopes.clone().fold(0.0, |m: f64, s| m.max(s.abs()));
    let positive = slopes.clone().any(|&s| s > NEGATIVE * largest);
    (largest > 0.0 && !positive).then(|| ("that of no surrogate: its slopes are negative".into(), 2.0))
}

fn other(
    file: &ProgramFile,
    run: &Run,
    node: &Node,
    slopes: &Tensor<f64>,
    declared: impl Fn(f64) -> f64,
) -> Option<(String, f64)> {
    let u = run.seen(file, node.inputs[0])?;
    let right: Vec<f64> = u.iter().map(|&u| declared(u)).collect();
    let peak = right.iter().fold(0.0, |m: f64, s| m.max(s.abs()));
    let allowed = ROUNDINGS * file.coarsest * peak;
    let off: Vec<f64> = slopes.as_slice().iter().zip(&right).map(|(a, b)| a - b).collect();
    // At a kink either side is right.
    let kink = |u: f64, found: f64| {
        let h = 1e3 * file.coarsest * u.abs().max(1.0);
        [u - h, u + h].iter().any(|&u| (declared(u) - found).abs() <= allowed)
    };
    let wrong = (0..off.len()).any(|i| !within(off[i].abs(), allowed) && !kink(u[i], slopes.as_slice()[i]));
    wrong.then(|| {
        let words = how(&right, slopes.as_slice(), &node.shape).0;
        (format!("not that of the declared surrogate: {words}"), norm(&off) / norm(&right))
    })
}
