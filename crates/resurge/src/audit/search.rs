//! Which gradient is it, if not the claimed one?

use super::adjoint::{Cuts, ThresholdPaths};
use super::compare::{Comparison, Expected, dot, norm, scaled, units};
use super::description::{Output, Reset, ResetGradient, ResetKind, Timing};
use super::error::Result;
use super::file::AuditFile;
use super::fit::fit;
use super::parts;
use super::run::{NetworkRun, Rule, SurrogateChange, SurrogateShape};
use crate::snn::SurrogateScale;
use crate::tensor::Bounded;
use rayon::prelude::*;
use serde::Serialize;

/// An explanation of the file's gradients.
///
/// ```
/// use resurge::audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("tests/audit/damaged/scaled-f32.safetensors".as_ref())?;
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

/// An explanation before it is measured.
struct Candidate {
    code: String,
    words: String,
    rule: Rule,
}

fn candidate(code: impl Into<String>, words: impl Into<String>, rule: Rule) -> Candidate {
    Candidate { code: code.into(), words: words.into(), rule }
}

/// A number as codes have it: four digits.
pub(super) fn four_digits(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let digits = 3 - x.abs().log10().floor() as i32;
    let text = if digits > 0 {
        let fixed = format!("{x:.*}", digits as usize);
        // Rounding may have carried into another digit.
        if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.').to_owned() } else { fixed }
    } else {
        let unit = 10f64.powi(-digits);
        format!("{}", (x / unit).round() * unit)
    };
    if text == "-0" { "0".into() } else { text }
}

/// Work beyond which only some of the truncations are tried: steps times numbers times weights.
const MANY: usize = 20_000_000;

/// What a candidate may leave of a tensor, or so many of its tolerances, for its own bounds to be computed: they cost
/// two backward passes more.
const PROMISING: (f64, f64) = (0.02, 4.0);

/// All explanations, the preferred first among those that explain everything, then by residual.
pub(super) fn search(run: &NetworkRun<'_, Bounded>, claimed: &[Expected]) -> Result<Vec<Explanation>> {
    let file = run.file;
    let at_claim = Comparison::new(file, claimed);
    let search = Search { file, run, plain: NetworkRun::new(file)?, claimed, at_claim: &at_claim };
    let mut found: Vec<Explanation> = parts::right_but_for_one(file, claimed, &at_claim);
    found.extend(search.whole_gradient());
    let mut candidates = plain_rules(file);
    candidates.extend(truncations(file));
    candidates.extend(time_shifts(file));
    candidates.extend(other_surrogates(file));
    candidates.extend(other_resets(file));
    let measured: Vec<Explanation> =
        candidates.into_par_iter().map(|c| search.measured(c)).collect::<Result<_>>()?;
    found.extend(measured);
    if !found.iter().any(|e| e.explains) {
        found.extend(search.fitted()?);
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
    Ok(found)
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
    /// How far a candidate is from the file, and whether that is within its bounds.
    fn measured(&self, c: Candidate) -> Result<Explanation> {
        let gradients = self.plain.recorded(&self.plain.gradients(&c.rule)?);
        let gradients: Vec<_> = gradients.into_iter().map(Expected::exactly).collect();
        let near = Comparison::new(self.file, &gradients);
        let promising = near
            .tensors
            .iter()
            .zip(&self.at_claim.tensors)
            .all(|(found, claimed)| found.error <= PROMISING.0.max(PROMISING.1 * claimed.tolerance));
        let explains = promising && Comparison::new(self.file, &self.run.expected(&c.rule)?).agrees();
        Ok(Explanation {
            code: c.code,
            words: c.words,
            residual: near.residual(),
            explains,
            rule: Some(c.rule),
        })
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
        let units = units(self.file, self.claimed);
        let recorded = scaled(&units, &self.recorded());
        let right: Vec<Vec<f64>> = self.claimed.iter().map(|g| g.values.clone()).collect();
        let right = scaled(&units, &right);
        let factor = dot(&recorded, &right) / dot(&right, &right).max(f64::MIN_POSITIVE);
        let c = four_digits(factor);
        // One number alone is a multiple of any other, and once the right one is no diagnosis.
        if factor != 0.0 && c != ONCE && recorded.len() > 1 && norm(&recorded) > 0.0 {
            let words = format!("all gradients are {c} times the right ones");
            offer(format!("gradient-scale {c}"), words, factor);
        }
        found
    }

    fn recorded(&self) -> Vec<Vec<f64>> {
        self.file.gradients.iter().map(|g| g.value.to_vec()).collect()
    }

    /// Explanations with a number that is fitted.
    fn fitted(&self) -> Result<Vec<Explanation>> {
        if !self.file.layers.iter().any(|layer| layer.constants.as_ref().is_some_and(|c| c.spiking)) {
            return Ok(Vec::new());
        }
        let (recorded, units) = (self.recorded(), units(self.file, self.claimed));
        let mut found = Vec::new();
        let mut add = |starts: &[f64],
                       rule: &(dyn Fn(f64) -> Rule + Sync),
                       name: &dyn Fn(f64) -> (String, String, f64)|
         -> Result<()> {
            let gradients = |x: f64| Ok(self.plain.recorded(&self.plain.gradients(&rule(x))?));
            let Some(value) = fit(&recorded, &units, starts, gradients)? else { return Ok(()) };
            let (code, words, number) = name(value);
            // The claim itself, with a number that is 1, is no diagnosis.
            if four_digits(number) != ONCE {
                found.push(self.measured(candidate(code, words, rule(value)))?);
            }
            Ok(())
        };
        add(
            &[0.25, 0.5, 0.75, 1.5, -0.5],
            &|alpha| Rule { reset_gradient: Some(ResetGradient::Scaled(alpha)), ..Rule::default() },
            &|alpha| {
                let a = four_digits(alpha);
                (format!("scaled {a}"), format!("the reset term is {a} times the full one"), alpha)
            },
        )?;
        add(&[0.25, 0.5, 1.5, 2.0, 4.0, -1.0], &|factor| Rule { factor, ..Rule::default() }, &|factor| {
            let c = four_digits(factor);
            (format!("surrogate-scale {c}"), format!("the surrogate is {c} times the claimed one"), factor)
        })?;
        let widths: Vec<f64> = (-12..=12).map(|i| f64::from(i) / 4.0 * std::f64::consts::LN_2).collect();
        add(&widths, &|log| Rule { width: log.exp(), ..Rule::default() }, &|log| {
            let c = four_digits(log.exp());
            let words = format!("the surrogate is {c} times as wide as the claimed one");
            (format!("surrogate-width {c}"), words, log.exp())
        })?;
        Ok(found)
    }
}

/// The number of which no diagnosis is made.
pub(super) const ONCE: &str = "1";

impl Explanation {
    /// An explanation that is no rule of a backward pass, by what it leaves.
    pub(super) fn of(code: String, words: String, left: &Comparison) -> Self {
        Self { code, words, residual: left.residual(), explains: left.agrees(), rule: None }
    }
}

pub(super) fn reset_gradients() -> [(&'static str, &'static str, ResetGradient); 3] {
    [
        ("full", "the full gradient: the reset term is in it", ResetGradient::Full),
        ("detached", "the detached gradient: the reset term is missing", ResetGradient::Detached),
        (
            "spatial-only",
            "the spatial gradient only: nothing flows through the previous potential",
            ResetGradient::SpatialOnly,
        ),
    ]
}

fn plain_rules(file: &AuditFile) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = reset_gradients()
        .into_iter()
        .map(|(code, words, reset_gradient)| {
            let rule = Rule { reset_gradient: Some(reset_gradient), ..Rule::default() };
            candidate(code, format!("this is {words}"), rule)
        })
        .collect();
    let has = |what: fn(&super::cell::Constants) -> bool| {
        file.layers.iter().filter_map(|layer| layer.constants.as_ref()).any(|c| what(c))
    };
    let none = Cuts::default();
    let cuts = [
        ("decay", "the decayed potential", true, Cuts { decay: true, ..none }),
        ("synapse", "the synapse", has(|c| c.synapse.is_some()), Cuts { synapse: true, ..none }),
        (
            "trace",
            "the trace",
            has(|c| c.trace_decay > 0.0 && c.output == Output::Trace),
            Cuts { trace: true, ..none },
        ),
        ("adaptation", "the adaptation", has(|c| c.adaptation.is_some()), Cuts { adaptation: true, ..none }),
    ];
    for (name, what, there, cuts) in cuts {
        if there {
            let words = format!("nothing flows through time in {what}");
            found.push(candidate(format!("detached-{name}"), words, Rule { cuts, ..Rule::default() }));
        }
    }
    for (name, what, threshold) in [
        ("spike", "the spike alone, and not through the reset", ThresholdPaths { reset: false, spike: true }),
        ("reset", "the reset alone, and not through the spike", ThresholdPaths { reset: true, spike: false }),
    ] {
        if has(|c| c.spiking) {
            let words = format!("the threshold's gradient comes through {what}");
            let rule = Rule { threshold: Some(threshold), ..Rule::default() };
            found.push(candidate(format!("threshold-in-{name}"), words, rule));
        }
    }
    found
}

/// How much work one backward pass is.
fn work(file: &AuditFile) -> usize {
    let (steps, batch) = file.extent();
    let weights: usize = file.layers.iter().filter_map(|l| l.weight.as_ref()).map(|w| w.len()).sum();
    steps.saturating_mul(batch).saturating_mul(weights.max(1))
}

fn truncations(file: &AuditFile) -> Vec<Candidate> {
    let (steps, _) = file.extent();
    let all = work(file).saturating_mul(steps) <= MANY;
    let usual = [1, 2, 3, 4, 5, 8, 10, 15, 16, 20, 25, 30, 32, 40, 50, 64, 100, 128, 200, 256, 500];
    let tried = (1..steps).filter(|k| all || usual.contains(k) || (2 * k == steps));
    tried
        .map(|k| {
            let words = format!(
                "the gradient is truncated: states are detached before every step {k}, {}, ...",
                2 * k
            );
            candidate(format!("truncated {k}"), words, Rule { truncated: k, ..Rule::default() })
        })
        .collect()
}

fn time_shifts(file: &AuditFile) -> Vec<Candidate> {
    let steps = file.extent().0;
    let shifts = 1..steps.min(4);
    shifts
        .map(|k| {
            let words = format!("weights' gradients pair the error of step t with the input of step t - {k}");
            candidate(format!("time-shift {k}"), words, Rule { shift: k, ..Rule::default() })
        })
        .collect()
}

fn other_surrogates(file: &AuditFile) -> Vec<Candidate> {
    let claimed: Vec<_> = file
        .layers
        .iter()
        .filter_map(|layer| layer.constants.as_ref())
        .filter(|c| c.spiking)
        .map(|c| c.surrogate)
        .collect();
    let mut found = Vec::new();
    let straight = claimed.iter().any(|s| s.name() == "straight-through");
    for (name, words, scale) in [
        ("unit-area", "of an integral of 1", SurrogateScale::UnitArea),
        ("peak-one", "of a value of 1 at the threshold", SurrogateScale::PeakOne),
    ] {
        if claimed.is_empty() || (straight && scale == SurrogateScale::UnitArea) {
            continue;
        }
        let rule = Rule { surrogate: SurrogateChange::Scale(scale), ..Rule::default() };
        found.push(candidate(
            format!("surrogate-{name}"),
            format!("the surrogate is scaled to one {words}"),
            rule,
        ));
    }
    for shape in SurrogateShape::ALL {
        let kind = shape.name;
        if claimed.is_empty() || claimed.iter().all(|s| s.name() == kind) {
            continue;
        }
        let rule = Rule { surrogate: SurrogateChange::Shape(shape), ..Rule::default() };
        let and_area = if kind == "straight-through" { "" } else { " and area" };
        let words = format!("the surrogate is of the shape {kind}, with the claimed one's height{and_area}");
        found.push(candidate(format!("surrogate {kind}"), words, rule));
    }
    found
}

fn other_resets(file: &AuditFile) -> Vec<Candidate> {
    let claimed: Vec<Reset> = file
        .layers
        .iter()
        .filter_map(|layer| layer.constants.as_ref())
        .filter(|c| c.spiking)
        .map(|c| c.reset)
        .collect();
    let Some(first) = claimed.first() else { return Vec::new() };
    let mut found = Vec::new();
    for kind in
        [ResetKind::None, ResetKind::Zero, ResetKind::Value, ResetKind::Subtract, ResetKind::ZeroThenAdd]
    {
        for timing in [Timing::BeforeDecay, Timing::AfterDecay, Timing::AfterInput] {
            let same = claimed.iter().all(|r| (r.kind, r.timing) == (kind, timing));
            let needs_value = matches!(kind, ResetKind::Value | ResetKind::ZeroThenAdd);
            // Without a value, these are a reset to zero; without a reset, there is no place for it.
            let same = same || (needs_value && first.value == 0.0);
            if same || (kind == ResetKind::None && timing != Timing::BeforeDecay) {
                continue;
            }
            let rule = Rule { reset: Some(Reset { kind, timing, value: first.value }), ..Rule::default() };
            let words = format!(
                "this is the gradient of the reset \"{}\", {}, at the run's potentials and spikes",
                kind.name(),
                timing.name().replace('-', " the ")
            );
            found.push(candidate(format!("reset {} {}", kind.name(), timing.name()), words, rule));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::four_digits;

    #[test]
    fn codes_have_four_digits() {
        for (x, text) in [
            (0.5, "0.5"),
            (0.250003, "0.25"),
            (-1.0, "-1"),
            (1.99999, "2"),
            (0.0123456, "0.01235"),
            (123456.0, "123500"),
            (10.0, "10"),
            (1234.4, "1234"),
            (0.0, "0"),
        ] {
            assert_eq!(four_digits(x), text);
        }
    }
}
