//! Is this framework's gradient right, and which gradient is it?
//!
//! An audit file (docs/audit-format.md) holds a network, one run of it, and the gradients that a framework computed.
//! [`audit`] rebuilds the network, compares the forward pass spike by spike, then the gradients with what the file
//! claims them to be. If they are not that, it searches for the gradient that they are. The gradient of the rebuilt
//! network is proved on this very input by finite differences of its anchored program.
//!
//! ```no_run
//! use resurge_audit::{AuditFile, AuditOptions, audit};
//!
//! let file = AuditFile::open("run.safetensors".as_ref())?;
//! let report = audit(&file, &AuditOptions::default())?;
//! println!("{}: {}", report.code, report.words);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod adjoint;
mod cell;
mod compare;
mod container;
mod cost;
mod description;
mod digits;
mod each;
mod error;
mod file;
mod fit;
mod forward;
#[cfg(feature = "html")]
mod html;
mod kept;
mod neuron;
mod number;
mod parts;
mod profile;
mod proof;
mod reader;
mod replay;
mod report;
mod rules;
mod run;
mod search;
mod shapes;
mod stage;
mod surrogate;
mod verdict;

pub use compare::Worst;
pub use error::{AuditError, FileError, Result};
pub use file::{AuditFile, Precision};
pub use forward::{Divergence, ForwardReport, LayerForward};
#[cfg(feature = "html")]
pub use html::{html, html_with_programs};
pub use profile::{LagProfile, StepProfile};
pub use proof::ProofReport;
pub use report::{AuditReport, AuditReports, FileReport, GradientReport};
pub use search::Explanation;

use resurge_tensor::Bounded;
use run::NetworkRun;

/// What an audit does besides its verdict.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions { proof: false, profiles: false, ..AuditOptions::default() })?;
/// assert!(report.proof.is_none() && report.by_step.is_empty());
/// assert_eq!(report.code, "detached");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditOptions {
    /// Whether the rebuilt network's gradient is proved on the input.
    pub proof: bool,
    /// Whether gradients that are not those of the claim are searched for what they are instead; else they are
    /// `unknown`.
    pub search: bool,
    /// Whether gradients are resolved by step and by time lag, for plots.
    pub profiles: bool,
    /// Draws the directions of the proof.
    pub seed: u64,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { proof: true, search: true, profiles: true, seed: 1 }
    }
}

/// Audits a file.
///
/// # Errors
/// [`AuditError::Run`] where the network cannot be computed.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions::default())?;
/// assert_eq!(report.code, "detached");
/// assert!(report.words.contains("where the claim is full"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn audit(file: &AuditFile, options: &AuditOptions) -> Result<AuditReport> {
    let proof = match options.proof {
        true => proof::prove(file, options.seed)?,
        false => Err("none was asked for".into()),
    };
    audit_with(file, options, proof)
}

/// The audit, with the proof of the referee on the same file.
fn audit_with(file: &AuditFile, options: &AuditOptions, proof: proof::Proof) -> Result<AuditReport> {
    let run = NetworkRun::<Bounded>::new(file)?;
    let computed_loss = run.loss();
    let forward = forward::check(&run, computed_loss);
    let (steps, batch) = file.extent();
    let framework = &file.description.framework;
    let stateful = file.description.layers.iter().enumerate().filter(|(k, _)| run.samples(*k).is_some());
    let mut report = AuditReport {
        framework: format!("{} {}", framework.name, framework.version),
        format: file.description.version,
        notes: file.description.notes.clone(),
        classes: stateful.filter_map(|(_, layer)| layer.class().map(str::to_owned)).collect(),
        precision: file.precision,
        steps,
        batch,
        parameters: 0,
        code: "match".into(),
        matches: false,
        undecided: None,
        words: String::new(),
        forward,
        gradients: Vec::new(),
        relative_weight: 0.0,
        explanations: Vec::new(),
        indistinguishable: Vec::new(),
        proof: None,
        no_proof: None,
        by_step: Vec::new(),
        by_lag: Vec::new(),
    };
    match proof {
        Ok(proof) => report.proof = Some(proof),
        Err(why) => report.no_proof = Some(why),
    }
    if let Some(d) = report.forward.divergence {
        let Divergence { layer, step, sample, neuron, .. } = d;
        report.code = format!("forward layer={layer} step={step} sample={sample} neuron={neuron}");
        report.words = in_words(&d);
        if let Some(cause) = kept::in_words(&run, &d) {
            report.words += &format!("; {cause}");
        }
        return Ok(report);
    }
    if !report.forward.loss_agrees {
        report.code = "loss".into();
        report.words = format!(
            "the forward pass agrees, but the loss is {} in the file and {} from its own output",
            file.loss, computed_loss.value
        );
        return Ok(report);
    }
    verdict::reach(&run, options.search, &mut report)?;
    if options.profiles {
        let run = NetworkRun::<f64>::new(file)?;
        report.by_step = profile::by_step(&run, diagnosed(&report.explanations))?;
        report.by_lag = profile::by_lag(&run)?;
    }
    report.doubted(file);
    Ok(report)
}

/// The rule of the best explanation, where that explains the gradients and is one.
fn diagnosed(explanations: &[Explanation]) -> Option<&run::Rule> {
    explanations.first().filter(|best| best.explains)?.rule.as_ref()
}

fn in_words(d: &Divergence) -> String {
    let mut words = format!(
        "the forward pass first differs in layer {}, step {}, sample {}, neuron {}: ",
        d.layer, d.step, d.sample, d.neuron
    );
    match d.recorded_potential {
        Some(u) => words += &format!("the potential is {u} in the file and {} rebuilt", d.computed_potential),
        None => words += &format!("the rebuilt potential is {}", d.computed_potential),
    }
    words += &format!(", the threshold {}", d.threshold);
    if let Some(spike) = d.recorded_spike {
        words += &format!("; the spike is {spike} in the file and {} rebuilt", d.computed_spike);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> AuditFile {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../resurge");
        AuditFile::open(&path.join("tests/audit").join(name)).unwrap()
    }

    /// A verdict is worth what the gradient is that it compares with: each kind of verdict about gradients is withheld.
    #[test]
    fn no_verdict_stands_on_a_failed_proof() {
        let options = AuditOptions::default();
        for (name, proved, status) in [
            ("goldens/spikingjelly-lif-zero.safetensors", "match", (1, 0, 0)),
            ("damaged/detached-rerun.safetensors", "detached", (0, 1, 0)),
            ("goldens/snntorch-leaky-one-step.safetensors", "undecided", (0, 0, 1)),
        ] {
            let file = file(name);
            let proof = proof::prove(&file, 1).unwrap().unwrap();
            let report = audit_with(&file, &options, Ok(proof.clone())).unwrap();
            assert_eq!((report.code.as_str(), report.matches), (proved, proved == "match"));
            let reports = AuditReports::new(vec![(name.into(), Ok(report))]);
            assert_eq!(
                (reports.matched, reports.mismatched, reports.undecided, reports.unproved),
                (status.0, status.1, status.2, 0)
            );
            let failed = ProofReport { passed: false, ..proof };
            let report = audit_with(&file, &options, Ok(failed)).unwrap();
            assert_eq!((report.code.as_str(), report.matches, &report.undecided), ("unproved", false, &None));
            assert!(report.words.contains(&format!("`{proved}`")), "{}", report.words);
            let reports = AuditReports::new(vec![(name.into(), Ok(report))]);
            assert_eq!(
                (reports.matched, reports.mismatched, reports.undecided, reports.unproved),
                (0, 0, 0, 1)
            );
        }
    }

    #[test]
    fn by_default_all_is_done_from_the_first_seed() {
        let all = AuditOptions { proof: true, search: true, profiles: true, seed: 1 };
        assert_eq!(AuditOptions::default(), all);
    }

    #[test]
    fn a_loss_that_differs_has_both_in_words() {
        let file = file("damaged/loss.safetensors");
        let report = audit_with(&file, &AuditOptions::default(), Err("none".into())).unwrap();
        assert_eq!((report.code.as_str(), report.matches), ("loss", false));
        let (is, rebuilt) = (report.forward.recorded_loss, report.forward.computed_loss);
        assert!(is == file.loss && rebuilt != is);
        let words = "the forward pass agrees, but the loss is";
        assert_eq!(report.words, format!("{words} {is} in the file and {rebuilt} from its own output"));
    }

    #[test]
    fn profiles_are_made_where_they_are_asked_for() {
        let file = file("goldens/snntorch-leaky-one-step.safetensors");
        for profiles in [false, true] {
            let options = AuditOptions { proof: false, search: false, profiles, seed: 1 };
            let report = audit(&file, &options).unwrap();
            assert_eq!((!report.by_step.is_empty(), !report.by_lag.is_empty()), (profiles, profiles));
        }
    }

    /// Profiles are of the verdict: the best explanation, if it is one.
    #[test]
    fn the_diagnosed_rule_is_that_of_the_first_explanation_if_it_explains() {
        let rule = |factor: f64| run::Rule { factor, ..run::Rule::default() };
        let one = |explains: bool, rule: Option<run::Rule>| Explanation {
            code: "code".into(),
            words: "words".into(),
            residual: 0.0,
            explains,
            rule,
        };
        let [first, second] = [2.0, 3.0].map(|factor| one(true, Some(rule(factor))));
        assert_eq!(diagnosed(&[first, second.clone()]), Some(&rule(2.0)));
        assert_eq!(diagnosed(&[one(false, Some(rule(2.0))), second.clone()]), None);
        assert_eq!(diagnosed(&[one(true, None), second]), None);
        assert_eq!(diagnosed(&[]), None);
    }

    #[test]
    fn a_divergence_has_what_the_file_has_in_words() {
        let all = Divergence {
            layer: 1,
            step: 2,
            sample: 3,
            neuron: 4,
            recorded_spike: Some(1.0),
            computed_spike: 0.0,
            recorded_potential: Some(0.5),
            computed_potential: 0.25,
            threshold: 0.75,
        };
        let place = "the forward pass first differs in layer 1, step 2, sample 3, neuron 4: ";
        let potentials = "the potential is 0.5 in the file and 0.25 rebuilt, the threshold 0.75";
        assert_eq!(in_words(&all), format!("{place}{potentials}; the spike is 1 in the file and 0 rebuilt"));
        let neither = Divergence { recorded_spike: None, recorded_potential: None, ..all };
        assert_eq!(in_words(&neither), format!("{place}the rebuilt potential is 0.25, the threshold 0.75"));
    }
}
