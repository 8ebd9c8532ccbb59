//! What a check of a gradient found.

use crate::{Means, Why};
use serde::Serialize;
use std::collections::BTreeMap;

/// The outcome of a check.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{GradCheck, Program, ProgramResult, Verdict};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
/// let report = GradCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
/// assert_eq!(report.verdict, Verdict::Failed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything agrees, and every input was tested.
    Passed,
    /// Something differs by more than the tolerance and the error of the reference.
    Failed,
    /// Nothing is wrong, but what was asked could not be decided: the gradient, or that of one input, vanishes, or no
    /// reference is exact enough.
    Undecided,
}

/// Why a check decided nothing, or not everything.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{GradCheck, Program, ProgramResult, Reason, Verdict};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Product; // the sum of x y
/// # impl Program for Product {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let product = tape.mul(inputs[0], inputs[1])?;
/// #         Ok(tape.sum(product)?)
/// #     }
/// # }
/// let at = vec![Tensor::scalar(3.0), Tensor::scalar(0.0)];
/// let report = GradCheck::new(&Product, at).run()?; // of x y at (3, 0): the gradient of x is y, and 0
/// assert_eq!((report.verdict, report.undecided), (Verdict::Undecided, vec![Reason::InputVanishes { input: 0 }]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The whole gradient is zero, in claim and in evidence.
    Vanishes,
    /// The whole gradient of one input is: no factor of it was tested.
    InputVanishes {
        /// Which input, counted from 0.
        input: usize,
    },
    /// Comparisons for which no evidence is exact enough; the report lists them.
    Inconclusive {
        /// How many.
        count: usize,
    },
}

/// Where a comparison was made.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{GradCheck, Place, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
/// let report = GradCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
/// let place = Place::Entry { input: 0, index: vec![1], output: vec![] };
/// assert_eq!((&report.mismatches[0].place, place.to_string()), (&place, "input 0, entry [1]".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Place {
    /// One entry of the Jacobian.
    Entry {
        /// Which input tensor, counted from 0.
        input: usize,
        /// The multi-index in it.
        index: Vec<usize>,
        /// The multi-index in the output; empty for a loss without axes.
        output: Vec<usize>,
    },
    /// A projection of the gradient on a direction.
    Direction {
        /// Which one, counted from 0; 0 is the gradient's own.
        number: usize,
        /// The input that it moves, if it moves one alone.
        input: Option<usize>,
        /// The input tensor and multi-index of an entry that is wrong, where dual numbers confirm one.
        suspect: Option<(usize, Vec<usize>)>,
    },
}

/// A value that is wrong.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{GradCheck, Mismatch, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
/// let report = GradCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
/// let mismatch: &Mismatch = &report.mismatches[0];
/// assert_eq!(mismatch.hints, ["the reference with the opposite sign"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mismatch {
    /// Where.
    pub place: Place,
    /// The value that was claimed.
    pub claimed: f64,
    /// The value by the evidence; at a kink, the end of the interval that is nearer.
    pub reference: f64,
    /// The interval of the derivatives at a kink.
    pub interval: Option<(f64, f64)>,
    /// The estimated error of the reference.
    pub reference_error: f64,
    /// The difference that would have been allowed.
    pub allowed: f64,
    /// What the reference is from.
    pub evidence: Means,
    /// The step of the reference; 0 for dual numbers.
    pub step: f64,
    /// Factors that explain the ratio of the two.
    pub hints: Vec<String>,
}

/// A comparison that decides nothing.
///
/// ```
/// use resurge_gradcheck::{Inconclusive, Place};
///
/// use resurge_gradcheck::Why;
///
/// let place = Place::Direction { number: 0, input: None, suspect: None };
/// let nothing = Inconclusive { place, reference_error: None, why: Why::Kink };
/// assert_eq!(nothing.place.to_string(), "direction 0");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inconclusive {
    /// Where.
    pub place: Place,
    /// The estimated error of the reference; `None` where there is none at all.
    pub reference_error: Option<f64>,
    /// The reason.
    pub why: Why,
}

/// A kink of the program near the point of the check.
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{GradCheck, Kink, Place, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Positive; // the sum of max(x, 0)
/// # impl Program for Positive {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let positive = tape.relu(inputs[0])?;
/// #         Ok(tape.sum(positive)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![1.0, 1e-3])?];
/// let report = GradCheck::new(&Positive, at).run()?; // the sum of max(x, 0), with a kink near the second entry
/// let nearest: &Kink = &report.nearest_kinks[0];
/// assert_eq!(nearest.place, Place::Entry { input: 0, index: vec![1], output: vec![] });
/// assert!(nearest.nearest_step >= 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kink {
    /// Where the step was taken.
    pub place: Place,
    /// The smallest step at which some decision of the program fell on another smooth piece.
    pub nearest_step: f64,
}

/// The result of [`GradCheck::run`](crate::GradCheck::run).
///
/// ```
/// use resurge_autodiff::{Tape, Var};
/// use resurge_gradcheck::{CheckReport, GradCheck, Program, ProgramResult};
/// use resurge_tensor::{Scalar, Tensor};
/// # struct Sine; // the sum of sin x
/// # impl Program for Sine {
/// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
/// #         let sine = tape.sin(inputs[0])?;
/// #         Ok(tape.sum(sine)?)
/// #     }
/// # }
/// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
/// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
/// let report = GradCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
/// let report: CheckReport = report;
/// assert_eq!((report.compared, report.failures), (2, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The outcome.
    pub verdict: Verdict,
    /// What was not decided, and why; empty where everything was.
    pub undecided: Vec<Reason>,
    /// How many comparisons were made: entries, or directions.
    pub compared: usize,
    /// How many of them decide.
    pub conclusive: usize,
    /// How many are zero in claim and evidence. They agree, but would with any factor: they are no evidence of one.
    pub vanishing: usize,
    /// How many comparisons each means decided.
    pub evidence: BTreeMap<Means, usize>,
    /// The largest difference between claim and reference where it decides, relative to the scale of the
    /// gradient of that input: the root mean square of its entries, or its norm for projections.
    pub max_error: f64,
    /// How many values are wrong.
    pub failures: usize,
    /// The ten that exceed what is allowed by the largest factor.
    pub mismatches: Vec<Mismatch>,
    /// What explains the gradient as a whole, where something is wrong.
    pub hints: Vec<String>,
    /// The comparisons that decide nothing, at most ten of them.
    pub inconclusive: Vec<Inconclusive>,
    /// Along how many entries or directions a kink was met. Steps beyond it were left out.
    pub kinks: usize,
    /// The ten nearest kinks, nearest first.
    pub nearest_kinks: Vec<Kink>,
    /// Whether the program has spikes and none occurs: then nothing that a spike does, such as a reset, is exercised.
    pub silent: bool,
    /// The absolute error of one evaluation of the output, the largest over its entries.
    pub noise: f64,
    /// How often the program was evaluated for the reference.
    pub evaluations: usize,
    /// How many of these repeated an earlier one, and gave the same to the bit. A program that seldom depends on something
    /// besides its inputs is found only by such a repetition.
    pub repeats: usize,
    /// What the inputs are called; empty where they have numbers alone.
    pub names: Vec<String>,
}

/// How many rows a report lists of each kind.
pub(super) const LISTED: usize = 10;

impl CheckReport {
    /// Whether the gradient was compared and agrees.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
    /// let report = GradCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
    /// assert!(!report.passed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// How many comparisons decide nothing.
    ///
    /// ```
    /// use resurge_autodiff::{Tape, Var};
    /// use resurge_gradcheck::{GradCheck, Program, ProgramResult};
    /// use resurge_tensor::{Scalar, Tensor};
    /// # struct Sine; // the sum of sin x
    /// # impl Program for Sine {
    /// #     fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
    /// #         let sine = tape.sin(inputs[0])?;
    /// #         Ok(tape.sum(sine)?)
    /// #     }
    /// # }
    /// let at = vec![Tensor::from_vec([2], vec![0.4, 1.1])?];
    /// let wrong = vec![0.4_f64.cos(), -1.1_f64.cos()]; // the second sign is wrong
    /// let report = GradCheck::new(&Sine, at).claim(wrong).run()?; // the sum of sin x
    /// assert_eq!(report.skipped(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skipped(&self) -> usize {
        self.compared - self.conclusive - self.vanishing
    }
}
