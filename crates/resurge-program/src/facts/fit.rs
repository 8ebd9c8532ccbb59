//! Which of Resurge's surrogates has these slopes.

use super::surrogates::Point;
use crate::check::norm;
use resurge_snn::{Surrogate, SurrogateScale};

/// What was found.
pub(crate) struct Found {
    /// The nearest surrogate, and what it leaves of the slopes, relative to their norm.
    pub(crate) nearest: Option<(String, f64)>,
    /// Whether it leaves no more than rounding.
    pub(crate) fits: bool,
    pub(crate) jump: f64,
    pub(crate) area: Option<f64>,
    /// The nearest itself, and where it is centred.
    pub(crate) surrogate: Option<(Surrogate, f64)>,
}

/// Points that are looked at.
const POINTS: usize = 600;

/// What a family may leave of slopes in F64, and in F32, whose inputs are rounded, too.
const LEFT: [f64; 2] = [1e-9, 2e-5];

/// Equivalent widths that are tried, in steps of a quarter of an octave.
const WIDTHS: std::ops::RangeInclusive<i32> = -40..=32;

pub(crate) fn surrogate(points: &[Point], threshold: Option<f64>, unit: f64) -> Found {
    if points.iter().all(|p| p.value == p.u) {
        let (least, most) = points
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), p| (l.min(p.slope), m.max(p.slope)));
        let name = match least == most {
            true => format!("the identity with slope {}", round(most)),
            false => format!("the identity with slopes from {} to {}", round(least), round(most)),
        };
        return Found { nearest: Some((name, 0.0)), fits: true, jump: 0.0, area: None, surrogate: None };
    }
    let step = points.len().div_ceil(POINTS).max(1);
    let mut sample: Vec<Point> = points.iter().step_by(step).copied().collect();
    sample.sort_by(|a, b| a.u.total_cmp(&b.u));
    let jump = jump(points);
    let size = norm(&sample.iter().map(|p| p.slope).collect::<Vec<_>>());
    if size == 0.0 {
        return Found { nearest: None, fits: false, jump, area: None, surrogate: None };
    }
    let peak = sample.iter().max_by(|a, b| a.slope.abs().total_cmp(&b.slope.abs())).map_or(0.0, |p| p.u);
    // The tables of frameworks centre their surrogates at 0 of `u - threshold`; a function may know its threshold.
    let mut centres = vec![0.0, peak];
    centres.extend(threshold);
    centres.extend(edge(points));
    let mut best: Option<(f64, Surrogate, f64, f64)> = None;
    for entry in Surrogate::ALL.iter().filter(|entry| entry.canonical) {
        let made = |width: f64| -> Option<Surrogate> {
            let made = match entry.of_width {
                Some(of_width) => of_width(width).ok()?,
                None => {
                    let mut numbers = entry.entry.sample.to_vec();
                    *numbers.first_mut()? = width;
                    entry.entry.of(&numbers).ok()?
                }
            };
            Some(if entry.area { made.with_scale(SurrogateScale::UnitArea) } else { made })
        };
        for &centre in &centres {
            let left = |exponent: f64| -> f64 {
                made(exponent.exp2()).map_or(f64::INFINITY, |s| residual(&sample, &s, centre).0 / size)
            };
            let start = WIDTHS.map(|k| f64::from(k) / 4.0).min_by(|a, b| left(*a).total_cmp(&left(*b)));
            let Some(start) = start else { continue };
            let exponent = golden(&left, start - 0.25, start + 0.25);
            let Some(surrogate) = made(exponent.exp2()) else { continue };
            let (off, factor) = residual(&sample, &surrogate, centre);
            if best.as_ref().is_none_or(|b| off / size < b.0 * 0.999) {
                best = Some((off / size, surrogate, factor, centre));
            }
        }
    }
    let Some((off, surrogate, factor, centre)) = best else {
        return Found { nearest: None, fits: false, jump, area: None, surrogate: None };
    };
    let entry = Surrogate::ALL.iter().find(|e| e.canonical && e.entry.name == surrogate.name());
    let has_area = entry.is_some_and(|e| e.area);
    let fits = off <= LEFT[usize::from(unit > f64::EPSILON)];
    let slope: f64 = factor * surrogate.derivative(0.0);
    let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-6_f64.max(off);
    let scale = match (close(slope, 1.0), has_area && close(factor, 1.0)) {
        (_, true) => SurrogateScale::UnitArea,
        (true, _) => SurrogateScale::PeakOne,
        _ => SurrogateScale::Peak(round(slope)),
    };
    let scaled = surrogate.with_scale(scale);
    let mut name = described(&scaled);
    if slope <= 0.0 {
        name = format!("{} times {}", described(&surrogate), round(factor));
    }
    if centre != 0.0 && threshold != Some(centre) {
        name += &format!(" centred at {}", round(centre));
    }
    let area = has_area.then_some(factor);
    let surrogate = (slope > 0.0).then_some((scaled, centre));
    Found { nearest: Some((name, off)), fits, jump, area, surrogate }
}

/// Its words, with numbers that are free of the last digits of a search.
pub(crate) fn described(surrogate: &Surrogate) -> String {
    let text = surrogate.to_string();
    let word = |word: &str| word.parse::<f64>().map_or(word.to_owned(), |x| round(x).to_string());
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A number to six digits.
pub(crate) fn round(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}

/// What is left of the slopes, and the factor that leaves least.
fn residual(points: &[Point], surrogate: &Surrogate, centre: f64) -> (f64, f64) {
    let each: Vec<f64> = points.iter().map(|p| surrogate.derivative(p.u - centre)).collect();
    let squares: f64 = each.iter().map(|d| d * d).sum();
    let product: f64 = each.iter().zip(points).map(|(d, p)| d * p.slope).sum();
    let factor = if squares > 0.0 { product / squares } else { 0.0 };
    let off: f64 = each.iter().zip(points).map(|(d, p)| (p.slope - factor * d).powi(2)).sum();
    (off.sqrt(), factor)
}

/// A minimum between two places.
pub(crate) fn golden(f: &dyn Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let mut inner = [high - RATIO * (high - low), low + RATIO * (high - low)];
    let mut values = inner.map(f);
    for _ in 0..80 {
        if values[0] < values[1] {
            high = inner[1];
            inner = [high - RATIO * (high - low), inner[0]];
            values = [f(inner[0]), values[0]];
        } else {
            low = inner[0];
            inner = [inner[1], low + RATIO * (high - low)];
            values = [values[1], f(inner[1])];
        }
    }
    (low + high) / 2.0
}

/// The number in the middle between the inputs on the two sides of the jump.
fn edge(points: &[Point]) -> Option<f64> {
    let below = points.iter().filter(|p| p.value == 0.0).map(|p| p.u).fold(f64::NEG_INFINITY, f64::max);
    let above = points.iter().filter(|p| p.value > 0.0).map(|p| p.u).fold(f64::INFINITY, f64::min);
    (below.is_finite() && above.is_finite() && below <= above).then_some((below + above) / 2.0)
}

/// The largest difference between the values.
fn jump(points: &[Point]) -> f64 {
    let least = points.iter().map(|p| p.value).fold(f64::INFINITY, f64::min);
    let most = points.iter().map(|p| p.value).fold(f64::NEG_INFINITY, f64::max);
    if most > least { most - least } else { 0.0 }
}
