//! An axis: where its values lie, where it has ticks, and how they read.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// A linear or a logarithmic axis.
pub(super) struct Axis {
    /// Its ends; positive on a logarithmic axis.
    pub(super) range: Range<f64>,
    /// Whether it is logarithmic.
    pub(super) log: bool,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        let scaled = |x: f64| if self.log { x.ln() } else { x };
        let [value, start, end] = [*value, self.range.start, self.range.end].map(scaled);
        let share = if end > start { (value - start) / (end - start) } else { 0.5 };
        pixels.0 + (share * f64::from(pixels.1 - pixels.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        ticks(&self.range, self.log)
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// Ticks in a range, at round values: at least three where it has a width. On a logarithmic axis whole decades, or 1, 2
/// and 5 of each where there are too few of them; on an axis of less than that, and on a linear one, equal steps.
fn ticks(range: &Range<f64>, log: bool) -> Vec<f64> {
    const FEWEST: usize = 3;
    const MOST: usize = 8;
    if log {
        let decades = range.start.log10().floor() as i32..=range.end.log10().ceil() as i32;
        for digits in [&[1.0][..], &[1.0, 2.0, 5.0]] {
            let all =
                decades.clone().flat_map(|decade| digits.iter().map(move |digit| power(*digit, decade)));
            let ticks: Vec<f64> = all.filter(|tick| range.contains(tick)).collect();
            if ticks.len() >= FEWEST {
                let every = ticks.len().div_ceil(MOST);
                return ticks.into_iter().step_by(every).collect();
            }
        }
    }
    even(range)
}

/// The number that is read, which a product of powers of ten may miss by its last bit.
fn power(digit: f64, decade: i32) -> f64 {
    format!("{digit}e{decade}").parse().unwrap_or(digit * 10f64.powi(decade))
}

/// Multiples of 1, 2 or 5 times a power of ten, up to eleven of them.
fn even(range: &Range<f64>) -> Vec<f64> {
    let span = range.end - range.start;
    if !(span > 0.0 && span.is_finite()) {
        return vec![range.start];
    }
    let decade = (span / 10.0).log10().floor() as i32;
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| power(digit, decade));
    let step = steps.into_iter().find(|step| span / step <= 10.0).unwrap_or(span);
    // An end that is a multiple may be divided to a little less, or more.
    let (first, last) = (range.start / step - 1e-9, range.end / step + 1e-9);
    let (first, last) = (first.ceil() as i64, last.floor() as i64);
    // Multiples are not exact: 3 x 0.1 is 0.30000000000000004.
    (first..=last).map(|i| twelve_digits(i as f64 * step)).collect()
}

fn twelve_digits(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// A tick as people write it.
pub(super) fn label(tick: &f64) -> String {
    match tick.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => twelve_digits(*tick).to_string(),
        _ => format!("{:e}", twelve_digits(*tick)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: Range<f64>, log: bool) -> Vec<String> {
        ticks(&range, log).iter().map(label).collect()
    }

    #[test]
    fn ticks_are_round_and_at_least_three() {
        assert_eq!(labels(0.9e-5..1.1, true), ["1e-5", "1e-4", "0.001", "0.01", "0.1", "1"]);
        assert_eq!(labels(0.03..2.0, true), ["0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(labels(0.31..0.49, true).len(), 9);
        assert_eq!(labels(0.31..0.49, true)[1], "0.34");
        assert_eq!(labels(0.0..0.6, false), ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]);
        assert_eq!(labels(-2.0..1.0, false).len(), 7);
        for i in 1..200 {
            let start = 1.3f64.powi(i - 100);
            for width in [1.01, 1.4, 3.0, 12.0, 1e3, 1e12] {
                for log in [false, true] {
                    let n = ticks(&(start..start * width), log).len();
                    assert!((3..=11).contains(&n), "{n} ticks from {start}, {width} times");
                }
            }
        }
    }

    #[test]
    fn values_are_mapped_to_pixels_by_their_share_or_by_that_of_their_logarithm() {
        let at = |log, value: f64| Axis { range: 1.0..100.0, log }.map(&value, (300, 100));
        assert_eq!([1.0, 50.5, 100.0].map(|x| at(false, x)), [300, 200, 100]);
        assert_eq!([1.0, 10.0, 100.0].map(|x| at(true, x)), [300, 200, 100]);
    }

    #[test]
    fn a_range_without_a_width_has_its_start() {
        assert_eq!(ticks(&(2.0..2.0), false), [2.0]);
        assert_eq!(ticks(&(0.0..f64::INFINITY), false), [0.0]);
    }
}
