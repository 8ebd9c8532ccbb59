//! The report as text.

use crate::ProgramReport;
use std::fmt;

impl fmt::Display for ProgramReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.code, self.words)?;
        writeln!(f, "  {}, {} operations", self.framework, self.nodes)?;
        let forward = &self.forward;
        writeln!(
            f,
            "  forward: {} values agree; {} decisions taken again, {} of them decided by rounding",
            forward.compared, forward.decisions, forward.near
        )?;
        for s in &self.surrogates {
            let family = match (&s.family, &s.nearest) {
                (Some(family), _) => family.clone(),
                (None, Some((nearest, left))) => {
                    format!("of no family that is known; nearest {nearest}, which leaves {left:.1e}")
                }
                (None, None) => "without any slope".into(),
            };
            let area = s.area.map_or(String::new(), |area| format!(", area {}", short(area)));
            writeln!(
                f,
                "  surrogate {} at {}, {} times: jump {}, slope peaks at {}{area}: {family}",
                s.function,
                s.place,
                s.times,
                short(s.jump),
                short(s.peak)
            )?;
            if let Some(flow) = &s.flow {
                writeln!(f, "    its adjoint {flow}")?;
            }
        }
        if let Some(rule) = &self.reset_gradient {
            writeln!(f, "  reset: {rule}")?;
        }
        for cut in &self.cuts {
            writeln!(
                f,
                "  {} at {}, {} times: omits {:.3} % of the attached gradient, cosine {:.4}",
                cut.kind,
                cut.place,
                cut.times,
                100.0 * cut.omitted,
                cut.cosine
            )?;
            if !cut.by_lag.is_empty() {
                let more = if cut.by_lag.len() > SHOWN { ", ..." } else { "" };
                let each: Vec<String> =
                    cut.by_lag.iter().take(SHOWN).map(|x| format!("{:.1}", 100.0 * x)).collect();
                writeln!(f, "    the {}, by lag from 0 on, in %: {}{more}", cut.role, each.join(", "))?;
            }
        }
        for t in &self.trusted {
            writeln!(f, "  taken at its word: {} at {}, {} times: {}", t.function, t.place, t.times, t.why)?;
        }
        for m in &self.missing {
            writeln!(f, "  {} has no gradient: {}", m.name, m.why)?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        for fault in &self.faults {
            writeln!(f, "  fault: {fault}")?;
        }
        for e in self.explanations.iter().skip(1) {
            writeln!(f, "  or it is {}", e.words)?;
        }
        for g in &self.gradients {
            let state = match (g.recorded, g.wrong) {
                (false, 0) => "not there, and zero".into(),
                (_, 0) => format!("agrees to {:.1e}, of {:.1e} allowed", g.error, g.tolerance),
                (_, wrong) => {
                    format!("{wrong} of {} differ, by {:.1e}", g.shape.iter().product::<usize>(), g.error)
                }
            };
            writeln!(f, "  gradient of {}: norm {:.4e}, {state}", g.name, g.norm)?;
        }
        match (&self.proof, &self.no_proof) {
            (Some(p), _) => {
                let difference = p.finite_difference.map_or("inconclusive".into(), |e| format!("{e:.1e}"));
                writeln!(
                    f,
                    "  proof {}: finite differences {difference} in {} directions, complex step {:.1e}, dual numbers {:.1e}",
                    if p.passed { "holds" } else { "FAILS" },
                    p.directions,
                    p.complex_step,
                    p.dual
                )
            }
            (None, Some(why)) => writeln!(f, "  no proof: {why}"),
            (None, None) => Ok(()),
        }
    }
}

/// Lags that are shown.
const SHOWN: usize = 10;

/// A number to four digits.
fn short(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}
