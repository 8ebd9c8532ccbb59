//! Means with bootstrap intervals, the width of the usable window of learning rates, and paired tests.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Resamples of a bootstrap. Intervals are at 95 %.
pub const RESAMPLES: usize = 2000;
/// Random sign flips of a paired test.
pub const FLIPS: usize = 9999;
/// A learning rate is usable where the mean loss is at most so many times the best.
pub const USABLE: f64 = 1.25;
/// Where the best loss is near 0, a multiple of it says little: a rate is also said to learn where the mean loss is at
/// most this part of that of a silent neuron.
pub const LEARNT: f64 = 0.25;

/// An estimate with its 95 % interval (percentile bootstrap over seeds).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Resampled seeds. The same for all that is compared, so that differences are paired.
///
/// ```
/// use resurge::toy::Resamples;
///
/// let values = [1.0, 2.0, 3.0, 4.0];
/// let mean = Resamples::new(4).estimate(|chosen| chosen.iter().map(|&i| values[i]).sum::<f64>() / 4.0);
/// assert_eq!(mean.value, 2.5);
/// assert!((1.0..2.5).contains(&mean.low) && mean.high > 2.5 && mean.high <= 4.0);
/// ```
#[derive(Debug, Clone)]
pub struct Resamples {
    seeds: Vec<usize>,
    drawn: Vec<Vec<usize>>,
}

impl Resamples {
    /// Draws [`RESAMPLES`] times as many of the seeds `0..seeds` as there are, with replacement.
    pub fn new(seeds: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(20_201_118);
        let drawn =
            (0..RESAMPLES).map(|_| (0..seeds).map(|_| rng.random_range(0..seeds)).collect()).collect();
        Self { seeds: (0..seeds).collect(), drawn }
    }

    /// A statistic of the chosen seeds, with its interval.
    pub fn estimate(&self, statistic: impl Fn(&[usize]) -> f64) -> Estimate {
        self.sample(statistic).estimate(|value| *value)
    }

    /// Something of the chosen seeds from which several estimates are to be made.
    pub fn sample<T>(&self, of: impl Fn(&[usize]) -> T) -> Sampled<T> {
        Sampled { value: of(&self.seeds), resampled: self.drawn.iter().map(|chosen| of(chosen)).collect() }
    }
}

/// Something computed from all seeds, and from each resample.
#[derive(Debug, Clone)]
pub struct Sampled<T> {
    value: T,
    resampled: Vec<T>,
}

impl Sampled<f64> {
    /// A statistic of all seeds (none) and of each resample by its number.
    pub(super) fn over_resamples(statistic: impl Fn(Option<usize>) -> f64) -> Self {
        Self { value: statistic(None), resampled: (0..RESAMPLES).map(|i| statistic(Some(i))).collect() }
    }
}

impl<T> Sampled<T> {
    /// The one of each resample.
    pub(super) fn resampled(&self) -> &[T] {
        &self.resampled
    }

    /// A number, with its interval.
    pub fn estimate(&self, statistic: impl Fn(&T) -> f64) -> Estimate {
        let mut values: Vec<f64> = self.resampled.iter().map(&statistic).collect();
        values.sort_by(f64::total_cmp);
        let at = |p: f64| values[((RESAMPLES - 1) as f64 * p).round() as usize];
        Estimate { value: statistic(&self.value), low: at(0.025), high: at(0.975) }
    }

    /// The one of all seeds.
    pub fn value(&self) -> &T {
        &self.value
    }
}

/// The mean over the chosen seeds.
pub fn mean_of(values: &[f32], chosen: &[usize]) -> f64 {
    chosen.iter().map(|&i| f64::from(values[i])).sum::<f64>() / chosen.len() as f64
}

/// The middle value; the mean of the two middle ones of an even number. NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// The index of the smallest value, the first of equals; NaN is never the smallest.
pub fn best(losses: &[f64]) -> usize {
    let mut best = 0;
    for (i, loss) in losses.iter().enumerate() {
        if *loss < losses[best] || losses[best].is_nan() {
            best = i;
        }
    }
    best
}

/// The usable learning rates.
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
/// use resurge::toy::window;
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

/// The two-sided p-value of the mean of paired differences under random flips of their signs.
///
/// Valid where under the null hypothesis a difference and its negative are as likely. At least `1 / (FLIPS + 1)`.
/// NaN where a difference is.
pub fn sign_flip_p_value(differences: &[f64]) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(9_964);
    let observed = differences.iter().sum::<f64>().abs();
    if !observed.is_finite() {
        return f64::NAN;
    }
    // A flip that differs by rounding alone counts as extreme.
    let bar = observed * (1.0 - 1e-12);
    let mut extreme = 1;
    for _ in 0..FLIPS {
        let sum: f64 = differences.iter().map(|d| if rng.random::<bool>() { *d } else { -d }).sum();
        extreme += usize::from(sum.abs() >= bar);
    }
    extreme as f64 / (FLIPS + 1) as f64
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
    fn intervals_cover_the_mean_as_often_as_they_say() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let resamples = Resamples::new(40);
        let covered = (0..200).filter(|_| {
            let values: Vec<f32> = (0..40).map(|_| rng.random()).collect();
            let estimate = resamples.estimate(|chosen| mean_of(&values, chosen));
            estimate.low <= 0.5 && 0.5 <= estimate.high
        });
        let covered = covered.count();
        // 95 % less what a percentile bootstrap of 40 lacks; four standard deviations of a binomial.
        assert!((175..=199).contains(&covered), "{covered}");
    }

    #[test]
    fn the_paired_test_sees_a_shift_and_nothing_else() {
        let spread: Vec<f64> = (0..40).map(|i| f64::from(i) - 19.5).collect();
        let shifted: Vec<f64> = spread.iter().map(|d| d + 8.0).collect();
        assert_eq!(sign_flip_p_value(&spread), 1.0);
        assert!(sign_flip_p_value(&shifted) < 0.001);
        assert_eq!(sign_flip_p_value(&[0.0; 5]), 1.0);
        // Of three equal differences, two flips in eight are as extreme.
        assert!((sign_flip_p_value(&[1.0; 3]) - 0.25).abs() < 0.02);
        assert!(sign_flip_p_value(&[1.0, f64::INFINITY]).is_nan());
    }

    #[test]
    fn middle_and_smallest() {
        assert_eq!([median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])], [2.0, 2.5]);
        assert!(median(&[]).is_nan());
        assert_eq!([best(&[2.0, 1.0, 1.0]), best(&[f64::NAN, 3.0])], [1, 1]);
    }
}
