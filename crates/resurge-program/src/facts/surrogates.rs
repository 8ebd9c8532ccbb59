//! The surrogates, each with its family, width and scale, found from its values and slopes.

use super::fit::{self, Found};
use super::flow::flow;
use crate::ProgramFile;
use crate::forward::Run;
use crate::node::Kind;
use crate::report::SurrogateFact;
use resurge_tensor::Tensor;
use std::collections::BTreeMap;

/// A point of a surrogate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) u: f64,
    pub(crate) slope: f64,
    pub(crate) value: f64,
}

/// The uses of one surrogate at one place.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) nodes: Vec<usize>,
    points: Vec<Point>,
    threshold: Option<f64>,
    adjoints: Vec<f64>,
}

impl Group {
    /// Which surrogate it is, in numbers of so much rounding.
    pub(crate) fn fitted(&self, unit: f64) -> Found {
        fit::surrogate(&self.points, self.threshold, unit)
    }
}

/// The surrogates that a gradient flows through, by function and place.
pub(crate) fn nodes(file: &ProgramFile) -> BTreeMap<(String, String), Vec<usize>> {
    let mut found: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (index, node) in file.nodes.iter().enumerate().filter(|(_, node)| node.needed && node.carries) {
        if let Kind::Surrogate(surrogate) = &node.kind {
            let of = (surrogate.function.clone(), file.place(node.site));
            found.entry(of).or_default().push(index);
        }
    }
    found
}

/// The same with what is known of them.
pub(crate) fn groups(file: &ProgramFile, run: &Run) -> BTreeMap<(String, String), Group> {
    let group = |nodes: Vec<usize>| {
        let mut group = Group::default();
        for &index in &nodes {
            let node = &file.nodes[index];
            let Kind::Surrogate(surrogate) = &node.kind else { continue };
            let (Some(own), Some(value)) = (run.seen(file, node.inputs[0]), &node.value) else { continue };
            let slopes = surrogate.slopes.first().map_or(&[][..], Tensor::as_slice);
            let points = own.iter().zip(slopes).zip(value.as_slice());
            group.points.extend(points.map(|((&u, &slope), &value)| Point { u, slope, value }));
            group.threshold = group.threshold.or(surrogate.step.as_ref().map(|(_, threshold)| *threshold));
            group.adjoints.push(run.adjoints.get(&index).copied().unwrap_or(0.0));
        }
        Group { nodes, ..group }
    };
    nodes(file).into_iter().map(|(of, nodes)| (of, group(nodes))).collect()
}

pub(crate) fn all(file: &ProgramFile, run: &Run) -> Vec<SurrogateFact> {
    groups(file, run)
        .into_iter()
        .map(|((function, place), group)| {
            let found = group.fitted(file.coarsest);
            SurrogateFact {
                function,
                place,
                times: group.nodes.len(),
                family: found.nearest.as_ref().filter(|_| found.fits).map(|n| n.0.clone()),
                nearest: found.nearest,
                jump: found.jump,
                peak: group.points.iter().fold(0.0, |peak: f64, p| peak.max(p.slope.abs())),
                area: found.area,
                flow: flow(&group.adjoints),
                adjoints: group.adjoints,
            }
        })
        .collect()
}
