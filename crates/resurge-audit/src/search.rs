//! Which gradient is it, if not the claimed one?

use super::compare::{Comparison, Expected, dot, scaled, units};
use super::cost;
use super::digits::{ONCE, four_digits};
use super::error::Result;
use super::file::AuditFile;
use super::fit::fit;
use super::parts;
use super::rules::{
    Candidate, candidate, other_resets, other_surrogates, plain_rules, time_shifts, truncations,
};
use super::run::{NetworkRun, Rule};
use rayon::prelude::*;
use resurge_snn::ResetGradient;
use resurge_tensor::Bounded;
use serde::Serialize;

/// An explanation of the file's gradients.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/scaled-f32.safetensors".as_ref())?;
/// let best = &audit(&file, &AuditOptions::default())?.explanations[0];
/// assert!(best.code == "scaled 0.25" && best.explains && best.residual < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The code, as on the format page.
    pub code: String,
    /// In words.
    pub words: String,
    /// What it leaves unexplained: the root mean square of the relative errors of all tensors.
    pub residual: f64,
    /// Whether every number is within its tolerance of it.
    pub explains: bool,
    #[serde(skip)]
    pub(super) rule: Option<Rule>,
}

/// What a candidate may leave of a tensor, or so many of its tolerances, for its own bounds to be computed.
const PROMISING: (f64, f64) = (0.02, 4.0);

/// How many candidates get their own bounds at the most, in the order of preference. Each takes some four passes.
const BOUNDED: usize = 8;

/// Backward passes for which a fit is worth its start: a few steps.
const A_FIT: usize = 30;

/// Passes that are kept for the three fits, the longest of which has 25 starts.
const FITS: usize = 3 * (25 + 2 * A_FIT);

/// Where the fit of the reset term's factor starts: between none and all of it, beyond, and of the other sign.
const RESET_STARTS: [f64; 5] = [0.25, 0.5, 0.75, 1.5, -0.5];

/// Where the fit of the surrogate's factor starts: a quarter to four times, and of the other sign.
const SCALE_STARTS: [f64; 6] = [0.25, 0.5, 1.5, 2.0, 4.0, -1.0];

/// Whether bounds could cover what a candidate leaves of a tensor, the claim's tolerance of which is known.
fn may_explain(left: f64, tolerance: f64) -> bool {
    left <= PROMISING.0.max(PROMISING.1 * tolerance)
}

/// How many candidates get their own bounds where so many passes may be made.
fn most_bounded(passes: usize) -> usize {
    BOUNDED.min(passes / 8).max(1)
}

/// All explanations, the preferred first among those that explain everything, then by residual; and how many were not
/// tried, since they would take longer than a file of its size is given.
pub(super) fn search(
    run: &NetworkRun<'_, Bounded>,
    claimed: &[Expected],
) -> Result<(Vec<Explanation>, usize)> {
    within(run, claimed, cost::passes(run.file))
}

/// The same within so many backward passes.
fn within(
    run: &NetworkRun<'_, Bounded>,
    claimed: &[Expected],
    passes: usize,
) -> Result<(Vec<Explanation>, usize)> {
    let file = run.file;
    let at_claim = Comparison::new(file, claimed);
    let search = Search { file, run, plain: NetworkRun::new(file)?, claimed, at_claim: &at_claim };
    let mut found: Vec<Explanation> = parts::right_but_for_one(file, claimed, &at_claim);
    found.extend(parts::zeroed(file));
    // No multiple of nothing is anything else.
    if !at_claim.tensors.iter().all(|tensor| tensor.vanishes) {
        found.extend(search.whole_gradient());
    }
    let mut candidates = plain_rules(file);
    let mut others = time_shifts(file);
    others.extend(other_surrogates(file));
    others.extend(other_resets(file));
    let room = passes.saturating_sub(candidates.len() + others.len());
    let (truncated, mut untried) = truncations(file, room, FITS);
    candidates.extend(truncated);
    candidates.extend(others);
    untried += candidates.len().saturating_sub(passes);
    candidates.truncate(passes);
    let left = passes - candidates.len();
    found.extend(search.measured(candidates)?);
    if !found.iter().any(|e| e.explains) {
        let (fitted, too_long) = search.fitted(left)?;
        untried += too_long;
        found.extend(fitted);
        found.extend(parts::only(file, claimed, &at_claim));
    }
    // Under a shape of another kind, numbers may overflow.
    found.retain(|e| e.residual.is_finite());
    // The sort is stable: of several that explain everything, the order above decides.
    found.sort_by(|a, b| {
        b.explains.cmp(&a.explains).then_with(|| match a.explains {
            true => std::cmp::Ordering::Equal,
            false => a.residual.total_cmp(&b.residual),
        })
    });
    Ok((found, untried))
}

/// What a search is made in.
struct Search<'a> {
    file: &'a AuditFile,
    run: &'a NetworkRun<'a, Bounded>,
    /// The same run without bounds, for the many candidates that are far off.
    plain: NetworkRun<'a, f64>,
    claimed: &'a [Expected],
    at_claim: &'a Comparison,
}

impl Search<'_> {
    /// How far candidates are from the file, and, of the first few that are near, whether that is within their bounds.
    fn measured(&self, candidates: Vec<Candidate>) -> Result<Vec<Explanation>> {
        let near = self.all_near(&candidates, cost::at_once(self.file))?;
        let most = most_bounded(cost::passes(self.file));
        let mut bounded = 0;
        let mut found = Vec::new();
        for (c, (residual, promising)) in candidates.into_iter().zip(near) {
            let tried = promising && bounded < most;
            bounded += usize::from(tried);
            let explains = tried && Comparison::new(self.file, &self.run.expected(&c.rule)?).agrees();
            let Candidate { code, words, rule } = c;
            found.push(Explanation { code, words, residual, explains, rule: Some(rule) });
        }
        Ok(found)
    }

    /// What each candidate leaves, so many of them at a time.
    fn all_near(&self, candidates: &[Candidate], at_once: usize) -> Result<Vec<(f64, bool)>> {
        let mut near = Vec::new();
        for some in candidates.chunks(at_once) {
            near.extend(some.par_iter().map(|c| self.near(c)).collect::<Result<Vec<_>>>()?);
        }
        Ok(near)
    }

    /// What a candidate leaves, and whether its bounds could cover that.
    fn near(&self, c: &Candidate) -> Result<(f64, bool)> {
        let gradients = self.plain.recorded(&self.plain.gradients(&c.rule)?);
        let gradients: Vec<_> = gradients.into_iter().map(Expected::exactly).collect();
        let left = Comparison::new(self.file, &gradients);
        let mut each = left.tensors.iter().zip(&self.at_claim.tensors);
        let promising = each.all(|(left, claimed)| may_explain(left.error, claimed.tolerance));
        Ok((left.residual(), promising))
    }

    /// A multiple of the right gradient.
    fn whole_gradient(&self) -> Vec<Explanation> {
        let batch = self.file.extent().1 as f64;
        let mut found = Vec::new();
        let mut offer = |code: String, words: String, factor: f64| {
            let multiple: Vec<_> = self.claimed.iter().map(|g| g.times(factor)).collect();
            found.push(Explanation::of(code, words, &Comparison::new(self.file, &multiple)));
        };
        if batch > 1.0 {
            let words =
                format!("the gradient is {batch} times the right one: summed over the batch, not averaged");
            offer("batch-sum".into(), words, batch);
            let words =
                format!("the gradient is 1/{batch} of the right one: averaged over the batch once more");
            offer("batch-mean".into(), words, 1.0 / batch);
        }
        let units = units(&self.file.gradients, self.claimed);
        let recorded = scaled(&units, &self.recorded());
        let right: Vec<Vec<f64>> = self.claimed.iter().map(|g| g.values.clone()).collect();
        let right = scaled(&units, &right);
        let factor = dot(&recorded, &right) / dot(&right, &right).max(f64::MIN_POSITIVE);
        let c = four_digits(factor);
        // One number alone is a multiple of any other, and once the right one is no diagnosis.
        if factor != 0.0 && c != ONCE && recorded.len() > 1 {
            let words = format!("all gradients are {c} times the right ones");
            offer(format!("gradient-scale {c}"), words, factor);
        }
        found
    }

    fn recorded(&self) -> Vec<Vec<f64>> {
        self.file.gradients.iter().map(|g| g.value.to_vec()).collect()
    }

    /// Explanations with a number that is fitted, within a number of passes; and how many these are not enough for.
    fn fitted(&self, passes: usize) -> Result<(Vec<Explanation>, usize)> {
        if !self.file.layers.iter().any(|layer| layer.constants.as_ref().is_some_and(|c| c.spiking)) {
            return Ok((Vec::new(), 0));
        }
        let (recorded, units) = (self.recorded(), units(&self.file.gradients, self.claimed));
        let (mut found, mut untried) = (Vec::new(), 0);
        // Each fit has a third of them.
        let each = passes / 3;
        let mut add = |starts: &[f64],
                       rule: &(dyn Fn(f64) -> Rule + Sync),
                       name: &dyn Fn(f64) -> (String, String, f64)|
         -> Result<()> {
            if each < starts.len() + A_FIT {
                untried += 1;
                return Ok(());
            }
            let gradients = |x: f64| Ok(self.plain.recorded(&self.plain.gradients(&rule(x))?));
            let Some(value) = fit(&recorded, &units, starts, each, gradients)? else { return Ok(()) };
            let (code, words, number) = name(value);
            // The claim itself, with a number that is 1, is no diagnosis.
            if four_digits(number) != ONCE {
                found.extend(self.measured(vec![candidate(code, words, rule(value))])?);
            }
            Ok(())
        };
        add(
            &RESET_STARTS,
            &|alpha| Rule { reset_gradient: Some(ResetGradient::Scaled(alpha)), ..Rule::default() },
            &|alpha| {
                let a = four_digits(alpha);
                (format!("scaled {a}"), format!("the reset term is {a} times the full one"), alpha)
            },
        )?;
        add(&SCALE_STARTS, &|factor| Rule { factor, ..Rule::default() }, &|factor| {
            let c = four_digits(factor);
            (format!("surrogate-scale {c}"), format!("the surrogate is {c} times the claimed one"), factor)
        })?;
        let widths: Vec<f64> = (-12..=12).map(|i| f64::from(i) / 4.0 * std::f64::consts::LN_2).collect();
        add(&widths, &|log| Rule { width: log.exp(), ..Rule::default() }, &|log| {
            let c = four_digits(log.exp());
            let words = format!("the surrogate is {c} times as wide as the claimed one");
            (format!("surrogate-width {c}"), words, log.exp())
        })?;
        Ok((found, untried))
    }
}

impl Explanation {
    /// Whether it says where the gradients are wrong, and not what they are.
    pub(super) fn is_of_places(&self) -> bool {
        self.code.starts_with(parts::ONLY)
    }

    /// An explanation that is no rule of a backward pass, by what it leaves.
    pub(super) fn of(code: String, words: String, left: &Comparison) -> Self {
        Self { code, words, residual: left.residual(), explains: left.agrees(), rule: None }
    }
}

#[cfg(test)]
mod tests;
