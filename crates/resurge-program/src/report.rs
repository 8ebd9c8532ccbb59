//! The report, as data.

use crate::node::Frame;
use serde::Serialize;

/// What was found of a recorded program.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, ProgramReport, check};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let report: ProgramReport = check(&file, &CheckOptions::default())?;
/// assert!(report.matches && report.gradients.iter().all(|g| g.wrong == 0));
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgramReport {
    /// The framework and its version.
    pub framework: String,
    /// The verdict in a word: `proved`, `trusted`, `forward`, `gradient`, `fault`, `altered`, `claim`, `undecided`,
    /// `unproved`; docs/program-format.md says what each means.
    pub code: String,
    /// Whether the framework's gradient is that of its program.
    pub matches: bool,
    /// The verdict in a sentence.
    pub words: String,
    /// How many nodes were run.
    pub nodes: usize,
    /// What the recorder noted.
    pub notes: Vec<String>,
    /// How the values compare.
    pub forward: ForwardFacts,
    /// How each gradient compares.
    pub gradients: Vec<GradientFact>,
    /// Whether the gradient of the program is proved on this input.
    pub proof: Option<ProofFacts>,
    /// Why there is no proof.
    pub no_proof: Option<String>,
    /// Each place where the gradient is cut.
    pub cuts: Vec<CutFact>,
    /// Each function whose gradient is not the derivative of its value.
    pub surrogates: Vec<SurrogateFact>,
    /// Each function that is taken at its word.
    pub trusted: Vec<TrustedFact>,
    /// Parameters without a gradient.
    pub missing: Vec<MissingFact>,
    /// What is wrong, and where.
    pub faults: Vec<Fault>,
    /// How the reset is differentiated: `full`, `detached`, `spatial-only` or `mixed`; none where there is no reset.
    pub reset_gradient: Option<String>,
    /// Whether the gradient is what somebody says that it is.
    pub claim: Option<ClaimFact>,
    /// Where the framework's gradient is not the program's, which gradients it is instead; or the nearest.
    pub explanations: Vec<Explanation>,
    /// Each place that is named, with its line and the lines that called it.
    pub lines: Vec<(String, Vec<Frame>)>,
}

/// Whether the program's gradient is the claimed one.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, check};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let options = CheckOptions { claim: Some("full".parse()?), ..CheckOptions::default() };
/// let report = check(&file, &options)?;
/// let claim = report.claim.expect("one was made");
/// assert_eq!((report.code.as_str(), claim.holds), ("claim", Some(false)));
/// assert!(claim.words.contains("detach at leaky.py"), "{}", claim.words);
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimFact {
    /// The claim.
    pub claim: String,
    /// Whether it is the program's gradient; none where this input cannot tell.
    pub holds: Option<bool>,
    /// The norm of the difference, relative to that of the claimed gradient.
    pub difference: f64,
    /// What the program does in another way; why this input cannot tell.
    pub words: String,
}

/// Another gradient of the program, beside the framework's.
///
/// ```
/// use resurge_program::Explanation;
///
/// let words = "the gradient with detach at net.py:3 attached".to_owned();
/// let found = Explanation { words, residual: 1e-16, explains: true };
/// assert!(found.explains);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Which one.
    pub words: String,
    /// What it leaves of the framework's, relative to the norm of that.
    pub residual: f64,
    /// Whether it leaves nothing but rounding.
    pub explains: bool,
}

/// How the recorded values compare with those that the operations give.
///
/// ```
/// use resurge_program::ForwardFacts;
///
/// assert!(ForwardFacts::default().divergence.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ForwardFacts {
    /// Nodes whose values were compared.
    pub compared: usize,
    /// Decisions that were taken again: comparisons, spikes.
    pub decisions: usize,
    /// Those of them that rounding decides; the recorded one is taken.
    pub near: usize,
    /// The largest error, in units of what rounding allows.
    pub worst: f64,
    /// The first node that differs.
    pub divergence: Option<String>,
}

/// How a recorded gradient compares with that of the program.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, check};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let gradient = check(&file, &CheckOptions::default())?.gradients.remove(0);
/// assert_eq!((gradient.name.as_str(), gradient.wrong), ("w", 0));
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GradientFact {
    /// The leaf.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The norm of the program's gradient.
    pub norm: f64,
    /// The norm of the difference, relative to it.
    pub error: f64,
    /// What rounding allows, relative to it.
    pub tolerance: f64,
    /// How many numbers differ by more than rounding allows.
    pub wrong: usize,
    /// Whether the framework has one at all.
    pub recorded: bool,
}

/// How far the program's gradient is from independent derivatives of the anchored program.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, check};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let proof = check(&file, &CheckOptions::default())?.proof.expect("it can be proved");
/// assert!(proof.passed && proof.dual < 1e-12);
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProofFacts {
    /// Against finite differences; none where none is conclusive.
    pub finite_difference: Option<f64>,
    /// Against the complex step.
    pub complex_step: f64,
    /// Against dual numbers.
    pub dual: f64,
    /// Directions in which finite differences decided.
    pub directions: usize,
    /// Whether all of it is within the bars.
    pub passed: bool,
}

/// A place where the gradient is cut, and what it leaves out.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, check};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let cut = check(&file, &CheckOptions::default())?.cuts.remove(0);
/// assert_eq!(cut.kind, "detach");
/// assert!(cut.omitted > 0.0 && cut.cosine < 1.0);
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CutFact {
    /// How: `detach`, `data`, `no_grad`, `new leaf`, `cut`.
    pub kind: String,
    /// The line, and the lines that called it.
    pub place: String,
    /// How often.
    pub times: usize,
    /// What it cuts: the `reset` of a neuron, its `state` of the step before, or something `other`.
    pub role: String,
    /// The norm of what it leaves out, relative to the norm of the gradient with this place attached.
    pub omitted: f64,
    /// The cosine between the gradient and the one with this place attached.
    pub cosine: f64,
    /// The same two for each leaf.
    pub by_leaf: Vec<(String, f64, f64)>,
    /// Of a recurrence: the norm of what it leaves out of the gradient that comes back from a spike to the potential so
    /// many steps before, relative to that gradient with this place attached.
    pub by_lag: Vec<f64>,
    /// For each of the surrogates, its adjoints with this place attached.
    pub adjoints: Vec<Vec<f64>>,
}

/// A function whose gradient is not the derivative of its value.
///
/// ```
/// use resurge_program::{CheckOptions, ProgramFile, check};
///
/// let file = ProgramFile::open("samples/leaky.safetensors".as_ref())?;
/// let surrogate = check(&file, &CheckOptions::default())?.surrogates.remove(0);
/// assert_eq!(surrogate.family.as_deref(), Some("atan 2"));
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurrogateFact {
    /// The function of the framework.
    pub function: String,
    /// The line that calls it.
    pub place: String,
    /// How often.
    pub times: usize,
    /// Which surrogate its slopes are those of, in Resurge's words; none where they are those of none.
    pub family: Option<String>,
    /// The nearest surrogate, and the norm of what its slopes leave over, relative to theirs.
    pub nearest: Option<(String, f64)>,
    /// Where it jumps.
    pub jump: f64,
    /// The largest slope that was seen.
    pub peak: f64,
    /// The area under its family's slope, where it has one.
    pub area: Option<f64>,
    /// The norm of the loss's gradient by its result, call by call: of the neurons of one layer, step by step.
    pub adjoints: Vec<f64>,
    /// Whether that vanishes or explodes on the way back, in words.
    pub flow: Option<String>,
}

/// A function that is taken at its word.
///
/// ```
/// use resurge_program::TrustedFact;
///
/// let trusted = TrustedFact { function: "MyLIF".into(), place: "net.py:3".into(), times: 1, why: String::new() };
/// assert_eq!(trusted.function, "MyLIF");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrustedFact {
    /// The function.
    pub function: String,
    /// The line that calls it.
    pub place: String,
    /// How often.
    pub times: usize,
    /// Why.
    pub why: String,
}

/// A parameter without a gradient.
///
/// ```
/// use resurge_program::MissingFact;
///
/// let missing = MissingFact { name: "fc.bias".into(), why: "the loss does not use it".into() };
/// assert_eq!(missing.name, "fc.bias");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MissingFact {
    /// Its name.
    pub name: String,
    /// Where the path to it ends.
    pub why: String,
}

/// A wrong vector-Jacobian product.
///
/// ```
/// use resurge_program::Fault;
///
/// let fault = Fault { function: "MyLIF".into(), place: "net.py:3".into(), input: 0, how: "of the other sign".into(), size: 2.0 };
/// assert_eq!(fault.to_string(), "MyLIF at net.py:3: its gradient by input 0 is of the other sign");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fault {
    /// The function or operation.
    pub function: String,
    /// Its line.
    pub place: String,
    /// The input whose gradient is wrong.
    pub input: usize,
    /// How it is wrong.
    pub how: String,
    /// The norm of the difference, relative to the right gradient.
    pub size: f64,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}: its gradient by input {} is {}", self.function, self.place, self.input, self.how)
    }
}
