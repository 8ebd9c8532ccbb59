//! The program's gradient, proved on its input.

use crate::Result;
use crate::check::norm;
use crate::interpret::Recorded;
use crate::report::ProofFacts;
use resurge_gradcheck::{
    AnchoredProgram, BARS, DifferenceScan, Directions, Estimate, Noise, ecnoise, ridders,
};

/// The bar of the complex step and of dual numbers: wider than that of [`BARS`], since a program may have any depth and
/// any operations. That of finite differences is the one of every proof.
const EXACT: f64 = 1e-10;

/// A finite difference is conclusive when its estimated error is at most this, relative to the gradient's norm: a third of
/// what gradients are held to.
const CONCLUSIVE: f64 = 3e-9;

/// Programs of more work than this a pass are proved along fewer directions: finite differences take some twenty passes
/// along each.
const SMALL: usize = 20_000_000;
const LARGE: usize = 200_000_000;

/// Where steps of finite differences start, and how often they are halved. The anchored program is a polynomial almost
/// everywhere, so that large steps are the most exact unless its degree is high.
const SCANS: [(f64, usize); 2] = [(1.0 / 16.0, 16), (1.0 / 512.0, 16)];

/// Those of large programs: a few steps first, which are enough for most.
const SHORT_SCANS: [(f64, usize); 4] =
    [(1.0 / 64.0, 4), (1.0 / 4096.0, 4), (1.0 / 16.0, 16), (1.0 / 512.0, 16)];

/// Where the loss should move by so many times more than it does, even by the smallest step, no step is small enough. Exact
/// derivatives then decide: a claim that is wrong by as much does not agree with those.
const BLIND: f64 = 1000.0;

/// The spacing of the evaluations from which rounding is measured, and what its estimate is multiplied by: it is one of nine
/// evaluations, so that its own deviation is a quarter of it.
const SPACING: f64 = 1.0 / (1_u64 << 36) as f64;
const DEVIATIONS: f64 = 4.0;

/// Where rounding cannot be measured: that of a sum of a thousand terms.
const FALLBACK_ULPS: f64 = 32.0;

/// Roundings of the whole gradient that an exact derivative may be off by: a gradient of one input may be as small as the
/// roundings of the sums that it is made of.
const EXCUSED: f64 = 512.0;

/// The proof; or why there is none.
pub(crate) fn prove(program: &Recorded<'_>, seed: u64) -> Result<std::result::Result<ProofFacts, String>> {
    let anchored = AnchoredProgram::new(program, program.inputs())?;
    let gradient = anchored.gradient();
    let whole = norm(gradient);
    if whole == 0.0 {
        return Ok(Err("the gradient is zero: there is nothing to prove".into()));
    }
    let (signs, entries) = match program.file.work {
        0..SMALL => (2, 2),
        SMALL..LARGE => (1, 0),
        _ => (0, 0),
    };
    let all = Directions::new(gradient, signs, entries, seed);
    let mut directions: Vec<(Vec<f64>, f64)> = all.iter().map(|v| (v.clone(), whole)).collect();
    if program.file.work < SMALL {
        let mut start = 0;
        for input in anchored.inputs() {
            let range = start..start + input.len();
            start = range.end;
            let own = norm(&gradient[range.clone()]);
            if own > 0.0 && own < whole {
                let mut direction = vec![0.0; gradient.len()];
                for own in Directions::new(&gradient[range.clone()], 0, 0, seed).iter() {
                    direction[range.clone()].copy_from_slice(own);
                }
                directions.push((direction, own));
            }
        }
    }
    let scans: &[(f64, usize)] = if program.file.work < LARGE { &SCANS } else { &SHORT_SCANS };
    let noise = noise(&anchored, &directions[0].0)?;
    let mut facts =
        ProofFacts { finite_difference: None, complex_step: 0.0, dual: 0.0, directions: 0, passed: false };
    for (number, (direction, unit)) in directions.iter().enumerate() {
        let claimed: f64 = direction.iter().zip(gradient).map(|(v, g)| v * g).sum();
        let excused = EXCUSED * f64::EPSILON * whole * norm(direction).max(1.0);
        let off = |found: f64| {
            let difference = (found - claimed).abs();
            if difference <= excused { 0.0 } else { (difference - excused) / unit }
        };
        facts.dual = larger(facts.dual, off(anchored.by_dual(direction)?));
        facts.complex_step = larger(facts.complex_step, off(anchored.by_complex_step(direction)?));
        let mut best: Option<Estimate> = None;
        // The smallest step, and how far the loss moved by it.
        let (mut least, mut moved) = (f64::INFINITY, 0.0_f64);
        for &(first_step, halvings) in scans {
            let scan = DifferenceScan { first_step, halvings, noise };
            let found = ridders(scan, |h| {
                let at = anchored.evaluate(direction, h)?;
                let change = (at.loss - anchored.loss()).abs();
                moved = if h.abs() < least { change } else { moved.max(change) };
                least = least.min(h.abs());
                Ok((at.crossings == 0).then_some(at.loss))
            })?;
            // Of a gradient that explodes, what every step sees is the range of the loss and not its slope.
            let blind = claimed.abs() * least > BLIND * moved.max(noise);
            best = found.filter(|estimate| !blind && estimate.error <= CONCLUSIVE * unit);
            if best.is_some() {
                break;
            }
        }
        match best {
            Some(estimate) => {
                facts.directions += 1;
                let error = off(estimate.value);
                facts.finite_difference = Some(facts.finite_difference.map_or(error, |e| larger(e, error)));
            }
            // The gradient's own direction is the one in which it is seen for certain.
            None if number == 0 => break,
            None => {}
        }
    }
    let exact = facts.complex_step <= EXACT && facts.dual <= EXACT;
    facts.passed = exact && facts.finite_difference.is_none_or(|error| error <= BARS.finite_difference);
    Ok(Ok(facts))
}

impl ProofFacts {
    /// What decided, in words. Exact derivatives do where no difference can: where the gradient explodes, every step that
    /// rounding allows goes too far.
    pub(crate) fn evidence(&self) -> String {
        match self.finite_difference {
            Some(error) => format!("finite differences agree to {error:.1e}"),
            None => {
                let error = larger(self.complex_step, self.dual);
                format!(
                    "the complex step and dual numbers agree to {error:.1e}, no finite difference is conclusive"
                )
            }
        }
    }
}

/// The larger of two errors; what is not a number is larger than any.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// How exactly the anchored loss is evaluated.
fn noise(anchored: &AnchoredProgram<'_, Recorded<'_>>, direction: &[f64]) -> Result<f64> {
    let fallback = FALLBACK_ULPS * f64::EPSILON * anchored.loss().abs().max(f64::MIN_POSITIVE);
    let values = (-4..=4).map(|k| Ok(anchored.evaluate(direction, f64::from(k) * SPACING)?.loss));
    let values = values.collect::<Result<Vec<f64>>>()?;
    Ok(match ecnoise(&values) {
        Noise::Found { level, .. } => (DEVIATIONS * level).max(f64::EPSILON * anchored.loss().abs()),
        Noise::SpacingTooSmall | Noise::SpacingTooLarge => fallback,
    })
}
