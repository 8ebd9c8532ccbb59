//! Reports as text.

use super::{CheckReport, Inconclusive, Mismatch, Place, Reason, Verdict};
use crate::Means;
use std::fmt;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { input, index, output } if output.is_empty() => {
                write!(f, "input {input}, entry {index:?}")
            }
            Self::Entry { input, index, output } => {
                write!(f, "input {input}, entry {index:?}, output {output:?}")
            }
            Self::Direction { number, input, suspect } => {
                write!(f, "direction {number}")?;
                if let Some(input) = input {
                    write!(f, " of input {input}")?;
                }
                match suspect {
                    Some((input, index)) => write!(f, " (wrong at input {input}, entry {index:?})"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vanishes => {
                f.write_str("the gradient is zero, in claim and in evidence: nothing was tested")
            }
            Self::InputVanishes { input } => write!(
                f,
                "the gradient of input {input} is zero, in claim and in evidence: nothing of it was tested"
            ),
            Self::Inconclusive { count } => {
                let s = if *count == 1 { "" } else { "s" };
                write!(f, "{count} comparison{s} could not be decided")
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, claimed, reference, reference_error, allowed, evidence, step, .. } = self;
        write!(f, "{place}: the gradient says {claimed:e}, {evidence} say ")?;
        match self.interval {
            Some((low, high)) => write!(f, "between {low:e} and {high:e} +- {reference_error:.1e}")?,
            None => write!(f, "{reference:e} +- {reference_error:.1e}")?,
        }
        if *step > 0.0 {
            write!(f, " (step {step:.1e})")?;
        }
        write!(f, "; they may differ by {allowed:.1e}")?;
        match self.hints.as_slice() {
            [] => Ok(()),
            hints => write!(f, "; the value is {}", hints.join(", or ")),
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::Undecided => "undecided",
        })?;
        let reasons: Vec<String> = self.undecided.iter().map(Reason::to_string).collect();
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
            write!(f, "; kinks along {}, nearest {:.1e} ({})", self.kinks, kink.nearest_step, kink.place)?;
        }
        if self.silent {
            f.write_str("; no spike occurs: what a spike does is not exercised")?;
        }
        write!(f, "; {} of {} evaluations repeated, to the same bits", self.repeats, self.evaluations)?;
        for hint in &self.hints {
            write!(f, "\n  the whole gradient: {hint}")?;
        }
        for mismatch in &self.mismatches {
            write!(f, "\n  {mismatch}")?;
        }
        for Inconclusive { place, reference_error, why } in &self.inconclusive {
            write!(f, "\n  {place}: not conclusive, {why}")?;
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
