//! The usable window of learning rates.

use serde::Serialize;

/// A learning rate is usable where the mean loss is at most so many times the best.
///
/// ```
/// use resurge_experiments::toy::{USABLE, window};
///
/// // The best loss is 4: the rates with a loss of at most 5 are usable.
/// let found = window(&[0.001, 0.01, 0.1, 1.0], &[9.0, 4.0, 5.0, 5.1], USABLE * 4.0);
/// assert!((found.to - 0.1).abs() < 1e-12);
/// ```
pub const USABLE: f64 = 1.25;
/// Where the best loss is near 0, a multiple of it says little: a rate is also said to learn where the mean loss is at
/// most this part of that of a silent neuron.
///
/// ```
/// use resurge_experiments::toy::{LEARNT, window};
///
/// // A silent neuron has a loss of 2: at rates with a loss of at most 0.5 something is learnt.
/// let found = window(&[0.01, 0.1, 1.0], &[0.5, 0.4, 2.0], LEARNT * 2.0);
/// assert!((found.from - 0.01).abs() < 1e-12 && (0.1..0.2).contains(&found.to));
/// ```
pub const LEARNT: f64 = 0.25;

/// The index of the smallest value, the first of equals; NaN is never the smallest.
pub(super) fn best(losses: &[f64]) -> usize {
    let mut best = 0;
    for (i, loss) in losses.iter().enumerate() {
        if *loss < losses[best] || losses[best].is_nan() {
            best = i;
        }
    }
    best
}

/// The usable learning rates.
///
/// ```
/// use resurge_experiments::toy::window;
///
/// let found = window(&[0.01, 0.1, 1.0], &[5.0, 1.0, 1.0], 1.5);
/// assert!(found.open && (found.to - 1.0).abs() < 1e-12); // the grid ends before the window does
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Window {
    /// Its width in decades; 0 where not even the best rate is usable.
    pub decades: f64,
    /// The smallest usable rate.
    pub from: f64,
    /// The largest.
    pub to: f64,
    /// Whether the window reaches an end of the grid, so that it may be wider.
    pub open: bool,
}

/// The window of rates around the best one in which the loss is at most `bound`: the connected stretch, with the
/// loss interpolated linearly against the logarithm of the rate. Rates ascend.
///
/// ```
/// use resurge_experiments::toy::window;
///
/// let found = window(&[0.01, 0.1, 1.0, 10.0], &[3.0, 1.0, 1.0, 2.0], 1.5);
/// assert!((found.decades - 1.75).abs() < 1e-12); // a quarter, one, and half of a decade
/// assert!(!found.open);
/// ```
pub fn window(rates: &[f64], losses: &[f64], bound: f64) -> Window {
    let peak = best(losses);
    let Some((&rate, &loss)) = rates.get(peak).zip(losses.get(peak)) else {
        return Window { decades: 0.0, from: f64::NAN, to: f64::NAN, open: false };
    };
    // Not `> bound`, which is false of NaN.
    let usable = |loss: f64| loss <= bound;
    if !usable(loss) {
        return Window { decades: 0.0, from: rate, to: rate, open: false };
    }
    let edge = |indices: &mut dyn Iterator<Item = usize>| {
        let mut inside = peak;
        for i in indices {
            if !usable(losses[i]) {
                let (near, far) = (rates[inside].log10(), rates[i].log10());
                let fraction = (bound - losses[inside]) / (losses[i] - losses[inside]);
                // An infinite loss is reached at once, as is NaN.
                let fraction = if fraction.is_finite() { fraction } else { 0.0 };
                return (near + (far - near) * fraction, false);
            }
            inside = i;
        }
        (rates[inside].log10(), true)
    };
    let (low, open_low) = edge(&mut (0..peak).rev());
    let (high, open_high) = edge(&mut (peak + 1..losses.len()));
    Window { decades: high - low, from: 10f64.powf(low), to: 10f64.powf(high), open: open_low || open_high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_curves_drawn_by_hand() {
        let inf = f64::INFINITY;
        let rates = [1e-3, 1e-2, 1e-1, 1.0, 10.0];
        // Losses, bound, expected decades and edges as powers of 10, open.
        type Case = (&'static str, [f64; 5], f64, f64, f64, f64, bool);
        let cases: [Case; 9] = [
            ("a valley", [5.0, 2.0, 1.0, 2.0, 5.0], 1.25, 0.5, -1.25, -0.75, false),
            ("a plateau", [3.0, 1.0, 1.0, 1.0, 3.0], 1.25, 2.25, -2.125, 0.125, false),
            ("a point at the bound belongs to it", [9.0, 1.25, 1.0, 1.25, 9.0], 1.25, 2.0, -2.0, 0.0, false),
            ("an open end", [4.0, 3.0, 2.0, 1.0, 1.0], 2.0, 2.0, -1.0, 1.0, true),
            ("all within", [1.0; 5], 1.25, 4.0, -3.0, 1.0, true),
            (
                "a second valley does not count",
                [1.2, 5.0, 1.0, 5.0, 1.1],
                1.25,
                0.125,
                -1.0625,
                -0.9375,
                false,
            ),
            ("a cliff", [inf, inf, 1.0, f64::NAN, inf], 1.25, 0.0, -1.0, -1.0, false),
            ("never as good as the bound", [5.0, 4.0, 3.0, 4.0, 5.0], 2.0, 0.0, -1.0, -1.0, false),
            ("never finite", [inf; 5], 2.0, 0.0, -3.0, -3.0, false),
        ];
        for (name, losses, bound, decades, from, to, open) in cases {
            let found = window(&rates, &losses, bound);
            let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
            assert!(close(found.decades, decades), "{name}: {found:?}");
            assert!(close(found.from.log10(), from) && close(found.to.log10(), to), "{name}: {found:?}");
            assert_eq!(found.open, open, "{name}");
        }
        assert!(window(&[], &[], 1.0).from.is_nan());
    }

    #[test]
    fn the_first_of_the_smallest() {
        assert_eq!([best(&[2.0, 1.0, 1.0]), best(&[f64::NAN, 3.0])], [1, 1]);
    }
}
