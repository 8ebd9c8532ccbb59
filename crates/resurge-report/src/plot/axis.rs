//! An axis: where its values lie, where it has ticks, and how they read.

use std::ops::Range;

/// How an axis is divided.
///
/// ```
/// use resurge_report::plot::{Axes, Kind, grid};
///
/// let axes = |x_kind| Axes {
///     title: "Loss".into(),
///     note: String::new(),
///     x: "epoch".into(),
///     y: "loss".into(),
///     x_kind,
///     y_kind: Kind::Linear,
///     level: None,
///     lines: vec![],
/// };
/// // Between whole numbers no tick is drawn; without a line there is nothing to draw at all.
/// assert_ne!(axes(Kind::Whole), axes(Kind::Linear));
/// assert!(grid(&[vec![axes(Kind::Whole)]]).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Equal steps.
    Linear,
    /// Equal factors.
    Log,
    /// Equal steps between whole numbers, such as epochs: a tick is one of them.
    Whole,
}

/// A linear or a logarithmic axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// Its ends; positive on a logarithmic axis.
    pub(super) range: Range<f64>,
    /// How it is divided.
    pub(super) kind: Kind,
}

impl Axis {
    /// An axis that covers values: with a margin, but from 0 on where it is linear and none is negative. A number that cannot be drawn is not covered. On a logarithmic axis one that is 0 or less lies on its
    /// floor, which is then well below the smallest positive one. None where no value can be drawn.
    pub(super) fn covering(values: impl Iterator<Item = f64>, kind: Kind) -> Option<Self> {
        let log = kind == Kind::Log;
        let (mut low, mut high, mut clipped) = (f64::INFINITY, f64::NEG_INFINITY, false);
        for value in values.filter(|value| value.is_finite()) {
            if log && value <= 0.0 {
                clipped = true;
                continue;
            }
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            return None;
        }
        let range = match kind {
            Kind::Log => low / if clipped { 3.0 } else { 1.15 }..high * 1.15,
            Kind::Whole => {
                let margin = ((high - low) * 0.03).max(if low < high { 0.0 } else { 0.5 });
                low - margin..high + margin
            }
            Kind::Linear if low >= 0.0 => 0.0..if high > 0.0 { high * 1.05 } else { 1.0 },
            Kind::Linear => {
                let margin = if low < high { (high - low) * 0.05 } else { 0.5 };
                low - margin..high + margin
            }
        };
        Some(Self { range, kind })
    }

    /// Where a value lies, as a share of the axis: at its end what lies beyond, and at its start what has no logarithm.
    /// None for what is not a number or infinite.
    pub(super) fn share(&self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let log = self.kind == Kind::Log;
        let scaled = |x: f64| if log { x.ln() } else { x };
        let value = if log { value.max(self.range.start) } else { value };
        let [at, start, end] = [value, self.range.start, self.range.end].map(scaled);
        let share = if end > start { (at - start) / (end - start) } else { 0.5 };
        Some(share.clamp(0.0, 1.0))
    }

    /// Its ticks.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.kind {
            Kind::Whole => even(&self.range).into_iter().filter(|tick| tick.fract() == 0.0).collect(),
            kind => ticks(&self.range, kind == Kind::Log),
        }
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
    fn values_have_their_share_of_an_axis_or_that_of_their_logarithm() {
        let at = |kind, value| Axis { range: 1.0..100.0, kind }.share(value);
        let half = [Some(0.0), Some(0.5), Some(1.0)];
        assert_eq!([1.0, 50.5, 100.0].map(|x| at(Kind::Linear, x)), half);
        assert_eq!([1.0, 10.0, 100.0].map(|x| at(Kind::Log, x)), half);
        // What has no logarithm lies on the floor; what is no number lies nowhere.
        assert_eq!([0.0, -3.0, 1e9].map(|x| at(Kind::Log, x)), [Some(0.0), Some(0.0), Some(1.0)]);
        assert_eq!([f64::NAN, f64::INFINITY].map(|x| at(Kind::Log, x)), [None, None]);
    }

    #[test]
    fn an_axis_covers_what_can_be_drawn() {
        let covering = |values: &[f64], kind| {
            Axis::covering(values.iter().copied(), kind).map(|axis| (axis.range.start, axis.range.end))
        };
        let close = |found: Option<(f64, f64)>, low: f64, high: f64| {
            let found = found.unwrap();
            (found.0 - low).abs() < 1e-12 && (found.1 - high).abs() < 1e-12
        };
        assert!(close(covering(&[1.0, f64::NAN, 4.0], Kind::Log), 1.0 / 1.15, 4.6));
        // A band down to 0 has room to be seen below the smallest value.
        assert!(close(covering(&[1.0, 0.0, 4.0], Kind::Log), 1.0 / 3.0, 4.6));
        assert!(close(covering(&[1.0, 4.0], Kind::Linear), 0.0, 4.2));
        assert!(close(covering(&[-1.0, 4.0], Kind::Linear), -1.25, 4.25));
        assert!(close(covering(&[3.0], Kind::Whole), 2.5, 3.5));
        assert_eq!(covering(&[0.0, -1.0, f64::INFINITY], Kind::Log), None);
    }

    #[test]
    fn whole_numbers_have_whole_ticks() {
        let labels = |low: f64, high: f64| {
            let axis = Axis::covering([low, high].into_iter(), Kind::Whole).unwrap();
            axis.ticks().iter().map(label).collect::<Vec<_>>()
        };
        assert_eq!(labels(1.0, 2.0), ["1", "2"]);
        assert_eq!(labels(1.0, 5.0), ["1", "2", "3", "4", "5"]);
        assert_eq!(labels(7.0, 7.0), ["7"]);
        for last in 1..300 {
            let axis = Axis::covering([0.0, f64::from(last)].into_iter(), Kind::Whole).unwrap();
            let ticks = axis.ticks();
            assert!((2..=11).contains(&ticks.len()), "{last}: {ticks:?}");
            assert!(ticks.iter().all(|tick| tick.fract() == 0.0), "{last}: {ticks:?}");
        }
    }

    #[test]
    fn a_range_without_a_width_has_its_start() {
        assert_eq!(ticks(&(2.0..2.0), false), [2.0]);
        assert_eq!(ticks(&(0.0..f64::INFINITY), false), [0.0]);
    }
}
