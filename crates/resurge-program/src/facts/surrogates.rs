//! The surrogates, each with its family, width and scale, found from its values and slopes.

use super::fit;
use crate::ProgramFile;
use crate::check::norm;
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

#[derive(Default)]
struct Group {
    points: Vec<Point>,
    times: usize,
    threshold: Option<f64>,
    adjoints: Vec<f64>,
}

pub(crate) fn all(file: &ProgramFile, run: &Run) -> Vec<SurrogateFact> {
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for node in file.nodes.iter().filter(|node| node.needed && node.carries) {
        let Kind::Surrogate(surrogate) = &node.kind else { continue };
        let (Some(u), Some(value)) = (&run.values[node.inputs[0]], &node.value) else { continue };
        let group = groups.entry((surrogate.function.clone(), file.place(node.site))).or_default();
        group.times += 1;
        // The framework's own input decides its slope, where it is there.
        let own: Vec<f64> = match &file.nodes[node.inputs[0]].value {
            Some(recorded) => recorded.to_vec(),
            None => u.as_slice().iter().map(|x| x.value).collect(),
        };
        let slopes = surrogate.slopes.first().map_or(&[][..], Tensor::as_slice);
        let points = own.iter().zip(slopes).zip(value.as_slice());
        group.points.extend(points.map(|((&u, &slope), &value)| Point { u, slope, value }));
        group.threshold = group.threshold.or(surrogate.step.as_ref().map(|(_, threshold)| *threshold));
        group.adjoints.extend(node.cotangent.as_ref().map(|c| norm(c.as_slice())));
    }
    groups
        .into_iter()
        .map(|((function, place), group)| {
            let found = fit::surrogate(&group.points, group.threshold, file.coarsest);
            SurrogateFact {
                function,
                place,
                times: group.times,
                family: found.nearest.as_ref().filter(|_| found.fits).map(|n| n.0.clone()),
                nearest: found.nearest,
                jump: found.jump,
                peak: group.points.iter().fold(0.0, |peak: f64, p| peak.max(p.slope.abs())),
                area: found.area,
                adjoints: group.adjoints,
            }
        })
        .collect()
}
