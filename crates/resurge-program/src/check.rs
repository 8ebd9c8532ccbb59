//! All of it, and the verdict.

use crate::forward::{self, Run, slack, within};
use crate::interpret::Recorded;
use crate::node::{Frame, Kind};
use crate::recurrence::Recurrence;
use crate::report::{ClaimFact, GradientFact, ProgramReport};
use crate::{Claim, ProgramFile, Result, claim, facts, locate, proof, search};
use resurge_tensor::{Bounded, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// What a check does besides comparing.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, check};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let report = check(&file, &CheckOptions { proof: false, ..CheckOptions::default() })?;
/// assert_eq!((report.code.as_str(), report.proof), ("undecided", None));
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CheckOptions {
    /// Whether the gradient of the program is proved on its input.
    pub proof: bool,
    /// Whether it is computed what each cut leaves out.
    pub facts: bool,
    /// Draws the directions of the proof.
    pub seed: u64,
    /// What the gradient is said to be.
    pub claim: Option<Claim>,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { proof: true, facts: true, seed: 1, claim: None }
    }
}

/// Checks a program: its values, its gradients, its proof, its facts.
///
/// # Errors
/// [`ProgramError::Run`](crate::ProgramError::Run) where it cannot be run.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, check};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let report = check(&file, &CheckOptions::default())?;
/// assert!(report.words.contains("finite differences"), "{}", report.words);
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
pub fn check(file: &ProgramFile, options: &CheckOptions) -> Result<ProgramReport> {
    let program = Recorded::new(file);
    let run = Run::of(&program)?;
    let recurrence = Recurrence::of(file);
    let mut report = ProgramReport {
        framework: file.framework.clone(),
        code: String::new(),
        matches: false,
        words: String::new(),
        nodes: file.nodes.iter().filter(|node| node.needed).count(),
        notes: file.notes.clone(),
        forward: forward::compare(file, &run),
        gradients: gradients(file, &run.gradient, None),
        proof: None,
        no_proof: None,
        cuts: Vec::new(),
        surrogates: facts::surrogates::all(file, &run),
        trusted: facts::trusted(file),
        missing: facts::missing(file),
        faults: locate::faults(file, &program, &run)?,
        reset_gradient: recurrence.own().map(str::to_owned),
        claim: None,
        explanations: Vec::new(),
        lines: Vec::new(),
    };
    if let Some(made) = &options.claim {
        report.claim = Some(claim::judge(made, &program, &recurrence)?);
    }
    if report.gradients.iter().any(|g| g.wrong > 0) {
        report.explanations = search::search(&program, &run, &recurrence)?;
        // Without cotangents inside, the locator has but the leaves to go by, and blames whoever takes one.
        if report.explanations.iter().any(|e| e.explains) && !file.has_inner_cotangents() {
            report.faults.clear();
        }
    }
    match options.proof {
        true => match proof::prove(&program, options.seed)? {
            Ok(proof) => report.proof = Some(proof),
            Err(why) => report.no_proof = Some(why),
        },
        false => report.no_proof = Some("none was asked for".into()),
    }
    if options.facts {
        report.cuts = facts::cuts::all(&program, &run, &recurrence)?;
    }
    report.lines = lines(file, &report);
    conclude(file, &mut report);
    Ok(report)
}

/// How the recorded gradients, or others, compare with computed ones: in the rounding of the loss's type. Where the file
/// has a coarser type too, some of it was computed in that, and what does not agree is held in its rounding.
pub(crate) fn gradients(
    file: &ProgramFile,
    computed: &[Tensor<Bounded>],
    others: Option<&[Tensor<f64>]>,
) -> Vec<GradientFact> {
    let fine = gradients_in(file, computed, others, file.unit);
    match file.coarsest > file.unit && fine.iter().any(|g| g.wrong > 0) {
        true => gradients_in(file, computed, others, file.coarsest),
        false => fine,
    }
}

fn gradients_in(
    file: &ProgramFile,
    computed: &[Tensor<Bounded>],
    others: Option<&[Tensor<f64>]>,
    unit: f64,
) -> Vec<GradientFact> {
    let each = file.leaves.iter().zip(computed).enumerate();
    each.map(|(place, (&leaf, computed))| {
        let node = &file.nodes[leaf];
        let values: Vec<f64> = computed.as_slice().iter().map(|x| x.value).collect();
        let allowed: Vec<f64> = computed.as_slice().iter().map(|&x| slack(unit, x)).collect();
        let recorded = match others {
            Some(others) => Some(others[place].as_slice()),
            None => node.cotangent.as_ref().map(Tensor::as_slice),
        };
        let found = |i: usize| recorded.map_or(0.0, |r| r[i]);
        let off: Vec<f64> = values.iter().enumerate().map(|(i, x)| (found(i) - x).abs()).collect();
        let norm = norm(&values);
        let relative = |x: f64| if x == 0.0 { 0.0 } else { x / norm };
        GradientFact {
            name: file.leaf_name(leaf).into(),
            shape: node.shape.to_vec(),
            norm,
            error: relative(self::norm(&off)),
            tolerance: relative(self::norm(&allowed)),
            wrong: off.iter().zip(&allowed).filter(|(off, allowed)| !within(**off, **allowed)).count(),
            recorded: recorded.is_some(),
        }
    })
    .collect()
}

pub(crate) fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The lines of the places that a report names.
fn lines(file: &ProgramFile, report: &ProgramReport) -> Vec<(String, Vec<Frame>)> {
    let faults = report.faults.iter().map(|fault| &fault.place);
    let trusted = report.trusted.iter().map(|trusted| &trusted.place);
    let cuts = report.cuts.iter().map(|cut| &cut.place);
    let surrogates = report.surrogates.iter().map(|surrogate| &surrogate.place);
    let named: BTreeSet<&String> = faults.chain(trusted).chain(cuts).chain(surrogates).collect();
    let all = (0..file.sites.len()).map(|site| (file.place(Some(site)), &file.sites[site]));
    let all: BTreeMap<String, &Vec<Frame>> = all.filter(|(place, _)| named.contains(place)).collect();
    all.into_iter().map(|(place, frames)| (place, frames.clone())).collect()
}

/// What the search found besides.
fn also(report: &ProgramReport) -> String {
    match report.explanations.first() {
        Some(found) if found.explains => format!("; the whole is {}", found.words),
        Some(found) => format!("; nearest is {}, which leaves {:.1e}", found.words, found.residual),
        None => String::new(),
    }
}

/// The verdict about a gradient with that about a claim.
fn claimed(claim: Option<&ClaimFact>, code: &'static str, words: String) -> (&'static str, String) {
    let Some(claim) = claim.filter(|_| matches!(code, "proved" | "trusted" | "undecided")) else {
        return (code, words);
    };
    let name = &claim.claim;
    match claim.holds {
        Some(true) => (code, format!("{words}; it is the claimed one, {name}")),
        Some(false) => {
            let by = match claim.difference.is_finite() {
                true => {
                    format!(", from which it differs by {:.3} % of that one's norm", 100.0 * claim.difference)
                }
                false => String::new(),
            };
            ("claim", format!("the gradient is not {name}, as claimed{by}: {}", claim.words))
        }
        None => ("undecided", format!("whether the gradient is {name} cannot be told: {}", claim.words)),
    }
}

fn conclude(file: &ProgramFile, report: &mut ProgramReport) {
    let wrong: Vec<&GradientFact> = report.gradients.iter().filter(|g| g.wrong > 0).collect();
    let hooks = file.leaves.iter().find_map(|&leaf| match &file.nodes[leaf].kind {
        Kind::Leaf(of) if !of.hooks.is_empty() && wrong.iter().any(|g| g.name == of.name) => {
            Some((of.name.clone(), of.hooks.join(", ")))
        }
        _ => None,
    });
    let (code, words) = if let Some(divergence) = &report.forward.divergence {
        ("forward", format!("the values differ first at {divergence}"))
    } else if let Some(fault) = report.faults.first() {
        let more = report.faults.len() - 1;
        let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
        ("fault", format!("{fault}{rest}{}", also(report)))
    } else if let Some((name, hooks)) = hooks {
        ("altered", format!("after the backward pass, a hook on `{name}` alters its gradient: {hooks}"))
    } else if let Some(found) = report.explanations.first().filter(|e| e.explains) {
        ("gradient", format!("the gradient is not the program's; it is {}", found.words))
    } else if let Some(worst) = wrong.iter().max_by(|a, b| a.error.total_cmp(&b.error)) {
        let words = format!(
            "`{}` differs by {:.1e} of its norm, where rounding allows {:.1e}",
            worst.name, worst.error, worst.tolerance
        );
        let carried =
            if file.carried { "; a state of an earlier call carries its gradient over" } else { "" };
        ("gradient", words + carried + &also(report))
    } else {
        match &report.proof {
            Some(proof) if !proof.passed => {
                ("unproved", "the referee fails its own proof on this program".into())
            }
            Some(proof) if report.trusted.is_empty() => {
                let words = "the framework's gradient is the program's, and that is proved";
                ("proved", format!("{words}: {}", proof.evidence()))
            }
            Some(proof) => {
                let names: Vec<&str> = report.trusted.iter().map(|t| t.function.as_str()).collect();
                let words = format!(
                    "the gradient is right ({}) if these, taken at their word, are: {}; give a definition to have \
                     them checked",
                    proof.evidence(),
                    names.join(", ")
                );
                ("trusted", words)
            }
            None => ("undecided", report.no_proof.clone().unwrap_or_default()),
        }
    };
    let (code, words) = claimed(report.claim.as_ref(), code, words);
    report.matches = matches!(code, "proved" | "trusted");
    let altered = file.leaves.iter().find_map(|&leaf| match &file.nodes[leaf].kind {
        Kind::Leaf(of) if !of.hooks.is_empty() => Some(&of.name),
        _ => None,
    });
    let but = match altered.filter(|_| report.matches) {
        Some(name) => format!("; but a hook alters the gradient of {name} afterwards"),
        None => String::new(),
    };
    (report.code, report.words) = (code.into(), words + &but);
}
