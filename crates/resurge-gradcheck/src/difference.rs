//! Finite differences whose step is chosen, and whose error is known.

use crate::Result;
use crate::error::{not_negative, positive};

/// An estimate of a derivative with its own error.
///
/// ```
/// use resurge_gradcheck::{DifferenceScan, Estimate, ridders};
///
/// let scan = DifferenceScan { first_step: 0.5, halvings: 16, noise: 1e-16 };
/// let estimate: Estimate = ridders(scan, |h| Ok(Some(h.sin())))?.ok_or("no kinks")?;
/// assert!((estimate.value - 1.0).abs() <= estimate.error && estimate.step <= 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The derivative.
    pub value: f64,
    /// An estimate of its error: the spread of the extrapolation plus the noise floor at its step.
    pub error: f64,
    /// The smaller of the steps that it was extrapolated from.
    pub step: f64,
    /// How many orders of the truncation error were eliminated.
    pub extrapolations: usize,
}

/// The steps to scan, and what is known of the function's rounding noise.
///
/// ```
/// use resurge_gradcheck::{DifferenceScan, ridders};
///
/// let scan = DifferenceScan { first_step: 0.5, halvings: 16, noise: 1e-16 };
/// assert!(ridders(scan, |_| Ok(None))?.is_none()); // a kink at every step
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DifferenceScan {
    /// The largest step. It is rounded to a power of two, so that points on a dyadic grid move exactly.
    pub first_step: f64,
    /// How many steps, each half of the one before.
    pub halvings: usize,
    /// The absolute rounding error of one evaluation of the function.
    pub noise: f64,
}

impl DifferenceScan {
    fn check(&self) -> Result<()> {
        positive("first step", self.first_step)?;
        not_negative("noise", self.noise)
    }
}

/// At most this many orders are eliminated: beyond it, the tableau amplifies noise and gains nothing.
const MAX_EXTRAPOLATIONS: usize = 5;

/// How many smaller steps have had the chance to refute an estimate before it is final.
pub(crate) const CONFIRMATIONS: usize = 3;

/// The derivative at 0 of `f`, by central differences over a geometric scan of steps, extrapolated by Ridders'
/// method; the entry of the tableau with the smallest estimated error.
///
/// `f(h)` is `None` where `h` cannot be used, because a kink lies between it and 0: extrapolation then starts
/// again from the next smaller step. The result is `None` when fewer than two steps can be used, or when the differences do not
/// settle: then no step is small enough, and only exact derivatives can tell.
///
/// # Errors
/// [`GradcheckError::Option`](crate::GradcheckError::Option) for a first step or a noise outside its domain, and those of `f`.
///
/// ```
/// use resurge_gradcheck::{DifferenceScan, ridders};
///
/// let scan = DifferenceScan { first_step: 0.5, halvings: 16, noise: 1e-16 };
/// let estimate = ridders(scan, |h| Ok(Some((1.0 + h).exp())))?.expect("no kinks");
/// assert!((estimate.value - 1f64.exp()).abs() <= estimate.error);
/// assert!(estimate.error < 1e-12);
/// # Ok::<(), resurge_gradcheck::GradcheckError>(())
/// ```
pub fn ridders(
    scan: DifferenceScan,
    mut f: impl FnMut(f64) -> Result<Option<f64>>,
) -> Result<Option<Estimate>> {
    extrapolated(scan, CENTRAL, |h| {
        // A value that is not finite, such as a logarithm stepped out of its domain, is as useless as a kink.
        let (Some(ahead), Some(behind)) = (finite(f(h)?), finite(f(-h)?)) else { return Ok(None) };
        Ok(Some(((ahead - behind) / (2.0 * h), ahead.abs().max(behind.abs()))))
    })
}

/// The derivative of `f` at 0 from the right, by differences with its value at 0, extrapolated like [`ridders`]. That from
/// the left is minus that of `f(-h)`.
///
/// `f(h)` is `None` where `h` lies beyond another kink. At a kink the two derivatives differ, and what lies between them is a
/// valid subgradient.
///
/// # Errors
/// As [`ridders`].
///
/// ```
/// use resurge_gradcheck::{DifferenceScan, one_sided};
///
/// let scan = DifferenceScan { first_step: 0.5, halvings: 16, noise: 1e-16 };
/// let bent = |h: f64| h.abs() + h.exp(); // a kink at 0
/// let right = one_sided(scan, 1.0, |h| Ok(Some(bent(h))))?.expect("no other kinks");
/// let left = one_sided(scan, 1.0, |h| Ok(Some(bent(-h))))?.expect("no other kinks");
/// assert!((right.value - 2.0).abs() <= right.error && right.error < 1e-11);
/// assert!(left.value.abs() <= left.error && left.error < 1e-11);
/// # Ok::<(), resurge_gradcheck::GradcheckError>(())
/// ```
pub fn one_sided(
    scan: DifferenceScan,
    at_zero: f64,
    mut f: impl FnMut(f64) -> Result<Option<f64>>,
) -> Result<Option<Estimate>> {
    extrapolated(scan, FORWARD, |h| {
        let Some(ahead) = finite(f(h)?) else { return Ok(None) };
        Ok(Some(((ahead - at_zero) / h, ahead.abs().max(at_zero.abs()))))
    })
}

/// What is known of the error of a kind of difference.
#[derive(Clone, Copy)]
struct Kind {
    /// By how much one order of the error falls when the step is halved, and each further one besides.
    power: f64,
    /// The noise of an extrapolated difference in units of that of one evaluation, over the step.
    amplification: f64,
}

/// Even powers of the step. Two evaluations over two steps, and extrapolation weighs the differences by less than 2 in all:
/// (4/3)(16/15)... + 1/3 + ....
const CENTRAL: Kind = Kind { power: 4.0, amplification: 2.0 };

/// All powers of the step. Two evaluations over one step, weighed by 3 (5/3) (9/7) (17/15) (33/31) = 7.8 in all.
const FORWARD: Kind = Kind { power: 2.0, amplification: 16.0 };

/// Whether differences settle as the step is halved. Those that move further with every halving, as over a bend that is narrower
/// than all of the steps, are on their way to a value that none of them has.
#[derive(Default)]
pub(crate) struct Settling {
    last: Option<f64>,
}

/// Changes shrink to this part or less from one halving to the next: where one power of the step dominates, to a half at most.
const SHRINKING: f64 = 0.9;

/// Changes up to so many times the noise are rounding, however much they grow. Estimates of noise may be off by ten.
const ROUNDING: f64 = 32.0;

impl Settling {
    /// Whether the change by the last halving is in order, given the noise of a difference there.
    pub(crate) fn goes_on(&mut self, change: Option<f64>, noise: f64) -> bool {
        let Some(change) = change else { return true };
        let before = self.last.replace(change);
        before.is_none_or(|before| change <= SHRINKING * before + ROUNDING * noise)
    }
}

fn extrapolated(
    scan: DifferenceScan,
    kind: Kind,
    mut difference: impl FnMut(f64) -> Result<Option<(f64, f64)>>,
) -> Result<Option<Estimate>> {
    scan.check()?;
    let mut best: Option<Estimate> = None;
    let mut above: Vec<f64> = Vec::new();
    let mut settling = Settling::default();
    let mut since_best = 0;
    let mut h = power_of_two_below(scan.first_step);
    for _ in 0..scan.halvings {
        let noise = kind.amplification * scan.noise / h;
        if since_best >= CONFIRMATIONS && best.is_some_and(|b| noise >= b.error) {
            // No smaller step can do better.
            break;
        }
        let Some((raw, size)) = difference(h)? else {
            above.clear();
            settling = Settling::default();
            h /= 2.0;
            continue;
        };
        let row = extrapolate(raw, &above, kind.power);
        // The other difference that is often taken, `row[k] - row[k - 1]`, is never larger than this one.
        let error = |k: usize| (row[k] - above[k - 1]).abs() + noise;
        since_best += 1;
        if row.len() > 1 && best.is_some_and(|b| (row[1] - b.value).abs() > b.error + 2.0 * error(1)) {
            // Larger steps can agree by accident, for example on a periodic function. Smaller ones refute them.
            best = None;
        }
        let change = above.first().map(|before| (raw - before).abs());
        let settles = settling.goes_on(change, noise.max(f64::EPSILON * size / h));
        if !settles {
            best = None;
        }
        for (k, &value) in row.iter().enumerate().skip(1).filter(|_| settles) {
            if best.is_none_or(|b| error(k) < b.error) {
                best = Some(Estimate { value, error: error(k), step: h, extrapolations: k });
                since_best = 0;
            }
        }
        above = row;
        h /= 2.0;
    }
    Ok(best)
}

/// A row of the tableau: the difference and its extrapolations with the row of twice the step.
pub(crate) fn extrapolate(difference: f64, above: &[f64], power: f64) -> Vec<f64> {
    let mut row = vec![difference];
    let mut factor = 1.0;
    for k in 0..above.len().min(MAX_EXTRAPOLATIONS) {
        factor *= power;
        row.push(row[k] + (row[k] - above[k]) / (factor - 1.0));
    }
    row
}

pub(crate) fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|y| y.is_finite())
}

pub(crate) fn power_of_two_below(x: f64) -> f64 {
    x.log2().floor().exp2()
}

#[cfg(test)]
mod tests;
