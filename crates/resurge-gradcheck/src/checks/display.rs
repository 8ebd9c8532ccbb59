//! Reports as text.

use super::options::called;
use super::{CheckReport, Inconclusive, Mismatch, Place, Reason, Verdict};
use crate::Means;
use std::fmt;

impl Place {
    /// The place, with what the inputs are called.
    fn of_inputs(&self, names: &[String]) -> String {
        match self {
            Self::Entry { input, index, output } => {
                let entry = format!("{}, entry {index:?}", called(names, *input));
                if output.is_empty() { entry } else { format!("{entry}, output {output:?}") }
            }
            Self::Direction { number, input, suspect } => {
                let of = input.map(|input| format!(" of {}", called(names, input)));
                let wrong = suspect
                    .as_ref()
                    .map(|(input, index)| format!(" (wrong at {}, entry {index:?})", called(names, *input)));
                format!("direction {number}{}{}", of.unwrap_or_default(), wrong.unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of_inputs(&[]))
    }
}

impl Reason {
    /// The reason, with what the inputs are called.
    pub(super) fn of_inputs(&self, names: &[String]) -> String {
        match self {
            Self::Vanishes => "the gradient is zero, in claim and in evidence: nothing was tested".into(),
            Self::InputVanishes { input } => format!(
                "the gradient of {} is zero, in claim and in evidence: nothing of it was tested",
                called(names, *input)
            ),
            Self::Inconclusive { count } => {
                let s = if *count == 1 { "" } else { "s" };
                format!("{count} comparison{s} could not be decided")
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of_inputs(&[]))
    }
}

impl Mismatch {
    /// The mismatch, with what the inputs are called.
    fn of_inputs(&self, names: &[String]) -> String {
        let Self { place, claimed, reference, reference_error, allowed, evidence, step, .. } = self;
        let says = match self.interval {
            Some((low, high)) => format!("between {low:e} and {high:e} +- {reference_error:.1e}"),
            None => format!("{reference:e} +- {reference_error:.1e}"),
        };
        let step = if *step > 0.0 { format!(" (step {step:.1e})") } else { String::new() };
        let hints = match self.hints.as_slice() {
            [] => String::new(),
            hints => format!("; the value is {}", hints.join(", or ")),
        };
        format!(
            "{}: the gradient says {claimed:e}, {evidence} say {says}{step}; they may differ by \
             {allowed:.1e}{hints}",
            place.of_inputs(names)
        )
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of_inputs(&[]))
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::Undecided => "undecided",
        })?;
        let reasons: Vec<String> = self.undecided.iter().map(|why| why.of_inputs(&self.names)).collect();
        if self.verdict == Verdict::Undecided {
            write!(f, " ({})", reasons.join("; "))?;
        }
        write!(f, ": {} of {} comparisons conclusive", self.conclusive, self.compared)?;
        let means: Vec<String> =
            self.evidence.iter().map(|(means, count)| format!("{count} by {means}")).collect();
        // Finite differences alone go without saying.
        if self.evidence.keys().any(|means| *means != Means::FiniteDifferences) {
            write!(f, " ({})", means.join(", "))?;
        }
        if self.vanishing > 0 {
            write!(f, ", {} zero on both sides", self.vanishing)?;
        }
        write!(
            f,
            ", {} wrong, largest relative error {:.1e}, noise {:.1e}",
            self.failures, self.max_error, self.noise
        )?;
        if let Some(kink) = self.nearest_kinks.first() {
            write!(
                f,
                "; kinks along {}, nearest {:.1e} ({})",
                self.kinks,
                kink.nearest_step,
                kink.place.of_inputs(&self.names)
            )?;
        }
        if self.silent {
            f.write_str("; no spike occurs: what a spike does is not exercised")?;
        }
        write!(f, "; {} of {} evaluations repeated, to the same bits", self.repeats, self.evaluations)?;
        for hint in &self.hints {
            write!(f, "\n  the whole gradient: {hint}")?;
        }
        for mismatch in &self.mismatches {
            write!(f, "\n  {}", mismatch.of_inputs(&self.names))?;
        }
        for Inconclusive { place, reference_error, why } in &self.inconclusive {
            write!(f, "\n  {}: not conclusive, {why}", place.of_inputs(&self.names))?;
            if let Some(error) = reference_error {
                write!(f, " (by {error:.1e})")?;
            }
        }
        if self.verdict == Verdict::Failed {
            reasons.iter().try_for_each(|reason| write!(f, "\n  besides, {reason}"))?;
        }
        Ok(())
    }
}
