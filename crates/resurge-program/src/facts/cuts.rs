//! What each cut leaves out: the gradient with that place attached, beside the gradient.

use crate::Result;
use crate::check::norm;
use crate::interpret::Recorded;
use crate::node::Kind;
use crate::report::CutFact;
use resurge_tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet};

/// Places of which it is computed what they leave out, each by a pass of its own. The rest is only named.
const AT_MOST: usize = 24;

pub(crate) fn all(program: &Recorded<'_>) -> Result<Vec<CutFact>> {
    let file = program.file;
    let mut places: BTreeMap<(String, String), BTreeSet<usize>> = BTreeMap::new();
    for (index, node) in file.nodes.iter().enumerate().filter(|(_, node)| node.needed) {
        if let Kind::Stop(stop) = &node.kind
            && file.nodes[node.inputs[0]].carries
        {
            places.entry((stop.kind.clone(), file.place(node.site))).or_default().insert(index);
        }
    }
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let (own, _) = program.gradient::<f64>()?;
    let mut facts = Vec::new();
    for (number, ((kind, place), stops)) in places.into_iter().enumerate() {
        let mut fact = CutFact {
            kind,
            place,
            times: stops.len(),
            omitted: f64::NAN,
            cosine: f64::NAN,
            by_leaf: Vec::new(),
        };
        if number < AT_MOST {
            let attached = Recorded { attached: stops, ..program.clone() };
            let (whole, _) = attached.gradient::<f64>()?;
            (fact.omitted, fact.cosine) = beside(&flat(&own), &flat(&whole));
            let each = own.iter().zip(&whole).zip(&file.leaves);
            fact.by_leaf = each
                .map(|((own, whole), &leaf)| {
                    let (omitted, cosine) = beside(own.as_slice(), whole.as_slice());
                    (file.leaf_name(leaf).to_owned(), omitted, cosine)
                })
                .collect();
        }
        facts.push(fact);
    }
    facts.sort_by(|a, b| b.omitted.total_cmp(&a.omitted));
    Ok(facts)
}

fn flat(gradient: &[Tensor<f64>]) -> Vec<f64> {
    gradient.iter().flat_map(|g| g.as_slice().iter().copied()).collect()
}

/// The relative norm of what is left out, and the cosine.
fn beside(own: &[f64], whole: &[f64]) -> (f64, f64) {
    let difference: Vec<f64> = own.iter().zip(whole).map(|(a, b)| a - b).collect();
    let dot: f64 = own.iter().zip(whole).map(|(a, b)| a * b).sum();
    let (size, both) = (norm(whole), norm(own) * norm(whole));
    let omitted = if norm(&difference) == 0.0 { 0.0 } else { norm(&difference) / size };
    let cosine = match both > 0.0 {
        true => (dot / both).min(1.0),
        false => f64::from(u8::from(norm(own) == size)),
    };
    (omitted, cosine)
}
