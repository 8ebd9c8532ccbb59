//! All of it, and the verdict.

use crate::forward::{self, Run, slack, within};
use crate::interpret::Recorded;
use crate::node::Kind;
use crate::report::{GradientFact, ProgramReport};
use crate::{ProgramFile, Result, facts, locate, proof};
use resurge_tensor::{Bounded, Tensor};

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
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { proof: true, facts: true, seed: 1 }
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
    let mut report = ProgramReport {
        framework: file.framework.clone(),
        code: String::new(),
        matches: false,
        words: String::new(),
        nodes: file.nodes.iter().filter(|node| node.needed).count(),
        notes: file.notes.clone(),
        forward: forward::compare(file, &run),
        gradients: gradients(file, &run.gradient),
        proof: None,
        no_proof: None,
        cuts: Vec::new(),
        surrogates: facts::surrogates::all(file, &run),
        trusted: facts::trusted(file),
        missing: facts::missing(file),
        faults: locate::faults(file, &program, &run)?,
    };
    match options.proof {
        true => match proof::prove(&program, options.seed)? {
            Ok(proof) => report.proof = Some(proof),
            Err(why) => report.no_proof = Some(why),
        },
        false => report.no_proof = Some("none was asked for".into()),
    }
    if options.facts {
        report.cuts = facts::cuts::all(&program)?;
    }
    conclude(file, &mut report);
    Ok(report)
}

/// In the rounding of the loss's type. Where the file has a coarser type too, some of it was computed in that, and what
/// does not agree is held in its rounding.
fn gradients(file: &ProgramFile, computed: &[Tensor<Bounded>]) -> Vec<GradientFact> {
    let fine = gradients_in(file, computed, file.unit);
    match file.coarsest > file.unit && fine.iter().any(|g| g.wrong > 0) {
        true => gradients_in(file, computed, file.coarsest),
        false => fine,
    }
}

fn gradients_in(file: &ProgramFile, computed: &[Tensor<Bounded>], unit: f64) -> Vec<GradientFact> {
    let each = file.leaves.iter().zip(computed);
    each.map(|(&leaf, computed)| {
        let node = &file.nodes[leaf];
        let values: Vec<f64> = computed.as_slice().iter().map(|x| x.value).collect();
        let allowed: Vec<f64> = computed.as_slice().iter().map(|&x| slack(unit, x)).collect();
        let recorded = node.cotangent.as_ref().map(Tensor::as_slice);
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
        ("fault", format!("{fault}{rest}"))
    } else if let Some((name, hooks)) = hooks {
        ("altered", format!("after the backward pass, a hook on `{name}` alters its gradient: {hooks}"))
    } else if let Some(worst) = wrong.iter().max_by(|a, b| a.error.total_cmp(&b.error)) {
        let words = format!(
            "`{}` differs by {:.1e} of its norm, where rounding allows {:.1e}",
            worst.name, worst.error, worst.tolerance
        );
        let carried =
            if file.carried { "; a state of an earlier call carries its gradient over" } else { "" };
        ("gradient", words + carried)
    } else {
        match &report.proof {
            Some(proof) if !proof.passed => {
                ("unproved", "the referee fails its own proof on this program".into())
            }
            Some(proof) => match proof.finite_difference {
                None => ("undecided", "no finite difference is conclusive on this input".into()),
                Some(error) if report.trusted.is_empty() => {
                    let words =
                        "the framework's gradient is the program's, and that is proved: finite differences";
                    ("proved", format!("{words} agree to {error:.1e}"))
                }
                Some(error) => {
                    let names: Vec<&str> = report.trusted.iter().map(|t| t.function.as_str()).collect();
                    let words = format!(
                        "the gradient is right (finite differences {error:.1e}) if these, taken at their word, are: {}; \
                         give a definition to have them checked",
                        names.join(", ")
                    );
                    ("trusted", words)
                }
            },
            None => ("undecided", report.no_proof.clone().unwrap_or_default()),
        }
    };
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
