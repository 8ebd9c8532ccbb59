//! Which gradient is it, if not the program's?

use crate::check::{gradients, norm};
use crate::facts::surrogates::{self, Group};
use crate::facts::{cuts, fit};
use crate::forward::Run;
use crate::interpret::Recorded;
use crate::node::Kind;
use crate::recurrence::Recurrence;
use crate::report::Explanation;
use crate::rule::Rule;
use crate::{ProgramFile, Result};
use resurge_snn::{ResetGradient, Surrogate, SurrogateScale};
use resurge_tensor::{Bounded, Tensor};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Operations that a search may take, and the fewest passes that it has nevertheless.
const OPERATIONS: usize = 4_000_000_000;
const PASSES: [usize; 2] = [12, 1000];

/// What a candidate may leave, for its own bounds to be computed: F32 rounding moves a gradient by no more.
const NEAR: f64 = 1e-2;

/// Passes of a fit: its start and the golden section.
const A_FIT: usize = 100;

/// Factors from which fits start: of a reset, and of a surrogate's slopes.
const OF_RESET: [f64; 7] = [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0];
const OF_SLOPES: [f64; 9] = [-1.0, 0.125, 0.25, 0.5, 0.75, 1.25, 2.0, 4.0, 8.0];

/// An explanation that leaves more than this says nothing.
const WORTH: f64 = 0.5;

/// All that explain the recorded gradient; where there are none, the nearest.
pub(crate) fn search(program: &Recorded<'_>, run: &Run, recurrence: &Recurrence) -> Result<Vec<Explanation>> {
    let file = program.file;
    let found: Vec<f64> = file.leaves.iter().flat_map(|&leaf| recorded(file, leaf)).collect();
    let size = norm(&found);
    if size == 0.0 || !size.is_finite() {
        return Ok(Vec::new());
    }
    let passes = (OPERATIONS / file.work.max(1)).clamp(PASSES[0], PASSES[1]);
    let groups = surrogates::groups(file, run);
    let search = Search { file, run, groups, found, size, passes: Cell::new(passes) };
    let mut all: Vec<Explanation> = search.multiple().into_iter().collect();
    // One after the other: the slopes of all other surrogates at once would be many times the program.
    let candidates = search.candidates(recurrence).into_iter().chain(search.other_surrogates());
    for (words, rule) in candidates.filter(|(_, rule)| !rule.is_own()) {
        all.extend(search.measured(words, rule)?);
    }
    if !all.iter().any(|e| e.explains) {
        all.extend(search.fitted(recurrence)?);
    }
    all.retain(|e| e.explains || e.residual < WORTH);
    all.sort_by(|a, b| b.explains.cmp(&a.explains).then(a.residual.total_cmp(&b.residual)));
    let explaining = all.iter().filter(|e| e.explains).count();
    all.truncate(explaining.max(1));
    Ok(all)
}

/// The framework's gradient by a leaf; zeros where it has none.
fn recorded(file: &ProgramFile, leaf: usize) -> Vec<f64> {
    let node = &file.nodes[leaf];
    let zeros = || vec![0.0; node.shape.iter().product()];
    node.cotangent.as_ref().map_or_else(zeros, Tensor::to_vec)
}

struct Search<'a> {
    file: &'a ProgramFile,
    run: &'a Run,
    groups: BTreeMap<(String, String), Group>,
    found: Vec<f64>,
    size: f64,
    passes: Cell<usize>,
}

impl Search<'_> {
    /// What is left between the recorded gradient and another.
    fn left(&self, other: impl Iterator<Item = f64>) -> f64 {
        norm(&self.found.iter().zip(other).map(|(a, b)| a - b).collect::<Vec<_>>()) / self.size
    }

    fn residual(&self, rule: &Rule) -> Result<f64> {
        self.passes.set(self.passes.get().saturating_sub(1));
        let gradient = Recorded { file: self.file, rule: rule.clone() }.gradient()?;
        Ok(self.left(cuts::flat(&gradient).into_iter()))
    }

    fn explains(&self, gradient: &[Tensor<Bounded>]) -> bool {
        gradients(self.file, gradient, None).iter().all(|g| g.wrong == 0)
    }

    /// A candidate, if it is worth a word; its bounds are computed where it is near.
    fn measured(&self, words: String, rule: Rule) -> Result<Option<Explanation>> {
        if self.passes.get() == 0 {
            return Ok(None);
        }
        let residual = self.residual(&rule)?;
        let explains = residual < NEAR && {
            self.passes.set(self.passes.get().saturating_sub(4));
            self.explains(&Run::of(&Recorded { file: self.file, rule })?.gradient)
        };
        Ok((explains || residual < WORTH).then_some(Explanation { words, residual, explains }))
    }

    /// The program's gradient times a number.
    fn multiple(&self) -> Option<Explanation> {
        let own: Vec<f64> =
            self.run.gradient.iter().flat_map(|g| g.as_slice().iter().map(|x| x.value)).collect();
        let squares: f64 = own.iter().map(|x| x * x).sum();
        let exact = own.iter().zip(&self.found).map(|(a, b)| a * b).sum::<f64>() / squares;
        let residual = self.left(own.iter().map(|x| exact * x));
        if residual.is_nan() || residual >= NEAR {
            return None;
        }
        let by = |factor: f64| -> Vec<Tensor<Bounded>> {
            let factor = Bounded::new(factor, 0.0);
            self.run.gradient.iter().map(|g| g.map(|x| x * factor)).collect()
        };
        let short = fit::round(exact);
        if short == 1.0 {
            return None;
        }
        let explains = self.explains(&by(short)) || self.explains(&by(exact));
        let words = format!("the program's gradient times {short}");
        Some(Explanation { words, residual, explains })
    }

    /// Cut or attached elsewhere, and other surrogates.
    fn candidates(&self, recurrence: &Recurrence) -> Vec<(String, Rule)> {
        let mut found = Vec::new();
        for (name, of) in [
            ("with every reset attached", ResetGradient::Full),
            ("with every reset detached", ResetGradient::Detached),
            ("with every reset and every state of the step before detached", ResetGradient::SpatialOnly),
        ] {
            found.push((format!("the gradient {name}"), recurrence.rule(of)));
        }
        let places = cuts::places(self.file);
        for ((kind, place), stops) in &places {
            found.push((format!("the gradient with {kind} at {place} attached"), Rule::attaching(stops)));
        }
        let mut resets: BTreeMap<String, Rule> = BTreeMap::new();
        for &(taker, spike) in &recurrence.reset_edges {
            let node = &self.file.nodes[spike];
            let Kind::Surrogate(surrogate) = &node.kind else { continue };
            let place = self.file.place(node.site);
            let words = format!("the gradient with the reset by {} at {place} detached", surrogate.function);
            resets.entry(words).or_default().edges.insert((taker, spike), 0.0);
        }
        if resets.len() > 1 {
            found.extend(resets);
        }
        found
    }

    /// Each surrogate in the shapes of all others, with its own height and area.
    fn other_surrogates(&self) -> impl Iterator<Item = (String, Rule)> {
        self.groups.iter().flat_map(move |((function, place), group)| {
            let fitted = group.fitted(self.file.coarsest);
            let own = fitted.surrogate.filter(|_| fitted.fits);
            own.into_iter().flat_map(move |(own, centre)| {
                let others = Surrogate::ALL.iter().filter(move |one| one.entry.name != own.name());
                others.filter_map(move |one| {
                    let made = one.of_width?(own.width()).ok()?;
                    let made = made.with_scale(SurrogateScale::Peak(own.derivative(0.0)));
                    let words = format!(
                        "the gradient with the slopes of {} in the place of those of {function} at {place}",
                        fit::described(&made)
                    );
                    Some((words, self.with_slopes(group, |u| made.derivative(u - centre))))
                })
            })
        })
    }

    /// Other slopes in each call of a surrogate that has one input.
    fn with_slopes(&self, group: &Group, slope: impl Fn(f64) -> f64) -> Rule {
        let mut rule = Rule::default();
        for &index in &group.nodes {
            let node = &self.file.nodes[index];
            let Kind::Surrogate(surrogate) = &node.kind else { continue };
            let inputs = self.run.seen(self.file, node.inputs[0]);
            let (Some(inputs), [_]) = (inputs, &surrogate.slopes[..]) else { continue };
            let slopes = inputs.into_iter().map(&slope).collect();
            let slopes = Tensor::from_vec(node.shape.clone(), slopes);
            rule.slopes.extend(slopes.ok().map(|slopes| (index, vec![slopes])));
        }
        rule
    }

    /// The reset times a factor, and each surrogate's slopes times one.
    fn fitted(&self, recurrence: &Recurrence) -> Result<Option<Explanation>> {
        let mut best: Option<Explanation> = None;
        let mut keep = |found: Option<Explanation>| {
            if let Some(found) = found
                && best.as_ref().is_none_or(|b| (b.explains, -b.residual) < (found.explains, -found.residual))
            {
                best = Some(found);
            }
        };
        if recurrence.has_reset() {
            let at = |factor: f64| {
                let mut rule = recurrence.rule(ResetGradient::Full);
                rule.attached.iter_mut().for_each(|(stop, by)| {
                    *by = if recurrence.resets.contains(stop) { factor } else { *by };
                });
                rule.edges.extend(recurrence.reset_edges.iter().map(|&edge| (edge, factor)));
                rule
            };
            keep(self.fit(&OF_RESET, at, |factor| format!("the gradient with the reset times {factor}"))?);
        }
        for ((function, place), group) in &self.groups {
            let at = |factor: f64| {
                let mut rule = Rule::default();
                for &index in &group.nodes {
                    if let Kind::Surrogate(surrogate) = &self.file.nodes[index].kind {
                        let slopes = surrogate.slopes.iter().map(|s| s.scale(factor)).collect();
                        rule.slopes.insert(index, slopes);
                    }
                }
                rule
            };
            let words =
                |factor| format!("the gradient with the slopes of {function} at {place} times {factor}");
            keep(self.fit(&OF_SLOPES, at, words)?);
        }
        Ok(best)
    }

    fn fit(
        &self,
        starts: &[f64],
        at: impl Fn(f64) -> Rule,
        words: impl Fn(f64) -> String,
    ) -> Result<Option<Explanation>> {
        if self.passes.get() < A_FIT {
            return Ok(None);
        }
        let left = |factor: f64| self.residual(&at(factor)).unwrap_or(f64::INFINITY);
        let Some(start) = (0..starts.len()).min_by(|&a, &b| left(starts[a]).total_cmp(&left(starts[b])))
        else {
            return Ok(None);
        };
        let (low, high) = (starts[start.saturating_sub(1)], starts[(start + 1).min(starts.len() - 1)]);
        let exact = fit::golden(&left, low, high);
        let short = fit::round(exact);
        let found = self.measured(words(short), at(short))?;
        match found {
            Some(found) if !found.explains => {
                Ok(Some(self.measured(words(short), at(exact))?.unwrap_or(found)))
            }
            found => Ok(found),
        }
    }
}
