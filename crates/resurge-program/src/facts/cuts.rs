//! What each cut leaves out: the gradient with that place attached, beside the gradient.

use super::lags::Lags;
use super::surrogates;
use crate::check::norm;
use crate::claim;
use crate::forward::Run;
use crate::interpret::Recorded;
use crate::node::Kind;
use crate::recurrence::{Recurrence, Role};
use crate::report::CutFact;
use crate::rule::Rule;
use crate::{ProgramFile, Result};
use resurge_tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet};

/// Places of which it is computed what they leave out, each by a pass of its own. The rest is only named.
const AT_MOST: usize = 24;

/// The stops by how and where they are.
pub(crate) fn places(file: &ProgramFile) -> BTreeMap<(String, String), BTreeSet<usize>> {
    let mut places: BTreeMap<(String, String), BTreeSet<usize>> = BTreeMap::new();
    for index in claim::stops(file) {
        let node = &file.nodes[index];
        if let Kind::Stop(stop) = &node.kind {
            places.entry((stop.kind.clone(), file.place(node.site))).or_default().insert(index);
        }
    }
    places
}

pub(crate) fn all(program: &Recorded<'_>, run: &Run, recurrence: &Recurrence) -> Result<Vec<CutFact>> {
    let file = program.file;
    let places = places(file);
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let own = program.gradient()?;
    let layers: Vec<Vec<usize>> = surrogates::nodes(file).into_values().collect();
    let spikes = layers.concat();
    let lags = Lags::of(program, run, recurrence)?;
    let mut facts = Vec::new();
    for (number, ((kind, place), stops)) in places.into_iter().enumerate() {
        let mut fact = CutFact {
            kind,
            place,
            times: stops.len(),
            role: stops.iter().map(|&stop| recurrence.role(stop)).min().unwrap_or(Role::Other).name().into(),
            omitted: f64::NAN,
            cosine: f64::NAN,
            by_leaf: Vec::new(),
            by_lag: Vec::new(),
            adjoints: Vec::new(),
        };
        if number < AT_MOST {
            if fact.role != Role::Other.name() {
                fact.by_lag = lags.left_out(&stops)?;
            }
            let attached = Recorded { file, rule: Rule::attaching(&stops) };
            let pass = attached.pass::<f64>(&spikes)?;
            let size = |spike: &usize| pass.adjoints.get(spike).map_or(0.0, |g| norm(g.as_slice()));
            fact.adjoints = layers.iter().map(|spikes| spikes.iter().map(size).collect()).collect();
            let whole = pass.gradient;
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

pub(crate) fn flat(gradient: &[Tensor<f64>]) -> Vec<f64> {
    gradient.iter().flat_map(|g| g.as_slice().iter().copied()).collect()
}

/// The relative norm of what is left out, and the cosine.
pub(crate) fn beside(own: &[f64], whole: &[f64]) -> (f64, f64) {
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
