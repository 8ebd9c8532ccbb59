//! Estimates with intervals, and paired tests.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Resamples of a bootstrap. Intervals are at 95 %.
///
/// ```
/// use resurge_report::statistics::{RESAMPLES, Resamples};
/// use std::cell::Cell;
///
/// let calls = Cell::new(0);
/// Resamples::new(3).estimate(|chosen| {
///     calls.set(calls.get() + 1);
///     chosen.len() as f64
/// });
/// assert_eq!(calls.get(), RESAMPLES + 1); // and once of the seeds themselves
/// ```
pub const RESAMPLES: usize = 2000;
/// Random sign flips of a paired test of so many differences that not all flips are tried.
///
/// ```
/// use resurge_report::statistics::{FLIPS, sign_flip_p_value};
///
/// // Of 64 clear differences no random flip is as extreme: the least p-value that there is.
/// assert_eq!(sign_flip_p_value(&[1.0; 64]), 1.0 / (FLIPS + 1) as f64);
/// ```
pub const FLIPS: usize = 9999;
/// The most differences of which all flips of signs are tried: no more than there would be random ones.
const EXACT: usize = FLIPS.ilog2() as usize;

/// An estimate with its 95 % interval (percentile bootstrap over seeds).
///
/// ```
/// use resurge_report::statistics::{Estimate, t_interval};
///
/// let Estimate { value, low, high } = t_interval(&[1.0, 3.0]);
/// assert!(value == 2.0 && low < -10.0 && high > 14.0); // two values say little
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
/// use resurge_report::statistics::Resamples;
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
    ///
    /// ```
    /// use resurge_report::statistics::Resamples;
    ///
    /// // The same draws each time.
    /// let first = |chosen: &[usize]| chosen[0] as f64;
    /// assert_eq!(Resamples::new(5).estimate(first), Resamples::new(5).estimate(first));
    /// ```
    pub fn new(seeds: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(20_201_118);
        let drawn =
            (0..RESAMPLES).map(|_| (0..seeds).map(|_| rng.random_range(0..seeds)).collect()).collect();
        Self { seeds: (0..seeds).collect(), drawn }
    }

    /// A statistic of the chosen seeds, with its interval.
    ///
    /// ```
    /// use resurge_report::statistics::Resamples;
    ///
    /// let losses = [0.5, 1.0, 1.5];
    /// let best = |chosen: &[usize]| chosen.iter().map(|&i| losses[i]).fold(f64::INFINITY, f64::min);
    /// let estimate = Resamples::new(3).estimate(best);
    /// assert_eq!((estimate.value, estimate.low, estimate.high), (0.5, 0.5, 1.5));
    /// ```
    pub fn estimate(&self, statistic: impl Fn(&[usize]) -> f64) -> Estimate {
        self.sample(statistic).estimate(|value| *value)
    }

    /// Something of the chosen seeds from which several estimates are to be made.
    pub fn sample<T>(&self, of: impl Fn(&[usize]) -> T) -> Sampled<T> {
        Sampled { value: of(&self.seeds), resampled: self.drawn.iter().map(|chosen| of(chosen)).collect() }
    }
}

/// Something computed from all seeds, and from each resample.
///
/// ```
/// use resurge_report::statistics::Resamples;
///
/// let losses = [0.5, 1.0, 1.5];
/// let least = |chosen: &[usize]| chosen.iter().map(|&i| losses[i]).fold(f64::INFINITY, f64::min);
/// let sampled = Resamples::new(3).sample(|chosen| (least(chosen), chosen.len()));
/// assert_eq!(*sampled.value(), (0.5, 3));
/// assert_eq!(sampled.estimate(|of| of.0).high, 1.5);
/// assert!(sampled.resampled().iter().all(|of| of.1 == 3));
/// ```
#[derive(Debug, Clone)]
pub struct Sampled<T> {
    value: T,
    resampled: Vec<T>,
}

impl Sampled<f64> {
    /// A statistic of all seeds (none) and of each resample by its number.
    pub fn over_resamples(statistic: impl Fn(Option<usize>) -> f64) -> Self {
        Self { value: statistic(None), resampled: (0..RESAMPLES).map(|i| statistic(Some(i))).collect() }
    }
}

impl<T> Sampled<T> {
    /// The one of each resample.
    pub fn resampled(&self) -> &[T] {
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
///
/// ```
/// // A seed that was drawn twice counts twice.
/// assert_eq!(resurge_report::statistics::mean_of(&[1.0, 4.0, 9.0], &[0, 0, 1]), 2.0);
/// ```
pub fn mean_of(values: &[f32], chosen: &[usize]) -> f64 {
    chosen.iter().map(|&i| f64::from(values[i])).sum::<f64>() / chosen.len() as f64
}

/// The middle value; the mean of the two middle ones of an even number. NaN of none.
///
/// ```
/// use resurge_report::statistics::median;
///
/// assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
/// assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), 3.0);
/// assert!(median(&[]).is_nan());
/// ```
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// The mean. NaN of none.
///
/// ```
/// assert_eq!(resurge_report::statistics::mean(&[1.0, 2.0, 6.0]), 3.0);
/// ```
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample, with `n - 1`. NaN of fewer than two.
///
/// ```
/// assert_eq!(resurge_report::statistics::standard_deviation(&[1.0, 3.0]), 2f64.sqrt());
/// ```
pub fn standard_deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The mean with its 95 % interval by Student's t. Of one value the ends are NaN.
///
/// Right for values that are normally distributed; with few of them, nothing in the values can tell.
///
/// ```
/// let found = resurge_report::statistics::t_interval(&[1.0, 2.0, 3.0]);
/// assert!((found.high - 2.0 - 4.302653 / 3f64.sqrt()).abs() < 1e-6); // t of 2 degrees of freedom
/// ```
pub fn t_interval(values: &[f64]) -> Estimate {
    let value = mean(values);
    let freedom = values.len().saturating_sub(1) as f64;
    let quantile = StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |t| t.inverse_cdf(0.975));
    let half = quantile * standard_deviation(values) / (values.len() as f64).sqrt();
    Estimate { value, low: value - half, high: value + half }
}

/// The two-sided p-value of the mean of paired differences under flips of their signs: exact, of all flips, for up to
/// 13 differences, and of [`FLIPS`] random ones for more.
///
/// Valid where under the null hypothesis a difference and its negative are as likely. At least
/// [`smallest_p_value`], however clear the difference. NaN where a difference is.
///
/// ```
/// use resurge_report::statistics::sign_flip_p_value;
///
/// assert_eq!(sign_flip_p_value(&[1.0, 1.0, 1.0]), 0.25); // no flip and all flips, of 8
/// ```
pub fn sign_flip_p_value(differences: &[f64]) -> f64 {
    let observed = differences.iter().sum::<f64>().abs();
    if !observed.is_finite() {
        return f64::NAN;
    }
    // A flip that differs by rounding alone counts as extreme.
    let bar = observed * (1.0 - 1e-12);
    let mut extreme = 0;
    if differences.len() <= EXACT {
        let flips = 1_usize << differences.len();
        for flip in 0..flips {
            let signed = differences.iter().enumerate();
            let sum: f64 = signed.map(|(i, d)| if flip >> i & 1 == 0 { *d } else { -d }).sum();
            extreme += usize::from(sum.abs() >= bar);
        }
        return extreme as f64 / flips as f64;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(9_964);
    for _ in 0..FLIPS {
        let sum: f64 = differences.iter().map(|d| if rng.random::<bool>() { *d } else { -d }).sum();
        extreme += usize::from(sum.abs() >= bar);
    }
    (extreme + 1) as f64 / (FLIPS + 1) as f64
}

/// The smallest p-value that [`sign_flip_p_value`] can give of so many differences that are not all 0: by all flips,
/// `2 / 2^n`.
///
/// ```
/// use resurge_report::statistics::smallest_p_value;
///
/// assert_eq!([1, 3, 6, 64].map(smallest_p_value), [1.0, 0.25, 0.03125, 1e-4]);
/// ```
pub fn smallest_p_value(differences: usize) -> f64 {
    match differences {
        0 => 1.0,
        n if n <= EXACT => 2.0 / (1_usize << n) as f64,
        _ => 1.0 / (FLIPS + 1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn middle() {
        assert_eq!([median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])], [2.0, 2.5]);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn intervals_by_t_are_those_of_tables() {
        // Quantiles at 0.975 as printed in tables (NIST/SEMATECH e-Handbook, 1.3.6.7.2), to their 3 digits.
        for (freedom, quantile) in [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (30, 2.042)] {
            let values: Vec<f64> = (0..=freedom).map(f64::from).collect();
            let n = values.len() as f64;
            // The deviation of 0, 1, ..., n - 1, from sums of squares.
            let half = quantile * ((n * n + n) / 12.0 / n).sqrt();
            let found = t_interval(&values);
            assert!((found.value - (n - 1.0) / 2.0).abs() < 1e-12);
            assert!((found.high - found.value - half).abs() < 5e-4 * half.max(1.0), "{freedom}: {found:?}");
            assert!((found.value - found.low - (found.high - found.value)).abs() < 1e-9);
        }
        let one = t_interval(&[3.0]);
        assert!(one.value == 3.0 && one.low.is_nan() && one.high.is_nan());
        assert!(t_interval(&[]).value.is_nan());
    }

    #[test]
    fn all_flips_are_counted_by_hand() {
        // Sums of +-1 +-2 +-4: 7, 5, 3, 1 and their negatives. Observed 5, of (-1, 2, 4): four are as extreme, of eight.
        assert_eq!(sign_flip_p_value(&[-1.0, 2.0, 4.0]), 0.5);
        assert_eq!(sign_flip_p_value(&[1.0, -2.0, 4.0]), 0.75);
        assert_eq!(sign_flip_p_value(&[0.1, 0.2, 0.3, 0.4, 0.5]), smallest_p_value(5));
        assert_eq!(sign_flip_p_value(&[1.0]), 1.0);
        assert_eq!(sign_flip_p_value(&[]), 1.0);
        // The largest exact one, and the first by random flips.
        assert_eq!(sign_flip_p_value(&[1.0; 13]), 2.0 / 8192.0);
        assert!(sign_flip_p_value(&[1.0; 14]) < 10.0 / 10_000.0);
    }
}
