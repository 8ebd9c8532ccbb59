//! What the gradient is: where it is cut, by which surrogates it flows, what is trusted, which parameters have none.

pub(crate) mod cuts;
pub(crate) mod fit;
mod flow;
mod lags;
pub(crate) mod surrogates;

use crate::ProgramFile;
use crate::node::Kind;
use crate::report::{MissingFact, TrustedFact};
use std::collections::{BTreeMap, BTreeSet};

/// The functions that are taken at their word, by function and line.
pub(crate) fn trusted(file: &ProgramFile) -> Vec<TrustedFact> {
    let mut found: BTreeMap<(String, String), TrustedFact> = BTreeMap::new();
    for node in file.nodes.iter().filter(|node| node.needed && node.carries) {
        let Kind::Opaque(opaque) = &node.kind else { continue };
        if opaque.defined().is_some() {
            continue;
        }
        let place = file.place(node.site);
        let why = match opaque.problems.is_empty() {
            true => "it is not elementwise, and has no definition".into(),
            false => opaque.problems.join("; "),
        };
        let entry = found.entry((opaque.function.clone(), place.clone())).or_insert_with(|| TrustedFact {
            function: opaque.function.clone(),
            place,
            times: 0,
            why,
        });
        entry.times += 1;
    }
    found.into_values().collect()
}

/// The leaves without a gradient, and the places where the paths from them end.
pub(crate) fn missing(file: &ProgramFile) -> Vec<MissingFact> {
    let without = |&&leaf: &&usize| {
        let gradient = file.nodes[leaf].cotangent.as_ref();
        gradient.is_none_or(|g| g.as_slice().iter().all(|&x| x == 0.0))
    };
    let why = |&leaf: &usize| {
        let mut reached: BTreeSet<usize> = BTreeSet::from([leaf]);
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        let mut flows = false;
        for (index, node) in file.nodes.iter().enumerate().filter(|(_, node)| node.needed) {
            if !node.inputs.iter().any(|i| reached.contains(i)) {
                continue;
            }
            if node.kind.passes() {
                reached.insert(index);
                flows |= index == file.loss;
            } else if !matches!(node.kind, Kind::Leaf(_) | Kind::Constant) {
                *ends.entry(format!("{} at {}", node.kind.name(), file.place(node.site))).or_default() += 1;
            }
        }
        let ends: Vec<String> = ends.into_keys().take(3).collect();
        let why = match (flows, ends.is_empty()) {
            (true, _) => "every path to the loss has a slope of zero".into(),
            (false, true) => "the loss does not use it".into(),
            (false, false) => format!("its path ends: {}", ends.join(", ")),
        };
        MissingFact { name: file.leaf_name(leaf).into(), why }
    };
    file.leaves.iter().filter(without).map(why).collect()
}
