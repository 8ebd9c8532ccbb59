//! What a check of a gradient found.

use serde::Serialize;
use std::fmt;

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
pub enum Verdict {
    /// Everything that could be compared agrees.
    Passed,
    /// Something differs by more than the tolerance and the error of the reference.
    Failed,
    /// Nothing could be compared: the gradient vanishes, or no reference is exact enough. It proves nothing.
    Nothing,
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
    /// The value by finite differences.
    pub reference: f64,
    /// The estimated error of the reference.
    pub reference_error: f64,
    /// The difference that would have been allowed.
    pub allowed: f64,
    /// The step of the reference.
    pub step: f64,
    /// Factors that explain the ratio of the two.
    pub hints: Vec<String>,
}

/// A comparison that decides nothing.
///
/// ```
/// use resurge_gradcheck::{Inconclusive, Place};
///
/// let place = Place::Direction { number: 0, suspect: None };
/// let nothing = Inconclusive { place, reference_error: None }; // no step is free of kinks
/// assert_eq!(nothing.place.to_string(), "direction 0");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inconclusive {
    /// Where.
    pub place: Place,
    /// The estimated error of the reference; `None` where there is no usable step at all.
    pub reference_error: Option<f64>,
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
    /// How many comparisons were made: entries, or directions.
    pub compared: usize,
    /// How many of them decide.
    pub conclusive: usize,
    /// The largest difference between claim and reference where it decides, relative to the scale of the
    /// gradient: the root mean square of its entries, or its norm for projections.
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
    /// The absolute error of one evaluation of the output, the largest over its entries.
    pub noise: f64,
    /// How often the program was evaluated for the reference.
    pub evaluations: usize,
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
        self.compared - self.conclusive
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { input, index, output } if output.is_empty() => {
                write!(f, "input {input}, entry {index:?}")
            }
            Self::Entry { input, index, output } => {
                write!(f, "input {input}, entry {index:?}, output {output:?}")
            }
            Self::Direction { number, suspect: None } => write!(f, "direction {number}"),
            Self::Direction { number, suspect: Some((input, index)) } => {
                write!(f, "direction {number} (wrong at input {input}, entry {index:?})")
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, claimed, reference, reference_error, allowed, step, hints } = self;
        write!(
            f,
            "{place}: the gradient says {claimed:e}, finite differences say {reference:e} +- {reference_error:.1e} \
             (step {step:.1e}); they may differ by {allowed:.1e}"
        )?;
        match hints.as_slice() {
            [] => Ok(()),
            hints => write!(f, "; the value is {}", hints.join(", or ")),
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::Nothing => "nothing could be compared",
        };
        write!(
            f,
            "{verdict}: {} of {} comparisons conclusive, {} wrong, largest relative error {:.1e}, noise {:.1e}",
            self.conclusive, self.compared, self.failures, self.max_error, self.noise
        )?;
        if let Some(kink) = self.nearest_kinks.first() {
            write!(f, "; kinks along {}, nearest {:.1e} ({})", self.kinks, kink.nearest_step, kink.place)?;
        }
        for hint in &self.hints {
            write!(f, "\n  the whole gradient: {hint}")?;
        }
        for mismatch in &self.mismatches {
            write!(f, "\n  {mismatch}")?;
        }
        for Inconclusive { place, reference_error } in &self.inconclusive {
            match reference_error {
                Some(error) => {
                    write!(f, "\n  {place}: not conclusive, the reference is uncertain by {error:.1e}")?
                }
                None => write!(f, "\n  {place}: not conclusive, no step is free of kinks")?,
            }
        }
        Ok(())
    }
}
